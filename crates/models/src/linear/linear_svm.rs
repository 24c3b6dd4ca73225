//! Support vector machines without a kernel: margins out of weighted sums.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::classes::Present;
use super::design::{Constant, Design};
use super::dual_descent::{Dual, Limits, Reached};
use super::linear_regression::numbers;
use super::linear_svm_model::LinearSvmModel;
use super::logistic_model::LogisticModel;
use super::logistic_regression::NEWTON_COLUMNS;
use super::losses::{SquaredHinge, SquaredTube};
use super::objective::{Found, Until};
use super::plain_rows::PlainRows;
use super::regression_model::LinearModel;
use super::row_loss::{RowLoss, SingleLoss};
use super::settings::{check_not_negative, check_positive, check_steps};
use super::{columns, many_columns, newton};
use crate::ClassWeight;

/// Tells classes apart, or fits a number, by z = x·w + b with the least ½ (Σ wⱼ² + b²) +
/// `c` Σ wᵢ ℓ(zᵢ).
///
/// Of two classes the second should score above 1 and the first below −1; of more, each is told
/// apart from all others. A number should be met within `epsilon`. `loss` says what missing that
/// costs. As in scikit-learn's `LinearSVC` and `LinearSVR`, the constant b is penalised like a
/// weight and the penalty is on the scale of the data, so columns should come standardised. Row
/// weights and `class_weight` multiply the terms of the sum.
///
/// The probabilities are margins squashed by 1/(1 + e⁻ᶻ), or softmax for more classes: in the
/// right order, but not calibrated. The losses that are squared take Newton's method or L-BFGS on
/// the weights; sparse columns, and the losses that are not squared, take coordinate descent on the
/// rows. A note says when `max_iter` was not
/// enough. Sparse columns stay sparse. Source: Fan et al., *LIBLINEAR*, *Journal of Machine
/// Learning Research* 9 (2008).
///
/// ```
/// # use gristmill_core::Pipeline;
/// # use gristmill_models::LinearSvm;
/// # use gristmill_testkit::table;
/// let rows = table()
///     .numbers("x", [-2.0, -1.0, 1.0, 2.0])
///     .words("side", ["left", "left", "right", "right"])
///     .target("side");
/// let fitted = Pipeline::new().model(LinearSvm::default()).fit(&rows)?;
/// assert_eq!(fitted.predict(&rows)?.words().unwrap(), ["left", "left", "right", "right"]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinearSvm {
    /// How much the data count against the penalty on large weights; also written `C`.
    #[serde(alias = "C")]
    #[schemars(range(min = 0.0))]
    pub c: f64,
    /// What missing the margin costs; without a word `squared_hinge` for classes and
    /// `epsilon_insensitive` for numbers.
    pub loss: Option<SvmLoss>,
    /// For numbers, how far an answer may be off at no cost, in units of the target.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// How many steps the solver may take, or how often it may go through the rows.
    #[schemars(range(min = 1))]
    pub max_iter: usize,
    /// The solver stops once no slope is above this: of the mean loss by standardised weights for
    /// squared losses, by single rows for others.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// Whether a constant is learned beside the weights of the columns.
    pub intercept: bool,
    /// Whether rare classes weigh more.
    pub class_weight: ClassWeight,
}

/// What missing the margin costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SvmLoss {
    /// max(0, 1 − yz), y = ±1.
    Hinge,
    /// max(0, 1 − yz)².
    SquaredHinge,
    /// max(0, |y − z| − ε).
    EpsilonInsensitive,
    /// max(0, |y − z| − ε)².
    SquaredEpsilonInsensitive,
}

impl LinearSvm {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 2;

    const KIND: &'static str = LinearModel::SUPPORT_VECTORS;

    fn loss(&self, task: Task) -> SvmLoss {
        self.loss.unwrap_or(match task {
            Task::Classification { .. } => SvmLoss::SquaredHinge,
            Task::Regression | Task::Unsupervised => SvmLoss::EpsilonInsensitive,
        })
    }

    fn until(&self) -> Until {
        Until { max_iter: self.max_iter, tolerance: self.tolerance }
    }

    fn constant(&self) -> Constant {
        if self.intercept { Constant::Penalised } else { Constant::None }
    }
}

impl Default for LinearSvm {
    fn default() -> Self {
        Self {
            c: 1.0,
            loss: None,
            epsilon: 0.0,
            max_iter: 1000,
            tolerance: 1e-4,
            intercept: true,
            class_weight: ClassWeight::None,
        }
    }
}

impl Estimator for LinearSvm {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_positive("c", self.c)?;
        check_not_negative("epsilon", self.epsilon)?;
        check_steps(self.max_iter)?;
        check_positive("tolerance", self.tolerance)?;
        let of_classes = matches!(self.loss(task), SvmLoss::Hinge | SvmLoss::SquaredHinge);
        match task {
            Task::Unsupervised => return Err(Task::no_target(Self::KIND)),
            Task::Classification { .. } if !of_classes => {
                let wanted = "hinge or squared_hinge for a target of classes";
                return Err(Error::setting("loss", "a loss of numbers", wanted));
            }
            Task::Regression if of_classes => {
                let wanted = "epsilon_insensitive or squared_epsilon_insensitive for a number";
                return Err(Error::setting("loss", "a loss of classes", wanted));
            }
            Task::Regression if self.class_weight != ClassWeight::None => {
                return Err(Error::setting("class_weight", "balanced", "none for a number"));
            }
            Task::Classification { .. } | Task::Regression => {}
        }
        columns::check(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let design = columns::design(train, target.len(), context, self.constant())?;
        let fitted = match target {
            Target::Classes { .. } => {
                LinearSvmModel::Classes(self.fit_classes(train, target, &design, context)?)
            }
            _ => LinearSvmModel::Numbers(self.fit_numbers(train, target, &design, context)?),
        };
        Ok(Box::new(fitted))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

impl LinearSvm {
    fn fit_classes(
        &self,
        train: &Frame,
        target: &Target,
        design: &Design<'_>,
        context: &FitContext<'_>,
    ) -> Result<LogisticModel> {
        let present = Present::new(Self::KIND, target, context)?;
        let weights = present.row_weights(self.class_weight, context.weights);
        // Of two classes the second alone is told apart from the other.
        let first = if present.len() == 2 { 1 } else { 0 };
        let classes = first..present.len() as u32;
        let loss = self.loss(target.task());
        let scores = if loss == SvmLoss::Hinge || by_rows(design) {
            self.classes_by_rows(loss, design, &present, &weights, classes, context)
        } else {
            let squared = |class| {
                let rows = SquaredHinge { codes: &present.codes, class };
                self.squared(design, rows, &weights)
            };
            classes.map(squared).collect::<Result<Vec<_>>>()?
        };
        self.note_unfinished(&scores, context);
        let intercepts = scores.iter().map(|s| s.intercept).collect();
        let weights = scores.into_iter().flat_map(|s| s.weights).collect();
        let scores = (
            present.spread(weights, design.width(), 0.0),
            present.spread(intercepts, 1, f64::NEG_INFINITY),
        );
        Ok(LogisticModel::new(Self::KIND, train.schema(), present.all, scores, design))
    }

    fn fit_numbers(
        &self,
        train: &Frame,
        target: &Target,
        design: &Design<'_>,
        context: &FitContext<'_>,
    ) -> Result<LinearModel> {
        let answers = numbers(Self::KIND, target)?;
        let weights: Vec<f64> = (0..answers.len()).map(|row| design.weight(row)).collect();
        let loss = self.loss(Task::Regression);
        let reached = if loss == SvmLoss::EpsilonInsensitive || by_rows(design) {
            let limits: Vec<_> = weights.iter().map(|w| self.limits(loss, *w)).collect();
            let rows = PlainRows::new(design.columns(), design.rows());
            self.dual(&rows, answers, &limits).minimise(self.until(), context.seed)
        } else {
            self.squared(design, SquaredTube { answers, epsilon: self.epsilon }, &weights)?
        };
        let reached = vec![reached];
        self.note_unfinished(&reached, context);
        let intercept = reached[0].intercept;
        let weights = reached.into_iter().flat_map(|r| r.weights).collect();
        Ok(LinearModel::new(Self::KIND, train.schema(), weights, intercept, design))
    }

    /// Each class against all others, by the dual.
    fn classes_by_rows(
        &self,
        loss: SvmLoss,
        design: &Design<'_>,
        present: &Present,
        weights: &[f64],
        classes: std::ops::Range<u32>,
        context: &FitContext<'_>,
    ) -> Vec<Reached> {
        let rows = PlainRows::new(design.columns(), design.rows());
        let each = classes.into_par_iter().map(|class| {
            let side = |code: &u32| if *code == class { 1.0 } else { -1.0 };
            let goals: Vec<f64> = present.codes.iter().map(side).collect();
            let one_sided = |(goal, weight): (&f64, &f64)| {
                let both = self.limits(loss, *weight);
                let (low, high) = if *goal > 0.0 { (0.0, both.high) } else { (both.low, 0.0) };
                Limits { low, high, ..both }
            };
            let limits: Vec<_> = goals.iter().zip(weights).map(one_sided).collect();
            let dual = Dual { epsilon: 0.0, ..self.dual(&rows, &goals, &limits) };
            dual.minimise(self.until(), context.seed.numbered(u64::from(class)))
        });
        each.collect()
    }

    fn dual<'a>(&self, rows: &'a PlainRows, goals: &'a [f64], limits: &'a [Limits]) -> Dual<'a> {
        let constant = if self.intercept { 1.0 } else { 0.0 };
        Dual { rows, goals, limits, epsilon: self.epsilon, constant }
    }

    /// What the loss allows a row of this weight.
    fn limits(&self, loss: SvmLoss, weight: f64) -> Limits {
        let most = self.c * weight;
        match loss {
            SvmLoss::Hinge | SvmLoss::EpsilonInsensitive => {
                Limits { low: -most, high: most, damping: 0.0 }
            }
            // A row of weight 0 says nothing, however far it is off.
            _ if most <= 0.0 => Limits { low: 0.0, high: 0.0, damping: 0.0 },
            SvmLoss::SquaredHinge | SvmLoss::SquaredEpsilonInsensitive => {
                Limits { low: f64::NEG_INFINITY, high: f64::INFINITY, damping: 0.5 / most }
            }
        }
    }

    /// One score by a loss that is smooth.
    fn squared(&self, design: &Design<'_>, rows: impl RowLoss, weights: &[f64]) -> Result<Reached> {
        let total = design.sum(|row| weights[row])?;
        let loss = SingleLoss::new(design, rows, weights.to_vec(), 1.0 / (self.c * total), 0.0);
        let Found { point, converged } = if design.width() <= NEWTON_COLUMNS {
            newton::minimise(&loss, self.until())?
        } else {
            many_columns::minimise(&loss, &loss.steepness(&[]), self.until())?
        };
        let (weights, constant) = point.split_at(design.width());
        let (weights, intercept) = design.restore(weights, constant.iter().sum());
        Ok(Reached { weights, intercept, converged })
    }

    fn note_unfinished(&self, scores: &[Reached], context: &FitContext<'_>) {
        if scores.iter().any(|score| !score.converged) {
            context.notes.add(format!(
                "`linear_svm` stopped after {} rounds before it converged: standardise the \
                 columns, lower `c` or raise `max_iter`",
                self.max_iter
            ));
        }
    }
}

/// Whether squared losses are solved row by row too: where there are many columns, and rows hold
/// few numbers.
fn by_rows(design: &Design<'_>) -> bool {
    !design.is_narrow() && design.has_sparse()
}
