//! How sure a score is, and whether one model is really better than another.
//!
//! | question | answer |
//! |---|---|
//! | between what bounds does a metric lie? | [`Bootstrap::interval_of`] |
//! | two models on the same rows, any metric | [`Bootstrap::difference_of`] |
//! | ... whose rows come in groups that are alike | [`Bootstrap::difference_of_groups`] |
//! | ... their classes, right or wrong | [`mcnemar`] |
//! | ... the areas under their ROC curves | [`delong`] |
//! | ... their errors row by row, or their scores by data set | [`wilcoxon`] |
//! | two pipelines over the same folds | [`corrected_t_test`] |
//!
//! A p-value is the chance to see at least as large a difference when there is none.

mod bootstrap;
mod delong;
mod folds;
mod mcnemar;
mod wilcoxon;

pub(crate) use bootstrap::quantile;
pub use bootstrap::{Bootstrap, BootstrapMethod, Difference, Interval};
pub use delong::{AreaDifference, AreaInterval, auc_interval, delong};
pub use folds::{FoldDifference, corrected_t_test};
pub use mcnemar::{McNemar, mcnemar};
pub use wilcoxon::{SignedRanks, wilcoxon};

use std::sync::Arc;

use gristmill_core::{DenseMatrix, Error, Prediction, Result};

/// The answers at `rows`, in that order.
///
/// # Errors
/// None for rows that are there.
///
/// # Panics
/// For a row that is not.
pub fn take(prediction: &Prediction, rows: &[u32]) -> Result<Prediction> {
    let at = |row: &u32| *row as usize;
    Ok(match prediction {
        Prediction::Numbers(values) => {
            Prediction::Numbers(rows.iter().map(|r| values[at(r)]).collect())
        }
        Prediction::Classes { codes, probabilities, labels } => {
            let columns = (0..probabilities.columns()).map(|class| probabilities.column(class));
            let values = columns.flat_map(|c| rows.iter().map(move |r| c[at(r)])).collect();
            Prediction::Classes {
                codes: rows.iter().map(|r| codes[at(r)]).collect(),
                probabilities: DenseMatrix::from_columns(
                    rows.len(),
                    probabilities.columns(),
                    values,
                )?,
                labels: Arc::clone(labels),
            }
        }
    })
}

pub(crate) fn check_confidence(confidence: f64) -> Result<()> {
    if confidence > 0.0 && confidence < 1.0 {
        return Ok(());
    }
    Err(Error::setting("confidence", confidence, "a share between 0 and 1, such as 0.95"))
}

fn same_rows(a: usize, b: usize) -> Result<()> {
    if a == b {
        return Ok(());
    }
    Err(Error::data_hint(
        format!("two models are compared on {a} and {b} rows"),
        "let both answer the same rows, in the same order",
    ))
}
