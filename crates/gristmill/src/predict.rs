//! Answers of a registered model for the rows of a file.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use gristmill_core::{Field, Notes, PhysicalType, Schema, SemanticType, Table};
use gristmill_ingest::SourceSpec;

use crate::catalog::catalog;
use crate::{Error, Home, Result, models};

/// Answers with the ids of their rows.
#[derive(Clone, Debug)]
pub struct Answers {
    table: Table,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Answers every row of `input` by the model that `reference` means.
///
/// # Errors
/// When the model or the rows cannot be read, a column is missing, or a value does not convert
/// without loss.
pub fn predict(home: &Home, reference: &str, input: &Path) -> Result<Answers> {
    let folder = models::package_path(home, reference)?;
    let package = gristmill_package::load(&folder, &catalog())?;
    let notes = Notes::default();
    let wanted = package.pipeline.input();
    let source = SourceSpec::at(input);
    let wanted_with_ids = with_id_fields(&source, wanted)?;
    let rows = gristmill_ingest::read_as(&source, Path::new(""), &wanted_with_ids, &notes)?;
    let predicted = package.pipeline.predict(&rows);
    let predicted =
        predicted.map_err(|e| Error::from(e).with_place(input.display().to_string()))?;
    let mut answers = predicted.to_table()?;
    if let Some(around) = package.pipeline.conformal(&rows)? {
        for (at, field) in around.schema().fields().iter().enumerate() {
            answers = answers.with_column(field.clone(), Arc::clone(around.column(at)))?;
        }
    }
    Ok(Answers { table: with_ids(&rows, wanted, answers)?, notes: notes.all() })
}

/// The columns that are wanted and those that name rows, which are read as words so that they come
/// out as they went in.
fn with_id_fields(source: &SourceSpec, wanted: &Schema) -> Result<Schema> {
    let found = gristmill_ingest::peek(source, Path::new(""))?;
    let mut fields = wanted.fields().to_vec();
    for field in found.schema().fields() {
        if field.semantic == SemanticType::Id && wanted.find(&field.name).is_none() {
            let id = Field::new(&field.name, PhysicalType::Utf8).meaning(SemanticType::Id);
            fields.push(id.nullable(true));
        }
    }
    Ok(Schema::new(fields)?)
}

/// The columns that name rows before the answers.
fn with_ids(rows: &Table, wanted: &Schema, answers: Table) -> Result<Table> {
    let ids: Vec<usize> = (0..rows.schema().len())
        .filter(|&i| {
            let field = &rows.schema().fields()[i];
            field.semantic == SemanticType::Id && wanted.find(&field.name).is_none()
        })
        .collect();
    let mut table = rows.select(&ids);
    if ids.is_empty() {
        return Ok(answers);
    }
    for (at, field) in answers.schema().fields().iter().enumerate() {
        let field: Field = field.clone();
        table = table.with_column(field, Arc::clone(answers.column(at)))?;
    }
    Ok(table)
}

impl Answers {
    /// How many rows were answered.
    pub fn rows(&self) -> usize {
        self.table.rows()
    }

    /// Writes CSV.
    ///
    /// # Errors
    /// When `to` refuses it.
    pub fn write_csv(&self, to: impl Write) -> Result<()> {
        Ok(gristmill_ingest::write_csv(&self.table, to)?)
    }

    /// Writes a file by its ending: .csv, .jsonl or .parquet; whole or not at all.
    ///
    /// # Errors
    /// When the ending is unknown or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(gristmill_ingest::write(&self.table, path)?)
    }

    /// One JSON object for each row.
    ///
    /// # Errors
    /// When a value has no form in JSON.
    pub fn rows_as_json(&self) -> Result<serde_json::Value> {
        let mut writer = arrow::json::ArrayWriter::new(Vec::new());
        let broken = |e: arrow::error::ArrowError| Error::bug(e.to_string());
        writer.write(&self.table.to_batch()?).and_then(|()| writer.finish()).map_err(broken)?;
        serde_json::from_slice(&writer.into_inner()).map_err(|e| Error::bug(e.to_string()))
    }
}
