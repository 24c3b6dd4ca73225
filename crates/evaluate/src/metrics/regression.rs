//! Metrics of numbers.

use gristmill_core::Result;

use super::{same_length, undefined};

/// The root of the mean squared error, √(Σ (yᵢ − ŷᵢ)² / n), in units of the target.
///
/// # Errors
/// [`gristmill_core::Error::Data`] without rows or when an answer is not finite;
/// [`gristmill_core::Error::Bug`] when the lengths differ.
///
/// ```
/// # use gristmill_evaluate::metrics::rmse;
/// assert_eq!(rmse(&[1.0, 2.0], &[4.0, 6.0])?, 12.5_f64.sqrt());
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn rmse(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    check("rmse", truth, predicted)?;
    Ok((squared_error(truth, predicted) / truth.len() as f64).sqrt())
}

/// The mean absolute error, Σ |yᵢ − ŷᵢ| / n, in units of the target.
///
/// # Errors
/// As [`rmse`].
pub fn mae(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    check("mae", truth, predicted)?;
    let sum: f64 = truth.iter().zip(predicted).map(|(t, p)| (t - p).abs()).sum();
    Ok(sum / truth.len() as f64)
}

/// The share of the variance that is explained, 1 − Σ (yᵢ − ŷᵢ)² / Σ (yᵢ − ȳ)²; below 0 when the
/// mean would have been a better answer.
///
/// # Errors
/// As [`rmse`], and [`gristmill_core::Error::Data`] when all of `truth` is equal.
pub fn r2(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    check("r2", truth, predicted)?;
    if truth.windows(2).all(|w| w[0] == w[1]) {
        return Err(undefined("r2", "the target is the same in all rows", "give more rows"));
    }
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let variance: f64 = truth.iter().map(|t| (t - mean) * (t - mean)).sum();
    Ok(1.0 - squared_error(truth, predicted) / variance)
}

fn squared_error(truth: &[f64], predicted: &[f64]) -> f64 {
    truth.iter().zip(predicted).map(|(t, p)| (t - p) * (t - p)).sum()
}

fn check(metric: &str, truth: &[f64], predicted: &[f64]) -> Result<()> {
    same_length(metric, truth.len(), predicted.len())?;
    if predicted.iter().all(|p| p.is_finite()) {
        return Ok(());
    }
    Err(undefined(metric, "an answer is not a finite number", "look at the model's answers"))
}
