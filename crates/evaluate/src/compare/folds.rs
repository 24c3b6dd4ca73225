//! The t-test of two pipelines over the same folds, corrected for training rows that folds share.
//! Source: Nadeau and Bengio, *Machine Learning* 52 (2003); for repeated folds Bouckaert and Frank,
//! *PAKDD* 2004.

use gristmill_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::same_rows;
use crate::Fold;
use crate::distributions::student_beyond;

/// What [`corrected_t_test`] found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoldDifference {
    /// The mean over the folds of the first score less the second.
    pub difference: f64,
    /// The corrected standard error of it.
    pub deviation: f64,
    /// difference / deviation; 0 when all scores are equal.
    pub t: f64,
    /// The chance of so large a |t| when the pipelines are equally good.
    pub p_value: f64,
}

/// Compares the scores of two pipelines over the same folds, of which the training rows of any two
/// overlap: t = d̄ / √((1/k + test/train) s²) with k − 1 degrees of freedom, for k differences d of
/// variance s² and the mean numbers of test and training rows of a fold.
///
/// # Errors
/// [`Error::Data`] when there is not one score for each fold, there are fewer than 2 folds, a fold
/// has no training rows, a score is not finite, or all differences are the same but not 0.
///
/// ```
/// # use gristmill_evaluate::{Fold, compare::corrected_t_test};
/// let fold = Fold { train: vec![0, 1, 2, 3], test: vec![4] };
/// let folds = vec![fold; 5];
/// let found = corrected_t_test(&[0.9, 0.8, 0.7, 0.9, 0.8], &[0.8, 0.8, 0.6, 0.8, 0.8], &folds)?;
/// assert!((found.difference - 0.06).abs() < 1e-12);
/// assert!((found.t - 0.06 / (0.45_f64 * 0.003).sqrt()).abs() < 1e-9);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn corrected_t_test(first: &[f64], second: &[f64], folds: &[Fold]) -> Result<FoldDifference> {
    same_rows(first.len(), second.len())?;
    if first.len() != folds.len() || folds.len() < 2 {
        return Err(Error::data_hint(
            format!("{} scores of {} folds cannot be compared", first.len(), folds.len()),
            "give one score for each of at least 2 folds",
        ));
    }
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    if differences.iter().any(|d| !d.is_finite()) {
        return Err(Error::data("a score to compare is missing or infinite"));
    }
    let train: usize = folds.iter().map(|f| f.train.len()).sum();
    let test: usize = folds.iter().map(|f| f.test.len()).sum();
    if train == 0 {
        return Err(Error::data("the folds have no training rows"));
    }
    let k = folds.len() as f64;
    let difference = differences.iter().sum::<f64>() / k;
    let squares = differences.iter().map(|d| (d - difference) * (d - difference)).sum::<f64>();
    let deviation = ((1.0 / k + test as f64 / train as f64) * squares / (k - 1.0)).sqrt();
    if difference == 0.0 {
        return Ok(FoldDifference { difference, deviation, t: 0.0, p_value: 1.0 });
    }
    // Rounding alone makes equal differences unequal in their last bits.
    if deviation <= 1e-12 * difference.abs() {
        return Err(Error::data_hint(
            "the scores differ by the same amount in every fold, so there is no test of them",
            "use more or larger folds",
        ));
    }
    let t = difference / deviation;
    Ok(FoldDifference { difference, deviation, t, p_value: student_beyond(t, k - 1.0) })
}
