//! Ordinary least squares.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::design::{Constant, Design};
use super::regression_model::LinearModel;
use super::{columns, least_squares};

/// Fits a number by ŷ = x·w + b with the least Σ (yᵢ − ŷᵢ)².
///
/// Collinear columns share their weight: of all weights that fit equally well, those of least
/// length in units of standard deviations are taken, so answers stay small and a note says how
/// many columns say something of their own. Row weights multiply the squares.
///
/// ```
/// # use gristmill_core::{Pipeline, Prediction};
/// # use gristmill_models::LinearRegression;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [0.0, 1.0, 2.0]).numbers("y", [1.0, 3.0, 5.0]).target("y");
/// let fitted = Pipeline::new().model(LinearRegression::default()).fit(&rows)?;
/// let Prediction::Numbers(answers) = fitted.predict(&rows)? else { unreachable!() };
/// assert!((answers[2] - 5.0).abs() < 1e-12);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinearRegression {
    /// Whether a constant is learned beside the weights of the columns.
    pub intercept: bool,
}

impl LinearRegression {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 3;
}

impl Default for LinearRegression {
    fn default() -> Self {
        Self { intercept: true }
    }
}

impl Estimator for LinearRegression {
    fn kind(&self) -> &'static str {
        LinearModel::LEAST_SQUARES
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        refuse_classes(self.kind(), task)?;
        columns::check(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        fit(self.kind(), train, target, context, self.intercept, 0.0)
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// Least squares with the penalty `alpha`, as [`LinearRegression`] and ridge share it.
pub(super) fn fit(
    kind: &'static str,
    train: &Frame,
    target: &Target,
    context: &FitContext<'_>,
    intercept: bool,
    alpha: f64,
) -> Result<Box<dyn Model>> {
    let y = numbers(kind, target)?;
    let design = columns::design(train, y.len(), context, Constant::free_if(intercept))?;
    let solution = least_squares::solve(&design, y, alpha)?;
    if !solution.converged {
        context.notes.add(format!(
            "`{kind}` is not exact: columns that nearly follow from others take the solver too \
             many steps; use `ridge` with a larger `alpha`, or fewer columns"
        ));
    }
    // A penalty chooses among weights that fit equally well, so there they are unique.
    if let Some(rank) = solution.rank.filter(|rank| alpha == 0.0 && *rank < design.width()) {
        context.notes.add(format!(
            "{} of {} columns are constant or follow from the others; their weights are not unique",
            design.width() - rank,
            design.width()
        ));
    }
    Ok(Box::new(LinearModel::new(
        kind,
        train.schema(),
        solution.weights,
        solution.intercept,
        &design,
    )))
}

/// The numbers to learn.
pub(super) fn numbers<'a>(kind: &str, target: &'a Target) -> Result<&'a [f64]> {
    let Target::Numbers(y) = target else {
        return Err(Error::Bug(format!("`{kind}` was given no numbers to learn")));
    };
    Ok(y)
}

/// The weighted mean of the answers where a constant is learned, else 0.
pub(super) fn mean(design: &Design<'_>, y: &[f64]) -> Result<f64> {
    if design.constant() != Constant::Free {
        return Ok(0.0);
    }
    Ok(design.sum(|row| design.weight(row) * y[row])? / design.total())
}

/// Refuses a target of classes.
pub(super) fn refuse_classes(kind: &str, task: Task) -> Result<()> {
    match task {
        Task::Regression => Ok(()),
        Task::Unsupervised => Err(Task::no_target(kind)),
        Task::Classification { classes } => Err(Error::data_hint(
            format!("`{kind}` predicts numbers, and the target has {classes} classes"),
            "use `logistic_regression`, or type the target `numeric`",
        )),
    }
}
