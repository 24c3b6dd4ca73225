//! Wilcoxon's signed ranks: is one of two paired series larger, whatever its distribution?
//! Source: Wilcoxon, *Biometrics Bulletin* 1 (1945); for comparing models Demšar, *Journal of Machine
//! Learning Research* 7 (2006).

use gristmill_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::same_rows;
use crate::distributions::normal_beyond;

/// Up to this many pairs without ties every order is counted.
const EXACT: usize = 50;

/// What [`wilcoxon`] found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignedRanks {
    /// Pairs that differ.
    pub pairs: usize,
    /// The sum of the ranks of |difference| over the pairs in which the first is larger.
    pub first_larger: f64,
    /// The same for the second.
    pub second_larger: f64,
    /// The chance of so unequal sums when neither is larger: exact for up to 50 pairs of distinct
    /// differences, by the normal distribution corrected for ties beyond.
    pub p_value: f64,
}

/// Compares paired numbers: errors of two models row by row, or their scores by data set. Pairs of
/// equal numbers are left out.
///
/// # Errors
/// [`Error::Data`] when the lengths differ or a number is not finite.
///
/// ```
/// # use gristmill_evaluate::compare::wilcoxon;
/// let found = wilcoxon(&[3.0, 5.0, 9.0, 2.0], &[2.0, 3.0, 5.0, 2.0])?;
/// assert_eq!((found.pairs, found.first_larger, found.p_value), (3, 6.0, 0.25));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn wilcoxon(first: &[f64], second: &[f64]) -> Result<SignedRanks> {
    same_rows(first.len(), second.len())?;
    let mut differences: Vec<f64> =
        first.iter().zip(second).map(|(a, b)| a - b).filter(|d| *d != 0.0).collect();
    if differences.iter().any(|d| !d.is_finite()) {
        return Err(Error::data("a number to compare is missing or infinite"));
    }
    differences.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (mut first_larger, mut second_larger, mut before) = (0.0, 0.0, 0.0);
    let mut ties = 0.0;
    for tied in differences.chunk_by(|a, b| a.abs() == b.abs()) {
        let count = tied.len() as f64;
        let rank = before + (count + 1.0) / 2.0;
        let positive = tied.iter().filter(|d| **d > 0.0).count() as f64;
        first_larger += rank * positive;
        second_larger += rank * (count - positive);
        ties += count * (count * count - 1.0);
        before += count;
    }
    let smaller = f64::min(first_larger, second_larger);
    let pairs = differences.len();
    let p_value = match pairs {
        0 => 1.0,
        _ if pairs <= EXACT && ties == 0.0 => exact_p(pairs, smaller as usize),
        _ => normal_p(pairs as f64, smaller, ties),
    };
    Ok(SignedRanks { pairs, first_larger, second_larger, p_value })
}

/// min(1, 2 P(W ≤ smaller)) over all 2ⁿ equally likely signs.
fn exact_p(pairs: usize, smaller: usize) -> f64 {
    let most = pairs * (pairs + 1) / 2;
    let mut ways = vec![0.0; most + 1];
    ways[0] = 1.0;
    for rank in 1..=pairs {
        for sum in (rank..=most).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let below: f64 = ways[..=smaller].iter().sum();
    (2.0 * below / 2.0_f64.powi(pairs as i32)).min(1.0)
}

fn normal_p(pairs: f64, smaller: f64, ties: f64) -> f64 {
    let mean = pairs * (pairs + 1.0) / 4.0;
    let variance = pairs * (pairs + 1.0) * (2.0 * pairs + 1.0) / 24.0 - ties / 48.0;
    normal_beyond((smaller - mean) / variance.sqrt())
}
