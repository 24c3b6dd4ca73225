//! The artifacts of a home that keeps them elsewhere, with what it kept before.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gristmill_core::Timestamp;
use tokio::sync::OnceCell;

use super::local::LocalArtifacts;
use super::{ArtifactStore, Content, Draft, Stored, Uploads};
use crate::{ContentHash, Result};

/// Artifacts that are stored `there`, which others may share, and found `here` where they were
/// stored before.
pub(super) struct SharedArtifacts {
    here: LocalArtifacts,
    there: Arc<Noted>,
}

/// A store in which it is noted whose artifacts it keeps.
struct Noted {
    store: Arc<dyn ArtifactStore>,
    owner: String,
    done: OnceCell<()>,
}

impl Noted {
    /// The store, for writing.
    async fn for_writing(&self) -> Result<&dyn ArtifactStore> {
        self.done.get_or_try_init(|| self.store.add_owner(&self.owner)).await?;
        Ok(&*self.store)
    }
}

impl SharedArtifacts {
    pub fn new(here: LocalArtifacts, there: Arc<dyn ArtifactStore>, owner: &str) -> Self {
        let noted = Noted { store: there, owner: owner.into(), done: OnceCell::new() };
        Self { here, there: Arc::new(noted) }
    }

    fn there(&self) -> &dyn ArtifactStore {
        &*self.there.store
    }

    /// The store that has this content: the other one when this home has none of it.
    async fn with(&self, hash: ContentHash) -> Result<&dyn ArtifactStore> {
        match self.here.find(hash).await? {
            Some(_) => Ok(&self.here),
            None => Ok(self.there()),
        }
    }
}

#[async_trait]
impl ArtifactStore for SharedArtifacts {
    async fn put_bytes(&self, bytes: &[u8]) -> Result<Content> {
        self.there.for_writing().await?.put_bytes(bytes).await
    }

    fn draft(&self) -> Box<dyn Draft> {
        let noted = Arc::clone(&self.there);
        Box::new(NotedDraft { draft: noted.store.draft(), noted })
    }

    async fn put_file(&self, path: &Path) -> Result<Content> {
        self.there.for_writing().await?.put_file(path).await
    }

    async fn put_folder(&self, path: &Path) -> Result<Content> {
        self.there.for_writing().await?.put_folder(path).await
    }

    async fn get(&self, hash: ContentHash) -> Result<Vec<u8>> {
        self.with(hash).await?.get(hash).await
    }

    async fn find(&self, hash: ContentHash) -> Result<Option<Content>> {
        self.with(hash).await?.find(hash).await
    }

    async fn local_path(&self, hash: ContentHash) -> Result<PathBuf> {
        self.with(hash).await?.local_path(hash).await
    }

    async fn verify(&self, hash: ContentHash) -> Result<()> {
        self.with(hash).await?.verify(hash).await
    }

    async fn list(&self) -> Result<Vec<Stored>> {
        let mut all: HashMap<ContentHash, Stored> = HashMap::new();
        for stored in self.here.list().await?.into_iter().chain(self.there().list().await?) {
            let known = all.entry(stored.content.hash).or_insert(stored);
            known.since = known.since.max(stored.since);
        }
        Ok(all.into_values().collect())
    }

    async fn remove(&self, hash: ContentHash) -> Result<()> {
        self.here.remove(hash).await?;
        self.there().remove(hash).await
    }

    fn address(&self, content: &Content) -> Option<String> {
        self.there().address(content)
    }

    async fn link(&self, content: &Content, valid: Duration) -> Result<Option<String>> {
        self.with(content.hash).await?.link(content, valid).await
    }

    fn uploads(&self) -> Uploads {
        self.there().uploads()
    }

    async fn add_owner(&self, owner: &str) -> Result<()> {
        self.there().add_owner(owner).await
    }

    async fn owners(&self) -> Result<Vec<String>> {
        self.there().owners().await
    }

    async fn sweep(&self, before: Timestamp) -> Result<()> {
        self.here.sweep(before).await?;
        self.there().sweep(before).await
    }
}

/// A draft with which it is noted whose it is.
struct NotedDraft {
    noted: Arc<Noted>,
    draft: Box<dyn Draft>,
}

#[async_trait]
impl Draft for NotedDraft {
    async fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.draft.write(piece).await
    }

    async fn finish(self: Box<Self>) -> Result<Content> {
        self.noted.for_writing().await?;
        self.draft.finish().await
    }
}
