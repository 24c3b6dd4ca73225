//! Running a plan: a loop over the tasks whose needs are settled.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::board::Board;
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
        let run = Run {
            plan: self,
            cache,
            observer,
            cancel,
            memory: Memory::default(),
            board: Board::new(&self.needs),
            reports: Mutex::default(),
        };
        let workers = self.workers.get().min(self.tasks.len());
        std::thread::scope(|scope| {
            // The thread at hand is a worker too, so that one worker needs no other.
            (1..workers).for_each(|_| drop(scope.spawn(|| run.work())));
            run.work();
        });
        cache.save();
        let reports = run.reports.into_inner().unwrap_or_else(PoisonError::into_inner);
        RunReport { tasks: reports.into_values().collect() }
    }
}

struct Run<'a> {
    plan: &'a Plan,
    cache: &'a Cache,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    memory: Memory,
    board: Board<Settled>,
    /// By the place of the task in the plan.
    reports: Mutex<BTreeMap<usize, TaskReport>>,
}

/// A task that is done with, one way or another.
#[derive(Clone)]
struct Settled {
    status: TaskStatus,
    entry: Option<Arc<Entry>>,
}

/// What came of a task that began.
struct Made {
    entry: Entry,
    value: Option<Shared>,
    notes: Vec<String>,
}

impl Run<'_> {
    /// Settles one task after the other until none is left.
    fn work(&self) {
        let _guard = self.board.guard();
        while let Some(next) = self.board.next() {
            let (report, entry) = self.settle(next);
            self.observer.event(Event::Finished { report: &report });
            let settled = Settled { status: report.status, entry: entry.map(Arc::new) };
            self.reports.lock().unwrap_or_else(PoisonError::into_inner).insert(next, report);
            self.board.settle(next, settled);
        }
    }

    fn settle(&self, i: usize) -> (TaskReport, Option<Entry>) {
        let (Some(task), Some(needs)) = (self.plan.tasks.get(i), self.plan.needs.get(i)) else {
            return (TaskReport::new("", TaskStatus::Skipped), None);
        };
        let start = self.cache.clock().now_micros();
        let (mut report, entry) = match self.entries(needs) {
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
    fn entries(&self, needs: &[usize]) -> Result<BTreeMap<&str, Arc<Entry>>, String> {
        let mut entries = BTreeMap::new();
        let mut without = Vec::new();
        for (&need, settled) in needs.iter().zip(self.board.settled(needs)) {
            let name = self.plan.tasks.get(need).map_or("", |task| task.name());
            match settled {
                Some(Settled { entry: Some(entry), .. }) => {
                    entries.insert(name, entry);
                }
                Some(Settled { status, .. }) => without.push(format!("`{name}` {}", was(status))),
                None => without.push(format!("`{name}` did not run")),
            }
        }
        if without.is_empty() { Ok(entries) } else { Err(without.join(", ")) }
    }

    fn perform(
        &self,
        task: &dyn Task,
        entries: BTreeMap<&str, Arc<Entry>>,
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
        entries: BTreeMap<&str, Arc<Entry>>,
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
