//! Looking at runs.

use std::collections::BTreeMap;

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::{TaskLog, task_logs};
use gristmill_track::{Lifecycle, Page, Parent, Run, RunInfo, RunQuery, TaskRecord, TaskStatus};

use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::recorder::{PIPELINE, is_at_work};
use crate::report::{DeletedRun, PartOf, RunBranch, RunDetails, RunSummary, TaskLine};
use crate::select::{FOUND, ledger};
use crate::trials::{self, Trials};
use crate::{Error, Home, Result, paste, tasks};

/// The latest runs, newest first; trials are no runs of their own here.
///
/// # Errors
/// When the store cannot be read.
pub fn list(home: &Home, pipeline: Option<&str>, limit: u32) -> Result<Vec<RunSummary>> {
    let keeper = Keeper::open(home)?;
    Ok(latest(&keeper, pipeline, limit)?.into_iter().map(summary).collect())
}

/// The latest runs, newest first, each with at most `trials` of the best trials of its search.
///
/// # Errors
/// When the store cannot be read.
pub fn tree(
    home: &Home,
    pipeline: Option<&str>,
    limit: u32,
    trials: usize,
) -> Result<Vec<RunBranch>> {
    let keeper = Keeper::open(home)?;
    let branch = |run: Run| {
        let Trials { deciding, lines: mut shown } = Trials::of(&keeper, &run)?;
        let more_trials = shown.len().saturating_sub(trials);
        shown.truncate(trials);
        Ok(RunBranch { run: summary(run), deciding, trials: shown, more_trials })
    };
    latest(&keeper, pipeline, limit)?.into_iter().map(branch).collect()
}

fn latest(keeper: &Keeper, pipeline: Option<&str>, limit: u32) -> Result<Vec<Run>> {
    let query = RunQuery {
        pipeline: pipeline.map(Into::into),
        parent: Parent::None,
        page: Page { limit, offset: 0 },
        ..RunQuery::default()
    };
    keeper.wait(|s| s.search_runs(&query))
}

/// One run: its settings, scores, tasks and trials. `run` is its id, the start of it, or `latest`.
///
/// # Errors
/// When there is no such run.
pub fn show(home: &Home, run: &str) -> Result<RunDetails> {
    let keeper = Keeper::open(home)?;
    let id = keeper.find_run(run)?;
    let found = keeper.wait(|s| s.run(id))?;
    let Trials { deciding, lines } = Trials::of(&keeper, &found)?;
    Ok(RunDetails { deciding, trials: lines, ..details(&keeper, found)? })
}

/// Everything about a run but its trials.
pub(crate) fn details(keeper: &Keeper, run: Run) -> Result<RunDetails> {
    let tasks = keeper.wait(|s| s.tasks(run.info.id))?;
    let steps = trials::steps(&run)?;
    let parent = run.info.parent.map(|parent| keeper.wait(|s| s.run(parent))).transpose()?;
    let part_of = parent.map(|parent| PartOf {
        run_id: parent.info.id.to_string(),
        pipeline: parent.info.pipeline.unwrap_or(parent.info.name),
        trial: ledger::number(&run),
    });
    Ok(RunDetails {
        params: run.params.clone(),
        tags: run.tags.clone(),
        error: run.info.error.clone(),
        tasks: tasks.iter().map(line).collect(),
        deciding: Vec::new(),
        trials: Vec::new(),
        part_of,
        steps_text: steps.as_ref().map(paste::steps),
        steps,
        summary: summary(run),
    })
}

/// What a task of a run printed, one log for each attempt that printed anything.
///
/// # Errors
/// When there is no such run or task.
pub fn logs(home: &Home, run: &str, task: &str) -> Result<Vec<TaskLog>> {
    let keeper = Keeper::open(home)?;
    let id = keeper.find_run(run)?;
    keeper.find_task(id, task)?;
    Ok(task_logs(&tasks::logs(home, id), task)?)
}

/// The pipeline file of a run: of one that searched the file with what it found, of any other the one
/// that it ran. It says what it said when the run began, and its paths are relative to where that
/// file stood.
///
/// # Errors
/// When there is no such run, or it has no file.
pub fn file(home: &Home, run: &str) -> Result<String> {
    let keeper = Keeper::open(home)?;
    let id = keeper.find_run(run)?;
    let artifacts = keeper.wait(|s| s.artifacts(id))?;
    let named = |name: &str| artifacts.iter().find(|artifact| artifact.path.as_str() == name);
    let kept = named(FOUND).or_else(|| named(PIPELINE)).ok_or_else(|| {
        Error::input(format!("run {id} kept no pipeline file"))
            .with_hint("only runs of a file have one; `gristmill runs` lists them")
    })?;
    let bytes = keeper.wait_for(keeper.artifacts().get(kept.content.hash))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Deletes a run with the trials that it did; models that it registered stay.
///
/// # Errors
/// When there is no such run, or a process is at work on it.
pub fn delete(home: &Home, run: &str) -> Result<DeletedRun> {
    let keeper = Keeper::open(home)?;
    let id = keeper.find_run(run)?;
    let parent = keeper.wait(|s| s.run(id))?.info.parent;
    for of in std::iter::once(id).chain(parent) {
        if is_at_work(home, &keeper, of)? {
            return Err(Error::input(format!("run `{of}` is at work"))
                .with_hint("stop it, or wait until it has ended"));
        }
    }
    // The trials first: without the run that they are a part of they would look like whole runs.
    let trials = trials::children(&keeper, id)?;
    for gone in trials.iter().map(|trial| trial.info.id).chain([id]) {
        keeper.wait(|s| s.set_run_lifecycle(gone, Lifecycle::Deleted, SystemClock.now()))?;
        keeper.wait(|s| s.purge_run(gone))?;
    }
    Ok(DeletedRun { deleted: id.to_string(), trials: trials.len() })
}

fn summary(run: Run) -> RunSummary {
    let metrics: BTreeMap<String, f64> =
        run.metrics.into_iter().map(|(key, metric)| (key, metric.value)).collect();
    let RunInfo { id, name, status, started, ended, pipeline, .. } = run.info;
    RunSummary {
        run_id: id.to_string(),
        pipeline: pipeline.unwrap_or(name),
        status: status.to_string(),
        started,
        seconds: ended.map(|end| seconds_between(started, end)),
        metrics,
    }
}

fn line(task: &TaskRecord) -> TaskLine {
    TaskLine {
        name: task.name.clone(),
        status: task.status.to_string(),
        cached: task.cached,
        attempts: task.attempts,
        seconds: task.seconds.unwrap_or_default(),
        needs: task.needs.clone(),
        why: match task.status {
            TaskStatus::Skipped => task.reason.clone(),
            _ => task.error.clone(),
        },
    }
}

/// Seconds from one moment to a later one.
pub(crate) fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.0 - from.0) as f64 / 1e6
}

/// A moment as it is written in RFC 3339, such as `2026-01-31T12:00:00Z`; a date alone is its first
/// moment in UTC.
///
/// # Errors
/// When it is none.
pub fn moment(text: &str) -> Result<Timestamp> {
    let whole = text.parse::<jiff::Timestamp>();
    let moment = whole.or_else(|_| format!("{text}T00:00:00Z").parse::<jiff::Timestamp>());
    let moment = moment.map_err(|_| {
        Error::input(format!("`{text}` is no moment"))
            .with_hint("write one such as 2026-01-31T12:00:00Z, or a date such as 2026-01-31")
    })?;
    Ok(Timestamp(moment.as_microsecond()))
}

/// A moment in words, in UTC to the second.
pub fn moment_words(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => at.0.to_string(),
    }
}
