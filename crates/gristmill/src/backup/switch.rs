//! Putting one home in the place of another at once.

use std::path::{Path, PathBuf};

use crate::Result;

/// Puts the folder `new` at `place`. What was there comes to stand where `new` stood; nothing when
/// there was nothing.
///
/// # Errors
/// When it cannot be done; everything is where it was then.
pub(super) fn switch(new: &Path, place: &Path) -> Result<Option<PathBuf>> {
    if !place.exists() {
        fs_err::rename(new, place)?;
        return Ok(None);
    }
    if !exchange(new, place) {
        by_two_moves(new, place)?;
    }
    Ok(Some(new.into()))
}

/// At one instant, where the file system can.
#[cfg(target_os = "linux")]
fn exchange(new: &Path, place: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn exchange(_new: &Path, _place: &Path) -> bool {
    false
}

fn by_two_moves(new: &Path, place: &Path) -> Result<()> {
    let between = new.with_extension("between");
    fs_err::rename(place, &between)?;
    if let Err(error) = fs_err::rename(new, place) {
        fs_err::rename(&between, place)?;
        return Err(error.into());
    }
    Ok(fs_err::rename(&between, new)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(work: impl Fn(&Path, &Path)) {
        let folder = tempfile::tempdir().unwrap();
        let (new, place) = (folder.path().join(".home.new"), folder.path().join("home"));
        for (at, text) in [(&new, "new"), (&place, "old")] {
            fs_err::create_dir(at).unwrap();
            fs_err::write(at.join("a"), text).unwrap();
        }
        work(&new, &place);
        assert_eq!(fs_err::read_to_string(place.join("a")).unwrap(), "new");
        assert_eq!(fs_err::read_to_string(new.join("a")).unwrap(), "old");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn two_folders_change_places() {
        check(|new, place| assert_eq!(switch(new, place).unwrap(), Some(new.into())));
        check(|new, place| by_two_moves(new, place).unwrap());
    }

    #[test]
    fn a_place_that_is_free_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (new, place) = (folder.path().join("new"), folder.path().join("home"));
        fs_err::create_dir(&new).unwrap();
        assert_eq!(switch(&new, &place).unwrap(), None);
        assert!(place.is_dir() && !new.exists());
    }
}
