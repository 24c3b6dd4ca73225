//! Rows of a Parquet file that a stranger sent: bytes in memory, and bounds on what may become of them.
//!
//! A few bytes of Parquet can say that they are any number of rows, of any length. So the file is looked over
//! before it is read: its footer has a bound, and so has every page of the columns that are wanted. Texts are
//! read without being repeated, and counted before they are.

mod pages;
mod thrift;

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema};
use bytes::Bytes;
use gristmill_core::{Field, Schema, Table};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type;
use parquet::schema::types::Type as ParquetType;

use self::thrift::{Cursor, I32, LIST, STRUCT};
use crate::parquet::caught;

/// The most bytes of a footer: what becomes of it in memory is many times as long.
const FOOTER: usize = 1 << 20;
/// How deep columns may stand in each other, those that are not wanted too.
const DEPTH: usize = 16;
/// The most groups of rows.
const ROW_GROUPS: usize = 4_096;
/// How many rows are read at once.
const BATCH_ROWS: usize = 4_096;
/// The longest value of a fixed length: what decimals have.
const FIXED: i32 = 32;

/// How much a body may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// How many rows.
    pub rows: usize,
    /// How many bytes, of the columns that are wanted.
    pub bytes: u64,
}

/// Why a body was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is not what it should be.
    #[error("the body cannot be read as Parquet: {0}")]
    Unreadable(String),
    /// It would become too large.
    #[error("{0}")]
    TooLarge(String),
}

impl From<&str> for BodyError {
    fn from(found: &str) -> Self {
        Self::Unreadable(found.into())
    }
}

impl From<String> for BodyError {
    fn from(found: String) -> Self {
        Self::Unreadable(found)
    }
}

/// The columns of a Parquet file that `wanted` names, as they are stored. One that the file lacks and
/// that may be missing has no values; further ones are passed over, unread.
///
/// # Errors
/// [`BodyError::TooLarge`] beyond `limits`; [`BodyError::Unreadable`] for what is no Parquet file, for a wanted
/// column that is nested, and for encodings by which a few bytes may stand for any number.
pub fn read_parquet_body(
    body: &[u8],
    wanted: &Schema,
    limits: BodyLimits,
) -> Result<Table, BodyError> {
    let footer = footer(body)?;
    check_depth(footer)?;
    let body = Bytes::copy_from_slice(body);
    let file = caught(|| File::open(&body, wanted).map_err(|error| error.to_string()))??;
    let rows = caught(|| file.check(&body, limits))??;
    let table = caught(|| file.table(&body, limits))??;
    with_missing(table, wanted, rows)
}

/// The footer, where it has a bound.
fn footer(body: &[u8]) -> Result<&[u8], BodyError> {
    let (rest, magic) = body.split_last_chunk::<4>().ok_or("it is too short")?;
    let (rest, length) = rest.split_last_chunk::<4>().ok_or("it is too short")?;
    if magic != b"PAR1" {
        return Err("it does not end as such a file does".into());
    }
    let length = u32::from_le_bytes(*length) as usize;
    if length > FOOTER {
        return Err(BodyError::TooLarge(format!(
            "the footer has {length} bytes, and may have {FOOTER}; write fewer columns or fewer groups of rows"
        )));
    }
    let start = rest.len().checked_sub(length).ok_or("its footer begins before it")?;
    Ok(rest.get(start..).unwrap_or_default())
}

/// Refuses columns that stand too deep in each other: readers go down by calling themselves.
fn check_depth(footer: &[u8]) -> Result<(), BodyError> {
    // For each column that others stand in, how many of these are still to come.
    let mut open: Vec<i64> = Vec::new();
    let mut deepest = 0;
    let mut element = |cursor: &mut Cursor<'_>| {
        let mut children = 0;
        cursor.structure(|cursor, field, kind| {
            if (field, kind) == (5, I32) {
                children = cursor.number()?;
                return Some(true);
            }
            Some(false)
        })?;
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        open.push(children);
        deepest = deepest.max(open.len());
        while open.last().is_some_and(|left| *left <= 0) {
            open.pop();
        }
        (open.len() <= DEPTH).then_some(())
    };
    let read = Cursor::new(footer).structure(|cursor, field, kind| {
        if (field, kind) != (2, LIST) {
            return Some(false);
        }
        let (size, STRUCT) = cursor.list()? else { return None };
        (0..size).try_for_each(|_| element(cursor)).map(|()| true)
    });
    match (read, deepest > DEPTH) {
        (_, true) => Err(format!("its columns stand more than {DEPTH} deep in each other").into()),
        (Some(()), false) => Ok(()),
        (None, false) => Err("its footer is damaged".into()),
    }
}

/// A file whose footer was read.
struct File {
    metadata: ArrowReaderMetadata,
    /// The positions of the columns that are wanted.
    roots: Vec<usize>,
}

impl File {
    /// Reads the footer. What Arrow wrote into it is left aside: it is trusted too much where it is read.
    fn open(body: &Bytes, wanted: &Schema) -> parquet::errors::Result<Self> {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let plain = ArrowReaderMetadata::load(body, options.clone())?;
        let fields = plain.schema().fields();
        let roots = (0..fields.len()).filter(|at| wanted.find(fields[*at].name()).is_some());
        let roots: Vec<usize> = roots.collect();
        let viewed = fields.iter().map(|field| viewed(field));
        let options = options.with_schema(Arc::new(ArrowSchema::new(viewed.collect::<Vec<_>>())));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options)?;
        Ok(Self { metadata, roots })
    }

    /// How many rows there are, where all that is wanted is within its bounds.
    fn check(&self, body: &[u8], limits: BodyLimits) -> Result<usize, BodyError> {
        let groups = self.metadata.metadata().row_groups();
        if groups.len() > ROW_GROUPS {
            return Err(BodyError::TooLarge(format!(
                "the rows stand in {} groups, and may stand in {ROW_GROUPS}; write larger ones",
                groups.len()
            )));
        }
        let mut rows = 0_i64;
        for group in groups {
            if group.num_rows() < 0 {
                return Err("a group has less than no rows".into());
            }
            rows = rows.saturating_add(group.num_rows());
        }
        if rows != self.metadata.metadata().file_metadata().num_rows() {
            return Err("it does not have as many rows as it says".into());
        }
        if rows > i64::try_from(limits.rows).unwrap_or(i64::MAX) {
            return Err(BodyError::TooLarge(format!(
                "the file has {rows} rows, and a request may have {}; send them in parts",
                limits.rows
            )));
        }
        self.check_columns()?;
        self.check_pages(body, limits)?;
        Ok(rows as usize)
    }

    fn check_columns(&self) -> Result<(), BodyError> {
        let columns = self.metadata.parquet_schema();
        let roots = columns.root_schema().get_fields();
        for root in &self.roots {
            let (Some(column), field) = (roots.get(*root), self.metadata.schema().field(*root))
            else {
                return Err("a column is not there".into());
            };
            let name = column.name();
            let is_viewed = matches!(field.data_type(), DataType::Utf8View | DataType::BinaryView);
            if !column.is_primitive() || field.data_type().is_nested() {
                return Err(format!("column `{name}` is nested; give single values").into());
            }
            let is_long = match column.as_ref() {
                ParquetType::PrimitiveType { physical_type: Type::BYTE_ARRAY, .. } => !is_viewed,
                ParquetType::PrimitiveType {
                    physical_type: Type::FIXED_LEN_BYTE_ARRAY,
                    type_length,
                    ..
                } => *type_length > FIXED,
                _ => false,
            };
            if is_long {
                let found = field.data_type();
                return Err(format!(
                    "column `{name}` keeps {found} as bytes; write it as text or as numbers"
                )
                .into());
            }
        }
        Ok(())
    }

    fn check_pages(&self, body: &[u8], limits: BodyLimits) -> Result<(), BodyError> {
        let columns = self.metadata.parquet_schema();
        let mut all = 0_u64;
        for group in self.metadata.metadata().row_groups() {
            for (leaf, chunk) in group.columns().iter().enumerate() {
                if self.roots.contains(&columns.get_column_root_idx(leaf)) {
                    let unpacked = pages::unpacked(body, chunk, group.num_rows(), limits.bytes)?;
                    all = all.saturating_add(unpacked);
                }
                if all > limits.bytes {
                    return Err(too_large(limits));
                }
            }
        }
        Ok(())
    }

    /// The columns that are wanted.
    fn table(&self, body: &Bytes, limits: BodyLimits) -> Result<Table, BodyError> {
        let columns = self.metadata.parquet_schema();
        let mask = ProjectionMask::roots(columns, self.roots.iter().copied());
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(body.clone(), self.metadata.clone())
                .with_projection(mask)
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(|error| error.to_string())?;
        let (mut batches, mut texts) = (Vec::new(), 0_u64);
        for batch in reader {
            let batch = batch.map_err(|error| error.to_string())?;
            texts = texts.saturating_add(text_bytes(&batch));
            if texts > limits.bytes {
                return Err(too_large(limits));
            }
            batches.push(batch);
        }
        let fields = self.roots.iter().map(|at| self.metadata.schema().field(*at).clone());
        let schema = ArrowSchema::new(fields.collect::<Vec<_>>());
        Table::from_batches(&schema, &batches).map_err(|error| error.to_string().into())
    }
}

fn too_large(limits: BodyLimits) -> BodyError {
    BodyError::TooLarge(format!(
        "the rows would take more than {} bytes once they are unpacked; send them in parts",
        limits.bytes
    ))
}

/// The field with its texts as pieces of what they are read from, each piece once.
fn viewed(field: &ArrowField) -> ArrowField {
    match field.data_type() {
        DataType::Utf8 => field.clone().with_data_type(DataType::Utf8View),
        DataType::Binary => field.clone().with_data_type(DataType::BinaryView),
        _ => field.clone(),
    }
}

/// How many bytes the texts of a batch take where each value has its own.
fn text_bytes(batch: &RecordBatch) -> u64 {
    // The length of a view stands in its lowest 32 bits.
    let length = |view: &u128| u64::from(*view as u32);
    let column = |column: &Arc<dyn Array>| match column.data_type() {
        DataType::Utf8View => column.as_string_view().views().iter().map(length).sum(),
        DataType::BinaryView => column.as_binary_view().views().iter().map(length).sum(),
        _ => 0_u64,
    };
    batch.columns().iter().map(column).fold(0, u64::saturating_add)
}

/// The table with a column without values for each that is not there and may be missing.
fn with_missing(table: Table, wanted: &Schema, rows: usize) -> Result<Table, BodyError> {
    let lacks = |field: &&Field| field.nullable && table.schema().find(&field.name).is_none();
    let missing: Vec<Field> = wanted.fields().iter().filter(lacks).cloned().collect();
    let columns = (0..table.schema().len()).map(|at| Arc::clone(table.column(at)));
    let added = missing.iter().map(|field| new_null_array(&field.physical.arrow(), rows));
    let columns = columns.chain(added).collect();
    let fields = table.schema().fields().iter().cloned().chain(missing).collect();
    let schema = Schema::new(fields).map_err(|error| error.to_string())?;
    Table::new(schema, columns).map_err(|error| error.to_string().into())
}

#[cfg(test)]
mod tests;
