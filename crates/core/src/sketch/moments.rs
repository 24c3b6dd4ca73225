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
    /// The moments of these values. Sums are made in eight lanes, so that all of them are under way at once;
    /// which value is in which lane depends on its place alone.
    pub fn of(values: &[f64]) -> Self {
        let mut sums = Lanes([0.0; LANES]);
        let (mut least, mut greatest) =
            (Lanes([f64::INFINITY; LANES]), Lanes([f64::NEG_INFINITY; LANES]));
        let mut counts = [0_u64; LANES];
        each_lane(values, |lane, value| {
            let finite = value.is_finite();
            counts[lane] += u64::from(finite);
            sums.0[lane] += if finite { value } else { 0.0 };
            least.0[lane] = if finite && value < least.0[lane] { value } else { least.0[lane] };
            let most = greatest.0[lane];
            greatest.0[lane] = if finite && value > most { value } else { most };
        });
        let count = counts.iter().sum::<u64>();
        if count == 0 {
            return Self::default();
        }
        let mean = sums.sum() / count as f64;
        let mut squares = Lanes([0.0; LANES]);
        each_lane(values, |lane, value| {
            let apart = if value.is_finite() { value - mean } else { 0.0 };
            squares.0[lane] += apart * apart;
        });
        let min = least.0.into_iter().fold(f64::INFINITY, f64::min);
        let max = greatest.0.into_iter().fold(f64::NEG_INFINITY, f64::max);
        Self { count, mean, squares: squares.sum(), min, max }
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

/// How many sums are under way at once.
const LANES: usize = 8;

#[derive(Clone, Copy)]
struct Lanes([f64; LANES]);

impl Lanes {
    /// All lanes together, always in the same order.
    fn sum(self) -> f64 {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
}

/// Calls `take` with each value and its lane.
#[inline(always)]
fn each_lane(values: &[f64], mut take: impl FnMut(usize, f64)) {
    let (whole, rest) = values.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, value) in chunk.iter().enumerate() {
            take(lane, *value);
        }
    }
    rest.iter().enumerate().for_each(|(lane, value)| take(lane, *value));
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
