//! Naive Bayes for columns that are normally distributed in each class.

use std::borrow::Cow;
use std::f64::consts::TAU;
use std::ops::Range;
use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    DenseMatrix, Error, Estimator, FitContext, Frame, Load, Model, Result, Schema, Scores, State,
    Target, Task,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::linear::{
    Present, Values, check_not_negative, check_weights, columns, refuse_numbers, softmax, spread,
    stored,
};
use crate::{ClassWeight, linear};

/// Gives each class k the probability pₖ ∝ πₖ Πⱼ N(xⱼ; μₖⱼ, σ²ₖⱼ), where πₖ is its share of the rows
/// and N the normal distribution with mean and variance of the column in the class.
///
/// Columns are taken as independent within a class, and nothing is searched for: one pass learns
/// it. `variance_smoothing` times the largest variance of a column is added to all variances, so
/// that a column that is constant in a class does not decide alone. Row weights count as so many
/// rows. A class without training rows gets the probability 0.
/// Source: Hastie, Tibshirani and Friedman, *Elements of Statistical Learning*, 2nd edition, 6.6.3.
///
/// ```
/// # use gristmill_core::Pipeline;
/// # use gristmill_models::GaussianNaiveBayes;
/// # use gristmill_testkit::table;
/// let rows = table()
///     .numbers("height", [1.5, 1.6, 1.8, 1.9])
///     .words("size", ["small", "small", "tall", "tall"])
///     .target("size");
/// let fitted = Pipeline::new().model(GaussianNaiveBayes::default()).fit(&rows)?;
/// assert_eq!(fitted.predict(&rows)?.words().unwrap(), ["small", "small", "tall", "tall"]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianNaiveBayes {
    /// Which share of the largest variance is added to all; also written `var_smoothing`.
    #[serde(alias = "var_smoothing")]
    #[schemars(range(min = 0.0))]
    pub variance_smoothing: f64,
}

impl GaussianNaiveBayes {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 2;
}

impl Default for GaussianNaiveBayes {
    fn default() -> Self {
        Self { variance_smoothing: 1e-9 }
    }
}

impl Estimator for GaussianNaiveBayes {
    fn kind(&self) -> &'static str {
        GaussianNaiveBayesModel::KIND
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_not_negative("variance_smoothing", self.variance_smoothing)?;
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
        let numbers = columns::numbers(train, train.schema())?;
        if train.rows() == 0 {
            return Err(Error::data("there is no row to learn from"));
        }
        check_weights(context.weights, train.rows())?;
        let present = Present::new(self.kind(), target, context)?;
        let weights = present.row_weights(ClassWeight::None, context.weights);
        let looked_at = typical_rows(&present);
        let moments: Vec<Moments> = numbers
            .par_iter()
            .map(|column| Moments::of(column, &present, &weights, &looked_at))
            .collect();
        if let Some(at) = moments.iter().position(|m| !m.whole.is_finite()) {
            return Err(Error::data_hint(
                format!("column `{}` holds numbers too large", train.schema().fields()[at].name),
                "divide them with `derive` before the model, or leave the column out with `drop`",
            ));
        }
        let largest = moments.iter().map(|m| m.whole).fold(0.0, f64::max);
        // Where no column varies, classes differ by their shares alone, whatever the variance.
        let added = if largest > 0.0 { self.variance_smoothing * largest } else { 1.0 };
        let model = GaussianNaiveBayesModel {
            input: Arc::clone(train.schema()),
            facts: Facts { classes: present.all, present: present.classes.clone() },
            shares: present.shares(),
            means: moments.iter().flat_map(|m| m.means.iter().copied()).collect(),
            // A variance of 0 without smoothing would divide by 0.
            variances: moments
                .iter()
                .flat_map(|m| m.variances.iter().map(|v| (v + added).max(f64::MIN_POSITIVE)))
                .collect(),
        };
        Ok(Box::new(model))
    }
}

/// How many rows are answered at once, few enough to stay in a processor's cache.
const BLOCK_ROWS: usize = 2048;

/// A column in each class.
struct Moments {
    means: Vec<f64>,
    variances: Vec<f64>,
    /// The variance in all classes together.
    whole: f64,
}

impl Moments {
    /// Goes once through the rows; sums of what values differ by from a typical one of their class
    /// keep their digits (Chan, Golub and LeVeque, *The American Statistician* 37, 1983).
    fn of(
        column: &Values<'_>,
        present: &Present,
        weights: &[f64],
        looked_at: &[Vec<usize>],
    ) -> Self {
        let values = written_out(column, weights.len());
        let typical = |rows: &Vec<usize>| {
            rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len().max(1) as f64
        };
        let shifts: Vec<f64> = looked_at.iter().map(typical).collect();
        let sums = class_sums(&values, &present.codes, weights, &shifts);
        let each = || sums.iter().zip(present.totals()).zip(&shifts);
        let means: Vec<f64> = each().map(|((s, total), shift)| shift + s[0] / total).collect();
        let variances: Vec<f64> = each()
            .map(|((s, total), _)| {
                let (off, square) = (s[0] / total, s[1] / total);
                let variance = square - off * off;
                if variance < 0.0 { 0.0 } else { variance }
            })
            .collect();
        let whole = variance_of_all(&means, &variances, present.totals());
        Self { means, variances, whole }
    }
}

/// All numbers of a column.
fn written_out<'a>(column: &Values<'a>, rows: usize) -> Cow<'a, [f64]> {
    if let Values::Dense(values) = column {
        return Cow::Borrowed(values);
    }
    let mut values = vec![0.0; rows];
    column.add_scaled(1.0, &mut values);
    Cow::Owned(values)
}

/// A few rows of each class, spread evenly over its rows.
fn typical_rows(present: &Present) -> Vec<Vec<usize>> {
    const LOOKED_AT: usize = 64;
    let mut counts = vec![0_usize; present.len()];
    present.codes.iter().for_each(|&code| counts[code as usize] += 1);
    let mut seen = vec![0_usize; present.len()];
    let mut rows = vec![Vec::new(); present.len()];
    for (row, &code) in present.codes.iter().enumerate() {
        let class = code as usize;
        if seen[class].is_multiple_of(counts[class].div_ceil(LOOKED_AT)) {
            rows[class].push(row);
        }
        seen[class] += 1;
    }
    rows
}

/// Σ w (x − shift) and Σ w (x − shift)² of each class.
fn class_sums(values: &[f64], codes: &[u32], weights: &[f64], shifts: &[f64]) -> Vec<[f64; 2]> {
    // Neighbouring rows go to sums of their own, so that none waits for the one before.
    const LANES: usize = 4;
    let classes = shifts.len();
    let mut lanes = vec![[0.0; 2]; LANES * classes];
    let rows = values.iter().zip(codes).zip(weights);
    for (row, ((x, &code), weight)) in rows.enumerate() {
        let difference = x - shifts[code as usize];
        let sums = &mut lanes[row % LANES * classes + code as usize];
        sums[0] += weight * difference;
        sums[1] += weight * difference * difference;
    }
    let (first, others) = lanes.split_at_mut(classes);
    for (at, sums) in others.iter().enumerate() {
        first[at % classes][0] += sums[0];
        first[at % classes][1] += sums[1];
    }
    lanes.truncate(classes);
    lanes
}

/// The variance of rows that fall into classes: that within them and that between them.
fn variance_of_all(means: &[f64], variances: &[f64], totals: &[f64]) -> f64 {
    let all: f64 = totals.iter().sum();
    let mean = means.iter().zip(totals).map(|(m, t)| m * t).sum::<f64>() / all;
    let classes = means.iter().zip(variances).zip(totals);
    classes.map(|((m, v), t)| t * (v + (m - mean) * (m - mean))).sum::<f64>() / all
}

/// What [`GaussianNaiveBayes`] learns.
#[derive(Clone, Debug)]
pub struct GaussianNaiveBayesModel {
    input: Arc<Schema>,
    facts: Facts,
    /// πₖ of the classes that had rows.
    shares: Vec<f64>,
    /// `[columns, classes]`.
    means: Vec<f64>,
    variances: Vec<f64>,
}

/// What is stored of it besides numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    classes: usize,
    /// The classes that had training rows.
    present: Vec<usize>,
}

impl GaussianNaiveBayesModel {
    const KIND: &'static str = "gaussian_naive_bayes";

    /// The probability of each class with rows, class after class, for the rows in `range`.
    fn shares_of(&self, columns: &[Values<'_>], range: Range<usize>) -> Vec<f64> {
        let n = range.len();
        let mut joint: Vec<f64> = (0..self.facts.present.len())
            .flat_map(|class| self.joint(columns, range.clone(), class))
            .collect();
        (0..n).for_each(|row| {
            softmax(&mut joint, row, n);
        });
        joint
    }

    /// ln πₖ + Σⱼ ln N(xⱼ) of a class for each row, added in the order of the columns.
    fn joint(&self, columns: &[Values<'_>], rows: Range<usize>, class: usize) -> Vec<f64> {
        let present = self.facts.present.len();
        let mut sums = vec![self.shares[class].ln(); rows.len()];
        let mut values = vec![0.0; rows.len()];
        for (at, column) in columns.iter().enumerate() {
            let (mean, variance) =
                (self.means[at * present + class], self.variances[at * present + class]);
            let constant = -0.5 * (TAU * variance).ln();
            let deviation = variance.sqrt();
            column.standardise(rows.clone(), mean, 1.0 / deviation, &mut values);
            sums.iter_mut().zip(&values).for_each(|(sum, z)| *sum += constant - 0.5 * z * z);
        }
        // Where every class is out of reach, none is nearer.
        sums.iter_mut().for_each(|sum| *sum = if sum.is_finite() { *sum } else { -f64::MAX });
        sums
    }
}

impl Model for GaussianNaiveBayesModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        Task::Classification { classes: self.facts.classes }
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let columns = columns::numbers(rows, &self.input)?;
        let blocks: Vec<Vec<f64>> = (0..rows.rows().div_ceil(BLOCK_ROWS))
            .into_par_iter()
            .map(|block| {
                let start = block * BLOCK_ROWS;
                self.shares_of(&columns, start..(start + BLOCK_ROWS).min(rows.rows()))
            })
            .collect();
        let mut probabilities = DenseMatrix::zeros(rows.rows(), self.facts.classes);
        for (place, &class) in self.facts.present.iter().enumerate() {
            let column = probabilities.column_mut(class).chunks_mut(BLOCK_ROWS);
            for (to, block) in column.zip(&blocks) {
                to.copy_from_slice(&block[place * to.len()..(place + 1) * to.len()]);
            }
        }
        Ok(Scores::Probabilities(probabilities))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let x = graph.matrix(columns);
        let present = self.facts.present.len();
        let joint = (0..present).map(|class| {
            let of = |numbers: &[f64]| -> Vec<f64> {
                numbers.iter().skip(class).step_by(present).copied().collect()
            };
            let (means, variances) = (of(&self.means), of(&self.variances));
            let constants = variances.iter().map(|v| -0.5 * (TAU * v).ln());
            let constant = self.shares[class].ln() + constants.sum::<f64>();
            let factors: Vec<f64> = variances.iter().map(|v| 1.0 / v.sqrt()).collect();
            let centred = graph.subtract(x, graph.row(&means));
            let z = graph.multiply(centred, graph.row(&factors));
            let squares = graph.sum(graph.multiply(z, z));
            let halved = graph.multiply(squares, graph.number(-0.5));
            graph.add(halved, graph.number(constant))
        });
        let joint = graph.join(&joint.collect::<Vec<_>>());
        let least = graph.number(-f64::MAX);
        let joint = graph.choose(graph.less(joint, least), least, joint);
        let shares = graph.softmax(joint);
        Ok(Answers::Probabilities(spread(graph, shares, &self.facts.present, self.facts.classes)))
    }

    fn state(&self) -> State {
        State::new(&self.facts)
            .with_f64("shares", self.shares.clone())
            .with_f64("means", self.means.clone())
            .with_f64("variances", self.variances.clone())
    }
}

impl Load for GaussianNaiveBayesModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        columns::check_stored(input)?;
        linear::check_present(&facts.present, facts.classes)?;
        let size = facts.present.len().saturating_mul(input.len());
        let model = Self {
            input: Arc::clone(input),
            shares: stored(state, "shares", facts.present.len())?,
            means: stored(state, "means", size)?,
            variances: stored(state, "variances", size)?,
            facts,
        };
        if model.shares.iter().chain(&model.variances).any(|v| *v <= 0.0) {
            return Err(Error::damaged("naive Bayes", "a share or a variance is not above 0"));
        }
        Ok(model)
    }
}
