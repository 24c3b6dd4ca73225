//! Metrics of probabilities themselves.

use gristmill_core::{DenseMatrix, Error, Result};

use super::same_length;

/// The mean of −ln p(true class), in nats; probabilities are kept 2.2e-16 away from 0 and 1, as in
/// scikit-learn, so that one wrong certainty is not infinitely bad.
///
/// `probabilities` is `[rows, classes]`.
///
/// # Errors
/// [`Error::Data`] without rows; [`Error::Bug`] when the shapes do not fit.
pub fn log_loss(truth: &[u32], probabilities: &DenseMatrix) -> Result<f64> {
    check("log_loss", truth, probabilities)?;
    let loss = |(row, &class): (usize, &u32)| {
        let p = probabilities.get(row, class as usize);
        -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    };
    Ok(truth.iter().enumerate().map(loss).sum::<f64>() / truth.len() as f64)
}

/// The Brier score: for two classes the mean of (p − y)² of one of them, for more the mean of
/// Σₖ (pₖ − yₖ)², as in scikit-learn.
///
/// Source: Brier, *Monthly Weather Review* 78 (1950).
///
/// # Errors
/// As [`log_loss`].
pub fn brier(truth: &[u32], probabilities: &DenseMatrix) -> Result<f64> {
    check("brier", truth, probabilities)?;
    let classes = probabilities.columns();
    let loss = |(row, &class): (usize, &u32)| -> f64 {
        (0..classes)
            .map(|k| probabilities.get(row, k) - f64::from(u8::from(k == class as usize)))
            .map(|difference| difference * difference)
            .sum()
    };
    let sum: f64 = truth.iter().enumerate().map(loss).sum();
    let halves = if classes == 2 { 2.0 } else { 1.0 };
    Ok(sum / (halves * truth.len() as f64))
}

fn check(metric: &str, truth: &[u32], probabilities: &DenseMatrix) -> Result<()> {
    same_length(metric, truth.len(), probabilities.rows())?;
    match truth.iter().find(|&&class| class as usize >= probabilities.columns()) {
        None => Ok(()),
        Some(class) => Err(Error::Bug(format!("`{metric}` got no probability of class {class}"))),
    }
}
