//! Errors of predicted numbers, and the share of the variance that they explain.
//! Definitions: Draper and Smith, *Applied Regression Analysis*, Wiley 1998.

use gristmill_core::Result;
use rayon::prelude::*;

use super::sums::{largest_finite_difference, squared_spread, sum_finite_pairs, sum_pairs};
use super::{Entry, number_loss, number_metric, same_length, undefined};

pub(super) static ENTRIES: &[Entry] = &[
    number_loss("rmse", rmse),
    number_loss("mse", mse),
    number_loss("mae", mae),
    number_loss("max_error", max_error),
    number_loss("mean_bias", |t, p| Ok(mean_error(t, p)?.abs())),
    number_metric("r2", r2),
    number_metric("explained_variance", explained_variance),
];

/// The root of the mean squared error, √(Σ (yᵢ − ŷᵢ)² / n), in units of the target.
///
/// # Errors
/// [`gristmill_core::Error::Data`] without rows or when a number is not finite;
/// [`gristmill_core::Error::Bug`] when the lengths differ.
///
/// ```
/// # use gristmill_evaluate::metrics::rmse;
/// assert_eq!(rmse(&[1.0, 2.0], &[4.0, 6.0])?, 12.5_f64.sqrt());
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn rmse(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    Ok((squared_error("rmse", truth, predicted)? / truth.len() as f64).sqrt())
}

/// The mean squared error, Σ (yᵢ − ŷᵢ)² / n, in squared units of the target.
///
/// # Errors
/// As [`rmse`].
pub fn mse(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    Ok(squared_error("mse", truth, predicted)? / truth.len() as f64)
}

/// The mean absolute error, Σ |yᵢ − ŷᵢ| / n, in units of the target.
///
/// # Errors
/// As [`rmse`].
pub fn mae(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    Ok(sum_errors("mae", truth, predicted, |t, p| (t - p).abs())? / truth.len() as f64)
}

/// The largest error, max |yᵢ − ŷᵢ|, in units of the target.
///
/// # Errors
/// As [`rmse`].
pub fn max_error(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    same_length("max_error", truth.len(), predicted.len())?;
    if let Some(largest) = largest_finite_difference(truth, predicted)? {
        return Ok(largest);
    }
    check("max_error", truth, predicted)?;
    Ok(f64::INFINITY)
}

/// By how much answers are too large on average, Σ (ŷᵢ − yᵢ) / n, in units of the target; below 0
/// when they are too small. The metric `mean_bias` is its size without the sign.
///
/// # Errors
/// As [`rmse`].
pub fn mean_error(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    Ok(sum_errors("mean_bias", truth, predicted, |t, p| p - t)? / truth.len() as f64)
}

/// The share of the variance that is explained, 1 − Σ (yᵢ − ŷᵢ)² / Σ (yᵢ − ȳ)²; below 0 when the
/// mean would have been a better answer.
///
/// # Errors
/// As [`rmse`], and [`gristmill_core::Error::Data`] when all of `truth` is equal.
pub fn r2(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    let error = squared_error("r2", truth, predicted)?;
    refuse_constant("r2", truth)?;
    Ok(1.0 - error / squared_spread(truth, truth, |t, _| t)?)
}

/// [`r2`] with a price for every column that the model uses,
/// 1 − (1 − R²) (n − 1) / (n − columns − 1).
///
/// # Errors
/// As [`r2`], and [`gristmill_core::Error::Data`] with no more than `columns` + 1 rows.
///
/// ```
/// # use gristmill_evaluate::metrics::adjusted_r2;
/// let adjusted = adjusted_r2(&[1.0, 2.0, 3.0], &[1.5, 2.0, 2.5], 1)?;
/// assert_eq!(adjusted, 0.5); // R² is 0.75
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn adjusted_r2(truth: &[f64], predicted: &[f64], columns: usize) -> Result<f64> {
    let r2 = r2(truth, predicted)?;
    if truth.len() <= columns + 1 {
        let reason = format!("{} rows are too few for {columns} columns", truth.len());
        return Err(undefined("adjusted_r2", &reason, "give more rows, or use r2"));
    }
    let n = truth.len() as f64;
    Ok(1.0 - (1.0 - r2) * (n - 1.0) / (n - columns as f64 - 1.0))
}

/// As [`r2`], but an error that is the same in all rows costs nothing:
/// 1 − Var(y − ŷ) / Var(y).
///
/// # Errors
/// As [`r2`].
pub fn explained_variance(truth: &[f64], predicted: &[f64]) -> Result<f64> {
    same_length("explained_variance", truth.len(), predicted.len())?;
    let left = squared_spread(truth, predicted, |t, p| t - p)?;
    if !left.is_finite() {
        check("explained_variance", truth, predicted)?;
    }
    refuse_constant("explained_variance", truth)?;
    Ok(1.0 - left / squared_spread(truth, truth, |t, _| t)?)
}

fn squared_error(metric: &str, truth: &[f64], predicted: &[f64]) -> Result<f64> {
    sum_errors(metric, truth, predicted, |t, p| (t - p) * (t - p))
}

/// Σ term(yᵢ, ŷᵢ) of what [`check`] does not refuse, read from memory once.
pub(super) fn sum_errors(
    metric: &str,
    truth: &[f64],
    predicted: &[f64],
    term: impl Fn(f64, f64) -> f64 + Sync,
) -> Result<f64> {
    same_length(metric, truth.len(), predicted.len())?;
    if let Some(sum) = sum_finite_pairs(truth, predicted, &term)? {
        return Ok(sum);
    }
    // Something is not finite, or two finite numbers are farther apart than any number is large.
    check(metric, truth, predicted)?;
    sum_pairs(truth, predicted, term)
}

pub(super) fn refuse_constant(metric: &str, truth: &[f64]) -> Result<()> {
    if truth.windows(2).all(|w| w[0] == w[1]) {
        return Err(undefined(metric, "the target is the same in all rows", "give more rows"));
    }
    Ok(())
}

/// Refuses what no metric of numbers has a value for.
pub(super) fn check(metric: &str, truth: &[f64], predicted: &[f64]) -> Result<()> {
    same_length(metric, truth.len(), predicted.len())?;
    if !all_finite(predicted) {
        return Err(undefined(
            metric,
            "an answer is not a finite number",
            "look at the model's answers",
        ));
    }
    if !all_finite(truth) {
        return Err(undefined(
            metric,
            "a known answer is not a finite number",
            "leave such rows out with `sql`",
        ));
    }
    Ok(())
}

fn all_finite(values: &[f64]) -> bool {
    // The sum of x · 0 is 0 unless some x is infinite or no number: one pass without a branch.
    let chunk = |chunk: &[f64]| chunk.iter().fold(0.0, |sum, x| sum + x * 0.0) == 0.0;
    values.par_chunks(1 << 14).all(chunk)
}
