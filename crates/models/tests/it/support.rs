//! Rows, scores and checks that several tests share.

use std::sync::Arc;

use gristmill_core::{
    Column, Estimator, Field, FitContext, Frame, Labels, Model, Notes, PhysicalType, Result,
    Schema, Scores, Seed, State, Target, TensorData, Words,
};
use gristmill_testkit::table;

pub(crate) fn classes(codes: &[u32]) -> Target {
    let count = codes.iter().max().map_or(2, |&c| (c + 1).max(2));
    let names = (0..count).map(|c| c.to_string()).collect();
    Target::Classes {
        codes: codes.to_vec(),
        labels: Arc::new(Labels::new(names, None).expect("distinct names")),
    }
}

pub(crate) fn try_fit(
    estimator: &impl Estimator,
    rows: &Frame,
    target: &Target,
) -> Result<Box<dyn Model>> {
    estimator.fit(rows, target, &FitContext::new(Seed(7), &Notes::default()))
}

#[track_caller]
pub(crate) fn fit(estimator: &impl Estimator, rows: &Frame, target: &Target) -> Box<dyn Model> {
    try_fit(estimator, rows, target).expect("the rows can be learned from")
}

#[track_caller]
pub(crate) fn values(model: &dyn Model, rows: &Frame) -> Vec<f64> {
    match model.predict(rows).expect("every row has an answer") {
        Scores::Values(values) => values,
        Scores::Probabilities(p) => p.column(p.columns() - 1).to_vec(),
    }
}

pub(crate) struct Telco {
    header: Vec<String>,
    lines: Vec<Vec<String>>,
}

/// The telco table, or a word that it is not there.
pub(crate) fn telco() -> Option<Telco> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/telco.csv");
    let Ok(text) = fs_err::read_to_string(path) else {
        eprintln!("skipped: there is no {path}");
        return None;
    };
    let split = |line: &str| line.split(',').map(str::to_string).collect::<Vec<_>>();
    let mut lines = text.lines().map(split);
    Some(Telco { header: lines.next()?, lines: lines.collect() })
}

impl Telco {
    pub(crate) fn column(&self, name: &str) -> Vec<Option<&str>> {
        let at = self.header.iter().position(|h| h == name).expect("the table has the column");
        self.lines.iter().map(|l| Some(l[at].as_str()).filter(|v| !v.is_empty())).collect()
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<f64> {
        self.column(name).iter().map(|v| v.map_or(f64::NAN, |v| v.parse().unwrap())).collect()
    }

    pub(crate) fn churn(&self) -> Target {
        classes(
            &self.column("churn").iter().map(|v| u32::from(*v == Some("Yes"))).collect::<Vec<_>>(),
        )
    }

    pub(crate) fn contract(&self) -> Target {
        let code = |v: &Option<&str>| match *v {
            Some("Month-to-month") => 0,
            Some("One year") => 1,
            _ => 2,
        };
        classes(&self.column("contract").iter().map(code).collect::<Vec<_>>())
    }

    /// These columns as numbers.
    pub(crate) fn frame(&self, names: &[&str]) -> Frame {
        let columns = names.iter().map(|n| Column::Numbers(self.numbers(n))).collect();
        let fields = names.iter().map(|n| Field::number(*n)).collect();
        Frame::new(Arc::new(Schema::new(fields).unwrap()), columns, self.lines.len()).unwrap()
    }

    /// All columns but these, words as categories.
    pub(crate) fn features(&self, without: &[&str]) -> Frame {
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        for name in self.header.iter().filter(|h| !without.contains(&h.as_str())) {
            let cells = self.column(name);
            if cells.iter().flatten().all(|v| v.parse::<f64>().is_ok()) {
                fields.push(Field::number(name).nullable(true));
                columns.push(Column::Numbers(self.numbers(name)));
            } else {
                fields.push(Field::new(name, PhysicalType::Utf8));
                columns.push(Column::Words(Words::new(cells)));
            }
        }
        Frame::new(Arc::new(Schema::new(fields).unwrap()), columns, self.lines.len()).unwrap()
    }
}

pub(crate) fn log_loss(scores: &Scores, target: &Target) -> f64 {
    let (Scores::Probabilities(p), Target::Classes { codes, .. }) = (scores, target) else {
        panic!("classes")
    };
    let loss = |(row, &class): (usize, &u32)| -p.get(row, class as usize).ln();
    codes.iter().enumerate().map(loss).sum::<f64>() / codes.len() as f64
}

/// The share of pairs of one row of each class that are in the right order.
pub(crate) fn auc(scores: &[f64], codes: &[u32]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut below, mut pairs) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let ones = tied.iter().filter(|&&row| codes[row] == 1).count() as f64;
        let zeros = tied.len() as f64 - ones;
        pairs += ones * (below + zeros / 2.0);
        below += zeros;
    }
    let ones = codes.iter().filter(|&&c| c == 1).count() as f64;
    pairs / (ones * below)
}

pub(crate) fn r2(answers: &[f64], truth: &[f64]) -> f64 {
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let left: f64 = answers.iter().zip(truth).map(|(a, t)| (a - t).powi(2)).sum();
    1.0 - left / truth.iter().map(|t| (t - mean).powi(2)).sum::<f64>()
}

/// Rows of every kind, some missing, and a target that depends on them.
pub(crate) fn mixed(rows: usize) -> (Frame, Vec<u32>) {
    let mut random = Seed(5).random();
    let words = ["red", "green", "blue", "pink"];
    let x: Vec<Option<f64>> =
        (0..rows).map(|_| (random.below(9) > 0).then(|| random.normal())).collect();
    let y: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
    let z: Vec<Option<&str>> =
        (0..rows).map(|_| words.get(random.below(words.len() + 1)).copied()).collect();
    let codes = (0..rows)
        .map(|i| {
            let sum = x[i].unwrap_or(1.0) + y[i] + f64::from(u8::from(z[i] == Some("blue")));
            (sum + random.normal()).clamp(0.0, 2.0) as u32
        })
        .collect();
    (table().numbers("x", x).numbers("y", y).words("z", z).frame(), codes)
}

pub(crate) fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

#[track_caller]
pub(crate) fn refused<T>(result: Result<T>, expected: &str) {
    let error = result.err().expect("it is refused");
    let text = format!("{error}; {}", error.hint().unwrap_or_default());
    assert!(text.contains(expected), "{text}");
}

/// A number for all tensors of a state (FNV-1a over their bits).
pub(crate) fn fingerprint(state: &State) -> u64 {
    let bits = state.tensors.values().flat_map(|tensor| -> Vec<u64> {
        match &tensor.data {
            TensorData::F64(v) => v.iter().map(|x| x.to_bits()).collect(),
            TensorData::F32(v) => v.iter().map(|x| u64::from(x.to_bits())).collect(),
            TensorData::U32(v) => v.iter().map(|&x| u64::from(x)).collect(),
            TensorData::U8(v) => v.iter().map(|&x| u64::from(x)).collect(),
            other => panic!("forests store no {other:?}"),
        }
    });
    bits.fold(0xcbf2_9ce4_8422_2325, |hash, x| (hash ^ x).wrapping_mul(0x0100_0000_01b3))
}
