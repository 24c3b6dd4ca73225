//! What the tests of several estimators share.

use gristmill_core::{
    Catalog, Column, Estimator, Field, FitContext, Frame, Labels, Model, Notes, Schema, Scores,
    Seed, SparseNumbers, Table, Target, TargetSpec, TargetTransform,
};
use gristmill_testkit::{shared_csv, table};
use std::collections::BTreeMap;
use std::sync::Arc;

const NUMERIC: [&str; 9] = [
    "female",
    "senior_citizen",
    "partner",
    "dependents",
    "tenure",
    "phone_service",
    "paperless_billing",
    "monthly_charges",
    "total_charges",
];

/// The 7,032 Telco rows without a gap: their numeric columns and one target. Nothing, with a word
/// about it, where the shared data is not there.
pub fn telco(target: &str) -> Option<Table> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/telco.csv");
    let Ok(text) = fs_err::read_to_string(path) else {
        eprintln!("skipped: the shared Telco data is not beside the repository");
        return None;
    };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next()?.split(',').collect();
    let cells: Vec<Vec<&str>> = lines.map(|l| l.split(',').collect()).collect();
    let gap = |cell: &&str| cell.is_empty() || *cell == "NA";
    let rows: Vec<&Vec<&str>> = cells.iter().filter(|r| !r.iter().any(gap)).collect();
    let column = |name: &str| {
        let at = header.iter().position(|h| *h == name).unwrap();
        rows.iter().map(move |row| row[at])
    };
    let mut made = table();
    for name in NUMERIC.iter().filter(|n| **n != target) {
        made = made.numbers(name, column(name).map(|c| c.parse::<f64>().unwrap()));
    }
    Some(if NUMERIC.contains(&target) {
        made.numbers(target, column(target).map(|c| c.parse::<f64>().unwrap())).target(target)
    } else {
        made.words(target, column(target)).target(target)
    })
}

/// The features of a table and its target.
pub fn parts(table: &Table) -> (Frame, Target) {
    let spec = TargetSpec::learn(table, None, TargetTransform::None).unwrap();
    (Frame::from_table(table).unwrap().features(), spec.apply(table).unwrap())
}

/// A target of these words, of which each may stand in one row only.
pub fn classes(words: &[&str]) -> Target {
    let names = words.iter().map(ToString::to_string).collect();
    let labels = Labels::new(names, None).unwrap();
    let code = |word: &&str| labels.names().iter().position(|n| n == word).unwrap() as u32;
    Target::Classes { codes: words.iter().map(code).collect(), labels: Arc::new(labels) }
}

/// [`telco`] with columns of mean 0 and deviation 1, as `StandardScaler` of scikit-learn makes them.
pub fn standardised_telco(target: &str) -> Option<(Frame, Target)> {
    let (rows, target) = parts(&telco(target)?);
    let n = rows.rows() as f64;
    let columns = (0..rows.schema().len()).map(|at| {
        let values = rows.numbers(at).unwrap();
        let mean = values.iter().sum::<f64>() / n;
        let square = |v: &f64| (v - mean) * (v - mean);
        let deviation = (values.iter().map(square).sum::<f64>() / n).sqrt();
        Column::Numbers(values.iter().map(|v| (v - mean) / deviation).collect())
    });
    let columns = columns.collect();
    Some((Frame::new(rows.schema().clone(), columns, rows.rows()).unwrap(), target))
}

/// The first rows, and the ones after them.
pub fn split(rows: &Frame, target: &Target, count: usize) -> (Frame, Target, Frame) {
    let first: Vec<u32> = (0..count as u32).collect();
    (rows.slice(0..count), target.take(&first), rows.slice(count..rows.rows()))
}

/// 1, 2, 3, 1, 2, 3, ...
pub fn weights(rows: usize) -> Vec<f64> {
    (0..rows).map(|row| 1.0 + (row % 3) as f64).collect()
}

/// How often each word (`[a-z0-9]+` in lower case) stands in each of the 10,568 snippets: 17,783
/// sparse columns in the order of the words.
pub fn snippets(target: &str) -> Option<(Frame, Target)> {
    let table = shared_csv("movie_snippets.csv")?;
    let frame = Frame::from_table(&table).unwrap();
    let texts = frame.words(frame.schema().position("text").unwrap()).unwrap();
    let mut counts: BTreeMap<String, BTreeMap<u32, f64>> = BTreeMap::new();
    for (row, text) in texts.iter().enumerate() {
        let text = text.unwrap_or_default().to_lowercase();
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()));
        for word in words.filter(|w| !w.is_empty()) {
            *counts.entry(word.into()).or_default().entry(row as u32).or_default() += 1.0;
        }
    }
    let fields = counts.keys().map(Field::number).collect();
    let columns = counts.into_values().map(|column| {
        let (rows, values) = column.into_iter().unzip();
        Column::Sparse(SparseNumbers::new(rows, values, frame.rows()).unwrap())
    });
    let columns = columns.collect();
    let (_, target) = parts(&table.with_target(target).unwrap());
    Some((
        Frame::new(Arc::new(Schema::new(fields).unwrap()), columns, frame.rows()).unwrap(),
        target,
    ))
}

/// The model that `estimator` learns, which must have nothing to say about it.
pub fn learn(
    estimator: &impl Estimator,
    rows: &Frame,
    target: &Target,
    weights: Option<&[f64]>,
) -> Box<dyn Model> {
    let notes = Notes::default();
    let context = FitContext::new(Seed(0), &notes).with_weights(weights);
    let model = estimator.fit(rows, target, &context).unwrap();
    assert_eq!(notes.all(), [""; 0], "the solver complained");
    model
}

#[track_caller]
pub fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance * e.abs().max(1e-3), "{f} is not {e} in {found:?}");
    }
}

/// As [`close`], by the distance alone.
#[track_caller]
pub fn near(found: &[f64], expected: &[f64], distance: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= distance, "{f} is not {e} in {found:?}");
    }
}

/// The probabilities of a class.
pub fn probabilities(model: &dyn Model, rows: &Frame, class: usize) -> Vec<f64> {
    let Scores::Probabilities(p) = model.predict(rows).unwrap() else { panic!("no classes") };
    p.column(class).to_vec()
}

/// The numbers that are answered.
pub fn answers(model: &dyn Model, rows: &Frame) -> Vec<f64> {
    let Scores::Values(values) = model.predict(rows).unwrap() else { panic!("no numbers") };
    values
}

/// The mean of −ln p(y).
pub fn log_loss(model: &dyn Model, rows: &Frame, target: &Target) -> f64 {
    let Target::Classes { codes, .. } = target else { panic!("no classes") };
    let Scores::Probabilities(p) = model.predict(rows).unwrap() else { panic!("no classes") };
    let sum: f64 = codes.iter().enumerate().map(|(r, &c)| -p.get(r, c as usize).ln()).sum();
    sum / codes.len() as f64
}

pub fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    gristmill_models::register(&mut catalog);
    catalog
}
