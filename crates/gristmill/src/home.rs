//! The home folder: the database, the artifacts and the cache of one or many projects.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use gristmill_core::Clock;
use gristmill_track::{
    ArtifactStore, ContentHash, artifacts_folder, database_name, open_artifacts,
};

use crate::Result;
use crate::clock::SystemClock;

/// The variable that names the database that several machines share. Not an option of every command:
/// addresses hold passwords, and options can be seen by everybody on the machine.
pub const DATABASE_URL: &str = "GRISTMILL_DATABASE_URL";

/// The variable that names the place of the artifacts, where that is not the home.
pub const ARTIFACTS: &str = "GRISTMILL_ARTIFACTS";

/// The name of a home in a project's folder.
const FOLDER: &str = ".gristmill";
/// The file with the name by which a home's database is known where artifacts are shared.
const OWNER: &str = "owner";

/// A folder that holds everything Gristmill keeps, but for the database and the artifacts where those
/// stand elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    /// The address of a database that several machines share; it may hold a password.
    database: Option<String>,
    /// The address of a bucket or folder with the artifacts, which several machines may share.
    artifacts: Option<String>,
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.is_shared();
        f.debug_struct("Home")
            .field("root", &self.root)
            .field("shared", &shared)
            .field("artifacts", &self.artifacts)
            .finish()
    }
}

impl Home {
    /// A home at this folder, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), database: None, artifacts: None }
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

    /// The same home with its artifacts at this address: `s3://bucket/prefix`, `file:///folder` or a
    /// folder. What it has already stays in it and is found.
    #[must_use]
    pub fn with_artifacts(self, address: impl Into<String>) -> Self {
        Self { artifacts: Some(address.into()), ..self }
    }

    /// The same home at another folder: its database and its artifacts stay where they are, if that
    /// is not the folder.
    #[must_use]
    pub fn moved_to(self, root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), ..self }
    }

    /// The same home with its runs and models in its folder.
    #[must_use]
    pub fn without_database(self) -> Self {
        Self { database: None, ..self }
    }

    /// The same home, whatever the current folder is.
    ///
    /// # Errors
    /// When the current folder is gone.
    pub(crate) fn absolute(&self) -> Result<Self> {
        let is_folder = |address: &&String| !address.is_empty() && !address.starts_with("s3://");
        let mut home = self.clone().moved_to(std::path::absolute(&self.root)?);
        if let Some(folder) = self.artifacts.as_ref().filter(is_folder) {
            home.artifacts = Some(artifacts_folder(folder)?.to_string_lossy().into_owned());
        }
        Ok(home)
    }

    /// Whether other machines may have the same database.
    pub fn is_shared(&self) -> bool {
        self.database.is_some()
    }

    /// The address of the database, where it does not stand in the folder.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The address of the artifacts, where they do not stand in the folder.
    pub(crate) fn artifacts(&self) -> Option<&str> {
        self.artifacts.as_deref()
    }

    /// The artifacts, for one asynchronous runtime. Nothing is asked yet.
    ///
    /// # Errors
    /// When the address is none, or the environment names no store.
    pub(crate) fn open_artifacts(&self) -> Result<Arc<dyn ArtifactStore>> {
        let owner = match self.artifacts {
            Some(_) => self.owner()?,
            None => String::new(),
        };
        Ok(open_artifacts(&self.root, self.artifacts(), &owner, Arc::new(SystemClock))?)
    }

    /// Whose runs and models these are, in words that no other database has.
    ///
    /// # Errors
    /// When the home cannot be written.
    pub(crate) fn owner(&self) -> Result<String> {
        match &self.database {
            Some(url) => Ok(database_name(url)?),
            None => self.own_name(),
        }
    }

    /// The name that the database in the folder is known by: made once, and kept beside it.
    fn own_name(&self) -> Result<String> {
        let place = self.root.join(OWNER);
        if !place.exists() {
            fs::create_dir_all(&self.root)?;
            let root = std::path::absolute(&self.root)?.display().to_string();
            let process = std::process::id();
            let chance =
                ContentHash::of(format!("{root} {process} {:?}", SystemClock.now()).as_bytes());
            let chance = chance.to_string();
            let draft = self.root.join(format!("{OWNER}-{process}"));
            fs::write(&draft, format!("home {root}, {}", chance.get(..8).unwrap_or_default()))?;
            // Whoever comes second takes the name that is there.
            let linked = fs::hard_link(&draft, &place);
            fs::remove_file(&draft)?;
            if let Err(error) = linked
                && error.kind() != std::io::ErrorKind::AlreadyExists
            {
                return Err(error.into());
            }
        }
        Ok(fs::read_to_string(&place)?)
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

    #[test]
    fn whose_artifacts_they_are_stays_the_same_and_holds_no_password() {
        let top = tempfile::tempdir().unwrap();
        let home = |name: &str| Home::at(top.path().join(name));
        let owner = |name: &str| home(name).owner().unwrap();
        assert_eq!(owner("a"), owner("a"));
        assert_ne!(owner("a"), owner("b"));
        let shared = |url: &str| home("a").with_database(url).owner().unwrap();
        assert_eq!(shared("postgres://me:sesame@host/runs"), "postgres://host:5432/runs");
        assert_eq!(shared("postgres://me@host/runs"), shared("postgres://you@host:5432/runs"));
    }
}
