//! Logistic regression: probabilities of classes out of weighted sums.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::design::Design;
use super::lbfgs::{self, Found};
use super::logistic_loss::LogisticLoss;
use super::logistic_model::LogisticModel;
use super::{columns, newton};
use crate::ClassWeight;

/// Up to this many columns the curvature of two classes is cheap enough for Newton's method.
const NEWTON_COLUMNS: usize = 160;

/// Fits the probabilities of two classes by p = 1/(1 + e^−(x·w + b)), of more by
/// pₖ ∝ e^(x·wₖ + bₖ), so that Σ −ln pᵢ(yᵢ) + 1/(2`c`) Σ w² is least.
///
/// The parametrisation is scikit-learn's: constants are not penalised, and the penalty is on the
/// scale of the data, so columns should come standardised. Row weights and `class_weight`
/// multiply the terms of the first sum. A class without training rows gets the probability 0.
///
/// Up to 160 columns and two classes take Newton's method, others L-BFGS; both work on
/// standardised columns inside, so that columns of very different sizes converge as well. A note
/// says when `max_iter` was not enough.
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
    /// How much the data count against the penalty on large weights; also written `C`.
    #[serde(alias = "C")]
    #[schemars(range(min = 0.0))]
    pub c: f64,
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

impl LogisticRegression {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 1;
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self {
            c: 1.0,
            max_iter: 100,
            tolerance: 1e-4,
            intercept: true,
            class_weight: ClassWeight::None,
        }
    }
}

impl Estimator for LogisticRegression {
    fn kind(&self) -> &'static str {
        LogisticModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        if !(self.c.is_finite() && self.c > 0.0) {
            return Err(Error::setting("c", self.c, "a number above 0"));
        }
        if self.max_iter == 0 {
            return Err(Error::setting("max_iter", 0, "at least 1"));
        }
        if !(self.tolerance.is_finite() && self.tolerance > 0.0) {
            return Err(Error::setting("tolerance", self.tolerance, "a number above 0"));
        }
        if task == Task::Unsupervised {
            return Err(Task::no_target(self.kind()));
        }
        if task == Task::Regression {
            return Err(Error::data_hint(
                "`logistic_regression` predicts classes, and the target is a number",
                "use `linear_regression` or `ridge`, or type the target `categorical`",
            ));
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
        let Target::Classes { codes, labels } = target else {
            return Err(Error::Bug("`logistic_regression` was given numbers to learn".into()));
        };
        let design = columns::design(train, codes.len(), context, self.intercept)?;
        let weights = class_totals(&design, codes, labels.len())?;
        let present: Vec<usize> = (0..labels.len()).filter(|&k| weights[k] > 0.0).collect();
        if present.len() < 2 {
            return Err(Error::data_hint(
                "the training rows have one class only",
                "give rows of at least two classes, or split with `stratify: true`",
            ));
        }
        for absent in (0..labels.len()).filter(|k| !present.contains(k)) {
            let name = &labels.names()[absent];
            context.notes.add(format!("class `{name}` has no training row; it is never predicted"));
        }
        let (coefficients, constants) =
            self.fit_present(&design, codes, &weights, &present, context)?;
        Ok(Box::new(LogisticModel::new(
            train.schema(),
            labels.len(),
            spread(coefficients, &present, labels.len(), design.width(), 0.0),
            spread(constants, &present, labels.len(), 1, f64::NEG_INFINITY),
            design.deviations().to_vec(),
        )))
    }
}

impl LogisticRegression {
    /// Weights and constants on the scale of the data: one row for two classes, else one a class.
    fn fit_present(
        &self,
        design: &Design<'_>,
        codes: &[u32],
        weights: &[f64],
        present: &[usize],
        context: &FitContext<'_>,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let codes: Vec<u32> = codes
            .iter()
            .map(|&code| present.iter().position(|&k| k == code as usize).unwrap_or(0) as u32)
            .collect();
        let loss = LogisticLoss::new(design, &codes, self.class_weights(weights, present), self.c)?;
        let Found { mut point, converged } =
            if present.len() == 2 && design.width() <= NEWTON_COLUMNS {
                newton::minimise(&loss, self.max_iter, self.tolerance)?
            } else {
                lbfgs::minimise(&loss, self.max_iter, self.tolerance)?
            };
        if !converged {
            context.notes.add(format!(
                "`logistic_regression` stopped after {} steps before it converged: \
                 standardise the columns, lower `c` or raise `max_iter`",
                self.max_iter
            ));
        }
        center(&mut point, loss.scores());
        let stride = design.width() + 1;
        let mut coefficients = Vec::with_capacity(loss.scores() * design.width());
        let mut constants = Vec::with_capacity(loss.scores());
        for class in point.chunks(stride) {
            let (weights, constant) = class.split_at(design.width());
            let (weights, constant) = design.restore(weights, constant.iter().sum());
            coefficients.extend(weights);
            constants.push(constant);
        }
        Ok((coefficients, constants))
    }

    fn class_weights(&self, totals: &[f64], present: &[usize]) -> Vec<f64> {
        let all: f64 = present.iter().map(|&k| totals[k]).sum();
        present
            .iter()
            .map(|&k| match self.class_weight {
                ClassWeight::None => 1.0,
                ClassWeight::Balanced => all / (present.len() as f64 * totals[k]),
            })
            .collect()
    }
}

/// The sum of the row weights of each class.
fn class_totals(design: &Design<'_>, codes: &[u32], classes: usize) -> Result<Vec<f64>> {
    let mut totals = vec![0.0; classes];
    for (row, &code) in codes.iter().enumerate() {
        let total = totals
            .get_mut(code as usize)
            .ok_or_else(|| Error::Bug(format!("row {row} has a class beyond the labels")))?;
        *total += design.weight(row);
    }
    Ok(totals)
}

/// Shifts the scores of several classes so that they sum to 0, which changes no probability: the
/// penalty asks it of the weights, nothing does of the constants.
fn center(point: &mut [f64], scores: usize) {
    if scores < 2 {
        return;
    }
    let stride = point.len() / scores;
    for at in 0..stride {
        let mean = (0..scores).map(|k| point[k * stride + at]).sum::<f64>() / scores as f64;
        (0..scores).for_each(|k| point[k * stride + at] -= mean);
    }
}

/// Rows of `width` numbers for all classes out of those of the present ones; `absent` elsewhere.
fn spread(
    values: Vec<f64>,
    present: &[usize],
    classes: usize,
    width: usize,
    absent: f64,
) -> Vec<f64> {
    if present.len() == classes {
        return values;
    }
    let mut all = vec![absent; classes * width];
    // Two present classes share one row; the first of them scores 0.
    let first = if present.len() == 2 { 1 } else { 0 };
    if first == 1 {
        all[present[0] * width..(present[0] + 1) * width].fill(0.0);
    }
    for (row, &class) in values.chunks(width).zip(&present[first..]) {
        all[class * width..(class + 1) * width].copy_from_slice(row);
    }
    all
}
