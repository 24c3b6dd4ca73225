//! Sums over many rows in parallel, with the same bits on any number of threads.
//!
//! Borders of chunks depend on the number of rows alone and chunks merge as a fixed tree
//! ([`fold_chunks`]); inside a chunk eight lanes are added up side by side, which a processor does
//! at once and which loses fewer bits than one long sum.

use std::ops::Range;

use gristmill_core::{Result, fold_chunks};

const LANES: usize = 8;

/// Σ term(i) over `0..rows`.
pub(crate) fn sum_rows(rows: usize, term: impl Fn(usize) -> f64 + Sync) -> Result<f64> {
    fold_chunks(rows, |range| Ok(range.map(&term).sum::<f64>()), |left, right| Ok(left + right))
}

/// Σ term(x) over `values`.
pub(crate) fn sum(values: &[f64], term: impl Fn(f64) -> f64 + Sync) -> Result<f64> {
    sum_pairs(values, values, |value, _| term(value))
}

/// Σ term(aᵢ, bᵢ) over two columns of the same length.
pub(crate) fn sum_pairs(
    a: &[f64],
    b: &[f64],
    term: impl Fn(f64, f64) -> f64 + Sync,
) -> Result<f64> {
    let chunk = |range: Range<usize>| Ok(lane_sum(&a[range.clone()], &b[range], &term));
    fold_chunks(a.len(), chunk, |left, right| Ok(left + right))
}

/// As [`sum_pairs`], in the same pass over the memory nothing when some aᵢ − bᵢ is not finite.
pub(crate) fn sum_finite_pairs(
    a: &[f64],
    b: &[f64],
    term: impl Fn(f64, f64) -> f64 + Sync,
) -> Result<Option<f64>> {
    let chunk = |range: Range<usize>| {
        let (a, b) = (&a[range.clone()], &b[range]);
        Ok((lane_sum(a, b, &term), finite_differences(a, b)))
    };
    let (sum, finite) = fold_chunks(a.len(), chunk, |l, r| Ok((l.0 + r.0, l.1 & r.1)))?;
    Ok(finite.then_some(sum))
}

/// max |aᵢ − bᵢ|; nothing when some aᵢ − bᵢ is not finite.
pub(crate) fn largest_finite_difference(a: &[f64], b: &[f64]) -> Result<Option<f64>> {
    let larger = |left: f64, right: f64| if right > left { right } else { left };
    let chunk = |range: Range<usize>| {
        let (a, b) = (&a[range.clone()], &b[range]);
        let mut lanes = [0.0; LANES];
        let (whole_a, rest_a) = a.as_chunks::<LANES>();
        let (whole_b, rest_b) = b.as_chunks::<LANES>();
        for (a, b) in whole_a.iter().zip(whole_b) {
            for lane in 0..LANES {
                lanes[lane] = larger(lanes[lane], (a[lane] - b[lane]).abs());
            }
        }
        let rest = rest_a.iter().zip(rest_b).map(|(a, b)| (a - b).abs());
        Ok((rest.chain(lanes).fold(0.0, larger), finite_differences(a, b)))
    };
    let (largest, finite) = fold_chunks(a.len(), chunk, |l, r| Ok((larger(l.0, r.0), l.1 & r.1)))?;
    Ok(finite.then_some(largest))
}

/// Whether every aᵢ − bᵢ is finite: d · 0 is 0 unless d is infinite or no number. A second look at
/// a chunk costs little, for it is in the cache by then.
fn finite_differences(a: &[f64], b: &[f64]) -> bool {
    lane_sum(a, b, |a, b| (a - b) * 0.0) == 0.0
}

/// The mean of `values`; NaN without any.
pub(crate) fn mean(values: &[f64]) -> Result<f64> {
    Ok(sum(values, |value| value)? / values.len() as f64)
}

/// Σ (xᵢ − x̄)² of xᵢ = term(aᵢ, bᵢ), in one pass over the memory: each chunk around its own mean,
/// put together as in Chan, Golub and LeVeque, *The American Statistician* 37 (1983).
pub(crate) fn squared_spread(
    a: &[f64],
    b: &[f64],
    term: impl Fn(f64, f64) -> f64 + Sync,
) -> Result<f64> {
    let chunk = |range: Range<usize>| {
        let (a, b) = (&a[range.clone()], &b[range]);
        let rows = a.len() as f64;
        let mean = lane_sum(a, b, &term) / rows;
        let square = |a, b| {
            let off = term(a, b) - mean;
            off * off
        };
        Ok(Spread { rows, mean, squares: lane_sum(a, b, square) })
    };
    Ok(fold_chunks(a.len(), chunk, |left, right| Ok(left.merge(&right)))?.squares)
}

struct Spread {
    rows: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn merge(&self, other: &Self) -> Self {
        let rows = self.rows + other.rows;
        let apart = other.mean - self.mean;
        Self {
            rows,
            mean: self.mean + apart * other.rows / rows,
            squares: self.squares + other.squares + apart * apart * self.rows * other.rows / rows,
        }
    }
}

fn lane_sum(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += term(a[lane], b[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| term(*a, *b)).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: n (n + 1) / 2
    fn every_row_counts_once_at_any_length() {
        for rows in [0, 1, 7, 8, 9, 16_384, 16_385, 100_003] {
            let values: Vec<f64> = (1..=rows).map(|v| v as f64).collect();
            let expected = (rows * (rows + 1) / 2) as f64;
            assert_eq!(sum(&values, |v| v).unwrap(), expected);
            assert_eq!(sum_rows(rows, |row| values[row]).unwrap(), expected);
        }
    }

    #[test] // by hand: n (n² − 1) / 12, far from 0
    fn the_spread_does_not_depend_on_where_the_mean_is() {
        for rows in [1, 2, 9, 16_384, 50_001] {
            let values: Vec<f64> = (1..=rows).map(|v| 1e6 + f64::from(v)).collect();
            let n = f64::from(rows);
            let expected = n * (n * n - 1.0) / 12.0;
            let found = squared_spread(&values, &values, |v, _| v).unwrap();
            assert!((found - expected).abs() <= 1e-12 * expected, "{rows}: {found}");
        }
    }

    #[test]
    fn one_number_that_is_not_finite_is_seen() {
        let good = vec![1.0; 40_000];
        assert_eq!(sum_finite_pairs(&good, &good, |a, _| a).unwrap(), Some(40_000.0));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for row in [0, 16_383, 39_999] {
                let mut values = good.clone();
                values[row] = bad;
                assert_eq!(sum_finite_pairs(&values, &good, |_, _| 1.0).unwrap(), None);
                assert_eq!(sum_finite_pairs(&good, &values, |_, _| 1.0).unwrap(), None);
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let values: Vec<f64> = (0..70_000).map(|v| f64::from(v).sin()).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| sum(&values, |v| v * 1.7).unwrap())
        };
        assert_eq!(with(1).to_bits(), with(3).to_bits());
    }
}
