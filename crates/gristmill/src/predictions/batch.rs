//! Requests to one version that came one after another, as whoever looks on takes them: together, since what is
//! done once for many rows is not done for each of them.

use std::ops::Range;
use std::sync::Arc;

use gristmill_core::{DenseMatrix, Frame, Prediction, Result, Timestamp};
use gristmill_monitor::Came;
use gristmill_serve::{Seen, Served};

/// Requests to one version that came one after another on one day.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// Who answered.
    pub served: Arc<Served>,
    /// The rows of all of them, and the answers.
    pub rows: Frame,
    pub prediction: Prediction,
    /// At least one.
    pub requests: Vec<Asked>,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// What it is called.
    pub id: String,
    /// How many rows it has.
    pub rows: usize,
    /// When it had come.
    pub at: Timestamp,
    /// How long it took from then on, in microseconds.
    pub micros: u64,
}

impl Asked {
    pub fn of(seen: &Seen<'_>) -> Self {
        let Seen { id, at, micros, .. } = *seen;
        Self { id: id.to_owned(), rows: seen.rows.rows(), at, micros }
    }
}

impl Batch {
    /// When the first of them came.
    pub fn began(&self) -> Timestamp {
        self.requests.first().map_or(Timestamp(0), |first| first.at)
    }

    /// How many rows came when.
    pub fn came(&self) -> Vec<Came> {
        self.requests.iter().map(|asked| Came { rows: asked.rows, at: asked.at }).collect()
    }

    /// Some of the rows with their answers.
    ///
    /// # Errors
    /// When there are not so many answers.
    pub fn part(&self, range: Range<usize>) -> Result<(Frame, Prediction)> {
        if range == (0..self.rows.rows()) {
            return Ok((self.rows.clone(), self.prediction.clone()));
        }
        let answers = match &self.prediction {
            Prediction::Numbers(numbers) => Prediction::Numbers(numbers[range.clone()].to_vec()),
            Prediction::Classes { codes, probabilities, labels } => {
                let columns = 0..probabilities.columns();
                let values =
                    columns.flat_map(|at| probabilities.column(at)[range.clone()].to_vec());
                let (columns, values) = (probabilities.columns(), values.collect());
                Prediction::Classes {
                    codes: codes[range.clone()].to_vec(),
                    probabilities: DenseMatrix::from_columns(range.len(), columns, values)?,
                    labels: Arc::clone(labels),
                }
            }
        };
        Ok((self.rows.slice(range), answers))
    }
}
