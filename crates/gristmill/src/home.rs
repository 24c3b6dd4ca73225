//! The home folder: the database, the artifacts and the cache of one or many projects.

use std::path::{Path, PathBuf};

/// The name of a home in a project's folder.
const FOLDER: &str = ".gristmill";

/// A folder that holds everything Gristmill keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// A home at this folder, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The home that belongs to work in `folder`: `.gristmill/` in the nearest parent that has
    /// one, else in `folder` itself.
    pub fn nearest(folder: &Path) -> Self {
        folder
            .ancestors()
            .map(|parent| parent.join(FOLDER))
            .find(|home| home.is_dir())
            .map_or_else(|| Self::at(folder.join(FOLDER)), Self::at)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where results of tasks are kept by content.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_parent_with_a_home_wins() {
        let top = tempfile::tempdir().unwrap();
        let deep = top.path().join("a/b");
        fs_err::create_dir_all(&deep).unwrap();
        assert_eq!(Home::nearest(&deep).root(), deep.join(FOLDER));
        fs_err::create_dir(top.path().join(FOLDER)).unwrap();
        assert_eq!(Home::nearest(&deep).root(), top.path().join(FOLDER));
    }
}
