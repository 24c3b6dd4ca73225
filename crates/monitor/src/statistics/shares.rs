//! Shares out of counts.

use gristmill_core::{Error, Result};

/// By how much the sum of shares may miss 1.
const ROUNDING: f64 = 1e-6;

/// Returns each count as a share of all; without any count they are all 0.
pub fn shares(counts: &[u64]) -> Vec<f64> {
    let total: f64 = counts.iter().map(|&c| c as f64).sum();
    counts.iter().map(|&c| if total > 0.0 { c as f64 / total } else { 0.0 }).collect()
}

/// Returns shares none of which is 0: (cᵢ + ½) / Σ (cᵢ + ½), as if half a value more had been seen
/// in each place. Half a value is what Jeffreys' prior adds; it weighs less the more rows there
/// are. Without any count all shares are equal.
///
/// ```
/// # use gristmill_monitor::statistics::smoothed_shares;
/// assert_eq!(smoothed_shares(&[0, 9]), [0.05, 0.95]);
/// ```
pub fn smoothed_shares(counts: &[u64]) -> Vec<f64> {
    let total: f64 = counts.iter().map(|&c| c as f64 + 0.5).sum();
    counts.iter().map(|&c| (c as f64 + 0.5) / total).collect()
}

/// Refuses what are no two lists of shares of the same places.
pub(super) fn check_shares(reference: &[f64], current: &[f64]) -> Result<()> {
    if reference.len() != current.len() {
        let (mine, theirs) = (reference.len(), current.len());
        return Err(Error::data(format!("{mine} shares were held against {theirs}")));
    }
    for shares in [reference, current] {
        let sum: f64 = shares.iter().sum();
        let sound = shares.iter().all(|s| (0.0..=1.0 + ROUNDING).contains(s));
        if !sound || (sum - 1.0).abs() > ROUNDING {
            return Err(Error::data(format!("shares sum to {sum}, expected 1")));
        }
    }
    Ok(())
}
