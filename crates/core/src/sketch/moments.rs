//! Count, mean, deviation and range of numbers.
//! Method: Chan, Golub, LeVeque, *Updating Formulae and a Pairwise Algorithm for Computing Sample
//! Variances*, 1979.

use serde::{Deserialize, Deserializer, Serialize};

/// Count, mean, sum of squared deviations, least and greatest of the finite numbers seen.
///
/// NaN, which is missing, and infinities are left out of all of them. Merging two halves gives
/// mean = m₁ + δ·n₂/n and Σ(x−mean)² = s₁ + s₂ + δ²·n₁·n₂/n, where δ = m₂ − m₁.
///
/// ```
/// # use gristmill_core::sketch::Moments;
/// let moments = Moments::of(&[1.0, 2.0, f64::NAN]).merge(Moments::of(&[3.0, 4.0]));
/// assert_eq!((moments.count(), moments.mean()), (4, Some(2.5)));
/// assert_eq!(moments.variance(), Some(1.25));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    #[serde(deserialize_with = "or_nan")]
    mean: f64,
    #[serde(deserialize_with = "or_nan")]
    squares: f64,
    min: f64,
    max: f64,
}

impl Moments {
    /// The moments of these values.
    pub fn of(values: &[f64]) -> Self {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let (mut count, mut sum) = (0_u64, 0.0);
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in finite() {
            count += 1;
            sum += value;
            min = min.min(value);
            max = max.max(value);
        }
        if count == 0 {
            return Self::default();
        }
        let mean = sum / count as f64;
        let squares = finite().map(|v| (v - mean) * (v - mean)).sum();
        Self { count, mean, squares, min, max }
    }

    /// The moments of these rows and of `later` ones together.
    #[must_use]
    pub fn merge(self, later: Self) -> Self {
        if self.count == 0 || later.count == 0 {
            return if self.count == 0 { later } else { self };
        }
        let count = self.count.saturating_add(later.count);
        let (mine, theirs) = (self.count as f64, later.count as f64);
        let apart = later.mean - self.mean;
        let share = theirs / count as f64;
        Self {
            count,
            mean: self.mean + apart * share,
            squares: self.squares + later.squares + apart * apart * mine * share,
            min: self.min.min(later.min),
            max: self.max.max(later.max),
        }
    }

    /// How many finite numbers were seen.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean; nothing when there was no number, or when their sum is beyond 64-bit floats.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0 && self.mean.is_finite()).then_some(self.mean)
    }

    /// The population variance, Σ(x−mean)²/n; nothing where there is no mean or the squares are
    /// beyond 64-bit floats.
    pub fn variance(&self) -> Option<f64> {
        let variance = self.squares / self.count as f64;
        (self.count > 0 && variance.is_finite()).then_some(variance)
    }

    /// The population deviation, the root of [`Moments::variance`].
    pub fn deviation(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// The least number seen.
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest number seen.
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }
}

/// JSON writes what is not finite as `null`.
fn or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parts: &[&[f64]], count: u64, mean: Option<f64>, deviation: Option<f64>) {
        let moments = parts.iter().map(|p| Moments::of(p)).fold(Moments::default(), Moments::merge);
        let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * b.abs().max(1.0),
            (a, b) => a == b,
        };
        assert_eq!(moments.count(), count);
        assert!(close(moments.mean(), mean), "{:?} is not {mean:?}", moments.mean());
        assert!(close(moments.deviation(), deviation), "{:?}", moments.deviation());
        let json = serde_json::to_string(&moments).unwrap();
        let back: Moments = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), json);
    }

    #[test]
    fn nothing_has_no_mean() {
        check(&[], 0, None, None);
        check(&[&[f64::NAN, f64::INFINITY]], 0, None, None);
    }

    #[test] // by hand: mean 2.5, population deviation √1.25
    fn parts_make_the_whole() {
        let root = Some(1.25_f64.sqrt());
        check(&[&[1., 2., 3., 4.]], 4, Some(2.5), root);
        check(&[&[1.], &[], &[2., f64::NAN], &[3., 4.]], 4, Some(2.5), root);
    }

    #[test] // numpy 2: std of 1e9 + [4, 7, 13, 16] is 4.743416490252569
    fn a_large_mean_does_not_drown_the_deviation() {
        check(
            &[&[1e9 + 4., 1e9 + 7.], &[1e9 + 13., 1e9 + 16.]],
            4,
            Some(1e9 + 10.),
            Some(4.743_416_490_252_569),
        );
    }

    #[test]
    fn a_constant_has_no_deviation() {
        check(&[&[7., 7.], &[7.]], 3, Some(7.), Some(0.));
    }

    #[test]
    fn what_no_float_can_hold_is_nothing_and_is_stored() {
        check(&[&[f64::MAX, f64::MAX]], 2, None, None);
        check(&[&[1e300, -1e300]], 2, Some(0.0), None);
    }
}
