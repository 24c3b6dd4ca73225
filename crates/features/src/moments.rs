//! Count, mean and sum of squared deviations of numbers, mergeable.
//! Method: Chan, Golub and LeVeque, *Updating Formulae and a Pairwise Algorithm for Computing
//! Sample Variances*, 1979; within a chunk two passes with their correction term.

use serde::{Deserialize, Serialize};

/// Independent sums, so that a processor adds several numbers at once; the order stays fixed.
const LANES: usize = 8;

/// Moments of the numbers seen so far; missing ones (NaN) are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moments {
    pub(crate) count: u64,
    /// What the numbers weigh together: their count where each weighs 1.
    weight: f64,
    pub(crate) mean: f64,
    squares: f64,
}

impl Moments {
    /// The moments of `values`.
    pub(crate) fn of(values: &[f64]) -> Self {
        // Sums of differences from a value of the column itself are exact zeros when it is constant.
        let Some(origin) = values.iter().copied().find(|v| !v.is_nan()) else {
            return Self::default();
        };
        let first = sums(values, origin);
        let count = first.count;
        let mean = origin + first.sum / count;
        let second = sums(values, mean);
        let squares = (second.squares - second.sum * second.sum / count).max(0.0);
        Self { count: count as u64, weight: count, mean, squares }
    }

    /// The moments of `values`, each of which counts as much as its weight, 0 or more; without
    /// weights each counts 1.
    pub(crate) fn weighted(values: &[f64], weights: Option<&[f64]>) -> Self {
        let Some(weights) = weights else { return Self::of(values) };
        // A value that weighs nothing is not there, whatever it is.
        let pairs = || values.iter().zip(weights).filter(|(v, w)| !v.is_nan() && **w > 0.0);
        let Some((&origin, _)) = pairs().next() else { return Self::default() };
        let weight: f64 = pairs().map(|(_, w)| w).sum();
        let mean = origin + pairs().map(|(v, w)| w * (v - origin)).sum::<f64>() / weight;
        let (sum, squares) = pairs().fold((0.0, 0.0), |(sum, squares), (v, w)| {
            let difference = v - mean;
            (sum + w * difference, squares + w * difference * difference)
        });
        let squares = (squares - sum * sum / weight).max(0.0);
        Self { count: pairs().count() as u64, weight, mean, squares }
    }

    /// The moments of these numbers and those together.
    pub(crate) fn merged(self, other: Self) -> Self {
        if self.count == 0 {
            return other;
        }
        if other.count == 0 {
            return self;
        }
        let (left, right) = (self.weight, other.weight);
        let total = left + right;
        let delta = other.mean - self.mean;
        Self {
            count: self.count + other.count,
            weight: total,
            mean: self.mean + delta * (right / total),
            squares: self.squares + other.squares + delta * delta * (left * right / total),
        }
    }

    /// The population variance; 0 when nothing was seen.
    pub(crate) fn variance(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.squares / self.weight }
    }

    /// The population deviation, or 1 where the values are equal up to rounding: the bound on the
    /// error of a computed variance by Chan, Golub and LeVeque, as scikit-learn applies it.
    pub(crate) fn scale(&self) -> f64 {
        let (weight, variance) = (self.weight, self.variance());
        let rounding = weight * self.mean * f64::EPSILON;
        if variance <= weight * f64::EPSILON * variance + rounding * rounding {
            1.0
        } else {
            variance.sqrt()
        }
    }
}

/// The mean of `values`, in a single pass, and 0 of none; nothing where one is missing.
pub(crate) fn full_mean(values: &[f64]) -> Option<f64> {
    let Some(&origin) = values.first() else { return Some(0.0) };
    let mut sums = [0.0; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for part in chunks.chain([rest]) {
        sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value - origin);
    }
    let mean = origin + sums.iter().sum::<f64>() / values.len() as f64;
    // Only a missing or an infinite value makes the sum missing.
    (!mean.is_nan() || !values.iter().any(|v| v.is_nan())).then_some(mean)
}

struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

/// Count, sum and sum of squares of the differences from `origin`.
fn sums(values: &[f64], origin: f64) -> Sums {
    let (mut counts, mut sums, mut squares) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let mut add = |lane: usize, value: f64| {
        let (one, difference) = if value.is_nan() { (0.0, 0.0) } else { (1.0, value - origin) };
        counts[lane] += one;
        sums[lane] += difference;
        squares[lane] += difference * difference;
    };
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in chunk.iter().enumerate() {
            add(lane, value);
        }
    }
    for (lane, &value) in rest.iter().enumerate() {
        add(lane, value);
    }
    let total = |lanes: [f64; LANES]| lanes.iter().sum();
    Sums { count: total(counts), sum: total(sums), squares: total(squares) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: mean 2.5, squares 2.25 + 0.25 + 0.25 + 2.25
    fn missing_values_are_left_out() {
        let moments = Moments::of(&[1.0, f64::NAN, 2.0, 3.0, 4.0]);
        assert_eq!(moments, Moments { count: 4, weight: 4.0, mean: 2.5, squares: 5.0 });
    }

    #[test] // by hand: as (1, 1, 1, 5)
    fn a_value_counts_as_much_as_its_weight() {
        let values = [1.0, f64::NAN, 5.0, f64::INFINITY];
        let moments = Moments::weighted(&values, Some(&[3.0, 7.0, 1.0, 0.0]));
        assert_eq!(moments, Moments { count: 2, weight: 4.0, mean: 2.0, squares: 12.0 });
        assert_eq!(moments.variance(), Moments::of(&[1.0, 1.0, 1.0, 5.0]).variance());
        assert_eq!(Moments::weighted(&values, Some(&[0.0; 4])), Moments::default());
    }

    #[test]
    fn a_full_mean_is_that_of_the_moments() {
        let values: Vec<f64> = (0..1001).map(|i| 1e9 + f64::from(i % 37)).collect();
        let mean = full_mean(&values).unwrap();
        assert!((mean - Moments::of(&values).mean).abs() < 1e-6);
        assert_eq!((full_mean(&[]), full_mean(&[1.0, f64::NAN])), (Some(0.0), None));
        assert_eq!(full_mean(&[0.1; 1001]), Some(0.1));
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let values: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i % 37)).collect();
        let whole = Moments::of(&values);
        let merged = Moments::of(&values[..123]).merged(Moments::of(&values[123..]));
        assert!((whole.mean - merged.mean).abs() < 1e-6);
        assert!((whole.variance() - merged.variance()).abs() < 1e-6);
        assert_eq!(whole.merged(Moments::default()), whole);
    }

    #[test]
    fn equal_values_have_no_variance_at_all() {
        let moments = Moments::of(&[0.1; 1001]);
        assert_eq!((moments.mean, moments.variance(), moments.scale()), (0.1, 0.0, 1.0));
    }
}
