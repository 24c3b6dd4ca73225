//! Training rows as solvers see them: columns shifted to mean 0 and scaled to deviation 1.
//!
//! The scaling changes how fast and how exactly a solver arrives, not where: penalties are
//! computed on the scale of the data, and the solution is carried back to it.

use std::ops::Range;

use gristmill_core::{CHUNK_ROWS, Result, fold_chunks};

use super::cholesky::{Symmetric, dot};

/// How many rows are standardised at once, few enough to stay in a processor's cache.
const BLOCK_ROWS: usize = 256;

/// How many numbers the sums of chunks may take at once while they wait to be added up.
const WAITING_NUMBERS: usize = 1 << 23;

/// Columns, row weights, and the shift and scale of each column.
#[derive(Debug)]
pub(super) struct Design<'a> {
    columns: Vec<&'a [f64]>,
    weights: Option<&'a [f64]>,
    rows: usize,
    total: f64,
    centers: Vec<f64>,
    scales: Vec<f64>,
    intercept: bool,
}

/// Some standardised rows.
#[derive(Debug)]
pub(super) struct Block<'b> {
    /// Which rows they are.
    pub rows: Range<usize>,
    values: &'b [f64],
}

impl Block<'_> {
    /// The standardised values of a column in these rows.
    pub fn column(&self, at: usize) -> &[f64] {
        &self.values[at * BLOCK_ROWS..at * BLOCK_ROWS + self.rows.len()]
    }
}

impl<'a> Design<'a> {
    /// Learns shift and scale; with an intercept the shift is the mean, without one it is 0. A
    /// constant column gets the scale 0. Columns whose squares overflow make scales that are not
    /// finite, which [`super::columns::design`] refuses.
    pub fn new(
        columns: Vec<&'a [f64]>,
        weights: Option<&'a [f64]>,
        rows: usize,
        intercept: bool,
    ) -> Result<Self> {
        let p = columns.len();
        let mut design = Self {
            columns,
            weights,
            rows,
            total: 0.0,
            centers: vec![0.0; p],
            scales: vec![1.0; p],
            intercept,
        };
        design.total = design.sum(|row| design.weight(row))?;
        if intercept {
            design.centers = design.column_means(|x, _| x)?;
        }
        let squares = design.column_means(|x, center| (x - center) * (x - center))?;
        for (at, square) in squares.into_iter().enumerate() {
            let deviation = square.sqrt();
            // What is left of a constant after subtracting its mean is rounding, not deviation.
            let noise = design.centers[at].abs() * 1e-13;
            design.scales[at] =
                if deviation <= noise && noise.is_finite() { 0.0 } else { deviation };
        }
        Ok(design)
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The sum of the row weights.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Whether a constant is learned beside the weights of the columns.
    pub fn intercept(&self) -> bool {
        self.intercept
    }

    /// The weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[row])
    }

    /// The standard deviation of each column, 0 for a constant one.
    pub fn deviations(&self) -> &[f64] {
        &self.scales
    }

    /// What penalising the squared weights on the scale of the data by 1 means for each
    /// standardised weight: 1/deviation². A constant column, whose weight must be 0, gets 1.
    pub fn penalties(&self) -> Vec<f64> {
        self.scales.iter().map(|&s| if s > 0.0 { 1.0 / (s * s) } else { 1.0 }).collect()
    }

    /// Weights and intercept on the scale of the data for weights of standardised columns.
    pub fn restore(&self, standardised: &[f64], intercept: f64) -> (Vec<f64>, f64) {
        let weights: Vec<f64> = standardised
            .iter()
            .zip(&self.scales)
            .map(|(u, &s)| if s > 0.0 { u / s } else { 0.0 })
            .collect();
        let shift: f64 = weights.iter().zip(&self.centers).map(|(w, c)| w * c).sum();
        (weights, if self.intercept { intercept - shift } else { 0.0 })
    }

    /// Goes through the standardised rows block by block and adds up what each chunk gives, in an
    /// order that depends on the number of rows alone. `numbers` says about how large a `T` is.
    pub fn fold<T: Send>(
        &self,
        numbers: usize,
        empty: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, &Block<'_>) + Sync,
        merge: impl Fn(&mut T, T) + Sync,
    ) -> Result<T> {
        let waiting = (WAITING_NUMBERS / numbers.max(1)).clamp(1, 4096) * CHUNK_ROWS;
        let mut total = None;
        for start in (0..self.rows.max(1)).step_by(waiting) {
            let length = waiting.min(self.rows - start);
            let part = fold_chunks(
                length,
                |range| {
                    Ok(self.visit_chunk(start + range.start..start + range.end, &empty, &visit))
                },
                |mut left, right| {
                    merge(&mut left, right);
                    Ok(left)
                },
            )?;
            total = Some(match total {
                None => part,
                Some(mut before) => {
                    merge(&mut before, part);
                    before
                }
            });
        }
        Ok(total.unwrap_or_else(empty))
    }

    fn visit_chunk<T>(
        &self,
        chunk: Range<usize>,
        empty: impl Fn() -> T,
        visit: impl Fn(&mut T, &Block<'_>),
    ) -> T {
        let mut state = empty();
        let mut values = vec![0.0; BLOCK_ROWS * self.width()];
        for start in chunk.clone().step_by(BLOCK_ROWS) {
            let rows = start..(start + BLOCK_ROWS).min(chunk.end);
            self.standardise(&rows, &mut values);
            visit(&mut state, &Block { rows, values: &values });
        }
        state
    }

    fn standardise(&self, rows: &Range<usize>, values: &mut [f64]) {
        for (at, column) in self.columns.iter().enumerate() {
            let (center, scale) = (self.centers[at], self.scales[at]);
            let factor = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            let block = &mut values[at * BLOCK_ROWS..at * BLOCK_ROWS + rows.len()];
            for (out, x) in block.iter_mut().zip(&column[rows.clone()]) {
                *out = (x - center) * factor;
            }
        }
    }

    /// Σ value(row) over all rows in a fixed order.
    pub fn sum(&self, value: impl Fn(usize) -> f64 + Sync) -> Result<f64> {
        fold_chunks(self.rows, |range| Ok(range.map(&value).sum()), |a: f64, b| Ok(a + b))
    }

    /// The weighted mean of `value(x, center)` in each column.
    fn column_means(&self, value: impl Fn(f64, f64) -> f64 + Sync) -> Result<Vec<f64>> {
        let p = self.width();
        let mut sums = fold_chunks(
            self.rows,
            |range| {
                Ok((0..p)
                    .map(|at| {
                        let (column, center) = (self.columns[at], self.centers[at]);
                        range.clone().map(|r| self.weight(r) * value(column[r], center)).sum()
                    })
                    .collect::<Vec<f64>>())
            },
            |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                Ok(a)
            },
        )?;
        sums.iter_mut().for_each(|s| *s /= self.total);
        Ok(sums)
    }
}

/// Adds Σ wᵢ xᵢ xᵢᵀ over the rows of a block to `gram`; `weighted` is scratch.
pub(super) fn add_gram(
    gram: &mut Symmetric,
    block: &Block<'_>,
    width: usize,
    weights: &[f64],
    weighted: &mut Vec<f64>,
) {
    for row in 0..width {
        weighted.clear();
        weighted.extend(block.column(row).iter().zip(weights).map(|(x, w)| x * w));
        for column in 0..=row {
            gram.add(row, column, dot(weighted, block.column(column)));
        }
    }
}
