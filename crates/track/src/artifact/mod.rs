//! Big things beside the database: each stored once under the hash of its content.

mod bucket;
mod cache;
mod content;
mod draft;
mod local;
mod open;
mod pack;
mod shared;
mod uploads;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::check;
use gristmill_core::Timestamp;

use crate::{ContentHash, Result, TrackError};

pub use bucket::BucketArtifacts;
pub use draft::Draft;
pub use local::LocalArtifacts;
pub use open::{artifacts_folder, open_artifacts};
pub use pack::{PackedFile, Unpacking, pack, packed_files};
pub use uploads::{Part, Uploads};

/// Keeps content under its hash.
///
/// Writing is atomic: content is there whole or not at all, whatever dies in the middle. Writing
/// what is there already does nothing. Content never changes.
#[async_trait]
pub trait ArtifactStore: Send + Sync {
    /// Stores `bytes` as a file.
    async fn put_bytes(&self, bytes: &[u8]) -> Result<Content>;

    /// Begins a file that comes piece by piece; nothing is there until it is finished.
    fn draft(&self) -> Box<dyn Draft>;

    /// Stores a copy of the file at `path`. An error when it cannot be read.
    async fn put_file(&self, path: &Path) -> Result<Content>;

    /// Stores a copy of the folder at `path` with all files in it, as a folder. Links and other
    /// things that are neither file nor folder are refused; empty folders are left out.
    async fn put_folder(&self, path: &Path) -> Result<Content>;

    /// The bytes of a stored file. `NotFound` when it is not there or is a folder.
    async fn get(&self, hash: ContentHash) -> Result<Vec<u8>>;

    /// What is stored under `hash`, if anything; its bytes are not read.
    async fn find(&self, hash: ContentHash) -> Result<Option<Content>>;

    /// Where the content can be opened on this machine. `NotFound` when it is not there.
    async fn local_path(&self, hash: ContentHash) -> Result<PathBuf>;

    /// Reads all of the content again. `NotFound` when it is not there, `Damaged` when it no
    /// longer has this hash.
    async fn verify(&self, hash: ContentHash) -> Result<()>;

    /// Everything that is stored, in no order.
    async fn list(&self) -> Result<Vec<Stored>>;

    /// Forgets the content; nothing happens when it is not there.
    async fn remove(&self, hash: ContentHash) -> Result<()>;

    /// What every machine that shares the store calls the content, its hash last; nothing where its
    /// path on this machine is all there is.
    fn address(&self, content: &Content) -> Option<String>;

    /// An address under which anybody can read a stored file for a time, without us; nothing where
    /// there is none. The content is not looked at.
    async fn link(&self, content: &Content, valid: Duration) -> Result<Option<String>>;

    /// Files that come in parts. They wait on this machine until they are whole.
    fn uploads(&self) -> Uploads;

    /// Notes that the runs of `owner` keep things here; nothing happens when that is noted.
    async fn add_owner(&self, owner: &str) -> Result<()>;

    /// All who were noted, in no order. Whoever knows the runs of only some of them must remove
    /// nothing.
    async fn owners(&self) -> Result<Vec<String>>;

    /// Clears away what was begun before `before` and never finished: drafts, parts of files,
    /// folders of which some files came. What is stored stays.
    async fn sweep(&self, before: Timestamp) -> Result<()>;
}

words! {
    /// Whether content is one file or a folder of files.
    ArtifactKind {
        /// One file; its hash is the hash of its bytes.
        File = "file",
        /// A folder; its hash is the hash of its files' paths and hashes in order of path.
        Folder = "folder",
    }
}

/// Content with the moment since when it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The content.
    pub content: Content,
    /// Since when.
    pub since: Timestamp,
}

/// Something in the artifact store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Its hash, which is its name.
    pub hash: ContentHash,
    /// File or folder.
    pub kind: ArtifactKind,
    /// Its bytes, of a folder those of all its files together.
    pub size: u64,
}

/// Content as an artifact of a run: under a path of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its path among the run's artifacts.
    pub path: ArtifactPath,
    /// What stands there.
    pub content: Content,
}

/// A path inside some folder: parts joined by `/`, none empty, none `.` or `..`, never absolute.
///
/// ```
/// # use gristmill_track::ArtifactPath;
/// assert!(ArtifactPath::parse("plots/roc.svg").is_ok());
/// assert!(ArtifactPath::parse("../secrets").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtifactPath(String);

impl ArtifactPath {
    /// The path as written. An error when it could lead anywhere but into the folder, on any
    /// system: `..`, a leading `/`, a backslash, a drive letter.
    pub fn parse(text: &str) -> Result<Self> {
        check::name("an artifact's path", text)?;
        let plain = !text.contains(['\\', ':']);
        let parts = text.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !plain || !parts {
            let expected = "a relative path such as `plots/roc.svg`, without `..`, `\\` and `:`";
            return Err(TrackError::invalid("an artifact's path", format!("`{text}`"), expected));
        }
        Ok(Self(text.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for ArtifactPath {
    type Error = TrackError;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<ArtifactPath> for String {
    fn from(path: ArtifactPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, accepted: bool) {
        assert_eq!(ArtifactPath::parse(path).is_ok(), accepted, "{path}");
    }

    #[test]
    fn a_path_never_leads_out_of_its_folder() {
        for path in ["a", "a/b.svg", "größe/ü.txt", "..a", "a..b/c"] {
            check(path, true);
        }
        for path in
            ["", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.", "a\\b", "C:/a", "a\0"]
        {
            check(path, false);
        }
    }
}
