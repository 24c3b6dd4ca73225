//! What a version was first asked: the rows of a while, which later ones are held against. They are learned in memory
//! that does not grow with them, and what they looked like is kept in the home once the while is over.

use std::path::{Path, PathBuf};

use gristmill_core::{Field, Frame, Profile, ProfileLearner, Schema, Table, Timestamp};
use gristmill_serve::Served;
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::place;
use super::values::{Values, fits};
use crate::{Error, Home, Kind, Result};

/// The folder in a home.
const FOLDER: &str = "reference";
/// How many rows are learned at once.
const BATCH: usize = 1_024;

/// Rows while they are gathered.
pub(super) struct Gathered {
    /// How long they are, in microseconds, and how many at least.
    span: u64,
    least: u64,
    first: Option<Timestamp>,
    rows: u64,
    columns: ProfileLearner,
    answers: ProfileLearner,
    waiting: Vec<(Table, Table)>,
    waiting_rows: usize,
}

/// What they looked like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Looks {
    pub columns: Profile,
    pub answers: Profile,
}

impl Gathered {
    /// The rows of so many microseconds from the first one on, and at least so many.
    pub fn new(span: u64, least: u64) -> Self {
        Self {
            span,
            least,
            first: None,
            rows: 0,
            columns: ProfileLearner::default(),
            answers: ProfileLearner::default(),
            waiting: Vec::new(),
            waiting_rows: 0,
        }
    }

    /// Takes the rows of requests and the answers to them.
    ///
    /// # Errors
    /// When they are other columns than before.
    pub fn take(&mut self, batch: &Batch) -> Result<()> {
        self.first.get_or_insert(batch.began());
        let rows = batch.rows.rows();
        self.waiting.push((table(&batch.rows)?, batch.prediction.to_table()?));
        self.rows += rows as u64;
        self.waiting_rows += rows;
        if self.waiting_rows >= BATCH { self.learn() } else { Ok(()) }
    }

    /// Whether the while is over, and there are rows enough to hold others against.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let span = i64::try_from(self.span).unwrap_or(i64::MAX);
        let passed = self.first.is_some_and(|first| now.0.saturating_sub(first.0) >= span);
        passed && self.rows >= self.least.max(1)
    }

    /// What they looked like.
    ///
    /// # Errors
    /// As [`Gathered::take`].
    pub fn looks(mut self) -> Result<Looks> {
        self.learn()?;
        Ok(Looks { columns: self.columns.finish(), answers: self.answers.finish() })
    }

    fn learn(&mut self) -> Result<()> {
        self.waiting_rows = 0;
        let (rows, answers): (Vec<Table>, Vec<Table>) =
            std::mem::take(&mut self.waiting).into_iter().unzip();
        if let (Some(rows), Some(answers)) = (joined(&rows)?, joined(&answers)?) {
            self.columns.update(&rows)?;
            self.answers.update(&answers)?;
        }
        Ok(())
    }
}

/// Some tables of the same columns as one.
fn joined(tables: &[Table]) -> Result<Option<Table>> {
    let Some(first) = tables.first() else { return Ok(None) };
    let batches = tables.iter().map(Table::to_batch).collect::<gristmill_core::Result<Vec<_>>>()?;
    let Some(batch) = batches.first() else { return Ok(None) };
    let all = Table::from_batches(&batch.schema(), &batches)?;
    let columns = (0..all.schema().len()).map(|at| all.column(at).clone()).collect();
    // The columns keep their meaning, which batches do not know.
    Ok(Some(Table::new(first.schema().clone(), columns)?))
}

/// Rows in the types in which they were asked.
fn table(rows: &Frame) -> Result<Table> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        fits(field, column)?;
        let mut values = Values::new(field.physical)?;
        values.add(column);
        fields.push(Field::clone(field).nullable(true));
        columns.push(values.array());
    }
    Ok(Table::new(Schema::new(fields)?, columns)?)
}

/// Where what the rows of a version looked like is kept.
pub(super) fn path(home: &Home, served: &Served) -> PathBuf {
    let digest = served.info().digest.to_string();
    let digest = digest.chars().filter(char::is_ascii_alphanumeric).take(16);
    let name =
        format!("{}-{}.json", place::file_name(served.version()), digest.collect::<String>());
    home.root().join(FOLDER).join(place::file_name(served.name())).join(name)
}

/// What was kept; nothing where nothing was.
///
/// # Errors
/// When it cannot be read.
pub(super) fn kept(path: &Path) -> Result<Option<Looks>> {
    if !path.is_file() {
        return Ok(None);
    }
    let looks = serde_json::from_slice(&fs_err::read(path)?);
    looks.map(Some).map_err(|error| {
        let found = format!("`{}` is damaged: {error}", path.display());
        Error::new(Kind::Stored, found).with_hint("remove it: the reference is learned anew")
    })
}

/// Keeps it, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub(super) fn keep(path: &Path, looks: &Looks) -> Result<()> {
    let json = serde_json::to_vec(looks)
        .map_err(|error| Error::bug(format!("what rows looked like is no JSON: {error}")))?;
    fs_err::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let draft = path.with_extension(format!("{}.part", std::process::id()));
    fs_err::write(&draft, json)?;
    Ok(fs_err::rename(draft, path)?)
}
