//! What a command prints, on disk in bounded space.
//!
//! `<task>.<attempt>.log` holds the first [`HEAD`] bytes. What comes after goes to `.part1`,
//! `.part2` and so on beside it, of which only the latest stay; when the command has ended, the
//! last [`TAIL`] bytes of them are put behind the head, below a line that says how much is
//! missing. So the memory is constant, the disk holds a few megabytes whatever is printed, and
//! a log can be read at any time, also after the engine was killed.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::Digest;

/// How many bytes are kept from the start.
pub(super) const HEAD: u64 = 8 << 20;
/// How many bytes are kept from the end.
pub(super) const TAIL: u64 = 8 << 20;
/// The size of a part of the tail.
const PART: u64 = 4 << 20;
/// So many parts hold the tail, the latest being unfinished.
const PARTS: u64 = TAIL / PART + 1;
const EXTENSION: &str = "log";

/// The log of one attempt, written while the command runs. No file is made before there is
/// something to write.
pub(super) struct LogWriter {
    path: PathBuf,
    head: Option<fs_err::File>,
    written: u64,
    part: Option<Part>,
}

struct Part {
    number: u64,
    file: fs_err::File,
    written: u64,
}

impl LogWriter {
    /// A log in the folder `logs`. What an earlier attempt of the same number left is removed.
    pub(super) fn new(logs: &Path, task: &str, attempt: u32) -> io::Result<Self> {
        let path = logs.join(format!("{}.{attempt}.{EXTENSION}", file_name(task)));
        remove(&path)?;
        Ok(Self { path, head: None, written: 0, part: None })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let free = usize::try_from(HEAD - self.written.min(HEAD)).unwrap_or(usize::MAX);
        let (first, rest) = bytes.split_at(bytes.len().min(free));
        if !first.is_empty() {
            self.head()?.write_all(first)?;
            self.written += first.len() as u64;
        }
        self.write_tail(rest)
    }

    fn head(&mut self) -> io::Result<&mut fs_err::File> {
        match &mut self.head {
            Some(file) => Ok(file),
            empty => {
                if let Some(folder) = self.path.parent() {
                    fs_err::create_dir_all(folder)?;
                }
                Ok(empty.insert(fs_err::File::create(&self.path)?))
            }
        }
    }

    fn write_tail(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let part = match self.part.take() {
                Some(part) if part.written < PART => part,
                full => self.next_part(full.map_or(0, |part| part.number))?,
            };
            let part = self.part.insert(part);
            let free = usize::try_from(PART - part.written).unwrap_or(usize::MAX);
            let (first, rest) = bytes.split_at(bytes.len().min(free));
            part.file.write_all(first)?;
            part.written += first.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    fn next_part(&self, last: u64) -> io::Result<Part> {
        let number = last + 1;
        if let Some(old) = number.checked_sub(PARTS).filter(|old| *old > 0) {
            fs_err::remove_file(part_path(&self.path, old))?;
        }
        let file = fs_err::File::create(part_path(&self.path, number))?;
        Ok(Part { number, file, written: 0 })
    }

    /// Puts the tail behind the head: the command has ended.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let Some(last) = self.part.take() else { return Ok(()) };
        drop(last.file);
        let path = self.path.clone();
        let parts = parts_of(&path)?;
        open_parts(&path, &parts)?.copy_to(self.head()?)?;
        parts.into_iter().try_for_each(|number| fs_err::remove_file(part_path(&path, number)))
    }
}

/// The parts of a log that are there, open, so that none goes away while they are read.
struct Parts {
    first: u64,
    files: Vec<fs_err::File>,
}

fn open_parts(path: &Path, numbers: &[u64]) -> io::Result<Parts> {
    let files = numbers.iter().map(|number| fs_err::File::open(part_path(path, *number)));
    Ok(Parts {
        first: numbers.first().copied().unwrap_or(1),
        files: files.collect::<Result<_, _>>()?,
    })
}

impl Parts {
    /// Writes their last [`TAIL`] bytes, below a line that says how much is missing.
    fn copy_to(self, to: &mut dyn Write) -> io::Result<()> {
        let sizes = self.files.iter().map(|file| file.metadata().map(|m| m.len()));
        let kept: u64 = sizes.sum::<io::Result<u64>>()?;
        let mut skip = kept.saturating_sub(TAIL);
        let missing = self.first.saturating_sub(1) * PART + skip;
        if missing > 0 {
            writeln!(to, "\n[gristmill: {missing} bytes are left out here]")?;
        }
        for mut file in self.files {
            let size = file.metadata()?.len();
            file.seek(SeekFrom::Start(skip.min(size)))?;
            skip = skip.saturating_sub(size);
            io::copy(&mut file, to)?;
        }
        Ok(())
    }
}

fn part_path(path: &Path, number: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".part{number}"));
    name.into()
}

/// The parts that lie beside a log: none when the command ended while somebody was there.
fn parts_of(path: &Path) -> io::Result<Vec<u64>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Ok(Vec::new());
    };
    let start = format!("{name}.part");
    let mut numbers = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|n| n.strip_prefix(&start)?.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Ok(()) => {
            let parts = parts_of(path)?;
            parts.into_iter().try_for_each(|number| fs_err::remove_file(part_path(path, number)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// A task's name as the start of a file's name: other names, other files. Letters, digits, `_`
/// and `-` stay; other bytes become `%` and two digits; what is too long ends with a digest.
pub(super) fn file_name(task: &str) -> String {
    const LONGEST: usize = 150;
    let mut name = String::with_capacity(task.len());
    for byte in task.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'[' | b']') {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    if name.len() > LONGEST {
        name.truncate(LONGEST);
        let digest = Digest::of(task.as_bytes()).to_string();
        name.push('~');
        name.extend(digest.chars().take(16));
    }
    name
}

/// The log of one attempt at a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLog {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The file with its log, or with the start of it while the command runs.
    pub path: PathBuf,
}

impl TaskLog {
    /// Writes what the command printed: all of it or, above 16 MiB, its start and its end with
    /// a line in between that says how much is left out.
    ///
    /// # Errors
    /// When the log cannot be read, or `to` not be written.
    pub fn copy_to(&self, to: &mut dyn Write) -> io::Result<()> {
        const ATTEMPTS: usize = 100;
        for _ in 0..ATTEMPTS {
            let numbers = parts_of(&self.path)?;
            let parts = match open_parts(&self.path, &numbers) {
                // The oldest made room for another, or all went behind the head: look again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                parts => parts?,
            };
            let most = if numbers.is_empty() { u64::MAX } else { HEAD };
            io::copy(&mut fs_err::File::open(&self.path)?.take(most), to)?;
            return parts.copy_to(to);
        }
        Err(io::Error::other(format!("{} changes while it is being read", self.path.display())))
    }
}

/// The logs of a task in a run's folder of logs, one for each attempt that printed anything, in
/// the order of the attempts. A task that runs for each item has them as `NAME[0]`, `NAME[1]`...
///
/// # Errors
/// When the folder cannot be read. One that is not there holds no logs.
pub fn task_logs(logs: &Path, task: &str) -> io::Result<Vec<TaskLog>> {
    let entries = match fs_err::read_dir(logs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let start = format!("{}.", file_name(task));
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let attempt = name.and_then(|name| {
            name.strip_prefix(&start)?.strip_suffix(EXTENSION)?.strip_suffix('.')?.parse().ok()
        });
        if let Some(attempt) = attempt {
            found.push(TaskLog { attempt, path });
        }
    }
    found.sort_by_key(|log| log.attempt);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(logs: &Path, chunks: impl Iterator<Item = Vec<u8>>) -> LogWriter {
        let mut log = LogWriter::new(logs, "a/b", 1).unwrap();
        chunks.for_each(|chunk| log.write(&chunk).unwrap());
        log
    }

    fn read(logs: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        let logs = task_logs(logs, "a/b").unwrap();
        logs.iter().for_each(|log| log.copy_to(&mut bytes).unwrap());
        bytes
    }

    /// Lines of 16 bytes, so many bytes in all.
    fn lines(bytes: u64) -> Vec<u8> {
        (0..bytes / 16).flat_map(|n| format!("{n:015}\n").into_bytes()).collect()
    }

    fn chunks(bytes: u64) -> impl Iterator<Item = Vec<u8>> {
        lines(bytes).chunks(60_001).map(<[u8]>::to_vec).collect::<Vec<_>>().into_iter()
    }

    fn files(folder: &Path) -> usize {
        fs_err::read_dir(folder).unwrap().count()
    }

    #[test]
    fn nothing_printed_is_no_file() {
        let logs = tempfile::tempdir().unwrap();
        written(logs.path(), std::iter::empty()).finish().unwrap();
        assert_eq!((files(logs.path()), read(logs.path()).len()), (0, 0));
        assert_eq!(task_logs(&logs.path().join("none"), "a").unwrap(), []);
    }

    #[test]
    fn up_to_head_and_tail_all_is_kept() {
        for bytes in [16, HEAD, HEAD + 16, HEAD + PART, HEAD + TAIL] {
            let logs = tempfile::tempdir().unwrap();
            let log = written(logs.path(), chunks(bytes));
            assert!(read(logs.path()) == lines(bytes), "{bytes} while it runs");
            log.finish().unwrap();
            assert!(read(logs.path()) == lines(bytes), "{bytes}");
            assert_eq!(files(logs.path()), 1);
        }
    }

    #[test]
    fn beyond_them_the_middle_is_left_out_and_counted() {
        let logs = tempfile::tempdir().unwrap();
        let bytes = HEAD + TAIL + 5 * PART + 160;
        let log = written(logs.path(), chunks(bytes));
        assert_eq!(files(logs.path()) as u64, 1 + PARTS, "bounded while it runs");
        let note = format!("\n[gristmill: {} bytes are left out here]\n", bytes - HEAD - TAIL);
        let all = lines(bytes);
        let (head, tail) = (&all[..HEAD as usize], &all[(bytes - TAIL) as usize..]);
        let expected = [head, note.as_bytes(), tail].concat();
        assert!(read(logs.path()) == expected, "while it runs");
        log.finish().unwrap();
        assert!(read(logs.path()) == expected);
        assert_eq!(files(logs.path()), 1);
    }

    #[test]
    fn another_start_of_an_attempt_begins_anew() {
        let logs = tempfile::tempdir().unwrap();
        drop(written(logs.path(), chunks(HEAD + 2 * PART)));
        written(logs.path(), chunks(16)).finish().unwrap();
        assert_eq!((read(logs.path()), files(logs.path())), (lines(16), 1));
    }

    #[test]
    fn other_tasks_have_other_files() {
        let long = "x".repeat(400);
        let names = ["a/b", "a_b", "a%2fb", "..", "a.1", "a[0]", "", "ä", &long, &long[1..]];
        let files: std::collections::BTreeSet<String> =
            names.iter().map(|n| file_name(n)).collect();
        assert_eq!(files.len(), names.len());
        assert!(files.iter().all(|f| f.len() < 200 && !f.contains(['/', '.'])), "{files:?}");
    }
}
