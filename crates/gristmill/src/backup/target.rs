//! Where a backup is written to.

use std::path::Path;

use super::content::Piece;
use super::manifest::{Entry, Manifest};
use crate::Result;
use gristmill_track::ContentHash;

/// Where a backup is written to. Nothing of it counts until it is finished.
pub(super) trait Target {
    /// A folder on the same disk for what is being made; it is empty, and goes when this ends.
    fn workbench(&self) -> &Path;

    /// The files of some content of the home that are there already from an earlier backup.
    fn known(&self, artifact: ContentHash) -> Option<Vec<Entry>>;

    /// Takes in the file at `source`, and says what it had.
    fn put(&mut self, source: &Path) -> Result<Piece>;

    /// Makes a backup of what was taken in. How much of it had to be copied comes back.
    fn finish(self: Box<Self>, manifest: &Manifest) -> Result<Copied>;
}

/// What had to be copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Copied {
    pub files: u64,
    pub bytes: u64,
}

impl Copied {
    pub fn count(&mut self, piece: Piece) {
        self.files += 1;
        self.bytes += piece.size;
    }
}

/// Makes an empty folder, whatever was there of an earlier one.
pub(super) fn cleared(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    Ok(fs_err::create_dir_all(folder)?)
}
