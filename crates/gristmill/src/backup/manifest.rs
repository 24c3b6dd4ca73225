//! What a backup says about itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use gristmill_core::Timestamp;
use gristmill_track::{ArtifactPath, ContentHash};
use serde::{Deserialize, Serialize};

use super::content::Piece;
use super::{DATABASE, damaged};
use crate::{Error, Result};

/// The form of a backup; a newer one is refused by name.
pub(super) const FORMAT: u32 = 1;

/// What a backup says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The form of the backup.
    pub format: u32,
    /// The version of Gristmill that took it.
    pub engine: String,
    /// The moment: all that was acknowledged before is in it.
    pub taken: Timestamp,
    /// Where the home stood.
    pub home: String,
    /// The layout of the database.
    pub layout: i64,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
    /// Content that the database names, and the home itself no longer had, or had damaged.
    pub missing: Vec<String>,
    /// The files of the home.
    pub files: Vec<Entry>,
}

/// A file of the home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its path in the home.
    pub path: ArtifactPath,
    /// The hash of its bytes.
    pub hash: ContentHash,
    /// How many they are.
    pub size: u64,
}

impl Entry {
    pub fn new(path: &str, piece: Piece) -> Result<Self> {
        Ok(Self { path: ArtifactPath::parse(path)?, hash: piece.hash, size: piece.size })
    }
}

/// The content that a path in a home is, or is in.
pub(super) fn artifact_of(path: &str) -> Option<ContentHash> {
    path.strip_prefix("artifacts/")?.split('/').nth(1)?.parse().ok()
}

impl Manifest {
    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|e| Error::bug(format!("a manifest: {e}")))
    }

    /// The manifest of the backup at `path`, checked: whoever wrote it, it names nothing outside of
    /// a home's database, artifacts and logs, and nothing twice.
    pub fn read(path: &Path, json: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let no_manifest = |e: serde_json::Error| damaged(path, format!("its manifest: {e}"));
        let form: Form = serde_json::from_slice(json).map_err(no_manifest)?;
        if form.format != FORMAT {
            let found = form.format;
            return Err(damaged(path, format!("it has form {found}, this version reads {FORMAT}"))
                .with_hint("upgrade gristmill"));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(no_manifest)?;
        let mut seen = HashSet::new();
        for entry in &manifest.files {
            let name = entry.path.as_str();
            if !belongs(name) {
                return Err(damaged(path, format!("`{name}` is no file of a home")));
            }
            if !seen.insert(name) {
                return Err(damaged(path, format!("it names `{name}` twice")));
            }
        }
        match seen.contains(DATABASE) {
            true => Ok(manifest),
            false => Err(damaged(path, "it has no database")),
        }
    }

    /// The files of each content among the artifacts.
    pub fn artifacts(&self) -> HashMap<ContentHash, Vec<&Entry>> {
        let mut artifacts: HashMap<_, Vec<_>> = HashMap::new();
        for entry in &self.files {
            if let Some(hash) = artifact_of(entry.path.as_str()) {
                artifacts.entry(hash).or_default().push(entry);
            }
        }
        artifacts
    }

    /// All bytes of the home.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.size).fold(0, u64::saturating_add)
    }
}

/// Whether a home has a file at such a path.
fn belongs(path: &str) -> bool {
    match path.split_once('/') {
        None => path == DATABASE,
        Some(("logs", _)) => true,
        Some(("artifacts", _)) => artifact_of(path).is_some_and(|hash| {
            let hash = hash.to_string();
            let at = format!("artifacts/{}/{hash}", hash.get(..2).unwrap_or_default());
            path.strip_prefix(&at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn file(path: &str) -> Value {
        json!({"path": path, "hash": ContentHash::of(b"a"), "size": 1})
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Value), refusal: Option<&str>) {
        let mut manifest = json!({
            "format": 1, "engine": "0.1.0", "taken": 5, "home": "/home", "layout": 6,
            "rows": {"runs": 1}, "missing": [], "files": [file("gristmill.db")],
        });
        change(&mut manifest);
        let read = Manifest::read(Path::new("backup"), manifest.to_string().as_bytes());
        match (read, refusal) {
            (Ok(_), None) => {}
            (Err(error), Some(words)) => assert!(error.message.contains(words), "{error}"),
            (read, _) => panic!("{read:?}"),
        }
    }

    #[track_caller]
    fn check_file(path: &str, refusal: Option<&str>) {
        check(|m| m["files"].as_array_mut().unwrap().push(file(path)), refusal);
    }

    #[test]
    fn files_of_a_home_are_taken() {
        let hash = ContentHash::of(b"a").to_string();
        check(|_| {}, None);
        check_file(&format!("artifacts/{}/{hash}", &hash[..2]), None);
        check_file(&format!("artifacts/{}/{hash}/model.json", &hash[..2]), None);
        check_file("logs/run/a.1.log", None);
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for path in ["../x", "/etc/passwd", "logs/../../x", "logs\\x", "C:/x", "logs//x", ""] {
            check_file(path, Some("its manifest"));
        }
        let hash = ContentHash::of(b"a").to_string();
        for path in ["secrets/token", "locks/up", "artifacts/x", "cache/a", "gristmill.db-wal"] {
            check_file(path, Some("is no file of a home"));
        }
        check_file(&format!("artifacts/zz/{hash}"), Some("is no file of a home"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        check_file("gristmill.db", Some("twice"));
        check(|m| m["files"] = json!([]), Some("no database"));
        check(|m| m["format"] = json!(2), Some("form 2"));
        check(|m| m["rows"] = json!({"runs": -1}), Some("its manifest"));
        let broken = Manifest::read(Path::new("backup"), b"{\"format\": 1, ");
        assert!(broken.unwrap_err().message.contains("its manifest"));
    }
}
