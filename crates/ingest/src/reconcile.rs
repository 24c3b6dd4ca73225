//! One schema for several files.

use std::path::PathBuf;

use gristmill_core::{Field, PhysicalType, Schema, Table};

use crate::read::is_empty_column;
use crate::{IngestError, Result};

/// A schema that holds the rows of every file, and the files that have to be read again for it.
pub(crate) struct Reconciled {
    pub schema: Schema,
    pub differing: Vec<usize>,
}

/// The columns of the first file, each as wide as the widest of any file.
pub(crate) fn common_types(files: &[PathBuf], tables: &[Table]) -> Result<Reconciled> {
    for at in 1..tables.len() {
        same_names(files, tables, at)?;
    }
    let fields = tables[0].schema().fields().iter().map(|f| common_field(&f.name, tables));
    let schema = Schema::new(fields.collect::<Result<_>>()?)?;
    let differs = |table: &Table| {
        schema.fields().iter().enumerate().any(|(at, field)| {
            let own = &table.schema().fields()[at];
            own.name != field.name || own.physical != field.physical
        })
    };
    let differing = (0..tables.len()).filter(|&at| differs(&tables[at])).collect();
    Ok(Reconciled { schema, differing })
}

fn same_names(files: &[PathBuf], tables: &[Table], at: usize) -> Result<()> {
    let (first, other) = (tables[0].schema(), tables[at].schema());
    let lacks = |a: &Schema, b: &Schema| a.names().into_iter().find(|n| b.find(n).is_none());
    let (holder, name) = if let Some(name) = lacks(first, other) {
        (0, name)
    } else if let Some(name) = lacks(other, first) {
        (at, name)
    } else {
        return Ok(());
    };
    Err(IngestError::Mismatch {
        first: files[0].clone(),
        second: files[at].clone(),
        found: format!("only `{}` has the column `{name}`", files[holder].display()),
    })
}

fn common_field(name: &str, tables: &[Table]) -> Result<Field> {
    let mut common: Option<PhysicalType> = None;
    for table in tables {
        let field = table.schema().field(name)?;
        if is_empty_column(table, field) {
            continue;
        }
        common = Some(common.map_or(field.physical, |c| wider(c, field.physical)));
    }
    Ok(Field::new(name, common.unwrap_or(PhysicalType::Utf8)))
}

fn wider(a: PhysicalType, b: PhysicalType) -> PhysicalType {
    use PhysicalType as P;
    match (a, b) {
        _ if a == b => a,
        (P::Int64, P::Float64) | (P::Float64, P::Int64) => P::Float64,
        (P::Date, P::Timestamp) | (P::Timestamp, P::Date) => P::Timestamp,
        _ => P::Utf8,
    }
}
