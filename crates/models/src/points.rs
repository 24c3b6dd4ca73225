//! Rows as points: what models that measure distances compute on.

use gristmill_core::{Error, FitContext, Frame, Result, Schema, SemanticType, Task};
use rayon::prelude::*;

/// Beyond this the squares of differences, and sums of many of them, could have no finite value.
const MAX_VALUE: f64 = 1e100;

/// How many rows are turned from columns into points at once.
const BLOCK_ROWS: usize = 256;

/// Points with `width` coordinates each, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Points {
    width: usize,
    values: Vec<f64>,
}

impl Points {
    /// Points of these coordinates, one point after the other; `width` is above 0.
    pub(crate) fn new(width: usize, values: Vec<f64>) -> Self {
        debug_assert!(width > 0 && values.len().is_multiple_of(width));
        Self { width, values }
    }

    /// The rows of a frame that has the columns `wanted`, for a step called `kind`.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] and [`Error::Data`] when the columns are others; [`Error::Data`]
    /// naming column and row where a value is missing, infinite or too large to be squared.
    pub(crate) fn of(kind: &str, rows: &Frame, wanted: &Schema) -> Result<Self> {
        require(kind, rows, wanted)?;
        let columns: Vec<&[f64]> =
            (0..wanted.len()).map(|at| usable(kind, rows, at)).collect::<Result<_>>()?;
        let width = columns.len();
        let mut values = vec![0.0; rows.rows() * width];
        values.par_chunks_mut(BLOCK_ROWS * width).enumerate().for_each(|(block, into)| {
            let from = block * BLOCK_ROWS;
            for (at, column) in columns.iter().enumerate() {
                let given = &column[from..(from + BLOCK_ROWS).min(column.len())];
                for (point, &value) in into.chunks_exact_mut(width).zip(given) {
                    point[at] = value;
                }
            }
        });
        Ok(Self { width, values })
    }

    /// How many points there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// How many coordinates a point has.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The coordinates of one point.
    pub(crate) fn point(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..(at + 1) * self.width]
    }

    /// All points in order.
    pub(crate) fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.width)
    }

    /// All coordinates, point after point.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// All coordinates, to be written to.
    pub(crate) fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The least and the largest value of each coordinate.
    pub(crate) fn extremes(&self) -> (Vec<f64>, Vec<f64>) {
        let none = || (vec![f64::INFINITY; self.width], vec![f64::NEG_INFINITY; self.width]);
        let widen = |(mut low, mut high): (Vec<f64>, Vec<f64>),
                     (other_low, other_high): (&[f64], &[f64])| {
            low.iter_mut().zip(other_low).for_each(|(low, x)| *low = low.min(*x));
            high.iter_mut().zip(other_high).for_each(|(high, x)| *high = high.max(*x));
            (low, high)
        };
        let blocks = self.values.par_chunks(BLOCK_ROWS * self.width).map(|block| {
            block.chunks_exact(self.width).fold(none(), |found, point| widen(found, (point, point)))
        });
        // Neither of two equal values differs from the other, so the order does not matter.
        blocks.reduce(none, |found, (low, high)| widen(found, (&low, &high)))
    }

    /// The points at `rows`, in that order.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        let mut values = Vec::with_capacity(rows.len() * self.width);
        rows.iter().for_each(|&row| values.extend_from_slice(self.point(row as usize)));
        Self { width: self.width, values }
    }

    /// The points of a stored model: finite, and as wide as its columns.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub(crate) fn stored(name: &str, values: &[f64], width: usize) -> Result<Self> {
        let damaged = |found: &str| Err(Error::damaged(format!("tensor `{name}`"), found));
        if width == 0 || values.is_empty() || !values.len().is_multiple_of(width) {
            return damaged("it does not hold one number a row and column");
        }
        if !values.iter().all(|v| v.abs() <= MAX_VALUE) {
            return damaged("it holds a number that no row can have");
        }
        Ok(Self { width, values: values.to_vec() })
    }
}

/// The rows to learn from: those that weigh something.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The rows as points.
    pub(crate) points: Points,
    /// Which rows of the frame they are.
    pub(crate) kept: Vec<u32>,
    /// What each weighs; nothing when all weigh 1.
    pub(crate) weights: Option<Vec<f64>>,
}

impl Sample {
    /// The rows of `train`, whose target has `answers` rows, for a step called `kind`.
    ///
    /// # Errors
    /// As [`Points::of`]; [`Error::Data`] when there is no row, or weights are missing, negative,
    /// infinite or all 0.
    pub(crate) fn new(
        kind: &str,
        train: &Frame,
        answers: usize,
        context: &FitContext<'_>,
    ) -> Result<Self> {
        let rows = train.rows();
        if answers != rows || context.weights.is_some_and(|w| w.len() != rows) {
            return Err(Error::Bug(format!("{rows} rows do not match their answers or weights")));
        }
        let Ok(count) = u32::try_from(rows) else {
            return Err(Error::data_hint(
                format!("there are {rows} rows; `{kind}` takes {}", u32::MAX),
                "train on a sample of them",
            ));
        };
        let points = Points::of(kind, train, train.schema())?;
        let weights = context.weights.filter(|w| w.iter().any(|w| *w != 1.0));
        let Some(weights) = weights else {
            let sample = Self { points, kept: (0..count).collect(), weights: None };
            return if rows == 0 { Err(no_row()) } else { Ok(sample) };
        };
        if weights.iter().any(|w| !(w.is_finite() && *w >= 0.0)) {
            return Err(Error::data("row weights must be finite and from 0 on"));
        }
        let kept: Vec<u32> = (0..count).filter(|&row| weights[row as usize] > 0.0).collect();
        if kept.is_empty() {
            return Err(no_row());
        }
        let weights = kept.iter().map(|&row| weights[row as usize]).collect();
        let points = if kept.len() == rows { points } else { points.take(&kept) };
        Ok(Self { points, kept, weights: Some(weights) })
    }

    /// What the point at this position weighs.
    pub(crate) fn weight(&self, at: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[at])
    }
}

fn no_row() -> Error {
    Error::data("there is no row to learn from, or none that weighs anything")
}

/// Refuses columns that are not numbers, and a table without columns.
///
/// # Errors
/// [`Error::WrongType`] with the transform that helps; [`Error::Data`] without columns.
pub(crate) fn check_columns(input: &Schema) -> Result<()> {
    if input.is_empty() {
        return Err(Error::data_hint(
            "there is no column to measure distances by",
            "leave some columns beside the target, its group and its time",
        ));
    }
    input.fields().iter().try_for_each(|field| {
        let remedy = match field.semantic {
            SemanticType::Numeric | SemanticType::Boolean => return Ok(()),
            SemanticType::Categorical => "add `one_hot` before the model",
            SemanticType::Datetime => "add `datetime` before the model, or `drop` the column",
            SemanticType::Text => "add `tfidf` before the model, or `drop` the column",
            SemanticType::Image => "add `pixels` before the model, or `drop` the column",
            SemanticType::Id => "leave the column out with `drop`",
        };
        Err(Error::WrongType {
            name: field.name.clone(),
            found: field.semantic,
            expected: "numeric or boolean",
            hint: Some(remedy.into()),
        })
    })
}

/// As [`check_columns`], for the columns of a stored model.
///
/// # Errors
/// [`Error::Damaged`].
pub(crate) fn check_stored(kind: &str, input: &Schema) -> Result<()> {
    check_columns(input).map_err(|e| Error::damaged(format!("model `{kind}`"), e.to_string()))
}

/// Refuses a target for an estimator that learns without one.
///
/// # Errors
/// [`Error::Data`].
pub(crate) fn refuse_target(kind: &str, task: Task) -> Result<()> {
    match task {
        Task::Unsupervised => Ok(()),
        Task::Classification { .. } | Task::Regression => Err(Error::data_hint(
            format!("`{kind}` learns without known answers, and there is a target"),
            "leave `target:` out, or use a model that predicts",
        )),
    }
}

fn require(kind: &str, rows: &Frame, wanted: &Schema) -> Result<()> {
    for (at, field) in wanted.fields().iter().enumerate() {
        if rows.schema().position(&field.name)? != at {
            return Err(Error::Bug(format!("column `{}` is not in its place", field.name)));
        }
    }
    if rows.schema().len() != wanted.len() {
        return Err(Error::Bug(format!("`{kind}` was given more columns than it takes")));
    }
    Ok(())
}

fn usable<'a>(kind: &str, rows: &'a Frame, at: usize) -> Result<&'a [f64]> {
    let values = rows.numbers(at)?;
    let fits = |v: &f64| v.abs() <= MAX_VALUE;
    // Whole runs are looked at without a branch for each value.
    let run =
        values.chunks(BLOCK_ROWS).position(|run| !run.iter().fold(true, |ok, v| ok & fits(v)));
    let bad = run
        .map(|run| run * BLOCK_ROWS)
        .and_then(|from| values[from..].iter().position(|v| !fits(v)).map(|place| from + place));
    let Some(row) = bad else { return Ok(values) };
    let name = &rows.schema().fields()[at].name;
    if values[row].is_nan() {
        return Err(Error::data_hint(
            format!("column `{name}` has no value in row {}, and `{kind}` needs one", row + 1),
            format!("add `impute: {{columns: {name}}}` before the model"),
        ));
    }
    Err(Error::data_hint(
        format!(
            "column `{name}` is {:e} in row {}, and distances take up to {MAX_VALUE:e}",
            values[row],
            row + 1
        ),
        "correct the value, or cut it with `derive` before the model",
    ))
}
