//! All artifacts as one tree of paths, which is how MLflow's clients see them.
//!
//! `EXPERIMENT/RUN/artifacts/...` are the artifacts of a run, wherever they came from; everything
//! else is a file that some client keeps. Content lies under its hash: no path that anybody sends is
//! ever a path on this machine, but for the inside of a folder that was stored whole.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use gristmill_track::{
    Artifact, ArtifactKind, ArtifactPath, Content, ContentHash, RunId, RunInfo, StoredFile,
    TrackError,
};

use crate::house::House;

/// Where something stands in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Among the artifacts of a run: the path there, empty for all of them.
    Run(RunId, String),
    /// Among the files of clients: the path, empty for all of them.
    Files(String),
}

/// What stands at a place.
pub(crate) enum Found {
    /// A file, and where its bytes are.
    File(PathBuf, u64, ContentHash),
    /// Other things stand below it.
    Folder,
    Nothing,
}

/// A file or a folder below a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: String,
    /// The size of a file; a folder has none.
    pub size: Option<u64>,
}

/// The place of a path below the root of all artifacts.
pub(crate) async fn place(house: &House, path: &str) -> Result<Place, TrackError> {
    if let Some((experiment, id, rest)) = run_path(path) {
        let known = house.store.runs_starting_with(&id.to_string()).await?;
        if known.iter().any(|run| is_there(run, id, experiment)) {
            return Ok(Place::Run(id, rest.into()));
        }
    }
    Ok(Place::Files(path.into()))
}

fn is_there(run: &RunInfo, id: RunId, experiment: &str) -> bool {
    run.id == id && run.experiment.to_string() == experiment && run.artifact_location.is_none()
}

/// The experiment, the run and the rest of a path that looks like that of a run's artifact.
fn run_path(path: &str) -> Option<(&str, RunId, &str)> {
    let (experiment, rest) = path.split_once('/')?;
    let (run, rest) = rest.split_once('/')?;
    let rest = match rest.strip_prefix("artifacts")? {
        "" => "",
        rest => rest.strip_prefix('/')?,
    };
    Some((experiment, run.parse().ok()?, rest))
}

/// What stands at a place.
pub(crate) async fn find(house: &House, place: &Place) -> Result<Found, TrackError> {
    match place {
        Place::Run(id, path) => {
            let artifacts = house.store.artifacts(*id).await?;
            let all = artifacts.into_iter().map(|Artifact { path, content }| (path, content));
            find_among(house, all.collect(), path).await
        }
        Place::Files(path) => match kept_at(house, path).await? {
            Some(StoredFile { path: known, content }) => {
                find_among(house, vec![(known, content)], path).await
            }
            None if house.store.files_below(path).await?.is_empty() => Ok(Found::Nothing),
            None => Ok(Found::Folder),
        },
    }
}

/// The content at a place that is a file by itself, and none of a folder's.
pub(crate) async fn stored_file(
    house: &House,
    place: &Place,
) -> Result<Option<Content>, TrackError> {
    let content = match place {
        Place::Run(id, path) => {
            let artifacts = house.store.artifacts(*id).await?;
            let found = artifacts.into_iter().find(|artifact| artifact.path.as_str() == path);
            found.map(|artifact| artifact.content)
        }
        Place::Files(path) => house.store.file(path).await?.map(|file| file.content),
    };
    Ok(content.filter(|content| content.kind == ArtifactKind::File))
}

/// The file at a path, or the folder that was stored whole and that the path lies in.
async fn kept_at(house: &House, path: &str) -> Result<Option<StoredFile>, TrackError> {
    if let Some(file) = house.store.file(path).await? {
        return Ok(Some(file));
    }
    let mut inner = path;
    while let Some((folder, _)) = inner.rsplit_once('/') {
        let found = house.store.file(folder).await?;
        if let Some(found) = found.filter(|found| found.content.kind == ArtifactKind::Folder) {
            return Ok(Some(found));
        }
        inner = folder;
    }
    Ok(None)
}

async fn find_among(
    house: &House,
    known: Vec<(ArtifactPath, Content)>,
    path: &str,
) -> Result<Found, TrackError> {
    if path.is_empty() {
        return Ok(Found::Folder);
    }
    let mut found = Found::Nothing;
    for (name, content) in &known {
        let name = name.as_str();
        if let Some(inner) = below(path, name) {
            return look_inside(house, content, inner).await;
        }
        if below(name, path).is_some() {
            found = Found::Folder;
        }
    }
    Ok(found)
}

/// What of `path` lies below `folder`: nothing at all when it is the folder itself.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    match path.strip_prefix(folder)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

/// What stands at `inner` within some content; the content itself when that is empty.
async fn look_inside(house: &House, content: &Content, inner: &str) -> Result<Found, TrackError> {
    let root = house.artifacts.local_path(content.hash).await?;
    let hash = content.hash;
    match (content.kind, inner) {
        (ArtifactKind::File, "") => Ok(Found::File(root, content.size, hash)),
        (ArtifactKind::File, _) => Ok(Found::Nothing),
        (_, "") => Ok(Found::Folder),
        (_, inner) => {
            let inner = ArtifactPath::parse(inner)?;
            away(move || look(&root, &inner, hash)).await
        }
    }
}

fn look(root: &Path, inner: &ArtifactPath, hash: ContentHash) -> Result<Found, TrackError> {
    let path = root.join(inner.as_str());
    match inside(root, &path) {
        Ok(Some(found)) if found.is_dir() => Ok(Found::Folder),
        Ok(Some(found)) if found.is_file() => Ok(Found::File(path, found.len(), hash)),
        Ok(_) => Ok(Found::Nothing),
        Err(error) => Err(TrackError::io(&path, &error)),
    }
}

/// What stands at `path`, when that is really within `root`: a link could lead out of it.
fn inside(root: &Path, path: &Path) -> io::Result<Option<std::fs::Metadata>> {
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_inside = real.starts_with(fs::canonicalize(root)?);
    if is_inside { fs::symlink_metadata(path).map(Some) } else { Ok(None) }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What stands directly below a place, by name; nothing below a file or where there is nothing.
pub(crate) async fn list(house: &House, place: &Place) -> Result<Vec<Entry>, TrackError> {
    let (known, path) = match place {
        Place::Run(id, path) => {
            let artifacts = house.store.artifacts(*id).await?;
            let all = artifacts.into_iter().map(|Artifact { path, content }| (path, content));
            (all.collect::<Vec<_>>(), path)
        }
        Place::Files(path) => {
            let mut files = house.store.files_below(path).await?;
            files.extend(kept_at(house, path).await?);
            let all = files.into_iter().map(|StoredFile { path, content }| (path, content));
            (all.collect(), path)
        }
    };
    let mut entries = BTreeMap::new();
    for (name, content) in &known {
        let name = name.as_str();
        let rest = if path.is_empty() { Some(name) } else { below(name, path) };
        match (rest, below(path, name)) {
            (Some(""), _) | (None, Some(_)) => {
                let inner = below(path, name).unwrap_or_default();
                entries.extend(inner_entries(house, content, inner).await?);
            }
            (Some(rest), _) => drop(entries.insert(first_part(rest), size(rest, content))),
            (None, None) => {}
        }
    }
    Ok(entries.into_iter().map(|(name, size)| Entry { name, size }).collect())
}

fn first_part(path: &str) -> String {
    path.split('/').next().unwrap_or_default().to_string()
}

/// The size of what stands at the first part of `rest`, when that is a file.
fn size(rest: &str, content: &Content) -> Option<u64> {
    let is_file = !rest.contains('/') && content.kind == ArtifactKind::File;
    is_file.then_some(content.size)
}

async fn inner_entries(
    house: &House,
    content: &Content,
    inner: &str,
) -> Result<BTreeMap<String, Option<u64>>, TrackError> {
    if content.kind == ArtifactKind::File {
        return Ok(BTreeMap::new());
    }
    let root = house.artifacts.local_path(content.hash).await?;
    let folder = match inner {
        "" => root.clone(),
        inner => root.join(ArtifactPath::parse(inner)?.as_str()),
    };
    away(move || entries_of(&root, &folder).map_err(|error| TrackError::io(&folder, &error))).await
}

fn entries_of(root: &Path, folder: &Path) -> io::Result<BTreeMap<String, Option<u64>>> {
    let mut entries = BTreeMap::new();
    if !inside(root, folder)?.is_some_and(|found| found.is_dir()) {
        return Ok(entries);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.metadata()?;
        if let (Ok(name), false) = (entry.file_name().into_string(), found.is_symlink()) {
            entries.insert(name, found.is_file().then_some(found.len()));
        }
    }
    Ok(entries)
}

/// Puts content at a place.
pub(crate) async fn keep(house: &House, place: &Place, content: Content) -> Result<(), TrackError> {
    match place {
        Place::Run(id, path) => {
            let path = ArtifactPath::parse(path)?;
            house.store.record_artifacts(*id, vec![Artifact { path, content }]).await
        }
        Place::Files(path) => {
            let path = ArtifactPath::parse(path)?;
            house.store.keep_file(StoredFile { path, content }).await
        }
    }
}

/// Takes away what stands at a place and below it.
pub(crate) async fn forget(house: &House, place: &Place) -> Result<(), TrackError> {
    match place {
        Place::Run(id, path) if path.is_empty() => {
            for entry in list(house, place).await? {
                house.store.remove_artifacts(*id, &entry.name).await?;
            }
            Ok(())
        }
        Place::Run(id, path) => house.store.remove_artifacts(*id, path).await,
        Place::Files(path) => house.store.forget_files(path).await,
    }
}

/// Does work that waits for the disk where it holds nobody up.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TrackError> + Send + 'static,
) -> Result<T, TrackError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| TrackError::Bug(format!("work on files ended early: {error}")))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, &str)>) {
        let found = run_path(path);
        assert_eq!(found.map(|(experiment, _, rest)| (experiment, rest)), expected, "{path}");
    }

    #[test]
    fn the_artifacts_of_runs_have_paths_of_their_own() {
        let run = "0123456789abcdef0123456789abcdef";
        check(&format!("0/{run}/artifacts/a/b"), Some(("0", "a/b")));
        check(&format!("7/{run}/artifacts"), Some(("7", "")));
        check(&format!("0/{run}/artifactsx"), None);
        check(&format!("0/{run}"), None);
        check("0/models/m-1/artifacts/a", None);
        check("", None);
    }

    #[test]
    fn a_folder_is_below_no_other_of_like_name() {
        assert_eq!(below("a/b", "a"), Some("b"));
        assert_eq!(below("a", "a"), Some(""));
        assert_eq!(below("ab", "a"), None);
    }
}
