//! What Postgres's errors mean to whoever set the address of the database.

use std::path::Path;

use crate::TrackError;
use crate::fail::Fail;

const ADDRESS: &str = "start the server, or correct the database's address";
const USER: &str = "correct the user and the password in the database's address";
const LATER: &str = "run again later; nothing is half-written";

/// The error with the address of the database.
pub(super) fn told(place: &Path, fail: Fail) -> TrackError {
    match fail {
        Fail::Database(error) => database_error(place, &error),
        Fail::Damaged(found) => TrackError::Damaged { path: place.into(), found },
        Fail::Track(error) => error,
    }
}

/// The server does not answer at all.
pub(super) fn silent(place: &Path) -> TrackError {
    away(place, "the server does not answer".into(), ADDRESS)
}

fn away(place: &Path, found: String, hint: &str) -> TrackError {
    TrackError::Home { path: place.into(), found, hint: hint.into() }
}

fn database_error(place: &Path, error: &sqlx::Error) -> TrackError {
    match error {
        sqlx::Error::Io(error) => away(place, format!("the server is away: {error}"), ADDRESS),
        sqlx::Error::Tls(error) => {
            let hint = "correct `sslmode` and `sslrootcert` in the database's address";
            away(place, format!("no secure connection: {error}"), hint)
        }
        sqlx::Error::PoolTimedOut => silent(place),
        sqlx::Error::PoolClosed => TrackError::Bug("the store was used after it was closed".into()),
        sqlx::Error::Protocol(said) => {
            away(place, format!("its answer is not understood: {said}"), ADDRESS)
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            TrackError::Damaged { path: place.into(), found: error.to_string() }
        }
        sqlx::Error::Database(said) => {
            server_error(place, code(error).unwrap_or_default(), said.message())
        }
        _ => TrackError::Bug(format!("`{}`: {error}", place.display())),
    }
}

/// Codes: PostgreSQL documentation, appendix "PostgreSQL Error Codes". The first two letters are a class.
fn server_error(place: &Path, code: String, said: &str) -> TrackError {
    let hint = match code.as_str() {
        "28P01" | "28000" => USER,
        "3D000" => "make it with `createdb`, or name another one in the database's address",
        "42501" | "3F000" => "let the user create tables in that database (`GRANT CREATE`)",
        "25006" | "57P03" => "name the server that takes writes in the database's address",
        "53300" => "let the server take more connections (`max_connections`), or run again later",
        "53100" => "free some space on the server's disk; nothing is half-written",
        "22P05" | "22021" => "use a database of the encoding UTF8",
        "XX001" | "XX002" => {
            return TrackError::Damaged { path: place.into(), found: said.into() };
        }
        "54000" => {
            return TrackError::invalid(
                "a name or key",
                format!("too long: {said}"),
                "a shorter one",
            );
        }
        _ if CONFLICTS.contains(&code.as_str()) => LATER,
        "55P03" => "end the other process that writes, or run again later",
        _ => match code.get(..2) {
            Some("08" | "53" | "57" | "58") => LATER,
            _ => return TrackError::Bug(format!("`{}`: {said} ({code})", place.display())),
        },
    };
    away(place, said.into(), hint)
}

/// Two transactions got in each other's way: one could not be put in an order with the other, each
/// waited for the other, or both took the same number or name.
const CONFLICTS: [&str; 3] = ["40001", "40P01", "23505"];

/// Whether the same transaction may well succeed when it is begun anew.
pub(super) fn is_conflict(fail: &Fail) -> bool {
    match fail {
        Fail::Database(error) => code(error).is_some_and(|code| CONFLICTS.contains(&code.as_str())),
        _ => false,
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
