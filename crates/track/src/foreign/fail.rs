//! What SQLite's errors mean to the owner of a database that is only read.

use std::path::Path;

use crate::TrackError;

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const NOT_A_DATABASE: i32 = 26;

/// The error with the path of the database. Codes: <https://sqlite.org/rescode.html>.
pub(super) fn told(path: &Path, error: &sqlx::Error) -> TrackError {
    let known = error.as_database_error();
    let code: Option<i32> = known.and_then(|error| error.code()?.parse().ok());
    let found = known.map_or_else(|| error.to_string(), |error| error.message().to_string());
    let home = |found: String, hint: &str| TrackError::Home {
        path: path.into(),
        found,
        hint: hint.into(),
    };
    match code.map(|code| code & 0xff) {
        Some(BUSY | LOCKED) => home(found, "end the server that writes to it, or run again"),
        Some(CORRUPT | NOT_A_DATABASE) => TrackError::Damaged { path: path.into(), found },
        _ => home(found, "check that the file and its folder can be read, or import a copy of it"),
    }
}
