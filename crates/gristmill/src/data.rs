//! From the `data:` section of a pipeline file to a table with meanings and roles.

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_core::{Notes, Role, SemanticType, Table};

use crate::Result;
use crate::file::DataSection;

/// The rows of the source, queried, typed, held to the contract and given their roles.
///
/// # Errors
/// When the source cannot be read, a column that the section names is missing, or an expectation
/// is broken.
pub fn read(section: &DataSection, folder: &Path, notes: &Notes) -> Result<Table> {
    let table = gristmill_ingest::read(&section.source, folder, notes)?;
    let table = query(section, table)?;
    gristmill_ingest::check_expectations(&section.expect, &table)?;
    shape(section, &table)
}

/// The rows as the section's query shapes them, if it has one.
pub fn query(section: &DataSection, table: Table) -> Result<Table> {
    match &section.sql {
        Some(sql) => {
            let tables = BTreeMap::from([("source".to_string(), table)]);
            Ok(gristmill_ingest::apply_sql(&tables, sql)?)
        }
        None => Ok(table),
    }
}

/// The columns that the section keeps, with their meanings and roles.
pub fn shape(section: &DataSection, table: &Table) -> Result<Table> {
    let mut table = table.without(&section.drop)?;
    for (name, &semantic) in &section.types {
        table = table.with_meaning(name, semantic)?;
    }
    if let Some(split) = &section.split {
        for (name, role) in split.columns() {
            table = table.with_role(name, role)?;
        }
    }
    if let Some(weight) = &section.weight {
        table = table.with_role(weight, Role::Weight)?;
    }
    if let Some(target) = &section.target {
        table = as_target(&table, target.column())?;
    }
    Ok(table)
}

/// A target is never an id or a text, whatever inference took it for: its words are classes.
fn as_target(table: &Table, name: &str) -> Result<Table> {
    let semantic = table.schema().field(name)?.semantic;
    let table = match semantic {
        SemanticType::Id | SemanticType::Text => {
            let physical = table.schema().field(name)?.physical;
            table.with_meaning(name, physical.usual_meaning())?
        }
        _ => table.clone(),
    };
    Ok(table.with_role(name, Role::Target)?)
}
