//! A pipeline file from its text to a recorded run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::{Cancel, PlannedStatus, RunReport as FlowReport, Warden};
use gristmill_track::{RunId, RunStatus as Recorded, tags};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::check::{Checked, check, check_in};
use crate::clock::SystemClock;
use crate::comparison::Comparison;
use crate::evaluation::{self, Evaluation};
use crate::execution::{cache, execute, line, planned, previous};
use crate::keeper::Keeper;
use crate::recorder::{Recorder, Start, Subject};
use crate::remote::{Address, Link, Live};
use crate::report::{Metrics, Progress, RunReport, RunStatus};
use crate::runs::seconds_between;
use crate::select::{self, FOUND, ModelSection, SearchOutcome, Searching, in_words};
use crate::stages;
use crate::tasks::{Means, tasks, warden};
use crate::trail::Tell;
use crate::{Error, Home, Kind, Result, keepsakes};

/// What a run would do with a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedTask {
    /// The task.
    pub name: String,
    /// The tasks whose results it takes.
    pub needs: Vec<String>,
    /// `cached`, `run`, or `unknown` when that depends on what an earlier task gives.
    pub what: String,
    /// Why, in words.
    pub why: String,
}

/// What a run of the file at `path` would do now. Runs nothing.
///
/// # Errors
/// As [`check`].
pub fn plan(path: &Path, settings: &[String], home: &Home) -> Result<Vec<PlannedTask>> {
    let checked = check(path, settings)?;
    let name = checked.file.name.clone();
    let tasks = tasks(checked, home, RunId::from_bytes([0; 16]), Means::default())?;
    let needs: BTreeMap<String, Vec<String>> =
        tasks.iter().map(|t| (t.name().to_string(), t.needs().to_vec())).collect();
    let previous = previous(&Keeper::open(home)?, &name)?;
    let plan = planned(tasks)?.with_previous(previous);
    let lines = plan.preview(&cache(home)?).into_iter().map(|task| PlannedTask {
        needs: needs.get(&task.name).cloned().unwrap_or_default(),
        what: match task.status {
            PlannedStatus::Cached => "cached",
            PlannedStatus::Run => "run",
            _ => "unknown",
        }
        .into(),
        why: match task.name.as_str() {
            "register" => {
                "it asks the registry, where an equal model is not registered twice".into()
            }
            _ => task.why.join("; "),
        },
        name: task.name,
    });
    Ok(lines.collect())
}

/// How a file is run.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Such as `data.split.test=0.3`, in place of what the file says.
    pub settings: Vec<String>,
    /// Whether it may go on with a run that was cut short.
    pub start: Start,
    /// Stops the run when somebody wishes so.
    pub cancel: Cancel,
    /// The `gristmill` binary, which as a process of its own ends the commands of this run when
    /// this process is killed. Without it they go on then.
    pub binary: Option<PathBuf>,
    /// Which programs hear of it.
    pub tell: Tell,
    /// The folder that the file's paths are relative to, in place of its own.
    pub folder: Option<PathBuf>,
    /// Recorded with the run.
    pub tags: BTreeMap<String, String>,
    /// The address of a server that the run is sent to as well.
    pub server: Option<String>,
    /// The moment at which a version is registered, in place of the present one: for replays of the past.
    pub at: Option<Timestamp>,
}

/// Runs the file at `path`, or goes on with its latest run if that was cut short.
///
/// A model that misses what the file requires is no error: the report's status says so.
///
/// # Errors
/// As [`check`], and when a task fails; the failed run is recorded.
pub fn run(
    path: &Path,
    options: &RunOptions,
    home: &Home,
    progress: &dyn Progress,
) -> Result<RunReport> {
    let folder = options.folder.as_deref().or(path.parent()).unwrap_or(Path::new(""));
    let checked = check_in(path, &options.settings, folder)?;
    let mut notes = checked.notes.clone();
    notes.iter().for_each(|note| progress.note(note));
    let server = options.server.as_deref().map(Address::parse).transpose()?;
    // A token that can never be sent is known before anything is done.
    server.as_ref().map(Link::to).transpose()?;
    let searching = searching(&checked, path, options)?;
    let subject = Subject::file(&checked, path).with_tags(&options.tags);
    let mut recorder = Recorder::start(home, subject, options.start, &options.cancel)?;
    notes.extend(recorder.going_on(progress));
    let id = recorder.id();
    let live = match server.as_ref().map(|server| Live::begin(home, id, server)).transpose() {
        Ok(live) => live,
        Err(error) => {
            recorder.end(Recorded::Failed, None, BTreeMap::new(), Some(error.message.clone()))?;
            return Err(error);
        }
    };
    let pipeline = Pipeline { checked, server, searching, notes };
    let report = begun(pipeline, &mut recorder, options, home, progress);
    let sent = live.map(|live| live.finish(recorder.keeper(), recorder.pipeline()));
    if let Some(sent) = &sent {
        progress.note(&sent.words());
    }
    report.map(|report| RunReport { sent, ..report })
}

/// What a run does, and what is known of it before.
struct Pipeline {
    checked: Checked,
    server: Option<Address>,
    searching: Option<Searching>,
    notes: Vec<String>,
}

/// Carries out a run that has begun, and writes down how it ended.
fn begun(
    pipeline: Pipeline,
    recorder: &mut Recorder,
    options: &RunOptions,
    home: &Home,
    progress: &dyn Progress,
) -> Result<RunReport> {
    let Pipeline { checked, server, searching, mut notes } = pipeline;
    let require = checked.file.evaluate.require.clone();
    let pools = checked.file.pools.clone();
    let outcome = wardened(&checked, home, recorder.id(), options)
        .and_then(|warden| {
            let binary = options.binary.clone();
            let means = Means { warden, binary, server, at: options.at };
            tasks(checked, home, recorder.id(), means)
        })
        .and_then(|tasks| execute(tasks, home, recorder, options, &pools, progress))
        .and_then(|flow| {
            let (metrics, missed) = judged(&flow, &require)?;
            Ok((flow, metrics, missed))
        });
    let (flow, metrics, missed) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            recorder.end(Recorded::Failed, None, BTreeMap::new(), Some(error.message.clone()))?;
            return Err(error);
        }
    };
    let found = keep_search(recorder, &flow, searching.as_ref())?;
    let ended = settle(recorder, &flow, metrics.as_ref(), &missed)?;
    notes.extend(flow.tasks.iter().flat_map(|t| t.notes.clone()));
    Ok(RunReport {
        run_id: recorder.id().to_string(),
        pipeline: recorder.pipeline().to_owned(),
        status: if missed.is_empty() { RunStatus::Succeeded } else { RunStatus::Refused },
        seconds: seconds_between(recorder.started(), ended),
        metrics,
        found,
        model: fact(&flow, "model")?,
        comparison: fact(&flow, "comparison")?,
        notes,
        tasks: flow.tasks.iter().map(line).collect(),
        gate: missed,
        sent: None,
    })
}

/// The scores of a run, if it came so far, and what they miss of what is required.
pub(crate) fn judged(
    flow: &FlowReport,
    require: &BTreeMap<String, f64>,
) -> Result<(Option<Metrics>, Vec<String>)> {
    match flow.task("evaluate") {
        Some(task) if !task.facts.is_null() => {
            let metrics = stages::metrics(&task.facts)?;
            let missed = stages::gate(require, &metrics)?;
            Ok((Some(metrics), missed))
        }
        _ => Ok((None, Vec::new())),
    }
}

/// Records how the run ended; a failed task becomes the error of the run.
pub(crate) fn settle(
    recorder: &Recorder,
    flow: &FlowReport,
    metrics: Option<&Metrics>,
    missed: &[String],
) -> Result<Timestamp> {
    let mut facts = BTreeMap::new();
    if let Some(hash) = flow.task("ingest").and_then(|t| t.facts["hash"].as_str()) {
        facts.insert(tags::DATA_HASH.to_string(), hash.to_string());
    }
    keep_evaluation(recorder, flow)?;
    keepsakes::keep_dataset(recorder, flow)?;
    keepsakes::keep_logs(recorder)?;
    let ended = end(recorder, flow, metrics, missed, facts);
    let kept = keepsakes::keep_report(recorder, flow);
    let ended = ended?;
    kept.map(|()| ended)
}

/// Writes down how the run ended.
fn end(
    recorder: &Recorder,
    flow: &FlowReport,
    metrics: Option<&Metrics>,
    missed: &[String],
    facts: BTreeMap<String, String>,
) -> Result<Timestamp> {
    if !missed.is_empty() {
        return recorder.end(Recorded::Refused, metrics, facts, Some(missed.join("; ")));
    }
    if flow.cancelled() {
        recorder.end(recorder.when_stopped(), metrics, facts, None)?;
        return Err(Error::new(Kind::Cancelled, "the run was stopped")
            .with_hint("run the file again; finished tasks are taken from the cache"));
    }
    if let Some((task, failure)) = flow.failure() {
        recorder.end(Recorded::Failed, metrics, facts, Some(failure.message.clone()))?;
        let kind = match failure.fault {
            gristmill_flow::Fault::Bug => Kind::Bug,
            gristmill_flow::Fault::Refused => Kind::Refused,
            _ => Kind::Input,
        };
        let mut error = Error::new(kind, failure.message.clone());
        error.hint.clone_from(&failure.hint);
        if error.hint.is_none() && failure.message.contains("No space left") {
            error.hint = Some("free some space, or choose another place with --home".into());
        }
        return Err(error.with_place(format!("task `{}`", task.name)));
    }
    recorder.end(Recorded::Succeeded, metrics, facts, None)
}

/// Keeps what the run's report is drawn from, where the run came so far. What `evaluate` found may
/// be that of an earlier run; how its model met another is this run's.
fn keep_evaluation(recorder: &Recorder, flow: &FlowReport) -> Result<()> {
    let folder = flow.task("evaluate").and_then(|task| task.folder.as_ref());
    let Some(file) = folder.map(|folder| folder.join(evaluation::FILE)).filter(|f| f.is_file())
    else {
        return Ok(());
    };
    let mut evaluation = Evaluation::from_json(&fs_err::read(&file)?)?;
    let rounds = keepsakes::rounds(&evaluation, SystemClock.now());
    if !rounds.metrics.is_empty() {
        recorder.keeper().wait(|s| s.log(recorder.id(), rounds))?;
    }
    match fact::<Comparison>(flow, "comparison")? {
        None => recorder.keep(evaluation::FILE, &file),
        comparison => {
            evaluation.comparison = comparison;
            recorder.keep_bytes(evaluation::FILE, &evaluation.to_json()?)
        }
    }
}

/// The file as it is now, where it searches for its steps.
pub(crate) fn searching(
    checked: &Checked,
    path: &Path,
    options: &RunOptions,
) -> Result<Option<Searching>> {
    let searches =
        matches!(checked.file.model, Some(ModelSection::Select(_) | ModelSection::Auto(_)));
    searches.then(|| Searching::read(path, &options.settings)).transpose()
}

/// Keeps what a search came to, where there was one, and the file with what it found; gives it back
/// in words.
pub(crate) fn keep_search(
    recorder: &Recorder,
    flow: &FlowReport,
    searching: Option<&Searching>,
) -> Result<Option<String>> {
    let folder = flow.task("select").and_then(|task| task.folder.as_ref());
    let Some(file) = folder.map(|folder| folder.join(select::FILE)).filter(|file| file.is_file())
    else {
        return Ok(None);
    };
    let outcome = SearchOutcome::from_json(&fs_err::read(&file)?)?;
    recorder.keep(select::FILE, &file)?;
    if let Some(searching) = searching {
        let text = searching.with(&outcome, &recorder.id().to_string())?;
        recorder.keep_bytes(FOUND, text.as_bytes())?;
    }
    Ok(Some(in_words(&outcome)))
}

/// What `register` says of `name`: the version in the registry, or how it met another.
pub(crate) fn fact<T: DeserializeOwned>(flow: &FlowReport, name: &str) -> Result<Option<T>> {
    match flow.task("register").map(|task| &task.facts[name]) {
        Some(fact) if !fact.is_null() => serde_json::from_value(fact.clone())
            .map(Some)
            .map_err(|e| Error::bug(format!("facts of `register`: {e}"))),
        _ => Ok(None),
    }
}

/// Who ends the commands of a run that is killed, when it has any.
fn wardened(
    checked: &Checked,
    home: &Home,
    run: RunId,
    options: &RunOptions,
) -> Result<Option<Warden>> {
    match &options.binary {
        Some(binary) if !checked.file.tasks.is_empty() => warden(binary, home, run).map(Some),
        _ => Ok(None),
    }
}
