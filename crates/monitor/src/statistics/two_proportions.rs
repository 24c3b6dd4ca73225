//! Whether a share has changed: of missing values, of categories that were never seen.
//! Source: the pooled z-test, Fleiss, Levin and Paik, *Statistical Methods for Rates and
//! Proportions*, Wiley 2003, chapter 3.

use gristmill_core::{Error, Result};
use serde::Serialize;

use super::special::normal_beyond;

/// What [`two_proportions`] found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TwoProportions {
    /// The share in the reference.
    pub reference: f64,
    /// The share in what came later.
    pub current: f64,
    /// (current − reference) / √(p (1 − p) (1/n + 1/m)), where p is the share of both together.
    pub statistic: f64,
    /// The chance of so great a difference, either way, when both have the same source.
    pub p_value: f64,
}

/// Compares two shares, each given as how many of how many.
///
/// When none or all of both are counted, or one of them is of nothing, there is no difference to
/// judge: the statistic is 0 and the p-value 1; a share of nothing is 0.
///
/// # Errors
/// [`Error::Data`] when more are counted than there are.
///
/// ```
/// # use gristmill_monitor::statistics::two_proportions;
/// let missing = two_proportions((10, 100), (30, 100))?;
/// assert!((missing.statistic - 0.2 / (0.2_f64 * 0.8 * 0.02).sqrt()).abs() < 1e-12);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn two_proportions(reference: (u64, u64), current: (u64, u64)) -> Result<TwoProportions> {
    for (counted, all) in [reference, current] {
        if counted > all {
            return Err(Error::data(format!("{counted} of {all} is no share")));
        }
    }
    let share =
        |(counted, all): (u64, u64)| if all == 0 { 0.0 } else { counted as f64 / all as f64 };
    let (mine, theirs) = (share(reference), share(current));
    let (n, m) = (reference.1 as f64, current.1 as f64);
    let both = (reference.0 as f64 + current.0 as f64) / (n + m);
    let variance = both * (1.0 - both) * (1.0 / n + 1.0 / m);
    let statistic = if variance > 0.0 && variance.is_finite() {
        (theirs - mine) / variance.sqrt()
    } else {
        0.0
    };
    let p_value = normal_beyond(statistic);
    Ok(TwoProportions { reference: mine, current: theirs, statistic, p_value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reference: (u64, u64), current: (u64, u64), expected: (f64, f64)) {
        let found = two_proportions(reference, current).unwrap();
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-10 * b.abs();
        assert!(
            close(found.statistic, expected.0) && close(found.p_value, expected.1),
            "{found:?}"
        );
    }

    #[test]
    fn shares_that_cannot_differ_do_not() {
        check((0, 100), (0, 50), (0.0, 1.0));
        check((100, 100), (50, 50), (0.0, 1.0));
        check((3, 10), (0, 0), (0.0, 1.0));
        check((0, 0), (0, 0), (0.0, 1.0));
    }

    #[test] // statsmodels 0.15.0, stats.proportion.proportions_ztest([b, a], [m, n])
    fn shares_are_judged_as_statsmodels_judges_them() {
        check((10, 100), (30, 100), (3.535_533_905_932_737, 0.000_406_952_017_444_959_73));
        check((11, 7_043), (40, 5_000), (5.361_205_219_657_956, 8.266_853_708_799_003e-8));
        check((5, 10), (1, 400), (-12.940_429_807_288_464, 2.661_363_937_451_46e-38));
    }

    #[test]
    fn more_than_all_is_refused() {
        assert!(two_proportions((3, 2), (1, 2)).is_err());
    }
}
