//! The files of a package in memory, each of them verified.

use std::collections::BTreeMap;
use std::path::Path;

use crate::manifest::{FILES, MANIFEST, MANIFEST_LIMIT, Manifest, limit_of};
use crate::{Digest, PackageError, Result, folder};

/// `model.json` and the bytes of every file that it names.
pub(crate) struct Contents {
    pub manifest: Manifest,
    pub digest: Digest,
    pub files: BTreeMap<String, Vec<u8>>,
}

/// `model.json` of the package in `folder` and its digest; no other file is read.
pub(crate) fn read_manifest(folder: &Path) -> Result<(Manifest, Digest)> {
    let file = folder.join(MANIFEST);
    if !file.exists() {
        let found = match folder.is_dir() {
            true => "it has no `model.json`",
            false if folder.exists() => "it is no folder",
            false => "it does not exist",
        };
        return Err(PackageError::NotAPackage { folder: folder.into(), found: found.into() });
    }
    let json = folder::read(&file, MANIFEST_LIMIT)?;
    Ok((Manifest::from_json(&json, &file)?, Digest::of(&json)))
}

impl Contents {
    /// The package in `folder`, with no file more or fewer, each of the size and hash that
    /// `model.json` states.
    pub fn read(folder: &Path) -> Result<Self> {
        let (manifest, digest) = read_manifest(folder)?;
        let known = |name: &str| name == MANIFEST || manifest.files.contains_key(name);
        if let Some(extra) = folder::list(folder)?.iter().find(|name| !known(name)) {
            return Err(PackageError::damaged(
                folder,
                format!("it has the file `{}`, which is not part of it", extra.escape_debug()),
            ));
        }
        let mut files = BTreeMap::new();
        for (name, limit) in FILES {
            let file = folder.join(name);
            let bytes = folder::read(&file, limit)?;
            verify(&manifest, name, &bytes, &file)?;
            files.insert(name.to_string(), bytes);
        }
        Ok(Self { manifest, digest, files })
    }

    /// The bytes of the file `name`, which are left to the caller.
    pub fn take(&mut self, name: &str) -> Vec<u8> {
        self.files.remove(name).unwrap_or_default()
    }
}

fn verify(manifest: &Manifest, name: &str, bytes: &[u8], file: &Path) -> Result<()> {
    let Some(stored) = manifest.files.get(name) else {
        return Err(PackageError::damaged(file, "`model.json` does not name it"));
    };
    let found = bytes.len() as u64;
    if found != stored.bytes {
        let found = format!("it has {found} bytes, `model.json` says {}", stored.bytes);
        return Err(PackageError::damaged(file, found));
    }
    if Digest::of(bytes) != stored.blake3 {
        return Err(PackageError::damaged(file, "its hash is not the one in `model.json`"));
    }
    Ok(())
}

/// Refuses what [`Contents::read`] would refuse for its size, before it is written.
pub(crate) fn check_sizes(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    for (name, bytes) in files {
        let limit = limit_of(name).unwrap_or(MANIFEST_LIMIT);
        let found = bytes.len() as u64;
        if found > limit {
            return Err(PackageError::TooLarge { file: folder.join(name), found, limit });
        }
    }
    Ok(())
}
