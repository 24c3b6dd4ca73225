//! Which classes are taken for which.

use gristmill_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// How many rows of each class were taken for each class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// The classes in order.
    pub labels: Vec<String>,
    /// `[truth, predicted]`: `counts[t][p]` rows of class `t` were taken for class `p`.
    pub counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// Counts rows by their true and their predicted class, both positions in `labels`.
    ///
    /// # Errors
    /// [`Error::Bug`] when the lengths differ or a class lies beyond `labels`.
    ///
    /// ```
    /// # use gristmill_evaluate::ConfusionMatrix;
    /// let labels = ["No".to_string(), "Yes".to_string()];
    /// let matrix = ConfusionMatrix::new(&labels, &[0, 0, 1], &[0, 1, 1])?;
    /// assert_eq!(matrix.counts, [[1, 1], [0, 1]]);
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn new(labels: &[String], truth: &[u32], predicted: &[u32]) -> Result<Self> {
        let counts = count(labels.len(), truth, predicted)?;
        Ok(Self { labels: labels.to_vec(), counts })
    }
}

/// `[truth, predicted]` counts of `classes` classes.
pub(super) fn count(classes: usize, truth: &[u32], predicted: &[u32]) -> Result<Vec<Vec<u64>>> {
    if truth.len() != predicted.len() {
        return Err(Error::Bug(format!("{} answers for {} rows", predicted.len(), truth.len())));
    }
    let mut counts = vec![vec![0; classes]; classes];
    for (&t, &p) in truth.iter().zip(predicted) {
        *counts
            .get_mut(t as usize)
            .and_then(|row| row.get_mut(p as usize))
            .ok_or_else(|| Error::Bug(format!("class {} lies beyond the labels", t.max(p))))? += 1;
    }
    Ok(counts)
}
