//! Files that arrive: new or changed, and no longer growing. Objects of a store do so in `objects`.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use gristmill_core::Timestamp;
use gristmill_flow::Digest;
use serde_json::{Value, json};

use crate::{Error, Result};

/// How long a file must stay as it is to count as whole.
const SETTLED: i64 = 2_000_000;
/// The most files that may lie there when a trigger is deployed.
const MAX_KNOWN: usize = 20_000;
/// The longest path that a key shows.
const MAX_SHOWN: usize = 150;

/// A file or an object as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// What tells this state of it from every other: a file's path, size and time of change.
    pub key: String,
    /// Its path, or its address.
    pub location: String,
    pub size: u64,
    /// When it was changed, in microseconds since 1970-01-01T00:00Z.
    pub modified: i64,
}

impl Arrival {
    /// What its run is told.
    pub fn payload(&self) -> Value {
        json!({"file": self.location, "size": self.size, "modified": self.modified})
    }
}

/// A folder's files that are new.
#[derive(Debug)]
pub(crate) struct Watch {
    folder: PathBuf,
    pattern: String,
    /// Files that were there or have been taken up.
    known: HashSet<String>,
    /// When each file was first seen as it is now.
    seen: HashMap<String, i64>,
}

impl Watch {
    pub fn new(folder: PathBuf, pattern: &str, known: &[String]) -> Self {
        let known = known.iter().cloned().collect();
        Self { folder, pattern: pattern.into(), known, seen: HashMap::new() }
    }

    /// The files that have arrived, in order of their paths, until they are said to be taken.
    ///
    /// # Errors
    /// When a folder cannot be looked into.
    pub fn look(&mut self, now: Timestamp) -> Result<Vec<Arrival>> {
        let (mut seen, mut arrived) = (HashMap::new(), Vec::new());
        for file in matching(&self.folder, &self.pattern)? {
            if self.known.contains(&file.key) {
                continue;
            }
            // A clock that was set back starts the wait anew.
            let first = self.seen.get(&file.key).copied().filter(|first| *first <= now.0);
            let first = first.unwrap_or(now.0);
            seen.insert(file.key.clone(), first);
            if now.0 - first >= SETTLED {
                arrived.push(file);
            }
        }
        self.seen = seen;
        Ok(arrived)
    }

    /// A run for this state of a file has been claimed, by whomever.
    pub fn taken(&mut self, key: &str) {
        self.known.insert(key.into());
    }
}

/// The keys of files that are there now.
///
/// # Errors
/// When a folder cannot be looked into, or they are too many to remember.
pub(crate) fn present(folder: &Path, pattern: &str) -> Result<Vec<String>> {
    bounded(pattern, matching(folder, pattern)?.into_iter().map(|file| file.key).collect())
}

/// The keys of what is there already, unless they are too many to remember.
pub(super) fn bounded(pattern: &str, keys: Vec<String>) -> Result<Vec<String>> {
    if keys.len() <= MAX_KNOWN {
        return Ok(keys);
    }
    let found = format!("`{pattern}` names {} files that are there already", keys.len());
    let hint = format!("watch a place with at most {MAX_KNOWN}; move what is done elsewhere");
    Err(Error::input(found).with_hint(hint))
}

/// A text as a key shows it: itself if it is short and plain, else its digest.
pub(super) fn shown(text: &str) -> String {
    let short = text.chars().count() <= MAX_SHOWN && !text.chars().any(char::is_control);
    if short { text.into() } else { Digest::of(text.as_bytes()).to_string() }
}

/// Files that match, hidden ones only where the pattern says so.
fn matching(folder: &Path, pattern: &str) -> Result<Vec<Arrival>> {
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let whole = match Path::new(pattern).is_absolute() {
        true => pattern.to_string(),
        false => {
            let folder = glob::Pattern::escape(&folder.display().to_string());
            Path::new(&folder).join(pattern).display().to_string()
        }
    };
    let paths = glob::glob_with(&whole, options)
        .map_err(|e| Error::input(format!("`{pattern}` is no glob: {}", e.msg)))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|e| {
            Error::input(format!("`{}` cannot be looked into: {}", e.path().display(), e.error()))
                .with_hint("allow `gristmill up` to read it")
        })?;
        files.extend(look_at(path, folder)?);
    }
    Ok(files)
}

/// The file at `path`; nothing for a folder, or for what is gone meanwhile.
fn look_at(path: PathBuf, folder: &Path) -> Result<Option<Arrival>> {
    let found = match fs_err::metadata(&path) {
        Ok(found) if found.is_file() => found,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let since = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let relative = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
    let key = format!("{} {} {}", shown(&relative), found.len(), since.as_nanos());
    let modified = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    let location = path.display().to_string();
    Ok(Some(Arrival { key, location, size: found.len(), modified }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arrived: &[Arrival]) -> Vec<String> {
        arrived.iter().map(|a| a.location.rsplit('/').next().unwrap().into()).collect()
    }

    #[test]
    fn a_file_counts_once_when_it_has_stopped_growing_and_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs_err::write(folder.path().join(name), text).unwrap();
        write("old.csv", "1");
        write(".hidden.csv", "1");
        let known = present(folder.path(), "*.csv").unwrap();
        let mut watch = Watch::new(folder.path().into(), "*.csv", &known);
        let mut look = |second: i64| {
            let arrived = watch.look(Timestamp(second * 1_000_000)).unwrap();
            arrived.iter().for_each(|a| watch.taken(&a.key));
            names(&arrived)
        };
        assert!(look(0).is_empty() && look(5).is_empty());
        write("new.csv", "1");
        assert!(look(6).is_empty());
        write("new.csv", "12");
        assert!(look(8).is_empty() && look(9).is_empty());
        assert_eq!(look(10), ["new.csv"]);
        assert!(look(20).is_empty());
        write("old.csv", "123");
        assert!(look(21).is_empty());
        assert!(look(3).is_empty(), "a clock that was set back waits anew");
        assert_eq!(look(5), ["old.csv"]);
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            present(&folder.path().join("[odd] name"), "incoming/**/*.csv").unwrap().is_empty()
        );
    }
}
