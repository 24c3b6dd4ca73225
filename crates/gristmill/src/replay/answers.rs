//! What versions answer to rows of the past, each with the rows before it where it looks at those.

use std::sync::Arc;

use gristmill_core::{Frame, Prediction, Table, Timestamp};
use gristmill_package::Package;
use gristmill_serve::{Limits, Served};
use gristmill_track::ModelVersion;

use crate::Result;
use crate::catalog::catalog;
use crate::keeper::Keeper;
use crate::models::package_folder;
use crate::predictions::{Asked, Batch, Terms};

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
        let terms = Terms::of(keeper, version, served.schema());
        let served = served.with_companion(Arc::new(terms));
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
    ) -> Result<Vec<Batch>> {
        let asked = table.take(rows)?.conform(self.package.pipeline.input())?;
        let frame = Frame::from_table(&asked)?;
        let one = |at: usize| -> Result<Batch> {
            let here = [at as u32];
            let came = moments[rows[at] as usize];
            Ok(Batch {
                served: Arc::clone(&self.served),
                rows: frame.take(&here),
                prediction: gristmill_evaluate::compare::take(answered, &here)?,
                requests: vec![Asked { id: id(rows[at]), rows: 1, at: came, micros: 0 }],
            })
        };
        (0..rows.len()).map(one).collect()
    }
}

/// What the request with a row is called.
pub(super) fn id(row: u32) -> String {
    format!("row-{}", row + 1)
}
