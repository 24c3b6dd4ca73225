//! The last call of a run that was done task by task: what all of them come to.

use std::path::Path;

use gristmill_core::Clock;
use gristmill_flow::{
    Cache, Fault, Plan, RunReport as FlowReport, TaskError, TaskReport, TaskStatus as Outcome,
};
use gristmill_track::{TaskRecord, TaskStatus};

use super::run_of;
use super::standing::{Standing, standings};
use crate::check::check;
use crate::clock::SystemClock;
use crate::execution::{cache, line, planned};
use crate::recorder::{Hold, Recorder, Seat, Subject};
use crate::report::{RunReport, RunStatus};
use crate::run::{RunOptions, fact, judged, keep_search, searching, settle};
use crate::runs::seconds_between;
use crate::tasks::{Means, tasks};
use crate::{Home, Result};

/// Settles the run that the caller calls `run`, as `run` does at its end: its scores, its gate, its
/// status. A task that nobody did, and nothing kept from being done, is a failure.
///
/// # Errors
/// As [`check`]; when a task is still at work, when one has failed or was not done.
pub fn finish_run(file: &Path, run: &str, options: &RunOptions, home: &Home) -> Result<RunReport> {
    let checked = check(file, &options.settings)?;
    let id = run_of(run, &checked)?;
    let require = checked.file.evaluate.require.clone();
    let searching = searching(&checked, file, options)?;
    let subject = Subject::file(&checked, file);
    let plan = planned(tasks(checked, home, id, Means::default())?)?;
    let seat = Seat { run: id, outer: run, plan: &plan, hold: Hold::Last };
    let mut recorder = Recorder::join(home, subject, &seat)?;
    let mut records = recorder.take_earlier();
    settle_the_rest(&recorder, &plan, &mut records)?;
    let flow = flow_report(&plan, records, &cache(home)?);
    let (metrics, missed) = judged(&flow, &require)?;
    let found = keep_search(&recorder, &flow, searching.as_ref())?;
    let ended = settle(&recorder, &flow, metrics.as_ref(), &missed)?;
    Ok(RunReport {
        run_id: id.to_string(),
        pipeline: recorder.pipeline().to_owned(),
        status: if missed.is_empty() { RunStatus::Succeeded } else { RunStatus::Refused },
        seconds: seconds_between(recorder.started(), ended),
        metrics,
        found,
        model: fact(&flow, "model")?,
        comparison: fact(&flow, "comparison")?,
        notes: flow.tasks.iter().flat_map(|task| task.notes.clone()).collect(),
        tasks: flow.tasks.iter().map(line).collect(),
        gate: missed,
        sent: None,
    })
}

/// Writes down what became of tasks that no process settled. Nobody is at work any more.
fn settle_the_rest(recorder: &Recorder, plan: &Plan, records: &mut [TaskRecord]) -> Result<()> {
    let standings = standings(plan, records);
    let now = SystemClock.now();
    let mut changed = Vec::new();
    for record in records.iter_mut() {
        match (record.status, standings.get(record.name.as_str())) {
            (TaskStatus::Running, _) => {
                record.status = TaskStatus::Failed;
                record.ended = Some(now);
                record.error = Some("its process ended before it did".into());
            }
            (TaskStatus::Pending, Some(Standing::Settled(_, why))) => {
                record.status = TaskStatus::Skipped;
                record.reason.clone_from(why);
            }
            // Its whole has failed, of which more is to be said.
            (TaskStatus::Pending, None) => record.status = TaskStatus::Skipped,
            (TaskStatus::Pending, _) => {
                record.status = TaskStatus::Failed;
                record.error = Some(format!("nobody did `{}`", record.name));
            }
            _ => continue,
        }
        changed.push(record.clone());
    }
    if changed.is_empty() {
        return Ok(());
    }
    recorder.keeper().wait(|s| s.record_tasks(recorder.id(), changed))
}

/// The run as the engine would report it, out of its journal.
fn flow_report(plan: &Plan, records: Vec<TaskRecord>, cache: &Cache) -> FlowReport {
    let place = |record: &TaskRecord| {
        let root = record.within.as_ref().unwrap_or(&record.name);
        plan.tasks().position(|task| task.name() == root)
    };
    let mut placed: Vec<(Option<usize>, TaskReport)> =
        records.into_iter().map(|record| (place(&record), task_report(record, cache))).collect();
    placed.sort_by_key(|(place, _)| place.unwrap_or(usize::MAX));
    FlowReport { tasks: placed.into_iter().map(|(_, report)| report).collect(), fault: None }
}

fn task_report(record: TaskRecord, cache: &Cache) -> TaskReport {
    let key = record.cache_key.as_ref().and_then(|key| key.parse().ok());
    TaskReport {
        status: match record.status {
            TaskStatus::Succeeded => Outcome::Succeeded,
            TaskStatus::Skipped | TaskStatus::Pending => Outcome::Skipped,
            TaskStatus::Cancelled => Outcome::Cancelled,
            _ => Outcome::Failed,
        },
        folder: key.as_ref().and_then(|key| cache.folder(key)),
        key,
        key_parts: None,
        output: record.output.and_then(|output| output.parse().ok()),
        error: record.error.map(|message| TaskError::new(Fault::Input, message)),
        moments: record.started.zip(record.ended).map(|(began, ended)| (began.0, ended.0)),
        seconds: record.seconds.unwrap_or_default(),
        reason: record.reason.into_iter().collect(),
        name: record.name,
        needs: record.needs,
        within: record.within,
        cached: record.cached,
        attempts: record.attempts,
        facts: record.facts,
        notes: record.notes,
    }
}
