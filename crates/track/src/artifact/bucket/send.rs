//! Content on its way into a bucket, from the copy on this machine.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use gristmill_bucket::Piecewise;

use super::super::content::{at, list_files};
use super::super::{ArtifactKind, ArtifactPath, Content};
use super::manifest::{Entry, MAX_BYTES, Manifest};
use super::unfinished::Unfinished;
use super::{BucketArtifacts, damaged, told};
use crate::{ContentHash, Result, TrackError};

/// Files up to this size go as a whole, greater ones in pieces of at least this size.
const PIECE_BYTES: u64 = 16 << 20;
/// The most pieces that a store takes, with some room.
const MAX_PIECES: u64 = 9_000;

impl BucketArtifacts {
    /// Puts a copy that is on this machine into the bucket, unless its content is there.
    pub(super) async fn send(&self, content: Content) -> Result<Content> {
        let place = self.cache.local().place(content.hash);
        match content.kind {
            ArtifactKind::File if self.file(content.hash).await? == Some(content) => {}
            ArtifactKind::File => {
                let key = self.keys.file(content.hash);
                let sent = self.send_file(place, &key).await?;
                self.expect(&key, sent, content.hash)?;
            }
            ArtifactKind::Folder if self.manifest(content.hash).await?.is_some() => {}
            ArtifactKind::Folder => self.send_folder(&place, content.hash).await?,
        }
        self.cache.added(content).await?;
        Ok(content)
    }

    /// The files first, and the list of them last: nobody sees a folder of which some are missing.
    async fn send_folder(&self, place: &Path, hash: ContentHash) -> Result<()> {
        let root = place.to_path_buf();
        let names = self.local(move |_| list_files(&root)).await?;
        let mut files = Vec::with_capacity(names.len());
        for (number, name) in names.iter().enumerate() {
            let sent = self.send_file(place.join(name), &self.keys.part(hash, number)).await?;
            // It is in use, however long this takes.
            self.cache.find(hash).await?;
            let path = ArtifactPath::parse(name)?;
            files.push(Entry { path, hash: sent.hash, size: sent.size });
        }
        let (manifest, key) = (Manifest::new(files), self.keys.manifest(hash));
        self.expect(&key, manifest.content(), hash)?;
        let bytes = serde_json::to_vec(&manifest)
            .map_err(|error| TrackError::Bug(format!("a list of files: {error}")))?;
        if bytes.len() as u64 > MAX_BYTES {
            let found = format!("{} files, whose list has {} bytes", names.len(), bytes.len());
            let expected = format!("a folder whose list of files has {MAX_BYTES} bytes or fewer");
            return Err(TrackError::invalid("a folder", found, expected));
        }
        self.bucket.write(&key, bytes).await.map_err(told)
    }

    /// Refuses what the copy on this machine no longer is.
    fn expect(&self, key: &str, sent: Content, hash: ContentHash) -> Result<()> {
        if sent.hash == hash {
            return Ok(());
        }
        let found =
            format!("what was sent has hash {}, the copy on this machine changed", sent.hash);
        Err(damaged(&self.bucket, key, found))
    }

    /// Writes a file under a key, and says what it was.
    async fn send_file(&self, path: PathBuf, key: &str) -> Result<Content> {
        let (file, size) = self
            .local(move |_| {
                let file = fs::File::open(&path).map_err(at(&path))?;
                let size = file.metadata().map_err(at(&path))?.len();
                Ok((file, size))
            })
            .await?;
        let mut sending = Sending { store: self, file, hasher: blake3::Hasher::new(), size: 0 };
        if size <= PIECE_BYTES {
            let bytes = sending.next(PIECE_BYTES).await?;
            self.bucket.write(key, bytes).await.map_err(told)?;
        } else {
            let piece = PIECE_BYTES.max(size / MAX_PIECES + 1);
            sending.in_pieces(key, piece).await?;
        }
        Ok(sending.content())
    }
}

/// A file that is being sent.
struct Sending<'a> {
    store: &'a BucketArtifacts,
    file: fs::File,
    hasher: blake3::Hasher,
    size: u64,
}

impl Sending<'_> {
    /// The next bytes, none at the end of the file.
    async fn next(&mut self, most: u64) -> Result<Vec<u8>> {
        let file = self.file.try_clone().map_err(at(self.file.path()))?;
        let bytes = self.store.local(move |_| read(&file, most)).await?;
        self.hasher.update(&bytes);
        self.size += bytes.len() as u64;
        Ok(bytes)
    }

    /// Sends the file in pieces. When that fails they are given up; where even that fails, or this
    /// process ends before, a note stays behind by which they are given up later.
    async fn in_pieces(&mut self, key: &str, piece: u64) -> Result<()> {
        let bucket = &self.store.bucket;
        let begun = bucket.begin(key).await.map_err(told)?;
        let id = begun.id().to_string();
        let note = self.store.local(Unfinished::note(key, &id)).await?;
        match self.pieces(begun, piece).await {
            Ok(()) => note.done(self.store).await,
            Err(error) => {
                if bucket.abandon(key, &id).await.is_ok() {
                    note.done(self.store).await?;
                }
                Err(error)
            }
        }
    }

    async fn pieces(&mut self, mut begun: Piecewise, piece: u64) -> Result<()> {
        let bucket = Arc::clone(&self.store.bucket);
        loop {
            let bytes = self.next(piece).await?;
            if bytes.is_empty() {
                return begun.finish(&bucket).await.map_err(told);
            }
            begun.write(&bucket, bytes).await.map_err(told)?;
        }
    }

    fn content(&self) -> Content {
        let hash = ContentHash::from_bytes(*self.hasher.finalize().as_bytes());
        Content { hash, kind: ArtifactKind::File, size: self.size }
    }
}

fn read(file: &fs::File, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(at(file.path()))?;
    Ok(bytes)
}
