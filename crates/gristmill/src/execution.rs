//! Tasks as a recorded run: planned, given what is known of earlier runs, run, and written down.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use gristmill_core::Clock;
use gristmill_flow::{
    Cache, Event, Observer, Plan, Previous, RunReport as FlowReport, Task, TaskError, TaskReport,
    TaskStatus,
};
use gristmill_track::RunQuery;

use crate::clock::SystemClock;
use crate::journal::{self, StoreJournal, is_cached};
use crate::keeper::Keeper;
use crate::machine;
use crate::recorder::Recorder;
use crate::report::{Progress, TaskLine};
use crate::run::RunOptions;
use crate::trail::Trail;
use crate::{Error, Home, Result};

/// Runs these tasks for the run that `recorder` has begun.
///
/// # Errors
/// When they form no plan, or what becomes of them cannot be kept; a task that fails is no error.
pub(crate) fn execute(
    tasks: Vec<Box<dyn Task>>,
    home: &Home,
    recorder: &mut Recorder,
    options: &RunOptions,
    pools: &BTreeMap<String, NonZeroU32>,
    progress: &dyn Progress,
) -> Result<FlowReport> {
    let previous = previous(recorder.keeper(), recorder.pipeline())?;
    let journal = Arc::new(StoreJournal::start(
        Arc::clone(recorder.keeper()),
        recorder.id(),
        home.is_shared().then(|| recorder.author()),
    )?);
    let plan = planned(tasks)?
        .with_previous(previous)
        .with_capacity(machine::capacity(pools))
        .with_earlier(journal::earlier(recorder.take_earlier()))
        .with_journal(journal.clone());
    recorder.expect(plan.tasks())?;
    progress.planned(plan.tasks().count());
    let trail = Trail::open(&options.tell, recorder.pipeline(), recorder.id(), progress)?;
    carry_out(&plan, &journal, home, options, &trail, progress)
}

/// Runs a plan whose outcomes go to `journal`.
pub(crate) fn carry_out(
    plan: &Plan,
    journal: &StoreJournal,
    home: &Home,
    options: &RunOptions,
    trail: &Trail<'_>,
    progress: &dyn Progress,
) -> Result<FlowReport> {
    let cache = cache(home)?;
    trail.run_started(plan.tasks().count());
    let report = plan.run(&cache, &Watcher { progress, trail }, &options.cancel);
    trail.run_ended(&report);
    match &report.fault {
        Some(fault) => {
            let known = fault.0.downcast_ref::<Error>().cloned();
            let lost = || fault.0.downcast_ref::<TaskError>().map(Error::from);
            Err(known.or_else(lost).unwrap_or_else(|| Error::bug(fault.to_string())))
        }
        None => {
            journal.flush()?;
            Ok(report)
        }
    }
}

pub(crate) fn planned(tasks: Vec<Box<dyn Task>>) -> Result<Plan> {
    Plan::new(tasks).map_err(|errors| match errors.first() {
        Some(first) => Error::input(first.to_string()).with_hint(first.hint()),
        None => Error::bug("a plan was refused without a reason"),
    })
}

pub(crate) fn cache(home: &Home) -> Result<Cache> {
    let clock = Arc::new(|| SystemClock.now().0);
    Cache::open(&home.cache(), clock)
        .map_err(|e| Error::input(e.to_string()).with_hint("choose another place with --home"))
}

/// What the keys of the pipeline's latest run were made of, by task.
pub(crate) fn previous(keeper: &Keeper, pipeline: &str) -> Result<Previous> {
    let query = RunQuery {
        pipeline: Some(pipeline.into()),
        page: gristmill_track::Page { limit: 5, offset: 0 },
        ..RunQuery::default()
    };
    for run in keeper.wait(|s| s.search_runs(&query))? {
        let inputs = keeper.wait(|s| s.task_inputs(run.info.id))?;
        if !inputs.is_empty() {
            return Ok(inputs.into_iter().collect());
        }
    }
    Ok(Previous::default())
}

pub(crate) fn line(task: &TaskReport) -> TaskLine {
    TaskLine {
        name: task.name.clone(),
        status: task.status.to_string(),
        cached: is_cached(task),
        attempts: task.attempts,
        seconds: task.seconds,
        needs: task.needs.clone(),
        why: match task.status {
            TaskStatus::Skipped => Some(task.reason.join("; ")),
            _ => task.error.as_ref().map(|error| error.message.clone()),
        },
    }
}

/// Passes on what the engine says to the person who waits, and to programs that listen.
struct Watcher<'a> {
    progress: &'a dyn Progress,
    trail: &'a Trail<'a>,
}

impl Observer for Watcher<'_> {
    fn event(&self, event: Event<'_>) {
        self.trail.task(&event);
        match event {
            Event::Started { task, .. } => self.progress.started(task),
            Event::Progress { task, done, total, said } => {
                self.progress.advanced(task, done, total, said);
            }
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
