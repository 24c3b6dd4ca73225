//! Rows that come after those of the sources, and how many of all are kept.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringArray, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::DataType;
use gristmill_core::{Field, Notes, Schema, Table};
use gristmill_evaluate::Split;

use crate::file::DataSection;
use crate::{Error, Result};

/// The part of a split by a column that rows without that column belong to.
const TRAIN: &str = "train";

/// The rows of `table` and, after them, those that the section appends.
///
/// # Errors
/// When they cannot be read, have no column of the table, or hold other types.
pub(super) fn appended(
    section: &DataSection,
    table: Table,
    folder: &Path,
    notes: &Notes,
) -> Result<Table> {
    let Some(spec) = &section.append else { return Ok(table) };
    let files = gristmill_ingest::files(spec, folder)?;
    let found = gristmill_ingest::read(spec, folder, notes)?;
    let fields = table.schema().fields();
    let known: Vec<Field> = fields
        .iter()
        .filter(|field| found.schema().find(&field.name).is_some())
        .map(|field| field.clone().nullable(true))
        .collect();
    if known.is_empty() {
        let shown = files.first().map(|path| path.display().to_string()).unwrap_or_default();
        return Err(Error::input(format!("`append: {shown}` has no column of the source"))
            .with_hint("give it columns of the same names"));
    }
    let found = found.conform(&Schema::new(known)?)?;
    together(section, &table, &found)
}

fn together(section: &DataSection, table: &Table, found: &Table) -> Result<Table> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (at, field) in table.schema().fields().iter().enumerate() {
        let later = match found.schema().find(&field.name) {
            Some(at) => Arc::clone(found.column(at)),
            None => absent(section, field, found.rows()),
        };
        let both = [table.column(at).as_ref(), later.as_ref()];
        let both = concat(&both)
            .map_err(|error| Error::input(format!("column `{}`: {error}", field.name)))?;
        fields.push(field.clone().nullable(field.nullable || later.null_count() > 0));
        columns.push(both);
    }
    Ok(Table::new(Schema::new(fields)?, columns)?)
}

/// What rows have in a column that they lack: nothing, but for the column that says which of them are
/// trained on.
fn absent(section: &DataSection, field: &Field, rows: usize) -> ArrayRef {
    match &section.split {
        Some(Split::Column { column }) if *column == field.name => {
            Arc::new(StringArray::from(vec![TRAIN; rows]))
        }
        _ => new_null_array(&field.physical.arrow(), rows),
    }
}

/// So many of the latest rows, in the order in which they stand, if the section says so.
///
/// # Errors
/// When the column of the split by time has no order.
pub(super) fn latest(section: &DataSection, table: Table) -> Result<Table> {
    let Some(most) = section.latest.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX)) else {
        return Ok(table);
    };
    if most >= table.rows() {
        return Ok(table);
    }
    let mut rows: Vec<u32> = (0..table.rows() as u32).collect();
    if let Some(Split::Time { column, .. }) = &section.split {
        let moments = moments(&table, column)?;
        rows.sort_by_key(|row| moments[*row as usize]);
    }
    let mut rows = rows.split_off(table.rows() - most);
    rows.sort_unstable();
    Ok(table.take(&rows)?)
}

/// What orders the rows; those without a moment come first.
fn moments(table: &Table, column: &str) -> Result<Vec<i64>> {
    let values = cast(table.column_named(column)?, &DataType::Int64).map_err(|_| {
        Error::input(format!("`latest` needs an order, and column `{column}` has none"))
            .with_hint("split by a column of moments, days or whole numbers")
    })?;
    let values = values.as_any().downcast_ref::<Int64Array>();
    let values = values.ok_or_else(|| Error::bug("a cast gave another type"))?;
    Ok(values.iter().map(|moment| moment.unwrap_or(i64::MIN)).collect())
}

#[cfg(test)]
mod tests {
    use gristmill_testkit::table;
    use serde_json::json;

    use super::*;

    fn section(settings: serde_json::Value) -> DataSection {
        serde_json::from_value(settings).unwrap()
    }

    #[track_caller]
    fn numbers(table: &Table, name: &str) -> Vec<Option<f64>> {
        let values = table.column_named(name).unwrap();
        let values = values.as_any().downcast_ref::<arrow::array::Float64Array>().unwrap();
        values.iter().collect()
    }

    #[test] // by hand
    fn appended_rows_have_what_they_bring_and_lack_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("more.csv"), "age,city,left\n3.5,Bern,9\n").unwrap();
        let first = table()
            .numbers("age", [1.0, 2.0])
            .numbers("left", [0.0, 1.0])
            .words("part", ["train", "test"])
            .numbers("pay", [7.0, 8.0])
            .build();
        let section = section(json!({"append": "more.csv", "split": {"column": "part"}}));
        let all = appended(&section, first, folder.path(), &Notes::default()).unwrap();
        assert_eq!(numbers(&all, "age"), [Some(1.0), Some(2.0), Some(3.5)]);
        assert_eq!(numbers(&all, "left"), [Some(0.0), Some(1.0), Some(9.0)]);
        assert_eq!(numbers(&all, "pay"), [Some(7.0), Some(8.0), None]);
        let parts = all.column_named("part").unwrap();
        let parts = parts.as_any().downcast_ref::<StringArray>().unwrap();
        assert_eq!(parts.iter().flatten().collect::<Vec<_>>(), ["train", "test", "train"]);
        assert!(all.schema().find("city").is_none());
    }

    #[test]
    fn rows_of_other_columns_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("more.csv"), "city\nBern\n").unwrap();
        let section = section(json!({"append": "more.csv"}));
        let first = table().numbers("age", [1.0]).build();
        let error = appended(&section, first, folder.path(), &Notes::default()).unwrap_err();
        assert!(error.message.contains("has no column of the source"), "{}", error.message);
    }

    #[test] // by hand
    fn the_latest_rows_are_those_of_the_latest_moments() {
        let rows = || table().numbers("day", [3.0, 1.0, 4.0, 2.0]).build();
        let by_time = section(json!({"latest": 2, "split": {"time": "day", "test": 0.5}}));
        let kept = latest(&by_time, rows()).unwrap();
        assert_eq!(numbers(&kept, "day"), [Some(3.0), Some(4.0)]);
        let as_they_come = section(json!({"latest": 2}));
        let kept = latest(&as_they_come, rows()).unwrap();
        assert_eq!(numbers(&kept, "day"), [Some(4.0), Some(2.0)]);
        let all = section(json!({"latest": 9}));
        assert_eq!(latest(&all, rows()).unwrap().rows(), 4);
    }
}
