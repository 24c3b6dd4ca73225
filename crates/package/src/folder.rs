//! Reading and writing a folder of few files: reading believes nothing, writing is all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::{PackageError, Result};

/// The names of everything in `folder`.
pub(crate) fn list(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).map_err(PackageError::io("read the package"))?;
    entries
        .map(|entry| {
            let entry = entry.map_err(PackageError::io("read the package"))?;
            Ok(entry.file_name().to_string_lossy().into_owned())
        })
        .collect()
}

/// The bytes of a plain file of at most `limit` bytes. Links are refused: they lead elsewhere.
pub(crate) fn read(file: &Path, limit: u64) -> Result<Vec<u8>> {
    let about = fs::symlink_metadata(file).map_err(|e| missing(file, e))?;
    if !about.is_file() {
        let found = if about.is_symlink() { "it is a link" } else { "it is no plain file" };
        return Err(PackageError::damaged(file, found));
    }
    let too_large = |found| PackageError::TooLarge { file: file.into(), found, limit };
    if about.len() > limit {
        return Err(too_large(about.len()));
    }
    let opened = fs::File::open(file).map_err(PackageError::io("read the package"))?;
    let mut bytes = Vec::new();
    // The file may have grown since it was looked at.
    opened
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(PackageError::io("read the package"))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

fn missing(file: &Path, error: io::Error) -> PackageError {
    match error.kind() {
        io::ErrorKind::NotFound => PackageError::damaged(file, "it is missing"),
        _ => PackageError::io("read the package")(error),
    }
}

/// Writes `files` as the new folder `target`, which is not there before or is empty. Either all of
/// it is on the disk afterwards or nothing.
pub(crate) fn write(target: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    write_partial(target, files).map_err(PackageError::io("save the package"))
}

fn write_partial(target: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    let parent = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent)?;
    let partial = Partial::create(parent, target)?;
    for (name, bytes) in files {
        let mut file = fs::File::create_new(partial.0.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    sync_folder(&partial.0)?;
    fs::rename(&partial.0, target)?;
    sync_folder(parent)
}

/// A folder that is removed again unless it was renamed.
struct Partial(PathBuf);

impl Partial {
    fn create(parent: &Path, target: &Path) -> io::Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let process = std::process::id();
        let mut number = 0;
        loop {
            let path = parent.join(format!(".{name}.partial-{process}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a successful rename there is nothing of this name left to remove.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes the names in a folder as durable as their contents, where the system can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
