//! Which classes are taken for which.

use gristmill_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Of more classes no one looks at a table, and their pairs would fill the memory.
const MOST_CLASSES: usize = 4_096;

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
    /// [`Error::Data`] for more than 4,096 classes; [`Error::Bug`] when the lengths differ or a
    /// class lies beyond `labels`.
    ///
    /// ```
    /// # use gristmill_evaluate::ConfusionMatrix;
    /// let labels = ["No".to_string(), "Yes".to_string()];
    /// let matrix = ConfusionMatrix::new(&labels, &[0, 0, 1], &[0, 1, 1])?;
    /// assert_eq!(matrix.counts, [[1, 1], [0, 1]]);
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn new(labels: &[String], truth: &[u32], predicted: &[u32]) -> Result<Self> {
        if truth.len() != predicted.len() {
            return Err(Error::Bug(format!(
                "{} answers for {} rows",
                predicted.len(),
                truth.len()
            )));
        }
        let classes = labels.len();
        if classes > MOST_CLASSES {
            return Err(Error::data(format!(
                "a confusion matrix of {classes} classes is too large; at most {MOST_CLASSES}"
            )));
        }
        let mut counts = vec![vec![0; classes]; classes];
        for (&t, &p) in truth.iter().zip(predicted) {
            *counts.get_mut(t as usize).and_then(|row| row.get_mut(p as usize)).ok_or_else(
                || Error::Bug(format!("class {} lies beyond the labels", t.max(p))),
            )? += 1;
        }
        Ok(Self { labels: labels.to_vec(), counts })
    }

    /// Each row of the table as shares of its class, which sum to 1; zeros for a class without rows.
    ///
    /// ```
    /// # use gristmill_evaluate::ConfusionMatrix;
    /// let labels = ["No".to_string(), "Yes".to_string()];
    /// let matrix = ConfusionMatrix::new(&labels, &[0, 0, 1], &[0, 1, 1])?;
    /// assert_eq!(matrix.shares_of_truth(), [[0.5, 0.5], [0.0, 1.0]]);
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn shares_of_truth(&self) -> Vec<Vec<f64>> {
        let shares = |row: &Vec<u64>| {
            let all = row.iter().sum::<u64>().max(1) as f64;
            row.iter().map(|&count| count as f64 / all).collect()
        };
        self.counts.iter().map(shares).collect()
    }
}
