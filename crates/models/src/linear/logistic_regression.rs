//! Logistic regression: probabilities of classes out of weighted sums.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::classes::{Present, refuse_numbers};
use super::design::{Constant, Design};
use super::logistic_model::LogisticModel;
use super::losses::Logistic;
use super::objective::{Found, Until};
use super::row_loss::SingleLoss;
use super::settings::{check_positive, check_share, check_steps};
use super::softmax_loss::SoftmaxLoss;
use super::{columns, many_columns, newton, proximal_newton};
use crate::ClassWeight;

/// Up to this many columns the curvature of two classes is cheap enough for Newton's method.
pub(super) const NEWTON_COLUMNS: usize = 160;

/// Fits the probabilities of two classes by p = 1/(1 + e^−(x·w + b)), of more by
/// pₖ ∝ e^(x·wₖ + bₖ), so that Σ −ln pᵢ(yᵢ) + R(w)/`c` is least.
///
/// The parametrisation is scikit-learn's: constants are not penalised, and the penalty R is on the
/// scale of the data, so columns should come standardised. Row weights and `class_weight`
/// multiply the terms of the first sum. A class without training rows gets the probability 0.
///
/// Up to 160 columns and two classes take Newton's method, others L-BFGS, and its form for |w|
/// where the penalty has it; all work on standardised columns inside, so that columns of very
/// different sizes converge as well. Sparse columns stay sparse. A note says when `max_iter` was
/// not enough.
///
/// ```
/// # use gristmill_core::Pipeline;
/// # use gristmill_models::LogisticRegression;
/// # use gristmill_testkit::table;
/// let rows = table()
///     .numbers("hours", [1.0, 2.0, 3.0, 4.0])
///     .words("passed", ["no", "no", "yes", "yes"])
///     .target("passed");
/// let fitted = Pipeline::new().model(LogisticRegression::default()).fit(&rows)?;
/// assert_eq!(fitted.predict(&rows)?.words().unwrap(), ["no", "no", "yes", "yes"]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogisticRegression {
    /// What large weights cost.
    pub penalty: Penalty,
    /// How much the data count against the penalty on large weights; also written `C`.
    #[serde(alias = "C")]
    #[schemars(range(min = 0.0))]
    pub c: f64,
    /// For the penalty `elastic_net`, how much of it is on |w|; 0.5 without a word.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub l1_ratio: Option<f64>,
    /// How many steps the solver may take.
    #[schemars(range(min = 1))]
    pub max_iter: usize,
    /// The solver stops once no slope of the mean loss, by standardised weights, is above this.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// Whether a constant is learned beside the weights of the columns.
    pub intercept: bool,
    /// Whether rare classes weigh more.
    pub class_weight: ClassWeight,
}

/// What large weights cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// ½ Σ w².
    #[default]
    L2,
    /// Σ |w|, which makes weights exactly 0.
    L1,
    /// `l1_ratio` Σ |w| + ½ (1 − `l1_ratio`) Σ w².
    ElasticNet,
    /// Nothing.
    None,
}

impl LogisticRegression {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 3;

    /// How much of the penalty is on |w| and on ½ w².
    fn shares(&self) -> (f64, f64) {
        match self.penalty {
            Penalty::None => (0.0, 0.0),
            Penalty::L2 => (0.0, 1.0),
            Penalty::L1 => (1.0, 0.0),
            Penalty::ElasticNet => {
                let ratio = self.l1_ratio.unwrap_or(0.5);
                (ratio, 1.0 - ratio)
            }
        }
    }
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self {
            penalty: Penalty::L2,
            c: 1.0,
            l1_ratio: None,
            max_iter: 100,
            tolerance: 1e-4,
            intercept: true,
            class_weight: ClassWeight::None,
        }
    }
}

impl Estimator for LogisticRegression {
    fn kind(&self) -> &'static str {
        LogisticModel::LOGISTIC
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_positive("c", self.c)?;
        check_steps(self.max_iter)?;
        check_positive("tolerance", self.tolerance)?;
        if let Some(ratio) = self.l1_ratio {
            check_share("l1_ratio", ratio)?;
            if self.penalty != Penalty::ElasticNet {
                return Err(Error::setting(
                    "l1_ratio",
                    ratio,
                    "no word without `penalty: elastic_net`",
                ));
            }
        }
        refuse_numbers(self.kind(), task)?;
        columns::check(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let constant = Constant::free_if(self.intercept);
        let design = columns::design(train, target.len(), context, constant)?;
        let present = Present::new(self.kind(), target, context)?;
        let (weights, constants) = self.fit_present(&design, &present, context)?;
        let scores = (
            present.spread(weights, design.width(), 0.0),
            present.spread(constants, 1, f64::NEG_INFINITY),
        );
        Ok(Box::new(LogisticModel::new(self.kind(), train.schema(), present.all, scores, &design)))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

impl LogisticRegression {
    /// Weights and constants on the scale of the data: one row for two classes, else one a class.
    fn fit_present(
        &self,
        design: &Design<'_>,
        present: &Present,
        context: &FitContext<'_>,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let weights = present.row_weights(self.class_weight, context.weights);
        let Found { mut point, converged } = if present.len() == 2 {
            self.minimise_two(design, present, weights)?
        } else {
            self.minimise_many(design, present, weights)?
        };
        if !converged {
            context.notes.add(format!(
                "`logistic_regression` stopped after {} steps before it converged: \
                 standardise the columns, lower `c` or raise `max_iter`",
                self.max_iter
            ));
        }
        let stride = design.width() + 1;
        let from = if self.shares().0 > 0.0 { design.width() } else { 0 };
        center(&mut point, stride, from);
        let scores = point.chunks(stride).map(|class| {
            let (weights, constant) = class.split_at(design.width());
            design.restore(weights, constant.iter().sum())
        });
        let (weights, constants): (Vec<Vec<f64>>, Vec<f64>) = scores.unzip();
        Ok((weights.concat(), constants))
    }

    fn minimise_two(
        &self,
        design: &Design<'_>,
        present: &Present,
        weights: Vec<f64>,
    ) -> Result<Found> {
        let total = design.sum(|row| weights[row])?;
        let (absolute, squared) = self.shares();
        let costs = match absolute > 0.0 {
            true => costs(design, absolute / (self.c * total), 1),
            false => vec![],
        };
        let until = Until { max_iter: self.max_iter, tolerance: self.tolerance };
        let rows = Logistic { codes: &present.codes };
        let loss = SingleLoss::new(design, rows, weights, squared / (self.c * total), 0.0);
        if design.width() > NEWTON_COLUMNS {
            return many_columns::minimise(&loss, &loss.steepness(&costs), until);
        }
        match costs.is_empty() {
            true => newton::minimise(&loss, until),
            false => proximal_newton::minimise(&loss, &costs, until),
        }
    }

    fn minimise_many(
        &self,
        design: &Design<'_>,
        present: &Present,
        weights: Vec<f64>,
    ) -> Result<Found> {
        let total = design.sum(|row| weights[row])?;
        let (absolute, squared) = self.shares();
        let until = Until { max_iter: self.max_iter, tolerance: self.tolerance };
        let (classes, penalty) = (present.len(), squared / (self.c * total));
        let loss = SoftmaxLoss::new(design, &present.codes, classes, weights, penalty);
        let costs = match absolute > 0.0 {
            true => costs(design, absolute / (self.c * total), classes),
            false => vec![],
        };
        many_columns::minimise(&loss, &loss.steepness(&costs), until)
    }
}

/// What |w| on the scale of the data costs for each number of a point; constants cost nothing.
fn costs(design: &Design<'_>, cost: f64, scores: usize) -> Vec<f64> {
    let mut one: Vec<f64> = design.penalties().iter().map(|p| cost * p.sqrt()).collect();
    one.push(0.0);
    one.repeat(scores)
}

/// Shifts the scores of several classes so that they sum to 0, which changes no probability: the
/// squared penalty asks it of the weights, one on |w| does not, and nothing does of the constants.
/// Numbers of a score before `from` stay as they are.
fn center(point: &mut [f64], stride: usize, from: usize) {
    let scores = point.len() / stride;
    if scores < 2 {
        return;
    }
    for at in from..stride {
        let mean = (0..scores).map(|k| point[k * stride + at]).sum::<f64>() / scores as f64;
        (0..scores).for_each(|k| point[k * stride + at] -= mean);
    }
}
