//! The home folder: the database, the artifacts and the cache of one or many projects.

use std::fmt;
use std::path::{Path, PathBuf};

/// The variable that names the database that several machines share. Not an option of every command:
/// addresses hold passwords, and options can be seen by everybody on the machine.
pub const DATABASE_URL: &str = "GRISTMILL_DATABASE_URL";

/// The name of a home in a project's folder.
const FOLDER: &str = ".gristmill";

/// A folder that holds everything Gristmill keeps, but for the database where that stands elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    /// The address of a database that several machines share; it may hold a password.
    database: Option<String>,
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.is_shared();
        f.debug_struct("Home").field("root", &self.root).field("shared", &shared).finish()
    }
}

impl Home {
    /// A home at this folder, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), database: None }
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

    /// The same home with its runs and models in the database at this address:
    /// `postgres://user@host/name`.
    #[must_use]
    pub fn with_database(self, url: impl Into<String>) -> Self {
        Self { database: Some(url.into()), ..self }
    }

    /// Whether other machines may have the same database.
    pub fn is_shared(&self) -> bool {
        self.database.is_some()
    }

    /// The address of the database, where it does not stand in the folder.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
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
