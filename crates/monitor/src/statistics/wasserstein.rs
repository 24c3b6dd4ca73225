//! The Wasserstein distance of order 1: how far values had to be carried to make one sample the other.
//! Source: Vallender, *Theory of Probability and its Applications* 18 (1974), for one dimension.

use gristmill_core::{Error, Result};

use super::Steps;

/// Returns ∫ |F(x) − G(x)| dx over the distribution functions of both samples, in the unit of the
/// values.
///
/// # Errors
/// [`Error::Data`] when a sample is empty.
///
/// ```
/// # use gristmill_monitor::statistics::{Steps, wasserstein};
/// assert_eq!(wasserstein(&Steps::of(&[0.0, 1.0]), &Steps::of(&[2.0, 3.0]))?, 2.0);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn wasserstein(reference: &Steps, current: &Steps) -> Result<f64> {
    let (n, m) = (reference.count() as f64, current.count() as f64);
    if n == 0.0 || m == 0.0 {
        return Err(Error::data("a sample without any value cannot be compared"));
    }
    let (mut sum, mut before, mut apart) = (0.0, 0.0, 0.0);
    reference.along(current, |value, mine, theirs| {
        if apart > 0.0 {
            sum += (value - before) * apart;
        }
        before = value;
        apart = (mine as f64 / n - theirs as f64 / m).abs();
    });
    Ok(sum)
}

/// Returns [`wasserstein`] in deviations of the reference, which compares columns of any unit; by
/// custom 0.1 matters.
///
/// A reference of equal values has no deviation: then 0 where nothing moved and otherwise infinity.
///
/// # Errors
/// As [`wasserstein`].
pub fn wasserstein_normed(reference: &Steps, current: &Steps) -> Result<f64> {
    let moved = wasserstein(reference, current)?;
    let deviation = reference.deviation().unwrap_or(0.0);
    Ok(if moved == 0.0 { 0.0 } else { moved / deviation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reference: &[f64], current: &[f64], distance: f64, normed: f64) {
        let (a, b) = (Steps::of(reference), Steps::of(current));
        let found = (wasserstein(&a, &b).unwrap(), wasserstein_normed(&a, &b).unwrap());
        assert!((found.0 - distance).abs() < 1e-12, "{found:?}");
        assert!(found.1 == normed || (found.1 - normed).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn equal_samples_are_not_apart() {
        check(&[3.0, 1.0], &[1.0, 3.0], 0.0, 0.0);
        check(&[7.0], &[7.0, 7.0], 0.0, 0.0);
    }

    #[test] // by hand: all is carried by 2, and the reference has the deviation 1
    fn a_shift_is_its_own_distance() {
        check(&[0.0, 2.0], &[2.0, 4.0], 2.0, 2.0);
    }

    #[test]
    fn a_constant_that_moved_is_infinitely_many_deviations_away() {
        check(&[5.0, 5.0], &[6.0], 1.0, f64::INFINITY);
    }

    #[test] // scipy 1.15.3, stats.wasserstein_distance(a, b); the first also evidently 0.7.23, wasserstein_stat_test
    fn distances_are_those_of_scipy() {
        let later = [2.0, 4.0, 4.0, 6.0, 8.0, 9.0, 9.5];
        let distances = (2.971_428_571_428_572, 1.443_053_281_216_507_1);
        check(&[1.0, 2.0, 2.5, 3.0, 7.0], &later, distances.0, distances.1);
        let thirty: Vec<f64> = (0..30).map(f64::from).collect();
        let shifted: Vec<f64> = (0..45).map(|i| f64::from(i) * 0.5 + 20.0).collect();
        check(&thirty, &shifted, 16.5, 1.906_315_246_699_710_9);
    }

    #[test]
    fn an_empty_sample_is_refused() {
        assert!(wasserstein(&Steps::of(&[f64::NAN]), &Steps::of(&[1.0])).is_err());
    }
}
