//! Files that clients keep beside the artifacts of runs: of logged models, or wherever they like.

use crate::{ArtifactPath, Content};

/// A file under a path of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its path.
    pub path: ArtifactPath,
    /// What stands there.
    pub content: Content,
}
