//! Sources become tables.

use std::path::{Path, PathBuf};

use gristmill_core::{Field, Notes, PhysicalType, Schema, Table};

use crate::csv::{self, Dialect};
use crate::meaning::suggest_meanings;
use crate::reconcile::{Reconciled, common_types};
use crate::source::{FileSource, Format};
use crate::suspects::note_suspects;
use crate::{IngestError, Result, SourceSpec, files, images, jsonl, parquet, settle};

/// How much of a text a peek reads, in bytes.
const PEEK_BYTES: u64 = 1 << 20;
/// How many rows a peek reads.
pub(crate) const PEEK_ROWS: usize = 1000;

/// All rows that `spec` names, with the narrowest types that hold them and the meanings that they
/// suggest (see [`suggest_meanings`]). `base` is the folder that relative paths start from.
///
/// A column without any value is left out, and `notes` says so; it also hears of rows that
/// `bad_rows: skip` left out.
///
/// # Errors
/// When a file is missing or unreadable, holds no rows, or does not have the form it should; the
/// message names file and line. When files of a glob do not have the same columns.
///
/// ```
/// # use gristmill_core::Notes;
/// # use gristmill_ingest::{SourceSpec, read};
/// let folder = tempfile::tempdir()?;
/// # use fs_err as fs;
/// fs::write(folder.path().join("a.csv"), "plan,price\nbasic,1.5\npro,NA\n")?;
/// let table = read(&SourceSpec::from("a.csv"), folder.path(), &Notes::default())?;
/// assert_eq!(table.rows(), 2);
/// assert_eq!(table.schema().field("price")?.physical.to_string(), "float64");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read(spec: &SourceSpec, base: &Path, notes: &Notes) -> Result<Table> {
    if let SourceSpec::Images(source) = spec {
        return images::read(&base.join(&source.images));
    }
    let table = read_all(&spec.options(), &files(spec, base)?, None, notes)?;
    let table = suggest_meanings(&without_empty_columns(table, notes)?)?;
    note_suspects(&table, notes);
    Ok(table)
}

/// The columns of the source that `wanted` names, in its order and with its types, meanings and
/// roles: what a fitted pipeline does with new rows. Text is read as the type that is wanted, so
/// that `007` stays a word where training saw words. Further columns are passed over. Whether a
/// column is nullable is what the rows show.
///
/// # Errors
/// As [`read`]; [`gristmill_core::Error::MissingColumn`]; when a value does not convert to the
/// wanted type without loss.
pub fn read_as(spec: &SourceSpec, base: &Path, wanted: &Schema, notes: &Notes) -> Result<Table> {
    if let SourceSpec::Images(source) = spec {
        let folder = base.join(&source.images);
        return conformed(&images::read_unseen(&folder)?, &folder, wanted);
    }
    read_all(&spec.options(), &files(spec, base)?, Some(wanted), notes)
}

/// The first rows of a source, read to see what it is like.
#[derive(Clone, Debug)]
pub struct Peek {
    /// The rows. Unless all were read, any column may turn out nullable, an integer column may turn
    /// out to hold floats and any column of text words; the schema of a Parquet file is final.
    pub sample: Table,
    /// Whether the sample is the whole source.
    pub complete: bool,
}

impl Peek {
    /// What the source holds as far as the sample shows.
    pub fn schema(&self) -> &Schema {
        self.sample.schema()
    }
}

/// A look at a source that costs the same however large it is: the footer of a Parquet file, or the
/// header and at most 1,000 rows and 1 MiB of text, and some rows of the first file of a glob; of images 100 from
/// all over the folder.
///
/// # Errors
/// As [`read`], as far as the first rows show it.
pub fn peek(spec: &SourceSpec, base: &Path) -> Result<Peek> {
    if let SourceSpec::Images(source) = spec {
        return images::peek(&base.join(&source.images));
    }
    let source = spec.options();
    let files = files(spec, base)?;
    let path = &files[0];
    let (table, complete) = match files::format(&source, path)? {
        (Format::Parquet, _) => parquet::peek(path, PEEK_ROWS)?,
        (Format::Csv, delimiter) => {
            let (text, complete) = files::head(&source, path, PEEK_BYTES)?;
            let dialect = Dialect::new(&source, &text, delimiter)?;
            let (text, complete) = csv::first_rows(&text, &dialect, PEEK_ROWS, complete);
            (csv::read(path, text, &dialect, None, &Notes::default())?, complete)
        }
        (Format::Jsonl, _) => {
            let (text, complete) = files::head(&source, path, PEEK_BYTES)?;
            let (text, complete) = jsonl::first_rows(path, &text, PEEK_ROWS, complete)?;
            (jsonl::read(path, text, None)?, complete)
        }
    };
    let complete = complete && files.len() == 1;
    let table = if complete {
        without_empty_columns(table, &Notes::default())?
    } else {
        let schema = table.schema().map(|f| f.clone().nullable(true))?;
        with_schema(&table, schema)?
    };
    Ok(Peek { sample: suggest_meanings(&table)?, complete })
}

fn read_all(
    source: &FileSource,
    files: &[PathBuf],
    wanted: Option<&Schema>,
    notes: &Notes,
) -> Result<Table> {
    let mut tables = Vec::with_capacity(files.len());
    for path in files {
        tables.push(read_file(source, path, wanted, notes)?);
    }
    if let (None, [_, _, ..]) = (wanted, tables.as_slice()) {
        let Reconciled { schema, differing } = common_types(files, &tables)?;
        for at in differing {
            // What was read as a number must not be spelled anew when others show it to be a word.
            tables[at] = read_file(source, &files[at], Some(&schema), &Notes::default())?;
        }
    }
    concatenated(tables)
}

fn read_file(
    source: &FileSource,
    path: &Path,
    wanted: Option<&Schema>,
    notes: &Notes,
) -> Result<Table> {
    let table = match files::format(source, path)? {
        (Format::Csv, delimiter) => {
            let text = files::text(source, path)?;
            let dialect = Dialect::new(source, &text, delimiter)?;
            csv::read(path, &text, &dialect, wanted, notes)?
        }
        (Format::Jsonl, _) => jsonl::read(path, &files::text(source, path)?, wanted)?,
        (Format::Parquet, _) => parquet::read(path, wanted)?,
    };
    match wanted {
        None => Ok(table),
        Some(wanted) => conformed(&table, path, wanted),
    }
}

/// The rows of a file as `wanted` asks for them; whether a column is nullable is what they show.
pub(crate) fn conformed(table: &Table, path: &Path, wanted: &Schema) -> Result<Table> {
    let lenient = wanted.map(|f| f.clone().nullable(true))?;
    let table = table.conform(&lenient).map_err(|e| IngestError::in_file(path, e))?;
    let nullable = |at: usize| table.column(at).null_count() > 0;
    let fields = wanted.fields().iter().enumerate();
    let fields = fields.map(|(at, f)| f.clone().nullable(nullable(at))).collect();
    with_schema(&table, Schema::new(fields)?)
}

/// The same columns under another schema.
pub(crate) fn with_schema(table: &Table, schema: Schema) -> Result<Table> {
    let columns = (0..schema.len()).map(|at| table.column(at).clone()).collect();
    Ok(Table::new(schema, columns)?)
}

/// The rows of all tables one after another; all have the same columns.
fn concatenated(mut tables: Vec<Table>) -> Result<Table> {
    if tables.len() == 1 {
        return Ok(tables.swap_remove(0));
    }
    let Some(first) = tables.first() else {
        return Err(gristmill_core::Error::Bug("a source without files was read".into()).into());
    };
    let names = first.schema().names();
    let mut fields = Vec::with_capacity(names.len());
    let mut columns = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let parts = tables.iter().map(|t| t.column_named(name)).collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<&dyn arrow::array::Array> = parts.iter().map(|c| c.as_ref()).collect();
        settle::refuse_long_words(name, &parts)?;
        let column = arrow::compute::concat(&parts)
            .map_err(|e| gristmill_core::Error::data(format!("column `{name}`: {e}")))?;
        let field = first.schema().fields()[at].clone();
        fields.push(field.nullable(column.null_count() > 0));
        columns.push(column);
    }
    Ok(Table::new(Schema::new(fields)?, columns)?)
}

fn without_empty_columns(table: Table, notes: &Notes) -> Result<Table> {
    let empty: Vec<String> = table
        .schema()
        .fields()
        .iter()
        .enumerate()
        .filter(|(at, _)| table.column(*at).null_count() == table.rows())
        .map(|(_, field)| field.name.clone())
        .collect();
    if empty.is_empty() || table.rows() == 0 {
        return Ok(table);
    }
    if empty.len() == table.schema().len() {
        let message = "no column holds a value";
        return Err(gristmill_core::Error::data_hint(message, "give rows with values").into());
    }
    for name in &empty {
        notes.add(format!("column `{name}` is empty and was left out"));
    }
    Ok(table.without(&empty)?)
}

/// A word column of nothing but missing values: what a column is before any value is seen.
pub(crate) fn is_empty_column(table: &Table, field: &Field) -> bool {
    field.physical == PhysicalType::Utf8
        && table.column_named(&field.name).is_ok_and(|c| c.null_count() == c.len())
}
