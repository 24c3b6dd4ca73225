//! Writes down a run while it goes on: its settings, its tasks, its scores, how it ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::{Digest, Task};
use gristmill_track::{
    Artifact, ArtifactPath, ArtifactStore, Batch, Experiment, ExperimentId, LocalArtifacts,
    NewExperiment, NewRun, Run, RunId, RunQuery, RunStatus, RunUpdate, Store, TaskRecord,
    TaskStatus, tags,
};
use serde_json::{Value, json};

use crate::alive::Alive;
use crate::check::Checked;
use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::report::{Metrics, Progress};
use crate::{Error, Home, Kind, Result, environment};

/// Whether a run may go on with an earlier one that was cut short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the pipeline's latest run, if that was cut short and the file is the same.
    #[default]
    Resume,
    /// Never.
    Anew,
    /// With the run of this id, unless it has ended; a new run of this id when there is none. Who
    /// has to begin a run once and only once chooses its id and writes that down before.
    As(RunId),
}

impl Start {
    /// With the run of this id, as it is written.
    ///
    /// # Errors
    /// When it is no id.
    pub fn named(id: &str) -> Result<Self> {
        Ok(Self::As(id.parse()?))
    }

    fn stopped(self) -> RunStatus {
        match self {
            Self::As(_) => RunStatus::Interrupted,
            Self::Resume | Self::Anew => RunStatus::Cancelled,
        }
    }
}

/// What a run is a run of.
pub(crate) struct Subject {
    /// The pipeline.
    pub name: String,
    /// Its file.
    pub file: Option<PathBuf>,
    /// What a run must have in common with another to go on with it.
    pub fingerprint: String,
    /// What is recorded with it.
    pub settings: Batch,
}

impl Subject {
    /// The pipeline of the file at `path`.
    pub fn file(checked: &Checked, path: &Path) -> Self {
        // With everything that it includes and all that was set in its place; when it runs by
        // itself says nothing about what is run.
        let mut file = serde_json::to_value(&checked.file).unwrap_or_default();
        if let Some(sections) = file.as_object_mut() {
            sections.retain(|name, _| name != "schedule" && name != "triggers");
        }
        Self {
            name: checked.file.name.clone(),
            file: Some(path.into()),
            fingerprint: Digest::of_json(FINGERPRINT, &file).to_string(),
            settings: settings(checked),
        }
    }

    /// It, recorded with these tags too.
    pub fn with_tags(mut self, tags: &BTreeMap<String, String>) -> Self {
        self.settings.tags.extend(tags.clone());
        self
    }

    /// Tasks of a program.
    pub fn tasks(name: &str, tasks: &[Box<dyn Task>]) -> Self {
        let tasks: Vec<Value> = tasks
            .iter()
            .map(|task| {
                json!([task.name(), task.needs(), task.kind(), task.version(), task.parameters()])
            })
            .collect();
        Self {
            name: name.into(),
            file: None,
            fingerprint: Digest::of_json(FINGERPRINT, &Value::Array(tasks)).to_string(),
            settings: Batch::default(),
        }
    }
}

/// The form of what is hashed.
const FINGERPRINT: &str = "gristmill plan 1";

/// A run in the store that has begun.
pub(crate) struct Recorder {
    keeper: Arc<Keeper>,
    home: Home,
    pipeline: String,
    id: RunId,
    started: Timestamp,
    /// What an earlier process of the run wrote down of its tasks; nothing for a new run.
    earlier: Vec<TaskRecord>,
    resumed: bool,
    /// What it becomes when it is stopped on request.
    stopped: RunStatus,
    /// Held as long as the run's process lives, so that others can tell.
    _alive: Alive,
}

impl Recorder {
    /// Records that a run begins now, or goes on.
    pub fn start(home: &Home, subject: Subject, start: Start) -> Result<Self> {
        let keeper = Arc::new(Keeper::open(home)?);
        settle_the_dead(&keeper, home)?;
        let resumed = match start {
            Start::Anew => None,
            Start::Resume => Self::resume_latest(home, &keeper, &subject)?,
            Start::As(id) => Self::resume_named(home, &keeper, &subject, id)?,
        };
        if let Some(resumed) = resumed {
            return Ok(resumed);
        }
        let Subject { name, file, fingerprint, settings } = subject;
        let started = SystemClock.now();
        let id = match start {
            Start::As(id) => id,
            Start::Anew | Start::Resume => run_id(&name, started),
        };
        let alive = Alive::begin(home, id)?;
        let experiment = experiment(&keeper, &name, started)?;
        let new = NewRun {
            experiment,
            kind: Some("pipeline".into()),
            pipeline: Some(name.clone()),
            source: file.as_ref().map(|file| file.display().to_string()),
            batch: settings.tag(tags::PIPELINE_HASH, fingerprint),
            ..NewRun::new(id, &name, started)
        };
        keeper.wait(|s| s.create_run(new))?;
        if let Some(file) = &file {
            keep_file(&keeper, home, id, "pipeline.yaml", file)?;
        }
        Ok(Self {
            keeper,
            home: home.clone(),
            pipeline: name,
            id,
            started,
            earlier: Vec::new(),
            resumed: false,
            stopped: start.stopped(),
            _alive: alive,
        })
    }

    /// The pipeline's latest run, if it was cut short, ran the same file, and nobody else has
    /// gone on with it.
    fn resume_latest(home: &Home, keeper: &Arc<Keeper>, subject: &Subject) -> Result<Option<Self>> {
        let Some(latest) = keeper.wait(|s| s.latest_run(&subject.name))? else {
            return Ok(None);
        };
        if !was_cut_short(latest.info.status) || !is_of(&latest, subject) {
            return Ok(None);
        }
        // One that was planned is gone on with by whoever planned it: it is told what it is for.
        if latest.tags.contains_key(tags::SCHEDULED) {
            return Ok(None);
        }
        match Alive::take(home, latest.info.id)? {
            Some(alive) => {
                let id = latest.info.id;
                Self::go_on(home, keeper, subject, Start::Resume, id, alive).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The run of this id, if there is one.
    fn resume_named(
        home: &Home,
        keeper: &Arc<Keeper>,
        subject: &Subject,
        id: RunId,
    ) -> Result<Option<Self>> {
        let run = match keeper.wait(|s| s.run(id)) {
            Ok(run) => run,
            Err(error) if error.kind == Kind::Input => return Ok(None),
            Err(error) => return Err(error),
        };
        let refuse = |found: String, hint: &str| Err(Error::input(found).with_hint(hint));
        if !is_of(&run, subject) {
            return refuse(format!("run {id} is of another file"), "run the file without an id");
        }
        let Some(alive) = Alive::take(home, id)? else {
            return refuse(format!("another process is at work on run {id}"), "let it end");
        };
        if !was_cut_short(run.info.status) && run.info.status != RunStatus::Running {
            let found = format!("run {id} has ended: it {}", run.info.status);
            return refuse(found, "run the file without an id");
        }
        Self::go_on(home, keeper, subject, Start::As(id), id, alive).map(Some)
    }

    fn go_on(
        home: &Home,
        keeper: &Arc<Keeper>,
        subject: &Subject,
        start: Start,
        id: RunId,
        alive: Alive,
    ) -> Result<Self> {
        let update = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
        keeper.wait(|s| s.update_run(id, update))?;
        let earlier = keeper.wait(|s| s.tasks(id))?;
        Ok(Self {
            keeper: Arc::clone(keeper),
            home: home.clone(),
            pipeline: subject.name.clone(),
            id,
            started: SystemClock.now(),
            earlier,
            resumed: true,
            stopped: start.stopped(),
            _alive: alive,
        })
    }

    pub fn id(&self) -> RunId {
        self.id
    }

    /// What it becomes when it is stopped on request: who chose its id goes on with it.
    pub fn when_stopped(&self) -> RunStatus {
        self.stopped
    }

    /// When this process began with it.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    pub fn keeper(&self) -> &Arc<Keeper> {
        &self.keeper
    }

    /// What it is a run of.
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }

    /// Says so, when this process goes on with what another began.
    pub fn going_on(&self, progress: &dyn Progress) -> Option<String> {
        let run: String = self.id.to_string().chars().take(8).collect();
        let note = format!("going on with run {run}, which was cut short; `--new` starts over");
        self.resumed.then(|| {
            progress.note(&note);
            note
        })
    }

    /// What an earlier process wrote down of the tasks; once.
    pub fn take_earlier(&mut self) -> Vec<TaskRecord> {
        std::mem::take(&mut self.earlier)
    }

    /// Records which tasks there are, in their order, before any of them begins. Those of an
    /// earlier process keep what it wrote down.
    pub fn expect<'a>(&self, tasks: impl Iterator<Item = &'a dyn Task>) -> Result<()> {
        const GROUP: usize = 5_000;
        if self.resumed {
            return Ok(());
        }
        let pending = tasks.map(|task| TaskRecord {
            needs: task.needs().to_vec(),
            ..TaskRecord::new(task.name(), TaskStatus::Pending)
        });
        let pending: Vec<TaskRecord> = pending.collect();
        for group in pending.chunks(GROUP) {
            self.keeper.wait(|s| s.record_tasks(self.id, group.to_vec()))?;
        }
        Ok(())
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

pub(crate) fn experiment(keeper: &Keeper, name: &str, now: Timestamp) -> Result<ExperimentId> {
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

fn was_cut_short(status: RunStatus) -> bool {
    matches!(status, RunStatus::Interrupted | RunStatus::Cancelled)
}

/// Whether a run is one of the very same file or tasks.
fn is_of(run: &Run, subject: &Subject) -> bool {
    run.tags.get(tags::PIPELINE_HASH) == Some(&subject.fingerprint)
}

/// Runs whose process ended before they did were interrupted; says so in the store.
fn settle_the_dead(keeper: &Keeper, home: &Home) -> Result<()> {
    let query = RunQuery { statuses: vec![RunStatus::Running], ..RunQuery::default() };
    for run in keeper.wait(|s| s.search_runs(&query))? {
        if run.info.kind.as_deref() == Some("pipeline") && !Alive::is(home, run.info.id)? {
            let update = RunUpdate {
                error: Some("its process ended before it did".into()),
                ..RunUpdate::ended(RunStatus::Interrupted, SystemClock.now())
            };
            keeper.wait(|s| s.update_run(run.info.id, update))?;
        }
    }
    Ok(())
}
