//! A backup in one file: a tar archive (POSIX.1-1988, `ustar`) that other tools can list too.
//!
//! First a mark that says what it is, then content under its hash, then the manifest.

use std::collections::HashMap;
use std::fs::TryLockError;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use gristmill_track::ContentHash;

use super::content::{self, Piece};
use super::manifest::{Entry, Manifest};
use super::target::{Copied, Target, cleared};
use super::{CONTENT, MANIFEST, damaged};
use crate::{Error, Result};

const BLOCK: usize = 512;
/// What stands first in the archive.
const MARK: &str = "gristmill-backup";
/// The greatest size that eleven octal digits write.
const OCTAL: u64 = 0o77_777_777_777;
/// Where the parts of a header stand.
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const SUM: std::ops::Range<usize> = 148..156;

/// A file that a backup is written to.
pub(super) struct Archive {
    path: PathBuf,
    draft: PathBuf,
    workbench: PathBuf,
    file: fs_err::File,
    held: HashMap<ContentHash, u64>,
    copied: Copied,
}

impl Archive {
    /// A backup that will stand at `path`, in the place of the one that may be there.
    ///
    /// # Errors
    /// When something else is there, another process writes one there, or it cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        if path.exists() && !is_ours(path) {
            return Err(Error::input(format!("`{}` is there and is no backup", path.display()))
                .with_hint("choose another name"));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let draft = path.with_file_name(format!(".{name}.part"));
        let file = fs_err::OpenOptions::new().create(true).append(true).open(&draft)?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let found = format!("another process writes the backup `{}`", path.display());
                return Err(Error::input(found).with_hint("let it end"));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        let workbench = path.with_file_name(format!(".{name}.tmp"));
        cleared(&workbench)?;
        let (held, copied) = (HashMap::new(), Copied::default());
        let mut archive = Self { path: path.into(), draft, workbench, file, held, copied };
        archive.bytes(MARK, format!("{}\n", super::manifest::FORMAT).as_bytes())?;
        Ok(archive)
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.file.write_all(&header(name, bytes.len() as u64))?;
        self.file.write_all(bytes)?;
        Ok(self.file.write_all(padding(bytes.len() as u64))?)
    }
}

impl Target for Archive {
    fn workbench(&self) -> &Path {
        &self.workbench
    }

    fn known(&self, _artifact: ContentHash) -> Option<Vec<Entry>> {
        None
    }

    fn put(&mut self, source: &Path) -> Result<Piece> {
        // Its hash stands before it, so it is read twice; a log may grow meanwhile.
        let piece = content::copy(fs_err::File::open(source)?, &mut io::sink(), u64::MAX)?;
        if self.held.insert(piece.hash, piece.size).is_some() {
            return Ok(piece);
        }
        let hash = piece.hash.to_string();
        let name = format!("{CONTENT}/{}/{hash}", hash.get(..2).unwrap_or_default());
        self.file.write_all(&header(&name, piece.size))?;
        let copied = content::copy(fs_err::File::open(source)?, &mut self.file, piece.size)?;
        if copied != piece {
            let found = format!("`{}` changed while it was copied", source.display());
            return Err(Error::input(found).with_hint("run again"));
        }
        self.file.write_all(padding(piece.size))?;
        self.copied.count(piece);
        Ok(piece)
    }

    fn finish(mut self: Box<Self>, manifest: &Manifest) -> Result<Copied> {
        self.bytes(MANIFEST, &manifest.to_json()?)?;
        self.file.write_all(&[0; 2 * BLOCK])?;
        self.file.sync_all()?;
        fs_err::rename(&self.draft, &self.path)?;
        Ok(self.copied)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        // Neither is there when it was finished; what stays behind is cleared by the next backup.
        let _ = fs_err::remove_file(&self.draft);
        let _ = fs_err::remove_dir_all(&self.workbench);
    }
}

/// Where the content of an archive stands in it.
pub(super) struct Index {
    file: fs_err::File,
    places: HashMap<ContentHash, (u64, u64)>,
}

impl Index {
    /// What stands where in the archive at `path`, and its manifest.
    ///
    /// # Errors
    /// When it is no backup, or not a whole one.
    pub fn open(path: &Path) -> Result<(Self, Manifest)> {
        let mut file = fs_err::File::open(path)?;
        let length = file.metadata()?.len();
        let (mut places, mut manifest, mut at) = (HashMap::new(), None, 0);
        while let Some((name, size)) = next(&mut file).map_err(|found| damaged(path, found))? {
            let begin = at + BLOCK as u64;
            if begin.checked_add(size).is_none_or(|end| end > length) {
                return Err(damaged(path, format!("it ends within `{name}`")));
            }
            match (at, name.as_str()) {
                (0, MARK) => {}
                (0, _) => return Err(damaged(path, "it is no backup of Gristmill")),
                (_, MANIFEST) => {
                    let mut json = Vec::new();
                    (&mut file).take(size).read_to_end(&mut json)?;
                    manifest = Some(Manifest::read(path, &json)?);
                }
                (_, name) => {
                    let hash = content_name(name);
                    let hash = hash.ok_or_else(|| damaged(path, format!("it holds `{name}`")))?;
                    places.insert(hash, (begin, size));
                }
            }
            at = begin + size.next_multiple_of(BLOCK as u64);
            file.seek(SeekFrom::Start(at))?;
        }
        let manifest = manifest.ok_or_else(|| damaged(path, "it ends before its manifest"))?;
        Ok((Self { file, places }, manifest))
    }

    /// The bytes of some content, if they are there.
    pub fn read(&mut self, hash: ContentHash) -> Result<Option<impl Read + '_>> {
        let Some(&(begin, size)) = self.places.get(&hash) else { return Ok(None) };
        self.file.seek(SeekFrom::Start(begin))?;
        Ok(Some((&mut self.file).take(size)))
    }
}

fn is_ours(path: &Path) -> bool {
    let first = fs_err::File::open(path).ok().and_then(|mut file| next(&mut file).ok().flatten());
    first.is_some_and(|(name, _)| name == MARK)
}

/// The hash of content that stands under this name.
fn content_name(name: &str) -> Option<ContentHash> {
    let (shard, hash) = name.strip_prefix(CONTENT)?.strip_prefix('/')?.split_once('/')?;
    hash.starts_with(shard).then(|| hash.parse().ok()).flatten()
}

/// The name and size of what comes next; nothing at the end.
fn next(file: &mut impl Read) -> Result<Option<(String, u64)>, String> {
    let mut block = [0; BLOCK];
    match file.read_exact(&mut block) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err("it ends too early".into());
        }
        Err(error) => return Err(error.to_string()),
    }
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let written = octal(block.get(SUM).unwrap_or_default());
    if written != Some(sum(&block)) {
        return Err("it is no tar archive, or its headers are damaged".into());
    }
    let name = block.get(NAME).unwrap_or_default().split(|byte| *byte == 0).next();
    let name = name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
    let size = size_in(block.get(SIZE).unwrap_or_default()).ok_or("a size in it is no number")?;
    Ok(Some((name.into(), size)))
}

fn header(name: &str, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut write = |at: usize, bytes: &[u8]| {
        block.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
    };
    write(NAME.start, name.as_bytes());
    write(100, b"0000600\0");
    write(108, b"0000000\0");
    write(116, b"0000000\0");
    write(SIZE.start, &size_field(size));
    write(136, b"00000000000\0");
    write(156, b"0");
    write(257, b"ustar\x0000");
    let digits = format!("{:06o}\0 ", sum(&block));
    block.iter_mut().skip(SUM.start).zip(digits.bytes()).for_each(|(to, from)| *to = from);
    block
}

/// Octal digits; what is too great for them stands as a binary number behind a byte of 128, as GNU's
/// and other tools have it.
fn size_field(size: u64) -> [u8; 12] {
    let mut field = [0; 12];
    let digits = format!("{size:011o}\0");
    let bytes: Vec<u8> = match size > OCTAL {
        true => [&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat(),
        false => digits.into_bytes(),
    };
    field.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    field
}

fn size_in(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, 0, 0, 0, rest @ ..] => Some(u64::from_be_bytes(rest.try_into().ok()?)),
        digits => octal(digits),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

/// The sum of all bytes of a header, its own place taken for spaces.
fn sum(block: &[u8; BLOCK]) -> u64 {
    let bytes = block.iter().enumerate();
    bytes.map(|(at, byte)| if SUM.contains(&at) { 32 } else { u64::from(*byte) }).sum()
}

/// What fills the last block of a file.
fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let over = usize::try_from(size % BLOCK as u64).unwrap_or_default();
    ZEROS.get(..(BLOCK - over) % BLOCK).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, size: u64) {
        let block = header(name, size);
        assert_eq!(next(&mut block.as_slice()), Ok(Some((name.to_string(), size))));
    }

    #[test] // eleven octal digits end at 8 GiB
    fn names_and_sizes_come_back() {
        check("backup.json", 0);
        check(&format!("content/ab/{}", "ab".repeat(32)), 511);
        check("a", OCTAL);
        check("a", OCTAL + 1);
        check("a", u64::MAX);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        assert!(next(&mut [7; BLOCK].as_slice()).is_err());
        assert!(next(&mut [0; 100].as_slice()).is_err());
        assert_eq!(next(&mut [0; BLOCK].as_slice()), Ok(None));
        let mut turned = header("backup.json", 5);
        turned[3] ^= 1;
        assert!(next(&mut turned.as_slice()).is_err());
    }

    #[test]
    fn other_tools_can_list_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.tar");
        let (bytes, mut file) = (b"hello", fs_err::File::create(&path).unwrap());
        file.write_all(&header("content/a", 5)).unwrap();
        file.write_all(bytes).unwrap();
        file.write_all(padding(5)).unwrap();
        file.write_all(&[0; 2 * BLOCK]).unwrap();
        let Ok(said) = std::process::Command::new("tar").arg("-xOf").arg(&path).output() else {
            eprintln!("skipped: there is no `tar`");
            return;
        };
        assert_eq!((said.stdout.as_slice(), said.status.success()), (&bytes[..], true));
    }
}
