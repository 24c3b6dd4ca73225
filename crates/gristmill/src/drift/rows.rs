//! The rows of a file part by part, each with what the model answers to it.

use std::path::Path;

use gristmill_core::{Prediction, Table};
use gristmill_ingest::{SourceSpec, parts_as, read_as};

use super::Compared;
use crate::{Error, Result};

/// What the model answered to a part of the rows.
pub(super) enum Asked {
    /// It was not asked, or refused a row before.
    Nothing,
    /// Its answers.
    Answers(Prediction),
}

/// The rows of one file.
pub(super) struct RowsOf<'a> {
    compared: &'a Compared<'a>,
    path: &'a Path,
    asks: bool,
}

impl<'a> RowsOf<'a> {
    pub fn new(compared: &'a Compared<'a>, path: &'a Path) -> Self {
        Self { compared, path, asks: compared.asks }
    }

    /// The same rows without asking the model.
    pub fn unasked(compared: &'a Compared<'a>, path: &'a Path) -> Self {
        Self { compared, path, asks: false }
    }

    /// Whether all rows were answered.
    pub fn has_answered(&self) -> bool {
        self.asks
    }

    /// Calls `take` with each part in order. A row that the model refuses ends the answers and is noted:
    /// what its columns look like is worth knowing all the more.
    pub fn each(&mut self, mut take: impl FnMut(&Table, Asked) -> Result<()>) -> Result<()> {
        let compared = self.compared;
        let source = SourceSpec::at(self.path);
        let base = Path::new("");
        if self.asks && compared.package.pipeline.is_windowed() {
            // A windowed step looks at other rows, so its rows must stay together.
            let rows = read_as(&source, base, &compared.wanted, &compared.notes)?;
            let asked = self.ask(&rows);
            return take(&rows, asked);
        }
        for part in parts_as(&source, base, &compared.wanted, &compared.notes)? {
            let part = part?;
            let asked = self.ask(&part);
            take(&part, asked)?;
        }
        Ok(())
    }

    fn ask(&mut self, rows: &Table) -> Asked {
        if !self.asks || rows.rows() == 0 {
            return Asked::Nothing;
        }
        match self.compared.package.pipeline.predict(rows) {
            Ok(answers) => Asked::Answers(answers),
            Err(error) => {
                let error = Error::from(error);
                let path = self.path.display();
                let note =
                    format!("the model cannot answer the rows of `{path}`: {}", error.message);
                self.compared.notes.add(note);
                self.asks = false;
                Asked::Nothing
            }
        }
    }
}
