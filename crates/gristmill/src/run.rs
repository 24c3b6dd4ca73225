//! A pipeline file from its text to a recorded run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gristmill_core::Clock;
use gristmill_flow::{
    Cache, Cancel, Capacity, Event, KeyParts, Observer, Plan, PlannedStatus,
    RunReport as FlowReport, Task, TaskReport,
};
use gristmill_track::{RunId, RunQuery, RunStatus as Recorded, Store, tags};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::check::{Checked, check};
use crate::clock::SystemClock;
use crate::comparison::Comparison;
use crate::evaluation::{self, Evaluation};
use crate::journal::{self, StoreJournal, is_cached};
use crate::keeper::Keeper;
use crate::recorder::{Recorder, Start};
use crate::report::{Metrics, Progress, RunReport, RunStatus, TaskLine};
use crate::runs::seconds_between;
use crate::stages::{self, Shared};
use crate::{Error, Home, Kind, Result};

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
    let tasks = tasks(checked, home, RunId::from_bytes([0; 16]))?;
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
    let checked = check(path, &options.settings)?;
    let pipeline = checked.file.name.clone();
    let require = checked.file.evaluate.require.clone();
    let mut notes = checked.notes.clone();
    notes.iter().for_each(|note| progress.note(note));
    let mut recorder = Recorder::start(home, &checked, path, options.start)?;
    if recorder.resumed() {
        let run: String = recorder.id().to_string().chars().take(8).collect();
        let note = format!("going on with run {run}, which was cut short; `--new` starts over");
        progress.note(&note);
        notes.push(note);
    }
    let outcome = execute(checked, home, &mut recorder, options, progress).and_then(|flow| {
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
    let ended = settle(&recorder, &flow, metrics.as_ref(), &missed)?;
    notes.extend(flow.tasks.iter().flat_map(|t| t.notes.clone()));
    Ok(RunReport {
        run_id: recorder.id().to_string(),
        pipeline,
        status: if missed.is_empty() { RunStatus::Succeeded } else { RunStatus::Refused },
        seconds: seconds_between(recorder.started(), ended),
        metrics,
        model: fact(&flow, "model")?,
        comparison: fact(&flow, "comparison")?,
        notes,
        tasks: flow.tasks.iter().map(line).collect(),
        gate: missed,
    })
}

fn execute(
    checked: Checked,
    home: &Home,
    recorder: &mut Recorder,
    options: &RunOptions,
    progress: &dyn Progress,
) -> Result<FlowReport> {
    let previous = previous(recorder.keeper(), &checked.file.name)?;
    let journal = Arc::new(StoreJournal::start(Arc::clone(recorder.keeper()), recorder.id())?);
    let plan = planned(tasks(checked, home, recorder.id())?)?
        .with_previous(previous)
        .with_capacity(capacity())
        .with_earlier(journal::earlier(recorder.take_earlier()))
        .with_journal(journal.clone());
    recorder.expect(plan.tasks())?;
    progress.planned(plan.tasks().count());
    let cache = cache(home)?;
    let report = plan.run(&cache, &Watcher { progress }, &options.cancel);
    match &report.fault {
        Some(fault) => {
            let known = fault.0.downcast_ref::<Error>().cloned();
            Err(known.unwrap_or_else(|| Error::bug(fault.to_string())))
        }
        None => {
            journal.flush()?;
            Ok(report)
        }
    }
}

/// What the machine has for tasks that run side by side.
fn capacity() -> Capacity {
    Capacity::cores(u32::try_from(rayon::current_num_threads()).unwrap_or(u32::MAX))
}

/// The scores of a run, if it came so far, and what they miss of what is required.
fn judged(
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
fn settle(
    recorder: &Recorder,
    flow: &FlowReport,
    metrics: Option<&Metrics>,
    missed: &[String],
) -> Result<gristmill_core::Timestamp> {
    let mut facts = BTreeMap::new();
    if let Some(hash) = flow.task("ingest").and_then(|t| t.facts["hash"].as_str()) {
        facts.insert(tags::DATA_HASH.to_string(), hash.to_string());
    }
    keep_evaluation(recorder, flow)?;
    if !missed.is_empty() {
        return recorder.end(Recorded::Refused, metrics, facts, Some(missed.join("; ")));
    }
    if flow.cancelled() {
        recorder.end(Recorded::Cancelled, metrics, facts, None)?;
        return Err(Error::new(Kind::Cancelled, "the run was stopped")
            .with_hint("run the file again; finished tasks are taken from the cache"));
    }
    if let Some((task, failure)) = flow.failure() {
        recorder.end(Recorded::Failed, metrics, facts, Some(failure.message.clone()))?;
        let kind = match failure.fault {
            gristmill_flow::Fault::Bug => Kind::Bug,
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
    match fact::<Comparison>(flow, "comparison")? {
        None => recorder.keep(evaluation::FILE, &file),
        comparison => {
            let mut evaluation = Evaluation::from_json(&fs_err::read(&file)?)?;
            evaluation.comparison = comparison;
            recorder.keep_bytes(evaluation::FILE, &evaluation.to_json()?)
        }
    }
}

/// What `register` says of `name`: the version in the registry, or how it met another.
fn fact<T: DeserializeOwned>(flow: &FlowReport, name: &str) -> Result<Option<T>> {
    match flow.task("register").map(|task| &task.facts[name]) {
        Some(fact) if !fact.is_null() => serde_json::from_value(fact.clone())
            .map(Some)
            .map_err(|e| Error::bug(format!("facts of `register`: {e}"))),
        _ => Ok(None),
    }
}

fn tasks(checked: Checked, home: &Home, run: RunId) -> Result<Vec<Box<dyn Task>>> {
    match Shared::new(checked, home)? {
        Some(shared) => Ok(stages::tasks(&Arc::new(shared), run)),
        None => Ok(Vec::new()),
    }
}

fn planned(tasks: Vec<Box<dyn Task>>) -> Result<Plan> {
    Plan::new(tasks).map_err(|errors| match errors.first() {
        Some(first) => Error::input(first.to_string()).with_hint(first.hint()),
        None => Error::bug("a plan was refused without a reason"),
    })
}

fn cache(home: &Home) -> Result<Cache> {
    let clock = Arc::new(|| SystemClock.now().0);
    Cache::open(&home.cache(), clock)
        .map_err(|e| Error::input(e.to_string()).with_hint("choose another place with --home"))
}

/// What the keys of the pipeline's latest run were made of, by task.
fn previous(keeper: &Keeper, pipeline: &str) -> Result<BTreeMap<String, KeyParts>> {
    let query = RunQuery {
        pipeline: Some(pipeline.into()),
        page: gristmill_track::Page { limit: 5, offset: 0 },
        ..RunQuery::default()
    };
    let mut found = BTreeMap::new();
    for run in keeper.wait(|s| s.search_runs(&query))? {
        for task in keeper.wait(|s| s.tasks(run.info.id))? {
            if let Ok(parts) = serde_json::from_value::<KeyParts>(task.inputs) {
                found.entry(task.name).or_insert(parts);
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    Ok(found)
}

fn line(task: &TaskReport) -> TaskLine {
    TaskLine {
        name: task.name.clone(),
        status: task.status.to_string(),
        cached: is_cached(task),
        attempts: task.attempts,
        seconds: task.seconds,
    }
}

/// Passes on what the engine says to the person who waits.
struct Watcher<'a> {
    progress: &'a dyn Progress,
}

impl Observer for Watcher<'_> {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Started { task, .. } => self.progress.started(task),
            Event::Progress { task, done, total } => self.progress.advanced(task, done, total),
            Event::Note { text, .. } => self.progress.note(text),
            Event::Retrying { task, attempt, rest, error } => {
                let rest = rest.as_secs_f64();
                let text =
                    format!("`{task}` failed (attempt {attempt}): {error}; again in {rest:.1} s");
                self.progress.note(&text);
            }
            Event::Spread { parts, .. } => self.progress.more(parts),
            Event::Finished { report } => self.progress.finished(&line(report)),
            _ => {}
        }
    }
}
