//! Regression of counts and of amounts, by a linear model of their logarithm.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::design::{Constant, Design};
use super::linear_regression::{numbers, refuse_classes};
use super::logistic_regression::NEWTON_COLUMNS;
use super::losses::{Gamma, Poisson};
use super::objective::{Found, Until};
use super::regression_model::LinearModel;
use super::row_loss::{RowLoss, SingleLoss};
use super::settings::{check_not_negative, check_positive, check_steps};
use super::{columns, many_columns, newton};

/// Fits a count by ŷ = e^(x·w + b) with the least Σ wᵢ (ŷᵢ − yᵢ ln ŷᵢ)/Σ wᵢ + ½ `alpha` Σ wⱼ²,
/// where wᵢ are row weights: the likelihood of Poisson's distribution.
///
/// The target must be from 0 on, in any unit: counts, or rates with the exposure as row weight.
/// The constant b is not penalised; the penalty is on the scale of the data, as in scikit-learn,
/// so columns should come standardised. Up to 160 columns take Newton's method, more L-BFGS.
/// Source: McCullagh and Nelder, *Generalized Linear Models*, 2nd edition 1989.
///
/// ```
/// # use gristmill_core::{Pipeline, Prediction};
/// # use gristmill_models::PoissonRegression;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [0.0, 1.0]).numbers("y", [1.0, 3.0]).target("y");
/// let exact = PoissonRegression { alpha: 0.0, ..PoissonRegression::default() };
/// let Prediction::Numbers(answers) = Pipeline::new().model(exact).fit(&rows)?.predict(&rows)?
/// else { unreachable!() };
/// assert!((answers[1] - 3.0).abs() < 1e-6);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PoissonRegression {
    /// How much large weights cost.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// How many steps the solver may take.
    #[schemars(range(min = 1))]
    pub max_iter: usize,
    /// The solver stops once no slope of the mean loss, by standardised weights, is above this.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// Whether a constant is learned beside the weights of the columns.
    pub intercept: bool,
}

/// Fits an amount by ŷ = e^(x·w + b) with the least Σ wᵢ (yᵢ/ŷᵢ + ln ŷᵢ)/Σ wᵢ + ½ `alpha` Σ wⱼ²,
/// where wᵢ are row weights: the likelihood of the gamma distribution, whose deviation grows with
/// its mean.
///
/// The target must be above 0: prices, durations, claims. Everything else is as for
/// `poisson_regression`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GammaRegression {
    /// How much large weights cost.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// How many steps the solver may take.
    #[schemars(range(min = 1))]
    pub max_iter: usize,
    /// The solver stops once no slope of the mean loss, by standardised weights, is above this.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// Whether a constant is learned beside the weights of the columns.
    pub intercept: bool,
}

impl PoissonRegression {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 2;

    fn plan(&self) -> Plan {
        let Self { alpha, max_iter, tolerance, intercept } = *self;
        Plan { kind: LinearModel::POISSON, alpha, until: Until { max_iter, tolerance }, intercept }
    }
}

impl GammaRegression {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 2;

    fn plan(&self) -> Plan {
        let Self { alpha, max_iter, tolerance, intercept } = *self;
        Plan { kind: LinearModel::GAMMA, alpha, until: Until { max_iter, tolerance }, intercept }
    }
}

impl Default for PoissonRegression {
    fn default() -> Self {
        Self { alpha: 1.0, max_iter: 100, tolerance: 1e-4, intercept: true }
    }
}

impl Default for GammaRegression {
    fn default() -> Self {
        Self { alpha: 1.0, max_iter: 100, tolerance: 1e-4, intercept: true }
    }
}

impl Estimator for PoissonRegression {
    fn kind(&self) -> &'static str {
        LinearModel::POISSON
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
        self.check(train.schema(), target.task())?;
        let y = numbers(self.kind(), target)?;
        if let Some(row) = y.iter().position(|y| !(y.is_finite() && *y >= 0.0)) {
            return Err(out_of_range("poisson_regression", "from 0 on", y[row], row));
        }
        self.plan().fit(train, y, Poisson(y), context)
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

impl Estimator for GammaRegression {
    fn kind(&self) -> &'static str {
        LinearModel::GAMMA
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
        self.check(train.schema(), target.task())?;
        let y = numbers(self.kind(), target)?;
        if let Some(row) = y.iter().position(|y| !(y.is_finite() && *y > 0.0)) {
            return Err(out_of_range("gamma_regression", "above 0", y[row], row));
        }
        self.plan().fit(train, y, Gamma(y), context)
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

fn out_of_range(kind: &str, wanted: &str, found: f64, row: usize) -> Error {
    Error::data_hint(
        format!("`{kind}` learns numbers {wanted}, and the target is {found} in row {}", row + 1),
        "leave such rows out with `sql`, or use `ridge`",
    )
}

/// What both families share.
struct Plan {
    kind: &'static str,
    alpha: f64,
    until: Until,
    intercept: bool,
}

impl Plan {
    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_not_negative("alpha", self.alpha)?;
        check_steps(self.until.max_iter)?;
        check_positive("tolerance", self.until.tolerance)?;
        refuse_classes(self.kind, task)?;
        columns::check(input)
    }

    fn fit(
        &self,
        train: &Frame,
        y: &[f64],
        rows: impl RowLoss,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        let design = columns::design(train, y.len(), context, Constant::free_if(self.intercept))?;
        let start = start(self.kind, &design, y)?;
        let weights = (0..design.rows()).map(|row| design.weight(row)).collect();
        let loss = SingleLoss::new(&design, rows, weights, self.alpha, start);
        let Found { point, converged } = if design.width() <= NEWTON_COLUMNS {
            newton::minimise(&loss, self.until)?
        } else {
            many_columns::minimise(&loss, &loss.steepness(&[]), self.until)?
        };
        if !converged {
            context.notes.add(format!(
                "`{}` stopped after {} steps before it converged: standardise the columns, raise \
                 `alpha` or raise `max_iter`",
                self.kind, self.until.max_iter
            ));
        }
        let (weights, constant) = point.split_at(design.width());
        let (weights, intercept) = design.restore(weights, constant.iter().sum());
        Ok(Box::new(LinearModel::new(self.kind, train.schema(), weights, intercept, &design)))
    }
}

/// The constant that fits best without columns: the logarithm of the mean.
///
/// # Errors
/// [`Error::Data`] when the mean is 0, whose logarithm is no number.
fn start(kind: &str, design: &Design<'_>, y: &[f64]) -> Result<f64> {
    let mean = design.sum(|row| design.weight(row) * y[row])? / design.total();
    if mean > 0.0 && mean.is_finite() {
        return Ok(mean.ln());
    }
    Err(Error::data_hint(
        format!("`{kind}` cannot learn from a target whose mean is {mean}"),
        "give rows whose target is above 0",
    ))
}
