//! Pearson's chi-squared test: do two samples fall into places in the same proportions?
//! Source: Pearson, *Philosophical Magazine* 50 (1900).

use gristmill_core::{Error, Result};
use serde::Serialize;

use super::special::chi_squared_beyond;

/// What [`chi_squared`] found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ChiSquared {
    /// Σ (observed − expected)² / expected over both samples.
    pub statistic: f64,
    /// One less than the places that hold a value.
    pub freedom: usize,
    /// The chance of so large a statistic when both samples have the same source.
    pub p_value: f64,
}

/// Compares two samples that were counted in the same places, as a table of 2 × k without Yates'
/// correction.
///
/// Places that both leave empty are passed over. With fewer than two places that hold a value, or
/// an empty sample, nothing can differ: the statistic is 0 and the p-value 1. The p-value is that of
/// the limit for many rows and is trusted where each expected count is at least 5.
///
/// # Errors
/// [`Error::Data`] when the lengths differ.
///
/// ```
/// # use gristmill_monitor::statistics::chi_squared;
/// let found = chi_squared(&[10, 20], &[20, 10])?;
/// assert!((found.statistic - 20.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn chi_squared(reference: &[u64], current: &[u64]) -> Result<ChiSquared> {
    if reference.len() != current.len() {
        let (mine, theirs) = (reference.len(), current.len());
        return Err(Error::data(format!("counts of {mine} places were held against {theirs}")));
    }
    let sum = |counts: &[u64]| counts.iter().map(|&c| c as f64).sum::<f64>();
    let (mine, theirs) = (sum(reference), sum(current));
    let pairs: Vec<(f64, f64)> = reference
        .iter()
        .zip(current)
        .map(|(&r, &c)| (r as f64, c as f64))
        .filter(|(r, c)| r + c > 0.0)
        .collect();
    if mine == 0.0 || theirs == 0.0 || pairs.len() < 2 {
        return Ok(ChiSquared {
            statistic: 0.0,
            freedom: pairs.len().saturating_sub(1),
            p_value: 1.0,
        });
    }
    // For two rows the sum over both of (o − e)² / e is (r·m − c·n)² / (n·m·(r + c)) for each place.
    let term = |(r, c): &(f64, f64)| {
        let apart = r * theirs - c * mine;
        apart * apart / (r + c)
    };
    let statistic = pairs.iter().map(term).sum::<f64>() / (mine * theirs);
    let freedom = pairs.len() - 1;
    Ok(ChiSquared { statistic, freedom, p_value: chi_squared_beyond(statistic, freedom as f64) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reference: &[u64], current: &[u64], expected: (f64, usize, f64)) {
        let found = chi_squared(reference, current).unwrap();
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-10 * b.abs();
        assert!(close(found.statistic, expected.0), "{found:?}");
        assert_eq!(found.freedom, expected.1);
        assert!(close(found.p_value, expected.2), "{found:?}");
    }

    #[test]
    fn where_nothing_can_differ_nothing_does() {
        check(&[], &[], (0.0, 0, 1.0));
        check(&[5, 0], &[9, 0], (0.0, 0, 1.0));
        check(&[0, 0], &[3, 4], (0.0, 1, 1.0));
    }

    #[test] // scipy 1.15.3, stats.chi2_contingency([a, b], correction=False)
    fn tables_are_judged_as_scipy_judges_them() {
        check(&[10, 20], &[20, 10], (6.666_666_666_666_667, 1, 0.009_823_274_507_519_235));
        let of_four = (29.025_273_826_816_83, 3, 2.212_210_557_818_547e-6);
        check(&[30, 14, 34, 45], &[57, 20, 41, 12], of_four);
        check(&[100, 0, 3], &[90, 7, 4], (7.650_300_412_185_899, 2, 0.021_815_158_515_207_41));
        check(&[7_000, 43], &[4_800, 200], (169.916_804_873_768_8, 1, 7.715_021_815_052_446e-39));
    }

    #[test]
    fn counts_of_other_places_are_refused() {
        assert!(chi_squared(&[1, 2], &[1]).is_err());
    }
}
