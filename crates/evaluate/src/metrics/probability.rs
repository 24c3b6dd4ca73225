//! Metrics of probabilities themselves.

use gristmill_core::{DenseMatrix, Error, Result};
use rayon::prelude::*;

use super::sums::sum_rows;
use super::{Entry, class_loss, class_metric, same_length, undefined};

pub(super) static ENTRIES: &[Entry] = &[
    class_loss("log_loss", |a| log_loss(a.truth, a.probabilities)),
    class_loss("brier", |a| brier(a.truth, a.probabilities)),
    class_loss("hinge", |a| hinge(a.truth, a.probabilities)),
    class_metric("d2_log_loss", |a| d2_log_loss(a.truth, a.probabilities)),
    class_metric("d2_brier", |a| d2_brier(a.truth, a.probabilities)),
    class_metric("top_2_accuracy", |a| top_k_accuracy(a.truth, a.probabilities, 2)),
    class_metric("top_3_accuracy", |a| top_k_accuracy(a.truth, a.probabilities, 3)),
    class_metric("top_5_accuracy", |a| top_k_accuracy(a.truth, a.probabilities, 5)),
];

/// The mean of −ln p(true class), in nats; probabilities are kept 2.2e-16 away from 0 and 1, as in
/// scikit-learn, so that one wrong certainty is not infinitely bad.
///
/// `probabilities` is `[rows, classes]`.
///
/// # Errors
/// [`Error::Data`] without rows or when a probability is not a number; [`Error::Bug`] when the
/// shapes do not fit.
pub fn log_loss(truth: &[u32], probabilities: &DenseMatrix) -> Result<f64> {
    check("log_loss", truth, probabilities)?;
    let loss = |row: usize| {
        let p = probabilities.get(row, truth[row] as usize);
        -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    };
    Ok(sum_rows(truth.len(), loss)? / truth.len() as f64)
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
    let loss = |row: usize| -> f64 {
        (0..classes)
            .map(|k| probabilities.get(row, k) - f64::from(u8::from(k == truth[row] as usize)))
            .map(|difference| difference * difference)
            .sum()
    };
    let sum = sum_rows(truth.len(), loss)?;
    Ok(sum / (halves(classes) * truth.len() as f64))
}

/// The mean of max(0, 1 − p(true class) + the largest of the other probabilities): what is short of
/// a certain answer, between 0 and 2. With two classes it is the hinge loss of the decision 2 p − 1.
///
/// Source: Crammer and Singer, *Journal of Machine Learning Research* 2 (2001).
///
/// # Errors
/// As [`log_loss`].
pub fn hinge(truth: &[u32], probabilities: &DenseMatrix) -> Result<f64> {
    check("hinge", truth, probabilities)?;
    let loss = |row: usize| {
        let own = truth[row] as usize;
        let others = (0..probabilities.columns()).filter(|&k| k != own);
        let largest = others.map(|k| probabilities.get(row, k)).fold(f64::NEG_INFINITY, f64::max);
        (1.0 - (probabilities.get(row, own) - largest)).max(0.0)
    };
    Ok(sum_rows(truth.len(), loss)? / truth.len() as f64)
}

/// The share of the log loss that is explained: 1 − its ratio to that of the shares of the classes as
/// the answer for every row.
///
/// # Errors
/// As [`log_loss`], and [`Error::Data`] when all rows are of one class.
pub fn d2_log_loss(truth: &[u32], probabilities: &DenseMatrix) -> Result<f64> {
    check("d2_log_loss", truth, probabilities)?;
    let shares = shares("d2_log_loss", truth, probabilities.columns())?;
    let constant: f64 = shares.iter().filter(|s| **s > 0.0).map(|s| -s * s.ln()).sum();
    Ok(1.0 - log_loss(truth, probabilities)? / constant)
}

/// The share of the Brier score that is explained, as [`d2_log_loss`]; also known as the Brier
/// skill score.
///
/// # Errors
/// As [`d2_log_loss`].
pub fn d2_brier(truth: &[u32], probabilities: &DenseMatrix) -> Result<f64> {
    check("d2_brier", truth, probabilities)?;
    let shares = shares("d2_brier", truth, probabilities.columns())?;
    let constant: f64 = shares.iter().map(|s| s * (1.0 - s)).sum();
    Ok(1.0 - brier(truth, probabilities)? * halves(probabilities.columns()) / constant)
}

/// The share of rows whose class is among the `k` most probable; of equal probabilities the first
/// in order counts as more probable, as in the predicted class.
///
/// # Errors
/// [`Error::Setting`] when `k` is 0; else as [`log_loss`].
///
/// ```
/// # use gristmill_core::DenseMatrix;
/// # use gristmill_evaluate::metrics::top_k_accuracy;
/// let probabilities = DenseMatrix::from_columns(2, 3, vec![0.5, 0.2, 0.3, 0.1, 0.2, 0.7])?;
/// assert_eq!(top_k_accuracy(&[1, 1], &probabilities, 2)?, 0.5);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn top_k_accuracy(truth: &[u32], probabilities: &DenseMatrix, k: usize) -> Result<f64> {
    if k == 0 {
        return Err(Error::setting("k", k, "at least 1"));
    }
    check("top_k_accuracy", truth, probabilities)?;
    let found = |row: &usize| {
        let own = truth[*row] as usize;
        let p = probabilities.get(*row, own);
        let before = |class: &usize| {
            let other = probabilities.get(*row, *class);
            other > p || (other == p && *class < own)
        };
        (0..probabilities.columns()).filter(before).count() < k
    };
    let found = (0..truth.len()).into_par_iter().filter(found).count();
    Ok(found as f64 / truth.len() as f64)
}

/// By how much a sum over the classes counts everything twice.
fn halves(classes: usize) -> f64 {
    if classes == 2 { 2.0 } else { 1.0 }
}

/// The share of each class in the rows; more than one class occurs.
fn shares(metric: &str, truth: &[u32], classes: usize) -> Result<Vec<f64>> {
    let mut counts = vec![0_u64; classes];
    truth.iter().for_each(|&class| counts[class as usize] += 1);
    if counts.iter().filter(|c| **c > 0).count() < 2 {
        return Err(undefined(metric, "all rows are of one class", "give rows of other classes"));
    }
    Ok(counts.iter().map(|&count| count as f64 / truth.len() as f64).collect())
}

pub(super) fn check(metric: &str, truth: &[u32], probabilities: &DenseMatrix) -> Result<()> {
    same_length(metric, truth.len(), probabilities.rows())?;
    if let Some(class) = truth.iter().find(|&&class| class as usize >= probabilities.columns()) {
        return Err(Error::Bug(format!("`{metric}` got no probability of class {class}")));
    }
    if probabilities.values().par_iter().any(|p| p.is_nan()) {
        return Err(undefined(
            metric,
            "a probability is not a number",
            "look at the model's answers",
        ));
    }
    Ok(())
}
