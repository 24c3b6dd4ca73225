//! What versions answer to rows of the past, each with the rows before it where it looks at those.

use std::sync::Arc;

use gristmill_core::{DenseMatrix, Frame, Prediction, Table, Timestamp};
use gristmill_package::Package;
use gristmill_serve::{Answers, Limits, Seen, Served};
use gristmill_track::ModelVersion;

use crate::catalog::catalog;
use crate::keeper::Keeper;
use crate::models::package_folder;
use crate::{Error, Result};

/// A version that answers.
pub(super) struct Version {
    pub number: u32,
    package: Package,
    served: Arc<Served>,
}

impl Version {
    pub fn load(keeper: &Keeper, version: &ModelVersion) -> Result<Self> {
        let folder = package_folder(keeper, version)?;
        let package = gristmill_package::load(&folder, &catalog())?;
        let number = version.version.to_string();
        let served = gristmill_package::load(&folder, &catalog())?;
        let served = Served::new(&version.model, number, served, Limits::default());
        Ok(Self { number: version.version, package, served: Arc::new(served) })
    }

    pub fn package(&self) -> &Package {
        &self.package
    }

    /// The answers to these rows of a table.
    ///
    /// # Errors
    /// When it cannot answer one of them.
    pub fn answer(&self, table: &Table, rows: &[u32]) -> Result<Prediction> {
        Ok(self.package.pipeline.predict_rows(table, rows)?)
    }

    /// The rows one by one, as they would have been seen.
    ///
    /// # Errors
    /// When a row has not what the model takes.
    pub fn seen(
        &self,
        table: &Table,
        rows: &[u32],
        answered: &Prediction,
        moments: &[Timestamp],
    ) -> Result<Vec<Seen>> {
        let asked = table.take(rows)?.conform(self.package.pipeline.input())?;
        let frame = Frame::from_table(&asked)?;
        let one = |at: usize| -> Result<Seen> {
            let here = [at as u32];
            let prediction = gristmill_evaluate::compare::take(answered, &here)?;
            Ok(Seen {
                served: Arc::clone(&self.served),
                id: id(rows[at]),
                rows: frame.take(&here),
                answers: Answers { prediction, explained: None },
                at: moments[rows[at] as usize],
                micros: 0,
            })
        };
        (0..rows.len()).map(one).collect()
    }
}

/// All answers of one model to some rows after others.
///
/// # Errors
/// When they are not of one kind.
pub(super) fn together(all: &[Prediction]) -> Result<Prediction> {
    let strange = || Error::input("versions of the model predict different things");
    match all.first() {
        Some(Prediction::Classes { probabilities, labels, .. }) => {
            let (classes, rows) = (probabilities.columns(), all.iter().map(Prediction::rows).sum());
            let (mut codes, mut columns) = (Vec::new(), vec![Vec::new(); classes]);
            for part in all {
                let Prediction::Classes { codes: some, probabilities, labels: of } = part else {
                    return Err(strange());
                };
                if of.names() != labels.names() {
                    return Err(strange());
                }
                codes.extend(some);
                for (class, column) in columns.iter_mut().enumerate() {
                    column.extend(probabilities.column(class));
                }
            }
            let values = columns.concat();
            let probabilities = DenseMatrix::from_columns(rows, classes, values)?;
            Ok(Prediction::Classes { codes, probabilities, labels: Arc::clone(labels) })
        }
        _ => {
            let numbers = |part: &Prediction| match part {
                Prediction::Numbers(values) => Ok(values.clone()),
                Prediction::Classes { .. } => Err(strange()),
            };
            let parts = all.iter().map(numbers).collect::<Result<Vec<_>>>()?;
            Ok(Prediction::Numbers(parts.concat()))
        }
    }
}

/// What the request with a row is called.
pub(super) fn id(row: u32) -> String {
    format!("row-{}", row + 1)
}
