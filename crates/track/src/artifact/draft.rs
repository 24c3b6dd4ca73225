//! Content that comes piece by piece, kept in memory while it is small and in a file from then on.

use std::io::Write;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use fs_err as fs;

use super::content::discard;
use super::local::LocalArtifacts;
use super::{ArtifactKind, ArtifactStore, Content};
use crate::{ContentHash, Result, TrackError};

/// How much waits in memory before it is written.
const WAITING_BYTES: usize = 1 << 18;

/// Content that is not whole yet. Dropping it leaves nothing behind.
#[async_trait]
pub trait Draft: Send {
    /// Adds the next piece.
    async fn write(&mut self, piece: &[u8]) -> Result<()>;

    /// Stores what was written as one file.
    async fn finish(self: Box<Self>) -> Result<Content>;
}

/// A draft in a folder of this machine.
pub(super) struct LocalDraft {
    store: LocalArtifacts,
    waiting: Vec<u8>,
    begun: Option<Begun>,
}

/// A file that has some of the content. Dropping it takes the file away.
pub(super) struct Begun {
    path: PathBuf,
    file: Option<fs::File>,
    hasher: blake3::Hasher,
    size: u64,
}

impl LocalDraft {
    pub fn new(store: LocalArtifacts) -> Self {
        Self { store, waiting: Vec::new(), begun: None }
    }

    /// Writes what waits.
    async fn flush(&mut self) -> Result<()> {
        let (begun, waiting) = (self.begun.take(), std::mem::take(&mut self.waiting));
        let work = move |store: &LocalArtifacts| {
            let mut begun = match begun {
                Some(begun) => begun,
                None => Begun::new(store)?,
            };
            begun.write(&waiting)?;
            Ok(begun)
        };
        self.begun = Some(self.store.blocking(work).await?);
        Ok(())
    }
}

#[async_trait]
impl Draft for LocalDraft {
    async fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.waiting.extend_from_slice(piece);
        if self.waiting.len() >= WAITING_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn finish(mut self: Box<Self>) -> Result<Content> {
        if self.begun.is_none() {
            return self.store.put_bytes(&self.waiting).await;
        }
        self.flush().await?;
        let begun = self.begun.take();
        self.store
            .blocking(move |store| match begun {
                Some(begun) => begun.publish(store),
                None => Err(TrackError::Bug("a draft without a file was finished".into())),
            })
            .await
    }
}

impl Begun {
    pub fn new(store: &LocalArtifacts) -> Result<Self> {
        let (path, file) = store.draft_file()?;
        Ok(Self { path, file: Some(file), hasher: blake3::Hasher::new(), size: 0 })
    }

    /// A file of this name, which nobody has.
    pub fn at(path: PathBuf) -> Result<Self> {
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| TrackError::io(&path, &error))?;
        Ok(Self { path, file: Some(file), hasher: blake3::Hasher::new(), size: 0 })
    }

    /// No file at all: only what the content hashes to is of interest.
    pub fn nowhere() -> Self {
        Self { path: PathBuf::new(), file: None, hasher: blake3::Hasher::new(), size: 0 }
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes).map_err(|error| TrackError::io(&self.path, &error))?;
        }
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// What has been written so far.
    pub fn content(&self) -> Content {
        let hash = ContentHash::from_bytes(*self.hasher.finalize().as_bytes());
        Content { hash, kind: ArtifactKind::File, size: self.size }
    }

    /// Puts the file among the content of a store.
    pub fn publish(mut self, store: &LocalArtifacts) -> Result<Content> {
        let content = self.content();
        if let Some(file) = self.file.take() {
            store.publish_draft(&self.path, file, content.hash)?;
        }
        Ok(content)
    }

    /// Leaves the file where it is.
    pub fn leave(mut self) -> Content {
        self.file = None;
        self.content()
    }

    /// Moves the file to `path`, in place of what stands there.
    pub fn move_to(mut self, path: &Path) -> Result<Content> {
        let file = self.file.take();
        drop(file);
        if let Err(error) = fs::rename(&self.path, path) {
            discard(&self.path);
            return Err(TrackError::io(path, &error));
        }
        Ok(self.content())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            discard(&self.path);
        }
    }
}
