//! Where kept predictions lie: `predictions/MODEL/date=2026-11-30/VERSION-....parquet` in a home.

use std::path::{Path, PathBuf};

use gristmill_core::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::{Home, Result};

/// The folder in a home.
const FOLDER: &str = "predictions";
/// What the name of a day's folder begins with, so that other programs read the day as a column.
const DAY: &str = "date=";
/// How long the name of a folder may be; most file systems take 255 bytes.
const NAME_BYTES: usize = 200;

/// The folder with the predictions of all models.
pub(crate) fn folder(home: &Home) -> PathBuf {
    home.root().join(FOLDER)
}

/// The folder with the predictions of a model.
pub(crate) fn of_model(home: &Home, model: &str) -> PathBuf {
    folder(home).join(file_name(model))
}

/// The folder with the predictions of a day.
pub(super) fn of_day(model: &Path, day: Date) -> PathBuf {
    model.join(format!("{DAY}{day}"))
}

/// The folders of all models; none where nothing was ever kept.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn models(home: &Home) -> Result<Vec<PathBuf>> {
    let folder = folder(home);
    match folder.is_dir() {
        true => {
            Ok(fs_err::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?)
        }
        false => Ok(Vec::new()),
    }
}

/// Whether a file was not whole yet when it got its name.
pub(crate) fn is_draft(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_none_or(|name| name.starts_with('.'))
}

/// The day of a moment, in UTC.
pub(crate) fn day(at: Timestamp) -> Date {
    let moment = jiff::Timestamp::from_microsecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Offset::UTC.to_datetime(moment).date()
}

/// The days of a model's folder with their folders, the latest first; none where nothing is kept.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn days(model: &Path) -> Result<Vec<(Date, PathBuf)>> {
    let mut days = Vec::new();
    if !model.is_dir() {
        return Ok(days);
    }
    for entry in fs_err::read_dir(model)? {
        let entry = entry?;
        let name = entry.file_name();
        let day = name.to_str().and_then(|name| name.strip_prefix(DAY)?.parse().ok());
        days.extend(day.map(|day| (day, entry.path())));
    }
    days.sort();
    days.reverse();
    Ok(days)
}

/// A name as that of a file or folder: anything but letters, digits, `_`, `-` and `.` becomes `%` with two
/// digits, and a name that would be too long ends with its hash.
pub(super) fn file_name(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if at == 0 => text.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    if text.len() > NAME_BYTES {
        text.truncate(NAME_BYTES - 33);
        text.push('-');
        text.push_str(&blake3::hash(name.as_bytes()).to_hex()[..32]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn names_are_files_whatever_they_are() {
        for (name, expected) in [
            ("churn", "churn"),
            ("sales model/2", "sales%20model%2F2"),
            ("..", "%2E."),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(file_name(name), expected);
        }
        let (long, other) = ("ä".repeat(200), format!("{}b", "ä".repeat(199)));
        assert_eq!(file_name(&long).len(), NAME_BYTES);
        assert_ne!(file_name(&long), file_name(&other));
    }

    #[test] // by hand
    fn a_day_begins_at_midnight_in_utc() {
        let micros = 86_400_000_000;
        let shown = |at: i64| day(Timestamp(at)).to_string();
        assert_eq!(
            [shown(0), shown(micros - 1), shown(micros), shown(-1)],
            ["1970-01-01", "1970-01-01", "1970-01-02", "1969-12-31"]
        );
    }
}
