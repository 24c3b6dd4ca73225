//! Running a plan: a loop over the tasks whose needs are settled.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use super::cache::{Entry, Lookup};
use super::handover::{Memory, Shared};
use super::preview::{look_up, reasons};
use super::{
    Cache, Caching, Cancel, Digest, Event, Fault, Inputs, KeyParts, Observer, Output, Plan,
    RunReport, Task, TaskContext, TaskError, TaskReport, TaskStatus, explain,
};

impl Plan {
    /// Runs the plan: each task once those that it needs are done, unless the cache has its
    /// result.
    ///
    /// A task that fails, or panics, leaves nothing behind; those that need it are skipped, the
    /// others run. After [`Cancel::cancel`] no further task begins. Whatever happens, every task
    /// has its report, and what succeeded is kept for the next run.
    pub fn run(&self, cache: &Cache, observer: &dyn Observer, cancel: &Cancel) -> RunReport {
        let run = Run { plan: self, cache, observer, cancel, memory: Memory::default() };
        let mut settled: Vec<Option<Settled>> = self.tasks.iter().map(|_| None).collect();
        let mut tasks = Vec::with_capacity(self.tasks.len());
        while let Some(next) = run.ready(&settled) {
            let (report, entry) = run.settle(next, &settled);
            observer.event(Event::Finished { report: &report });
            if let Some(slot) = settled.get_mut(next) {
                *slot = Some(Settled { status: report.status, entry });
            }
            tasks.push(report);
        }
        cache.save();
        RunReport { tasks }
    }
}

struct Run<'a> {
    plan: &'a Plan,
    cache: &'a Cache,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    memory: Memory,
}

/// A task that is done with, one way or another.
struct Settled {
    status: TaskStatus,
    entry: Option<Entry>,
}

/// What came of a task that began.
struct Made {
    entry: Entry,
    value: Option<Shared>,
    notes: Vec<String>,
}

impl Run<'_> {
    /// The first task that can be settled next.
    fn ready(&self, settled: &[Option<Settled>]) -> Option<usize> {
        let is = |i: usize| settled.get(i).is_some_and(Option::is_some);
        let mut needs = self.plan.needs.iter().enumerate();
        needs.position(|(i, needs)| !is(i) && needs.iter().all(|n| is(*n)))
    }

    fn settle(&self, i: usize, settled: &[Option<Settled>]) -> (TaskReport, Option<Entry>) {
        let (Some(task), Some(needs)) = (self.plan.tasks.get(i), self.plan.needs.get(i)) else {
            return (TaskReport::new("", TaskStatus::Skipped), None);
        };
        let start = self.cache.clock().now_micros();
        let (mut report, entry) = match self.entries(needs, settled) {
            Err(reason) => {
                let mut report = TaskReport::new(task.name(), TaskStatus::Skipped);
                report.reason.push(reason);
                (report, None)
            }
            Ok(_) if self.cancel.is_cancelled() => {
                (TaskReport::new(task.name(), TaskStatus::Cancelled), None)
            }
            Ok(entries) => self.perform(task.as_ref(), entries),
        };
        let micros = self.cache.clock().now_micros().saturating_sub(start);
        report.seconds = micros.max(0) as f64 / 1e6;
        (report, entry)
    }

    /// What the needed tasks gave; otherwise why the task cannot run.
    fn entries<'s>(
        &'s self,
        needs: &[usize],
        settled: &'s [Option<Settled>],
    ) -> Result<BTreeMap<&'s str, &'s Entry>, String> {
        let mut entries = BTreeMap::new();
        let mut without = Vec::new();
        for &need in needs {
            let name = self.plan.tasks.get(need).map_or("", |task| task.name());
            match settled.get(need).and_then(Option::as_ref) {
                Some(Settled { entry: Some(entry), .. }) => {
                    entries.insert(name, entry);
                }
                Some(Settled { status, .. }) => without.push(format!("`{name}` {}", was(*status))),
                None => without.push(format!("`{name}` did not run")),
            }
        }
        if without.is_empty() { Ok(entries) } else { Err(without.join(", ")) }
    }

    fn perform(
        &self,
        task: &dyn Task,
        entries: BTreeMap<&str, &Entry>,
    ) -> (TaskReport, Option<Entry>) {
        let mut report = TaskReport::new(task.name(), TaskStatus::Failed);
        let outputs = entries.iter().map(|(name, e)| ((*name).to_owned(), e.output())).collect();
        let parts = match self.parts(task, outputs) {
            Ok(parts) => parts,
            Err(error) => return (failed(report, error), None),
        };
        let found = look_up(task, &parts, self.cache);
        report.reason = reasons(self.plan.previous.get(task.name()), &parts, &found);
        report.key = Some(parts.key());
        report.key_parts = Some(parts.clone());
        if let Some(Lookup::Found(entry)) = found {
            report.cached = true;
            return self.succeeded(report, *entry);
        }
        self.observer.event(Event::Started { task: task.name(), reason: &report.reason });
        report.attempts = 1;
        match self.attempt(task, parts, entries, report.attempts) {
            Ok(made) => {
                if let Some(value) = made.value {
                    self.memory.keep(task.name(), value);
                }
                report.notes = made.notes;
                self.succeeded(report, made.entry)
            }
            Err(error) => (failed(report, error), None),
        }
    }

    fn succeeded(&self, mut report: TaskReport, entry: Entry) -> (TaskReport, Option<Entry>) {
        if report.cached {
            report.notes = entry.notes().to_vec();
            for text in &report.notes {
                self.observer.event(Event::Note { task: &report.name, text });
            }
        }
        report.status = TaskStatus::Succeeded;
        report.output = Some(entry.output());
        report.folder = entry.kept_at().map(Into::into);
        report.facts = entry.facts().clone();
        (report, Some(entry))
    }

    fn parts(
        &self,
        task: &dyn Task,
        outputs: BTreeMap<String, Digest>,
    ) -> Result<KeyParts, TaskError> {
        let parts = || self.plan.key_parts(task, outputs, self.cache.files());
        guarded(task.name(), parts)
    }

    /// What changed under a task that would be kept, if anything did: its result belongs to
    /// neither what was there before nor what is there now.
    fn moved(&self, task: &dyn Task, parts: &KeyParts) -> Option<String> {
        if task.caching() == Caching::Never || parts.inputs.is_empty() {
            return None;
        }
        match self.parts(task, parts.needs.clone()) {
            Ok(now) if now.inputs == parts.inputs => None,
            Ok(now) => Some(explain(parts, &now).join(", ")),
            Err(error) => Some(format!("an input went away ({error})")),
        }
    }

    /// Runs a task in a folder of its own, and keeps what it gave.
    fn attempt(
        &self,
        task: &dyn Task,
        parts: KeyParts,
        entries: BTreeMap<&str, &Entry>,
        attempt: u32,
    ) -> Result<Made, TaskError> {
        let draft = self.cache.draft()?;
        let notes = Mutex::new(Vec::new());
        let inputs = Inputs { entries, memory: &self.memory };
        let context = TaskContext {
            task: task.name(),
            folder: draft.files(),
            observer: self.observer,
            cancel: self.cancel,
            clock: self.cache.clock(),
            attempt,
            notes: &notes,
        };
        let Output { facts, value } = guarded(task.name(), || task.run(&inputs, &context))?;
        let moved = self.moved(task, &parts);
        if let Some(changes) = &moved {
            context.note(format!("{changes} while it ran, so its result is not kept"));
        }
        let notes = notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let manifest = draft.manifest(parts, facts, notes.clone())?;
        if task.caching() == Caching::Never || moved.is_some() {
            return Ok(Made { entry: Entry::passing(draft, manifest), value, notes });
        }
        let ours = manifest.output;
        let entry = self.cache.keep(draft, manifest)?;
        // Another process may have kept its own result first: what counts is what is kept.
        let value = value.filter(|_| entry.output() == ours);
        Ok(Made { entry, value, notes })
    }
}

fn failed(mut report: TaskReport, error: TaskError) -> TaskReport {
    report.status = match error.fault {
        Fault::Cancelled => TaskStatus::Cancelled,
        _ => TaskStatus::Failed,
    };
    report.error = Some(error);
    report
}

fn was(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Succeeded => "gave no result",
        TaskStatus::Failed => "failed",
        TaskStatus::Skipped => "was skipped",
        TaskStatus::Cancelled => "was cancelled",
    }
}

/// What a task's own code gives; a panic in it is an error of that task and of no other.
fn guarded<T>(task: &str, work: impl FnOnce() -> Result<T, TaskError>) -> Result<T, TaskError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = format!("task `{task}` panicked: {}", words(panic.as_ref()));
        Err(TaskError::new(Fault::Bug, message).with_hint("this is a bug; please report it"))
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}
