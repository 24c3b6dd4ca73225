//! What lies in the bucket.

use std::collections::HashMap;

use gristmill_bucket::{Depth, Object};
use gristmill_core::Timestamp;

use super::super::{ArtifactKind, Content, Stored};
use super::keys::Kind;
use super::{BucketArtifacts, told};
use crate::{ContentHash, Result};

/// The objects of a folder.
#[derive(Default)]
struct Parts {
    objects: Vec<Object>,
    size: u64,
    /// When the list of its files was written; before that it is not there.
    whole_since: Option<i64>,
}

impl BucketArtifacts {
    /// All objects whose keys begin so.
    pub(super) async fn all(&self, prefix: &str) -> Result<Vec<Object>> {
        let (mut found, mut next) = (Vec::new(), None);
        loop {
            let page = self.bucket.list(prefix, Depth::Deep, next).await.map_err(told)?;
            found.extend(page.objects);
            next = page.next;
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    pub(super) async fn stored(&self) -> Result<Vec<Stored>> {
        let mut stored = Vec::new();
        for object in self.all(&self.keys.files()).await? {
            if let Some(Kind::File(hash)) = self.keys.kind(&object.key) {
                let content = Content { hash, kind: ArtifactKind::File, size: object.size };
                stored.push(Stored { content, since: Timestamp(object.modified) });
            }
        }
        for (hash, parts) in self.folders().await? {
            let content = Content { hash, kind: ArtifactKind::Folder, size: parts.size };
            let since = parts.whole_since.map(Timestamp);
            stored.extend(since.map(|since| Stored { content, since }));
        }
        Ok(stored)
    }

    /// Removes files of folders that never became whole, and were written before that moment.
    pub(super) async fn remove_remnants(&self, before: Timestamp) -> Result<()> {
        let folders = self.folders().await?.into_values();
        for parts in folders.filter(|parts| parts.whole_since.is_none()) {
            for object in parts.objects.iter().filter(|object| object.modified < before.0) {
                self.bucket.remove(&object.key).await.map_err(told)?;
            }
        }
        Ok(())
    }

    async fn folders(&self) -> Result<HashMap<ContentHash, Parts>> {
        let mut folders: HashMap<ContentHash, Parts> = HashMap::new();
        for object in self.all(&self.keys.folders()).await? {
            match self.keys.kind(&object.key) {
                Some(Kind::Manifest(hash)) => {
                    folders.entry(hash).or_default().whole_since = Some(object.modified);
                }
                Some(Kind::Part(hash)) => {
                    let parts = folders.entry(hash).or_default();
                    parts.size += object.size;
                    parts.objects.push(object);
                }
                _ => {}
            }
        }
        Ok(folders)
    }
}
