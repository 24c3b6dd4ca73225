//! Predictions that were kept, read again, the latest first.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, AsArray, StringArray};
use gristmill_core::{Field, Notes, PhysicalType, Schema, Table, Timestamp};
use gristmill_ingest::{SourceSpec, parts_as};
use jiff::civil::Date;
use serde_json::Value;

use super::place;
use crate::keeper::Keeper;
use crate::{Error, Home, Kind, Result};

/// The files of a model's predictions, the latest day first, and of a day those that were begun last first.
///
/// # Errors
/// When a folder cannot be read.
pub(super) fn files(home: &Home, model: &str) -> Result<Vec<(Date, PathBuf)>> {
    let mut files = Vec::new();
    for (day, folder) in place::days(&place::of_model(home, model))? {
        let mut of_day = Vec::new();
        for entry in fs_err::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "parquet")
                && !place::is_draft(&path)
            {
                of_day.push((began(&path), path));
            }
        }
        of_day.sort();
        files.extend(of_day.into_iter().rev().map(|(_, path)| (day, path)));
    }
    Ok(files)
}

/// When a file was begun: its name is `VERSION-MICROS-PROCESS-NUMBER.parquet`.
fn began(path: &Path) -> i64 {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    name.rsplit('-').nth(2).and_then(|micros| micros.parse().ok()).unwrap_or(0)
}

/// Which version answered the predictions of a file, by its name.
pub(super) fn version(path: &Path) -> Option<u32> {
    let name = path.file_stem()?.to_str()?;
    name.rsplitn(4, '-').nth(3)?.parse().ok()
}

/// Stands for what is written of a model's predictions by now: another number when there is more.
///
/// # Errors
/// When a folder cannot be read.
pub(crate) fn written_mark(home: &Home, model: &str) -> Result<u64> {
    let files = files(home, model)?;
    let newest = files.first().and_then(|(_, path)| fs_err::metadata(path).ok());
    let about = newest.map(|about| (about.len(), about.modified().ok()));
    Ok(mark(&format!("{} {about:?}", files.len())))
}

/// All rows of a file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn table(path: &Path) -> Result<Table> {
    let source = SourceSpec::Path(path.to_string_lossy().into_owned());
    Ok(gristmill_ingest::read(&source, Path::new(""), &Notes::default())?)
}

/// The words of a column.
///
/// # Errors
/// When the file is none of ours.
pub(super) fn words<'a>(table: &'a Table, name: &str) -> Result<&'a StringArray> {
    column(table, name)?.as_string_opt::<i32>().ok_or_else(|| strange(name))
}

fn column<'a>(table: &'a Table, name: &str) -> Result<&'a ArrayRef> {
    table.column_named(name).map_err(|_| strange(name))
}

fn strange(name: &str) -> Error {
    Error::new(Kind::Stored, format!("a file of predictions has no `{name}` as it should be"))
        .with_hint("remove files from the home's `predictions` that were not written there")
}

/// The moments of the predictions in microseconds.
///
/// # Errors
/// When the file is none of ours.
pub(super) fn moments(table: &Table) -> Result<Vec<i64>> {
    let column = column(table, "predicted_at")?;
    let moments = column.as_primitive_opt::<arrow::datatypes::TimestampMicrosecondType>();
    Ok(moments.ok_or_else(|| strange("predicted_at"))?.values().to_vec())
}

/// How many of these ids no prediction of the model has that is written by now.
///
/// # Errors
/// When the predictions cannot be read.
pub(super) fn unknown(home: &Home, model: &str, ids: impl Iterator<Item = u64>) -> Result<u64> {
    let mut left: HashSet<u64> = ids.collect();
    let wanted = Schema::new(vec![Field::new("prediction_id", PhysicalType::Utf8)])?;
    let notes = Notes::default();
    for (_, path) in files(home, model)? {
        if left.is_empty() {
            break;
        }
        let source = SourceSpec::Path(path.to_string_lossy().into_owned());
        for part in parts_as(&source, Path::new(""), &wanted, &notes)? {
            for id in words(&part?, "prediction_id")?.iter().flatten() {
                left.remove(&mark(id));
            }
        }
    }
    Ok(left.len() as u64)
}

/// What stands for an id where many are compared: 64 bits of its hash.
pub(super) fn mark(id: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(id.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// The latest predictions of a model that were kept, the latest first, each with its label where one is known:
/// at most `most`, and of those that `request` was answered with where it is named.
///
/// # Errors
/// When there is no such model, or its predictions cannot be read.
pub fn kept(home: &Home, model: &str, request: Option<&str>, most: usize) -> Result<Vec<Value>> {
    let keeper = Keeper::open(home)?;
    let mut found = Vec::new();
    for (_, path) in files(home, model)? {
        if found.len() >= most {
            break;
        }
        let table = table(&path)?;
        let requests = words(&table, "request_id")?;
        let is_wanted =
            |row: &u32| request.is_none_or(|wanted| requests.value(*row as usize) == wanted);
        let rows: Vec<u32> =
            (0..table.rows() as u32).rev().filter(is_wanted).take(most - found.len()).collect();
        found.extend(with_labels(&keeper, model, &table.take(&rows)?)?);
    }
    Ok(found)
}

/// Rows as objects, each with its label where one is known.
fn with_labels(keeper: &Keeper, model: &str, rows: &Table) -> Result<Vec<Value>> {
    let mut objects = objects(rows)?;
    let labels = labels_of(keeper, model, rows)?;
    for (object, label) in objects.iter_mut().zip(labels) {
        if let (Some(object), Some(label)) = (object.as_object_mut(), label) {
            object.entry("label").or_insert(label.into());
        }
    }
    Ok(objects)
}

/// A JSON object for each row, without what is missing.
///
/// # Errors
/// When a value has no form in JSON.
pub(super) fn objects(rows: &Table) -> Result<Vec<Value>> {
    if rows.rows() == 0 {
        return Ok(Vec::new());
    }
    let mut writer = arrow::json::ArrayWriter::new(Vec::new());
    let broken = |error: arrow::error::ArrowError| Error::bug(error.to_string());
    writer.write(&rows.to_batch()?).and_then(|()| writer.finish()).map_err(broken)?;
    serde_json::from_slice(&writer.into_inner()).map_err(|error| Error::bug(error.to_string()))
}

/// The label of each row where one is known; none of a model that the registry does not have.
///
/// # Errors
/// When the store cannot be asked.
pub(super) fn labels_of(keeper: &Keeper, model: &str, rows: &Table) -> Result<Vec<Option<String>>> {
    let ids: Vec<String> =
        words(rows, "prediction_id")?.iter().map(|id| id.unwrap_or_default().to_owned()).collect();
    let known = match keeper.wait(|s| s.labels(model, ids.clone())) {
        Err(error) if error.kind == Kind::Input => Default::default(),
        known => known?,
    };
    Ok(ids.iter().map(|id| known.get(id).cloned()).collect())
}

/// The moment so many days ago.
pub(super) fn days_ago(now: Timestamp, days: u32) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::from(days) * 86_400_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn files_are_in_the_order_in_which_they_were_begun() {
        let top = tempfile::tempdir().unwrap();
        let home = Home::at(top.path());
        for name in [
            "date=2026-11-30/2-1000-7-1.parquet",
            "date=2026-11-30/1-3000-7-2.parquet",
            "date=2026-11-30/.1-4000-7-3.parquet.7.0.part",
            "date=2026-11-29/1-900-7-1.parquet",
            "notes/1-900-7-1.parquet",
        ] {
            let path = place::of_model(&home, "churn").join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        let names: Vec<String> = files(&home, "churn")
            .unwrap()
            .iter()
            .map(|(_, path)| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["1-3000-7-2.parquet", "2-1000-7-1.parquet", "1-900-7-1.parquet"]);
        assert!(files(&home, "other").unwrap().is_empty());
    }
}
