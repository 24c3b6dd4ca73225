//! Artifacts in a folder of this machine: `<2 hex>/<hash>`, made under `tmp/` and then renamed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use fs_err as fs;
use gristmill_core::Timestamp;

use super::content::{
    at, copy, discard, draft_name, folder_content, hash_file, list_files, names_in,
};
use super::draft::LocalDraft;
use super::{ArtifactKind, ArtifactStore, Content, Draft, Stored, Uploads};
use crate::{ContentHash, Durability, Result, TrackError};

/// Where drafts are made.
const DRAFTS: &str = "tmp";
/// Where files wait whose parts have not all come.
const PARTS: &str = "parts";
/// Where it is noted whose artifacts stand here.
const OWNERS: &str = "owners";

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

    /// The folder that all of it stands in.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where files wait whose parts have not all come.
    pub(super) fn parts(&self) -> PathBuf {
        self.root.join(PARTS)
    }

    /// Takes away what stands in a folder and was last changed before that moment.
    fn sweep_folder(&self, folder: &Path, before: Timestamp) -> Result<()> {
        for name in names_in(folder)? {
            let path = folder.join(name);
            // What somebody else took away meanwhile is gone.
            if path.exists() && modified(&path)? < before {
                discard(&path);
            }
        }
        Ok(())
    }

    /// Notes that content is in use.
    pub(super) fn touch(&self, hash: ContentHash, now: Timestamp) -> Result<()> {
        let place = self.place(hash);
        let micros = Duration::from_micros(u64::try_from(now.0).unwrap_or_default());
        let file = fs::File::open(&place).map_err(at(&place))?;
        file.file().set_modified(UNIX_EPOCH + micros).map_err(at(&place))
    }

    /// Where content of this hash stands, or would.
    pub(super) fn place(&self, hash: ContentHash) -> PathBuf {
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

    pub(super) fn draft_folder(&self) -> Result<PathBuf> {
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
        let folder = self.root.join(DRAFTS);
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
    pub(super) fn publish(&self, draft: &Path, hash: ContentHash) -> Result<()> {
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
    pub(super) fn look(&self, hash: ContentHash) -> Result<Option<Content>> {
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
                let found = self.look(hash).and_then(|content| Ok((content, modified(&place)?)));
                match found {
                    Ok((Some(content), since)) => stored.push(Stored { content, since }),
                    Ok((None, _)) => {}
                    // Somebody took it away meanwhile.
                    Err(_) if !place.exists() => {}
                    Err(error) => return Err(error),
                }
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

/// When what stands at `path` was last changed.
pub(super) fn modified(path: &Path) -> Result<Timestamp> {
    let modified = fs::metadata(path).and_then(|found| found.modified()).map_err(at(path))?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    Ok(Timestamp(i64::try_from(since).unwrap_or(i64::MAX)))
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
            if !place.exists() {
                return Ok(());
            }
            // Moved away first: a folder is gone at once, not file by file.
            let aside = store.draft_folder()?;
            match fs::rename(&place, aside.join("gone")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    discard(&aside);
                    Err(TrackError::io(&place, &error))
                }
                _ => fs::remove_dir_all(&aside).map_err(at(&aside)),
            }
        })
        .await
    }

    fn address(&self, _: &Content) -> Option<String> {
        None
    }

    async fn link(&self, _: &Content, _: Duration) -> Result<Option<String>> {
        Ok(None)
    }

    fn uploads(&self) -> Uploads {
        Uploads::new(self.clone())
    }

    async fn add_owner(&self, owner: &str) -> Result<()> {
        let owner = owner.to_string();
        self.blocking(move |store| {
            let folder = store.root.join(OWNERS);
            let place = folder.join(ContentHash::of(owner.as_bytes()).to_string());
            if place.exists() {
                return Ok(());
            }
            fs::create_dir_all(&folder).map_err(at(&folder))?;
            let (draft, mut file) = store.draft_file()?;
            file.write_all(owner.as_bytes()).map_err(at(&draft))?;
            drop(file);
            fs::rename(&draft, &place).map_err(at(&place))
        })
        .await
    }

    async fn owners(&self) -> Result<Vec<String>> {
        self.blocking(|store| {
            let folder = store.root.join(OWNERS);
            let names = names_in(&folder)?.into_iter();
            names
                .map(|name| {
                    let path = folder.join(name);
                    fs::read_to_string(&path).map_err(at(&path))
                })
                .collect()
        })
        .await
    }

    async fn sweep(&self, before: Timestamp) -> Result<()> {
        self.blocking(move |store| {
            store.sweep_folder(&store.root.join(DRAFTS), before)?;
            store.sweep_folder(&store.parts(), before)
        })
        .await
    }
}
