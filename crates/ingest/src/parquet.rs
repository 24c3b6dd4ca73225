//! Apache Parquet to columns, one core a column.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema as ArrowSchema;
use gristmill_core::{Schema, Table};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;

use crate::settle::{settle, settle_after};
use crate::{IngestError, Result, memory};

/// Rows decoded at once.
const BATCH_ROWS: usize = 1 << 16;
/// Rows of a part: few enough for the columns of a wide file to stay small, and enough for all cores.
const PART_ROWS: usize = 1 << 15;

/// All rows of the file, of all columns or of those that `wanted` names.
pub(crate) fn read(path: &Path, wanted: Option<&Schema>) -> Result<Table> {
    let footer = footer(path)?;
    let roots: Vec<usize> = (0..footer.schema().fields().len())
        .filter(|&at| wanted.is_none_or(|w| w.find(footer.schema().field(at).name()).is_some()))
        .collect();
    if footer.metadata().file_metadata().num_rows() == 0 {
        return Err(IngestError::content(path, "has no rows", "give it rows"));
    }
    memory::allow(path, unpacked_bytes(&footer, &roots))?;
    if let Some(wanted) = wanted {
        refuse_missing(path, &footer, wanted)?;
    }
    let tables =
        roots.par_iter().map(|&root| column(path, &footer, root)).collect::<Vec<Result<Table>>>();
    let mut fields = Vec::with_capacity(tables.len());
    let mut columns = Vec::with_capacity(tables.len());
    for table in tables {
        let table = table?;
        fields.push(table.schema().fields()[0].clone());
        columns.push(table.column(0).clone());
    }
    let schema = Schema::new(fields).map_err(|e| IngestError::in_file(path, e))?;
    Table::new(schema, columns)
        .and_then(|table| settle(&table))
        .map_err(|e| IngestError::in_file(path, e))
}

/// A file of which columns are read one by one.
pub(crate) struct ColumnFile {
    path: PathBuf,
    footer: ArrowReaderMetadata,
}

impl ColumnFile {
    /// The file at `path`, which has the columns that `wanted` names.
    pub fn open(path: &Path, wanted: &Schema) -> Result<Self> {
        let footer = footer(path)?;
        if footer.metadata().file_metadata().num_rows() == 0 {
            return Err(IngestError::content(path, "has no rows", "give it rows"));
        }
        refuse_missing(path, &footer, wanted)?;
        Ok(Self { path: path.into(), footer })
    }

    pub fn rows(&self) -> u64 {
        u64::try_from(self.footer.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// The column called `name` part by part, as [`Columns`] cuts it.
    pub fn column(&self, name: &str) -> Result<impl Iterator<Item = Result<Table>>> {
        let position = self.footer.schema().fields().iter().position(|f| f.name() == name);
        let mut column = open_column(&self.path, &self.footer, position.unwrap_or(0))?;
        let mut passed = 0;
        Ok(std::iter::from_fn(move || {
            let part = column.next(&self.path, passed).transpose()?;
            passed += part.as_ref().map_or(0, Table::rows);
            Some(part)
        }))
    }
}

/// The rest of one column.
struct OneColumn {
    schema: Arc<ArrowSchema>,
    reader: ParquetRecordBatchReader,
}

impl OneColumn {
    /// The next rows after `passed` others; nothing when there are no more.
    fn next(&mut self, path: &Path, passed: usize) -> Result<Option<Table>> {
        let batch = guarded(path, || self.reader.next().transpose().map_err(text))?;
        let Some(batch) = batch else { return Ok(None) };
        Table::from_batches(&self.schema, &[batch])
            .and_then(|table| settle_after(&table, passed))
            .map(Some)
            .map_err(|e| IngestError::in_file(path, e))
    }
}

fn open_column(path: &Path, footer: &ArrowReaderMetadata, root: usize) -> Result<OneColumn> {
    let leaves = footer.metadata().file_metadata().schema_descr();
    let mask = ProjectionMask::roots(leaves, [root]);
    let reader = guarded(path, || reader(path, footer, mask, None, PART_ROWS))?;
    let field = Arc::clone(&footer.schema().fields()[root]);
    Ok(OneColumn { schema: Arc::new(ArrowSchema::new(vec![field])), reader })
}

/// The rest of a file, read part by part: each column by a reader of its own, so that all cores decode.
pub(crate) struct Columns {
    path: PathBuf,
    columns: Vec<OneColumn>,
    passed: usize,
}

impl Columns {
    /// The columns that `wanted` names of the file at `path`.
    pub fn open(path: &Path, wanted: &Schema) -> Result<Self> {
        let footer = footer(path)?;
        if footer.metadata().file_metadata().num_rows() == 0 {
            return Err(IngestError::content(path, "has no rows", "give it rows"));
        }
        refuse_missing(path, &footer, wanted)?;
        let fields = footer.schema().fields();
        let roots = (0..fields.len()).filter(|&at| wanted.find(fields[at].name()).is_some());
        let columns = roots.map(|root| open_column(path, &footer, root)).collect::<Result<_>>()?;
        Ok(Self { path: path.into(), columns, passed: 0 })
    }

    /// The next rows; nothing when there are no more.
    pub fn next(&mut self) -> Result<Option<Table>> {
        let (path, passed) = (&self.path, self.passed);
        let parts = self
            .columns
            .par_iter_mut()
            .map(|column| column.next(path, passed))
            .collect::<Result<Vec<Option<Table>>>>()?;
        let Some(parts) = parts.into_iter().collect::<Option<Vec<Table>>>() else {
            return Ok(None);
        };
        let fields = parts.iter().map(|part| part.schema().fields()[0].clone()).collect();
        let columns = parts.iter().map(|part| Arc::clone(part.column(0))).collect();
        let table = Schema::new(fields)
            .and_then(|schema| Table::new(schema, columns))
            .map_err(|e| IngestError::in_file(path, e))?;
        self.passed += table.rows();
        Ok((!self.columns.is_empty()).then_some(table))
    }
}

/// What the columns at `roots` take when they are unpacked, as the footer says.
fn unpacked_bytes(footer: &ArrowReaderMetadata, roots: &[usize]) -> u64 {
    let descr = footer.metadata().file_metadata().schema_descr();
    let chunks = footer.metadata().row_groups().iter().flat_map(|group| group.columns());
    let wanted = chunks.enumerate().filter(|(at, _)| {
        let leaf = at % descr.num_columns().max(1);
        roots.contains(&descr.get_column_root_idx(leaf))
    });
    wanted.map(|(_, chunk)| u64::try_from(chunk.uncompressed_size()).unwrap_or(0)).sum()
}

/// The first rows, and whether they are all.
pub(crate) fn peek(path: &Path, rows: usize) -> Result<(Table, bool)> {
    let footer = footer(path)?;
    let all = usize::try_from(footer.metadata().file_metadata().num_rows()).unwrap_or(usize::MAX);
    let schema = footer.schema().clone();
    let batches = guarded(path, || batches(path, &footer, ProjectionMask::all(), Some(rows)))?;
    let table = Table::from_batches(&schema, &batches)
        .and_then(|table| settle(&table))
        .map_err(|e| IngestError::in_file(path, e))?;
    Ok((table, all <= rows))
}

/// The columns of a file, each of which may lack values, as its footer has them.
pub(crate) fn schema(path: &Path) -> Result<Schema> {
    let footer = footer(path)?;
    let none = Table::from_batches(footer.schema(), &[]);
    none.and_then(|table| table.schema().map(|field| field.clone().nullable(true)))
        .map_err(|e| IngestError::in_file(path, e))
}

fn footer(path: &Path) -> Result<ArrowReaderMetadata> {
    let (file, _) = fs_err::File::open(path)?.into_parts();
    guarded(path, || ArrowReaderMetadata::load(&file, Default::default()).map_err(text))
}

fn column(path: &Path, footer: &ArrowReaderMetadata, root: usize) -> Result<Table> {
    let mask = ProjectionMask::roots(footer.metadata().file_metadata().schema_descr(), [root]);
    let batches = guarded(path, || batches(path, footer, mask, None))?;
    let schema = ArrowSchema::new(vec![Arc::clone(&footer.schema().fields()[root])]);
    Table::from_batches(&schema, &batches).map_err(|e| IngestError::in_file(path, e))
}

fn batches(
    path: &Path,
    footer: &ArrowReaderMetadata,
    mask: ProjectionMask,
    rows: Option<usize>,
) -> Result<Vec<RecordBatch>, String> {
    reader(path, footer, mask, rows, BATCH_ROWS)?.collect::<Result<Vec<_>, _>>().map_err(text)
}

fn reader(
    path: &Path,
    footer: &ArrowReaderMetadata,
    mask: ProjectionMask,
    rows: Option<usize>,
    at_once: usize,
) -> Result<ParquetRecordBatchReader, String> {
    let (file, _) = fs_err::File::open(path).map_err(text)?.into_parts();
    let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.clone())
        .with_projection(mask)
        .with_batch_size(at_once);
    if let Some(rows) = rows {
        reader = reader.with_limit(rows);
    }
    reader.build().map_err(text)
}

fn refuse_missing(path: &Path, footer: &ArrowReaderMetadata, wanted: &Schema) -> Result<()> {
    let known: Vec<String> = footer.schema().fields().iter().map(|f| f.name().clone()).collect();
    match wanted.names().into_iter().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let missing = gristmill_core::Error::MissingColumn { name, known };
            Err(IngestError::in_file(path, missing))
        }
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T, String>) -> Result<T> {
    guarded_as(decode, |found| unreadable(path, found))
}

/// Runs a decoder that trusts its input more than we do: what it cannot decode is damage, even
/// where it would panic.
pub(crate) fn guarded_as<T>(
    decode: impl FnOnce() -> Result<T, String>,
    refuse: impl FnOnce(&str) -> IngestError,
) -> Result<T> {
    caught(decode).and_then(|decoded| decoded).map_err(|error| refuse(&error))
}

/// What a decoder gives, or that it panicked.
pub(crate) fn caught<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|_| "its parts contradict each other".into())
}

fn unreadable(path: &Path, error: &str) -> IngestError {
    IngestError::content(
        path,
        format!("cannot be read as Parquet: {error}"),
        "copy it again, or write it again",
    )
}
