//! Errors of predicted quantiles, and the median error.

use gristmill_core::{Error, Result};

use super::regression::{check, refuse_constant, sum_errors};
use super::select::{median, smallest};
use super::{Entry, number_loss, number_metric};

pub(super) static ENTRIES: &[Entry] = &[
    number_loss("median_absolute_error", median_absolute_error),
    number_loss("pinball_10", |t, p| loss("pinball_10", t, p, 0.1)),
    number_loss("pinball_50", |t, p| loss("pinball_50", t, p, 0.5)),
    number_loss("pinball_90", |t, p| loss("pinball_90", t, p, 0.9)),
    number_metric("d2_absolute_error", |t, p| explained("d2_absolute_error", t, p, 0.5)),
];

/// The median of |yᵢ − ŷᵢ|, in units of the target; of an even number of rows the mean of the two
/// in the middle.
///
/// # Errors
/// [`Error::Data`] without rows or when a number is not finite; [`Error::Bug`] when the lengths
/// differ.
///
/// ```
/// # use gristmill_evaluate::metrics::median_absolute_error;
/// assert_eq!(median_absolute_error(&[1.0, 2.0, 9.0], &[2.0, 4.0, 0.0])?, 2.0);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn median_absolute_error(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    check("median_absolute_error", truth, predicted)?;
    Ok(median(truth.len(), |row| (truth[row] - predicted[row]).abs()))
}

/// The mean pinball loss of predicted `alpha`-quantiles: α (y − ŷ) where the truth lies above the
/// answer, (1 − α) (ŷ − y) where it lies below. The metrics `pinball_10`, `pinball_50` and
/// `pinball_90` have the quantiles 0.1, 0.5 and 0.9.
///
/// Source: Koenker and Bassett, *Econometrica* 46 (1978).
///
/// # Errors
/// [`Error::Setting`] when `alpha` is not between 0 and 1; else as [`median_absolute_error`].
pub fn mean_pinball_loss(truth: &[f64], predicted: &[f64], alpha: f64) -> Result<f64> {
    loss("mean_pinball_loss", truth, predicted, alpha)
}

/// The share of the pinball loss that is explained: 1 − its ratio to the loss of the `alpha`-quantile
/// of `truth` as the answer for every row. The metric `d2_absolute_error` is that of the median.
///
/// # Errors
/// As [`mean_pinball_loss`], and [`Error::Data`] when all of `truth` is equal.
pub fn d2_pinball(truth: &[f64], predicted: &[f64], alpha: f64) -> Result<f64> {
    explained("d2_pinball", truth, predicted, alpha)
}

fn explained(metric: &str, truth: &[f64], predicted: &[f64], alpha: f64) -> Result<f64> {
    let reached = loss(metric, truth, predicted, alpha)?;
    refuse_constant(metric, truth)?;
    // Every number between the two neighbours of a quantile has the same, smallest loss.
    let rank = (alpha * truth.len() as f64).ceil() as usize;
    let quantile = smallest(truth.len(), rank.clamp(1, truth.len()) - 1, |row| truth[row]);
    let constant = vec![quantile; truth.len()];
    Ok(1.0 - reached / loss(metric, truth, &constant, alpha)?)
}

fn loss(metric: &str, truth: &[f64], predicted: &[f64], alpha: f64) -> Result<f64> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::setting("alpha", alpha, "a share between 0 and 1"));
    }
    let loss = |t: f64, p: f64| if t > p { alpha * (t - p) } else { (1.0 - alpha) * (p - t) };
    Ok(sum_errors(metric, truth, predicted, loss)? / truth.len() as f64)
}
