//! Tables kept between the steps of a run: Arrow IPC files that also hold roles and meanings.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::Schema as ArrowSchema;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::writer::FileWriter;
use arrow::ipc::{Block, root_as_footer};
use gristmill_core::{Field, Schema, Table};

use crate::parquet::guarded_as;
use crate::write::atomically;
use crate::{IngestError, Result};

/// Where the fields stand in the metadata of the file, as JSON.
const FIELDS: &str = "gristmill.fields";
/// The form of that JSON.
const VERSION_KEY: &str = "gristmill.version";
const VERSION: &str = "1";
/// Rows in one batch, so that none grows beyond what Arrow can address.
const BATCH_ROWS: usize = 1 << 20;
/// The mark and the length at the end of an Arrow file.
const TAIL: usize = 10;

/// Writes `table` to an Arrow IPC file with everything that its schema says. A reader sees the old
/// file or the whole new one. Equal tables make equal bytes. After a loss of power the file may
/// hold anything: what is kept here can be made again.
///
/// # Errors
/// When the folder is missing or refuses, or the disk is full.
pub fn save_table(table: &Table, path: &Path) -> Result<()> {
    let fields = serde_json::to_string(table.schema()).map_err(std::io::Error::from)?;
    let batch = table.to_batch()?;
    let metadata =
        HashMap::from([(FIELDS.into(), fields), (VERSION_KEY.into(), VERSION.to_string())]);
    let schema = Arc::new(batch.schema().as_ref().clone().with_metadata(metadata));
    let batch = batch.with_schema(Arc::clone(&schema)).map_err(std::io::Error::other)?;
    atomically(path, |file| {
        let mut writer = FileWriter::try_new(std::io::BufWriter::new(file), &schema)
            .map_err(std::io::Error::other)?;
        let mut row = 0;
        while row < batch.num_rows() {
            let rows = BATCH_ROWS.min(batch.num_rows() - row);
            writer.write(&batch.slice(row, rows)).map_err(std::io::Error::other)?;
            row += rows;
        }
        writer.finish().map_err(std::io::Error::other)?;
        Ok(())
    })
}

/// The table that [`save_table`] wrote.
///
/// # Errors
/// [`IngestError::Damaged`] when the file is not one of those, was cut off or altered, or is from a
/// later version. Reading takes no more memory than the file has bytes, twice over.
pub fn load_table(path: &Path) -> Result<Table> {
    let buffer = Buffer::from_vec(fs_err::read(path)?);
    let (schema, batches) =
        guarded_as(|| decode(&buffer), |found| IngestError::damaged(path, found))?;
    let fields = fields(&schema).map_err(|found| IngestError::damaged(path, found))?;
    let table =
        Table::from_batches(&schema, &batches).map_err(|e| IngestError::damaged(path, e))?;
    let columns = (0..schema.fields().len()).map(|at| Arc::clone(table.column(at))).collect();
    if let Some((field, _)) = fields
        .fields()
        .iter()
        .zip(&columns)
        .find(|(f, c): &(&Field, &Arc<dyn Array>)| !f.nullable && c.null_count() > 0)
    {
        let found = format!("column `{}` is missing where it must not be", field.name);
        return Err(IngestError::damaged(path, found));
    }
    Table::new(fields, columns).map_err(|e| IngestError::damaged(path, e))
}

fn fields(schema: &ArrowSchema) -> Result<Schema, String> {
    let metadata = schema.metadata();
    match metadata.get(VERSION_KEY).map(String::as_str) {
        Some(VERSION) => {}
        Some(other) => return Err(format!("version {other}, and only {VERSION} is known here")),
        None => return Err("it holds no table of ours".into()),
    }
    let fields = metadata.get(FIELDS).ok_or("its columns are not described")?;
    serde_json::from_str(fields).map_err(|e| e.to_string())
}

/// Reads batches out of the bytes in place, so that a length that lies cannot ask for memory.
fn decode(bytes: &Buffer) -> Result<(ArrowSchema, Vec<RecordBatch>), String> {
    let text = |e: arrow::error::ArrowError| e.to_string();
    let tail_start = bytes.len().checked_sub(TAIL).ok_or("it is cut off")?;
    let tail: [u8; TAIL] = bytes[tail_start..].try_into().map_err(|_| "it is cut off")?;
    let length = read_footer_length(tail).map_err(text)?;
    let start = tail_start.checked_sub(length).ok_or("its footer is longer than the file")?;
    let footer = root_as_footer(&bytes[start..tail_start]).map_err(|e| e.to_string())?;
    let schema = fb_to_schema(footer.schema().ok_or("it has no schema")?);
    let decoder = FileDecoder::new(Arc::new(schema.clone()), footer.version());
    if footer.dictionaries().is_some_and(|d| !d.is_empty()) {
        return Err("it holds dictionaries".into());
    }
    let mut batches = Vec::new();
    for block in footer.recordBatches().iter().flatten() {
        let part = slice(bytes, block)?;
        batches.extend(decoder.read_record_batch(block, &part).map_err(text)?);
    }
    Ok((schema, batches))
}

fn slice(bytes: &Buffer, block: &Block) -> Result<Buffer, String> {
    let lies = "a part lies beyond its end";
    let start = usize::try_from(block.offset()).map_err(|_| lies)?;
    let head = usize::try_from(block.metaDataLength()).map_err(|_| lies)?;
    let body = usize::try_from(block.bodyLength()).map_err(|_| lies)?;
    let length = head.checked_add(body).ok_or(lies)?;
    let end = start.checked_add(length).ok_or(lies)?;
    (end <= bytes.len()).then(|| bytes.slice_with_length(start, length)).ok_or(lies.into())
}
