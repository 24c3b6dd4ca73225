//! Means of the target by category and fold: what target encoding counts.

use std::sync::Arc;

use gristmill_core::{Error, Labels, Result, Target};

use crate::target_encoder::Smoothing;

/// The answers of the training rows as one or more columns of numbers, with their weights.
pub(crate) struct Answers<'a> {
    values: Values<'a>,
    weights: Option<&'a [f64]>,
    means: Vec<f64>,
}

enum Values<'a> {
    Numbers(&'a [f64]),
    /// Of two classes, one output for the second; of more, one for each.
    Classes {
        codes: &'a [u32],
        labels: &'a Arc<Labels>,
    },
}

impl<'a> Answers<'a> {
    /// The answers of `target`.
    ///
    /// # Errors
    /// An infinite answer; weights that are negative or sum to nothing.
    pub(crate) fn new(target: &'a Target, weights: Option<&'a [f64]>) -> Result<Self> {
        let values = match target {
            Target::Numbers(values) => Values::Numbers(values),
            Target::Classes { codes, labels } => Values::Classes { codes, labels },
            Target::Absent(_) => return Err(no_target()),
        };
        if let Some(weight) = weights.and_then(|w| w.iter().find(|w| w.is_nan() || **w < 0.0)) {
            return Err(Error::data(format!("a row has the weight {weight}, which is below 0")));
        }
        let mut answers = Self { values, weights, means: Vec::new() };
        answers.means = (0..answers.outputs()).map(|o| answers.mean(o)).collect();
        if answers.means.iter().any(|mean| !mean.is_finite()) && !target.is_empty() {
            return Err(Error::data_hint(
                "the target has no mean: a value is infinite, or no row has a weight above 0",
                "leave such rows out with `sql`",
            ));
        }
        Ok(answers)
    }

    /// How many columns each column becomes.
    pub(crate) fn outputs(&self) -> usize {
        match &self.values {
            Values::Classes { labels, .. } if labels.len() > 2 => labels.len(),
            _ => 1,
        }
    }

    /// The classes that have a column each, where there are more than two.
    pub(crate) fn classes(&self) -> Option<&[String]> {
        match &self.values {
            Values::Classes { labels, .. } if labels.len() > 2 => Some(labels.names()),
            _ => None,
        }
    }

    /// The mean of each output over all rows.
    pub(crate) fn means(&self) -> &[f64] {
        &self.means
    }

    fn mean(&self, output: usize) -> f64 {
        let mut sums = (0.0, 0.0);
        self.each(output, |_, weight, value| {
            sums.0 += weight;
            sums.1 += weight * value;
        });
        sums.1 / sums.0
    }

    /// Calls `see` with each row's number, weight and value.
    fn each(&self, output: usize, mut see: impl FnMut(usize, f64, f64)) {
        let weight = |row: usize| self.weights.map_or(1.0, |w| w[row]);
        match &self.values {
            Values::Numbers(values) => {
                values.iter().enumerate().for_each(|(row, &value)| see(row, weight(row), value));
            }
            Values::Classes { codes, labels } => {
                let class = if labels.len() > 2 { output as u32 } else { 1 };
                for (row, &code) in codes.iter().enumerate() {
                    see(row, weight(row), f64::from(u8::from(code == class)));
                }
            }
        }
    }
}

/// Says that there is nothing to learn from.
pub(crate) fn no_target() -> Error {
    Error::data_hint(
        "target encoding learns from a target, and there is none",
        "name one with `target:`, or use `frequency_encode` instead",
    )
}

/// What some rows of a category say of the target.
#[derive(Clone, Copy, Default)]
struct Cell {
    weight: f64,
    /// Weighted sums of the difference to the mean of all rows, and of its square.
    sum: f64,
    squares: f64,
}

impl Cell {
    fn merged(self, other: Self) -> Self {
        Self {
            weight: self.weight + other.weight,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }

    fn variance(self) -> f64 {
        let mean = self.sum / self.weight;
        (self.squares / self.weight - mean * mean).max(0.0)
    }
}

/// What the rows of each category say, fold by fold.
pub(crate) struct Cells {
    folds: Vec<Vec<Cell>>,
}

impl Cells {
    /// The cells of each fold; `codes` are below `width`.
    pub(crate) fn count(
        answers: &Answers<'_>,
        output: usize,
        codes: &[u32],
        width: usize,
        dealt: &[u32],
        folds: usize,
    ) -> Self {
        let mut cells = vec![vec![Cell::default(); width]; folds.max(1)];
        let mean = answers.means[output];
        answers.each(output, |row, weight, value| {
            let cell = &mut cells[dealt[row] as usize][codes[row] as usize];
            let difference = value - mean;
            cell.weight += weight;
            cell.sum += weight * difference;
            cell.squares += weight * difference * difference;
        });
        Self { folds: cells }
    }

    /// All rows of each category.
    pub(crate) fn all(&self) -> Means {
        self.merged(|_| true)
    }

    /// The rows of each category outside of `fold`.
    pub(crate) fn without(&self, fold: usize) -> Means {
        self.merged(|other| other != fold)
    }

    fn merged(&self, take: impl Fn(usize) -> bool) -> Means {
        let width = self.folds.first().map_or(0, Vec::len);
        let mut cells = vec![Cell::default(); width];
        for fold in (0..self.folds.len()).filter(|&fold| take(fold)) {
            for (cell, other) in cells.iter_mut().zip(&self.folds[fold]) {
                *cell = cell.merged(*other);
            }
        }
        Means(cells)
    }
}

/// What some rows say of each category.
pub(crate) struct Means(Vec<Cell>);

impl Means {
    /// The encoding of each category; `mean` is that of all training rows, to which the cells
    /// refer.
    pub(crate) fn encodings(&self, smoothing: Smoothing, mean: f64) -> Vec<f64> {
        let all = self.0.iter().fold(Cell::default(), |all, &cell| all.merged(cell));
        // Rows without any weight leave nothing but the mean of all training rows.
        let centre = if all.weight > 0.0 { all.sum / all.weight } else { 0.0 };
        let variance = if all.weight > 0.0 { all.variance() } else { 0.0 };
        let encode = |cell: &Cell| {
            let own = cell.sum / cell.weight;
            let share = match smoothing {
                Smoothing::Number(rows) => cell.weight / (cell.weight + rows),
                Smoothing::Auto => {
                    let known = variance * cell.weight;
                    known / (known + cell.variance())
                }
            };
            // Neither a category without rows nor one without any variance has a share.
            let difference =
                if share.is_nan() { centre } else { share * own + (1.0 - share) * centre };
            mean + difference
        };
        self.0.iter().map(encode).collect()
    }
}
