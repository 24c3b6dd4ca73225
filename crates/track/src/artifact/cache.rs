//! Copies on this machine of what is kept elsewhere, as long as there is room for them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gristmill_core::{Clock, Timestamp};

use super::local::LocalArtifacts;
use super::{ArtifactStore, Content};
use crate::{ContentHash, Result};

/// How long a copy stays that was used, whatever else there is: somebody may be reading it.
const IN_USE_MICROS: i64 = 10 * 60 * 1_000_000;
/// Of the room there is, the share that may be added before it is looked at again.
const SHARE: u64 = 16;

/// Copies of content, each whole and found to be what its hash says.
pub(super) struct Cache {
    local: LocalArtifacts,
    most_bytes: u64,
    /// Bytes that were added since it was looked at what there is; at first as if too many.
    added: AtomicU64,
    clock: Arc<dyn Clock>,
}

impl Cache {
    /// Copies in the folder `root`, of so many bytes at most, but for those in use.
    pub fn new(root: PathBuf, most_bytes: u64, clock: Arc<dyn Clock>) -> Self {
        let added = AtomicU64::new(most_bytes);
        Self { local: LocalArtifacts::new(root), most_bytes, added, clock }
    }

    /// The same copies, of so many bytes at most.
    pub fn with_room_for(&self, most_bytes: u64) -> Self {
        Self::new(self.local.root().to_path_buf(), most_bytes, Arc::clone(&self.clock))
    }

    /// The copies as a store of their own.
    pub fn local(&self) -> &LocalArtifacts {
        &self.local
    }

    /// The copy of this content, if there is one, which is in use from now on.
    pub async fn find(&self, hash: ContentHash) -> Result<Option<Content>> {
        let now = self.clock.now();
        self.local
            .blocking(move |local| {
                let found = local.look(hash)?;
                match found.map(|_| local.touch(hash, now)) {
                    // Somebody took it away meanwhile.
                    Some(Err(_)) if !local.place(hash).exists() => Ok(None),
                    Some(Err(error)) => Err(error),
                    _ => Ok(found),
                }
            })
            .await
    }

    /// Says that a copy was added, which is in use from now on. Others may have to go for it: those
    /// that were not used longest.
    pub async fn added(&self, content: Content) -> Result<()> {
        self.find(content.hash).await?;
        let bytes = content.size;
        let before = self.added.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) < self.most_bytes / SHARE {
            return Ok(());
        }
        self.added.store(0, Ordering::Relaxed);
        let mut stored = self.local.list().await?;
        stored.sort_by_key(|stored| (stored.since, stored.content.hash.to_string()));
        let mut all: u64 = stored.iter().map(|stored| stored.content.size).sum();
        let idle = Timestamp(self.clock.now().0.saturating_sub(IN_USE_MICROS));
        for stored in stored {
            if all <= self.most_bytes || stored.since >= idle {
                return Ok(());
            }
            self.local.remove(stored.content.hash).await?;
            all -= stored.content.size;
        }
        Ok(())
    }
}
