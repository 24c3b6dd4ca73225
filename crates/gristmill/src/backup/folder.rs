//! A backup in a folder: content under its hash, written once, and the manifest.

use std::collections::{HashMap, HashSet};
use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use gristmill_track::ContentHash;

use super::content::{self, Piece};
use super::manifest::{Entry, Manifest};
use super::target::{Copied, Target, cleared};
use super::{CONTENT, MANIFEST};
use crate::{Error, Result};

/// What is locked while a folder is written or read.
const LOCK: &str = "lock";
/// What is being made.
const WORKBENCH: &str = "tmp";

/// A folder that a backup is written to.
pub(super) struct Folder {
    root: PathBuf,
    workbench: PathBuf,
    /// What the backup that is there has of each content.
    known: HashMap<ContentHash, Vec<Entry>>,
    copied: Copied,
    #[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
    _lock: std::fs::File,
}

impl Folder {
    /// The folder at `root`, made if need be.
    ///
    /// # Errors
    /// When it holds anything but a backup, another process writes or reads one there, or it cannot
    /// be written.
    pub fn open(root: &Path) -> Result<Self> {
        fs_err::create_dir_all(root)?;
        refuse_strange(root)?;
        let lock = fs_err::OpenOptions::new().create(true).append(true).open(root.join(LOCK))?;
        let lock = lock.into_parts().0;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy(root)),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let known = match read_manifest(root)? {
            Some(manifest) => known(root, &manifest),
            None => HashMap::new(),
        };
        let workbench = root.join(WORKBENCH);
        cleared(&workbench)?;
        let copied = Copied::default();
        Ok(Self { root: root.into(), workbench, known, copied, _lock: lock })
    }
}

impl Target for Folder {
    fn workbench(&self) -> &Path {
        &self.workbench
    }

    fn known(&self, artifact: ContentHash) -> Option<Vec<Entry>> {
        self.known.get(&artifact).cloned()
    }

    fn put(&mut self, source: &Path) -> Result<Piece> {
        let draft = self.workbench.join("draft");
        let mut file = fs_err::File::create(&draft)?;
        let piece = content::copy(fs_err::File::open(source)?, &mut file, u64::MAX)?;
        let place = place(&self.root, piece.hash);
        if has(&place, piece.size) {
            return Ok(piece);
        }
        file.sync_all()?;
        drop(file);
        if let Some(parent) = place.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::rename(&draft, &place)?;
        self.copied.count(piece);
        Ok(piece)
    }

    fn finish(self: Box<Self>, manifest: &Manifest) -> Result<Copied> {
        let draft = self.workbench.join(MANIFEST);
        let mut file = fs_err::File::create(&draft)?;
        std::io::Write::write_all(&mut file, &manifest.to_json()?)?;
        file.sync_all()?;
        drop(file);
        fs_err::rename(&draft, self.root.join(MANIFEST))?;
        fs_err::File::open(&self.root)?.sync_all()?;
        // What only the backup before this one had.
        let needed: HashSet<ContentHash> = manifest.files.iter().map(|entry| entry.hash).collect();
        let folder = self.root.join(CONTENT);
        for name in content::files_in(&folder)? {
            let hash = name.rsplit('/').next().and_then(|hash| hash.parse().ok());
            if hash.is_some_and(|hash: ContentHash| !needed.contains(&hash)) {
                fs_err::remove_file(folder.join(&name))?;
            }
        }
        Ok(self.copied)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is cleared by the next backup.
        let _ = fs_err::remove_dir_all(&self.workbench);
    }
}

/// Keeps whoever writes a backup to this folder away from it; a folder that cannot be written is
/// not written by others either.
///
/// # Errors
/// When somebody writes one there now.
#[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
pub(super) fn hold_to_read(root: &Path) -> Result<Option<std::fs::File>> {
    let Ok(lock) = fs_err::File::open(root.join(LOCK)) else { return Ok(None) };
    let lock = lock.into_parts().0;
    match lock.try_lock_shared() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Err(busy(root)),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The manifest of the backup at `root`, if there is a whole one.
pub(super) fn read_manifest(root: &Path) -> Result<Option<Manifest>> {
    let path = root.join(MANIFEST);
    match path.is_file() {
        true => Manifest::read(root, &fs_err::read(path)?).map(Some),
        false => Ok(None),
    }
}

/// Where content of this hash stands.
pub(super) fn place(root: &Path, hash: ContentHash) -> PathBuf {
    let name = hash.to_string();
    root.join(CONTENT).join(name.get(..2).unwrap_or_default()).join(&name)
}

fn has(place: &Path, size: u64) -> bool {
    place.metadata().is_ok_and(|found| found.is_file() && found.len() == size)
}

/// Of each content of the home the files that the folder has all of.
fn known(root: &Path, manifest: &Manifest) -> HashMap<ContentHash, Vec<Entry>> {
    let whole = |entries: &Vec<&Entry>| {
        entries.iter().all(|entry| has(&place(root, entry.hash), entry.size))
    };
    let artifacts = manifest.artifacts().into_iter().filter(|(_, entries)| whole(entries));
    artifacts.map(|(hash, entries)| (hash, entries.into_iter().cloned().collect())).collect()
}

/// A folder with other things in it is somebody's, and no place for a backup.
fn refuse_strange(root: &Path) -> Result<()> {
    const OURS: [&str; 4] = [MANIFEST, CONTENT, LOCK, WORKBENCH];
    for entry in fs_err::read_dir(root)? {
        let name = entry?.file_name();
        if !OURS.iter().any(|ours| name == *ours) {
            let (root, name) = (root.display(), name.display());
            return Err(Error::input(format!("`{root}` holds `{name}`, which is no backup"))
                .with_hint(
                    "name an empty folder, one with a backup, or a file that ends in `.tar`",
                ));
        }
    }
    Ok(())
}

fn busy(root: &Path) -> Error {
    Error::input(format!("another process is at work on the backup `{}`", root.display()))
        .with_hint("let it end")
}
