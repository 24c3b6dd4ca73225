//! What later rows look like, in memory that depends on the columns alone.

mod column;
mod few_words;
mod season;
mod windows;

pub use column::ColumnWindow;
pub use season::{Season, SeasonalReference};
pub use windows::{FullWindow, WindowSize, Windows};

use gristmill_core::{Error, Frame, Result, Table};
use rayon::prelude::*;

use crate::Reference;

/// From so many rows on, columns are counted side by side.
const MANY_ROWS: usize = 512;

/// What some rows look like, counted in the places of a [`Reference`].
///
/// Rows can be added one by one or batch by batch, and windows of the same reference merge: counts in
/// places are exact and do not depend on how rows were cut. A column takes about 2 KiB, and for
/// categories 8 bytes for each that the reference lists and up to 4 KiB for those it does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// How many rows were counted.
    pub rows: u64,
    /// The columns in the order of the reference.
    pub columns: Vec<ColumnWindow>,
}

impl Window {
    /// A window of no rows.
    pub fn new(reference: &Reference) -> Self {
        Self { rows: 0, columns: reference.columns.iter().map(ColumnWindow::new).collect() }
    }

    /// Counts more rows. Columns go by name; further ones are passed over.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::WrongType`] when a column holds another kind of values than
    /// in the reference; [`Error::Bug`] when the window is not of this reference. Then nothing was counted.
    pub fn update(&mut self, reference: &Reference, rows: &Table) -> Result<()> {
        if self.columns.len() != reference.columns.len() {
            return Err(Error::Bug("a window was given another reference".into()));
        }
        let columns = reference
            .columns
            .iter()
            .map(|column| rows.schema().position(&column.name))
            .collect::<Result<Vec<_>>>()?;
        let count = |(column, &at): (&crate::ColumnReference, &usize)| {
            let frame = Frame::from_table(&rows.select(&[at]))?;
            ColumnWindow::of(column, frame.columns().first(), rows.rows())
        };
        let more = if rows.rows() < MANY_ROWS {
            reference.columns.iter().zip(&columns).map(count).collect::<Result<Vec<_>>>()?
        } else {
            reference.columns.par_iter().zip(&columns).map(count).collect::<Result<Vec<_>>>()?
        };
        self.columns.iter_mut().zip(&more).for_each(|(mine, more)| mine.merge(more));
        self.rows += rows.rows() as u64;
        Ok(())
    }

    /// Adds what another window of the same reference has counted.
    ///
    /// # Errors
    /// [`Error::Bug`] when it is of another reference.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let mut pairs = self.columns.iter().zip(&other.columns);
        let same = pairs.all(|(mine, theirs)| mine.counts.len() == theirs.counts.len());
        if !same || self.columns.len() != other.columns.len() {
            return Err(Error::Bug("windows of different references were merged".into()));
        }
        self.columns.iter_mut().zip(&other.columns).for_each(|(mine, more)| mine.merge(more));
        self.rows += other.rows;
        Ok(())
    }
}
