//! One Arrow IPC file of one batch whose schema is known beforehand.
//! Format: <https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format>.
//!
//! Arrow's own reader trusts lengths that a file states and panics, or reserves memory, where they
//! lie. Here each of them is held against the bytes before Arrow sees the batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema};
use arrow::ipc::reader::FileDecoder;
use arrow::ipc::writer::FileWriter;
use arrow::ipc::{self, Block, FieldNode, MessageHeader};

use gristmill_core::Error;

const MAGIC: &[u8] = b"ARROW1";
/// Footer length and magic.
const TRAILER: usize = 10;
/// Continuation marker and metadata length.
const PREFIX: usize = 8;
/// Buffers begin at a multiple of this many bytes.
const ALIGNMENT: i64 = 8;
/// More golden rows than any package has.
const MAX_ROWS: i64 = 1 << 20;

/// A column's name and Arrow type.
pub(crate) type Named = (String, DataType);

/// The file that holds these columns, all equally long.
pub(crate) fn write(columns: Vec<(String, ArrayRef)>) -> Result<Vec<u8>, Error> {
    let bug = |e: arrow::error::ArrowError| Error::Bug(format!("golden rows: {e}"));
    let fields: Vec<Named> =
        columns.iter().map(|(name, array)| (name.clone(), array.data_type().clone())).collect();
    let schema = arrow_schema(&fields);
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(bug)?;
    let mut bytes = Vec::new();
    let mut writer = FileWriter::try_new(&mut bytes, &schema).map_err(bug)?;
    writer.write(&batch).map_err(bug)?;
    writer.finish().map_err(bug)?;
    drop(writer);
    Ok(bytes)
}

/// The columns of a file that [`write()`] made, or what is wrong with it.
pub(crate) fn read(bytes: &[u8], expected: &[Named]) -> Result<Vec<ArrayRef>, String> {
    let footer_end = bytes.len().checked_sub(TRAILER).ok_or("it is too short")?;
    if !bytes.starts_with(MAGIC) || !bytes.ends_with(MAGIC) {
        return Err("it is no Arrow file".into());
    }
    let length = slice(bytes, footer_end, 4)?;
    let length = i32::from_le_bytes([length[0], length[1], length[2], length[3]]);
    let length = usize::try_from(length).map_err(|_| "its footer has no length")?;
    let footer_start = footer_end.checked_sub(length).ok_or("its footer is cut off")?;
    let footer = ipc::root_as_footer(slice(bytes, footer_start, length)?)
        .map_err(|e| format!("its footer cannot be read: {e}"))?;
    check_names(&footer, expected)?;
    let block = only_block(&footer)?;
    let message = block_bytes(&bytes[..footer_start], &block)?;
    check_batch(message, &block, expected)?;
    let batch = FileDecoder::new(arrow_schema(expected), footer.version())
        .read_record_batch(&block, &Buffer::from(message))
        .map_err(|e| e.to_string())?
        .ok_or("it holds no rows")?;
    Ok(batch.columns().to_vec())
}

fn arrow_schema(fields: &[Named]) -> Arc<ArrowSchema> {
    let field = |(name, kind): &Named| ArrowField::new(name, kind.clone(), true);
    Arc::new(ArrowSchema::new(fields.iter().map(field).collect::<Vec<_>>()))
}

fn slice(bytes: &[u8], from: usize, length: usize) -> Result<&[u8], String> {
    let end = from.checked_add(length).ok_or("a length in it is too large")?;
    bytes.get(from..end).ok_or_else(|| "a part of it lies beyond its end".into())
}

fn check_names(footer: &ipc::Footer<'_>, expected: &[Named]) -> Result<(), String> {
    let fields = footer.schema().and_then(|s| s.fields()).ok_or("it has no schema")?;
    let found: Vec<&str> = fields.iter().map(|f| f.name().unwrap_or_default()).collect();
    if found.iter().eq(expected.iter().map(|(name, _)| name)) {
        return Ok(());
    }
    Err("its columns are not those of the model".into())
}

fn only_block(footer: &ipc::Footer<'_>) -> Result<Block, String> {
    if footer.dictionaries().is_some_and(|d| !d.is_empty()) {
        return Err("it has dictionaries".into());
    }
    let blocks = footer.recordBatches().ok_or("it has no batch")?;
    match (blocks.len(), blocks.iter().next()) {
        (1, Some(block)) => Ok(*block),
        (count, _) => Err(format!("it has {count} batches, not 1")),
    }
}

fn block_bytes<'a>(bytes: &'a [u8], block: &Block) -> Result<&'a [u8], String> {
    let bad = |_| "its batch has no place";
    let offset = usize::try_from(block.offset()).map_err(bad)?;
    let header = usize::try_from(block.metaDataLength()).map_err(bad)?;
    let body = usize::try_from(block.bodyLength()).map_err(bad)?;
    slice(bytes, offset, header.checked_add(body).ok_or("its batch is too large")?)
}

/// Everything that the decoder takes for granted.
fn check_batch(message: &[u8], block: &Block, expected: &[Named]) -> Result<(), String> {
    let header = slice(message, 0, block.metaDataLength() as usize)?;
    if !header.starts_with(&[0xff; 4]) {
        return Err("its batch does not begin with a marker".into());
    }
    let header = header.get(PREFIX..).ok_or("its batch has no header")?;
    let parsed =
        ipc::root_as_message(header).map_err(|e| format!("its batch cannot be read: {e}"))?;
    if parsed.header_type() != MessageHeader::RecordBatch {
        return Err("its only message is no batch".into());
    }
    let batch = parsed.header_as_record_batch().ok_or("its batch has no header")?;
    if batch.compression().is_some() || batch.variadicBufferCounts().is_some_and(|c| !c.is_empty())
    {
        return Err("its batch is stored in another way".into());
    }
    let rows = batch.length();
    if !(0..=MAX_ROWS).contains(&rows) {
        return Err(format!("its batch claims {rows} rows"));
    }
    let nodes = batch.nodes().ok_or("its batch has no columns")?;
    let buffers = batch.buffers().ok_or("its batch has no buffers")?;
    let wanted: usize = expected.iter().map(|(_, kind)| buffers_of(kind)).sum();
    if nodes.len() != expected.len() || buffers.len() != wanted {
        return Err("its batch has not the columns of its schema".into());
    }
    let mut at = 0;
    for ((name, kind), node) in expected.iter().zip(nodes) {
        let own: Vec<ipc::Buffer> = (at..at + buffers_of(kind)).map(|i| *buffers.get(i)).collect();
        if node.length() != rows || !is_sound(&own, kind, node, block.bodyLength()) {
            return Err(format!("its column `{}` contradicts itself", name.escape_debug()));
        }
        at += own.len();
    }
    Ok(())
}

/// Whether the buffers of a column lie inside of the batch, hold whole values, and say of every
/// row whether it is missing where any is.
fn is_sound(buffers: &[ipc::Buffer], kind: &DataType, node: &FieldNode, body: i64) -> bool {
    let inside = buffers.iter().all(|buffer| {
        let (from, length) = (buffer.offset(), buffer.length());
        let end = from.checked_add(length);
        from >= 0 && from % ALIGNMENT == 0 && length >= 0 && end.is_some_and(|end| end <= body)
    });
    let (rows, nulls) = (node.length(), node.null_count());
    let masked = nulls == 0 || buffers[0].length().saturating_mul(8) >= rows;
    let whole = buffers[1].length() % width_of(kind) == 0;
    inside && masked && whole && (0..=rows).contains(&nulls)
}

/// How many bytes a value takes, or for words and bytes the place where it begins.
fn width_of(kind: &DataType) -> i64 {
    match kind {
        DataType::Boolean => 1,
        DataType::Utf8 | DataType::Binary | DataType::Date32 => 4,
        _ => 8,
    }
}

/// Of how many buffers a column consists: which values are there, where they begin, the values.
fn buffers_of(kind: &DataType) -> usize {
    if matches!(kind, DataType::Utf8 | DataType::Binary) { 3 } else { 2 }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };

    use super::*;

    fn columns() -> Vec<(String, ArrayRef)> {
        let named = |name: &str, array: ArrayRef| (name.to_string(), array);
        vec![
            named("n", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-0.0)]))),
            named("i", Arc::new(Int64Array::from(vec![Some(1), Some(2), None]))),
            named("b", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            named("w", Arc::new(StringArray::from(vec![Some("a"), None, Some("long word")]))),
            named("y", Arc::new(BinaryArray::from(vec![Some(&b"a"[..]), None, Some(b"bc")]))),
            named("d", Arc::new(Date32Array::from(vec![Some(1), None, Some(-1)]))),
            named("t", Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None, Some(9)]))),
        ]
    }

    fn expected() -> Vec<Named> {
        columns().into_iter().map(|(name, array)| (name, array.data_type().clone())).collect()
    }

    #[test]
    fn columns_come_back() {
        let arrays: Vec<ArrayRef> = columns().into_iter().map(|(_, array)| array).collect();
        assert_eq!(read(&write(columns()).unwrap(), &expected()).unwrap(), arrays);
    }

    #[test]
    fn other_columns_are_refused() {
        let bytes = write(columns()).unwrap();
        let mut renamed = expected();
        renamed[0].0 = "m".into();
        assert!(read(&bytes, &renamed).is_err());
        assert!(read(&bytes, &expected()[1..]).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let bytes = write(columns()).unwrap();
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut], &expected()).is_err());
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, bytes[at].wrapping_add(1), bytes[at] ^ 0x10] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = read(&changed, &expected());
            }
        }
    }
}
