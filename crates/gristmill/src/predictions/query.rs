//! SQL over the predictions of a model.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray, new_null_array};
use arrow::compute::concat;
use gristmill_core::{Clock, Field, PhysicalType, Schema, Table};
use serde_json::Value;

use super::{place, read};
use crate::keeper::Keeper;
use crate::{Error, Home, Result};

/// The name by which a query calls them.
const NAME: &str = "predictions";

/// Which predictions a query is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueriedPredictions {
    /// Those of this version alone.
    pub version: Option<u32>,
    /// None of a day that ended earlier than so many days ago.
    pub days: Option<u32>,
}

/// What a query selected.
#[derive(Clone, Debug)]
pub struct Selected(Table);

impl Selected {
    /// What a query selects from tables.
    ///
    /// # Errors
    /// When the query is refused.
    pub(crate) fn of(tables: &BTreeMap<String, Table>, sql: &str) -> Result<Self> {
        Ok(Self(gristmill_ingest::apply_sql(tables, sql)?))
    }

    /// Writes CSV.
    ///
    /// # Errors
    /// When `to` refuses it.
    pub fn write_csv(&self, to: impl Write) -> Result<()> {
        Ok(gristmill_ingest::write_csv(&self.0, to)?)
    }

    /// One JSON object for each row.
    ///
    /// # Errors
    /// When a value has no form in JSON.
    pub fn rows(&self) -> Result<Vec<Value>> {
        read::objects(&self.0)
    }
}

/// The rows that a query selects from `predictions`: all that were kept of a model, the earliest day first, with the
/// column `label` where labels have come. A column that some versions do not take is missing in their rows. All are read
/// into memory, as far as `--memory` allows.
///
/// # Errors
/// When nothing was kept, files disagree on the type of a column, or the query is refused.
pub fn query_predictions(
    home: &Home,
    model: &str,
    which: QueriedPredictions,
    sql: &str,
    clock: &dyn Clock,
) -> Result<Selected> {
    let keeper = Keeper::open(home)?;
    let found = all_of(home, &keeper, model, which, clock)?.ok_or_else(|| nothing(model))?;
    let all = BTreeMap::from([(NAME.to_owned(), found)]);
    Selected::of(&all, sql)
}

/// What a person is told who asks for predictions that nobody kept.
pub(crate) fn nothing(model: &str) -> Error {
    Error::input(format!("no predictions of `{model}` were kept here"))
        .with_hint("`gristmill serve MODEL --log-predictions` keeps them")
}

/// All predictions of a model as one table; nothing where none were kept.
///
/// # Errors
/// When they cannot be read, or files disagree on the type of a column.
pub(crate) fn all_of(
    home: &Home,
    keeper: &Keeper,
    model: &str,
    which: QueriedPredictions,
    clock: &dyn Clock,
) -> Result<Option<Table>> {
    let since = which.days.map(|days| place::day(read::days_ago(clock.now(), days)));
    let mut tables = Vec::new();
    for (day, path) in read::files(home, model)?.into_iter().rev() {
        if since.is_some_and(|since| day < since) {
            continue;
        }
        let table = read::table(&path)?;
        let versions = read::words(&table, "model_version")?;
        let is_wanted = |version: u32| versions.value(0) == version.to_string();
        if which.version.is_none_or(is_wanted) {
            tables.push(labelled(keeper, model, table)?);
        }
    }
    if tables.is_empty() { Ok(None) } else { together(&tables).map(Some) }
}

fn labelled(keeper: &Keeper, model: &str, table: Table) -> Result<Table> {
    let labels = read::labels_of(keeper, model, &table)?;
    if table.schema().find("label").is_some() {
        // The model takes a column of that name, which stays what it is.
        return Ok(table);
    }
    let field = Field::new("label", PhysicalType::Utf8).nullable(true);
    Ok(table.with_column(field, Arc::new(StringArray::from(labels)))?)
}

/// The rows of all tables under the columns of all.
fn together(tables: &[Table]) -> Result<Table> {
    let mut fields: Vec<Field> = Vec::new();
    for field in tables.iter().flat_map(|table| table.schema().fields()) {
        match fields.iter().find(|known| known.name == field.name) {
            None => fields.push(Field::new(&field.name, field.physical).nullable(true)),
            Some(known) if known.physical == field.physical => {}
            Some(known) => {
                let (name, one, other) = (&field.name, known.physical, field.physical);
                return Err(Error::input(format!(
                    "column `{name}` is {one} in some predictions and {other} in others"
                ))
                .with_hint("ask about one version, by `--version`"));
            }
        }
    }
    let column = |field: &Field| -> Result<ArrayRef> {
        let parts: Vec<ArrayRef> = tables.iter().map(|table| part(table, field)).collect();
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        concat(&parts).map_err(|error| Error::bug(format!("column `{}`: {error}", field.name)))
    };
    let columns = fields.iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(Table::new(Schema::new(fields)?, columns)?)
}

/// A column of a table; nothing but missing values where it has none of that name.
fn part(table: &Table, field: &Field) -> ArrayRef {
    match table.schema().find(&field.name) {
        Some(at) => Arc::clone(table.column(at)),
        None => new_null_array(&field.physical.arrow(), table.rows()),
    }
}

#[cfg(test)]
mod tests {
    use gristmill_testkit::table;

    use super::*;

    #[test] // by hand
    fn columns_that_a_version_does_not_take_are_missing_in_its_rows() {
        let first = table().words("plan", ["a", "b"]).numbers("age", [1.0, 2.0]).build();
        let second = table().words("plan", ["c"]).booleans("paid", [true]).build();
        let all = read::objects(&together(&[first, second]).unwrap()).unwrap();
        let expected = [
            serde_json::json!({"plan": "a", "age": 1.0}),
            serde_json::json!({"plan": "b", "age": 2.0}),
            serde_json::json!({"plan": "c", "paid": true}),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn files_that_disagree_on_a_type_are_refused_by_the_column() {
        let first = table().words("age", ["old"]).build();
        let second = table().numbers("age", [1.0]).build();
        let error = together(&[first, second]).unwrap_err();
        assert!(error.message.contains("column `age` is utf8"), "{}", error.message);
    }
}
