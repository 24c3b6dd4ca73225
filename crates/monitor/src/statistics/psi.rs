//! Population stability index: how far today's values have moved from the training values.
//! Method: Siddiqi, *Credit Risk Scorecards*, Wiley 2006.

use gristmill_core::{Error, Result};

use super::shares::check_shares;

/// Returns the population stability index, Σ (aᵢ − eᵢ) · ln(aᵢ / eᵢ), in nats; 0 means no shift,
/// and by custom 0.1 a small one and 0.2 one that matters.
///
/// `expected` and `actual` are shares of bins or categories, both of shape `[n_bins]`, each summing
/// to 1. Samples of n and m rows from the same source give about (n_bins − 1) · (1/n + 1/m), so few
/// rows want few bins. Source: Siddiqi, *Credit Risk Scorecards*, Wiley 2006.
///
/// # Errors
/// [`Error::Data`] when the lengths differ, shares do not sum to 1, or one is 0: the logarithm has
/// no value there; see [`super::smoothed_shares`].
///
/// ```
/// # use gristmill_monitor::statistics::psi;
/// let shift = psi(&[0.5, 0.5], &[0.6, 0.4])?;
/// assert!((shift - 0.1 * 1.5_f64.ln()).abs() < 1e-12);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn psi(expected: &[f64], actual: &[f64]) -> Result<f64> {
    check_shares(expected, actual)?;
    if let Some(bin) = expected.iter().zip(actual).position(|(e, a)| *e == 0.0 || *a == 0.0) {
        return Err(Error::data_hint(
            format!("bin {bin} of a stability index is empty"),
            "smooth the counts first",
        ));
    }
    Ok(expected.iter().zip(actual).map(|(&e, &a)| term(e, a)).sum())
}

fn term(expected: f64, actual: f64) -> f64 {
    (actual - expected) * (actual / expected).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: &[f64], actual: &[f64], shift: f64) {
        let found = psi(expected, actual).unwrap();
        assert!((found - shift).abs() < 1e-12, "{found} is not {shift}");
    }

    #[test]
    fn equal_shares_have_not_moved() {
        check(&[0.25, 0.75], &[0.25, 0.75], 0.0);
        check(&[1.0], &[1.0], 0.0);
    }

    #[test] // by hand: 0.1 · ln(0.6 / 0.5) + (−0.1) · ln(0.4 / 0.5)
    fn a_shift_between_two_bins() {
        check(&[0.5, 0.5], &[0.6, 0.4], 0.1 * (1.2_f64.ln() - 0.8_f64.ln()));
    }

    #[test] // scipy 1.15.3: entropy(p, q) + entropy(q, p), p and q as here
    fn it_is_the_sum_of_both_relative_entropies() {
        check(&[0.1, 0.2, 0.3, 0.4], &[0.25, 0.25, 0.3, 0.2], 0.287_230_223_458_822_76);
    }

    #[test] // evidently 0.7.23, psi_stat_test of 200 a, 100 b, 100 c against 100 a, 200 b, 100 c
    fn categories_have_the_index_of_evidently() {
        check(&[0.5, 0.25, 0.25], &[0.25, 0.5, 0.25], 0.346_573_590_279_972_64);
    }

    #[test]
    fn an_empty_bin_and_what_is_no_share_are_refused() {
        for (expected, actual) in [
            (&[0.5, 0.5][..], &[1.0, 0.0][..]),
            (&[0.5, 0.5], &[1.0]),
            (&[0.5, 0.6], &[0.5, 0.5]),
            (&[f64::NAN, 0.5], &[0.5, 0.5]),
            (&[], &[]),
        ] {
            assert!(psi(expected, actual).is_err(), "{expected:?} {actual:?}");
        }
    }
}
