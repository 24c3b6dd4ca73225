//! Tables become files.

use std::collections::HashSet;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use gristmill_core::{PhysicalType, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::calendar::{write_day, write_moment};
use crate::{IngestError, Result};

/// By how many of its first values it is told whether those of a column repeat.
const LOOKED_AT: usize = 256;

/// Tells apart files that one process writes beside each other.
static TURN: AtomicU64 = AtomicU64::new(0);

/// Writes `table` as RFC 4180 text that [`crate::read`] gives back: a header, `,` between values,
/// floats with the fewest digits that name them, moments in ISO 8601, and nothing for a missing value.
///
/// # Errors
/// When `to` refuses, or a column holds bytes.
pub fn write_csv(table: &Table, to: impl Write) -> Result<()> {
    let mut writer = CsvWriter::new(to);
    writer.write(table)?;
    writer.finish()
}

/// Writes tables with the same columns one after another, as [`write_csv`] writes one.
pub struct CsvWriter<W: Write> {
    to: BufWriter<W>,
    has_header: bool,
}

impl<W: Write> CsvWriter<W> {
    /// Nothing is written yet.
    pub fn new(to: W) -> Self {
        Self { to: BufWriter::new(to), has_header: false }
    }

    /// Writes the rows of `table`, after the header if these are the first.
    ///
    /// # Errors
    /// As [`write_csv`].
    pub fn write(&mut self, table: &Table) -> Result<()> {
        refuse_bytes(table)?;
        let mut line = String::new();
        if !self.has_header {
            header_into(&mut line, table);
            self.to.write_all(line.as_bytes())?;
            self.has_header = true;
        }
        for row in 0..table.rows() {
            line.clear();
            row_into(&mut line, table, row);
            self.to.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    /// Hands over what is not written yet.
    ///
    /// # Errors
    /// When that is refused.
    pub fn finish(mut self) -> Result<()> {
        Ok(self.to.flush()?)
    }
}

fn header_into(line: &mut String, table: &Table) {
    for (at, field) in table.schema().fields().iter().enumerate() {
        separate(line, at);
        quote_into(line, &field.name);
    }
    line.push('\n');
}

fn row_into(line: &mut String, table: &Table, row: usize) {
    for at in 0..table.schema().len() {
        separate(line, at);
        let column = table.column(at);
        if column.is_valid(row) {
            cell_into(line, column, row);
        }
    }
    // An empty line would be no row.
    if table.schema().len() == 1 && line.is_empty() {
        line.push_str("\"\"");
    }
    line.push('\n');
}

/// Writes `table` to a file whose name says the form: `.csv`, `.parquet`, `.jsonl` or `.ndjson`. A
/// reader sees the old file or the whole new one, never a part of it.
///
/// # Errors
/// When the name says none of these, the folder is missing or refuses, or the disk is full.
pub fn write(table: &Table, path: &Path) -> Result<()> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match extension.as_str() {
        "csv" => durably(path, |file| write_csv(table, file)),
        "jsonl" | "ndjson" => durably(path, |file| write_jsonl(table, file)),
        "parquet" => durably(path, |file| write_parquet(table, file)),
        _ => Err(IngestError::Unsupported {
            what: format!("`{}` does not tell by its name what to write", path.display()),
            hint: "name a file that ends with .csv, .parquet or .jsonl".into(),
        }),
    }
}

/// As [`atomically`], and the file is on the disk before it takes its place.
fn durably(path: &Path, write: impl FnOnce(&mut fs_err::File) -> Result<()>) -> Result<()> {
    atomically(path, |file| {
        write(file)?;
        Ok(file.sync_all()?)
    })
}

/// Writes a file beside `path` and puts it there when all of it is written.
pub(crate) fn atomically(
    path: &Path,
    write: impl FnOnce(&mut fs_err::File) -> Result<()>,
) -> Result<()> {
    let name = path.file_name().ok_or_else(|| {
        IngestError::content(path, "is not the name of a file", "name a file to write to")
    })?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    beside.push(format!(".{}.{turn}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let mut file = fs_err::File::create(&beside)?;
    let written = write(&mut file).and_then(|()| Ok(fs_err::rename(&beside, path)?));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs_err::remove_file(&beside);
    }
    written
}

fn refuse_bytes(table: &Table) -> Result<()> {
    match table.schema().fields().iter().find(|f| f.physical == PhysicalType::Binary) {
        None => Ok(()),
        Some(field) => Err(IngestError::Unsupported {
            what: format!("column `{}` holds bytes, which have no form as text", field.name),
            hint: "leave it out, or write Parquet".into(),
        }),
    }
}

fn separate(line: &mut String, at: usize) {
    if at > 0 {
        line.push(',');
    }
}

fn quote_into(line: &mut String, text: &str) {
    if text.contains([',', '"', '\n', '\r']) {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(text);
    }
}

fn cell_into(line: &mut String, column: &ArrayRef, row: usize) {
    use std::fmt::Write;
    // Writing to a string never fails.
    let _ = if let Some(values) = column.as_primitive_opt::<Float64Type>() {
        let value = values.value(row);
        if value.is_nan() { Ok(()) } else { write!(line, "{value:?}") }
    } else if let Some(values) = column.as_primitive_opt::<Int64Type>() {
        write!(line, "{}", values.value(row))
    } else if let Some(values) = column.as_string_opt::<i32>() {
        quote_into(line, values.value(row));
        Ok(())
    } else if let Some(values) = column.as_boolean_opt() {
        write!(line, "{}", values.value(row))
    } else if let Some(values) = column.as_primitive_opt::<Date32Type>() {
        write!(line, "{}", write_day(values.value(row)))
    } else if let Some(values) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        write!(line, "{}", write_moment(values.value(row)))
    } else {
        Ok(())
    };
}

fn write_jsonl(table: &Table, to: &mut fs_err::File) -> Result<()> {
    refuse_bytes(table)?;
    let mut to = BufWriter::new(to);
    let names: Vec<String> = table
        .schema()
        .names()
        .iter()
        .map(|n| serde_json::Value::from(n.as_str()).to_string())
        .collect();
    let mut line = String::new();
    for row in 0..table.rows() {
        line.clear();
        line.push('{');
        for (at, name) in names.iter().enumerate() {
            separate(&mut line, at);
            line.push_str(name);
            line.push(':');
            line.push_str(&json(table.column(at), row));
        }
        line.push_str("}\n");
        to.write_all(line.as_bytes())?;
    }
    Ok(to.flush()?)
}

fn json(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "null".into();
    }
    if let Some(values) = column.as_string_opt::<i32>() {
        return serde_json::Value::from(values.value(row)).to_string();
    }
    if let Some(values) = column.as_primitive_opt::<Float64Type>() {
        return serde_json::Value::from(values.value(row)).to_string();
    }
    let mut text = String::new();
    cell_into(&mut text, column, row);
    match column.data_type() {
        arrow::datatypes::DataType::Int64 | arrow::datatypes::DataType::Boolean => text,
        _ => format!("\"{text}\""),
    }
}

fn write_parquet(table: &Table, to: &mut fs_err::File) -> Result<()> {
    let failed = |e: parquet::errors::ParquetError| std::io::Error::other(e);
    let batch = table.to_batch()?;
    let mut properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    for (at, field) in table.schema().fields().iter().enumerate() {
        if hardly_repeats(table.column(at)) {
            let column = ColumnPath::new(vec![field.name.clone()]);
            properties = properties.set_column_dictionary_enabled(column, false);
        }
    }
    let properties = Some(properties.build());
    let mut writer = ArrowWriter::try_new(to, batch.schema(), properties).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    writer.close().map_err(failed)?;
    Ok(())
}

/// Whether most of the first values differ from each other, such as ids and moments: a dictionary of them would be made
/// and thrown away.
fn hardly_repeats(column: &ArrayRef) -> bool {
    let count = column.len().min(LOOKED_AT);
    let text = |row| {
        let mut text = String::new();
        cell_into(&mut text, column, row);
        text
    };
    let seen: HashSet<String> = (0..count).map(text).collect();
    2 * seen.len() > count && count == LOOKED_AT
}
