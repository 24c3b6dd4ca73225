//! Transformed rows on their way from one stage to a later one, as an Arrow file.

use std::collections::HashMap;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, DictionaryArray, Float64Array, Int64Array, ListArray,
    RecordBatch, RecordBatchOptions, StringArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, Schema as ArrowSchema, UInt32Type,
};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use gristmill_core::{Column, Frame, MISSING_CODE, Schema, SparseNumbers, Words};

use crate::{Error, Result};

/// Where the fields stand in the file's metadata.
const FIELDS: &str = "gristmill.fields";

/// Writes `frame` to `path`; every bit comes back by [`load`].
pub fn save(frame: &Frame, path: &Path) -> Result<()> {
    let columns: Vec<ArrayRef> = frame.columns().iter().map(to_arrow).collect::<Result<_>>()?;
    let names = frame.schema().names();
    let fields: Vec<Field> = names
        .iter()
        .zip(&columns)
        .map(|(name, column)| Field::new(name, column.data_type().clone(), true))
        .collect();
    let described = serde_json::to_string(frame.schema().as_ref()).map_err(broken)?;
    let metadata = HashMap::from([(FIELDS.to_string(), described)]);
    let schema = Arc::new(ArrowSchema::new_with_metadata(fields, metadata));
    let options = RecordBatchOptions::new().with_row_count(Some(frame.rows()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
        .map_err(broken)?;
    let file = BufWriter::new(fs_err::File::create(path)?);
    let mut writer = FileWriter::try_new(file, &schema).map_err(arrow_failed)?;
    writer.write(&batch).map_err(arrow_failed)?;
    writer.finish().map_err(arrow_failed)
}

/// Reads what [`save`] wrote.
pub fn load(path: &Path) -> Result<Frame> {
    let file = BufReader::new(fs_err::File::open(path)?);
    let mut reader = FileReader::try_new(file, None).map_err(broken)?;
    let described = reader.schema().metadata().get(FIELDS).cloned().unwrap_or_default();
    let schema: Schema = serde_json::from_str(&described).map_err(broken)?;
    let batch = reader
        .next()
        .ok_or_else(|| Error::bug("a stored frame has no rows to read"))?
        .map_err(broken)?;
    let columns = batch.columns().iter().map(from_arrow).collect::<Result<_>>()?;
    Ok(Frame::new(Arc::new(schema), columns, batch.num_rows())?)
}

fn to_arrow(column: &Column) -> Result<ArrayRef> {
    Ok(match column {
        Column::Numbers(values) => Arc::new(Float64Array::from(values.clone())),
        Column::Times(values) => Arc::new(Int64Array::from(values.clone())),
        Column::Sparse(numbers) => Arc::new(sparse_to_arrow(numbers)?),
        Column::Words(words) => {
            let keys: UInt32Array =
                words.codes.iter().map(|&c| (c != MISSING_CODE).then_some(c)).collect();
            let values = StringArray::from_iter_values(words.dictionary.iter());
            Arc::new(DictionaryArray::try_new(keys, Arc::new(values)).map_err(broken)?)
        }
        Column::Images(images) => {
            Arc::new(images.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
    })
}

/// One entry for each row: a list that holds the number where it is not 0.
fn sparse_to_arrow(numbers: &SparseNumbers) -> Result<ListArray> {
    let mut kept = numbers.rows().iter().peekable();
    let lengths = (0..numbers.len())
        .map(|row| usize::from(kept.next_if(|&&at| at as usize == row).is_some()));
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let item = Arc::new(Field::new_list_field(DataType::Float64, false));
    let values = Arc::new(Float64Array::from(numbers.values().to_vec()));
    ListArray::try_new(item, offsets, values, None).map_err(broken)
}

fn sparse_from_arrow(array: &ListArray) -> Result<SparseNumbers> {
    let offsets = array.value_offsets().windows(2).enumerate();
    let rows = offsets.filter(|(_, pair)| pair[1] > pair[0]).map(|(row, _)| row as u32).collect();
    let values = array.values().as_primitive::<Float64Type>().values().to_vec();
    Ok(SparseNumbers::new(rows, values, array.len())?)
}

fn from_arrow(array: &ArrayRef) -> Result<Column> {
    Ok(match array.data_type() {
        DataType::Float64 => Column::Numbers(array.as_primitive::<Float64Type>().values().to_vec()),
        DataType::Int64 => Column::Times(array.as_primitive::<Int64Type>().values().to_vec()),
        DataType::List(..) => Column::Sparse(sparse_from_arrow(array.as_list::<i32>())?),
        DataType::Binary => {
            let images = array.as_binary::<i32>().iter();
            Column::Images(images.map(|image| image.map(Arc::from)).collect())
        }
        DataType::Dictionary(..) => {
            let array = array.as_dictionary::<UInt32Type>();
            let codes = array.keys().iter().map(|k| k.unwrap_or(MISSING_CODE)).collect();
            let words = array.values().as_string::<i32>();
            let dictionary = words.iter().map(|w| w.unwrap_or_default().to_string()).collect();
            Column::Words(Words { codes, dictionary: Arc::new(dictionary) })
        }
        other => return Err(Error::bug(format!("a stored frame holds {other} values"))),
    })
}

/// A disk may be full; anything else that goes wrong with our own format is our doing.
fn arrow_failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(message, cause) => {
            let named = Error::from(cause);
            Error { message, ..named }
        }
        other => broken(other),
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::bug(format!("transformed rows could not be stored or read back: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gristmill_testkit::table;

    #[test]
    fn every_bit_comes_back() {
        let frame = table()
            .numbers("x", [Some(1.5), None, Some(-0.0)])
            .words("w", [Some("a"), None, Some("ä")])
            .times("t", [Some(5), None, Some(-1)])
            .booleans("b", [Some(true), Some(false), None])
            .images("i", [Some(vec![0x89, 0]), None, Some(Vec::new())])
            .frame();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frame.arrow");
        save(&frame, &path).unwrap();
        let again = load(&path).unwrap();
        assert_eq!(again.schema(), frame.schema());
        // NaN is equal to nothing, so the columns are compared as they print.
        assert_eq!(format!("{:?}", again.columns()), format!("{:?}", frame.columns()));
    }

    #[test]
    fn sparse_columns_stay_sparse() {
        let numbers = SparseNumbers::new(vec![1, 4], vec![2.5, -1.0], 6).unwrap();
        let schema = Schema::new(vec![gristmill_core::Field::number("word")]).unwrap();
        let columns = vec![Column::Sparse(numbers)];
        let frame = Frame::new(Arc::new(schema), columns, 6).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frame.arrow");
        save(&frame, &path).unwrap();
        assert_eq!(load(&path).unwrap(), frame);
    }
}
