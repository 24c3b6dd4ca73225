//! Writes down a run while it goes on: its settings, its tasks, its scores, how it ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::{Cancel, Digest, Plan, Task};
use gristmill_track::{
    Artifact, ArtifactPath, Author, Batch, Dataset, Experiment, ExperimentId, MAX_PARAM_CHARS,
    NewExperiment, NewRun, Parent, Run, RunId, RunQuery, RunStatus, RunUpdate, TaskRecord,
    TaskStatus, tags,
};
use serde_json::{Value, json};

use crate::alive::Alive;
use crate::check::Checked;
use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::lease::{RunLease, holder};
use crate::monitor::MonitorSection;
use crate::report::{Metrics, Progress};
use crate::{Error, Home, Result, environment, keepsakes};

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
    /// The data that it reads, as far as that is known before.
    pub data: Option<Dataset>,
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
            data: keepsakes::source_of(checked),
        }
    }

    /// It, recorded with these tags too.
    pub fn with_tags(mut self, tags: &BTreeMap<String, String>) -> Self {
        self.settings.tags.extend(tags.clone());
        if tags.contains_key(tags::SCHEDULED) {
            self.settings.tags.insert(tags::SOURCE_TYPE.into(), "JOB".into());
        }
        self
    }

    /// Tasks of a program.
    pub fn tasks(name: &str, tasks: &[Box<dyn Task>]) -> Self {
        let mut digests = String::new();
        for task in tasks {
            let (needs, kind, version) = (task.needs(), task.kind(), task.version());
            let task = json!([task.name(), needs, kind, version, task.parameters()]);
            digests.push_str(&Digest::of_json(FINGERPRINT, &task).to_string());
        }
        Self {
            name: name.into(),
            file: None,
            fingerprint: Digest::of(digests.as_bytes()).to_string(),
            settings: Batch::default(),
            data: None,
        }
    }
}

/// The form of what is hashed.
const FINGERPRINT: &str = "gristmill plan 1";

/// How a process takes part in a run that others do tasks of.
pub(crate) struct Seat<'a> {
    /// The run.
    pub run: RunId,
    /// What the caller calls it.
    pub outer: &'a str,
    /// Its tasks.
    pub plan: &'a Plan,
    /// With whom.
    pub hold: Hold,
}

/// With whom a process is at work on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Beside others, each with a task of its own.
    Beside,
    /// When all others have ended.
    Last,
}

impl Hold {
    fn take(self, home: &Home, run: RunId) -> Result<Option<Alive>> {
        match self {
            Self::Beside => Alive::join(home, run),
            Self::Last => Alive::take(home, run),
        }
    }

    fn refusal(self, run: RunId) -> Error {
        match self {
            Self::Beside => Error::input(format!("another process has run {run} for itself"))
                .with_hint("let it end: a run is either run whole or task by task"),
            Self::Last => Error::input(format!("tasks of run {run} are still at work"))
                .with_hint("finish it when they have ended"),
        }
    }
}

/// A run in the store that has begun.
pub(crate) struct Recorder {
    keeper: Arc<Keeper>,
    home: Home,
    pipeline: String,
    data: Option<Dataset>,
    id: RunId,
    started: Timestamp,
    /// What an earlier process of the run wrote down of its tasks; nothing for a new run.
    earlier: Vec<TaskRecord>,
    resumed: bool,
    /// What it becomes when it is stopped on request.
    stopped: RunStatus,
    /// Held as long as the run's process lives, so that others can tell.
    _alive: Alive,
    /// The same for other machines, where they share the database.
    lease: Option<RunLease>,
}

impl Recorder {
    /// Records that a run begins now, or goes on.
    pub fn start(home: &Home, subject: Subject, start: Start, cancel: &Cancel) -> Result<Self> {
        let keeper = Arc::new(Keeper::open(home)?);
        settle_the_dead(&keeper, home)?;
        let resumed = match start {
            Start::Anew => None,
            Start::Resume => Self::resume_latest(home, &keeper, &subject, cancel)?,
            Start::As(id) => Self::resume_named(home, &keeper, &subject, id, cancel)?,
        };
        if let Some(resumed) = resumed {
            return Ok(resumed);
        }
        let started = SystemClock.now();
        let id = match start {
            Start::As(id) => id,
            Start::Anew | Start::Resume => run_id(&subject.name, started),
        };
        let alive = Alive::begin(home, id)?;
        let lease = lease(home, &keeper, id, cancel)?;
        if home.is_shared() && lease.is_none() {
            return Err(Error::input(format!("another machine is at work on run {id}"))
                .with_hint("let it end"));
        }
        create(&keeper, &subject, id, started)?;
        Ok(Self {
            keeper,
            home: home.clone(),
            pipeline: subject.name,
            data: subject.data,
            id,
            started,
            earlier: Vec::new(),
            resumed: false,
            stopped: start.stopped(),
            _alive: alive,
            lease,
        })
    }

    /// Joins the run that others do tasks of, or finishes it. Whoever comes first begins it; of
    /// several that come at once exactly one does.
    pub fn join(home: &Home, subject: Subject, seat: &Seat<'_>) -> Result<Self> {
        let keeper = Arc::new(Keeper::open(home)?);
        let id = seat.run;
        let _door =
            Alive::wait_for(home, RunId::from_parts(&[b"door", id.to_string().as_bytes()]))?;
        let started = match keeper.find_or_none(id)? {
            Some(run) if !is_of(&run, &subject) => {
                return Err(Error::input(format!(
                    "run {id} is of another file, or of other settings"
                ))
                .with_hint("give every task of a run the same file and the same `--set`"));
            }
            Some(run) => run.info.started,
            None => {
                let started = SystemClock.now();
                match (create(&keeper, &subject, id, started), keeper.find_or_none(id)?) {
                    (Ok(()), _) => started,
                    // On another machine, somebody came first.
                    (Err(_), Some(run)) => run.info.started,
                    (Err(error), None) => return Err(error),
                }
            }
        };
        let Some(alive) = seat.hold.take(home, id)? else {
            return Err(seat.hold.refusal(id));
        };
        // Says that the run outlives the processes that are at work on it.
        let outer = Batch::default().tag(tags::OUTER_RUN, seat.outer);
        keeper.wait(|s| s.log(id, outer))?;
        let mut recorder = Self {
            keeper,
            home: home.clone(),
            pipeline: subject.name,
            data: subject.data,
            id,
            started,
            earlier: Vec::new(),
            resumed: false,
            stopped: RunStatus::Cancelled,
            _alive: alive,
            // Machines may do tasks of it side by side.
            lease: None,
        };
        let known = recorder.tasks()?;
        let is_new = |task: &&dyn Task| known.iter().all(|known| known.name != task.name());
        recorder.expect(seat.plan.tasks().filter(is_new))?;
        recorder.earlier = recorder.tasks()?;
        Ok(recorder)
    }

    /// Says that the run is at work again, if it had ended.
    pub fn reopen(&self) -> Result<()> {
        let update = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
        self.keeper.wait(|s| s.update_run(self.id, update)).map(drop)
    }

    fn tasks(&self) -> Result<Vec<TaskRecord>> {
        self.keeper.wait(|s| s.tasks(self.id))
    }

    /// The pipeline's latest run, if it was cut short, ran the same file, and nobody else has
    /// gone on with it.
    fn resume_latest(
        home: &Home,
        keeper: &Arc<Keeper>,
        subject: &Subject,
        cancel: &Cancel,
    ) -> Result<Option<Self>> {
        let Some(latest) = keeper.wait(|s| s.latest_run(&subject.name))? else {
            return Ok(None);
        };
        if !was_cut_short(latest.info.status) || !is_of(&latest, subject) {
            return Ok(None);
        }
        // One that was planned is gone on with by whoever planned it: it is told what it is for. One
        // that was sent here is gone on with where it began.
        if latest.tags.contains_key(tags::SCHEDULED) || latest.tags.contains_key(tags::SENT_BY) {
            return Ok(None);
        }
        match Alive::take(home, latest.info.id)? {
            Some(alive) => {
                let id = latest.info.id;
                Self::go_on(home, keeper, subject, Start::Resume, id, alive, cancel)
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
        cancel: &Cancel,
    ) -> Result<Option<Self>> {
        let Some(run) = keeper.find_or_none(id)? else { return Ok(None) };
        let refuse = |found: String, hint: &str| Err(Error::input(found).with_hint(hint));
        if !is_of(&run, subject) {
            return refuse(format!("run {id} is of another file"), "run the file without an id");
        }
        if run.tags.contains_key(tags::SENT_BY) {
            let found = format!("run {id} was sent here from a home of its own");
            return refuse(found, "go on with it there");
        }
        let Some(alive) = Alive::take(home, id)? else {
            return refuse(format!("another process is at work on run {id}"), "let it end");
        };
        if !is_open(run.info.status) {
            let found = format!("run {id} has ended: it {}", run.info.status);
            return refuse(found, "run the file without an id");
        }
        match Self::go_on(home, keeper, subject, Start::As(id), id, alive, cancel)? {
            None => {
                let found = format!("another machine is at work on run {id}, or has ended it");
                refuse(found, "see what became of it")
            }
            resumed => Ok(resumed),
        }
    }

    fn go_on(
        home: &Home,
        keeper: &Arc<Keeper>,
        subject: &Subject,
        start: Start,
        id: RunId,
        alive: Alive,
        cancel: &Cancel,
    ) -> Result<Option<Self>> {
        let lease = lease(home, keeper, id, cancel)?;
        if home.is_shared() && lease.is_none() {
            return Ok(None);
        }
        // Whoever was at work on it before may have ended it until a moment ago.
        if !keeper.find_or_none(id)?.is_some_and(|run| is_open(run.info.status)) {
            return Ok(None);
        }
        let update = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
        keeper.wait(|s| s.update_run(id, update))?;
        let earlier = keeper.wait(|s| s.tasks(id))?;
        Ok(Some(Self {
            keeper: Arc::clone(keeper),
            home: home.clone(),
            pipeline: subject.name.clone(),
            data: subject.data.clone(),
            id,
            started: SystemClock.now(),
            earlier,
            resumed: true,
            stopped: start.stopped(),
            _alive: alive,
            lease,
        }))
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

    /// Where it is kept.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The data that it reads, as far as that is known before it is read.
    pub fn data(&self) -> Option<&Dataset> {
        self.data.as_ref()
    }

    /// As whom this process writes about it.
    pub fn author(&self) -> Author {
        let holder = holder(&self.home);
        match self.lease {
            Some(_) => Author::Holder(holder),
            None => Author::Anyone(holder),
        }
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
        let mut pending = tasks.map(|task| TaskRecord {
            needs: task.needs().to_vec(),
            ..TaskRecord::new(task.name(), TaskStatus::Pending)
        });
        loop {
            let group: Vec<TaskRecord> = pending.by_ref().take(GROUP).collect();
            if group.is_empty() {
                return Ok(());
            }
            self.keeper.wait(|s| s.record_tasks(self.id, group))?;
        }
    }

    /// Keeps the file at `path` as the run's artifact `name`.
    pub fn keep(&self, name: &str, path: &Path) -> Result<()> {
        let file = stored(&self.keeper, name, path)?;
        self.keeper.wait(|s| s.record_artifacts(self.id, vec![file]))
    }

    /// Keeps these bytes as the run's artifact `name`.
    pub fn keep_bytes(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let content = self.keeper.wait_for(self.keeper.artifacts().put_bytes(bytes))?;
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
        let update = RunUpdate { error, batch, ..RunUpdate::ended(status, now) };
        let author = self.author();
        self.keeper.wait(|s| s.update_run_as(self.id, &author, update))?;
        Ok(now)
    }
}

/// Writes down that a run begins. Where its file cannot be kept, none does.
fn create(keeper: &Keeper, subject: &Subject, id: RunId, started: Timestamp) -> Result<()> {
    let experiment = experiment(keeper, &subject.name, started)?;
    let new = NewRun {
        experiment,
        kind: Some("pipeline".into()),
        pipeline: Some(subject.name.clone()),
        source: subject.file.as_ref().map(|file| file.display().to_string()),
        user: subject.settings.tags.get(tags::USER).cloned(),
        batch: subject.settings.clone().tag(tags::PIPELINE_HASH, &subject.fingerprint),
        ..NewRun::new(id, &subject.name, started)
    };
    let file = subject.file.as_deref().map(|file| stored(keeper, PIPELINE, file)).transpose()?;
    keeper.wait(|s| s.create_run(new))?;
    match file {
        Some(file) => keeper.wait(|s| s.record_artifacts(id, vec![file])),
        None => Ok(()),
    }
}

/// The name of a run's file among its artifacts.
pub(crate) const PIPELINE: &str = "pipeline.yaml";

/// A file as it is now, stored to be an artifact of a run.
fn stored(keeper: &Keeper, name: &str, path: &Path) -> Result<Artifact> {
    let content = keeper.wait_for(keeper.artifacts().put_file(path))?;
    Ok(Artifact { path: ArtifactPath::parse(name)?, content })
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
    batch.tags.extend(checked.file.monitor.as_ref().and_then(MonitorSection::tag));
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
            into.insert(path.into(), shortened(text.clone()));
        }
        other => {
            into.insert(path.into(), shortened(other.to_string()));
        }
    }
}

/// A text as long as a param may be; of a longer one the start, and a digest of the whole, so that
/// runs with other values can be told apart.
fn shortened(text: String) -> String {
    const SHOWN: usize = 1_000;
    if text.chars().count() <= MAX_PARAM_CHARS {
        return text;
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}... ({} bytes, {})", text.len(), Digest::of(text.as_bytes()))
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

/// The lease on a run, where machines share the database.
fn lease(
    home: &Home,
    keeper: &Arc<Keeper>,
    run: RunId,
    cancel: &Cancel,
) -> Result<Option<RunLease>> {
    match home.is_shared() {
        true => RunLease::take(home, keeper, run, cancel),
        false => Ok(None),
    }
}

/// Where a process lives that moves a run forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtWork {
    /// In this home.
    Here,
    /// On another machine, or in another home.
    Elsewhere,
    /// Nowhere.
    Nowhere,
}

pub(crate) fn at_work(home: &Home, keeper: &Keeper, run: RunId) -> Result<AtWork> {
    if home.is_shared() && RunLease::is_elsewhere(home, keeper, run)? {
        return Ok(AtWork::Elsewhere);
    }
    Ok(if Alive::is(home, run)? { AtWork::Here } else { AtWork::Nowhere })
}

/// Whether a process lives that moves the run forward, here or on another machine.
pub(crate) fn is_at_work(home: &Home, keeper: &Keeper, run: RunId) -> Result<bool> {
    Ok(at_work(home, keeper, run)? != AtWork::Nowhere)
}

fn is_open(status: RunStatus) -> bool {
    was_cut_short(status) || status == RunStatus::Running
}

fn was_cut_short(status: RunStatus) -> bool {
    matches!(status, RunStatus::Interrupted | RunStatus::Cancelled)
}

/// Whether a run is one of the very same file or tasks.
fn is_of(run: &Run, subject: &Subject) -> bool {
    run.tags.get(tags::PIPELINE_HASH) == Some(&subject.fingerprint)
}

/// Runs whose process ended before they did were interrupted; says so in the store.
pub(crate) fn settle_the_dead(keeper: &Keeper, home: &Home) -> Result<()> {
    let (statuses, parent) = (vec![RunStatus::Running], Parent::None);
    let query = RunQuery { statuses, parent, ..RunQuery::default() };
    for run in keeper.wait(|s| s.search_runs(&query))? {
        // One that another system runs task by task lives on between its processes.
        let outlives = run.tags.contains_key(tags::OUTER_RUN);
        // One that was sent here has its process in a home of its own.
        let outlives = outlives || run.tags.contains_key(tags::SENT_BY);
        let is_ours = run.info.kind.as_deref() == Some("pipeline") && !outlives;
        if is_ours && !is_at_work(home, keeper, run.info.id)? {
            let update = RunUpdate {
                error: Some("its process ended before it did".into()),
                ..RunUpdate::ended(RunStatus::Interrupted, SystemClock.now())
            };
            keeper.wait(|s| s.update_run(run.info.id, update))?;
        }
    }
    Ok(())
}
