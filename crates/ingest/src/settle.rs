//! What every table must be before it leaves this crate, whatever it came from.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::Float64Type;
use gristmill_core::{Error, PhysicalType, Result, Schema, Table};

/// The table with every NaN made a missing value.
///
/// # Errors
/// When a number is infinite.
pub(crate) fn settle(table: &Table) -> Result<Table> {
    settle_after(table, 0)
}

/// As [`settle`], for rows that follow on so many others of the same source.
pub(crate) fn settle_after(table: &Table, rows: usize) -> Result<Table> {
    let mut fields = Vec::with_capacity(table.schema().len());
    let mut columns = Vec::with_capacity(table.schema().len());
    for (at, field) in table.schema().fields().iter().enumerate() {
        let mut column = table.column(at).clone();
        if field.physical == PhysicalType::Float64 {
            column = numbers(&field.name, column, rows)?;
        }
        fields.push(field.clone().nullable(column.null_count() > 0));
        columns.push(column);
    }
    Table::new(Schema::new(fields)?, columns)
}

fn numbers(name: &str, column: ArrayRef, before: usize) -> Result<ArrayRef> {
    let values = column.as_primitive::<Float64Type>();
    if values.values().iter().all(|v| v.is_finite()) {
        return Ok(column);
    }
    if let Some(row) =
        (0..values.len()).find(|&i| values.is_valid(i) && values.value(i).is_infinite())
    {
        return Err(Error::data_hint(
            format!("column `{name}` is infinite in row {}", before + row + 1),
            "leave the value empty, or give a finite number",
        ));
    }
    Ok(Arc::new(values.iter().map(|v| v.filter(|v| !v.is_nan())).collect::<Float64Array>()))
}

/// Refuses words that together are longer than one Arrow column can hold.
pub(crate) fn refuse_long_words(name: &str, parts: &[&dyn Array]) -> Result<()> {
    let length: usize =
        parts.iter().filter_map(|p| Some(p.as_string_opt::<i32>()?.value_data().len())).sum();
    if i32::try_from(length).is_err() {
        return Err(Error::data_hint(
            format!("column `{name}` holds {length} bytes of words; one column holds 2 GiB"),
            "leave it out, or read the files in parts",
        ));
    }
    Ok(())
}
