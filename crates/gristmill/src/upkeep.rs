//! Who copies a home's content and who removes from it: never both at once.

use std::fs::TryLockError;

use crate::{Error, Home, Result};

/// What is done with a home's content while it is held.
pub(crate) struct Upkeep {
    #[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
    _lock: std::fs::File,
}

impl Upkeep {
    /// Keeps whoever removes content away. Others may copy it too.
    ///
    /// # Errors
    /// When somebody removes content now, or the home cannot be written.
    pub fn copying(home: &Home) -> Result<Self> {
        Self::take(home, |file| file.try_lock_shared(), "`gristmill gc` tidies this home up")
    }

    /// Keeps whoever copies content away, and whoever else removes it.
    ///
    /// # Errors
    /// When somebody does either now, or the home cannot be written.
    pub fn removing(home: &Home) -> Result<Self> {
        let busy = "a backup or another `gristmill gc` is at work on this home";
        Self::take(home, |file| file.try_lock(), busy)
    }

    #[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
    fn take(
        home: &Home,
        lock: impl FnOnce(&std::fs::File) -> Result<(), TryLockError>,
        busy: &str,
    ) -> Result<Self> {
        let folder = home.root().join("locks");
        fs_err::create_dir_all(&folder)?;
        let path = folder.join("content");
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        let file = file.into_parts().0;
        match lock(&file) {
            Ok(()) => Ok(Self { _lock: file }),
            Err(TryLockError::WouldBlock) => Err(Error::input(busy).with_hint("let it end")),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_beside_each_other_and_nothing_is_removed_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let copies = [Upkeep::copying(&home).unwrap(), Upkeep::copying(&home).unwrap()];
        assert!(Upkeep::removing(&home).is_err());
        drop(copies);
        let _removing = Upkeep::removing(&home).unwrap();
        assert!(Upkeep::copying(&home).is_err());
    }
}
