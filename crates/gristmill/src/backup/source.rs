//! Where a backup is read from.

use std::io::Read;
use std::path::{Path, PathBuf};

use gristmill_track::ContentHash;

use super::archive::Index;
use super::manifest::Manifest;
use super::{damaged, folder, is_archive};
use crate::{Error, Result};

/// A backup that is read. Nobody writes it meanwhile.
pub(super) struct Source {
    path: PathBuf,
    content: Content,
}

enum Content {
    Folder {
        #[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
        _lock: Option<std::fs::File>,
    },
    Archive(Index),
}

impl Source {
    /// The backup at `path`, and what it says about itself.
    ///
    /// # Errors
    /// When there is none, it is not whole, or somebody writes it now.
    pub fn open(path: &Path) -> Result<(Self, Manifest)> {
        if !path.exists() {
            return Err(Error::input(format!("there is no backup `{}`", path.display()))
                .with_hint("check the path"));
        }
        if is_archive(path) {
            let (index, manifest) = Index::open(path)?;
            return Ok((Self { path: path.into(), content: Content::Archive(index) }, manifest));
        }
        let content = Content::Folder { _lock: folder::hold_to_read(path)? };
        let manifest = folder::read_manifest(path)?;
        let manifest = manifest.ok_or_else(|| {
            damaged(path, "it has no `backup.json`: it is none, or was not finished")
        })?;
        Ok((Self { path: path.into(), content }, manifest))
    }

    /// The bytes of some content.
    ///
    /// # Errors
    /// When the backup does not have it, or it cannot be read.
    pub fn read(&mut self, hash: ContentHash) -> Result<Box<dyn Read + '_>> {
        let missing = || damaged(&self.path, format!("content {hash} is not in it"));
        match &mut self.content {
            Content::Archive(index) => match index.read(hash)? {
                Some(bytes) => Ok(Box::new(bytes)),
                None => Err(missing()),
            },
            Content::Folder { .. } => {
                let place = folder::place(&self.path, hash);
                // A link would lead out of the backup.
                let is_file = fs_err::symlink_metadata(&place).is_ok_and(|found| found.is_file());
                match is_file {
                    true => Ok(Box::new(fs_err::File::open(place)?)),
                    false => Err(missing()),
                }
            }
        }
    }
}
