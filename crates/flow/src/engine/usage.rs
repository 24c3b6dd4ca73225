//! When a kept result was last of use: the time of its manifest.

use std::io;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::Digest;
use super::manifest::MANIFEST;

/// A mark that is younger than this is as good as a new one.
const FRESH_MICROS: i64 = 600_000_000;

/// A result in the cache, as whoever tidies up sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The key that it is found by.
    pub key: Digest,
    /// Its size on disk.
    pub bytes: u64,
    /// When it was last made or taken, in microseconds since 1970, to about ten minutes.
    pub used_micros: i64,
}

/// Notes that the entry in `folder` was of use now.
pub(super) fn mark(folder: &Path, now_micros: i64) -> io::Result<()> {
    let manifest = folder.join(MANIFEST);
    if used_micros(&manifest)? > now_micros.saturating_sub(FRESH_MICROS) {
        return Ok(());
    }
    let now = UNIX_EPOCH + Duration::from_micros(now_micros.max(0).unsigned_abs());
    fs_err::OpenOptions::new().write(true).open(manifest)?.file().set_modified(now)
}

/// What the entry in `folder` is to whoever tidies up; nothing when it is not there.
pub(super) fn of(folder: &Path, key: Digest) -> io::Result<Option<Kept>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    // One without a manifest is broken, and as old as can be.
    let used_micros = used_micros(&folder.join(MANIFEST)).unwrap_or(0);
    Ok(Some(Kept { key, bytes: bytes(folder)?, used_micros }))
}

fn used_micros(manifest: &Path) -> io::Result<i64> {
    let modified = fs_err::metadata(manifest)?.modified()?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    Ok(i64::try_from(since).unwrap_or(i64::MAX))
}

fn bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let metadata = fs_err::symlink_metadata(&path)?;
        bytes += if metadata.is_dir() { self::bytes(&path)? } else { metadata.len() };
    }
    Ok(bytes)
}
