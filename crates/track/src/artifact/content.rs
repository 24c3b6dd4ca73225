//! Files and folders as content: what they hash to, and how they are copied.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use fs_err as fs;

use super::{ArtifactKind, Content};
use crate::{ContentHash, Result, TrackError};

/// How much of a file is in memory at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// The names in a folder; none when it is not there, or no folder.
pub(super) fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        entries => entries.map_err(at(folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(at(folder))?.file_name().into_string());
    }
    Ok(names)
}

/// A name that no other draft of this process has.
pub(super) fn draft_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What an error at `path` means.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> TrackError + '_ {
    move |error| TrackError::io(path, &error)
}

/// Takes a draft away. What cannot be taken away is left for `gc`: it is in nobody's way.
pub(super) fn discard(draft: &Path) {
    let _ = if draft.is_dir() { fs::remove_dir_all(draft) } else { fs::remove_file(draft) };
}

/// What the file at `path` is now.
pub(super) fn hash_file(path: &Path) -> Result<Content> {
    let mut file = fs::File::open(path).map_err(at(path))?;
    copy(&mut file, &mut io::sink()).map_err(at(path))
}

/// Copies all of `source`, and says what it was.
pub(super) fn copy(source: &mut impl Read, target: &mut impl Write) -> io::Result<Content> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut size = 0;
    loop {
        let read = source.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        target.write_all(bytes)?;
        size += read as u64;
    }
    let hash = ContentHash::from_bytes(*hasher.finalize().as_bytes());
    Ok(Content { hash, kind: ArtifactKind::File, size })
}

/// The hash of a folder: of each file's path and hash, with lengths, in order of path.
pub(super) fn folder_content(files: &[String], contents: &[Content]) -> Content {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"gristmill folder 1\n");
    for (name, content) in files.iter().zip(contents) {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(content.hash.to_string().as_bytes());
    }
    let hash = ContentHash::from_bytes(*hasher.finalize().as_bytes());
    let size = contents.iter().map(|content| content.size).sum();
    Content { hash, kind: ArtifactKind::Folder, size }
}

/// The files in a folder and all folders below it: paths with `/`, sorted by their bytes.
pub(super) fn list_files(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        for entry in fs::read_dir(&path).map_err(at(&path))? {
            let entry = entry.map_err(at(&path))?;
            let name = entry.file_name().into_string().map_err(|name| {
                let found = format!("a file name that is no text: {}", name.display());
                TrackError::invalid(format!("`{}`", path.display()), found, "names in UTF-8")
            })?;
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let kind = entry.file_type().map_err(at(&path))?;
            if kind.is_dir() {
                folders.push(name);
            } else if kind.is_file() {
                files.push(name);
            } else {
                let what = format!("`{}`", root.join(&name).display());
                return Err(TrackError::invalid(what, "a link or device", "a file or folder"));
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}
