//! The files below a folder, links followed as far as they may be.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Fault, TaskError};

/// How far symbolic links are followed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Links<'a> {
    /// Wherever they lead.
    Anywhere,
    /// Not out of this folder.
    Within(&'a Path),
}

/// What lies below a folder, by the way from there, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) files: Vec<PathBuf>,
    pub(super) folders: Vec<PathBuf>,
}

/// What lies below `folder`.
///
/// # Errors
/// When something cannot be read, is neither file nor folder, or when a link leads in a circle,
/// nowhere, or out of where it may.
pub(super) fn below(folder: &Path, links: Links<'_>) -> Result<Tree, TaskError> {
    let mut walk = Walk { root: folder, links, tree: Tree::default() };
    walk.enter(Path::new(""), &mut vec![fs_err::canonicalize(folder)?])?;
    walk.tree.files.sort_unstable();
    walk.tree.folders.sort_unstable();
    Ok(walk.tree)
}

struct Walk<'a> {
    root: &'a Path,
    links: Links<'a>,
    tree: Tree,
}

impl Walk<'_> {
    /// `trail` holds the places of the folders through which links led here.
    fn enter(&mut self, relative: &Path, trail: &mut Vec<PathBuf>) -> Result<(), TaskError> {
        for entry in fs_err::read_dir(self.root.join(relative))? {
            let entry = entry?;
            let below = relative.join(entry.file_name());
            let mut kind = entry.file_type()?;
            let is_link = kind.is_symlink();
            if is_link {
                allowed(&entry.path(), self.links)?;
                kind = fs_err::metadata(entry.path())?.file_type();
            }
            match kind {
                kind if kind.is_file() => self.tree.files.push(below),
                kind if kind.is_dir() && is_link => self.follow(below, trail)?,
                kind if kind.is_dir() => {
                    self.enter(&below, trail)?;
                    self.tree.folders.push(below);
                }
                _ => {
                    let message =
                        format!("`{}` is neither file nor folder", entry.path().display());
                    return Err(TaskError::new(Fault::Input, message));
                }
            }
        }
        Ok(())
    }

    /// Enters a folder through a link, unless another link led through it to here.
    fn follow(&mut self, link: PathBuf, trail: &mut Vec<PathBuf>) -> Result<(), TaskError> {
        let path = self.root.join(&link);
        let place = fs_err::canonicalize(&path)?;
        let here = path.parent().map(fs_err::canonicalize).transpose()?;
        if trail.contains(&place) || here.is_some_and(|here| here.starts_with(&place)) {
            let message = format!("the link `{}` leads in a circle", path.display());
            return Err(TaskError::new(Fault::Input, message));
        }
        trail.push(place);
        self.enter(&link, trail)?;
        trail.pop();
        self.tree.folders.push(link);
        Ok(())
    }
}

/// Refuses a link that leads nowhere, or further than it may.
pub(super) fn allowed(link: &Path, links: Links<'_>) -> Result<(), TaskError> {
    let place = fs_err::canonicalize(link).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("the link `{}` leads to nothing", link.display());
            TaskError::new(Fault::Input, message)
        }
        _ => error.into(),
    })?;
    match links {
        Links::Within(folder) if !place.starts_with(fs_err::canonicalize(folder)?) => {
            let (link, place) = (link.display(), place.display());
            let message =
                format!("the link `{link}` leads to `{place}`, out of the working folder");
            Err(TaskError::new(Fault::Input, message).with_hint("copy what it leads to"))
        }
        _ => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree(links: &[(&str, &str)]) -> (tempfile::TempDir, Result<Tree, String>) {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("in/deep/empty")).unwrap();
        fs_err::write(folder.path().join("in/deep/x"), "x").unwrap();
        fs_err::write(folder.path().join("in/a"), "a").unwrap();
        for (to, link) in links {
            symlink(to, folder.path().join("in").join(link)).unwrap();
        }
        let found = below(&folder.path().join("in"), Links::Within(folder.path()));
        (folder, found.map_err(|e| e.message))
    }

    #[test]
    fn files_and_folders_come_sorted() {
        let found = tree(&[("a", "b"), ("deep", "again")]).1.unwrap();
        assert_eq!(found.files, ["a", "again/x", "b", "deep/x"].map(PathBuf::from));
        assert_eq!(found.folders.len(), 4);
    }

    #[test]
    fn links_that_lead_astray_are_refused() {
        let refused = |to: &str| tree(&[(to, "link")]).1.unwrap_err();
        assert!(refused("/etc/passwd").contains("out of the working folder"));
        assert!(refused("/etc").contains("out of the working folder"));
        assert!(refused("../../..").contains("out of the working folder"));
        assert!(refused("none").contains("leads to nothing"));
        assert!(refused(".").contains("leads in a circle"));
        assert!(refused("..").contains("leads in a circle"));
    }

    #[test]
    fn links_that_lead_to_each_other_end() {
        let error = tree(&[("../deep", "deep/other"), ("deep", "again")]);
        assert!(error.1.is_err(), "{:?}", error.1);
    }
}
