//! What goes wrong inside a transaction, before the path of the database is put to it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::TrackError;
use crate::error::{FULL, READ_ONLY};

/// An error without the database's path.
#[derive(Debug)]
pub(super) enum Fail {
    /// The database's.
    Database(sqlx::Error),
    /// Something stored makes no sense.
    Damaged(String),
    /// Anything else, complete as it is.
    Track(TrackError),
}

impl Fail {
    /// The error with the database's path.
    pub(super) fn at(self, path: &Path) -> TrackError {
        match self {
            Self::Database(error) => database_error(path, &error),
            Self::Damaged(found) => TrackError::Damaged { path: path.into(), found },
            Self::Track(error) => error,
        }
    }
}

impl From<sqlx::Error> for Fail {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<TrackError> for Fail {
    fn from(error: TrackError) -> Self {
        Self::Track(error)
    }
}

/// What the database's error means to its owner. Codes: <https://sqlite.org/rescode.html>.
fn database_error(path: &Path, error: &sqlx::Error) -> TrackError {
    let home = |found: String, hint: &str| TrackError::Home {
        path: path.into(),
        found,
        hint: hint.into(),
    };
    let damaged = |found: String| TrackError::Damaged { path: path.into(), found };
    match error {
        sqlx::Error::Io(error) => TrackError::io(path, error),
        sqlx::Error::PoolTimedOut => home("no reader became free".into(), "run again"),
        sqlx::Error::PoolClosed => TrackError::Bug("the store was used after it was closed".into()),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => damaged(error.to_string()),
        _ => {
            let found = said(error);
            match result_code(error) {
                Some(BUSY | LOCKED) => home(found, "end the other process, or run again later"),
                Some(READONLY | PERM) => home(found, READ_ONLY),
                Some(FULL_DISK) => home(found, FULL),
                Some(IO) => home(found, "check the disk and the space left on it"),
                Some(CANNOT_OPEN) => home(found, READ_ONLY),
                Some(CORRUPT | NOT_A_DATABASE) => damaged(found),
                _ => TrackError::Bug(format!("`{}`: {error}", path.display())),
            }
        }
    }
}

const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IO: i32 = 10;
const CORRUPT: i32 = 11;
const FULL_DISK: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

/// SQLite's primary result code; the extended codes keep it in their lowest byte.
fn result_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

fn said(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(error) => error.message().to_string(),
        None => error.to_string(),
    }
}

/// Whether another connection holds a lock that was waited for in vain.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(result_code(error), Some(BUSY | LOCKED))
}

/// A column of text that must be one of an enum's words.
pub(super) fn word<T>(
    row: &SqliteRow,
    column: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, Fail> {
    let text: &str = row.try_get(column)?;
    parse(text).ok_or_else(|| Fail::Damaged(format!("column `{column}` holds `{text}`")))
}

/// A column of text or nothing that must parse when it is there.
pub(super) fn optional<T: std::str::FromStr>(
    row: &SqliteRow,
    column: &str,
) -> Result<Option<T>, Fail> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| {
        text.parse().map_err(|_| Fail::Damaged(format!("column `{column}` holds `{text}`")))
    })
    .transpose()
}

/// A count or a version number, which is never negative.
pub(super) fn count<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<T, Fail> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| Fail::Damaged(format!("column `{column}` holds {number}")))
}

/// A column of JSON.
pub(super) fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, Fail> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text)
        .map_err(|error| Fail::Damaged(format!("column `{column}` holds other JSON: {error}")))
}

/// Rows of `key` and `value` by key.
pub(super) fn pairs(rows: &[SqliteRow]) -> Result<BTreeMap<String, String>, Fail> {
    rows.iter().map(|row| Ok((row.try_get("key")?, row.try_get("value")?))).collect()
}
