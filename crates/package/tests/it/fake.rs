//! A small transform and a small model, so that these tests know every number.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::{
    Catalog, Column, DenseMatrix, Error, Estimator, Field, FitContext, FittedPipeline,
    FittedTransform, Frame, Load, Model, Pipeline, Profile, Result, Schema, Scores, SemanticType,
    Signature, State, Table, Target, TargetTransform, Task, Transform,
};
use gristmill_package::{Package, PackageError, PackageInfo, load, save};
use gristmill_testkit::table;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Keeps numbers only, each less its mean; missing ones become 0.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Center {}

#[derive(Debug)]
pub struct FittedCenter {
    signature: Signature,
    means: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
struct Facts {
    // Not in the order of the alphabet, to see that keys are sorted.
    unit: String,
    columns: Vec<String>,
}

fn numeric(schema: &Schema) -> Vec<usize> {
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, f)| f.semantic == SemanticType::Numeric).map(|(at, _)| at).collect()
}

impl FittedCenter {
    fn new(input: &Arc<Schema>, means: Vec<f64>) -> Self {
        let fields = numeric(input).into_iter().map(|at| input.fields()[at].name.clone());
        let output = Schema::new(fields.map(Field::number).collect()).unwrap();
        Self { signature: Signature::new("center", input, output), means }
    }
}

impl Transform for Center {
    fn kind(&self) -> &'static str {
        "center"
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        Ok(FittedCenter::new(&Arc::new(input.clone()), vec![]).output().as_ref().clone())
    }

    fn fit_apply(
        &self,
        train: Frame,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let mut means = Vec::new();
        for at in numeric(train.schema()) {
            let known: Vec<f64> =
                train.numbers(at)?.iter().copied().filter(|v| !v.is_nan()).collect();
            means.push(known.iter().sum::<f64>() / known.len() as f64);
        }
        let fitted = FittedCenter::new(train.schema(), means);
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

impl FittedTransform for FittedCenter {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        let centered = |v: &f64, mean: f64| if v.is_nan() { 0.0 } else { v - mean };
        let columns = numeric(rows.schema())
            .into_iter()
            .zip(&self.means)
            .map(|(at, mean)| {
                let values = rows.numbers(at)?;
                Ok(Column::Numbers(values.iter().map(|v| centered(v, *mean)).collect()))
            })
            .collect::<Result<_>>()?;
        Frame::new(Arc::clone(self.output()), columns, rows.rows())
    }

    fn state(&self) -> State {
        State::new(&Facts { unit: "none".into(), columns: self.output().names() })
            .with_f64("mean", self.means.clone())
    }
}

impl Load for FittedCenter {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let fitted = Self::new(input, state.f64s("mean")?.to_vec());
        if facts.columns != fitted.output().names() || fitted.means.len() != facts.columns.len() {
            return Err(Error::damaged("center", "its means are not those of its columns"));
        }
        Ok(fitted)
    }
}

/// The class with the nearest mean; for numbers a sum of the columns.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Nearest {}

#[derive(Debug)]
pub struct FittedNearest {
    input: Arc<Schema>,
    task: Task,
    /// `[classes, columns]`, or `[1, columns]`.
    weights: Vec<f64>,
    bias: Vec<f64>,
}

impl Estimator for Nearest {
    fn kind(&self) -> &'static str {
        "nearest"
    }

    fn check(&self, _: &Schema, _: Task) -> Result<()> {
        Ok(())
    }

    fn fit(&self, train: &Frame, target: &Target, _: &FitContext<'_>) -> Result<Box<dyn Model>> {
        let columns = train.schema().len();
        let (weights, bias) = match target {
            Target::Absent(_) => return Err(Task::no_target("nearest")),
            Target::Numbers(values) => {
                (vec![0.1; columns], vec![values.iter().sum::<f64>() / values.len() as f64])
            }
            Target::Classes { codes, labels } => {
                let mut weights = Vec::new();
                for class in 0..labels.len() as u32 {
                    for at in 0..columns {
                        let values = train.numbers(at)?.iter().zip(codes);
                        let own = || values.clone().filter(|(_, c)| **c == class);
                        let sum: f64 = own().map(|(v, _)| *v).sum();
                        weights.push(sum / own().count().max(1) as f64);
                    }
                }
                let bias =
                    weights.chunks(columns).map(|m| -m.iter().map(|v| v * v / 2.0).sum::<f64>());
                let bias = bias.collect();
                (weights, bias)
            }
        };
        let input = Arc::clone(train.schema());
        Ok(Box::new(FittedNearest { input, task: target.task(), weights, bias }))
    }
}

impl Model for FittedNearest {
    fn kind(&self) -> &'static str {
        "nearest"
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        self.task
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let columns = self.input.len();
        let mut scores = DenseMatrix::zeros(rows.rows(), self.bias.len());
        for row in 0..rows.rows() {
            for (class, bias) in self.bias.iter().enumerate() {
                let mut sum = *bias;
                for at in 0..columns {
                    sum += self.weights[class * columns + at] * rows.numbers(at)?[row];
                }
                scores.set(row, class, sum);
            }
            if self.task != Task::Regression {
                softmax(&mut scores, row);
            }
        }
        Ok(match self.task {
            Task::Regression | Task::Unsupervised => Scores::Values(scores.column(0).to_vec()),
            Task::Classification { .. } => Scores::Probabilities(scores),
        })
    }

    fn state(&self) -> State {
        State::new(&self.task)
            .with_f64("weights", self.weights.clone())
            .with_f64("bias", self.bias.clone())
    }
}

fn softmax(scores: &mut DenseMatrix, row: usize) {
    let classes = scores.columns();
    let most = (0..classes).map(|c| scores.get(row, c)).fold(f64::MIN, f64::max);
    let parts: Vec<f64> = (0..classes).map(|c| (scores.get(row, c) - most).exp()).collect();
    let sum: f64 = parts.iter().sum();
    for (class, part) in parts.into_iter().enumerate() {
        scores.set(row, class, part / sum);
    }
}

impl Load for FittedNearest {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let task: Task = state.facts()?;
        let (weights, bias) = (state.f64s("weights")?.to_vec(), state.f64s("bias")?.to_vec());
        let outputs = match task {
            Task::Classification { classes } => classes,
            Task::Regression | Task::Unsupervised => 1,
        };
        if bias.len() != outputs || Some(weights.len()) != outputs.checked_mul(input.len()) {
            return Err(Error::damaged("nearest", "its weights are not those of its columns"));
        }
        Ok(Self { input: Arc::clone(input), task, weights, bias })
    }
}

pub fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    catalog.transform::<Center, FittedCenter>("center", 3);
    catalog.estimator::<Nearest, FittedNearest>("nearest", 2);
    catalog
}

/// 300 rows with a number that is missing in row 118, a whole number, a word that is missing in
/// row 200, and two targets.
pub fn rows() -> Table {
    let count = 300_i64;
    let number = |i: i64| (i != 117).then_some((i * 37 % 101) as f64 * 0.25);
    let word = |i: i64| (i != 199).then_some(["it's", "b", "c"][i as usize % 3]);
    table()
        .numbers("size", (0..count).map(number))
        .integers("age", (0..count).map(|i| i % 50))
        .words("plan", (0..count).map(word))
        .words("left", (0..count).map(|i| if i * 37 % 101 + i % 50 > 70 { "Yes" } else { "No" }))
        .numbers("price", (0..count).map(|i| 1.0 + (i % 7) as f64))
        .build()
}

pub fn classes() -> Table {
    rows().without(&["price".into()]).unwrap().with_target("left").unwrap()
}

pub fn numbers() -> Table {
    rows().without(&["left".into()]).unwrap().with_target("price").unwrap()
}

pub fn fit(train: &Table) -> FittedPipeline {
    let pipeline = Pipeline::new().then(Center {}).model(Nearest {});
    let log = train.schema().find("price").is_some();
    let transform = if log { TargetTransform::Log } else { TargetTransform::None };
    pipeline.target_transform(transform).fit(train).unwrap()
}

pub fn save_fitted(folder: &Path, train: &Table) -> Result<PackageInfo, PackageError> {
    save(folder, &fit(train), &catalog(), &Profile::learn(train)?, train)
}

pub fn reload(folder: &Path) -> Result<Package, PackageError> {
    load(folder, &catalog())
}

/// A package of a classifier in a folder of its own.
pub fn package() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("model");
    save_fitted(&folder, &classes()).unwrap();
    (home, folder)
}
