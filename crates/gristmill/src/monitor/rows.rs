//! The rows of a retraining: what it learns from beside the source, and what the new version and the champion
//! meet on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::{FittedPipeline, Notes, Table};
use gristmill_evaluate::Split;
use gristmill_flow::Digest;
use gristmill_ingest::SourceSpec;
use gristmill_track::{ModelVersion, RunId};

use super::{CompareRows, MonitorSection};
use crate::execution::cache;
use crate::file::DataSection;
use crate::keeper::Keeper;
use crate::predictions::{Form, Labelled, Wanted, labelled};
use crate::{Error, Home, Kind, Result, stages};

/// More labelled requests than that are not learned from: the latest of them are.
const MOST: usize = 1_000_000;
/// How the names of files with requests to compare on begin.
const RECENT: &str = "recent-";
/// On fewer rows no two models are compared.
pub(super) const FEWEST: usize = 30;

/// The files of one retraining.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub fn of(home: &Home, run: RunId) -> Self {
        Self { folder: folder(home).join(run.to_string()) }
    }

    /// Requests that are learned from.
    pub fn logged(&self) -> PathBuf {
        self.folder.join("logged.parquet")
    }

    /// Requests of which so many, the last ones, are only compared on; those before them are what a model that
    /// looks at earlier rows may look at.
    fn recent(&self, compared: usize) -> PathBuf {
        self.folder.join(format!("{RECENT}{compared}.parquet"))
    }

    /// The file of requests to compare on, and how many of its last rows they are, if there is one.
    fn find_recent(&self) -> Option<(PathBuf, usize)> {
        let entries = fs_err::read_dir(&self.folder).ok()?;
        entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let count = path.file_stem()?.to_str()?.strip_prefix(RECENT)?.parse().ok()?;
                Some((path, count))
            })
            .next()
    }

    /// Removes them. What cannot be removed is only in the way.
    pub fn remove(&self) {
        let _ = fs_err::remove_dir_all(&self.folder);
    }
}

/// The folder with those of all retrainings.
pub(super) fn folder(home: &Home) -> PathBuf {
    home.root().join("retraining")
}

/// What lies there: a folder for each retraining, under the id of its run. Whatever else it is was not written there.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn laid_aside(home: &Home) -> Result<Vec<(RunId, PathBuf)>> {
    let folder = folder(home);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let run = entry.file_name().to_str().and_then(|name| name.parse().ok());
        found.extend(run.map(|run| (run, entry.path())));
    }
    Ok(found)
}

/// What was laid aside for a retraining.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Laid {
    pub learned: usize,
    pub compared: usize,
}

/// Lays aside the labelled requests of a model: the latest to compare on, at most half of those that came
/// since the champion was made, and those before them to learn from.
///
/// # Errors
/// When the log cannot be read, or the files not be written.
pub(super) fn lay_aside(
    home: &Home,
    keeper: &Keeper,
    champion: (&ModelVersion, &FittedPipeline),
    (section, data): (&MonitorSection, &DataSection),
    files: &Files,
) -> Result<Laid> {
    let (version, fitted) = champion;
    let form = Form { input: fitted.input(), target: fitted.target(), time: time_of(data) };
    let wanted = Wanted { most: MOST, since: None, version: None };
    let Labelled { rows, moments, .. } = labelled(home, keeper, &version.model, wanted, form)?;
    let new = moments.iter().filter(|moment| **moment >= version.created).count();
    let compared = match section.compare_rows() {
        CompareRows::Latest(most) => (most as usize).min(new / 2),
        CompareRows::Test => 0,
    };
    let compared = if compared < FEWEST { 0 } else { compared };
    let learned = rows.rows() - compared;
    // What an attempt that was cut short laid aside is none of this one's.
    files.remove();
    write(&rows.slice(0, learned), &files.logged())?;
    if compared > 0 {
        let from = if fitted.is_windowed() { 0 } else { learned };
        write(&rows.slice(from, rows.rows() - from), &files.recent(compared))?;
    }
    Ok(Laid { learned, compared })
}

/// The column of moments that orders the rows of a file.
fn time_of(data: &DataSection) -> Option<&str> {
    match &data.split {
        Some(Split::Time { column, .. }) => Some(column),
        _ => None,
    }
}

/// Writes rows, if there are any, whole or not at all.
fn write(rows: &Table, path: &Path) -> Result<()> {
    if rows.rows() == 0 {
        return Ok(());
    }
    fs_err::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    Ok(gristmill_ingest::write(rows, path)?)
}

/// Rows that two versions meet on.
pub(super) struct CommonRows {
    pub table: Arc<Table>,
    pub rows: Vec<u32>,
    /// Where they come from, in words.
    pub words: &'static str,
}

/// The requests that were laid aside for it; where there are none the test rows of the retraining.
///
/// # Errors
/// When neither is there.
pub(super) fn common_rows(
    home: &Home,
    keeper: &Keeper,
    run: RunId,
    files: &Files,
) -> Result<CommonRows> {
    if let Some((path, compared)) = files.find_recent() {
        let source = SourceSpec::Path(path.to_string_lossy().into_owned());
        let table = gristmill_ingest::read(&source, Path::new(""), &Notes::default())?;
        let all = table.rows() as u32;
        let rows = (all.saturating_sub(compared as u32)..all).collect();
        return Ok(CommonRows {
            table: Arc::new(table),
            rows,
            words: "the latest labelled requests",
        });
    }
    let tasks = keeper.wait(|s| s.tasks(run))?;
    let cache = cache(home)?;
    let folder = |name: &str| -> Result<PathBuf> {
        let task = tasks.iter().find(|task| task.name == name);
        let key = task.and_then(|task| task.cache_key.as_ref()?.parse::<Digest>().ok());
        key.and_then(|key| cache.folder(&key)).ok_or_else(|| {
            Error::new(Kind::Stored, format!("what `{name}` of the run {run} gave is gone"))
                .with_hint("the next retraining makes it again")
        })
    };
    let (table, parts) = stages::table_and_parts(&folder("ingest")?, &folder("split")?)?;
    Ok(CommonRows { table: Arc::new(table), rows: parts.test, words: "the test rows" })
}
