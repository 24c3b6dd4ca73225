//! A metric that was looked up by its name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use gristmill_core::{
    Column, DenseMatrix, Error, FittedPipeline, Frame, Prediction, Result, Table, Target,
    TargetSpec, TargetTransform, Task,
};
use rayon::prelude::*;
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{ClassAnswers, Compute, Entry, FAMILIES, undefined};

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
    /// Clusters of rows, without known answers: see [`Metric::compute_clusters`].
    Clustering,
}

impl Metric {
    /// The metric called `name`.
    ///
    /// | of | names |
    /// |---|---|
    /// | classes | `accuracy`, `balanced_accuracy`, `balanced_accuracy_adjusted`, `zero_one_loss`, `hamming_loss`, `matthews_correlation`, `cohen_kappa`, `cohen_kappa_linear`, `cohen_kappa_quadratic`, `top_2_accuracy`, `top_3_accuracy`, `top_5_accuracy` |
    /// | classes, each also with `_macro`, `_micro`, `_weighted` | `precision`, `recall`, `f1`, `f2`, `f0_5`, `jaccard`, `specificity`, `negative_predictive_value` |
    /// | ranks | `roc_auc`, `roc_auc_ovr`, `roc_auc_ovr_weighted`, `roc_auc_ovo`, `roc_auc_ovo_weighted`, `average_precision`, `average_precision_macro`, `average_precision_weighted`, `pr_auc`, `gini`, `ks`, `lift_10` |
    /// | probabilities | `log_loss`, `brier`, `hinge`, `d2_log_loss`, `d2_brier`, `expected_calibration_error`, `maximum_calibration_error` |
    /// | numbers | `rmse`, `mse`, `mae`, `max_error`, `mean_bias`, `median_absolute_error`, `r2`, `explained_variance`, `mape`, `smape`, `wape`, `msle`, `rmsle`, `pinball_10`, `pinball_50`, `pinball_90`, `d2_absolute_error`, `mean_poisson_deviance`, `mean_gamma_deviance`, `mean_tweedie_deviance`, `d2_poisson`, `d2_gamma`, `d2_tweedie` |
    /// | clusters | `silhouette`, `calinski_harabasz`, `davies_bouldin` |
    ///
    /// Of two classes, or where `positive` was said, precision and its kin and those of ranks speak
    /// of the positive class; of more they are means over the classes (macro averages).
    ///
    /// # Errors
    /// [`Error::UnknownName`], whose hint is the nearest name.
    pub fn named(name: &str) -> Result<Self> {
        Self::all().find(|metric| metric.name() == name).ok_or_else(|| Error::UnknownName {
            what: "metric",
            name: name.into(),
            known: Self::all().map(|metric| metric.name().into()).collect(),
        })
    }

    /// Every metric.
    pub fn all() -> impl Iterator<Item = Self> {
        FAMILIES.iter().copied().flatten().map(Self)
    }

    /// What is worth knowing when nobody asked for anything else: accuracy, f1, roc_auc and
    /// log_loss for classes, rmse, mae and r2 for numbers, nothing where there is no target.
    pub fn defaults(task: Task) -> Vec<Self> {
        let names: &[&str] = match task {
            Task::Classification { .. } => &["accuracy", "f1", "roc_auc", "log_loss"],
            Task::Regression => &["rmse", "mae", "r2"],
            Task::Unsupervised => &[],
        };
        names.iter().filter_map(|name| Self::all().find(|m| m.name() == *name)).collect()
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
            Compute::Clusters(_) => MetricTask::Clustering,
        }
    }

    /// Whether it can score this task; reads no rows.
    ///
    /// # Errors
    /// [`Error::Data`] with metrics that can.
    pub fn check(&self, task: Task) -> Result<()> {
        let name = self.name();
        let (message, hint) = match (self.task(), task) {
            (MetricTask::Classification, Task::Classification { .. })
            | (MetricTask::Regression, Task::Regression)
            | (MetricTask::Clustering, Task::Unsupervised) => return Ok(()),
            (MetricTask::Clustering, _) => (
                format!("metric `{name}` scores clusters, and the target is known"),
                "leave the metric out, or use a model that finds clusters",
            ),
            (_, Task::Unsupervised) => (
                format!("metric `{name}` needs known answers, and there is no target"),
                "use silhouette, calinski_harabasz or davies_bouldin, or name a target",
            ),
            (MetricTask::Classification, Task::Regression) => (
                format!("metric `{name}` scores classes, and the target is a number"),
                "use rmse, mae or r2, or type the target `categorical`",
            ),
            (MetricTask::Regression, Task::Classification { .. }) => (
                format!("metric `{name}` scores numbers, and the target has classes"),
                "use accuracy, f1, roc_auc or log_loss, or type the target `numeric`",
            ),
        };
        Err(Error::data_hint(message, hint))
    }

    /// How good `prediction` is where the truth is `target`, which `spec` made. Numbers are
    /// compared on the scale of the data: a target that models see as logarithms is restored.
    ///
    /// # Errors
    /// [`Error::Data`] naming the metric when it has no value for these rows: no rows, a class
    /// without rows for curves and recalls, a constant truth for r2; as [`Metric::check`]; for
    /// metrics of clusters, which [`Metric::compute_clusters`] computes.
    pub fn compute(
        &self,
        spec: &TargetSpec,
        target: &Target,
        prediction: &Prediction,
    ) -> Result<f64> {
        self.check(target.task())?;
        self.refuse_rows(target.len(), prediction)?;
        match (&self.0.compute, target, prediction) {
            (
                Compute::Classes(compute),
                Target::Classes { codes: truth, labels },
                Prediction::Classes { codes: predicted, probabilities, .. },
            ) => compute(&ClassAnswers { truth, predicted, probabilities, labels }),
            (Compute::Numbers(compute), Target::Numbers(seen), Prediction::Numbers(predicted)) => {
                compute(&restored(spec, seen), predicted)
            }
            (Compute::Clusters(_), ..) => Err(Error::data_hint(
                format!("metric `{}` needs the rows of the clusters", self.name()),
                "score the fitted pipeline on a table",
            )),
            _ => Err(Error::Bug("the answers are of another kind than the target".into())),
        }
    }

    /// How good the clusters of `prediction` are among `rows`, the features as the last transform
    /// of the pipeline leaves them: what the model itself has seen.
    ///
    /// # Errors
    /// [`Error::Data`] when the metric is not one of clusters, the answers are outlier scores and
    /// not clusters, a column is neither numeric nor boolean, or the metric has no value: fewer than
    /// 2 clusters, a missing value.
    pub fn compute_clusters(&self, rows: &Frame, prediction: &Prediction) -> Result<f64> {
        self.check(Task::Unsupervised)?;
        self.refuse_rows(rows.rows(), prediction)?;
        let (Compute::Clusters(compute), Prediction::Classes { codes, .. }) =
            (&self.0.compute, prediction)
        else {
            return Err(Error::data_hint(
                format!("metric `{}` scores clusters, and the model finds none", self.name()),
                "leave the metric out, or use a model that finds clusters",
            ));
        };
        compute(&self.points(rows)?, codes)
    }

    fn points(&self, rows: &Frame) -> Result<DenseMatrix> {
        let rows = rows.features().dense()?;
        let words = rows.columns().iter().position(|c| !matches!(c, Column::Numbers(_)));
        if let Some(at) = words {
            let field = &rows.schema().fields()[at];
            return Err(undefined(
                self.name(),
                &format!("column `{}` is {}", field.name, field.semantic),
                "encode it as numbers before the model",
            ));
        }
        DenseMatrix::from_frame(&rows, &(0..rows.columns().len()).collect::<Vec<_>>())
    }

    fn refuse_rows(&self, rows: usize, prediction: &Prediction) -> Result<()> {
        if rows != prediction.rows() {
            return Err(Error::Bug(format!("{} answers for {rows} rows", prediction.rows())));
        }
        if rows == 0 {
            return Err(undefined(self.name(), "there are no rows", "give rows to score"));
        }
        Ok(())
    }
}

/// What a model has seen as `seen`, on the scale of the data; a copy only where the scales differ.
fn restored<'a>(spec: &TargetSpec, seen: &'a [f64]) -> Cow<'a, [f64]> {
    match spec.transform {
        TargetTransform::None => Cow::Borrowed(seen),
        TargetTransform::Log => Cow::Owned(seen.par_iter().map(|v| spec.restore(*v)).collect()),
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

/// The values of `metrics` by name for the answers of `fitted` to the rows of `table`: against the
/// known answers, or where there are none among the rows as the model sees them.
///
/// # Errors
/// As [`Metric::compute`], [`Metric::compute_clusters`], [`FittedPipeline::predict`] and
/// [`TargetSpec::apply`].
pub fn score_fitted(
    metrics: &[Metric],
    fitted: &FittedPipeline,
    table: &Table,
) -> Result<BTreeMap<String, f64>> {
    let spec = fitted.target();
    let prediction = fitted.predict(table)?;
    if spec.task() != Task::Unsupervised {
        return score(metrics, spec, &spec.apply(table)?, &prediction);
    }
    let rows = Frame::from_table(&table.conform(fitted.input())?)?;
    let rows = fitted.transform_frame(rows)?.features();
    metrics
        .iter()
        .map(|m| Ok((m.name().to_string(), m.compute_clusters(&rows, &prediction)?)))
        .collect()
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
