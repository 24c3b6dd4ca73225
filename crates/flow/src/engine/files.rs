//! The digests of files, remembered while the files stay as they are.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Clock, Digest, Input, TaskError};

/// Files up to this size are read every time: that is quicker than it is to be wrong.
const SMALL: u64 = 8 << 20;
/// How much is read at once; large enough for all cores to hash it together.
const BUFFER: usize = 4 << 20;
/// A file may change once more within the tick of its file system's clock after it was read, so
/// what was read so soon after a change is not remembered as true (two seconds: FAT's tick).
const RACY_MICROS: i64 = 2_000_000;
const MOST_ROWS: usize = 10_000;
const FORMAT: u32 = 1;

/// Says what files hold. Large files are hashed on all cores and remembered by size, times and
/// inode in a small table, so that an unchanged one is not read again.
///
/// A change that keeps all of these and is older than two seconds goes unseen in files of more
/// than 8 MiB; smaller ones are always read.
pub struct FileDigests {
    table: PathBuf,
    clock: Arc<dyn Clock>,
    rows: Mutex<Option<Rows>>,
}

#[derive(Default)]
struct Rows {
    by_path: BTreeMap<String, Row>,
    changed: bool,
}

/// What a file looked like when it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    look: Look,
    digest: Digest,
    recorded_micros: i64,
}

/// What the file system says of a file; equal looks mean an unchanged file, seconds apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Look {
    size: u64,
    modified_micros: i64,
    changed_micros: i64,
    inode: u64,
    device: u64,
}

#[derive(Serialize, Deserialize)]
struct Table {
    format: u32,
    files: BTreeMap<String, Row>,
}

impl FileDigests {
    pub(super) fn new(table: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { table, clock, rows: Mutex::new(None) }
    }

    /// The digest of what the file at `path` holds.
    ///
    /// # Errors
    /// When it cannot be read, or changes all the while.
    pub fn digest(&self, path: &Path) -> io::Result<Digest> {
        let path = fs_err::canonicalize(path)?;
        let look = look(&path)?;
        if look.size <= SMALL {
            return steady(&path).map(|(digest, _)| digest);
        }
        let name = path.to_string_lossy().into_owned();
        let known = self.with_rows(|rows| rows.by_path.get(&name).cloned());
        if let Some(row) = known.filter(|row| row.look == look && settled(row)) {
            return Ok(row.digest);
        }
        let (digest, look) = steady(&path)?;
        let row = Row { look, digest, recorded_micros: self.clock.now_micros() };
        self.with_rows(|rows| {
            rows.by_path.insert(name, row);
            rows.changed = true;
        });
        Ok(digest)
    }

    /// The file at `path` as an input of a task, called `name` in messages.
    ///
    /// # Errors
    /// As [`FileDigests::digest`], in words for the user.
    pub fn input(&self, name: &str, path: &Path) -> Result<Input, TaskError> {
        Ok(Input { name: name.to_owned(), digest: self.digest(path)? })
    }

    /// Writes down what was learned. The table is a convenience: what cannot be written is
    /// learned again, and of two processes that write at once one wins.
    pub(super) fn save(&self, write: impl FnOnce(&Path, &[u8]) -> io::Result<()>) {
        self.with_rows(|rows| {
            if !rows.changed {
                return;
            }
            let mut files = load(&self.table);
            files.extend(rows.by_path.clone());
            let bytes = serde_json::to_vec(&Table { format: FORMAT, files: newest(files) });
            rows.changed = bytes.is_ok_and(|bytes| write(&self.table, &bytes).is_err());
        });
    }

    fn with_rows<T>(&self, work: impl FnOnce(&mut Rows) -> T) -> T {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        work(rows.get_or_insert_with(|| Rows { by_path: load(&self.table), changed: false }))
    }
}

/// The digest of a file, read at once and on all cores when it is large.
pub(super) fn hash(path: &Path) -> io::Result<Digest> {
    let mut file = fs_err::File::open(path)?;
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(BUFFER);
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; size.clamp(1, BUFFER)];
    loop {
        let read = fill(&mut file, &mut buffer)?;
        hasher.update_rayon(buffer.get(..read).unwrap_or_default());
        if read < buffer.len() {
            return Ok(Digest::finish(&hasher));
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut fs_err::File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match file.read(free) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The digest of a file that looked the same before and after it was read.
fn steady(path: &Path) -> io::Result<(Digest, Look)> {
    const ATTEMPTS: usize = 3;
    for _ in 0..ATTEMPTS {
        let before = look(path)?;
        let digest = hash(path)?;
        if look(path)? == before {
            return Ok((digest, before));
        }
    }
    Err(io::Error::other(format!("{} changes while it is being read", path.display())))
}

fn look(path: &Path) -> io::Result<Look> {
    let metadata = fs_err::metadata(path)?;
    if !metadata.is_file() {
        let message = format!("{} is no file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(look_of(&metadata))
}

#[cfg(unix)]
fn look_of(metadata: &std::fs::Metadata) -> Look {
    use std::os::unix::fs::MetadataExt;
    let micros = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000) + nanos / 1000;
    Look {
        size: metadata.len(),
        modified_micros: micros(metadata.mtime(), metadata.mtime_nsec()),
        changed_micros: micros(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
        device: metadata.dev(),
    }
}

#[cfg(not(unix))]
fn look_of(metadata: &std::fs::Metadata) -> Look {
    let since = metadata.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    let micros = since.and_then(|d| i64::try_from(d.as_micros()).ok()).unwrap_or(i64::MAX);
    Look { size: metadata.len(), modified_micros: micros, changed_micros: 0, inode: 0, device: 0 }
}

/// Whether the file was left alone long enough before it was read.
fn settled(row: &Row) -> bool {
    let last = row.look.modified_micros.max(row.look.changed_micros);
    last < row.recorded_micros.saturating_sub(RACY_MICROS)
}

fn load(path: &Path) -> BTreeMap<String, Row> {
    // Whatever is wrong with the table, its files can be read again.
    let table = fs_err::read(path).ok().and_then(|b| serde_json::from_slice::<Table>(&b).ok());
    table.filter(|t| t.format == FORMAT).map(|t| t.files).unwrap_or_default()
}

fn newest(files: BTreeMap<String, Row>) -> BTreeMap<String, Row> {
    if files.len() <= MOST_ROWS {
        return files;
    }
    let mut rows: Vec<_> = files.into_iter().collect();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.recorded_micros));
    rows.truncate(MOST_ROWS);
    rows.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = SMALL as usize + 1;

    struct Bench {
        folder: tempfile::TempDir,
        file: PathBuf,
    }

    fn bench() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rows.csv");
        fs_err::write(&file, vec![7; SIZE]).unwrap();
        Bench { folder, file }
    }

    fn digests(bench: &Bench, now: i64) -> FileDigests {
        FileDigests::new(bench.folder.path().join("files.json"), Arc::new(move || now))
    }

    fn save(digests: &FileDigests) {
        digests.save(|path, bytes| fs_err::write(path, bytes));
    }

    /// Long after any file of these tests was written.
    const LATER: i64 = i64::MAX / 2;

    #[test]
    fn large_and_small_files_hash_to_what_they_hold() {
        let bench = bench();
        assert_eq!(digests(&bench, LATER).digest(&bench.file).unwrap(), Digest::of(&[7; SIZE]));
        let small = bench.folder.path().join("small");
        for content in [&b""[..], b"abc"] {
            fs_err::write(&small, content).unwrap();
            assert_eq!(digests(&bench, 0).digest(&small).unwrap(), Digest::of(content));
        }
    }

    #[test]
    fn an_unchanged_file_is_taken_from_the_table() {
        let bench = bench();
        let first = digests(&bench, LATER);
        first.digest(&bench.file).unwrap();
        save(&first);
        // A false row shows that the file was not read.
        let name = bench.file.canonicalize().unwrap().to_string_lossy().into_owned();
        let second = digests(&bench, LATER);
        second.with_rows(|rows| rows.by_path.get_mut(&name).unwrap().digest = Digest::of(b"!"));
        assert_eq!(second.digest(&bench.file).unwrap(), Digest::of(b"!"));
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let bench = bench();
        let digests = digests(&bench, LATER);
        digests.digest(&bench.file).unwrap();
        fs_err::write(&bench.file, vec![8; SIZE + 1]).unwrap();
        assert_eq!(digests.digest(&bench.file).unwrap(), Digest::of(&[8; SIZE + 1]));
    }

    #[test]
    fn a_row_recorded_within_two_seconds_of_the_change_is_not_trusted() {
        let bench = bench();
        let modified = look(&bench.file).unwrap().modified_micros;
        let soon = digests(&bench, modified + 1_000_000);
        soon.digest(&bench.file).unwrap();
        soon.with_rows(|rows| {
            let row = rows.by_path.values_mut().next().unwrap();
            row.digest = Digest::of(b"!");
        });
        assert_eq!(soon.digest(&bench.file).unwrap(), Digest::of(&[7; SIZE]));
    }

    #[test]
    fn a_damaged_table_is_as_good_as_none() {
        let bench = bench();
        fs_err::write(bench.folder.path().join("files.json"), "{nonsense").unwrap();
        assert_eq!(digests(&bench, LATER).digest(&bench.file).unwrap(), Digest::of(&[7; SIZE]));
    }

    #[test]
    fn what_is_no_file_is_refused_by_name() {
        let bench = bench();
        let digests = digests(&bench, 0);
        let missing = digests.input("x", &bench.folder.path().join("none.csv")).unwrap_err();
        assert!(missing.message.contains("none.csv"), "{missing}");
        let folder = digests.digest(bench.folder.path()).unwrap_err();
        assert!(folder.to_string().contains("is no file"), "{folder}");
    }
}
