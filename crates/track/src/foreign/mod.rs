//! What another tracking store keeps, read and never written: MLflow's database in a SQLite file.
//!
//! Of each table only the columns that are there are asked for, so that databases of older versions
//! are read too. What stands in the file was written by strangers: texts come cut to what is
//! allowed, rows by the page, and nothing that the file defines beside tables is looked at.

mod experiments;
mod fail;
mod logged_models;
mod models;
mod runs;
mod table;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;
use gristmill_core::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions};

use self::fail::told;
use self::table::Tables;
use crate::{Result, TrackError};

/// How long a read waits for a server that is writing.
const BUSY: Duration = Duration::from_secs(30);
/// Rows in one page.
const PAGE: usize = 200;

/// Something that cannot be taken over, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct LeftOut {
    /// The thing, by its name or id.
    pub what: String,
    /// What was found, and what would do.
    pub why: String,
}

impl LeftOut {
    /// This thing, for this reason.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

/// What another store keeps that has no place in ours, and how much of it there is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NotTaken {
    /// What it is, in the plural.
    pub what: String,
    /// How many.
    pub count: u64,
}

/// A model as another store has it, with where its files are.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignModel<T> {
    /// The model.
    pub model: T,
    /// Where its files are, in the words of the other store.
    pub place: Option<String>,
}

/// MLflow's database in a SQLite file, open for reading only.
#[derive(Debug)]
pub struct MlflowDatabase {
    path: PathBuf,
    pool: SqlitePool,
    tables: Tables,
    /// The length and the moment of the file, where it is read as one that nobody writes to.
    still: Option<(u64, Option<SystemTime>)>,
}

impl MlflowDatabase {
    /// The database in the file at `path`. Neither it nor a file beside it is changed: one whose
    /// write-ahead log is folded in is read as it lies there, without a lock.
    ///
    /// # Errors
    /// `Home` when the file cannot be read, `Damaged` when it is no database, `Invalid` when it is
    /// none of MLflow's.
    pub async fn open(path: &Path) -> Result<Self> {
        let is_still = has_log(path)? && !log_of(path).exists();
        let still = match is_still {
            true => Some(state(path)?),
            false => None,
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(is_still)
            .busy_timeout(BUSY)
            .pragma("trusted_schema", "OFF")
            .pragma("query_only", "1")
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        let tables = Tables::read(&pool).await.map_err(|error| told(path, &error))?;
        let opened = Self { path: path.into(), pool, tables, still };
        for (table, column) in [("experiments", "experiment_id"), ("runs", "run_uuid")] {
            if !opened.tables.has_column(table, column) {
                let what = format!("`{}`", path.display());
                let found = format!("a database without a table `{table}` of MLflow's");
                return Err(TrackError::invalid(what, found, "the database of an MLflow server"));
            }
        }
        Ok(opened)
    }

    /// Whether somebody wrote to the file while it was read as one that nobody writes to: then
    /// what was read may be wrong.
    ///
    /// # Errors
    /// When the file is gone.
    pub fn was_changed(&self) -> Result<bool> {
        match &self.still {
            None => Ok(false),
            Some(before) => Ok(log_of(&self.path).exists() || state(&self.path)? != *before),
        }
    }

    /// What it keeps that has no place in our store: traces, prompts' evaluation data and the like,
    /// and whatever belongs to other workspaces than `default`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn not_taken(&self) -> Result<Vec<NotTaken>> {
        let mut found = Vec::new();
        for (table, what) in [
            ("trace_info", "traces"),
            ("assessments", "assessments"),
            ("evaluation_datasets", "evaluation datasets"),
            ("scorers", "scorers"),
            ("webhooks", "webhooks"),
            ("endpoints", "gateway endpoints"),
        ] {
            let count = self.count(table, "").await?;
            found.push(NotTaken { what: what.into(), count });
        }
        for (table, what) in [
            ("experiments", "experiments of other workspaces"),
            ("registered_models", "registered models of other workspaces"),
        ] {
            if self.tables.has_column(table, "workspace") {
                let count = self.count(table, " WHERE workspace <> 'default'").await?;
                found.push(NotTaken { what: what.into(), count });
            }
        }
        found.retain(|not_taken| not_taken.count > 0);
        Ok(found)
    }

    /// How many rows a table has; one that is not there has none.
    async fn count(&self, table: &'static str, condition: &str) -> Result<u64> {
        if !self.tables.has(table) {
            return Ok(0);
        }
        let sql = format!("SELECT count(*) FROM {table}{condition}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .map_err(|error| told(&self.path, &error))?;
        Ok(count.unsigned_abs())
    }

    /// A page of a table in the order of its ids, from behind `after` on, with the last id of it; with
    /// the first come those rows to `left_out` whose ids no order can be followed by.
    async fn page_of(
        &self,
        table: &'static str,
        columns: &[table::Column],
        id: table::Column,
        after: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Option<(Vec<table::Cells>, String)>> {
        let (name, sound) = (id.name(), table::sound(id));
        if after.is_empty() {
            let count = self.count(table, &format!(" WHERE NOT ({sound})")).await?;
            if count > 0 {
                let what = format!("{count} rows of `{table}`");
                let why = format!("`{name}` holds no short text of plain characters there");
                left_out.push(LeftOut::new(what, why));
            }
        }
        let select = self.tables.select(table, columns);
        let sql = format!("{select} WHERE {sound} AND {name} > ?1 ORDER BY {name} LIMIT {PAGE}");
        let rows = self.rows(sql, &[after]).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let last = last.required(id).map_err(|found| {
            let found = format!("the ids of `{table}` cannot be followed: {found}");
            TrackError::Damaged { path: self.path.clone(), found }
        })?;
        Ok(Some((rows, last)))
    }

    /// The rows of a statement, each as text and numbers.
    async fn rows(&self, sql: String, arguments: &[&str]) -> Result<Vec<table::Cells>> {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for argument in arguments {
            query = query.bind(*argument);
        }
        let rows = query.fetch_all(&self.pool).await.map_err(|error| told(&self.path, &error))?;
        Ok(rows.into_iter().map(table::Cells).collect())
    }
}

/// Whether the database keeps a write-ahead log: byte 18 of its header, which is
/// <https://sqlite.org/fileformat2.html>.
fn has_log(path: &Path) -> Result<bool> {
    let mut header = [0_u8; 20];
    let read = fs::File::open(path).and_then(|mut file| {
        let mut seen = 0;
        while seen < header.len() {
            match file.read(&mut header[seen..])? {
                0 => break,
                count => seen += count,
            }
        }
        Ok(seen)
    });
    let seen = read.map_err(|error| TrackError::io(path, &error))?;
    if seen < header.len() || !header.starts_with(b"SQLite format 3\0") {
        let found = "no SQLite database".to_string();
        return Err(TrackError::Damaged { path: path.into(), found });
    }
    Ok(header[18] == 2)
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn state(path: &Path) -> Result<(u64, Option<SystemTime>)> {
    let found = fs::metadata(path).map_err(|error| TrackError::io(path, &error))?;
    Ok((found.len(), found.modified().ok()))
}

/// A moment from milliseconds; what is beyond reason is none.
fn moment(millis: Option<i64>) -> Option<Timestamp> {
    millis?.checked_mul(1000).map(Timestamp)
}
