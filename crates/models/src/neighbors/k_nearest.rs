//! The answer of the nearest training rows.
//! Method: Cover and Hart, *Nearest Neighbor Pattern Classification*, IEEE Transactions on
//! Information Theory 13 (1967).

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::k_nearest_model::{KNearestModel, TrainingAnswers};
use super::{Algorithm, Metric};
use crate::points::{Sample, check_columns};

/// Answers with the classes or the mean of the training rows nearest to a row.
///
/// pₖ = Σ wᵢ [yᵢ = k] / Σ wᵢ for classes and ŷ = Σ wᵢ yᵢ / Σ wᵢ for numbers, over the `neighbors`
/// nearest rows i. The search is exact; among rows at equal distance it is not said which ones
/// count. Weights of rows multiply wᵢ, and rows of weight 0 are left out. The training rows are
/// stored in the model.
///
/// Distances add columns up as they are, so columns should come standardised. Missing values are
/// refused.
///
/// # Errors
/// Fitting fails when there are fewer training rows than `neighbors`.
///
/// ```
/// # use gristmill_core::Pipeline;
/// # use gristmill_models::KNearest;
/// # use gristmill_testkit::table;
/// let rows = table()
///     .numbers("hours", [1.0, 2.0, 8.0, 9.0])
///     .words("passed", ["no", "no", "yes", "yes"])
///     .target("passed");
/// let model = KNearest { neighbors: 1, ..KNearest::default() };
/// let fitted = Pipeline::new().model(model).fit(&rows)?;
/// assert_eq!(fitted.predict(&rows)?.words().unwrap(), ["no", "no", "yes", "yes"]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KNearest {
    /// How many training rows answer.
    #[schemars(range(min = 1))]
    pub neighbors: usize,
    /// How much each of them counts.
    pub weights: NeighborWeights,
    /// How far apart two rows are.
    pub metric: Metric,
    /// How the nearest rows are found.
    pub algorithm: Algorithm,
}

/// How much each of the nearest rows counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NeighborWeights {
    /// All the same.
    #[default]
    Uniform,
    /// One through its distance; where some are at distance 0, these alone.
    Distance,
}

impl KNearest {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;
}

impl Default for KNearest {
    fn default() -> Self {
        Self {
            neighbors: 5,
            weights: NeighborWeights::Uniform,
            metric: Metric::Euclidean,
            algorithm: Algorithm::Auto,
        }
    }
}

impl Estimator for KNearest {
    fn kind(&self) -> &'static str {
        KNearestModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        if self.neighbors == 0 {
            return Err(Error::setting("neighbors", 0, "at least 1"));
        }
        if task == Task::Unsupervised {
            return Err(Task::no_target(self.kind()));
        }
        check_columns(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let sample = Sample::new(self.kind(), train, target.len(), context)?;
        if sample.points.len() < self.neighbors {
            return Err(Error::data_hint(
                format!(
                    "{} neighbors are asked of {} training rows",
                    self.neighbors,
                    sample.points.len()
                ),
                "lower `neighbors`, or give more rows",
            ));
        }
        let answers = match target.take(&sample.kept) {
            Target::Classes { codes, labels } => {
                TrainingAnswers::Classes { codes, classes: labels.len() }
            }
            Target::Numbers(values) => TrainingAnswers::Numbers(values),
            Target::Absent(_) => return Err(Task::no_target(self.kind())),
        };
        let points = self.metric.prepare(sample.points)?;
        Ok(Box::new(KNearestModel::new(self, train.schema(), points, answers, sample.weights)))
    }
}
