//! Reads the source and holds it to the data contract.

use std::path::Path;

use gristmill_core::{Field, Notes, PhysicalType, Table};
use serde_json::{Value, json};

use super::Shared;
use crate::{Result, data};

/// Raised when equal bytes of a source would be read as another table.
pub(super) const VERSION: u32 = 1;

const FILE: &str = "table.arrow";

/// What decides the result besides the bytes of the source.
pub(super) fn parameters(shared: &Shared) -> Value {
    let mut data = shared.data().clone();
    // Which class is positive and what the model sees of the target change no row.
    data.positive = None;
    // What the tasks before it gave is in the key by itself.
    data.needs = Vec::new();
    let roles = data
        .split
        .take()
        .map(|s| s.columns().into_iter().map(|(n, r)| (n.to_string(), r)).collect::<Vec<_>>());
    json!({ "data": data, "roles": roles })
}

pub(super) fn compute(shared: &Shared, notes: &Notes) -> Result<(Table, Value)> {
    let table = data::read(shared.data(), &shared.checked.folder, notes)?;
    let facts = json!({
        "rows": table.rows(),
        "columns": table.schema().len(),
        "hash": table.content_hash()?.to_hex().as_str(),
        "schema": columns(&table),
    });
    Ok((table, facts))
}

/// The columns in the words of MLflow's schemas; nothing of tables that are very wide.
fn columns(table: &Table) -> Value {
    const MOST: usize = 2_000;
    let fields = table.schema().fields();
    if fields.len() > MOST {
        return Value::Null;
    }
    let column = |field: &Field| {
        let sort = match field.physical {
            PhysicalType::Boolean => "boolean",
            PhysicalType::Int64 => "long",
            PhysicalType::Float64 => "double",
            PhysicalType::Date | PhysicalType::Timestamp => "datetime",
            PhysicalType::Binary => "binary",
            PhysicalType::Utf8 => "string",
        };
        json!({"name": field.name, "type": sort, "required": !field.nullable})
    };
    fields.iter().map(column).collect()
}

pub(super) fn save(table: &Table, folder: &Path) -> Result<()> {
    Ok(gristmill_ingest::save_table(table, &folder.join(FILE))?)
}

pub(super) fn load(folder: &Path) -> Result<Table> {
    Ok(gristmill_ingest::load_table(&folder.join(FILE))?)
}
