//! The folders in which a living process prepares what it will put into a cache.
//!
//! Each open cache owns a folder below `tmp/`, named by a lock file beside it that it holds
//! locked. The system frees the lock when the process dies, however it dies, and whoever opens
//! the cache next removes folders whose lock is free. So a crash leaves nothing behind for long,
//! and no live folder is ever taken for a dead one, not even by another machine whose processes
//! have the same numbers.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of this process, removed with everything in it when dropped.
pub(super) struct Session {
    folder: PathBuf,
    lock: PathBuf,
    /// Held open, since closing it would free the lock.
    _file: fs_err::File,
    next: AtomicU64,
    empty: OnceLock<Option<Workspace>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folder.fmt(f)
    }
}

impl Session {
    /// A new folder below `tmp`, once what dead processes left there is gone.
    pub(super) fn open(tmp: &Path) -> io::Result<Self> {
        fs_err::create_dir_all(tmp)?;
        sweep(tmp);
        const ATTEMPTS: usize = 10_000;
        for number in 0..ATTEMPTS {
            let name = format!("{}-{number}", std::process::id());
            if let Some(session) = Self::claim(tmp, &name)? {
                return Ok(session);
            }
        }
        Err(io::Error::other(format!("no free name in {}", tmp.display())))
    }

    /// A session of this name, unless another has it.
    fn claim(tmp: &Path, name: &str) -> io::Result<Option<Self>> {
        let lock = tmp.join(format!("{name}.{LOCK}"));
        let mut options = fs_err::OpenOptions::new();
        let file = match options.write(true).create_new(true).open(&lock) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            other => other?,
        };
        // Between making and locking it, another process may have swept it away.
        if !holds(&file, &lock) {
            return Ok(None);
        }
        let folder = tmp.join(name);
        match fs_err::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            other => other?,
        }
        Ok(Some(Self {
            folder,
            lock,
            _file: file,
            next: AtomicU64::new(0),
            empty: OnceLock::new(),
        }))
    }

    /// A new empty folder.
    pub(super) fn workspace(&self) -> io::Result<Workspace> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(number.to_string());
        fs_err::create_dir(&folder)?;
        Ok(Workspace { folder })
    }

    /// A folder with nothing in it, the same for all who ask; one that is not there when it
    /// cannot be made.
    pub(super) fn empty(&self) -> PathBuf {
        let made = self.empty.get_or_init(|| self.workspace().ok());
        made.as_ref().map_or_else(|| self.folder.join("empty"), |w| w.folder.clone())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The lock goes last: while it is there, nobody else touches the folder.
        let _ = fs_err::remove_dir_all(&self.folder);
        let _ = fs_err::remove_file(&self.lock);
    }
}

/// A folder for one piece of work, removed when dropped unless it was moved away.
#[derive(Debug)]
pub(super) struct Workspace {
    folder: PathBuf,
}

impl Workspace {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if self.folder.exists() {
            let _ = fs_err::remove_dir_all(&self.folder);
        }
    }
}

const LOCK: &str = "lock";

/// Locks a file; true when it is ours and still the one that its path names.
fn holds(file: &fs_err::File, path: &Path) -> bool {
    match file.try_lock() {
        Ok(()) => same_file(file, path),
        Err(std::fs::TryLockError::WouldBlock) => false,
        // Without locks (some network file systems) no process can sweep either.
        Err(std::fs::TryLockError::Error(_)) => true,
    }
}

#[cfg(unix)]
fn same_file(file: &fs_err::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs_err::metadata(path)) {
        (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_file: &fs_err::File, path: &Path) -> bool {
    path.exists()
}

/// Removes the folders of processes that are no more. What cannot be removed now is left for the
/// next time.
fn sweep(tmp: &Path) {
    let Ok(entries) = fs_err::read_dir(tmp) else { return };
    for lock in entries.flatten().map(|e| e.path()) {
        if lock.extension().is_some_and(|e| e == LOCK) {
            sweep_one(&lock);
        }
    }
}

fn sweep_one(lock: &Path) {
    let Ok(file) = fs_err::OpenOptions::new().write(true).open(lock) else { return };
    if file.try_lock().is_err() || !same_file(&file, lock) {
        return;
    }
    let folder = lock.with_extension("");
    if !folder.exists() || fs_err::remove_dir_all(&folder).is_ok() {
        let _ = fs_err::remove_file(lock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tmp: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(tmp).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_session_leaves_nothing_behind() {
        let tmp = tempfile::tempdir().unwrap();
        let session = Session::open(tmp.path()).unwrap();
        let work = session.workspace().unwrap();
        fs_err::write(work.folder().join("x"), "x").unwrap();
        drop(work);
        drop(session);
        assert_eq!(names(tmp.path()), [""; 0]);
    }

    #[test]
    fn what_a_dead_process_left_is_swept_and_what_a_living_one_has_is_not() {
        let tmp = tempfile::tempdir().unwrap();
        let living = Session::open(tmp.path()).unwrap();
        let work = living.workspace().unwrap();
        fs_err::create_dir_all(tmp.path().join("1-0/0")).unwrap();
        fs_err::write(tmp.path().join("1-0/0/half"), "half").unwrap();
        fs_err::write(tmp.path().join("1-0.lock"), "").unwrap();
        let other = Session::open(tmp.path()).unwrap();
        assert!(work.folder().exists());
        assert!(!tmp.path().join("1-0").exists());
        assert_eq!(names(tmp.path()).len(), 4, "{:?}", names(tmp.path()));
        drop(other);
    }
}
