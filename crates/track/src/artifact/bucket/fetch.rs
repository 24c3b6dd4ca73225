//! Content on its way from a bucket: read piece by piece, and held against its hash.

use std::collections::VecDeque;
use std::sync::Arc;

use fs_err as fs;
use gristmill_bucket::{BucketError, Failure};
use tokio::task::JoinHandle;

use super::super::content::{at, discard};
use super::super::draft::Begun;
use super::super::local::LocalArtifacts;
use super::super::{ArtifactKind, Content};
use super::manifest::{MAX_BYTES, Manifest};
use super::{BucketArtifacts, damaged, told};
use crate::{ContentHash, Result, TrackError};

/// How much is asked for at a time, and how many such pieces are under way.
const PIECE_BYTES: u64 = 8 << 20;
const AHEAD: usize = 4;

impl BucketArtifacts {
    /// Makes sure that there is a copy of the content on this machine. Whoever asks for the same
    /// content waits for one and the same copy, which also comes when those who wait go away.
    pub(super) async fn fetch(&self, hash: ContentHash) -> Result<Content> {
        if let Some(copy) = self.cache.find(hash).await? {
            return Ok(copy);
        }
        let store = self.clone();
        let fetched = tokio::spawn(async move {
            let turn = store.turns.of(hash);
            let _mine = turn.lock().await;
            store.fetch_now(hash).await
        });
        fetched.await.map_err(ended)?
    }

    async fn fetch_now(&self, hash: ContentHash) -> Result<Content> {
        if let Some(copy) = self.cache.find(hash).await? {
            return Ok(copy);
        }
        let content = match self.file(hash).await? {
            Some(file) => self.fetch_file(file).await?,
            None => self.fetch_folder(hash).await?,
        };
        self.cache.added(content).await?;
        Ok(content)
    }

    async fn fetch_file(&self, file: Content) -> Result<Content> {
        let begun = self.local(Begun::new).await?;
        let key = self.keys.file(file.hash);
        let begun = self.pour(&key, &file, begun).await?;
        self.local(move |local| begun.publish(local)).await
    }

    async fn fetch_folder(&self, hash: ContentHash) -> Result<Content> {
        let manifest = self.manifest(hash).await?;
        let manifest = manifest.ok_or_else(|| TrackError::not_found("artifact", hash))?;
        let folder = self.local(LocalArtifacts::draft_folder).await?;
        for (number, entry) in manifest.files.iter().enumerate() {
            let path = folder.join(entry.path.as_str());
            let begin = move |_: &LocalArtifacts| {
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent).map_err(at(parent))?;
                }
                Begun::at(path)
            };
            let key = self.keys.part(hash, number);
            let poured = match self.local(begin).await {
                Ok(begun) => self.pour(&key, &entry.content(), begun).await,
                Err(error) => Err(error),
            };
            match poured {
                Ok(begun) => drop(begun.leave()),
                Err(error) => {
                    self.local(move |_| {
                        discard(&folder);
                        Ok(())
                    })
                    .await?;
                    return Err(error);
                }
            }
        }
        self.local(move |local| local.publish(&folder, hash)).await?;
        Ok(manifest.content())
    }

    /// The file of this hash in the bucket, as it should be.
    pub(super) async fn file(&self, hash: ContentHash) -> Result<Option<Content>> {
        let found = self.bucket.find(&self.keys.file(hash)).await.map_err(told)?;
        Ok(found.map(|found| Content { hash, kind: ArtifactKind::File, size: found.size }))
    }

    /// What the folder of this hash is made of.
    pub(super) async fn manifest(&self, hash: ContentHash) -> Result<Option<Manifest>> {
        let key = self.keys.manifest(hash);
        match self.bucket.read(&key, 0..MAX_BYTES + 1).await {
            Ok(bytes) => Manifest::read(&bytes, hash)
                .map(Some)
                .map_err(|found| damaged(&self.bucket, &key, found)),
            Err(error) if error.failure == Failure::Missing => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    /// Reads all of the content again, and keeps none of it.
    pub(super) async fn check(&self, hash: ContentHash) -> Result<()> {
        if let Some(file) = self.file(hash).await? {
            let key = self.keys.file(hash);
            return self.pour(&key, &file, Begun::nowhere()).await.map(drop);
        }
        let manifest = self.manifest(hash).await?;
        let manifest = manifest.ok_or_else(|| TrackError::not_found("artifact", hash))?;
        for (number, entry) in manifest.files.iter().enumerate() {
            let key = self.keys.part(hash, number);
            self.pour(&key, &entry.content(), Begun::nowhere()).await?;
        }
        Ok(())
    }

    /// Reads an object into `begun`, which must come to `expected`.
    pub(super) async fn pour(
        &self,
        key: &str,
        expected: &Content,
        mut begun: Begun,
    ) -> Result<Begun> {
        let mut ahead: VecDeque<JoinHandle<_>> = VecDeque::new();
        let mut next = 0;
        loop {
            while next < expected.size && ahead.len() < AHEAD {
                let end = (next + PIECE_BYTES).min(expected.size);
                let (bucket, key, range) = (Arc::clone(&self.bucket), key.to_string(), next..end);
                ahead.push_back(tokio::spawn(async move { bucket.read(&key, range).await }));
                next = end;
            }
            let Some(piece) = ahead.pop_front() else { break };
            let piece = piece.await.map_err(ended)?.map_err(|error| self.lost(key, error))?;
            begun = self.local(move |_| begun.write(&piece).map(|()| begun)).await?;
        }
        match begun.content() {
            found if found == *expected => Ok(begun),
            found => Err(damaged(&self.bucket, key, other(&found, expected))),
        }
    }

    /// What it means that an object cannot be read which should be there.
    fn lost(&self, key: &str, error: BucketError) -> TrackError {
        match error.failure {
            Failure::Missing => damaged(&self.bucket, key, "it is not there any more".into()),
            _ => told(error),
        }
    }
}

/// In which way content is not what it should be.
fn other(found: &Content, expected: &Content) -> String {
    if found.size == expected.size {
        return format!("its content has hash {}, its name says another", found.hash);
    }
    format!("it has {} bytes, expected {}", found.size, expected.size)
}

fn ended(error: tokio::task::JoinError) -> TrackError {
    TrackError::Bug(format!("reading from the bucket ended early: {error}"))
}
