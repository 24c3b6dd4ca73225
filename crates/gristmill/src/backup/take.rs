//! Taking a backup of a home that may be served and written meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{
    ArtifactKind, ArtifactStore, ContentHash, Holdings, LocalArtifacts, SqliteStore,
};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use super::archive::Archive;
use super::folder::Folder;
use super::manifest::{Entry, FORMAT, Manifest};
use super::target::Target;
use super::{DATABASE, content, counted, is_archive, refuse_shared};
use crate::gc::Needed;
use crate::keeper::Keeper;
use crate::upkeep::Upkeep;
use crate::{Error, Home, Kind, Result, tasks};

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackupReport {
    /// Where it stands.
    pub path: PathBuf,
    /// The moment of which it is: whatever was acknowledged before is in it.
    pub taken: Timestamp,
    /// The layout of its database.
    pub layout: i64,
    /// How many experiments, runs, models, versions, deployments and tokens it has.
    pub counts: BTreeMap<String, u64>,
    /// How many files of the home.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many files had to be copied; equal ones count once.
    pub copied: u64,
    /// How many bytes those have.
    pub copied_bytes: u64,
    /// What the database names and the home itself has lost, or has damaged.
    pub missing: Vec<String>,
}

/// Writes a backup of `home` to `path`: one file if that ends in `.tar`, else a folder. Others may
/// use the home meanwhile. A backup that was there gives way once the new one is whole.
///
/// # Errors
/// When there is no home, it keeps its runs in Postgres, `gc` is at work on it, `path` has something
/// else or lies within the home, or one of them cannot be read or written. What was there stays then.
pub fn backup(home: &Home, path: &Path, clock: &dyn Clock) -> Result<BackupReport> {
    refuse_shared(home, "gristmill backup")?;
    let root = fs_err::canonicalize(home.root()).map_err(|_| no_home(home))?;
    if !root.join(DATABASE).is_file() {
        return Err(no_home(home));
    }
    let path = std::path::absolute(path)?;
    if resolved(&path).starts_with(&root) {
        let found =
            format!("`{}` lies within the home that it would be a backup of", path.display());
        return Err(Error::input(found)
            .with_hint("choose a place outside, on another disk if there is one"));
    }
    let home = Home::at(root);
    let _upkeep = Upkeep::copying(&home)?;
    let target: Box<dyn Target> = match is_archive(&path) {
        true => Box::new(Archive::open(&path)?),
        false => Box::new(Folder::open(&path)?),
    };
    Taking { home: &home, target, files: Vec::new(), missing: BTreeSet::new() }.run(&path, clock)
}

fn no_home(home: &Home) -> Error {
    Error::input(format!("`{}` is no home: it has no database", home.root().display()))
        .with_hint("name the home with --home")
}

/// The path with what is there of it resolved.
fn resolved(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|part| Some((part, fs_err::canonicalize(part).ok()?)));
    match there {
        Some((part, real)) => real.join(path.strip_prefix(part).unwrap_or(Path::new(""))),
        None => path.into(),
    }
}

/// A backup in the making.
struct Taking<'a> {
    home: &'a Home,
    target: Box<dyn Target>,
    files: Vec<Entry>,
    missing: BTreeSet<String>,
}

impl Taking<'_> {
    fn run(mut self, path: &Path, clock: &dyn Clock) -> Result<BackupReport> {
        let taken = clock.now();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let workbench = self.target.workbench().to_path_buf();
        let (held, named) = copy_database(self.home, &workbench, &runtime)?;
        self.artifacts(&named, &runtime)?;
        self.logs()?;
        let piece = self.target.put(&workbench.join(DATABASE))?;
        self.files.push(Entry::new(DATABASE, piece)?);
        let manifest = Manifest {
            format: FORMAT,
            engine: env!("CARGO_PKG_VERSION").into(),
            taken,
            home: self.home.root().display().to_string(),
            layout: held.layout,
            rows: held.rows,
            missing: self.missing.into_iter().collect(),
            files: self.files,
        };
        let copied = self.target.finish(&manifest)?;
        Ok(BackupReport {
            path: path.into(),
            taken,
            layout: manifest.layout,
            counts: counted(&manifest.rows),
            files: manifest.files.len() as u64,
            bytes: manifest.bytes(),
            copied: copied.files,
            copied_bytes: copied.bytes,
            missing: manifest.missing,
        })
    }

    /// Takes in all content that the copied database names. It was stored before it was named, and
    /// nobody removes any meanwhile, so what is not there was lost before.
    fn artifacts(&mut self, named: &BTreeSet<ContentHash>, runtime: &Runtime) -> Result<()> {
        let artifacts = LocalArtifacts::in_home(self.home.root());
        for &hash in named {
            if let Some(known) = self.target.known(hash) {
                self.files.extend(known);
                continue;
            }
            let sound = runtime.block_on(artifacts.verify(hash)).map_err(Error::from);
            match sound {
                Ok(()) => self.artifact(&artifacts, hash, runtime)?,
                Err(error) if matches!(error.kind, Kind::Stored) => {
                    self.missing.insert(format!("{hash}: {}", error.message));
                }
                Err(error) => match runtime.block_on(artifacts.find(hash))? {
                    None => drop(self.missing.insert(format!("{hash}: it is not there"))),
                    Some(_) => return Err(error),
                },
            }
        }
        Ok(())
    }

    fn artifact(
        &mut self,
        artifacts: &LocalArtifacts,
        hash: ContentHash,
        runtime: &Runtime,
    ) -> Result<()> {
        let place = runtime.block_on(artifacts.local_path(hash))?;
        let kind = runtime.block_on(artifacts.find(hash))?.map(|content| content.kind);
        let name = hash.to_string();
        let path = format!("artifacts/{}/{name}", name.get(..2).unwrap_or_default());
        if kind != Some(ArtifactKind::Folder) {
            return self.file(&place, &path);
        }
        for inner in content::files_in(&place)? {
            self.file(&place.join(&inner), &format!("{path}/{inner}"))?;
        }
        Ok(())
    }

    fn file(&mut self, source: &Path, path: &str) -> Result<()> {
        let piece = self.target.put(source)?;
        self.files.push(Entry::new(path, piece)?);
        Ok(())
    }

    /// Takes in the logs of runs as far as they were written.
    fn logs(&mut self) -> Result<()> {
        let folder = tasks::all_logs(self.home);
        if !folder.is_dir() {
            return Ok(());
        }
        for inner in content::files_in(&folder)? {
            let source = folder.join(&inner);
            match self.file(&source, &format!("logs/{inner}")) {
                // One that its run has just put in the place of another.
                Err(_) if !source.exists() => {}
                done => done?,
            }
        }
        Ok(())
    }
}

/// Copies the database of a home, and says what it holds and which content it names. The home's
/// layout stays as it is; the copy has ours.
fn copy_database(
    home: &Home,
    workbench: &Path,
    runtime: &Runtime,
) -> Result<(Holdings, BTreeSet<ContentHash>)> {
    let copy = workbench.join(DATABASE);
    runtime.block_on(SqliteStore::copy(home.root(), &copy))?;
    let named = content_named_by(workbench)?;
    Ok((runtime.block_on(SqliteStore::inspect(&copy))?, named))
}

/// The content that the database in `folder` names, which is brought to our layout and is closed again.
pub(super) fn content_named_by(folder: &Path) -> Result<BTreeSet<ContentHash>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let store = Arc::new(runtime.block_on(SqliteStore::open(folder))?);
    let artifacts = Arc::new(LocalArtifacts::in_home(folder));
    let keeper = Keeper::over(store.clone(), artifacts)?;
    let named = Needed::content(&keeper)?.into_iter().collect();
    drop(keeper);
    let store = Arc::try_unwrap(store).map_err(|_| Error::bug("a copied store is still in use"))?;
    runtime.block_on(store.close());
    Ok(named)
}
