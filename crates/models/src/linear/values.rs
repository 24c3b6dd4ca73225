//! The numbers of one column as solvers read them: all written out, or only those that are not 0.

use std::ops::Range;

use gristmill_core::{Column, Error, Frame, Result, SparseNumbers};

use crate::simd::{Simd, Work, add_scaled, wide};

/// A column of numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values<'a> {
    /// One number a row.
    Dense(&'a [f64]),
    /// The numbers that are not 0.
    Sparse(&'a SparseNumbers),
}

impl<'a> Values<'a> {
    /// The column at `position` of `rows`.
    ///
    /// # Errors
    /// [`Error::Bug`] when it holds no numbers.
    pub fn of(rows: &'a Frame, position: usize) -> Result<Self> {
        match &rows.columns()[position] {
            Column::Sparse(numbers) => Ok(Self::Sparse(numbers)),
            _ => rows.numbers(position).map(Self::Dense),
        }
    }

    /// The first row whose value is missing or infinite, with that value.
    pub fn not_finite(&self) -> Option<(usize, f64)> {
        match self {
            Self::Dense(values) => {
                values.iter().position(|v| !v.is_finite()).map(|row| (row, values[row]))
            }
            Self::Sparse(numbers) => {
                let at = numbers.values().iter().position(|v| !v.is_finite())?;
                Some((numbers.rows()[at] as usize, numbers.values()[at]))
            }
        }
    }

    /// Adds `factor` times the column to `sums`. A 0 that is not kept adds nothing, which gives
    /// the bits of a 0 that is.
    pub fn add_scaled(&self, factor: f64, sums: &mut [f64]) {
        match self {
            Self::Dense(values) => wide(AddDense, (sums, factor, *values)),
            Self::Sparse(numbers) => {
                for (&row, value) in numbers.rows().iter().zip(numbers.values()) {
                    sums[row as usize] += factor * value;
                }
            }
        }
    }

    /// Visits the numbers that are not 0, and perhaps others, in the order of the rows.
    pub fn each(&self, mut visit: impl FnMut(usize, f64)) {
        match self {
            Self::Dense(values) => values.iter().enumerate().for_each(|(row, &x)| visit(row, x)),
            Self::Sparse(numbers) => {
                let kept = numbers.rows().iter().zip(numbers.values());
                kept.for_each(|(&row, &x)| visit(row as usize, x));
            }
        }
    }

    /// Σ w·f(x) over the rows in `range`, where `weight` gives w.
    pub fn sum(
        &self,
        range: Range<usize>,
        weight: impl Fn(usize) -> f64,
        value: impl Fn(f64) -> f64,
    ) -> f64 {
        match self {
            Self::Dense(values) => range.map(|row| weight(row) * value(values[row])).sum(),
            Self::Sparse(numbers) => {
                let all: f64 = range.clone().map(&weight).sum();
                let (rows, kept) = numbers.within(range);
                let (mut sum, mut seen) = (0.0, 0.0);
                for (&row, &x) in rows.iter().zip(kept) {
                    let weight = weight(row as usize);
                    sum += weight * value(x);
                    seen += weight;
                }
                sum + (all - seen) * value(0.0)
            }
        }
    }

    /// Writes (x − `center`) · `factor` for the rows in `range` to `out`.
    pub fn standardise(&self, range: Range<usize>, center: f64, factor: f64, out: &mut [f64]) {
        match self {
            Self::Dense(values) => wide(ShiftAndScale, (&values[range], center, factor, out)),
            Self::Sparse(numbers) => {
                out.fill(-center * factor);
                let start = range.start;
                let (rows, kept) = numbers.within(range);
                for (&row, x) in rows.iter().zip(kept) {
                    out[row as usize - start] = (x - center) * factor;
                }
            }
        }
    }

    /// How many numbers are kept.
    pub fn kept(&self) -> usize {
        match self {
            Self::Dense(values) => values.len(),
            Self::Sparse(numbers) => numbers.rows().len(),
        }
    }

    /// Whether few of the numbers are other than 0.
    pub fn is_mostly_zero(&self) -> bool {
        matches!(self, Self::Sparse(numbers) if numbers.rows().len() <= numbers.len() / 8)
    }
}

struct ShiftAndScale;

impl Work<(&[f64], f64, f64, &mut [f64])> for ShiftAndScale {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(_: S, (values, center, factor, out): (&[f64], f64, f64, &mut [f64])) {
        for (out, x) in out.iter_mut().zip(values) {
            *out = (x - center) * factor;
        }
    }
}

struct AddDense;

impl Work<(&mut [f64], f64, &[f64])> for AddDense {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(_: S, (sums, factor, values): (&mut [f64], f64, &[f64])) {
        add_scaled(sums, factor, values);
    }
}

/// The weights of rows that all weigh 1 unless they say otherwise.
pub(crate) fn weight_of(weights: Option<&[f64]>, row: usize) -> f64 {
    weights.map_or(1.0, |w| w[row])
}

/// Refuses row weights that make no sense.
///
/// # Errors
/// [`Error::Data`] when one is negative or not finite, or all are 0; [`Error::Bug`] when there is
/// not one a row.
pub(crate) fn check_weights(weights: Option<&[f64]>, rows: usize) -> Result<()> {
    let Some(weights) = weights else { return Ok(()) };
    if weights.len() != rows {
        return Err(Error::Bug(format!("{rows} rows were given {} weights", weights.len())));
    }
    let usable = weights.iter().all(|w| w.is_finite() && *w >= 0.0);
    if !usable || weights.iter().all(|w| *w == 0.0) {
        return Err(Error::data("row weights must be finite, from 0 on, and not all 0"));
    }
    Ok(())
}
