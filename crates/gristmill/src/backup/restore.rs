//! Making a home of a backup: beside the place that it is for, looked at from end to end, and then
//! put there at once.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{
    ArtifactStore, ContentHash, Deployment, LocalArtifacts, RunId, SqliteStore, Store,
};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use super::content::{self, Piece};
use super::manifest::{Manifest, artifact_of};
use super::source::Source;
use super::switch::switch;
use super::take::content_named_by;
use super::{DATABASE, counted, damaged, refuse_shared};
use crate::alive::Alive;
use crate::up::Lead;
use crate::upkeep::Upkeep;
use crate::{Error, Home, Kind, Result};

/// What becomes of a home that has something in it already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupied {
    /// It stays, and nothing is restored.
    Refused,
    /// It is put aside.
    PutAside,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RestoreReport {
    /// The home.
    pub home: PathBuf,
    /// The moment of which it is now.
    pub taken: Timestamp,
    /// The layout of the database in the backup.
    pub layout: i64,
    /// How many experiments, runs, models, versions, deployments and tokens it has.
    pub counts: BTreeMap<String, u64>,
    /// How many files.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// The deployments in use, which `gristmill up` will run.
    pub deployed: Vec<String>,
    /// Content that was lost before the backup was taken.
    pub missing: Vec<String>,
    /// Where the home of before was put, if there was one.
    pub aside: Option<PathBuf>,
}

/// Makes the home that the backup at `path` is of. Secrets of the home of before stay; its cache
/// goes with it.
///
/// # Errors
/// When there is no backup, or anything of it is damaged; when the home has something in it and
/// `occupied` does not say what becomes of that; when `up`, a run, a backup or `gc` is at work on it;
/// when there is no room. Nothing has changed then.
pub fn restore(
    home: &Home,
    path: &Path,
    occupied: Occupied,
    clock: &dyn Clock,
) -> Result<RestoreReport> {
    refuse_shared(home, "gristmill restore")?;
    let (source, manifest) = Source::open(path)?;
    let home = Home::at(resolved(home.root())?);
    let was = inhabited(home.root())?;
    if was && occupied == Occupied::Refused {
        let found = format!("the home `{}` has something in it", home.root().display());
        return Err(Error::input(found).with_hint(
            "name another with --home, or let it be put aside with `--replace`; it is not deleted",
        ));
    }
    let stage = Stage::open(&home)?;
    let _alone = was.then(|| alone(&home)).transpose()?;
    Restoring { source, manifest, path, stage, home: &home }.run(was, clock)
}

/// The folder with what is there of it resolved, so that a link to it stays one.
fn resolved(root: &Path) -> Result<PathBuf> {
    if root.exists() {
        return Ok(fs_err::canonicalize(root)?);
    }
    let root = std::path::absolute(root)?;
    let (Some(parent), Some(name)) = (root.parent(), root.file_name()) else {
        return Err(Error::input(format!("`{}` can be no home", root.display())));
    };
    fs_err::create_dir_all(parent)?;
    Ok(fs_err::canonicalize(parent)?.join(name))
}

/// Whether a home has anything that a restored one would not have.
fn inhabited(root: &Path) -> Result<bool> {
    const STAYS: [&str; 2] = ["locks", "secrets"];
    if !root.exists() {
        return Ok(false);
    }
    for entry in fs_err::read_dir(root)? {
        let name = entry?.file_name();
        if !STAYS.iter().any(|stays| name == *stays) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The home for this process alone.
///
/// # Errors
/// When another process is at work on it, with what that does.
fn alone(home: &Home) -> Result<(Lead, Upkeep)> {
    let busy = |who: String| {
        Error::input(format!("{who} is at work on the home `{}`", home.root().display()))
            .with_hint("stop it, or let it end, and restore again")
    };
    let Some(lead) = Lead::take(home)? else {
        return Err(busy(match Lead::holder(home) {
            Some(process) => format!("`gristmill up` (process {process})"),
            None => "`gristmill up`".into(),
        }));
    };
    for entry in fs_err::read_dir(home.root().join("locks"))? {
        let name = entry?.file_name();
        let run: Option<RunId> = name.to_str().and_then(|name| name.parse().ok());
        if let Some(run) = run
            && Alive::is(home, run)?
        {
            return Err(busy(format!("run {run}")));
        }
    }
    Ok((lead, Upkeep::removing(home)?))
}

/// The folder in which a home is made before it is put in its place.
struct Stage {
    home: Home,
    /// Tells another restore that this one lives; after the switch it keeps `up` from beginning runs.
    _lead: Lead,
}

impl Stage {
    fn open(home: &Home) -> Result<Self> {
        let name = home.root().file_name().unwrap_or_default().to_string_lossy();
        let staged = Home::at(home.root().with_file_name(format!(".{name}.restoring")));
        let lead = Lead::take(&staged)?.ok_or_else(|| {
            Error::input("another process restores this home").with_hint("let it end")
        })?;
        // What a restore that was killed left behind.
        for entry in fs_err::read_dir(staged.root())? {
            let path = entry?.path();
            match path.is_dir() {
                true if path.ends_with("locks") => {}
                true => fs_err::remove_dir_all(path)?,
                false => fs_err::remove_file(path)?,
            }
        }
        Ok(Self { home: staged, _lead: lead })
    }

    fn root(&self) -> &Path {
        self.home.root()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // It is not there any more when it was put in its place; what stays is cleared by the next.
        let _ = fs_err::remove_dir_all(self.root());
    }
}

struct Restoring<'a> {
    source: Source,
    manifest: Manifest,
    path: &'a Path,
    stage: Stage,
    home: &'a Home,
}

impl Restoring<'_> {
    fn run(mut self, was_inhabited: bool, clock: &dyn Clock) -> Result<RestoreReport> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        self.unpack()?;
        self.check_folders(&runtime)?;
        self.check_database(&runtime)?;
        let deployed = self.settle(&runtime)?;
        self.keep_secrets()?;
        let aside = self.switch(was_inhabited, clock)?;
        Ok(RestoreReport {
            home: self.home.root().into(),
            taken: self.manifest.taken,
            layout: self.manifest.layout,
            counts: counted(&self.manifest.rows),
            files: self.manifest.files.len() as u64,
            bytes: self.manifest.bytes(),
            deployed,
            missing: self.manifest.missing,
            aside,
        })
    }

    /// Writes every file, and compares its bytes with what the manifest says.
    fn unpack(&mut self) -> Result<()> {
        for entry in &self.manifest.files {
            let to = self.stage.root().join(entry.path.as_str());
            if let Some(folder) = to.parent() {
                fs_err::create_dir_all(folder)?;
            }
            let mut file = fs_err::File::create_new(&to)?;
            let from = self.source.read(entry.hash)?;
            let found = content::copy(from, &mut file, entry.size.saturating_add(1))?;
            if found != (Piece { hash: entry.hash, size: entry.size }) {
                let found = format!("the bytes of `{}` are not those that were saved", entry.path);
                return Err(damaged(self.path, found));
            }
        }
        Ok(())
    }

    /// Compares all content of the home with the hash that is its name.
    fn check_folders(&self, runtime: &Runtime) -> Result<()> {
        let artifacts = LocalArtifacts::in_home(self.stage.root());
        let paths = self.manifest.files.iter().map(|entry| entry.path.as_str());
        let hashes: HashSet<ContentHash> = paths.filter_map(artifact_of).collect();
        for hash in hashes {
            let sound = runtime.block_on(artifacts.verify(hash));
            sound.map_err(|error| damaged(self.path, error))?;
        }
        Ok(())
    }

    fn check_database(&self, runtime: &Runtime) -> Result<()> {
        let database = self.stage.root().join(DATABASE);
        let held = runtime.block_on(SqliteStore::inspect(&database));
        let held = held.map_err(|error| damaged(self.path, error))?;
        if (held.layout, &held.rows) != (self.manifest.layout, &self.manifest.rows) {
            let found = "its database does not hold what its manifest says";
            return Err(damaged(self.path, found));
        }
        Ok(())
    }

    /// Brings the database to our layout and to its new place, and looks whether all content that it
    /// names is there. The deployments in use come back.
    fn settle(&self, runtime: &Runtime) -> Result<Vec<String>> {
        let root = self.stage.root();
        let named = content_named_by(root).map_err(|error| match error.kind {
            Kind::Stored => {
                damaged(self.path, error.message).with_hint(error.hint.unwrap_or_default())
            }
            _ => error,
        })?;
        let artifacts = LocalArtifacts::in_home(root);
        for hash in named {
            let known =
                self.manifest.missing.iter().any(|line| line.starts_with(&hash.to_string()));
            if !known && runtime.block_on(artifacts.find(hash))?.is_none() {
                return Err(damaged(
                    self.path,
                    format!("its database names {hash}, which it lacks"),
                ));
            }
        }
        let store = Arc::new(runtime.block_on(SqliteStore::open(root))?);
        let deployed =
            runtime.block_on(relocated(&*store, &self.manifest.home, self.home.root()))?;
        let store = Arc::try_unwrap(store).map_err(|_| Error::bug("a restored store is in use"))?;
        runtime.block_on(store.close());
        Ok(deployed)
    }

    /// A backup has no secrets, so those of the home stay.
    fn keep_secrets(&self) -> Result<()> {
        let secrets = self.home.root().join("secrets");
        if !secrets.is_dir() {
            return Ok(());
        }
        for name in content::files_in(&secrets)? {
            let to = self.stage.root().join("secrets").join(&name);
            if let Some(folder) = to.parent() {
                fs_err::create_dir_all(folder)?;
            }
            fs_err::copy(secrets.join(&name), to)?;
        }
        Ok(())
    }

    fn switch(&self, was_inhabited: bool, clock: &dyn Clock) -> Result<Option<PathBuf>> {
        let Some(old) = switch(self.stage.root(), self.home.root())? else { return Ok(None) };
        if !was_inhabited {
            fs_err::remove_dir_all(old)?;
            return Ok(None);
        }
        let name = self.home.root().file_name().unwrap_or_default().to_string_lossy();
        let aside = format!("{name}.before-{}", clock.now().0);
        let aside = self.home.root().with_file_name(aside);
        fs_err::rename(old, &aside)?;
        Ok(Some(aside))
    }
}

async fn relocated(
    store: &dyn Store,
    from: &str,
    to: &Path,
) -> Result<Vec<String>, gristmill_track::TrackError> {
    if from.len() > 1 {
        store.relocate_packages(from, &to.display().to_string()).await?;
    }
    let in_use = |deployment: &Deployment| deployment.undeployed.is_none();
    let deployments = store.deployments().await?;
    Ok(deployments.into_iter().filter(in_use).map(|deployment| deployment.name).collect())
}
