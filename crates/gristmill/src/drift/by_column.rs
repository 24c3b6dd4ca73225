//! Rows that nobody needs as a whole, column by column: all cores read and count, in memory for one part each.

use std::path::Path;

use gristmill_core::{Profile, ProfileLearner, Schema};
use gristmill_ingest::{SourceSpec, by_column};
use gristmill_monitor::{ColumnWindow, Reference, Window};

use super::Compared;
use crate::Result;

impl Compared<'_> {
    /// Whether each column is looked at alone: no answers, no hours and days, no vectors.
    fn is_by_column(&self) -> bool {
        !self.asks && self.season.is_none() && self.together.is_none()
    }

    /// What the columns of a file look like, where each can be read alone.
    pub(super) fn columns_learned(&self, path: &Path) -> Result<Option<Profile>> {
        if !self.is_by_column() {
            return Ok(None);
        }
        let source = SourceSpec::at(path);
        let begin = |_| ProfileLearner::default();
        let learned = by_column(&source, Path::new(""), &self.wanted, begin, |_, column, part| {
            column.update(part)
        })?;
        let learned = learned.map(|found| ProfileLearner::beside(found.columns)).transpose()?;
        Ok(learned.map(|learner| learner.finish()))
    }

    /// The window of a file, where each column can be read alone.
    pub(super) fn columns_counted(
        &self,
        path: &Path,
        reference: &Reference,
    ) -> Result<Option<Window>> {
        if !self.is_by_column() || reference.together.is_some() {
            return Ok(None);
        }
        let source = SourceSpec::at(path);
        let known = |name: &String| self.wanted.find(name);
        let at = reference.columns.iter().filter_map(|column| known(&column.name));
        let wanted: Schema = self.wanted.select(&at.collect::<Vec<usize>>());
        let columns = &reference.columns;
        let begin = |at: usize| ColumnWindow::new(&columns[at]);
        let counted = by_column(&source, Path::new(""), &wanted, begin, |at, window, part| {
            window.update(&columns[at], part)
        })?;
        Ok(counted.map(|found| Window::of(found.rows, found.columns)))
    }
}
