//! Looking at runs.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use gristmill_flow::{TaskLog, task_logs};
use gristmill_track::{
    ArtifactStore, LocalArtifacts, Page, Parent, Run, RunInfo, RunQuery, TaskRecord, TaskStatus,
};

use crate::keeper::Keeper;
use crate::recorder::PIPELINE;
use crate::report::{RunDetails, RunSummary, TaskLine};
use crate::select::FOUND;
use crate::{Error, Home, Result, tasks};

/// The latest runs, newest first.
///
/// # Errors
/// When the store cannot be read.
pub fn list(home: &Home, pipeline: Option<&str>, limit: u32) -> Result<Vec<RunSummary>> {
    let query = RunQuery {
        pipeline: pipeline.map(Into::into),
        parent: Parent::None,
        page: Page { limit, offset: 0 },
        ..RunQuery::default()
    };
    let keeper = Keeper::open(home)?;
    let found = keeper.wait(|s| s.search_runs(&query))?;
    Ok(found.into_iter().map(summary).collect())
}

/// One run: its settings, scores and tasks. `run` is its id, the start of it, or `latest`.
///
/// # Errors
/// When there is no such run.
pub fn show(home: &Home, run: &str) -> Result<RunDetails> {
    let keeper = Keeper::open(home)?;
    let id = keeper.find_run(run)?;
    let found = keeper.wait(|s| s.run(id))?;
    let tasks = keeper.wait(|s| s.tasks(id))?;
    Ok(RunDetails {
        params: found.params.clone(),
        tags: found.tags.clone(),
        error: found.info.error.clone(),
        tasks: tasks.iter().map(line).collect(),
        summary: summary(found),
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
    let store = LocalArtifacts::in_home(home.root());
    let bytes = keeper.wait_for(store.get(kept.content.hash))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Deletes a run and gives its id back; models that it registered stay.
///
/// # Errors
/// When there is no such run.
pub fn delete(home: &Home, run: &str) -> Result<String> {
    let keeper = Keeper::open(home)?;
    let id = keeper.find_run(run)?;
    keeper.wait(|s| s.purge_run(id))?;
    Ok(id.to_string())
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

/// A moment in words, in UTC to the second.
pub fn moment_words(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => at.0.to_string(),
    }
}
