//! Whether probabilities keep their word.

use gristmill_core::{DenseMatrix, Result};

use super::probability::check;
use super::{Entry, class_loss};

/// As many bins as the source uses.
const BINS: usize = 15;

pub(super) static ENTRIES: &[Entry] = &[
    class_loss("expected_calibration_error", |a| {
        expected_calibration_error(a.truth, a.probabilities)
    }),
    class_loss("maximum_calibration_error", |a| {
        maximum_calibration_error(a.truth, a.probabilities)
    }),
];

/// The mean distance of how sure answers are from how often they are right: rows go into 15 equally
/// wide bins (a, b] by their largest probability, and each bin counts with its rows,
/// Σ_b n_b / n · |accuracy_b − confidence_b|.
///
/// Source: Guo, Pleiss, Sun and Weinberger, *ICML* 2017.
///
/// # Errors
/// [`gristmill_core::Error::Data`] without rows or when a probability is not a number;
/// [`gristmill_core::Error::Bug`] when the shapes do not fit.
pub fn expected_calibration_error(truth: &[u32], probabilities: &DenseMatrix) -> Result<f64> {
    check("expected_calibration_error", truth, probabilities)?;
    Ok(bins(truth, probabilities).iter().map(|b| b.gap().abs()).sum::<f64>() / truth.len() as f64)
}

/// The largest distance in any of the bins of [`expected_calibration_error`].
///
/// # Errors
/// As [`expected_calibration_error`].
pub fn maximum_calibration_error(truth: &[u32], probabilities: &DenseMatrix) -> Result<f64> {
    check("maximum_calibration_error", truth, probabilities)?;
    let distance = |b: &Bin| b.gap().abs() / b.rows.max(1) as f64;
    Ok(bins(truth, probabilities).iter().map(distance).fold(0.0, f64::max))
}

#[derive(Clone, Copy, Default)]
struct Bin {
    rows: u64,
    right: u64,
    confidence: f64,
}

impl Bin {
    /// Right answers less those that were promised.
    fn gap(&self) -> f64 {
        self.right as f64 - self.confidence
    }
}

fn bins(truth: &[u32], probabilities: &DenseMatrix) -> [Bin; BINS] {
    let mut bins = [Bin::default(); BINS];
    for (row, &class) in truth.iter().enumerate() {
        let mut best = 0;
        for k in 1..probabilities.columns() {
            if probabilities.get(row, k) > probabilities.get(row, best) {
                best = k;
            }
        }
        let confidence = probabilities.get(row, best);
        let at = (confidence * BINS as f64).ceil() as usize;
        let bin = &mut bins[at.clamp(1, BINS) - 1];
        bin.rows += 1;
        bin.right += u64::from(best == class as usize);
        bin.confidence += confidence;
    }
    bins
}
