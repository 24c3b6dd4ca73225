//! Training rows as solvers see them: columns shifted to mean 0 and scaled to deviation 1.
//!
//! The scaling changes how fast and how exactly a solver arrives, not where: penalties are
//! computed on the scale of the data, and the solution is carried back to it. Blocks of rows are
//! standardised as they are visited. Among many columns the sparse ones are only scaled, so that
//! their zeros stay zeros; the constant takes up the shift.

use std::ops::Range;

use gristmill_core::{CHUNK_ROWS, Result, fold_chunks};

use super::sparse_rows::SparseRows;
use super::values::{Values, Weighed, weight_of};
use crate::simd::{Simd, Work, add_scaled, dot, wide};

/// How many rows are standardised at once, few enough to stay in a processor's cache.
const BLOCK_ROWS: usize = 256;

/// A sample has at least so many rows, ...
const SAMPLE_ROWS: usize = 8192;
/// ... and so many for each column, ...
const SAMPLE_ROWS_A_COLUMN: usize = 256;
/// ... and is taken where all rows are at least so many times more.
const SMALLEST_GAIN: usize = 4;

/// How many numbers the sums of chunks may take at once while they wait to be added up.
const WAITING_NUMBERS: usize = 1 << 23;

/// Up to so many columns products of all pairs are cheap, and sparse columns are visited as dense
/// blocks.
pub(super) const NARROW_COLUMNS: usize = 512;

/// What is learned beside the weights of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constant {
    /// Nothing: a row of zeros scores 0.
    None,
    /// A constant that costs nothing; columns are shifted to mean 0.
    Free,
    /// A constant that is penalised as a weight; columns are not shifted.
    Penalised,
}

impl Constant {
    /// A free constant, or none.
    pub fn free_if(intercept: bool) -> Self {
        if intercept { Self::Free } else { Self::None }
    }
}

/// Which rows a pass goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Every one.
    All,
    /// Some blocks out of each chunk, spread evenly.
    Sample,
}

/// Columns, row weights, and the shift and scale of each column.
#[derive(Debug)]
pub(crate) struct Design<'a> {
    columns: Vec<Values<'a>>,
    weights: Option<&'a [f64]>,
    rows: usize,
    total: f64,
    means: Vec<f64>,
    centers: Vec<f64>,
    scales: Vec<f64>,
    constant: Constant,
    /// The columns that are visited as dense blocks.
    blocked: Vec<usize>,
    /// The other columns, scaled.
    sparse: SparseRows,
}

/// √`square`, where rounding may have left less than 0; what is missing stays so.
fn root(square: f64) -> f64 {
    if square < 0.0 { 0.0 } else { square.sqrt() }
}

/// Some standardised rows.
#[derive(Debug)]
pub(crate) struct Block<'b> {
    /// Which rows they are.
    pub rows: Range<usize>,
    values: &'b [f64],
    blocked: &'b [usize],
    sparse: &'b SparseRows,
}

impl Block<'_> {
    /// The standardised values in these rows of the column at this place among the blocked ones,
    /// which are all columns of a narrow design.
    #[inline(always)]
    pub fn column(&self, place: usize) -> &[f64] {
        &self.values[place * BLOCK_ROWS..place * BLOCK_ROWS + self.rows.len()]
    }

    /// Adds Σ `weights`ⱼ xⱼ to the score of each row.
    pub fn add_scores(&self, weights: &[f64], scores: &mut [f64]) {
        wide(AddBlockedScores, (self, weights, &mut *scores));
        self.sparse.add_scores(self.rows.clone(), weights, scores);
    }

    /// Adds Σ `left`ᵢ xᵢⱼ over these rows to the slope of each column.
    pub fn add_slopes(&self, left: &[f64], slopes: &mut [f64]) {
        wide(AddBlockedSlopes, (self, left, &mut *slopes));
        self.sparse.add_slopes(self.rows.clone(), left, slopes);
    }
}

struct AddBlockedScores;

impl Work<(&Block<'_>, &[f64], &mut [f64])> for AddBlockedScores {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(_: S, (block, weights, scores): (&Block<'_>, &[f64], &mut [f64])) {
        for (place, &at) in block.blocked.iter().enumerate().filter(|(_, at)| weights[**at] != 0.0)
        {
            add_scaled(scores, weights[at], block.column(place));
        }
    }
}

struct AddBlockedSlopes;

impl Work<(&Block<'_>, &[f64], &mut [f64])> for AddBlockedSlopes {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(_: S, (block, left, slopes): (&Block<'_>, &[f64], &mut [f64])) {
        for (place, &at) in block.blocked.iter().enumerate() {
            slopes[at] += dot(left, block.column(place));
        }
    }
}

impl<'a> Design<'a> {
    /// Learns shift and scale. A constant column gets the scale 0. Columns whose squares overflow
    /// make scales that are not finite, which [`super::columns::design`] refuses.
    pub fn new(
        columns: Vec<Values<'a>>,
        weights: Option<&'a [f64]>,
        rows: usize,
        constant: Constant,
    ) -> Result<Self> {
        let p = columns.len();
        let zeros = vec![0.0; p];
        let (blocked, sparse): (Vec<usize>, Vec<usize>) =
            (0..p).partition(|&at| p <= NARROW_COLUMNS || !columns[at].is_mostly_zero());
        let mut design = Self {
            columns,
            weights,
            rows,
            total: 0.0,
            means: zeros.clone(),
            centers: zeros.clone(),
            scales: zeros,
            constant,
            blocked,
            sparse: SparseRows::default(),
        };
        design.total = match weights {
            Some(_) => design.sum(|row| design.weight(row))?,
            None => rows as f64,
        };
        design.learn_moments()?;
        for &at in &sparse {
            design.centers[at] = 0.0;
        }
        design.sparse = design.scaled_rows(&sparse);
        Ok(design)
    }

    /// Learns means, centers and scales in one pass, from sums of what values differ by from a
    /// typical one (Chan, Golub and LeVeque, *The American Statistician* 37, 1983).
    fn learn_moments(&mut self) -> Result<()> {
        let typical: Vec<f64> = self.columns.iter().map(Values::typical).collect();
        for (at, [first, second]) in self.sum_moments(&typical)?.into_iter().enumerate() {
            let (off, square) = (first / self.total, second / self.total);
            self.means[at] = typical[at] + off;
            if self.constant == Constant::Free {
                self.centers[at] = self.means[at];
                let deviation = root(square - off * off);
                // What is left of a constant after subtracting its mean is rounding.
                let noise = self.centers[at].abs() * 1e-13;
                let varies = deviation > noise || !noise.is_finite() || deviation.is_nan();
                self.scales[at] = if varies { deviation } else { 0.0 };
            } else {
                self.scales[at] = root(square + typical[at] * (2.0 * off + typical[at]));
            }
        }
        Ok(())
    }

    fn sum_moments(&self, shifts: &[f64]) -> Result<Vec<[f64; 2]>> {
        fold_chunks(
            self.rows,
            |range| {
                let columns = self.columns.iter().zip(shifts);
                let rows = Weighed::new(range, self.weights);
                Ok(columns.map(|(column, shift)| column.moments(&rows, *shift)).collect())
            },
            |mut left: Vec<[f64; 2]>, right| {
                left.iter_mut().zip(right).for_each(|(a, b)| {
                    a[0] += b[0];
                    a[1] += b[1];
                });
                Ok(left)
            },
        )
    }

    fn scaled_rows(&self, sparse: &[usize]) -> SparseRows {
        let scaled: Vec<_> = sparse
            .iter()
            .filter(|at| self.scales[**at] > 0.0)
            .map(|&at| (at as u32, self.columns[at], 1.0 / self.scales[at]))
            .collect();
        SparseRows::new(self.rows, &scaled)
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether products of all pairs of columns are cheap, and [`Block::column`] knows them all.
    pub fn is_narrow(&self) -> bool {
        self.width() <= NARROW_COLUMNS
    }

    /// The columns as they are in the data.
    pub fn columns(&self) -> &[Values<'a>] {
        &self.columns
    }

    /// The sum of the row weights.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// What is learned beside the weights of the columns.
    pub fn constant(&self) -> Constant {
        self.constant
    }

    /// Whether a constant is learned beside the weights of the columns.
    pub fn intercept(&self) -> bool {
        self.constant != Constant::None
    }

    /// Whether rows weigh differently.
    pub fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    /// The weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        weight_of(self.weights, row)
    }

    /// The mean of each column.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// What is subtracted from each column before it is scaled.
    pub fn centers(&self) -> &[f64] {
        &self.centers
    }

    /// The standard deviation of each column, 0 for a constant one; from 0 instead of the mean
    /// where there is no free constant.
    pub fn deviations(&self) -> &[f64] {
        &self.scales
    }

    /// The standard deviation of each column about its mean, whatever it is shifted by.
    pub fn spreads(&self) -> Vec<f64> {
        if self.constant == Constant::Free {
            return self.scales.clone();
        }
        let spread = |(s, m): (&f64, &f64)| (s * s - m * m).max(0.0).sqrt();
        self.scales.iter().zip(&self.means).map(spread).collect()
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
        (weights, if self.intercept() { intercept - shift } else { 0.0 })
    }

    /// As [`Design::restore`], for weights of columns that are all shifted to mean 0.
    pub fn restore_centred(&self, standardised: &[f64], intercept: f64) -> (Vec<f64>, f64) {
        let (weights, _) = self.restore(standardised, intercept);
        let shift: f64 = weights.iter().zip(&self.means).map(|(w, m)| w * m).sum();
        (weights, if self.constant == Constant::Free { intercept - shift } else { 0.0 })
    }

    /// Whether some columns are sparse, and visited so.
    pub fn has_sparse(&self) -> bool {
        self.blocked.len() < self.width()
    }

    /// Whether there are so many rows that a sample is much smaller and still tells the curvature
    /// of as many weights as there are columns to within some percent.
    pub fn has_sample(&self) -> bool {
        self.sample_step() > 1
    }

    /// Of so many blocks a sample takes one.
    fn sample_step(&self) -> usize {
        let wanted = SAMPLE_ROWS.max(SAMPLE_ROWS_A_COLUMN * (self.width() + 1));
        if self.rows < SMALLEST_GAIN * wanted {
            return 1;
        }
        (self.rows / wanted).min(CHUNK_ROWS / BLOCK_ROWS)
    }

    /// Goes through the standardised rows block by block and adds up what each chunk gives, in an
    /// order that depends on the number of rows alone. `numbers` says about how large a `T` is.
    pub fn fold<T: Send>(
        &self,
        rows: Rows,
        numbers: usize,
        empty: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, &Block<'_>) + Sync,
        merge: impl Fn(&mut T, T) + Sync,
    ) -> Result<T> {
        let step = if rows == Rows::Sample { self.sample_step() } else { 1 };
        let waiting = (WAITING_NUMBERS / numbers.max(1)).clamp(1, 4096) * CHUNK_ROWS;
        let mut total = None;
        for start in (0..self.rows.max(1)).step_by(waiting) {
            let length = waiting.min(self.rows - start);
            let part = fold_chunks(
                length,
                |range| {
                    let chunk = start + range.start..start + range.end;
                    Ok(self.visit_chunk(chunk, step, &empty, &visit))
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
        step: usize,
        empty: impl Fn() -> T,
        visit: impl Fn(&mut T, &Block<'_>),
    ) -> T {
        let mut state = empty();
        let mut values = vec![0.0; BLOCK_ROWS * self.blocked.len()];
        for start in chunk.clone().step_by(BLOCK_ROWS * step) {
            let rows = start..(start + BLOCK_ROWS).min(chunk.end);
            self.standardise(&rows, &mut values);
            let (blocked, sparse) = (&self.blocked, &self.sparse);
            visit(&mut state, &Block { rows, values: &values, blocked, sparse });
        }
        state
    }

    fn standardise(&self, rows: &Range<usize>, values: &mut [f64]) {
        for (place, &at) in self.blocked.iter().enumerate() {
            let (center, scale) = (self.centers[at], self.scales[at]);
            let factor = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            let block = &mut values[place * BLOCK_ROWS..place * BLOCK_ROWS + rows.len()];
            self.columns[at].standardise(rows.clone(), center, factor, block);
        }
    }

    /// Σ value(row) over all rows in a fixed order.
    pub fn sum(&self, value: impl Fn(usize) -> f64 + Sync) -> Result<f64> {
        fold_chunks(self.rows, |range| Ok(range.map(&value).sum()), |a: f64, b| Ok(a + b))
    }
}
