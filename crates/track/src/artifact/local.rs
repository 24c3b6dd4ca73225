//! Artifacts in a folder of this machine: `<2 hex>/<hash>`, made under `tmp/` and then renamed.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use fs_err as fs;
use gristmill_core::Timestamp;

use super::draft::LocalDraft;
use super::{ArtifactKind, ArtifactStore, Content, Draft, Stored};
use crate::{ContentHash, Durability, Result, TrackError};

/// How much of a file is in memory at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// Artifacts in a folder of this machine. Cheap to make: nothing is read or written before the
/// first call.
#[derive(Clone, Debug)]
pub struct LocalArtifacts {
    root: PathBuf,
    durability: Durability,
}

impl LocalArtifacts {
    /// The artifacts in `root`, which is made when something is first stored.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), durability: Durability::Process }
    }

    /// The artifacts of a home folder, next to its database.
    pub fn in_home(home: &Path) -> Self {
        Self::new(home.join("artifacts"))
    }

    /// The same store, surviving what `durability` says.
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Where content of this hash stands, or would.
    fn place(&self, hash: ContentHash) -> PathBuf {
        let name = hash.to_string();
        self.root.join(name.get(..2).unwrap_or_default()).join(&name)
    }

    /// Runs work that waits for the disk where it holds nobody up.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .map_err(|e| TrackError::Bug(format!("artifact work ended early: {e}")))?
    }

    fn store_bytes(&self, bytes: &[u8]) -> Result<Content> {
        let content = Content {
            hash: ContentHash::of(bytes),
            kind: ArtifactKind::File,
            size: bytes.len() as u64,
        };
        if !self.place(content.hash).exists() {
            let (draft, mut file) = self.draft_file()?;
            file.write_all(bytes).map_err(at(&draft))?;
            self.publish_file(&draft, file, content.hash)?;
        }
        Ok(content)
    }

    fn store_file(&self, path: &Path) -> Result<Content> {
        let mut source = fs::File::open(path).map_err(at(path))?;
        if !source.metadata().map_err(at(path))?.is_file() {
            return Err(TrackError::invalid(format!("`{}`", path.display()), "no file", "a file"));
        }
        let (draft, mut file) = self.draft_file()?;
        let content = match copy(&mut source, &mut file) {
            Ok(content) => content,
            Err(error) => {
                discard(&draft);
                return Err(TrackError::io(path, &error));
            }
        };
        if self.place(content.hash).exists() {
            discard(&draft);
        } else {
            self.publish_file(&draft, file, content.hash)?;
        }
        Ok(content)
    }

    fn store_folder(&self, path: &Path) -> Result<Content> {
        let files = list_files(path)?;
        let draft = self.draft_folder()?;
        match self.fill_folder(path, &draft, &files) {
            Ok(content) if self.place(content.hash).exists() => {
                discard(&draft);
                Ok(content)
            }
            Ok(content) => self.publish(&draft, content.hash).map(|()| content),
            Err(error) => {
                discard(&draft);
                Err(error)
            }
        }
    }

    fn fill_folder(&self, from: &Path, to: &Path, files: &[String]) -> Result<Content> {
        let mut contents = Vec::with_capacity(files.len());
        for name in files {
            let (source, target) = (from.join(name), to.join(name));
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent).map_err(at(parent))?;
            }
            let mut input = fs::File::open(&source).map_err(at(&source))?;
            let mut output = fs::File::create(&target).map_err(at(&target))?;
            contents.push(copy(&mut input, &mut output).map_err(at(&source))?);
            self.settle(&output).map_err(at(&target))?;
        }
        Ok(folder_content(files, &contents))
    }

    /// A new file under `tmp/` that nobody else writes: process and a counter make its name.
    pub(super) fn draft_file(&self) -> Result<(PathBuf, fs::File)> {
        let folder = self.drafts()?;
        loop {
            let path = folder.join(draft_name());
            match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(TrackError::io(&path, &error)),
            }
        }
    }

    fn draft_folder(&self) -> Result<PathBuf> {
        let folder = self.drafts()?;
        loop {
            let path = folder.join(draft_name());
            match fs::create_dir(&path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(TrackError::io(&path, &error)),
            }
        }
    }

    fn drafts(&self) -> Result<PathBuf> {
        let folder = self.root.join("tmp");
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        Ok(folder)
    }

    /// Moves a finished draft to its place, unless its content is there already.
    pub(super) fn publish_draft(
        &self,
        draft: &Path,
        file: fs::File,
        hash: ContentHash,
    ) -> Result<()> {
        if self.place(hash).exists() {
            drop(file);
            discard(draft);
            return Ok(());
        }
        self.publish_file(draft, file, hash)
    }

    fn publish_file(&self, draft: &Path, file: fs::File, hash: ContentHash) -> Result<()> {
        if let Err(error) = self.settle(&file) {
            discard(draft);
            return Err(TrackError::io(draft, &error));
        }
        drop(file);
        self.publish(draft, hash)
    }

    /// Moves a finished draft to its place. Another writer may have been first: its content is equal.
    fn publish(&self, draft: &Path, hash: ContentHash) -> Result<()> {
        let place = self.place(hash);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(at(parent))?;
        }
        match fs::rename(draft, &place) {
            Ok(()) => self.settle_folder(&place).map_err(at(&place)),
            Err(_) if place.exists() => {
                discard(draft);
                Ok(())
            }
            Err(error) => {
                discard(draft);
                Err(TrackError::io(&place, &error))
            }
        }
    }

    fn settle(&self, file: &fs::File) -> io::Result<()> {
        match self.durability {
            Durability::Process => Ok(()),
            Durability::Power => file.sync_all(),
        }
    }

    fn settle_folder(&self, place: &Path) -> io::Result<()> {
        match (self.durability, place.parent()) {
            (Durability::Power, Some(folder)) => fs::File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }

    /// What stands under `hash`, with its size.
    fn look(&self, hash: ContentHash) -> Result<Option<Content>> {
        let place = self.place(hash);
        match fs::metadata(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(TrackError::io(&place, &error)),
            Ok(found) if found.is_dir() => {
                let mut size = 0;
                for name in list_files(&place)? {
                    let file = place.join(name);
                    size += fs::metadata(&file).map_err(at(&file))?.len();
                }
                Ok(Some(Content { hash, kind: ArtifactKind::Folder, size }))
            }
            Ok(found) => Ok(Some(Content { hash, kind: ArtifactKind::File, size: found.len() })),
        }
    }

    /// Everything that is stored; what has no hash for a name is none of it.
    fn stored(&self) -> Result<Vec<Stored>> {
        let mut stored = Vec::new();
        for shard in names_in(&self.root)? {
            for name in names_in(&self.root.join(shard))? {
                let Ok(hash) = name.parse::<ContentHash>() else { continue };
                let place = self.place(hash);
                let Some(content) = self.look(hash)? else { continue };
                let modified =
                    fs::metadata(&place).and_then(|m| m.modified()).map_err(at(&place))?;
                let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
                let since = Timestamp(i64::try_from(since).unwrap_or(i64::MAX));
                stored.push(Stored { content, since });
            }
        }
        Ok(stored)
    }

    fn require(&self, hash: ContentHash) -> Result<Content> {
        self.look(hash)?.ok_or_else(|| TrackError::not_found("artifact", hash))
    }

    /// What the content under `hash` hashes to now.
    fn hash_again(&self, hash: ContentHash) -> Result<ContentHash> {
        let place = self.place(hash);
        match self.require(hash)?.kind {
            ArtifactKind::File => hash_file(&place).map(|content| content.hash),
            ArtifactKind::Folder => {
                let files = list_files(&place)?;
                let contents: Result<Vec<_>> =
                    files.iter().map(|name| hash_file(&place.join(name))).collect();
                Ok(folder_content(&files, &contents?).hash)
            }
        }
    }
}

#[async_trait]
impl ArtifactStore for LocalArtifacts {
    async fn put_bytes(&self, bytes: &[u8]) -> Result<Content> {
        let bytes = bytes.to_vec();
        self.blocking(move |store| store.store_bytes(&bytes)).await
    }

    fn draft(&self) -> Box<dyn Draft> {
        Box::new(LocalDraft::new(self.clone()))
    }

    async fn put_file(&self, path: &Path) -> Result<Content> {
        let path = path.to_path_buf();
        self.blocking(move |store| store.store_file(&path)).await
    }

    async fn put_folder(&self, path: &Path) -> Result<Content> {
        let path = path.to_path_buf();
        self.blocking(move |store| store.store_folder(&path)).await
    }

    async fn get(&self, hash: ContentHash) -> Result<Vec<u8>> {
        self.blocking(move |store| match store.require(hash)?.kind {
            ArtifactKind::File => {
                let place = store.place(hash);
                fs::read(&place).map_err(at(&place))
            }
            ArtifactKind::Folder => Err(TrackError::not_found("artifact file", hash)),
        })
        .await
    }

    async fn find(&self, hash: ContentHash) -> Result<Option<Content>> {
        self.blocking(move |store| store.look(hash)).await
    }

    async fn local_path(&self, hash: ContentHash) -> Result<PathBuf> {
        self.blocking(move |store| store.require(hash).map(|_| store.place(hash))).await
    }

    async fn verify(&self, hash: ContentHash) -> Result<()> {
        self.blocking(move |store| {
            let found = store.hash_again(hash)?;
            if found == hash {
                return Ok(());
            }
            let found = format!("its content has hash {found}, its name says another");
            Err(TrackError::Damaged { path: store.place(hash), found })
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Stored>> {
        self.blocking(Self::stored).await
    }

    async fn remove(&self, hash: ContentHash) -> Result<()> {
        self.blocking(move |store| {
            let place = store.place(hash);
            // Moved away first: a folder is gone at once, not file by file.
            let aside = store.drafts()?.join(draft_name());
            match fs::rename(&place, &aside) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                moved => moved.map_err(at(&place))?,
            }
            let removed = match aside.is_dir() {
                true => fs::remove_dir_all(&aside),
                false => fs::remove_file(&aside),
            };
            removed.map_err(at(&aside))
        })
        .await
    }
}

/// The names in a folder; none when it is not there, or no folder.
fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        entries => entries.map_err(at(folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(at(folder))?.file_name().into_string());
    }
    Ok(names)
}

fn draft_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> TrackError + '_ {
    move |error| TrackError::io(path, &error)
}

/// Takes a draft away. What cannot be taken away is left for `gc`: it is in nobody's way.
pub(super) fn discard(draft: &Path) {
    let _ = if draft.is_dir() { fs::remove_dir_all(draft) } else { fs::remove_file(draft) };
}

fn hash_file(path: &Path) -> Result<Content> {
    let mut file = fs::File::open(path).map_err(at(path))?;
    copy(&mut file, &mut io::sink()).map_err(at(path))
}

/// Copies all of `source`, and says what it was.
fn copy(source: &mut impl Read, target: &mut impl Write) -> io::Result<Content> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut size = 0;
    loop {
        let read = source.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        target.write_all(bytes)?;
        size += read as u64;
    }
    let hash = ContentHash::from_bytes(*hasher.finalize().as_bytes());
    Ok(Content { hash, kind: ArtifactKind::File, size })
}

/// The hash of a folder: of each file's path and hash, with lengths, in order of path.
pub(super) fn folder_content(files: &[String], contents: &[Content]) -> Content {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"gristmill folder 1\n");
    for (name, content) in files.iter().zip(contents) {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(content.hash.to_string().as_bytes());
    }
    let hash = ContentHash::from_bytes(*hasher.finalize().as_bytes());
    let size = contents.iter().map(|content| content.size).sum();
    Content { hash, kind: ArtifactKind::Folder, size }
}

/// The files in a folder and all folders below it: paths with `/`, sorted by their bytes.
pub(super) fn list_files(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        for entry in fs::read_dir(&path).map_err(at(&path))? {
            let entry = entry.map_err(at(&path))?;
            let name = entry.file_name().into_string().map_err(|name| {
                let found = format!("a file name that is no text: {}", name.display());
                TrackError::invalid(format!("`{}`", path.display()), found, "names in UTF-8")
            })?;
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let kind = entry.file_type().map_err(at(&path))?;
            if kind.is_dir() {
                folders.push(name);
            } else if kind.is_file() {
                files.push(name);
            } else {
                let what = format!("`{}`", root.join(&name).display());
                return Err(TrackError::invalid(what, "a link or device", "a file or folder"));
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}
