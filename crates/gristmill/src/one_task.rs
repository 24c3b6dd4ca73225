//! One task of a run in a process of its own: what a pod or a worker of another system calls, which
//! has its own ideas of order, retries and machines.
//!
//! All tasks of one outer run meet in one run of ours, since its id follows from what the caller
//! calls it. The caller keeps the order: a task is refused while one that it waits for is not
//! settled, for were it done here as well, two parallel branches would do it twice. What needed
//! tasks gave is taken as the run wrote it down, whatever has changed since, so that every task of
//! a run sees the same.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use gristmill_flow::{Plan, TaskReport, TaskStatus as Outcome, Warden};
use gristmill_track::{RunId, TaskRecord, TaskStatus};
use serde::Serialize;

use crate::alive::Alive;
use crate::check::{Checked, check};
use crate::execution::{carry_out, line, planned, previous};
use crate::journal::{self, StoreJournal};
use crate::recorder::{Hold, Recorder, Seat, Subject};
use crate::report::{Progress, TaskLine};
use crate::run::RunOptions;
use crate::tasks::{Means, tasks, warden};
use crate::trail::Trail;
use crate::{Error, Home, Kind, Result, machine};

mod finish;
mod standing;

pub use finish::finish_run;
use standing::{Standing, standings};

/// Which task of which run, by a file.
#[derive(Clone, Copy, Debug)]
pub struct TaskCall<'a> {
    /// The pipeline file.
    pub file: &'a Path,
    /// The run: an id of ours, or what another system calls it.
    pub run: &'a str,
    /// The task.
    pub task: &'a str,
}

/// What a call did for its task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskOutcome {
    /// The run in the store.
    pub run_id: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// What became of the task: it `succeeded` or was `skipped`.
    #[serde(flatten)]
    pub task: TaskLine,
    /// Whether an earlier call had done it, so that this one did nothing.
    pub already_done: bool,
    /// Why it ran or did not, in words.
    pub reason: String,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Does one task of a run, which the first call begins. A task is tried once a call: its `retries`
/// are for the caller to keep. One that is done already is not done again.
///
/// Several calls of one run may be at work at once, each with another task. `options.start` has no
/// meaning here.
///
/// # Errors
/// As [`check`]; when there is no such task, when one that it waits for is not settled, or the run
/// is of another file; when the task fails, or a gate refuses the model.
pub fn run_task(
    call: &TaskCall<'_>,
    options: &RunOptions,
    home: &Home,
    progress: &dyn Progress,
) -> Result<TaskOutcome> {
    let checked = check(call.file, &options.settings)?;
    require_task(&checked, call.task)?;
    let run = run_of(call.run, &checked)?;
    let lock = lock_of(run, call.task);
    let Some(_ours) = Alive::take(home, lock)? else {
        let message = format!("another process is at work on `{}` of this run", call.task);
        return Err(Error::input(message).with_hint("let it end"));
    };
    let subject = Subject::file(&checked, call.file);
    let pools = checked.file.pools.clone();
    let (warden, binary) = (wardened(&checked, call, options, home)?, options.binary.clone());
    let means = Means { warden, binary, ..Means::default() };
    let plan = planned(tasks(checked.clone(), home, run, means)?)?;
    let seat = Seat { run, outer: call.run, plan: &plan, hold: Hold::Beside };
    let mut recorder = Recorder::join(home, subject, &seat)?;
    let records = recorder.take_earlier();
    let settled = settled(&plan, &records, call, run, home)?;
    let before = records.iter().find(|record| record.name == call.task).cloned();
    if before.as_ref().is_none_or(|before| before.status != TaskStatus::Succeeded) {
        recorder.reopen()?;
    }
    let author = home.is_shared().then(|| recorder.author());
    let journal = Arc::new(StoreJournal::start(Arc::clone(recorder.keeper()), run, author)?);
    let plan = plan
        .with_previous(previous(recorder.keeper(), recorder.pipeline())?)
        .with_capacity(machine::capacity(&pools))
        .with_earlier(journal::earlier(records))
        .with_journal(journal.clone())
        .alone(call.task, settled);
    progress.planned(1);
    let progress = Narrow { progress, task: call.task };
    let trail = Trail::open(&options.tell, recorder.pipeline(), run, &progress)?;
    let flow = carry_out(&plan, &journal, home, options, &trail, &progress)?;
    let report = flow.task(call.task).ok_or_else(|| Error::bug("a task without its report"))?;
    let part = |report: &&TaskReport| report.within.as_deref() == Some(call.task);
    if let Some(failed) = flow.tasks.iter().filter(part).find(|part| part.error.is_some()) {
        // The whole is skipped then, and its call has failed all the same.
        return outcome(&recorder, failed, None);
    }
    outcome(&recorder, report, before.as_ref())
}

/// The id of the run that the caller calls `outer`.
fn run_of(outer: &str, checked: &Checked) -> Result<RunId> {
    if outer.trim().is_empty() {
        return Err(Error::input("the run has no name")
            .with_hint("give all tasks of a run the same text, such as Airflow's `run_id`"));
    }
    let pipeline = checked.file.name.as_bytes();
    Ok(outer.parse().unwrap_or_else(|_| RunId::from_parts(&[pipeline, outer.as_bytes()])))
}

/// The name of the lock that whoever does this task of this run holds.
fn lock_of(run: RunId, task: &str) -> RunId {
    RunId::from_parts(&[b"task", run.to_string().as_bytes(), task.as_bytes()])
}

fn require_task(checked: &Checked, task: &str) -> Result<()> {
    let stages = checked.stages().into_iter();
    let known: Vec<&str> = stages.chain(checked.file.tasks.keys().map(String::as_str)).collect();
    if known.contains(&task) {
        return Ok(());
    }
    let error = Error::input(format!("the file has no task `{task}`"));
    Err(match gristmill_core::nearest(task, &known) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint(format!("its tasks are {}", known.join(", "))),
    })
}

/// Who ends the command of this task when this process is killed, if it is one.
fn wardened(
    checked: &Checked,
    call: &TaskCall<'_>,
    options: &RunOptions,
    home: &Home,
) -> Result<Option<Warden>> {
    match &options.binary {
        Some(binary) if checked.file.tasks.contains_key(call.task) => {
            let lock = lock_of(run_of(call.run, checked)?, call.task);
            warden(binary, home, lock).map(Some)
        }
        _ => Ok(None),
    }
}

/// How the tasks of the run stand that are settled, when all are that the task of `call` waits for.
fn settled(
    plan: &Plan,
    records: &[TaskRecord],
    call: &TaskCall<'_>,
    run: RunId,
    home: &Home,
) -> Result<HashMap<String, Outcome>> {
    let standings = standings(plan, records);
    for wait in plan.waits_for(call.task).unwrap_or_default() {
        let open = match standings.get(wait) {
            Some(Standing::Settled(..)) => continue,
            Some(Standing::Begun) if Alive::is(home, lock_of(run, wait))? => {
                ("which another process is at work on", "let that end first".to_string())
            }
            Some(Standing::Begun) => {
                ("whose process ended before it did", format!("do `{wait}` again first"))
            }
            _ => ("which this run has not done yet", format!("do `{wait}` first")),
        };
        let message = format!("`{}` waits for `{wait}`, {}", call.task, open.0);
        return Err(Error::input(message).with_hint(open.1));
    }
    let settled = standings.into_iter().filter_map(|(name, standing)| match standing {
        Standing::Settled(outcome, _) => Some((name.to_owned(), outcome)),
        _ => None,
    });
    Ok(settled.collect())
}

fn outcome(
    recorder: &Recorder,
    report: &TaskReport,
    before: Option<&TaskRecord>,
) -> Result<TaskOutcome> {
    if let Some(error) = &report.error {
        return Err(Error::from(error).with_place(format!("task `{}`", report.name)));
    }
    if report.status == Outcome::Cancelled {
        return Err(Error::new(Kind::Cancelled, format!("`{}` was stopped", report.name))
            .with_hint("call it again to do it"));
    }
    // Work that is done again has other moments.
    let already_done = before.is_some_and(|before| {
        let moments = before.started.zip(before.ended).map(|(began, ended)| (began.0, ended.0));
        before.status == TaskStatus::Succeeded && moments == report.moments
    });
    Ok(TaskOutcome {
        run_id: recorder.id().to_string(),
        pipeline: recorder.pipeline().to_owned(),
        task: line(report),
        already_done,
        reason: match already_done {
            true => "an earlier call of this run did it".into(),
            false => report.reason.join("; "),
        },
        notes: report.notes.clone(),
    })
}

/// Passes on what concerns one task, and the ends of its parts alone: that of the task itself is
/// the result.
struct Narrow<'a> {
    progress: &'a dyn Progress,
    task: &'a str,
}

impl Narrow<'_> {
    fn is_part(&self, task: &str) -> bool {
        task.strip_prefix(self.task).is_some_and(|rest| rest.starts_with('['))
    }
}

impl Progress for Narrow<'_> {
    fn more(&self, tasks: usize) {
        self.progress.more(tasks);
    }

    fn started(&self, task: &str) {
        if task == self.task || self.is_part(task) {
            self.progress.started(task);
        }
    }

    fn advanced(&self, task: &str, done: u64, total: Option<u64>, said: &str) {
        self.progress.advanced(task, done, total, said);
    }

    fn note(&self, message: &str) {
        self.progress.note(message);
    }

    fn finished(&self, task: &TaskLine) {
        if self.is_part(&task.name) {
            self.progress.finished(task);
        }
    }
}
