//! A Parquet source column by column, for whoever looks at each column alone.

use std::path::Path;

use gristmill_core::{Schema, Table};
use rayon::prelude::*;

use crate::parquet::ColumnFile;
use crate::read::conformed;
use crate::source::Format;
use crate::{Result, SourceSpec, files};

/// What was made of each column, and of how many rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByColumn<S> {
    /// How many rows there are.
    pub rows: u64,
    /// What was made of each column, in the order in which they were wanted.
    pub columns: Vec<S>,
}

/// Reads the columns that `wanted` names side by side, each from its first row to its last by whoever is free:
/// `begin` makes what a column begins with, and `take` adds a table of that column alone, in the parts that
/// [`crate::parts_as`] has. Memory is that of a part for each core. Nothing where a file is no Parquet.
///
/// # Errors
/// As [`crate::parts_as`], and those of `take`: the first in the order of the columns.
///
/// ```
/// # use gristmill_core::Schema;
/// # use gristmill_ingest::{SourceSpec, by_column, write};
/// # use gristmill_testkit::table;
/// let folder = tempfile::tempdir()?;
/// let rows = table().numbers("price", [1.5, 2.5]).numbers("size", [3.0, 4.0]).build();
/// write(&rows, &folder.path().join("a.parquet"))?;
/// let wanted = rows.schema().select(&[1]);
/// let found = by_column(
///     &SourceSpec::from("a.parquet"),
///     folder.path(),
///     &wanted,
///     |_| 0,
///     |_, seen, part| {
///         *seen += part.rows();
///         Ok(())
///     },
/// )?;
/// assert_eq!(found.map(|found| (found.rows, found.columns)), Some((2, vec![2])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn by_column<S: Send>(
    spec: &SourceSpec,
    base: &Path,
    wanted: &Schema,
    begin: impl Fn(usize) -> S + Sync,
    take: impl Fn(usize, &mut S, &Table) -> gristmill_core::Result<()> + Sync,
) -> Result<Option<ByColumn<S>>> {
    if matches!(spec, SourceSpec::Images(_)) {
        return Ok(None);
    }
    let (source, paths) = (spec.options(), files(spec, base)?);
    let mut opened = Vec::with_capacity(paths.len());
    for path in &paths {
        if files::format(&source, path)?.0 != Format::Parquet {
            return Ok(None);
        }
        opened.push(ColumnFile::open(path, wanted)?);
    }
    let column = |at: usize| {
        let (alone, mut made) = (wanted.select(&[at]), begin(at));
        for (path, file) in paths.iter().zip(&opened) {
            for part in file.column(&alone.fields()[0].name)? {
                take(at, &mut made, &conformed(&part?, path, &alone)?)?;
            }
        }
        Ok(made)
    };
    let columns = (0..wanted.len()).into_par_iter().map(column).collect::<Vec<Result<S>>>();
    let rows = opened.iter().map(ColumnFile::rows).sum();
    Ok(Some(ByColumn { rows, columns: columns.into_iter().collect::<Result<_>>()? }))
}
