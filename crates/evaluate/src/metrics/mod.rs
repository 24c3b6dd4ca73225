//! Metrics by name.
//!
//! A new metric is a function in one of the files here and a line in the list `ALL`.

mod classes;
mod confusion;
mod probability;
mod ranking;
mod regression;

pub use classes::{accuracy, balanced_accuracy};
pub use confusion::ConfusionMatrix;
pub use probability::{brier, log_loss};
pub use ranking::{average_precision, roc_auc};
pub use regression::{mae, r2, rmse};

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use gristmill_core::{DenseMatrix, Error, Labels, Prediction, Result, Target, TargetSpec, Task};
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number that says how good answers are.
///
/// ```
/// # use gristmill_evaluate::Metric;
/// let metric = Metric::named("roc_auc")?;
/// assert!(metric.greater_is_better());
/// let error = Metric::named("roc_acu").unwrap_err();
/// assert_eq!(error.hint().as_deref(), Some("did you mean `roc_auc`?"));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Metric(&'static Entry);

/// What a metric can score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricTask {
    /// Classes and their probabilities.
    Classification,
    /// Numbers.
    Regression,
}

struct Entry {
    name: &'static str,
    greater_is_better: bool,
    compute: Compute,
}

enum Compute {
    Classes(fn(&ClassAnswers<'_>) -> Result<f64>),
    Numbers(fn(&[f64], &[f64]) -> Result<f64>),
}

/// Known classes with the answers of a model.
struct ClassAnswers<'a> {
    truth: &'a [u32],
    predicted: &'a [u32],
    probabilities: &'a DenseMatrix,
    labels: &'a Labels,
}

const fn class_metric(name: &'static str, compute: fn(&ClassAnswers<'_>) -> Result<f64>) -> Entry {
    Entry { name, greater_is_better: true, compute: Compute::Classes(compute) }
}

const fn class_loss(name: &'static str, compute: fn(&ClassAnswers<'_>) -> Result<f64>) -> Entry {
    Entry { name, greater_is_better: false, compute: Compute::Classes(compute) }
}

const fn number_metric(name: &'static str, compute: fn(&[f64], &[f64]) -> Result<f64>) -> Entry {
    Entry { name, greater_is_better: true, compute: Compute::Numbers(compute) }
}

const fn number_loss(name: &'static str, compute: fn(&[f64], &[f64]) -> Result<f64>) -> Entry {
    Entry { name, greater_is_better: false, compute: Compute::Numbers(compute) }
}

/// Every metric.
static ALL: &[Entry] = &[
    class_metric("accuracy", |a| accuracy(a.truth, a.predicted)),
    class_metric("balanced_accuracy", |a| balanced_accuracy(a.truth, a.predicted)),
    class_metric("precision", classes::precision),
    class_metric("recall", classes::recall),
    class_metric("f1", classes::f1),
    class_metric("f1_macro", classes::f1_macro),
    class_metric("f1_weighted", classes::f1_weighted),
    class_metric("roc_auc", |a| ranking::of_classes(a, "roc_auc", roc_auc)),
    class_metric("average_precision", |a| {
        ranking::of_classes(a, "average_precision", average_precision)
    }),
    class_loss("log_loss", |a| log_loss(a.truth, a.probabilities)),
    class_loss("brier", |a| brier(a.truth, a.probabilities)),
    number_loss("rmse", rmse),
    number_loss("mae", mae),
    number_metric("r2", r2),
];

impl Metric {
    /// The metric called `name`: `accuracy`, `balanced_accuracy`, `precision`, `recall`, `f1`,
    /// `f1_macro`, `f1_weighted`, `roc_auc`, `average_precision`, `log_loss`, `brier`, `rmse`,
    /// `mae` or `r2`.
    ///
    /// Of two classes, or where `positive` was said, precision, recall and f1 speak of the
    /// positive class; of more they are means over the classes that occur (macro averages).
    ///
    /// # Errors
    /// [`Error::UnknownName`], whose hint is the nearest name.
    pub fn named(name: &str) -> Result<Self> {
        ALL.iter().find(|entry| entry.name == name).map(Self).ok_or_else(|| Error::UnknownName {
            what: "metric",
            name: name.into(),
            known: ALL.iter().map(|entry| entry.name.into()).collect(),
        })
    }

    /// Every metric.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(Self)
    }

    /// What is worth knowing when nobody asked for anything else: accuracy, f1, roc_auc and
    /// log_loss for classes, rmse, mae and r2 for numbers, nothing where there is no target.
    pub fn defaults(task: Task) -> Vec<Self> {
        let names: &[&str] = match task {
            Task::Classification { .. } => &["accuracy", "f1", "roc_auc", "log_loss"],
            Task::Regression => &["rmse", "mae", "r2"],
            Task::Unsupervised => &[],
        };
        Self::all().filter(|m| names.contains(&m.name())).collect()
    }

    /// Its name in a pipeline file.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Whether a greater number means better answers.
    pub fn greater_is_better(&self) -> bool {
        self.0.greater_is_better
    }

    /// What it can score.
    pub fn task(&self) -> MetricTask {
        match self.0.compute {
            Compute::Classes(_) => MetricTask::Classification,
            Compute::Numbers(_) => MetricTask::Regression,
        }
    }

    /// Whether it can score this task; reads no rows.
    ///
    /// # Errors
    /// [`Error::Data`] with metrics that can.
    pub fn check(&self, task: Task) -> Result<()> {
        match (self.task(), task) {
            (MetricTask::Classification, Task::Classification { .. })
            | (MetricTask::Regression, Task::Regression) => Ok(()),
            (_, Task::Unsupervised) => Err(Error::data_hint(
                format!("metric `{}` needs known answers, and there is no target", self.name()),
                "leave the metric out, or name a target",
            )),
            (MetricTask::Classification, Task::Regression) => Err(Error::data_hint(
                format!("metric `{}` scores classes, and the target is a number", self.name()),
                "use rmse, mae or r2, or type the target `categorical`",
            )),
            (MetricTask::Regression, Task::Classification { .. }) => Err(Error::data_hint(
                format!("metric `{}` scores numbers, and the target has classes", self.name()),
                "use accuracy, f1, roc_auc or log_loss, or type the target `numeric`",
            )),
        }
    }

    /// How good `prediction` is where the truth is `target`, which `spec` made. Numbers are
    /// compared on the scale of the data: a target that models see as logarithms is restored.
    ///
    /// # Errors
    /// [`Error::Data`] naming the metric when it has no value for these rows: no rows, a class
    /// without rows for curves and recalls, a constant truth for r2; as [`Metric::check`].
    pub fn compute(
        &self,
        spec: &TargetSpec,
        target: &Target,
        prediction: &Prediction,
    ) -> Result<f64> {
        self.check(target.task())?;
        if target.len() != prediction.rows() {
            return Err(Error::Bug(format!(
                "{} answers for {} rows",
                prediction.rows(),
                target.len()
            )));
        }
        if target.is_empty() {
            return Err(undefined(self.name(), "there are no rows", "give rows to score"));
        }
        match (&self.0.compute, target, prediction) {
            (
                Compute::Classes(compute),
                Target::Classes { codes: truth, labels },
                Prediction::Classes { codes: predicted, probabilities, .. },
            ) => compute(&ClassAnswers { truth, predicted, probabilities, labels }),
            (Compute::Numbers(compute), Target::Numbers(seen), Prediction::Numbers(predicted)) => {
                let truth: Vec<f64> = seen.iter().map(|v| spec.restore(*v)).collect();
                compute(&truth, predicted)
            }
            _ => Err(Error::Bug("the answers are of another kind than the target".into())),
        }
    }
}

/// The values of `metrics` by name.
///
/// # Errors
/// As [`Metric::compute`].
pub fn score(
    metrics: &[Metric],
    spec: &TargetSpec,
    target: &Target,
    prediction: &Prediction,
) -> Result<BTreeMap<String, f64>> {
    metrics
        .iter()
        .map(|m| Ok((m.name().to_string(), m.compute(spec, target, prediction)?)))
        .collect()
}

/// A metric that has no value for the rows it was given.
fn undefined(metric: &str, reason: &str, remedy: &str) -> Error {
    Error::data_hint(format!("metric `{metric}` has no value: {reason}"), remedy)
}

fn same_length(metric: &str, truth: usize, predicted: usize) -> Result<()> {
    if truth != predicted {
        return Err(Error::Bug(format!("`{metric}` got {predicted} answers for {truth} rows")));
    }
    if truth == 0 {
        return Err(undefined(metric, "there are no rows", "give rows to score"));
    }
    Ok(())
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Metric {}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metric({})", self.name())
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let name = String::deserialize(input)?;
        Self::named(&name).map_err(|error| {
            de::Error::custom(format!("{error}; {}", error.hint().unwrap_or_default()))
        })
    }
}

impl JsonSchema for Metric {
    fn schema_name() -> Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Self::all().map(|m| m.name()).collect();
        json_schema!({"type": "string", "enum": names})
    }
}
