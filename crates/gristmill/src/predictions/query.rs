//! SQL over the predictions of a model.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, new_null_array};
use gristmill_core::{Clock, Field, Notes, PhysicalType, Schema, Table};
use gristmill_ingest::{
    CsvWriter, IngestError, Queried, SourceSpec, TableParts, parts_as, sql_parts,
};

use super::{place, read};
use crate::keeper::Keeper;
use crate::{Error, Home, Result};

/// The name by which a query calls them.
const NAME: &str = "predictions";
/// The column with labels that have come.
const LABEL: &str = "label";

/// Which predictions a query is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueriedPredictions {
    /// Those of this version alone.
    pub version: Option<u32>,
    /// None of a day that ended earlier than so many days ago.
    pub days: Option<u32>,
}

/// What a query selects: it runs when it is written, and its rows are written as they come.
#[derive(Debug)]
pub struct Selected {
    tables: BTreeMap<String, Queried>,
    sql: String,
}

impl Selected {
    /// What a query selects from tables.
    pub(crate) fn new(tables: BTreeMap<String, Queried>, sql: &str) -> Self {
        Self { tables, sql: sql.to_owned() }
    }

    /// Writes CSV.
    ///
    /// # Errors
    /// When the query is refused, before anything is written; when a table cannot be read or `to` refuses the rows.
    pub fn write_csv(&self, to: impl Write) -> Result<()> {
        let mut writer = CsvWriter::new(to);
        sql_parts(&self.tables, &self.sql, &mut |part| writer.write(part))?;
        Ok(writer.finish()?)
    }

    /// Writes a JSON array with one object for each row, without what is missing.
    ///
    /// # Errors
    /// As [`Selected::write_csv`], and when a value has no form in JSON.
    pub fn write_json(&self, to: impl Write) -> Result<()> {
        let mut to = std::io::BufWriter::new(to);
        let mut before = "[";
        sql_parts(&self.tables, &self.sql, &mut |part| {
            for object in read::objects(part).map_err(ours)? {
                write!(to, "{before}\n  {object}")?;
                before = ",";
            }
            Ok(())
        })?;
        match before {
            "[" => to.write_all(b"[]\n")?,
            _ => to.write_all(b"\n]\n")?,
        }
        Ok(to.flush()?)
    }
}

/// An error of ours on its way through a query.
fn ours(error: Error) -> IngestError {
    IngestError::Sql { message: error.message, hint: error.hint }
}

/// The rows that a query selects from `predictions`: all that were kept of a model, the earliest day first, with the
/// column `label` where labels have come. A column that some versions do not take is missing in their rows. They are read
/// while the query runs.
///
/// # Errors
/// When nothing was kept, or files disagree on the type of a column. Whether the query is refused is known when it
/// is written.
pub fn query_predictions(
    home: &Home,
    model: &str,
    which: QueriedPredictions,
    sql: &str,
    clock: &dyn Clock,
) -> Result<Selected> {
    let keeper = Arc::new(Keeper::open(home)?);
    let found = all_of(home, &keeper, model, which, clock)?;
    Ok(Selected::new(BTreeMap::from([(NAME.to_owned(), found)]), sql))
}

/// What a person is told who asks for predictions that nobody kept.
fn nothing(model: &str) -> Error {
    Error::input(format!("no predictions of `{model}` were kept here"))
        .with_hint("`gristmill serve MODEL --log-predictions` keeps them")
}

/// All predictions of a model as one table.
///
/// # Errors
/// When none were kept, they cannot be read, or files disagree on the type of a column.
pub(crate) fn all_of(
    home: &Home,
    keeper: &Arc<Keeper>,
    model: &str,
    which: QueriedPredictions,
    clock: &dyn Clock,
) -> Result<Queried> {
    let since = which.days.map(|days| place::day(read::days_ago(clock.now(), days)));
    let mut files = Vec::new();
    for (day, path) in read::files(home, model)?.into_iter().rev() {
        let is_old = since.is_some_and(|since| day < since);
        let is_other = which.version.is_some_and(|version| read::version(&path) != Some(version));
        if !is_old && !is_other {
            let source = SourceSpec::Path(path.to_string_lossy().into_owned());
            let columns = gristmill_ingest::peek(&source, Path::new(""))?.schema().clone();
            files.push(LogFile { path, columns });
        }
    }
    if files.is_empty() {
        return Err(nothing(model));
    }
    let schema = together(files.iter().map(|file| &file.columns))?;
    let (keeper, model) = (Arc::clone(keeper), model.to_owned());
    Ok(Queried::Parts(Arc::new(Predictions { keeper, model, files, schema })))
}

/// The predictions of a model, read file by file.
struct Predictions {
    keeper: Arc<Keeper>,
    model: String,
    files: Vec<LogFile>,
    /// The columns of all files, and that of labels.
    schema: Schema,
}

/// A file of the log, and what it has.
struct LogFile {
    path: PathBuf,
    columns: Schema,
}

impl fmt::Debug for Predictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the predictions of {} in {} files", self.model, self.files.len())
    }
}

impl TableParts for Predictions {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, take: &mut dyn FnMut(&Table) -> bool) -> std::result::Result<(), IngestError> {
        for file in &self.files {
            let source = SourceSpec::Path(file.path.to_string_lossy().into_owned());
            let notes = Notes::default();
            for part in parts_as(&source, Path::new(""), &file.columns, &notes)? {
                if !take(&self.whole(&part?).map_err(ours)?) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Predictions {
    /// Rows under the columns of all, with their labels.
    fn whole(&self, part: &Table) -> Result<Table> {
        let labels = read::labels_of(&self.keeper, &self.model, part)?;
        let labels: ArrayRef = Arc::new(StringArray::from(labels));
        let column = |field: &Field| match part.schema().find(&field.name) {
            Some(at) => Arc::clone(part.column(at)),
            None if field.name == LABEL => Arc::clone(&labels),
            None => new_null_array(&field.physical.arrow(), part.rows()),
        };
        let columns = self.schema.fields().iter().map(column).collect();
        Ok(Table::new(self.schema.clone(), columns)?)
    }
}

/// The columns of all files, and one for labels where none of that name is there.
fn together<'a>(files: impl Iterator<Item = &'a Schema>) -> Result<Schema> {
    let mut fields: Vec<Field> = Vec::new();
    for field in files.flat_map(Schema::fields) {
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
    if !fields.iter().any(|field| field.name == LABEL) {
        fields.push(Field::new(LABEL, PhysicalType::Utf8).nullable(true));
    }
    Ok(Schema::new(fields)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn the_columns_of_all_files_come_in_the_order_in_which_they_are_first_seen() {
        let of = |names: &[(&str, PhysicalType)]| {
            Schema::new(names.iter().map(|(name, of)| Field::new(*name, *of)).collect()).unwrap()
        };
        let first = of(&[("plan", PhysicalType::Utf8), ("age", PhysicalType::Float64)]);
        let second = of(&[("plan", PhysicalType::Utf8), ("paid", PhysicalType::Boolean)]);
        let all = together([&first, &second].into_iter()).unwrap();
        assert_eq!(all.names(), ["plan", "age", "paid", "label"]);
        let labelled = of(&[("label", PhysicalType::Boolean)]);
        assert_eq!(together([&labelled].into_iter()).unwrap().names(), ["label"]);
    }

    #[test]
    fn files_that_disagree_on_a_type_are_refused_by_the_column() {
        let of = |of: PhysicalType| Schema::new(vec![Field::new("age", of)]).unwrap();
        let (first, second) = (of(PhysicalType::Utf8), of(PhysicalType::Float64));
        let error = together([&first, &second].into_iter()).unwrap_err();
        assert!(error.message.contains("column `age` is utf8"), "{}", error.message);
    }
}
