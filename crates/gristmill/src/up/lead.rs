//! Which of several `gristmill up` on one home begins runs: whoever holds a lock that its death frees.

use std::io::Write;

use crate::{Home, Result};

/// The lock of the one that leads. The others stand by and take over at once when it ends.
pub(crate) struct Lead {
    #[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
    _lock: std::fs::File,
}

impl Lead {
    /// The lead, unless another process has it.
    ///
    /// # Errors
    /// When the home cannot be written.
    pub fn take(home: &Home) -> Result<Option<Self>> {
        let folder = home.root().join("locks");
        fs_err::create_dir_all(&folder)?;
        let path = folder.join("up");
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        let mut lock = file.into_parts().0;
        match lock.try_lock() {
            Ok(()) => {
                lock.set_len(0)?;
                write!(lock, "{}", std::process::id())?;
                Ok(Some(Self { _lock: lock }))
            }
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The process that took the lead last, in words for people.
    pub fn holder(home: &Home) -> Option<String> {
        let text = fs_err::read_to_string(home.root().join("locks").join("up")).ok()?;
        Some(text.trim().to_string()).filter(|text| !text.is_empty())
    }
}
