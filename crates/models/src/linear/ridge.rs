//! Least squares with a penalty on the size of the weights.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::regression_model::LinearModel;
use super::{columns, linear_regression};

/// Fits a number by ŷ = x·w + b with the least Σ (yᵢ − ŷᵢ)² + `alpha` Σ wⱼ².
///
/// The constant b is not penalised. The penalty is on the scale of the data, as in scikit-learn,
/// so columns should come standardised. Source: Hoerl and Kennard, *Technometrics* 12 (1970).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ridge {
    /// How much large weights cost; 0 is `linear_regression`.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// Whether a constant is learned beside the weights of the columns.
    pub intercept: bool,
}

impl Ridge {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 3;
}

impl Default for Ridge {
    fn default() -> Self {
        Self { alpha: 1.0, intercept: true }
    }
}

impl Estimator for Ridge {
    fn kind(&self) -> &'static str {
        LinearModel::RIDGE
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        if !(self.alpha.is_finite() && self.alpha >= 0.0) {
            return Err(Error::setting("alpha", self.alpha, "a number from 0 on"));
        }
        linear_regression::refuse_classes(self.kind(), task)?;
        columns::check(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        linear_regression::fit(self.kind(), train, target, context, self.intercept, self.alpha)
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}
