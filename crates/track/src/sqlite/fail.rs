//! What SQLite's errors mean to the owner of the home.

use std::path::Path;

use crate::TrackError;
use crate::error::{FULL, READ_ONLY};
use crate::fail::Fail;

/// The error with the path of the database.
pub(super) fn told(path: &Path, fail: Fail) -> TrackError {
    match fail {
        Fail::Database(error) => database_error(path, &error),
        Fail::Damaged(found) => TrackError::Damaged { path: path.into(), found },
        Fail::Track(error) => error,
    }
}

/// Codes: <https://sqlite.org/rescode.html>.
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
