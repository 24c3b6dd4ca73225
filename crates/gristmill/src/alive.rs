//! Whether the process of a run lives: it holds a lock on a file, which its death frees.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gristmill_track::RunId;

use crate::{Error, Home, Result};

/// Whether a process is at work on this run.
pub(crate) fn is_alive(home: &Home, run: RunId) -> Result<bool> {
    Alive::is(home, run)
}

/// A lock on a file that the death of the process frees.
pub(crate) struct Alive {
    path: PathBuf,
    #[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
    _lock: std::fs::File,
}

impl Alive {
    fn path(home: &Home, run: RunId) -> PathBuf {
        home.root().join("locks").join(run.to_string())
    }

    pub fn begin(home: &Home, run: RunId) -> Result<Self> {
        Self::take(home, run)?.ok_or_else(|| {
            Error::input(format!("another process is at work on run {run}")).with_hint("let it end")
        })
    }

    /// The lock of a run, unless a living process has it.
    pub fn take(home: &Home, run: RunId) -> Result<Option<Self>> {
        // Whoever looks whether the run lives holds its lock for an instant.
        const TRIES: u32 = 20;
        const PAUSE: Duration = Duration::from_millis(5);
        let path = Self::path(home, run);
        fs_err::create_dir_all(home.root().join("locks"))?;
        for _ in 0..TRIES {
            let lock = fs_err::OpenOptions::new().create(true).append(true).open(&path)?;
            let lock = lock.into_parts().0;
            match lock.try_lock() {
                Ok(()) if is_at(&lock, &path) => return Ok(Some(Self { path, _lock: lock })),
                // Its last holder removed it between opening and locking.
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Whether the process of `run` lives.
    pub fn is(home: &Home, run: RunId) -> Result<bool> {
        let path = Self::path(home, run);
        let Ok(file) = fs_err::File::open(&path) else { return Ok(false) };
        match file.into_parts().0.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => Ok(true),
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
            Ok(()) => Ok(false),
        }
    }
}

/// Whether the file that was opened still stands at its path.
#[cfg(unix)]
#[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
fn is_at(file: &std::fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs_err::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
#[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
fn is_at(_file: &std::fs::File, path: &Path) -> bool {
    path.exists()
}

impl Drop for Alive {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// A lock file that stays behind does no harm: nobody holds it.
fn remove(path: &Path) {
    let _ = fs_err::remove_file(path);
}
