//! Results by what they depend on, on disk.
//!
//! `<cache>/<2 hex>/<64 hex>/` is an entry: `manifest.json` and the folder `files`. An entry is
//! prepared elsewhere and renamed into place, so that it is whole or not there; two processes
//! that make the same one agree on whichever came first.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::manifest::{FILES, Manifest, digest_of_facts};
use super::session::{Session, Workspace};
use super::usage::{self, Kept};
use super::{Clock, Digest, EarlierResult, FileDigests, KeyParts};

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
            Ok(manifest) => {
                // Without the mark it only counts as older than it is.
                let _ = usage::mark(&folder, self.clock.now_micros());
                Lookup::Found(Box::new(Entry::new(&folder, manifest)))
            }
            Err(found) => Lookup::Damaged(found),
        }
    }

    /// The result with this key, if it is kept and sound.
    pub(super) fn entry(&self, key: &Digest) -> Option<Entry> {
        match self.find(key) {
            Lookup::Found(entry) => Some(*entry),
            _ => None,
        }
    }

    /// A place for a task to write into. Its folder is made when it is first asked for: most
    /// tasks that only give facts never do, and a folder costs more than they do.
    pub(super) fn draft(&self) -> Draft<'_> {
        Draft { session: &self.session, made: OnceLock::new() }
    }

    /// A folder with nothing in it.
    pub(super) fn empty(&self) -> PathBuf {
        self.session.empty()
    }

    /// Keeps what a task wrote; the entry of another process when that came first.
    pub(super) fn keep(&self, draft: Draft<'_>, manifest: Manifest) -> Result<Entry, CacheError> {
        let draft = draft.make()?;
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

    /// Everything that is kept, sound or not, in no order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for shard in fs_err::read_dir(&self.root)? {
            let shard = shard?.path();
            if !shard.is_dir() || shard.ends_with("tmp") {
                continue;
            }
            for entry in fs_err::read_dir(shard)? {
                let entry = entry?;
                let key = entry.file_name().to_str().and_then(|name| name.parse().ok());
                if let Some(key) = key {
                    kept.extend(usage::of(&entry.path(), key)?);
                }
            }
        }
        Ok(kept)
    }

    /// Removes a result, unless it was used since `since_micros`; whether it is gone.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, key: &Digest, since_micros: i64) -> io::Result<bool> {
        let place = self.place(key);
        match usage::of(&place, *key)? {
            None => return Ok(true),
            Some(kept) if kept.used_micros >= since_micros => return Ok(false),
            Some(_) => {}
        }
        // Moved away first: an entry is there whole or not at all.
        let aside = self.session.workspace()?;
        match fs_err::rename(&place, aside.folder().join("removed")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            moved => moved.map(|()| true),
        }
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

/// A result: facts, and files on disk.
#[derive(Debug)]
pub(super) struct Entry {
    files_dir: PathBuf,
    facts: Value,
    notes: Vec<String>,
    output: Digest,
    stay: Stay,
}

/// How long the files of a result stay.
#[derive(Debug)]
enum Stay {
    /// Beyond the run.
    Kept,
    /// As long as the result is needed; the folder goes with the last who holds it.
    Passing { _folder: Option<Drafted> },
}

impl Entry {
    fn new(folder: &Path, manifest: Manifest) -> Self {
        let Manifest { facts, notes, output, .. } = manifest;
        Self { files_dir: folder.join(FILES), facts, notes, output, stay: Stay::Kept }
    }

    /// A result that lasts as long as the run.
    pub(super) fn passing(draft: Draft<'_>, manifest: Manifest, cache: &Cache) -> Self {
        let Manifest { facts, notes, output, .. } = manifest;
        let drafted = draft.made.into_inner().and_then(Result::ok);
        let files_dir = drafted.as_ref().map_or_else(|| cache.empty(), |d| d.files.clone());
        Self { files_dir, facts, notes, output, stay: Stay::Passing { _folder: drafted } }
    }

    /// A result that was written down by an earlier process of the run, if it is nothing but
    /// facts: files that were not kept went with that process.
    pub(super) fn written_down(result: &EarlierResult, cache: &Cache) -> Option<Self> {
        (digest_of_facts(&result.facts) == result.output).then(|| Self {
            files_dir: cache.empty(),
            facts: result.facts.clone(),
            notes: result.notes.clone(),
            output: result.output,
            stay: Stay::Passing { _folder: None },
        })
    }

    pub(super) fn files_dir(&self) -> &Path {
        &self.files_dir
    }

    pub(super) fn facts(&self) -> &Value {
        &self.facts
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(super) fn output(&self) -> Digest {
        self.output
    }

    /// Where the result stays, if it does.
    pub(super) fn kept_at(&self) -> Option<&Path> {
        match self.stay {
            Stay::Kept => Some(&self.files_dir),
            Stay::Passing { .. } => None,
        }
    }
}

/// A place in which a result is being made.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    session: &'a Session,
    made: OnceLock<Result<Drafted, io::Error>>,
}

/// The folder of a draft, once it is there.
#[derive(Debug)]
struct Drafted {
    workspace: Workspace,
    files: PathBuf,
}

impl Drafted {
    fn make(session: &Session) -> io::Result<Self> {
        let workspace = session.workspace()?;
        let files = workspace.folder().join(FILES);
        fs_err::create_dir(&files)?;
        Ok(Self { workspace, files })
    }
}

impl Draft<'_> {
    /// The folder to write into. When it could not be made, writing into it fails, and so does
    /// [`Draft::manifest`].
    pub(super) fn files(&self) -> &Path {
        match self.made.get_or_init(|| Drafted::make(self.session)) {
            Ok(drafted) => &drafted.files,
            Err(_) => Path::new("/dev/null/no folder"),
        }
    }

    fn make(self) -> io::Result<Drafted> {
        match self.made.into_inner() {
            Some(made) => made,
            None => Drafted::make(self.session),
        }
    }

    /// The manifest of what was written.
    pub(super) fn manifest(
        &self,
        parts: KeyParts,
        facts: Value,
        notes: Vec<String>,
    ) -> io::Result<Manifest> {
        match self.made.get() {
            None => Ok(Manifest::without_files(parts, facts, notes)),
            Some(Ok(drafted)) => Manifest::of(&drafted.files, parts, facts, notes),
            Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}
