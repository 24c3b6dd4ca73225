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
            Self::Dense(values) => position_not_finite(values).map(|row| (row, values[row])),
            Self::Sparse(numbers) => {
                let at = position_not_finite(numbers.values())?;
                Some((numbers.rows()[at] as usize, numbers.values()[at]))
            }
        }
    }

    /// A number about as large as the mean, out of a few values. Sums of what values differ from
    /// it by keep their digits where sums of the values would lose them.
    pub fn typical(&self) -> f64 {
        const LOOKED_AT: usize = 256;
        let values = match self {
            Self::Dense(values) => *values,
            Self::Sparse(numbers) if numbers.rows().len() == numbers.len() => numbers.values(),
            Self::Sparse(_) => return 0.0,
        };
        let seen = values.iter().step_by((values.len() / LOOKED_AT).max(1)).take(LOOKED_AT);
        let (count, sum) = seen.fold((0, 0.0), |(count, sum), x| (count + 1, sum + x));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    /// Σ w (x − `shift`) and Σ w (x − `shift`)² over `rows`.
    pub fn moments(&self, rows: &Weighed<'_>, shift: f64) -> [f64; 2] {
        let (range, weights) = (rows.range.clone(), rows.weights);
        match (self, weights) {
            (Self::Dense(values), None) => wide(Moments, (&values[range], shift)),
            (Self::Dense(values), Some(weights)) => {
                wide(WeightedMoments, (&values[range.clone()], &weights[range], shift))
            }
            (Self::Sparse(numbers), _) => {
                let weight = |row| weight_of(weights, row);
                let all = rows.total;
                let (rows, kept) = numbers.within(range);
                let (mut sums, mut seen) = ([0.0; 2], 0.0);
                for (&row, x) in rows.iter().zip(kept) {
                    let weight = weight(row as usize);
                    add_moments(&mut sums, weight, x - shift);
                    seen += weight;
                }
                add_moments(&mut sums, all - seen, -shift);
                sums
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

/// The place of the first value that is missing or infinite. Looks at whole runs of values at
/// once: 0 times any finite number is 0, and never otherwise.
fn position_not_finite(values: &[f64]) -> Option<usize> {
    const RUN: usize = 1024;
    let run = values.chunks(RUN).position(|run| wide(TimesZero, run) != 0.0)?;
    let place = values[run * RUN..].iter().position(|v| !v.is_finite())?;
    Some(run * RUN + place)
}

/// Some rows, what they weigh, and how much together.
#[derive(Clone, Debug)]
pub(crate) struct Weighed<'a> {
    range: Range<usize>,
    weights: Option<&'a [f64]>,
    total: f64,
}

impl<'a> Weighed<'a> {
    /// The rows in `range`, which weigh 1 unless `weights` of all rows say otherwise.
    pub fn new(range: Range<usize>, weights: Option<&'a [f64]>) -> Self {
        let total = match weights {
            None => range.len() as f64,
            Some(weights) => weights[range.clone()].iter().sum(),
        };
        Self { range, weights, total }
    }
}

struct TimesZero;

impl Work<&[f64]> for TimesZero {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(_: S, values: &[f64]) -> f64 {
        let (lanes, tail) = values.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for x in lanes {
            (0..LANES).for_each(|lane| sums[lane] += x[lane] * 0.0);
        }
        sums.iter().sum::<f64>() + tail.iter().map(|x| x * 0.0).sum::<f64>()
    }
}

/// How many sums are kept side by side.
const LANES: usize = 8;

fn add_moments(sums: &mut [f64; 2], weight: f64, difference: f64) {
    sums[0] += weight * difference;
    sums[1] += weight * difference * difference;
}

/// As [`Values::moments`] of rows that weigh 1.
struct Moments;

impl Work<(&[f64], f64)> for Moments {
    type Output = [f64; 2];

    #[inline(always)]
    fn run<S: Simd>(_: S, (values, shift): (&[f64], f64)) -> [f64; 2] {
        let (lanes, tail) = values.as_chunks::<LANES>();
        let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
        for x in lanes {
            for lane in 0..LANES {
                let difference = x[lane] - shift;
                first[lane] += difference;
                second[lane] += difference * difference;
            }
        }
        let mut sums = [first.iter().sum(), second.iter().sum()];
        tail.iter().for_each(|x| add_moments(&mut sums, 1.0, x - shift));
        sums
    }
}

/// As [`Values::moments`].
struct WeightedMoments;

impl Work<(&[f64], &[f64], f64)> for WeightedMoments {
    type Output = [f64; 2];

    #[inline(always)]
    fn run<S: Simd>(_: S, (values, weights, shift): (&[f64], &[f64], f64)) -> [f64; 2] {
        let (lanes, tail) = values.as_chunks::<LANES>();
        let (weights, weights_tail) = weights.as_chunks::<LANES>();
        let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
        for (x, weight) in lanes.iter().zip(weights) {
            for lane in 0..LANES {
                let difference = x[lane] - shift;
                first[lane] += weight[lane] * difference;
                second[lane] += weight[lane] * difference * difference;
            }
        }
        let mut sums = [first.iter().sum(), second.iter().sum()];
        tail.iter().zip(weights_tail).for_each(|(x, w)| add_moments(&mut sums, *w, x - shift));
        sums
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
