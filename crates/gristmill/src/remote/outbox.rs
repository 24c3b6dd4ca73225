//! What waits to be sent: one small file a run, there from before the first word until after the last.

use std::path::PathBuf;

use gristmill_core::Timestamp;
use gristmill_track::RunId;
use serde::{Deserialize, Serialize};

use crate::{Error, Home, Kind, Result};

const FORMAT: u32 = 1;

/// A run that waits to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    format: u32,
    /// The run.
    pub run: RunId,
    /// The address of the server.
    pub server: String,
    /// Since when it waits.
    pub since: Timestamp,
}

/// Writes down that `run` is to be sent to `server`.
///
/// # Errors
/// When it cannot be written.
pub(super) fn put(home: &Home, run: RunId, server: &str, since: Timestamp) -> Result<()> {
    let waiting = Waiting { format: FORMAT, run, server: server.into(), since };
    let text = serde_json::to_vec(&waiting).map_err(|e| Error::bug(format!("an outbox: {e}")))?;
    let path = path(home, run);
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    fs_err::write(&draft, text)?;
    Ok(fs_err::rename(&draft, &path)?)
}

/// Crosses out a run; whether it waited.
///
/// # Errors
/// When the file cannot be removed.
pub(super) fn cross_out(home: &Home, run: RunId) -> Result<bool> {
    match fs_err::remove_file(path(home, run)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The run, if it waits.
///
/// # Errors
/// When what stands there cannot be read.
pub(super) fn find(home: &Home, run: RunId) -> Result<Option<Waiting>> {
    let path = path(home, run);
    let text = match fs_err::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let waiting: Waiting =
        serde_json::from_slice(&text).map_err(|error| damaged(&path, &error.to_string()))?;
    match waiting.format == FORMAT && waiting.run == run {
        true => Ok(Some(waiting)),
        false => Err(damaged(&path, "it is of another form, or of another run")),
    }
}

/// All that wait, the longest first.
///
/// # Errors
/// When one of them cannot be read.
pub(super) fn all(home: &Home) -> Result<Vec<Waiting>> {
    let folder = folder(home);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // A draft is no letter.
        if let Some(run) = name.strip_suffix(".json").and_then(|name| name.parse().ok()) {
            all.extend(find(home, run)?);
        }
    }
    all.sort_by_key(|waiting| (waiting.since, waiting.run));
    Ok(all)
}

fn folder(home: &Home) -> PathBuf {
    home.root().join("outbox")
}

fn path(home: &Home, run: RunId) -> PathBuf {
    folder(home).join(format!("{run}.json"))
}

fn damaged(path: &std::path::Path, why: &str) -> Error {
    Error::new(Kind::Stored, format!("`{}` cannot be read: {why}", path.display()))
        .with_hint("remove it, and send its run by `gristmill send RUN --server URL`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_there_until_it_is_crossed_out() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let (first, second) = (RunId::from_parts(&[b"1"]), RunId::from_parts(&[b"2"]));
        assert_eq!(all(&home).unwrap(), []);
        put(&home, first, "http://a", Timestamp(2)).unwrap();
        put(&home, second, "http://a", Timestamp(1)).unwrap();
        fs_err::write(super::folder(&home).join("x.1.tmp"), "half").unwrap();
        let runs: Vec<RunId> = all(&home).unwrap().iter().map(|waiting| waiting.run).collect();
        assert_eq!(runs, [second, first]);
        assert!(cross_out(&home, first).unwrap() && !cross_out(&home, first).unwrap());
        assert_eq!(find(&home, first).unwrap(), None);
        fs_err::write(path(&home, first), "half").unwrap();
        assert!(all(&home).unwrap_err().message.contains("cannot be read"));
    }
}
