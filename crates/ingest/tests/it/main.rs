//! Everything about this crate that takes files.

mod contract;
mod csv;
mod damage;
mod expressions;
mod formats;
mod images;
mod parts;
mod real;
mod round_trip;

use std::path::Path;

use gristmill_core::{Notes, Table};
use gristmill_ingest::{FileSource, IngestError, SourceSpec};
use tempfile::TempDir;

/// A folder with these files in it.
fn folder<const N: usize>(files: [(&str, &[u8]); N]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs_err::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// The options of the file `a.csv`.
fn options(change: impl FnOnce(&mut FileSource)) -> SourceSpec {
    let mut source = FileSource::new("a.csv");
    change(&mut source);
    source.into()
}

/// The table and the notes that reading `spec` in `base` gives.
fn read(spec: &SourceSpec, base: &Path) -> Result<(Table, Vec<String>), IngestError> {
    let notes = Notes::default();
    gristmill_ingest::read(spec, base, &notes).map(|table| (table, notes.all()))
}

/// The table that `text` gives as `a.csv`.
fn read_csv(text: &[u8], spec: &SourceSpec) -> Result<(Table, Vec<String>), IngestError> {
    read(spec, folder([("a.csv", text)]).path())
}

/// Columns as `name: type meaning` with values between `|`, a missing one as nothing.
fn shown(table: &Table) -> String {
    let mut text = String::new();
    for (at, field) in table.schema().fields().iter().enumerate() {
        text.push_str(&format!("{}: {} {} |", field.name, field.physical, field.semantic));
        for row in 0..table.rows() {
            let value = arrow::util::display::array_value_to_string(table.column(at), row).unwrap();
            text.push_str(&format!(" {value} |"));
        }
        text.push('\n');
    }
    text
}

/// The message and the hint of an error, without the folder of the test.
fn said(error: &IngestError, base: &Path) -> String {
    let text = format!("{error}\n{}", error.hint().unwrap_or_default());
    text.replace(&format!("{}/", base.display()), "")
}
