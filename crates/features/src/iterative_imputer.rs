//! Fills missing values by predicting each column from the others, in rounds: the settings, and
//! how the lines are learned.
//! Method: chained equations, van Buuren and Groothuis-Oudshoorn, *mice: Multivariate Imputation by
//! Chained Equations in R*, 2011, with ridge regressions and without draws.

use std::borrow::Cow;

use gristmill_core::{
    Error, FitContext, FittedTransform, Frame, Result, Schema, Selector, Transform, fold_chunks,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::chained::FittedIterativeImputer;
use crate::chained::{self, KIND, Learned};
use crate::columns;
use crate::cross_products::CrossProducts;
use crate::filled::{self, Filled};
use crate::moments::Moments;
use crate::ridge::{self, Line};
use crate::taken;

pub(crate) const VERSION: u32 = 1;

/// Fills a missing value with its prediction from the other columns of its row.
///
/// Missing values start as the mean of their column. Then, column by column from the one with the
/// fewest missing values on, a ridge regression on all other columns is learned from the rows that
/// have the column, and predicts it where it is missing, within the least and the greatest value of
/// training. Rounds repeat until no row changes by more than `tolerance` times the greatest absolute
/// value, as scikit-learn's `IterativeImputer(Ridge(alpha))` with these bounds; a note says so when
/// they do not. Later rows go through the same lines in the same order. Columns without missing
/// values in training are predicted as well where later rows lack them.
///
/// The penalty acts on weights in the units of the columns: put `standardize` before where units
/// differ; it leaves missing values missing. A column of which training saw no value is left out,
/// with a note. Boolean columns count as 0 and 1 and become numeric. The columns keep their names
/// and places.
///
/// # Errors
/// A setting that makes no sense; a column that is neither numeric nor boolean; a selector that
/// selects nothing; infinite values, in training and in later rows.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::IterativeImputer;
/// # use gristmill_testkit::table;
/// let rows = table()
///     .numbers("x", [Some(1.0), Some(2.0), Some(4.0), Some(3.0)])
///     .numbers("y", [Some(10.0), Some(20.0), Some(40.0), None])
///     .frame();
/// let notes = Notes::default();
/// let (_, filled) =
///     IterativeImputer::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert!((filled.numbers(1)?[3] - 30.0).abs() < 0.01);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IterativeImputer {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many rounds there are at most.
    pub max_iter: usize,
    /// Rounds end when no row changes by more than this share of the greatest absolute value.
    pub tolerance: f64,
    /// The penalty on the squares of the weights.
    pub alpha: f64,
}

impl Default for IterativeImputer {
    fn default() -> Self {
        let columns = Selector::word("numeric");
        Self { columns, max_iter: 10, tolerance: 1e-3, alpha: 1e-3 }
    }
}

impl IterativeImputer {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        if !(1..=1_000).contains(&self.max_iter) {
            return Err(Error::setting("max_iter", self.max_iter, "1 to 1000"));
        }
        for (name, value) in [("tolerance", self.tolerance), ("alpha", self.alpha)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::setting(name, value, "0 or more"));
            }
        }
        columns::taken(&self.columns, input, columns::numeric)
    }

    /// Runs the rounds over `columns`, of which `means` fill what is missing.
    fn rounds(
        &self,
        mut columns: Vec<Chained>,
        context: &FitContext<'_>,
    ) -> Result<Vec<(usize, Line)>> {
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_by_key(|&at| columns[at].missing.len());
        let greatest = columns.iter().fold(0.0f64, |m, c| m.max(c.low.abs()).max(c.high.abs()));
        let mut steps = Vec::new();
        if columns.len() < 2 {
            return Ok(steps);
        }
        for _ in 0..self.max_iter {
            let mut whole = None;
            let mut changes = vec![0.0; columns[0].values.len()];
            for &at in &order {
                let line = ridge::line(&*seen(&columns, at, &mut whole)?, at, self.alpha);
                if fill(&mut columns, at, &line, &mut changes) {
                    whole = None;
                }
                steps.push((at, line));
            }
            if changes.into_iter().fold(0.0, f64::max) < self.tolerance * greatest {
                return Ok(steps);
            }
        }
        if columns.iter().any(|c| !c.missing.is_empty()) {
            context.notes.add(format!(
                "the values of `{KIND}` had not come to rest after {} rounds",
                self.max_iter
            ));
        }
        Ok(steps)
    }
}

/// A column in the course of the rounds.
struct Chained {
    values: Vec<f64>,
    /// The rows in which it is missing, rising.
    missing: Vec<usize>,
    low: f64,
    high: f64,
}

impl Chained {
    fn new(values: &[f64], mean: f64) -> Self {
        let missing = (0..values.len()).filter(|&row| values[row].is_nan()).collect();
        let filled = |v: &f64| if v.is_nan() { mean } else { *v };
        Self {
            missing,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            values: values.iter().map(filled).collect(),
        }
    }
}

/// The cross products of all columns over the rows that have the column at `target`.
fn seen<'w>(
    columns: &[Chained],
    target: usize,
    whole: &'w mut Option<CrossProducts>,
) -> Result<Cow<'w, CrossProducts>> {
    if !columns[target].missing.is_empty() {
        return Ok(Cow::Owned(products(columns, &columns[target].missing)?));
    }
    Ok(Cow::Borrowed(match whole {
        Some(known) => known,
        None => whole.insert(products(columns, &[])?),
    }))
}

/// The cross products of all columns over the rows that are not among `without`, which rise.
fn products(columns: &[Chained], without: &[usize]) -> Result<CrossProducts> {
    let rows = columns.first().map_or(0, |c| c.values.len());
    let chunk = |range: std::ops::Range<usize>| {
        let from = without.partition_point(|row| *row < range.start);
        let to = without.partition_point(|row| *row < range.end);
        let parts: Vec<Cow<'_, [f64]>> =
            columns.iter().map(|c| kept(&c.values, range.clone(), &without[from..to])).collect();
        let parts: Vec<&[f64]> = parts.iter().map(|p| &**p).collect();
        let means = parts.iter().map(|p| Moments::of(p).mean).collect();
        Ok(CrossProducts::of(&parts, means))
    };
    fold_chunks(rows, chunk, |left: CrossProducts, right| Ok(left.merged(&right)))
}

/// The values in `range` whose rows are not among `without`.
fn kept<'v>(values: &'v [f64], range: std::ops::Range<usize>, without: &[usize]) -> Cow<'v, [f64]> {
    if without.is_empty() {
        return Cow::Borrowed(&values[range]);
    }
    let mut kept = Vec::with_capacity(range.len());
    let mut from = range.start;
    for &row in without {
        kept.extend_from_slice(&values[from..row]);
        from = row + 1;
    }
    kept.extend_from_slice(&values[from..range.end]);
    Cow::Owned(kept)
}

/// Predicts the column at `at` where it is missing, and adds to each row how much it changed; says
/// whether there was anything to predict.
fn fill(columns: &mut [Chained], at: usize, line: &Line, changes: &mut [f64]) -> bool {
    let (low, high) = (columns[at].low, columns[at].high);
    let predicted: Vec<f64> = columns[at]
        .missing
        .iter()
        .map(|&row| chained::predict(line, columns.iter().map(|c| c.values[row]), low, high))
        .collect();
    let column = &mut columns[at];
    for (&row, value) in column.missing.iter().zip(predicted) {
        changes[row] += (column.values[row] - value).abs();
        column.values[row] = value;
    }
    !column.missing.is_empty()
}

impl Transform for IterativeImputer {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        filled::announced(input, &self.positions(input)?)
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let positions = self.positions(train.schema())?;
        let filled = Filled::learn(KIND, &train, &positions, context.notes)?;
        let columns = taken::learn_each(&train, &filled.taken.positions, |field, values| {
            let moments = Moments::of(values);
            // Squares are added up over all rows later on.
            let sum = moments.variance() * moments.count as f64;
            if !moments.mean.is_finite() || !sum.is_finite() {
                return Err(taken::beyond(field));
            }
            Ok((moments.mean, Chained::new(values, moments.mean)))
        })?;
        let (means, columns): (Vec<f64>, Vec<Chained>) = columns.into_iter().unzip();
        let lows = columns.iter().map(|c| c.low).collect();
        let highs = columns.iter().map(|c| c.high).collect();
        let steps = self.rounds(columns, context)?;
        let fitted = chained::fitted(filled, Learned { means, lows, highs, steps });
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}
