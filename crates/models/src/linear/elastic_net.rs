//! Least squares with a penalty that makes weights small and many of them 0.

use gristmill_core::{Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns;
use super::coordinate_descent::{self, Costs};
use super::design::{Constant, Design};
use super::least_squares;
use super::linear_regression::{mean, numbers, refuse_classes};
use super::objective::Until;
use super::regression_model::LinearModel;
use super::settings::{check_not_negative, check_positive, check_share, check_steps};

/// Fits a number by ŷ = x·w + b with the least Σ wᵢ (yᵢ − ŷᵢ)²/(2 Σ wᵢ) + `alpha` Σ |wⱼ|, where wᵢ
/// are row weights.
///
/// The larger `alpha`, the more weights are exactly 0. The constant b is not penalised; the penalty
/// is on the scale of the data, as in scikit-learn, so columns should come standardised. A note
/// says when `max_iter` was not enough. Source: Tibshirani, *J. R. Statist. Soc. B* 58 (1996).
///
/// ```
/// # use gristmill_core::Pipeline;
/// # use gristmill_models::{Lasso, LinearModel};
/// # use gristmill_testkit::table;
/// let rows = table()
///     .numbers("x", [-1.0, 0.0, 1.0])
///     .numbers("noise", [0.1, -0.2, 0.1])
///     .numbers("y", [-3.0, 0.0, 3.0])
///     .target("y");
/// let fitted = Pipeline::new().model(Lasso { alpha: 1.0, ..Lasso::default() }).fit(&rows)?;
/// let model: &LinearModel = fitted.model().downcast_ref().unwrap();
/// // By hand: Σ xy/3 = 2, less 1, over Σ x²/3 = 2/3.
/// assert!((model.weights()[0] - 1.5).abs() < 1e-9 && model.weights()[1] == 0.0);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lasso {
    /// How much large weights cost; 0 is `linear_regression`.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// How often the solver may go through the weights.
    #[schemars(range(min = 1))]
    pub max_iter: usize,
    /// The solver stops once the loss is certain to be less than this share of Σ wᵢ (yᵢ − ȳ)²/Σ wᵢ
    /// above the least.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// Whether a constant is learned beside the weights of the columns.
    pub intercept: bool,
}

/// Fits a number by ŷ = x·w + b with the least Σ wᵢ (yᵢ − ŷᵢ)²/(2 Σ wᵢ) + `alpha` (`l1_ratio`
/// Σ |wⱼ| + ½ (1 − `l1_ratio`) Σ wⱼ²), where wᵢ are row weights.
///
/// Between `lasso` (`l1_ratio` 1) and `ridge` (0): weights that are exactly 0, but columns that
/// tell the same share their weight. The parametrisation is scikit-learn's. Source: Zou and
/// Hastie, *J. R. Statist. Soc. B* 67 (2005).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ElasticNet {
    /// How much large weights cost; 0 is `linear_regression`.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// How much of the cost is on the size of the weights, the rest on their squares.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub l1_ratio: f64,
    /// How often the solver may go through the weights.
    #[schemars(range(min = 1))]
    pub max_iter: usize,
    /// As for `lasso`.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// Whether a constant is learned beside the weights of the columns.
    pub intercept: bool,
}

impl Lasso {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 2;

    fn plan(&self) -> Plan {
        let Self { alpha, max_iter, tolerance, intercept } = *self;
        let until = Until { max_iter, tolerance };
        Plan { kind: LinearModel::LASSO, alpha, l1_ratio: 1.0, until, intercept }
    }
}

impl ElasticNet {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 2;

    fn plan(&self) -> Plan {
        let Self { alpha, l1_ratio, max_iter, tolerance, intercept } = *self;
        let until = Until { max_iter, tolerance };
        Plan { kind: LinearModel::ELASTIC_NET, alpha, l1_ratio, until, intercept }
    }
}

impl Default for Lasso {
    fn default() -> Self {
        Self { alpha: 1.0, max_iter: 1000, tolerance: 1e-4, intercept: true }
    }
}

impl Default for ElasticNet {
    fn default() -> Self {
        Self { alpha: 1.0, l1_ratio: 0.5, max_iter: 1000, tolerance: 1e-4, intercept: true }
    }
}

impl Estimator for Lasso {
    fn kind(&self) -> &'static str {
        LinearModel::LASSO
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        self.plan().check(input, task)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.plan().fit(train, target, context)
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

impl Estimator for ElasticNet {
    fn kind(&self) -> &'static str {
        LinearModel::ELASTIC_NET
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        self.plan().check(input, task)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.plan().fit(train, target, context)
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// What lasso and elastic net share.
struct Plan {
    kind: &'static str,
    alpha: f64,
    l1_ratio: f64,
    until: Until,
    intercept: bool,
}

impl Plan {
    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_not_negative("alpha", self.alpha)?;
        check_share("l1_ratio", self.l1_ratio)?;
        check_steps(self.until.max_iter)?;
        check_positive("tolerance", self.until.tolerance)?;
        refuse_classes(self.kind, task)?;
        columns::check(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let y = numbers(self.kind, target)?;
        let design = columns::design(train, y.len(), context, Constant::free_if(self.intercept))?;
        let (weights, intercept) = self.solve(&design, y, context)?;
        Ok(Box::new(LinearModel::new(self.kind, train.schema(), weights, intercept, &design)))
    }

    fn solve(
        &self,
        design: &Design<'_>,
        y: &[f64],
        context: &FitContext<'_>,
    ) -> Result<(Vec<f64>, f64)> {
        let squared = self.alpha * (1.0 - self.l1_ratio);
        let absolute = self.alpha * self.l1_ratio;
        if absolute == 0.0 {
            let solution = least_squares::solve(design, y, squared * design.total())?;
            return Ok((solution.weights, solution.intercept));
        }
        let center = mean(design, y)?;
        let penalties = design.penalties();
        let costs = Costs {
            absolute: penalties.iter().map(|p| absolute * p.sqrt()).collect(),
            squared: penalties.iter().map(|p| squared * p).collect(),
        };
        let found = coordinate_descent::minimise(design, y, center, costs, self.until)?;
        if !found.converged {
            context.notes.add(format!(
                "`{}` stopped after {} rounds before it converged: standardise the columns, \
                 raise `alpha` or raise `max_iter`",
                self.kind, self.until.max_iter
            ));
        }
        Ok(design.restore_centred(&found.point, center))
    }
}
