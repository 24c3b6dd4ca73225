//! Sums over many rows in parallel, with the same bits on any number of threads.
//!
//! Borders of chunks depend on the number of rows alone and chunks merge as a fixed tree
//! ([`fold_chunks`]); inside a chunk eight lanes are added up side by side, which a processor does
//! at once and which loses fewer bits than one long sum.

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
    let chunk = |range: std::ops::Range<usize>| {
        let (a, a_rest) = a[range.clone()].as_chunks::<LANES>();
        let (b, b_rest) = b[range].as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                lanes[lane] += term(a[lane], b[lane]);
            }
        }
        let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| term(*a, *b)).sum();
        Ok(lanes.iter().sum::<f64>() + rest)
    };
    fold_chunks(a.len(), chunk, |left, right| Ok(left + right))
}

/// The mean of `values`; NaN without any.
pub(crate) fn mean(values: &[f64]) -> Result<f64> {
    Ok(sum(values, |value| value)? / values.len() as f64)
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
