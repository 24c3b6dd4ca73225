//! Results by what they depend on, on disk.
//!
//! `<cache>/<2 hex>/<64 hex>/` is an entry: `manifest.json` and the folder `files`. An entry is
//! prepared elsewhere and renamed into place, so that it is whole or not there; two processes
//! that make the same one agree on whichever came first.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::manifest::{FILES, Manifest};
use super::session::{Session, Workspace};
use super::{Clock, Digest, FileDigests, KeyParts};

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The file system refused; its words name the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An entry is broken and cannot be replaced.
    #[error("the cached result in {} is damaged and cannot be replaced: {found}", folder.display())]
    Stuck {
        /// The entry.
        folder: PathBuf,
        /// What is wrong with it.
        found: String,
    },
}

/// A folder of results that several processes may use at once.
pub struct Cache {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    session: Session,
    digests: FileDigests,
}

impl Cache {
    /// The cache in this folder, made if it is not there. What processes that died left
    /// unfinished is removed.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, CacheError> {
        fs_err::create_dir_all(folder)?;
        let root = fs_err::canonicalize(folder)?;
        let session = Session::open(&root.join("tmp"))?;
        let digests = FileDigests::new(root.join("files.json"), Arc::clone(&clock));
        Ok(Self { root, clock, session, digests })
    }

    /// The digests of files outside, remembered in this cache.
    pub fn files(&self) -> &FileDigests {
        &self.digests
    }

    /// The folder with the files of the result with this key, if it is kept and sound.
    pub fn folder(&self, key: &Digest) -> Option<PathBuf> {
        match self.find(key) {
            Lookup::Found(entry) => Some(entry.files_dir),
            _ => None,
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(super) fn find(&self, key: &Digest) -> Lookup {
        let folder = self.place(key);
        if !folder.exists() {
            return Lookup::Absent;
        }
        match Manifest::verified(&folder, key, &self.digests) {
            Ok(manifest) => Lookup::Found(Box::new(Entry::new(&folder, manifest))),
            Err(found) => Lookup::Damaged(found),
        }
    }

    /// An empty folder for a task to write into.
    pub(super) fn draft(&self) -> io::Result<Draft> {
        let workspace = self.session.workspace()?;
        let files = workspace.folder().join(FILES);
        fs_err::create_dir(&files)?;
        Ok(Draft { workspace, files })
    }

    /// Keeps what a task wrote; the entry of another process when that came first.
    pub(super) fn keep(&self, draft: Draft, manifest: Manifest) -> Result<Entry, CacheError> {
        manifest.write(draft.workspace.folder())?;
        let place = self.place(&manifest.key);
        fs_err::create_dir_all(place.parent().unwrap_or(&self.root))?;
        // Each turn either settles the matter or clears one broken entry out of the way.
        const ATTEMPTS: usize = 4;
        let mut broken = String::new();
        for _ in 0..ATTEMPTS {
            let refused = match fs_err::rename(draft.workspace.folder(), &place) {
                Ok(()) => return Ok(Entry::new(&place, manifest)),
                Err(error) => error,
            };
            match self.find(&manifest.key) {
                Lookup::Found(entry) => return Ok(*entry),
                Lookup::Absent => return Err(refused.into()),
                Lookup::Damaged(found) => broken = found,
            }
            let aside = self.session.workspace()?;
            // Whoever else repairs it at the same time may be quicker.
            let _ = fs_err::rename(&place, aside.folder().join("damaged"));
        }
        Err(CacheError::Stuck { folder: place, found: broken })
    }

    /// Writes down what was learned about files.
    pub(super) fn save(&self) {
        self.digests.save(|path, bytes| {
            let draft = self.session.workspace()?;
            let new = draft.folder().join("table");
            fs_err::write(&new, bytes)?;
            fs_err::rename(&new, path)
        });
    }

    fn place(&self, key: &Digest) -> PathBuf {
        self.root.join(key.shard()).join(key.to_string())
    }
}

/// What the cache has under a key.
pub(super) enum Lookup {
    /// A sound entry.
    Found(Box<Entry>),
    /// Nothing.
    Absent,
    /// An entry that is not what it was, and how.
    Damaged(String),
}

/// A result on disk.
#[derive(Debug)]
pub(super) struct Entry {
    files_dir: PathBuf,
    manifest: Manifest,
    /// Holds the folder of a result that is not kept beyond the run.
    passing: Option<Draft>,
}

impl Entry {
    fn new(folder: &Path, manifest: Manifest) -> Self {
        Self { files_dir: folder.join(FILES), manifest, passing: None }
    }

    /// A result that lasts as long as the run.
    pub(super) fn passing(draft: Draft, manifest: Manifest) -> Self {
        Self { files_dir: draft.files.clone(), manifest, passing: Some(draft) }
    }

    pub(super) fn files_dir(&self) -> &Path {
        &self.files_dir
    }

    pub(super) fn facts(&self) -> &Value {
        &self.manifest.facts
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.manifest.notes
    }

    pub(super) fn output(&self) -> Digest {
        self.manifest.output
    }

    /// Where the result stays, if it does.
    pub(super) fn kept_at(&self) -> Option<&Path> {
        if self.passing.is_none() { Some(&self.files_dir) } else { None }
    }
}

/// A folder in which a result is being made.
#[derive(Debug)]
pub(super) struct Draft {
    workspace: Workspace,
    files: PathBuf,
}

impl Draft {
    pub(super) fn files(&self) -> &Path {
        &self.files
    }

    pub(super) fn manifest(
        &self,
        parts: KeyParts,
        facts: Value,
        notes: Vec<String>,
    ) -> io::Result<Manifest> {
        Manifest::of(&self.files, parts, facts, notes)
    }
}
