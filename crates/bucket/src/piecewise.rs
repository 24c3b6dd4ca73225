//! A large object that is written piece by piece.

use object_store::multipart::{MultipartStore, PartId};

use crate::{Bucket, Result};

/// An object that is not there before [`Piecewise::finish`]. Whoever leaves it unfinished should
/// [`Bucket::abandon`] it: the store keeps its pieces, and asks money for them, until somebody does.
#[derive(Debug)]
pub struct Piecewise {
    key: String,
    id: String,
    pieces: Vec<PartId>,
}

impl Piecewise {
    /// What the store calls it, by which it can be given up.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Writes the next piece: 5 MiB or more, all of them equally long but the last.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn write(&mut self, bucket: &Bucket, piece: Vec<u8>) -> Result<()> {
        let path = bucket.path(&self.key)?;
        let written = bucket.store.put_part(&path, &self.id, self.pieces.len(), piece.into()).await;
        self.pieces.push(written.map_err(|e| bucket.refused(&self.key, "written", &e))?);
        Ok(())
    }

    /// Makes it an object, in place of the one that has its key.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn finish(self, bucket: &Bucket) -> Result<()> {
        let path = bucket.path(&self.key)?;
        let done = bucket.store.complete_multipart(&path, &self.id, self.pieces).await;
        done.map(drop).map_err(|e| bucket.refused(&self.key, "written", &e))
    }
}

impl Bucket {
    /// Begins an object that is written piece by piece.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn begin(&self, key: &str) -> Result<Piecewise> {
        let begun = self.store.create_multipart(&self.path(key)?).await;
        let id = begun.map_err(|e| self.refused(key, "written", &e))?;
        Ok(Piecewise { key: key.into(), id, pieces: Vec::new() })
    }

    /// Gives up an object that was begun and never finished; nothing happens when there is none.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn abandon(&self, key: &str, id: &str) -> Result<()> {
        let path = self.path(key)?;
        match self.store.abort_multipart(&path, &id.to_string()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.refused(key, "given up", &error)),
        }
    }
}
