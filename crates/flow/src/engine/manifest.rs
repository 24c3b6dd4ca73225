//! What a kept result consists of, and whether it still does.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Digest, FileDigests, KeyParts, files};

const FORMAT: u32 = 1;
/// The form of what an output's digest is made of.
const DOMAIN: &str = "gristmill task output 1";
/// The name of a manifest in its entry's folder.
pub(super) const MANIFEST: &str = "manifest.json";
/// The folder beside it that holds what the task wrote.
pub(super) const FILES: &str = "files";
/// The most bytes that a manifest may have; it names files and holds a few facts.
const MOST_BYTES: u64 = 64 << 20;

/// A file of a task's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its size in bytes.
    pub size: u64,
    /// What it holds.
    pub digest: Digest,
}

/// What a task gave, and from what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    pub(super) key: Digest,
    pub(super) parts: KeyParts,
    /// By path below the folder of files, parted by `/`.
    pub(super) files: BTreeMap<String, FileRecord>,
    pub(super) facts: Value,
    pub(super) notes: Vec<String>,
    /// The digest of files and facts: equal for equal outputs, whatever they were made from.
    pub(super) output: Digest,
}

impl Manifest {
    /// The manifest of what lies in `folder`.
    pub(super) fn of(
        folder: &Path,
        parts: KeyParts,
        facts: Value,
        notes: Vec<String>,
    ) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for name in names(folder)? {
            let path = folder.join(&name);
            let size = fs_err::metadata(&path)?.len();
            files.insert(name, FileRecord { size, digest: files::hash(&path)? });
        }
        Ok(Self::with_files(files, parts, facts, notes))
    }

    /// The manifest of a result that is nothing but facts.
    pub(super) fn without_files(parts: KeyParts, facts: Value, notes: Vec<String>) -> Self {
        Self::with_files(BTreeMap::new(), parts, facts, notes)
    }

    fn with_files(
        files: BTreeMap<String, FileRecord>,
        parts: KeyParts,
        facts: Value,
        notes: Vec<String>,
    ) -> Self {
        let output = output_digest(&files, &facts);
        Self { format: FORMAT, key: parts.key(), parts, files, facts, notes, output }
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        fs_err::write(folder.join(MANIFEST), bytes)
    }

    /// The manifest of the entry in `folder`, if all that it names is there and sound; otherwise
    /// what is wrong, in words that follow "its cached result is damaged:".
    pub(super) fn verified(
        folder: &Path,
        key: &Digest,
        digests: &FileDigests,
    ) -> Result<Self, String> {
        let manifest = read(&folder.join(MANIFEST))?;
        if manifest.format != FORMAT {
            let found = manifest.format;
            return Err(format!("its manifest has format {found}, expected {FORMAT}"));
        }
        let sound = manifest.key == *key
            && manifest.parts.key() == *key
            && manifest.output == output_digest(&manifest.files, &manifest.facts);
        if !sound {
            return Err("its manifest was altered".into());
        }
        manifest.verify_files(&folder.join(FILES), digests)?;
        Ok(manifest)
    }

    fn verify_files(&self, folder: &Path, digests: &FileDigests) -> Result<(), String> {
        let found = names(folder).map_err(|e| e.to_string())?;
        if let Some(extra) = found.iter().find(|name| !self.files.contains_key(*name)) {
            return Err(format!("file `{extra}` was added"));
        }
        for (name, record) in &self.files {
            if found.binary_search(name).is_err() {
                return Err(format!("file `{name}` is missing"));
            }
            let path = folder.join(name);
            let size = fs_err::metadata(&path).map_err(|e| e.to_string())?.len();
            if size != record.size {
                return Err(format!("file `{name}` has {size} bytes, expected {}", record.size));
            }
            if digests.digest(&path).map_err(|e| e.to_string())? != record.digest {
                return Err(format!("file `{name}` was altered"));
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Manifest, String> {
    let size = fs_err::metadata(path).map_err(|_| "it has no manifest".to_owned())?.len();
    if size > MOST_BYTES {
        return Err(format!("its manifest has {size} bytes"));
    }
    let bytes = fs_err::read(path).map_err(|e| e.to_string())?;
    serde_json::from_slice(&bytes).map_err(|_| "its manifest cannot be read".into())
}

/// The digest of an output that is nothing but these facts.
pub(super) fn digest_of_facts(facts: &Value) -> Digest {
    output_digest(&BTreeMap::new(), facts)
}

fn output_digest(files: &BTreeMap<String, FileRecord>, facts: &Value) -> Digest {
    let files: BTreeMap<&str, String> =
        files.iter().map(|(name, record)| (name.as_str(), record.digest.to_string())).collect();
    Digest::of_json(DOMAIN, &serde_json::json!({"files": files, "facts": facts}))
}

/// The files below a folder, sorted, their steps parted by `/`.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(next)? {
            let path = entry?.path();
            let metadata = fs_err::symlink_metadata(&path)?;
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_file() {
                names.push(name(folder, &path)?);
            } else {
                let message = format!("{} is neither file nor folder", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn name(folder: &Path, path: &Path) -> io::Result<String> {
    let relative: PathBuf = path.strip_prefix(folder).unwrap_or(path).into();
    let steps = relative.components().map(|step| match step {
        Component::Normal(step) => step.to_str(),
        _ => None,
    });
    let steps: Option<Vec<&str>> = steps.collect();
    steps.map(|steps| steps.join("/")).ok_or_else(|| {
        let message = format!("the name of {} is no UTF-8", path.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}
