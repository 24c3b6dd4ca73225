//! Bytes on their way from one file to another, hashed as they pass.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gristmill_track::ContentHash;

use crate::{Error, Kind, Result};

/// How much is in memory at a time.
const BUFFER: usize = 1 << 18;

/// What some bytes are known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub hash: ContentHash,
    pub size: u64,
}

/// Copies at most `most` bytes, and says what they were.
pub(super) fn copy(from: impl Read, to: &mut impl Write, most: u64) -> io::Result<Piece> {
    let mut from = from.take(most);
    let mut buffer = vec![0; BUFFER];
    let mut hasher = blake3::Hasher::new();
    let mut size = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        hasher.update(bytes);
        to.write_all(bytes)?;
        size += read as u64;
    }
    Ok(Piece { hash: ContentHash::from_bytes(*hasher.finalize().as_bytes()), size })
}

/// The files in a folder and all folders below it, relative to it, with `/`, in order.
///
/// # Errors
/// When it cannot be read, or holds a link or a name that is no text.
pub(super) fn files_in(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else {
                let strange = || {
                    let found = format!("`{}` is no file that a home has", entry.path().display());
                    Error::new(Kind::Stored, found)
                };
                let name = path.to_str().filter(|_| kind.is_file()).ok_or_else(strange)?;
                files.push(name.replace('\\', "/"));
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}
