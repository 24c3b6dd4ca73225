//! Clusters of any shape: where rows lie close together.
//! Method: Ester, Kriegel, Sander and Xu, *A Density-Based Algorithm for Discovering Clusters in
//! Large Spatial Databases with Noise*, KDD 1996.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dbscan_model::DbscanModel;
use super::density::Density;
use crate::distance::{Absolute, Largest, Squared};
use crate::neighbors::Metric;
use crate::points::{Sample, check_columns, refuse_target};

/// Joins rows that have many others near them into clusters, and calls the rest noise.
///
/// A training row is a core row when the rows within `eps` of it, itself included, weigh at least
/// `min_samples`. Core rows within `eps` of one another are in one cluster; clusters are numbered
/// in the order of their first core rows and called `0`, `1`, ..., and `noise` stands last.
///
/// Any row, new or of the training rows, is answered with the cluster of the nearest core row if
/// that is within `eps`, else with `noise`: probability 1 for it and 0 for the others. A training
/// row that is no core row and lies within `eps` of two clusters can so be in another one than
/// scikit-learn's, which takes the first that gets there. Core rows are stored in the model.
///
/// It learns without a target. Columns should come standardised.
///
/// # Errors
/// Fitting fails when no row is a core row.
///
/// ```
/// # use gristmill_core::Pipeline;
/// # use gristmill_models::Dbscan;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [1.0, 1.1, 1.2, 7.0, 7.1, 7.2, 50.0]).build();
/// let model = Dbscan { eps: 0.5, min_samples: 3, ..Dbscan::default() };
/// let fitted = Pipeline::new().model(model).fit(&rows)?;
/// let answers = fitted.predict(&rows)?;
/// assert_eq!(answers.words().unwrap(), ["0", "0", "0", "1", "1", "1", "noise"]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dbscan {
    /// How near rows must be to be neighbors.
    #[schemars(range(min = 0.0))]
    pub eps: f64,
    /// How much the rows within `eps` of a core row weigh at least, itself included.
    #[schemars(range(min = 1))]
    pub min_samples: usize,
    /// How far apart two rows are.
    pub metric: Metric,
}

impl Dbscan {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;
}

impl Default for Dbscan {
    fn default() -> Self {
        Self { eps: 0.5, min_samples: 5, metric: Metric::Euclidean }
    }
}

impl Estimator for Dbscan {
    fn kind(&self) -> &'static str {
        DbscanModel::KIND
    }

    fn unsupervised(&self) -> bool {
        true
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        if !(self.eps.is_finite() && self.eps > 0.0) {
            return Err(Error::setting("eps", self.eps, "a number above 0"));
        }
        if self.min_samples == 0 {
            return Err(Error::setting("min_samples", 0, "at least 1"));
        }
        refuse_target(self.kind(), task)?;
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
        let points = self.metric.prepare(sample.points)?;
        let eps = self.metric.inner(self.eps);
        let density = Density::new(&points, sample.weights.as_deref());
        let needed = self.min_samples as f64;
        let labels = match self.metric {
            Metric::Euclidean | Metric::Cosine => density.join::<Squared>(eps, needed),
            Metric::Manhattan => density.join::<Absolute>(eps, needed),
            Metric::Chebyshev => density.join::<Largest>(eps, needed),
        };
        let core: Vec<u32> =
            (0u32..).zip(&labels).filter(|(_, l)| l.is_some()).map(|(row, _)| row).collect();
        if core.is_empty() {
            return Err(Error::data_hint(
                format!(
                    "no row has neighbors that weigh {} within {}: all rows are noise",
                    self.min_samples, self.eps
                ),
                "raise `eps` or lower `min_samples`",
            ));
        }
        let labels: Vec<u32> = labels.into_iter().flatten().collect();
        Ok(Box::new(DbscanModel::new(self, train.schema(), points.take(&core), labels)))
    }
}
