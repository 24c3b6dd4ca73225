//! Files that come in parts, in any order: each part is a file of its own until all have come.

use std::io::Read;
use std::path::PathBuf;

use fs_err as fs;

use super::content::at;
use super::draft::Begun;
use super::local::LocalArtifacts;
use super::{Content, Draft};
use crate::{ContentHash, Result, TrackError};

/// How much of a part is in memory at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Files that come in parts. Each upload has a name that whoever begins it chooses; all parts of it
/// stay on this machine until they are joined, given up, or swept away.
#[derive(Clone, Debug)]
pub struct Uploads {
    store: LocalArtifacts,
}

/// A part of a file that is not whole yet. Dropping it leaves nothing behind.
pub struct Part {
    uploads: Uploads,
    place: PathBuf,
    begun: Option<Begun>,
}

impl Uploads {
    pub(super) fn new(store: LocalArtifacts) -> Self {
        Self { store }
    }

    /// Begins an upload; nothing happens when it has begun.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn begin(&self, upload: ContentHash) -> Result<()> {
        let folder = self.folder(upload);
        self.store.blocking(move |_| fs::create_dir_all(&folder).map_err(at(&folder))).await
    }

    /// Begins a part of an upload.
    ///
    /// # Errors
    /// `NotFound` when the upload has not begun or is over; when the disk refuses.
    pub async fn part(&self, upload: ContentHash, number: u32) -> Result<Part> {
        let folder = self.folder(upload);
        let place = folder.join(number.to_string());
        let begin = move |store: &LocalArtifacts| {
            if !folder.is_dir() {
                return Err(TrackError::not_found("upload", upload));
            }
            Begun::new(store)
        };
        let begun = Some(self.store.blocking(begin).await?);
        Ok(Part { uploads: self.clone(), place, begun })
    }

    /// Writes all parts of an upload into a draft, one after another, and stores that: `parts` are
    /// what they hash to, the first part's first. The parts stay.
    ///
    /// # Errors
    /// `NotFound` when the upload has not begun or is over, `Invalid` when a part has not come or
    /// is another, and whatever the draft refuses.
    pub async fn join(
        &self,
        upload: ContentHash,
        parts: &[ContentHash],
        mut draft: Box<dyn Draft>,
    ) -> Result<Content> {
        let folder = self.folder(upload);
        if !folder.is_dir() {
            return Err(TrackError::not_found("upload", upload));
        }
        for (number, expected) in (1_u32..).zip(parts) {
            self.pour(folder.join(number.to_string()), number, *expected, &mut *draft).await?;
        }
        draft.finish().await
    }

    /// Forgets an upload with its parts; nothing happens when there is none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn end(&self, upload: ContentHash) -> Result<()> {
        let folder = self.folder(upload);
        let end = move |_: &LocalArtifacts| match folder.is_dir() {
            true => fs::remove_dir_all(&folder).map_err(at(&folder)),
            false => Ok(()),
        };
        self.store.blocking(end).await
    }

    /// Writes a part into a draft, when it is the one that is expected.
    async fn pour(
        &self,
        place: PathBuf,
        number: u32,
        expected: ContentHash,
        draft: &mut dyn Draft,
    ) -> Result<()> {
        let what = format!("part {number}");
        if !place.is_file() {
            return Err(TrackError::invalid(what, "not there", "a part that has come"));
        }
        let mut file = fs::File::open(&place).map_err(at(&place))?;
        let mut hasher = blake3::Hasher::new();
        loop {
            let (rest, piece) = self.store.blocking(move |_| next_piece(file)).await?;
            if piece.is_empty() {
                break;
            }
            hasher.update(&piece);
            draft.write(&piece).await?;
            file = rest;
        }
        let found = ContentHash::from_bytes(*hasher.finalize().as_bytes());
        if found == expected {
            return Ok(());
        }
        Err(TrackError::invalid(what, format!("`{found}`"), format!("`{expected}`")))
    }

    fn folder(&self, upload: ContentHash) -> PathBuf {
        self.store.parts().join(upload.to_string())
    }
}

/// The next bytes of a file, none at its end.
fn next_piece(mut file: fs::File) -> Result<(fs::File, Vec<u8>)> {
    let mut piece = Vec::with_capacity(BUFFER_BYTES);
    let read = file.by_ref().take(BUFFER_BYTES as u64).read_to_end(&mut piece);
    read.map_err(|error| TrackError::io(file.path(), &error))?;
    Ok((file, piece))
}

impl Part {
    /// Adds the next piece.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn write(&mut self, piece: &[u8]) -> Result<()> {
        let Some(mut begun) = self.begun.take() else { return Err(over()) };
        let piece = piece.to_vec();
        let write = move |_: &LocalArtifacts| begun.write(&piece).map(|()| begun);
        self.begun = Some(self.uploads.store.blocking(write).await?);
        Ok(())
    }

    /// Keeps the part, in place of one that came before under its number, and says what it is.
    ///
    /// # Errors
    /// When the upload is over meanwhile, or the disk refuses.
    pub async fn finish(mut self) -> Result<Content> {
        let Some(begun) = self.begun.take() else { return Err(over()) };
        let place = std::mem::take(&mut self.place);
        self.uploads.store.blocking(move |_| begun.move_to(&place)).await
    }
}

fn over() -> TrackError {
    TrackError::Bug("a part was written that had failed before".into())
}
