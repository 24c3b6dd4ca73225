//! Writes down a run while it goes on: its settings, its tasks, its scores, how it ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::{KeyParts, TaskReport};
use gristmill_track::{
    Artifact, ArtifactPath, ArtifactStore, Batch, Experiment, ExperimentId, LocalArtifacts,
    NewExperiment, NewRun, RunId, RunQuery, RunStatus, RunUpdate, Store, TaskRecord, TaskStatus,
    tags,
};
use serde_json::Value;

use crate::check::Checked;
use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::report::Metrics;
use crate::{Home, Result, environment};

/// A run in the store that has begun.
pub(crate) struct Recorder {
    keeper: Keeper,
    home: Home,
    id: RunId,
    started: Timestamp,
    /// Held as long as the run's process lives, so that others can tell.
    _alive: Alive,
}

impl Recorder {
    /// Records that a run of `checked` begins now.
    pub fn start(home: &Home, checked: &Checked, path: &Path) -> Result<Self> {
        let keeper = Keeper::open(home)?;
        let started = SystemClock.now();
        let id = run_id(&checked.file.name, started);
        let alive = Alive::begin(home, id)?;
        settle_the_dead(&keeper, home)?;
        let experiment = experiment(&keeper, &checked.file.name, started)?;
        let new = NewRun {
            experiment,
            kind: Some("pipeline".into()),
            pipeline: Some(checked.file.name.clone()),
            source: Some(path.display().to_string()),
            batch: settings(checked),
            ..NewRun::new(id, &checked.file.name, started)
        };
        keeper.wait(|s| s.create_run(new))?;
        keep_file(&keeper, home, id, "pipeline.yaml", path)?;
        Ok(Self { keeper, home: home.clone(), id, started, _alive: alive })
    }

    pub fn id(&self) -> RunId {
        self.id
    }

    pub fn started(&self) -> Timestamp {
        self.started
    }

    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Records which tasks there are, in their order, before any of them begins.
    pub fn expect<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<()> {
        let pending = names.map(|name| TaskRecord::new(name, TaskStatus::Pending)).collect();
        self.keeper.wait(|s| s.record_tasks(self.id, pending))
    }

    /// Records what became of tasks.
    pub fn tasks(&self, reports: &[TaskReport]) -> Result<()> {
        let records = reports.iter().map(record).collect();
        self.keeper.wait(|s| s.record_tasks(self.id, records))
    }

    /// Keeps the file at `path` as the run's artifact `name`.
    pub fn keep(&self, name: &str, path: &Path) -> Result<()> {
        keep_file(&self.keeper, &self.home, self.id, name, path)
    }

    /// Keeps these bytes as the run's artifact `name`.
    pub fn keep_bytes(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let content = self.keeper.wait_for(store(&self.home).put_bytes(bytes))?;
        let artifact = Artifact { path: ArtifactPath::parse(name)?, content };
        self.keeper.wait(|s| s.record_artifacts(self.id, vec![artifact]))
    }

    /// Records what a run found out and how it ended.
    pub fn end(
        &self,
        status: RunStatus,
        metrics: Option<&Metrics>,
        facts: BTreeMap<String, String>,
        error: Option<String>,
    ) -> Result<Timestamp> {
        let now = SystemClock.now();
        let mut batch = metrics.map(|m| scores(m, now)).unwrap_or_default();
        batch.tags.extend(facts);
        self.keeper.wait(|s| s.log(self.id, batch))?;
        let update = RunUpdate { error, ..RunUpdate::ended(status, now) };
        self.keeper.wait(|s| s.update_run(self.id, update))?;
        Ok(now)
    }
}

/// Keeps a file as it is now as an artifact of a run.
fn keep_file(keeper: &Keeper, home: &Home, run: RunId, name: &str, path: &Path) -> Result<()> {
    let content = keeper.wait_for(store(home).put_file(path))?;
    let artifact = Artifact { path: ArtifactPath::parse(name)?, content };
    keeper.wait(|s| s.record_artifacts(run, vec![artifact]))
}

fn store(home: &Home) -> LocalArtifacts {
    LocalArtifacts::in_home(home.root())
}

/// An id that no other run has: when it began, what it ran, and who ran it.
fn run_id(pipeline: &str, started: Timestamp) -> RunId {
    let process = std::process::id().to_le_bytes();
    RunId::from_parts(&[pipeline.as_bytes(), &started.0.to_le_bytes(), &process])
}

fn experiment(keeper: &Keeper, name: &str, now: Timestamp) -> Result<ExperimentId> {
    let find = || -> Result<Option<Experiment>> { keeper.wait(|s| s.experiment_named(name)) };
    if let Some(known) = find()? {
        return Ok(known.id);
    }
    let new = NewExperiment { name: name.into(), created: now, ..NewExperiment::default() };
    match keeper.wait(|s| s.create_experiment(new)) {
        Ok(made) => Ok(made.id),
        // Another process may have made it in between.
        Err(error) => find()?.map(|known| known.id).ok_or(error),
    }
}

/// The file's settings by path, and where the run came from.
fn settings(checked: &Checked) -> Batch {
    let mut batch = Batch::default();
    let mut file = serde_json::to_value(&checked.file).unwrap_or_default();
    if let Some(sections) = file.as_object_mut() {
        sections.remove("name");
    }
    flatten("", &file, &mut batch.params);
    batch.tags = environment::tags_of(&checked.folder);
    batch.tags.insert(tags::SEED.into(), checked.file.seed.to_string());
    batch
}

/// Leaves of a JSON tree by their dotted path; what was not set is left out.
fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let under = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match value {
        Value::Null => {}
        Value::Object(entries) => entries.iter().for_each(|(k, v)| flatten(&under(k), v, into)),
        Value::Array(items) if items.iter().any(|i| i.is_object()) => {
            items.iter().enumerate().for_each(|(i, v)| flatten(&under(&i.to_string()), v, into));
        }
        Value::Array(items) if items.is_empty() => {}
        Value::String(text) => {
            into.insert(path.into(), text.clone());
        }
        other => {
            into.insert(path.into(), other.to_string());
        }
    }
}

fn scores(metrics: &Metrics, now: Timestamp) -> Batch {
    let mut batch = Batch::default();
    for (part, scores) in [("train", &metrics.train), ("test", &metrics.test)] {
        for (name, &score) in scores {
            batch = batch.metric(format!("{part}.{name}"), score, 0, now);
        }
    }
    for (name, folds) in &metrics.cv {
        batch = batch.metric(format!("cv.{name}.mean"), folds.mean, 0, now);
        batch = batch.metric(format!("cv.{name}.std"), folds.std, 0, now);
        for (fold, &score) in folds.folds.iter().enumerate() {
            batch = batch.metric(format!("cv.{name}.fold"), score, fold as i64, now);
        }
    }
    batch
}

fn record(report: &TaskReport) -> TaskRecord {
    let status = TaskStatus::parse(&report.status.to_string()).unwrap_or(TaskStatus::Failed);
    TaskRecord {
        cached: is_cached(report),
        attempts: report.attempts,
        seconds: Some(report.seconds),
        cache_key: report.key.as_ref().map(ToString::to_string),
        inputs: parts(report.key_parts.as_ref()),
        reason: (!report.reason.is_empty()).then(|| report.reason.join("; ")),
        error: report.error.as_ref().map(ToString::to_string),
        ..TaskRecord::new(&report.name, status)
    }
}

/// Whether nothing was done: taken from the cache, or registered already.
pub(crate) fn is_cached(report: &TaskReport) -> bool {
    report.cached || report.facts["unchanged"] == Value::Bool(true)
}

fn parts(parts: Option<&KeyParts>) -> Value {
    parts.and_then(|p| serde_json::to_value(p).ok()).unwrap_or_default()
}

/// Runs whose process ended before they did are over; says so in the store.
fn settle_the_dead(keeper: &Keeper, home: &Home) -> Result<()> {
    let query = RunQuery { statuses: vec![RunStatus::Running], ..RunQuery::default() };
    for run in keeper.wait(|s| s.search_runs(&query))? {
        if run.info.kind.as_deref() == Some("pipeline") && !Alive::is(home, run.info.id)? {
            let update = RunUpdate {
                error: Some("its process ended before it did".into()),
                ..RunUpdate::ended(RunStatus::Cancelled, SystemClock.now())
            };
            keeper.wait(|s| s.update_run(run.info.id, update))?;
        }
    }
    Ok(())
}

/// A lock on a file that the death of the process frees.
struct Alive {
    path: PathBuf,
    #[allow(clippy::disallowed_types, reason = "only the standard file can be locked")]
    _lock: std::fs::File,
}

impl Alive {
    fn path(home: &Home, run: RunId) -> PathBuf {
        home.root().join("locks").join(run.to_string())
    }

    fn begin(home: &Home, run: RunId) -> Result<Self> {
        let path = Self::path(home, run);
        fs_err::create_dir_all(home.root().join("locks"))?;
        let lock = fs_err::File::create(&path)?.into_parts().0;
        lock.lock()?;
        Ok(Self { path, _lock: lock })
    }

    /// Whether the process of `run` lives.
    fn is(home: &Home, run: RunId) -> Result<bool> {
        let path = Self::path(home, run);
        let Ok(file) = fs_err::File::open(&path) else { return Ok(false) };
        match file.into_parts().0.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => Ok(true),
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
            Ok(()) => {
                remove(&path);
                Ok(false)
            }
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// A lock file that stays behind does no harm: nobody holds it.
fn remove(path: &Path) {
    let _ = fs_err::remove_file(path);
}
