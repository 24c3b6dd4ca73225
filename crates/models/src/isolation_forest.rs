//! An isolation forest: rows that few random questions set apart from the others are anomalous.
//! Method: Liu, Ting and Zhou, *Isolation Forest*, ICDM 2008.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::isolation::{Plan, fit};
use crate::tree::{Amount, at_least, check_columns, is_share};

/// Learns how easily rows are set apart; no known answers are needed.
///
/// Each tree takes a few rows and divides them at random, column and value, until every row is alone
/// or log₂ of their number questions have been asked. The score of a row is
/// 2^(−E(h) / c(n)): h is the number of questions that the row is asked in a tree, plus c of the rows
/// that are left with it, n the rows a tree takes, and c(n) = 2 (ln(n − 1) + γ) − 2 (n − 1) / n, with
/// c(2) = 1 and c(1) = 0. It lies between 0 and 1; larger is more anomalous, and 0.5 is usual.
///
/// Numeric and boolean columns are divided at values, a missing one counting as less than all;
/// categorical ones by one category against the others. Weights of rows are the chance to be drawn:
/// rows of weight 0 are never.
///
/// ```
/// use gristmill_models::IsolationForest;
/// let forest: IsolationForest = serde_json::from_str(r#"{"trees": 200}"#)?;
/// assert_eq!(forest, IsolationForest { trees: 200, ..Default::default() });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IsolationForest {
    /// How many trees there are.
    pub trees: usize,
    /// How many rows each tree takes, drawn without replacement; all where there are fewer.
    pub max_samples: Amount,
}

impl Default for IsolationForest {
    fn default() -> Self {
        Self { trees: 100, max_samples: Amount::Count(256) }
    }
}

impl IsolationForest {
    /// The version of what it learns.
    pub const VERSION: u32 = 1;

    fn samples(&self, rows: usize) -> usize {
        match self.max_samples {
            Amount::Count(count) => count.min(rows),
            Amount::Share(share) => ((rows as f64 * share).round() as usize).clamp(1, rows.max(1)),
        }
    }
}

impl Estimator for IsolationForest {
    fn kind(&self) -> &'static str {
        "isolation_forest"
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        if task != Task::Unsupervised {
            return Err(Error::data_hint(
                "`isolation_forest` scores outliers and learns from no known answers",
                "leave out the target, or choose a model that predicts it",
            ));
        }
        check_columns(input)?;
        at_least("trees", Some(self.trees), 1)?;
        match self.max_samples {
            Amount::Count(count) => at_least("max_samples", Some(count), 2),
            Amount::Share(share) => is_share("max_samples", share),
        }
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let plan = Plan { trees: self.trees, samples: self.samples(train.rows()) };
        Ok(Box::new(fit(&plan, train, target, context)?))
    }

    fn unsupervised(&self) -> bool {
        true
    }
}
