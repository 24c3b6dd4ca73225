//! Who is at work on a run: locks on files that the death of a process frees, however it dies.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gristmill_track::RunId;

use crate::{Error, Home, Result};

/// A lock on a file of its own in the home's folder of locks.
pub(crate) struct Alive {
    path: PathBuf,
    lock: File,
}

#[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
type File = std::fs::File;

/// One way to lock a file without waiting.
type Lock = fn(&File) -> Result<(), TryLockError>;

impl Alive {
    /// The lock of a new run.
    pub fn begin(home: &Home, run: RunId) -> Result<Self> {
        Self::take(home, run)?.ok_or_else(|| {
            Error::input(format!("another process is at work on run {run}")).with_hint("let it end")
        })
    }

    /// The lock of a run for this process alone, unless a living process has it.
    pub fn take(home: &Home, run: RunId) -> Result<Option<Self>> {
        Self::patiently(home, run, File::try_lock)
    }

    /// The lock of a run, shared with all who join it, unless a living process has it alone.
    pub fn join(home: &Home, run: RunId) -> Result<Option<Self>> {
        Self::patiently(home, run, File::try_lock_shared)
    }

    /// The lock of this name for this process alone, when all who have it now are done.
    pub fn wait_for(home: &Home, name: RunId) -> Result<Self> {
        loop {
            let (path, lock) = Self::open(home, name)?;
            lock.lock()?;
            if is_at(&lock, &path) {
                return Ok(Self { path, lock });
            }
        }
    }

    /// Whether a process has the lock of `run`.
    pub fn is(home: &Home, run: RunId) -> Result<bool> {
        let Ok(file) = fs_err::File::open(Self::path(home, run)) else { return Ok(false) };
        match file.into_parts().0.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error.into()),
            Ok(()) => Ok(false),
        }
    }

    fn patiently(home: &Home, run: RunId, try_lock: Lock) -> Result<Option<Self>> {
        // Whoever looks whether the run lives holds its lock for an instant.
        const TRIES: u32 = 20;
        const PAUSE: Duration = Duration::from_millis(5);
        for _ in 0..TRIES {
            let (path, lock) = Self::open(home, run)?;
            match try_lock(&lock) {
                Ok(()) if is_at(&lock, &path) => return Ok(Some(Self { path, lock })),
                // Its last holder removed it between opening and locking.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn open(home: &Home, run: RunId) -> Result<(PathBuf, File)> {
        let path = Self::path(home, run);
        fs_err::create_dir_all(home.root().join("locks"))?;
        let file = fs_err::OpenOptions::new().create(true).append(true).open(&path)?;
        Ok((path, file.into_parts().0))
    }

    fn path(home: &Home, run: RunId) -> PathBuf {
        home.root().join("locks").join(run.to_string())
    }
}

impl Drop for Alive {
    /// The last holder takes the file away. One that stays behind does no harm: nobody holds it.
    fn drop(&mut self) {
        if self.lock.try_lock().is_ok() {
            let _ = fs_err::remove_file(&self.path);
        }
    }
}

/// Whether the file that was opened still stands at its path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs_err::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home, RunId) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        (folder, home, RunId::from_parts(&[b"run"]))
    }

    #[test]
    fn those_who_join_are_beside_each_other_and_nobody_takes_what_they_have() {
        let (_folder, home, run) = home();
        let first = Alive::join(&home, run).unwrap().unwrap();
        let second = Alive::join(&home, run).unwrap().unwrap();
        drop(first);
        assert!(Alive::is(&home, run).unwrap());
        assert!(Alive::take(&home, run).unwrap().is_none());
        let third = Alive::join(&home, run).unwrap().unwrap();
        drop((second, third));
        assert!(!Alive::is(&home, run).unwrap());
        assert!(Alive::take(&home, run).unwrap().is_some());
    }

    #[test]
    fn nobody_joins_what_one_has_alone() {
        let (_folder, home, run) = home();
        let alone = Alive::take(&home, run).unwrap().unwrap();
        assert!(Alive::join(&home, run).unwrap().is_none());
        drop(alone);
        assert_eq!(fs_err::read_dir(home.root().join("locks")).unwrap().count(), 0);
    }
}
