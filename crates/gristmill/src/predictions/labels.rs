//! Labels that come later, from a file.

use std::collections::HashSet;
use std::path::Path;

use arrow::array::{Array, StringArray};
use gristmill_core::{Clock, Field, Notes, PhysicalType, Schema, Table};
use gristmill_ingest::{SourceSpec, parts_as};
use gristmill_track::{Label, LabelsAdded};
use serde::Serialize;

use super::read;
use crate::keeper::Keeper;
use crate::{Error, Home, Result};

/// The columns of a file of labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelColumns {
    /// That of the ids of predictions.
    pub id: String,
    /// That of the labels.
    pub label: String,
}

/// What labels came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LabelsReport {
    /// How they stand to those that were known.
    #[serde(flatten)]
    pub added: LabelsAdded,
    /// How many of their ids no prediction has that is written by now. They are kept all the same.
    pub unknown: u64,
}

/// Adds the labels of a file to those of a model's predictions; of one id the latest counts. A file is read part
/// by part, and what was added of it stays when a later part is refused.
///
/// # Errors
/// When there is no such model, or the file cannot be read, lacks a column, or a row has no id or label.
pub fn add_labels(
    home: &Home,
    model: &str,
    file: &Path,
    columns: &LabelColumns,
    clock: &dyn Clock,
) -> Result<LabelsReport> {
    let keeper = Keeper::open(home)?;
    let (model, notes) = (model.to_owned(), Notes::default());
    let wanted = Schema::new(vec![
        Field::new(&columns.id, PhysicalType::Utf8),
        Field::new(&columns.label, PhysicalType::Utf8),
    ])?;
    let source = SourceSpec::Path(file.to_string_lossy().into_owned());
    let (mut added, mut marks, mut passed) = (LabelsAdded::default(), HashSet::new(), 0);
    for part in parts_as(&source, Path::new(""), &wanted, &notes)? {
        let part = part?;
        let labels = labels(&part, columns, passed)?;
        passed += part.rows();
        marks.extend(labels.iter().map(|label| read::mark(&label.id)));
        let new = keeper.wait(|s| s.add_labels(&model, labels, clock.now()))?;
        added.new += new.new;
        added.repeated += new.repeated;
        added.contradicted += new.contradicted;
    }
    Ok(LabelsReport { added, unknown: read::unknown(home, &model, marks.into_iter())? })
}

/// The labels of some rows, before which others have passed.
fn labels(rows: &Table, columns: &LabelColumns, passed: usize) -> Result<Vec<Label>> {
    let of = |name: &str| read::words(rows, name);
    let (ids, labels) = (of(&columns.id)?, of(&columns.label)?);
    let value = |column: &StringArray, name: &str, row: usize| match column.is_valid(row) {
        true => Ok(column.value(row).to_owned()),
        false => {
            let row = passed + row + 1;
            Err(Error::input(format!("column `{name}` is missing in row {row}"))
                .with_hint("give each row the id of a prediction and its label"))
        }
    };
    (0..rows.rows())
        .map(|row| {
            Ok(Label {
                id: value(ids, &columns.id, row)?,
                label: value(labels, &columns.label, row)?,
            })
        })
        .collect()
}
