//! From the `data:` section of a pipeline file to a table with meanings and roles.

mod append;

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_core::{Notes, Role, SemanticType, Table};
use gristmill_ingest::SourceSpec;

use crate::file::DataSection;
use crate::{Error, Result};

/// The rows of the sources, queried, typed, held to the contract and given their roles.
///
/// # Errors
/// When a source cannot be read, a column that the section names is missing, or an expectation
/// is broken.
pub fn read(section: &DataSection, folder: &Path, notes: &Notes) -> Result<Table> {
    let mut tables = BTreeMap::new();
    for (name, spec, _) in section.named_sources() {
        let table = match section.sources.len() {
            0 => gristmill_ingest::read(spec, folder, notes)?,
            _ => read_one_of_several(name, spec, folder, notes)?,
        };
        tables.insert(name.to_string(), table);
    }
    let table = append::appended(section, query(section, tables)?, folder, notes)?;
    let table = append::latest(section, table)?;
    gristmill_ingest::check_expectations(&section.expect, &table)?;
    shape(section, &table)
}

/// The rows of one source; notes say which it is.
fn read_one_of_several(
    name: &str,
    spec: &SourceSpec,
    folder: &Path,
    notes: &Notes,
) -> Result<Table> {
    let of_it = Notes::default();
    let table = gristmill_ingest::read(spec, folder, &of_it);
    for note in of_it.all() {
        notes.add(format!("source `{name}`: {note}"));
    }
    Ok(table?)
}

/// The rows as the section's query shapes them, or those of the only source.
///
/// # Errors
/// When the query is refused, or nothing says how several tables become one.
pub fn query(section: &DataSection, mut tables: BTreeMap<String, Table>) -> Result<Table> {
    if let Some(sql) = &section.sql {
        return Ok(gristmill_ingest::apply_sql(&tables, sql)?);
    }
    match (tables.pop_first(), tables.is_empty()) {
        (Some((_, only)), true) => Ok(only),
        (None, _) => Err(Error::input("`data` has no source").with_hint("add `source: FILE`")),
        (Some(_), false) => Err(Error::input("nothing says how the sources become one table")
            .with_hint("add a query that joins them: `sql: SELECT ...`")),
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
