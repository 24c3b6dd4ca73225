//! A folder as one stream of bytes, for a way on which it cannot be opened: a line of JSON with its
//! files and their sizes, then their bytes one after the other.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::content::{at, discard, folder_content, list_files};
use super::{ArtifactKind, ArtifactPath, ArtifactStore, Content};
use crate::{ContentHash, Result, TrackError};

/// How much of a file is in memory at a time.
const PIECE: usize = 1 << 18;
/// The longest line of files.
const MAX_HEAD: usize = 4 << 20;
/// The most files in a folder.
const MAX_FILES: usize = 20_000;

/// A file in a packed folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackedFile {
    /// Its path in the folder.
    pub path: ArtifactPath,
    /// Its bytes.
    pub size: u64,
}

/// The line before the bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    files: Vec<PackedFile>,
}

/// The files of the folder at `root` in the order in which they are packed.
///
/// # Errors
/// When it cannot be read, or a file in it has a name that no artifact can have.
pub fn packed_files(root: &Path) -> Result<Vec<PackedFile>> {
    let packed = |name: String| {
        let path = root.join(&name);
        let size = fs::metadata(&path).map_err(at(&path))?.len();
        Ok(PackedFile { path: ArtifactPath::parse(&name)?, size })
    };
    list_files(root)?.into_iter().map(packed).collect()
}

/// Gives the folder at `root` piece by piece to `send`, which says whether it wants more.
///
/// # Errors
/// When it cannot be read, or a file in it is shorter than it was.
pub fn pack(root: &Path, mut send: impl FnMut(Vec<u8>) -> bool) -> Result<()> {
    let files = packed_files(root)?;
    let mut line = serde_json::to_vec(&Head { files: files.clone() })
        .map_err(|error| TrackError::Bug(format!("a list of files: {error}")))?;
    line.push(b'\n');
    if !send(line) {
        return Ok(());
    }
    for file in files {
        let path = root.join(file.path.as_str());
        let mut rest = fs::File::open(&path).map_err(at(&path))?.take(file.size);
        let mut left = file.size;
        while left > 0 {
            let mut piece = Vec::with_capacity(PIECE);
            rest.by_ref().take(PIECE as u64).read_to_end(&mut piece).map_err(at(&path))?;
            if piece.is_empty() {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter");
                return Err(TrackError::io(&path, &error));
            }
            left = left.saturating_sub(piece.len() as u64);
            if !send(piece) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A packed folder on its way in, in a folder of its own until it is whole. What is not finished
/// leaves nothing behind.
#[derive(Debug)]
pub struct Unpacking {
    root: PathBuf,
    head: Vec<u8>,
    files: Option<std::vec::IntoIter<PackedFile>>,
    open: Option<Open>,
    names: Vec<String>,
    contents: Vec<Content>,
}

/// The file that bytes go to now.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: fs::File,
    hasher: blake3::Hasher,
    size: u64,
    left: u64,
}

impl Unpacking {
    /// Begins at `root`, which must not be there yet.
    ///
    /// # Errors
    /// When it is there, or cannot be made.
    pub fn begin(root: PathBuf) -> Result<Self> {
        if let Some(parent) = root.parent() {
            fs::create_dir_all(parent).map_err(at(parent))?;
        }
        fs::create_dir(&root).map_err(at(&root))?;
        let (names, contents) = (Vec::new(), Vec::new());
        Ok(Self { root, head: Vec::new(), files: None, open: None, names, contents })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `Invalid` for anything that is no packed folder, or would be written anywhere else; `Home`
    /// when it cannot be written.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        if self.files.is_none() {
            bytes = self.write_head(bytes)?;
        }
        while !bytes.is_empty() {
            let Some(open) = &mut self.open else {
                return Err(wrong("longer than its files", "their bytes and no more"));
            };
            let now = usize::try_from(open.left).unwrap_or(usize::MAX).min(bytes.len());
            let (piece, rest) = bytes.split_at(now);
            open.file.write_all(piece).map_err(at(&open.path))?;
            open.hasher.update(piece);
            open.left -= piece.len() as u64;
            bytes = rest;
            if open.left == 0 {
                self.next_file()?;
            }
        }
        Ok(())
    }

    /// What stands behind the line of files, once that is whole.
    fn write_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8]> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if self.head.len() + line.len() > MAX_HEAD {
            return Err(wrong("a longer list of files", "at most 4 MiB"));
        }
        self.head.extend_from_slice(line);
        if end.is_none() {
            return Ok(rest);
        }
        let head: Head = serde_json::from_slice(&self.head)
            .map_err(|error| wrong(&error.to_string(), "a line of JSON with its files"))?;
        let in_order = head.files.windows(2).all(|two| match two {
            [first, second] => first.path.as_str() < second.path.as_str(),
            _ => true,
        });
        let wrong_paths = !in_order || has_file_as_folder(&head.files);
        if head.files.is_empty() || head.files.len() > MAX_FILES || wrong_paths {
            let expected = format!("1 to {MAX_FILES} of them, each once and sorted by path");
            return Err(wrong(&format!("{} files", head.files.len()), &expected));
        }
        self.files = Some(head.files.into_iter());
        self.next_file()?;
        Ok(rest.get(1..).unwrap_or_default())
    }

    /// Closes the file that is full, and opens the next that has bytes to come.
    fn next_file(&mut self) -> Result<()> {
        loop {
            self.close();
            let Some(next) = self.files.as_mut().and_then(Iterator::next) else { return Ok(()) };
            let path = self.root.join(next.path.as_str());
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(at(parent))?;
            }
            let file = fs::OpenOptions::new().write(true).create_new(true).open(&path);
            let file = file.map_err(at(&path))?;
            let (hasher, size) = (blake3::Hasher::new(), next.size);
            self.open = Some(Open { path, file, hasher, size, left: size });
            self.names.push(next.path.as_str().to_string());
            if size > 0 {
                return Ok(());
            }
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            let hash = ContentHash::from_bytes(*open.hasher.finalize().as_bytes());
            self.contents.push(Content { hash, kind: ArtifactKind::File, size: open.size });
        }
    }

    /// Puts the folder into `store`, where it is whole and has this hash.
    ///
    /// # Errors
    /// `Invalid` when it ends early or is another; as [`ArtifactStore::put_folder`].
    pub async fn finish(self, store: &dyn ArtifactStore, expected: ContentHash) -> Result<Content> {
        if self.files.is_none() || self.open.is_some() {
            return Err(wrong("an early end", "all of its bytes"));
        }
        let found = folder_content(&self.names, &self.contents);
        if found.hash != expected {
            let found = format!("of hash {}", found.hash);
            return Err(wrong(&found, &format!("content of hash {expected}")));
        }
        store.put_folder(&self.root).await
    }
}

impl Drop for Unpacking {
    fn drop(&mut self) {
        discard(&self.root);
    }
}

/// Whether a file would stand where others need a folder.
fn has_file_as_folder(files: &[PackedFile]) -> bool {
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let folders = |path: &str| path.rmatch_indices('/').map(|(end, _)| end).collect::<Vec<_>>();
    paths.iter().any(|path| {
        folders(path).into_iter().any(|end| path.get(..end).is_some_and(|f| paths.contains(f)))
    })
}

fn wrong(found: &str, expected: &str) -> TrackError {
    TrackError::invalid("a packed folder", found, expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalArtifacts;

    fn packed(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Vec<u8>, ContentHash) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("folder");
        for (name, bytes) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let store = LocalArtifacts::new(home.path().join("first"));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let hash = runtime.block_on(store.put_folder(&folder)).unwrap().hash;
        let mut bytes = Vec::new();
        pack(&folder, |piece| {
            bytes.extend(piece);
            true
        })
        .unwrap();
        (home, bytes, hash)
    }

    fn unpack(home: &Path, bytes: &[u8], step: usize, hash: ContentHash) -> Result<Content> {
        let store = LocalArtifacts::new(home.join("second"));
        let mut unpacking = Unpacking::begin(home.join("draft"))?;
        for piece in bytes.chunks(step) {
            unpacking.write(piece)?;
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(unpacking.finish(&store, hash))
    }

    const FILES: [(&str, &[u8]); 4] =
        [("a", b"one"), ("b/c", b""), ("b/d/e", b"two\nlines"), ("empty", b"")];

    #[test]
    fn a_folder_arrives_as_it_was_in_pieces_of_any_size() {
        for step in [1, 2, 7, 1 << 20] {
            let (home, bytes, hash) = packed(&FILES);
            let content = unpack(home.path(), &bytes, step, hash).unwrap();
            assert_eq!((content.hash, content.kind), (hash, ArtifactKind::Folder));
            assert!(!home.path().join("draft").exists());
        }
    }

    #[track_caller]
    fn refused(bytes: &[u8], said: &str) {
        let (home, _, hash) = packed(&FILES);
        let error = unpack(home.path(), bytes, 5, hash).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(!home.path().join("draft").exists());
    }

    #[test]
    fn what_is_no_packed_folder_leaves_nothing_behind() {
        let (_home, bytes, _) = packed(&FILES);
        refused(&bytes[..bytes.len() - 1], "an early end");
        refused(&[bytes.as_slice(), b"x"].concat(), "longer than its files");
        refused(&bytes.to_ascii_uppercase(), "a line of JSON");
        refused(b"", "an early end");
        refused(b"{\"files\":[]}\n", "0 files");
        refused(b"{\"files\":[{\"path\":\"a\",\"size\":1}]}\nx", "of hash");
        let twice = b"{\"files\":[{\"path\":\"a\",\"size\":1},{\"path\":\"a\",\"size\":1}]}\nxx";
        refused(twice, "each once");
    }

    #[test]
    fn no_file_leaves_its_folder() {
        for path in ["../a", "/etc/passwd", "a/../../b", "C:/a"] {
            let line = format!("{{\"files\":[{{\"path\":\"{path}\",\"size\":1}}]}}\nx");
            refused(line.as_bytes(), "a relative path such as");
        }
        refused(
            b"{\"files\":[{\"path\":\"a\",\"size\":1},{\"path\":\"a/b\",\"size\":1}]}\nxx",
            "each once",
        );
    }
}
