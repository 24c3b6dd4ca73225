//! Jensen-Shannon distance: how far two distributions are from their mean.
//! Source: Lin, *Divergence Measures Based on the Shannon Entropy*, IEEE Transactions on Information
//! Theory 37 (1991); that its root is a metric: Endres and Schindelin, ibid. 49 (2003).

use gristmill_core::Result;

use super::shares::check_shares;

/// Returns √(½ Σ pᵢ log₂(pᵢ/mᵢ) + ½ Σ qᵢ log₂(qᵢ/mᵢ)) with m = (p + q) / 2: 0 for equal shares and
/// 1 where no place is shared. Places that are empty need no smoothing.
///
/// `reference` and `current` are shares of bins or categories, each summing to 1.
///
/// # Errors
/// [`gristmill_core::Error::Data`] when the lengths differ or shares do not sum to 1.
///
/// ```
/// # use gristmill_monitor::statistics::jensen_shannon;
/// assert_eq!(jensen_shannon(&[1.0, 0.0], &[0.0, 1.0])?, 1.0);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn jensen_shannon(reference: &[f64], current: &[f64]) -> Result<f64> {
    check_shares(reference, current)?;
    let divergence: f64 = reference
        .iter()
        .zip(current)
        .map(|(&p, &q)| {
            let middle = f64::midpoint(p, q);
            f64::midpoint(term(p, middle), term(q, middle))
        })
        .sum();
    // Rounding may leave a little less than nothing.
    Ok(divergence.clamp(0.0, 1.0).sqrt())
}

fn term(share: f64, middle: f64) -> f64 {
    if share == 0.0 { 0.0 } else { share * (share / middle).log2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reference: &[f64], current: &[f64], expected: f64) {
        let found = jensen_shannon(reference, current).unwrap();
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        assert_eq!(jensen_shannon(current, reference).unwrap(), found);
    }

    #[test]
    fn equal_shares_are_no_distance_apart() {
        check(&[0.2, 0.8], &[0.2, 0.8], 0.0);
    }

    #[test]
    fn shares_without_a_common_place_are_1_apart() {
        check(&[0.5, 0.5, 0.0], &[0.0, 0.0, 1.0], 1.0);
    }

    #[test] // scipy 1.15.3, spatial.distance.jensenshannon(p, q, base=2)
    fn distances_are_those_of_scipy() {
        check(&[0.1, 0.2, 0.3, 0.4], &[0.25, 0.25, 0.3, 0.2], 0.224_662_050_246_348_3);
        check(&[1.0, 0.0], &[0.5, 0.5], 0.557_923_045_284_143_8);
    }

    #[test] // evidently 0.7.23, jensenshannon_stat_test of the same, which takes natural logarithms
    fn distances_are_those_of_evidently_but_for_the_base() {
        let natural = 0.206_094_054_253_996_74;
        check(&[0.5, 0.25, 0.25], &[0.25, 0.5, 0.25], natural / 2_f64.ln().sqrt());
    }

    #[test]
    fn what_are_no_shares_is_refused() {
        assert!(jensen_shannon(&[0.5], &[1.0]).is_err());
        assert!(jensen_shannon(&[1.0], &[0.5, 0.5]).is_err());
        assert!(jensen_shannon(&[-0.5, 1.5], &[0.5, 0.5]).is_err());
    }
}
