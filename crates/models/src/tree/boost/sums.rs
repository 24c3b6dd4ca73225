//! Sums over rows as integers: exact, so that neither the order of rows nor the number of threads
//! matters, and what is left after a subtraction is right to the last bit.
//!
//! A pair holds the gradient in its first number; the second holds how many rows there are in its
//! upper bits and the hessian in its lower ones. Units are chosen such that the sums over all rows
//! fit.

use super::super::histogram::CODES;

/// The gradient, and the number of rows with the hessian, of some rows.
pub(crate) type Pair = [i64; 2];

/// The pairs of one column by code.
pub(crate) type ColumnSums = [Pair; CODES];

/// No rows.
pub(crate) const NOTHING: Pair = [0; 2];

/// The most rows that fit: with them a hessian has still 32 bits.
pub(crate) const MAX_ROWS: usize = 1 << 30;

/// The pair of two groups of rows together.
#[inline]
pub(crate) fn plus(a: Pair, b: Pair) -> Pair {
    [a[0] + b[0], a[1] + b[1]]
}

/// The pair of what is left when group `b` leaves `a`.
#[inline]
pub(crate) fn minus(a: Pair, b: Pair) -> Pair {
    [a[0] - b[0], a[1] - b[1]]
}

/// The units that numbers are counted in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    gradient: f64,
    hessian: f64,
    gradient_unit: f64,
    hessian_unit: f64,
    shift: u32,
}

impl Scale {
    /// Units for so many rows, of which gradients sum to at most `gradients` without their signs,
    /// and hessians to `hessians`. They are powers of two, so that whole numbers stay exact.
    pub(crate) fn new(rows: usize, gradients: f64, hessians: f64) -> Self {
        let shift = 63 - (usize::BITS - rows.leading_zeros());
        let gradient = unit_bits(gradients, 61);
        let hessian = unit_bits(hessians, shift as i32 - 1);
        Self {
            gradient: 2f64.powi(gradient),
            hessian: 2f64.powi(hessian),
            gradient_unit: 2f64.powi(-gradient),
            hessian_unit: 2f64.powi(-hessian),
            shift,
        }
    }

    /// The pair of one row.
    #[inline]
    pub(crate) fn pair(&self, gradient: f64, hessian: f64) -> Pair {
        [(gradient * self.gradient) as i64, (1 << self.shift) | (hessian * self.hessian) as i64]
    }

    /// How many rows there are.
    #[inline]
    pub(crate) fn rows(&self, pair: Pair) -> i64 {
        pair[1] >> self.shift
    }

    /// The sum of the gradients.
    #[inline]
    pub(crate) fn gradient(&self, pair: Pair) -> f64 {
        pair[0] as f64 * self.gradient_unit
    }

    /// The sum of the hessians.
    #[inline]
    pub(crate) fn hessian(&self, pair: Pair) -> f64 {
        (pair[1] & ((1 << self.shift) - 1)) as f64 * self.hessian_unit
    }
}

/// The exponent of a factor that brings `sum` below 2^`bits`.
fn unit_bits(sum: f64, bits: i32) -> i32 {
    if sum > 0.0 && sum.is_finite() {
        // The logarithm may be rounded down to a whole number, hence one more.
        (bits - 1 - sum.log2().ceil() as i32).clamp(-1000, 1000)
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let scale = Scale::new(3, 7.0, 4.0);
        let sum = plus(plus(scale.pair(-4.0, 1.5), scale.pair(1.0, 0.5)), scale.pair(2.0, 2.0));
        assert_eq!((scale.rows(sum), scale.gradient(sum), scale.hessian(sum)), (3, -1.0, 4.0));
    }

    #[test]
    fn what_is_taken_away_leaves_nothing_behind() {
        let scale = Scale::new(1000, 1000.0 / 3.0, 1000.0 / 7.0);
        let row = scale.pair(-1.0 / 3.0, 1.0 / 7.0);
        let all = (0..1000).fold(NOTHING, |sum, _| plus(sum, row));
        let none = (0..1000).fold(all, |sum, _| minus(sum, row));
        assert_eq!(none, NOTHING);
        assert_eq!(scale.rows(all), 1000);
        assert!((scale.gradient(all) + 1000.0 / 3.0).abs() < 1e-9);
        assert!((scale.hessian(all) - 1000.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn extreme_sums_stay_finite() {
        for sum in [0.0, 1e-320, 1e-200, 1.0, 1e130, 1e300] {
            let scale = Scale::new(MAX_ROWS, sum, sum);
            let pair = scale.pair(sum, sum);
            assert_eq!(scale.rows(pair), 1, "{sum}");
            assert!(scale.gradient(pair).is_finite() && scale.hessian(pair).is_finite());
            assert!((scale.gradient(pair) - sum).abs() <= sum * 1e-9 + 1e-290, "{sum}");
        }
    }
}
