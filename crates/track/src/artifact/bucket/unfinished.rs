//! Notes of objects that are being written piece by piece. A store keeps the pieces of one that
//! nobody finishes and shows them to nobody; by its note it is given up in time.

use std::path::{Path, PathBuf};

use fs_err as fs;
use gristmill_core::Timestamp;

use super::super::content::{at, discard, draft_name, names_in};
use super::super::local::{LocalArtifacts, modified};
use super::{BucketArtifacts, told};
use crate::{Result, TrackError};

/// A note of an object that is not whole yet.
pub(super) struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    /// Writes down which object it is and what the store calls its pieces.
    pub fn note(key: &str, id: &str) -> impl FnOnce(&LocalArtifacts) -> Result<Self> + use<> {
        let text = format!("{key}\n{id}\n");
        move |local| {
            let folder = folder(local);
            fs::create_dir_all(&folder).map_err(at(&folder))?;
            let path = folder.join(draft_name());
            fs::write(&path, text).map_err(at(&path))?;
            Ok(Self { path })
        }
    }

    /// Says that it is finished, or given up.
    pub async fn done(self, store: &BucketArtifacts) -> Result<()> {
        let path = self.path;
        store.local(move |_| fs::remove_file(&path).map_err(at(&path))).await
    }
}

impl BucketArtifacts {
    /// Gives up what was begun before that moment and never finished by processes of this home.
    pub(super) async fn give_up_before(&self, before: Timestamp) -> Result<()> {
        let notes = self.local(move |local| notes_before(local, before)).await?;
        for (path, text) in notes {
            if let [key, id] = text.lines().collect::<Vec<_>>()[..] {
                self.bucket.abandon(key, id).await.map_err(told)?;
            }
            self.local(move |_| {
                discard(&path);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

fn folder(local: &LocalArtifacts) -> PathBuf {
    local.root().join("unfinished")
}

fn notes_before(local: &LocalArtifacts, before: Timestamp) -> Result<Vec<(PathBuf, String)>> {
    let folder = folder(local);
    let mut notes = Vec::new();
    for name in names_in(&folder)? {
        let path = folder.join(name);
        if let Some(text) = old(&path, before)? {
            notes.push((path, text));
        }
    }
    Ok(notes)
}

/// What a note says that was written before that moment and is still there.
fn old(path: &Path, before: Timestamp) -> Result<Option<String>> {
    let read = modified(path).and_then(|written| match written < before {
        true => fs::read_to_string(path).map(Some).map_err(at(path)),
        false => Ok(None),
    });
    match read {
        Err(TrackError::Home { .. }) if !path.exists() => Ok(None),
        read => read,
    }
}
