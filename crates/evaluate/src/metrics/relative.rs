//! Errors of predicted numbers relative to their size.

use gristmill_core::Result;

use super::regression::{check, sum_errors};
use super::sums::{sum, sum_pairs};
use super::{Entry, number_loss, undefined};

pub(super) static ENTRIES: &[Entry] = &[
    number_loss("mape", mape),
    number_loss("smape", smape),
    number_loss("wape", wape),
    number_loss("msle", msle),
    number_loss("rmsle", rmsle),
];

/// The mean absolute percentage error as a share, Σ |yᵢ − ŷᵢ| / max(|yᵢ|, ε) / n. As in
/// scikit-learn ε is 2.2e-16, so a single truth of 0 makes it enormous: prefer [`wape`] there.
///
/// # Errors
/// [`gristmill_core::Error::Data`] without rows or when a number is not finite;
/// [`gristmill_core::Error::Bug`] when the lengths differ.
pub fn mape(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    let share = |t: f64, p: f64| {
        let size = if t.abs() > f64::EPSILON { t.abs() } else { f64::EPSILON };
        (t - p).abs() / size
    };
    Ok(sum_errors("mape", truth, predicted, share)? / truth.len() as f64)
}

/// The symmetric mean absolute percentage error as a share between 0 and 2,
/// Σ 2 |yᵢ − ŷᵢ| / (|yᵢ| + |ŷᵢ|) / n; a row where both are 0 has no error.
///
/// Source: Makridakis, *International Journal of Forecasting* 9 (1993).
///
/// # Errors
/// As [`mape`].
///
/// ```
/// # use gristmill_evaluate::metrics::smape;
/// assert_eq!(smape(&[0.0, 1.0], &[0.0, 3.0])?, 0.5); // 2 · 2 / 4 in one of two rows
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn smape(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    let share = |t: f64, p: f64| {
        let size = t.abs() + p.abs();
        if size == 0.0 { 0.0 } else { 2.0 * (t - p).abs() / size }
    };
    Ok(sum_errors("smape", truth, predicted, share)? / truth.len() as f64)
}

/// The weighted absolute percentage error as a share, Σ |yᵢ − ŷᵢ| / Σ |yᵢ|.
///
/// Source: Kolassa and Schütz, *Foresight* 6 (2007).
///
/// # Errors
/// As [`mape`], and [`gristmill_core::Error::Data`] when every truth is 0.
pub fn wape(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    let error = sum_errors("wape", truth, predicted, |t, p| (t - p).abs())?;
    let size = sum(truth, f64::abs)?;
    if size == 0.0 {
        return Err(undefined("wape", "the target is 0 in all rows", "use mae"));
    }
    Ok(error / size)
}

/// The mean squared logarithmic error, Σ (ln(1 + yᵢ) − ln(1 + ŷᵢ))² / n.
///
/// # Errors
/// As [`mape`], and [`gristmill_core::Error::Data`] when a number is −1 or less.
pub fn msle(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    squared_logarithms("msle", truth, predicted)
}

/// The root of [`msle`].
///
/// # Errors
/// As [`msle`].
pub fn rmsle(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    Ok(squared_logarithms("rmsle", truth, predicted)?.sqrt())
}

fn squared_logarithms(metric: &str, truth: &[f64], predicted: &[f64]) -> Result<f64> {
    check(metric, truth, predicted)?;
    for (what, values) in [("a known answer", truth), ("an answer", predicted)] {
        if let Some(value) = values.iter().find(|v| **v <= -1.0) {
            let reason = format!("{what} is {value}, and 1 + {value} has no logarithm");
            return Err(undefined(metric, &reason, "use rmse or mae"));
        }
    }
    let difference = |t: f64, p: f64| (t.ln_1p() - p.ln_1p()).powi(2);
    Ok(sum_pairs(truth, predicted, difference)? / truth.len() as f64)
}
