//! Artifacts in a bucket of a store that answers as S3 does.
//!
//! `files/HASH` is a file. A folder is `folders/HASH/0`, `1`, ..., its files, and
//! `folders/HASH/manifest.json`, the list of them, which is written last and removed first: with it
//! the folder is there, whole. `owners/HASH` says whose artifacts these are.
//!
//! Everything goes through copies on this machine: what is stored is written here, hashed and then
//! sent; what is opened is fetched, held against its hash, and kept while there is room.

mod fetch;
mod keys;
mod listing;
mod manifest;
mod send;
mod turns;
mod unfinished;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fs_err as fs;
use gristmill_bucket::{Bucket, BucketAddress, BucketError, Failure};
use gristmill_core::{Clock, Timestamp};

use self::keys::Keys;
use self::turns::Turns;
use super::cache::Cache;
use super::content::at;
use super::draft::LocalDraft;
use super::local::LocalArtifacts;
use super::{ArtifactKind, ArtifactStore, Content, Draft, Stored, Uploads};
use crate::{ContentHash, Result, TrackError};

/// How many bytes of copies are kept when nobody says.
const COPIES_BYTES: u64 = 10 << 30;

/// Artifacts in a bucket, which many machines share. The environment says where the store is and
/// who asks: see [`gristmill_bucket`].
///
/// It belongs to one asynchronous runtime: the one that it is first asked on.
#[derive(Clone)]
pub struct BucketArtifacts {
    bucket: Arc<Bucket>,
    keys: Arc<Keys>,
    cache: Arc<Cache>,
    turns: Arc<Turns>,
}

impl BucketArtifacts {
    /// The artifacts at `address`, `s3://bucket/prefix`, with copies in the folder `copies`. The
    /// store is not asked yet.
    ///
    /// # Errors
    /// When the address is none, or the environment cannot be read.
    pub fn open(address: &str, copies: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(address, copies, clock, &[])
    }

    /// The same, as if the environment had these values of its variables.
    ///
    /// # Errors
    /// As [`BucketArtifacts::open`], and when there is no such variable.
    pub fn open_with(
        address: &str,
        copies: impl Into<PathBuf>,
        clock: Arc<dyn Clock>,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let address = BucketAddress::parse(address).map_err(told)?;
        let bucket = Bucket::open_with(address.bucket(), variables).map_err(told)?;
        Ok(Self {
            bucket: Arc::new(bucket),
            keys: Arc::new(Keys(address)),
            turns: Arc::default(),
            cache: Arc::new(Cache::new(copies.into(), COPIES_BYTES, clock)),
        })
    }

    /// The same store, keeping copies of so many bytes at most. What was used within the last ten
    /// minutes stays, whatever it is.
    #[must_use]
    pub fn with_copies_of(self, bytes: u64) -> Self {
        Self { cache: Arc::new(self.cache.with_room_for(bytes)), ..self }
    }

    /// Runs work on the copies that waits for the disk.
    async fn local<T: Send + 'static>(
        &self,
        work: impl FnOnce(&LocalArtifacts) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.cache.local().blocking(work).await
    }
}

#[async_trait]
impl ArtifactStore for BucketArtifacts {
    async fn put_bytes(&self, bytes: &[u8]) -> Result<Content> {
        self.send(self.cache.local().put_bytes(bytes).await?).await
    }

    fn draft(&self) -> Box<dyn Draft> {
        let copy = LocalDraft::new(self.cache.local().clone());
        Box::new(BucketDraft { store: self.clone(), copy: Box::new(copy) })
    }

    async fn put_file(&self, path: &Path) -> Result<Content> {
        self.send(self.cache.local().put_file(path).await?).await
    }

    async fn put_folder(&self, path: &Path) -> Result<Content> {
        self.send(self.cache.local().put_folder(path).await?).await
    }

    async fn get(&self, hash: ContentHash) -> Result<Vec<u8>> {
        if self.fetch(hash).await?.kind == ArtifactKind::Folder {
            return Err(TrackError::not_found("artifact file", hash));
        }
        let place = self.cache.local().place(hash);
        self.local(move |_| fs::read(&place).map_err(at(&place))).await
    }

    async fn find(&self, hash: ContentHash) -> Result<Option<Content>> {
        match self.file(hash).await? {
            Some(file) => Ok(Some(file)),
            None => Ok(self.manifest(hash).await?.map(|manifest| manifest.content())),
        }
    }

    async fn local_path(&self, hash: ContentHash) -> Result<PathBuf> {
        self.fetch(hash).await?;
        Ok(self.cache.local().place(hash))
    }

    async fn verify(&self, hash: ContentHash) -> Result<()> {
        self.check(hash).await
    }

    async fn list(&self) -> Result<Vec<Stored>> {
        self.stored().await
    }

    async fn remove(&self, hash: ContentHash) -> Result<()> {
        self.bucket.remove(&self.keys.manifest(hash)).await.map_err(told)?;
        self.bucket.remove(&self.keys.file(hash)).await.map_err(told)?;
        for object in self.all(&self.keys.folder(hash)).await? {
            self.bucket.remove(&object.key).await.map_err(told)?;
        }
        self.cache.local().remove(hash).await
    }

    fn address(&self, content: &Content) -> Option<String> {
        let key = match content.kind {
            ArtifactKind::File => self.keys.file(content.hash),
            ArtifactKind::Folder => self.keys.folder(content.hash),
        };
        Some(self.bucket.shown(key.trim_end_matches('/')))
    }

    async fn link(&self, content: &Content, valid: Duration) -> Result<Option<String>> {
        match content.kind {
            ArtifactKind::File => {
                let key = self.keys.file(content.hash);
                self.bucket.signed(&key, valid).await.map(Some).map_err(told)
            }
            ArtifactKind::Folder => Ok(None),
        }
    }

    fn uploads(&self) -> Uploads {
        self.cache.local().uploads()
    }

    async fn add_owner(&self, owner: &str) -> Result<()> {
        let key = self.keys.owner(owner);
        match self.bucket.find(&key).await.map_err(told)? {
            Some(_) => Ok(()),
            None => self.bucket.write(&key, owner.as_bytes().to_vec()).await.map_err(told),
        }
    }

    async fn owners(&self) -> Result<Vec<String>> {
        let mut owners = Vec::new();
        for object in self.all(&self.keys.owners()).await? {
            let bytes = self.bucket.read(&object.key, 0..MAX_OWNER_BYTES).await.map_err(told)?;
            owners.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(owners)
    }

    async fn sweep(&self, before: Timestamp) -> Result<()> {
        self.cache.local().sweep(before).await?;
        self.give_up_before(before).await?;
        self.remove_remnants(before).await
    }
}

/// The most that is read of who keeps things here.
const MAX_OWNER_BYTES: u64 = 4096;

/// A draft on this machine that goes into the bucket once it is whole.
struct BucketDraft {
    store: BucketArtifacts,
    copy: Box<LocalDraft>,
}

#[async_trait]
impl Draft for BucketDraft {
    async fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.copy.write(piece).await
    }

    async fn finish(self: Box<Self>) -> Result<Content> {
        let content = self.copy.finish().await?;
        self.store.send(content).await
    }
}

/// What a refusal of the bucket is to whoever asks the store.
fn told(error: BucketError) -> TrackError {
    match error.failure {
        Failure::Address => TrackError::Bucket {
            found: error.what,
            hint: format!("{}, in GRISTMILL_ARTIFACTS", error.hint),
        },
        _ => TrackError::Bucket { found: error.what, hint: error.hint },
    }
}

fn damaged(bucket: &Bucket, key: &str, found: String) -> TrackError {
    TrackError::Damaged { path: bucket.shown(key).into(), found }
}
