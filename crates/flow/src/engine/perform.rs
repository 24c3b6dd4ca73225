//! One task's turn: from its key to its result, by the cache or by work.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::cache::{Entry, Lookup};
use super::handover::Shared;
use super::preview::{look_up, reasons};
use super::roster::Member;
use super::run::{Entries, Run, Turn};
use super::{
    Caching, Digest, Earlier, EarlierResult, Event, Fault, Inputs, KeyParts, Output, Task,
    TaskContext, TaskError, TaskReport, TaskStatus, explain,
};

/// What came of work that was done.
struct Made {
    entry: Entry,
    value: Option<Shared>,
    notes: Vec<String>,
}

impl Run<'_> {
    /// Gives a task whose needs are there its turn.
    pub(super) fn perform(
        &self,
        position: usize,
        member: &Member,
        mut report: Box<TaskReport>,
        entries: &Entries,
    ) -> Turn {
        let task = member.task.as_ref();
        if member.parts.is_none() {
            match guarded(task.name(), || task.spread(&self.inputs(entries))) {
                Ok(None) => {}
                Ok(Some(parts)) => return Turn::Spread(parts.into_iter().map(Arc::from).collect()),
                Err(error) => return Turn::failed(report, error),
            }
        }
        let outputs = entries.iter().map(|(name, e)| (name.clone(), e.output())).collect();
        let parts = match self.parts(task, outputs) {
            Ok(parts) => parts,
            Err(error) => return Turn::failed(report, error),
        };
        let key = parts.key();
        let found = look_up(task, &parts, self.cache);
        report.reason = reasons(self.plan.previous.parts(task.name()), &parts, &found);
        report.key = Some(key);
        report.key_parts = Some(parts.clone());
        if let Some(turn) = self.done_earlier(task, &report, &found) {
            return turn;
        }
        if let Some(Lookup::Found(entry)) = found {
            report.cached = true;
            return match put_back(task, entry.files_dir()) {
                Ok(()) => self.succeeded(report, *entry),
                Err(error) => Turn::failed(report, error),
            };
        }
        self.attempt(position, member, report, entries, parts)
    }

    /// The result of a task that an earlier process of the run wrote down, if it would be given
    /// the same today and what was kept of it is there.
    fn done_earlier(
        &self,
        task: &dyn Task,
        report: &TaskReport,
        found: &Option<Lookup>,
    ) -> Option<Turn> {
        let earlier = self.plan.earlier.get(task.name())?;
        let result = earlier.result.as_ref().filter(|result| Some(result.key) == report.key)?;
        let entry = match found {
            None => Entry::written_down(result, self.cache)?,
            Some(Lookup::Found(_)) => self.cache.entry(&result.key)?,
            Some(_) => return None,
        };
        let within = report.within.clone();
        self.restored(task, within, earlier, result, entry)
    }

    /// The task as an earlier process of the run left it, if `entry` is what it gave then.
    pub(super) fn restored(
        &self,
        task: &dyn Task,
        within: Option<String>,
        earlier: &Earlier,
        result: &EarlierResult,
        entry: Entry,
    ) -> Option<Turn> {
        if entry.output() != result.output || put_back(task, entry.files_dir()).is_err() {
            return None;
        }
        let report = TaskReport {
            cached: result.cached,
            attempts: earlier.attempts,
            moments: result.moments,
            seconds: result.seconds,
            needs: task.needs().to_vec(),
            within,
            key: Some(result.key),
            output: Some(result.output),
            folder: entry.kept_at().map(Into::into),
            facts: result.facts.clone(),
            notes: result.notes.clone(),
            reason: vec!["it was done before the run was cut short".into()],
            ..TaskReport::new(task.name(), TaskStatus::Succeeded)
        };
        Some(Turn::SettledEarlier(Box::new(report), Some(entry)))
    }

    fn succeeded(&self, mut report: Box<TaskReport>, entry: Entry) -> Turn {
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
        Turn::Settled(report, Some(entry))
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

    /// Tries a task once.
    fn attempt(
        &self,
        position: usize,
        member: &Member,
        mut report: Box<TaskReport>,
        entries: &Entries,
        parts: KeyParts,
    ) -> Turn {
        let task = member.task.as_ref();
        report.attempts = member.attempts + 1;
        self.begin(position, &report);
        let error = match self.work_on(task, parts, entries, report.attempts) {
            Ok(made) => {
                if let Some(value) = made.value {
                    self.memory.keep(task.name(), value);
                }
                report.notes = made.notes;
                return self.succeeded(report, made.entry);
            }
            Err(error) => error,
        };
        let again = matches!(error.fault, Fault::Failed | Fault::Machine);
        match self.rest(position, member).filter(|_| again && !self.cancel.is_cancelled()) {
            Some(rest) => {
                let (task, attempt) = (task.name(), report.attempts);
                self.observer.event(Event::Retrying { task, attempt, rest, error: &error });
                Turn::Rest(rest)
            }
            None => Turn::failed(report, error),
        }
    }

    /// Lets a task do its work in a folder of its own, and keeps what it gave.
    fn work_on(
        &self,
        task: &dyn Task,
        parts: KeyParts,
        entries: &Entries,
        attempt: u32,
    ) -> Result<Made, TaskError> {
        let draft = self.cache.draft();
        let notes = Mutex::new(Vec::new());
        let context = TaskContext {
            task: task.name(),
            draft: &draft,
            observer: self.observer,
            cancel: self.cancel,
            clock: self.cache.clock(),
            attempt,
            notes: &notes,
        };
        let inputs = self.inputs(entries);
        let Output { facts, value } = guarded(task.name(), || task.run(&inputs, &context))?;
        let moved = self.moved(task, &parts);
        if let Some(changes) = &moved {
            context.note(format!("{changes} while it ran, so its result is not kept"));
        }
        let notes = notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let manifest = draft.manifest(parts, facts, notes.clone())?;
        if task.caching() == Caching::Never || moved.is_some() {
            let entry = Entry::passing(draft, manifest, self.cache);
            return Ok(Made { entry, value, notes });
        }
        let ours = manifest.output;
        let entry = self.cache.keep(draft, manifest)?;
        // Another process may have kept its own result first: what counts is what is kept.
        let value = value.filter(|_| entry.output() == ours);
        Ok(Made { entry, value, notes })
    }

    pub(super) fn inputs<'a>(&'a self, entries: &'a Entries) -> Inputs<'a> {
        let entries = entries.iter().map(|(name, entry)| (name.as_str(), Arc::clone(entry)));
        Inputs { entries: entries.collect(), memory: &self.memory }
    }
}

fn put_back(task: &dyn Task, files: &Path) -> Result<(), TaskError> {
    guarded(task.name(), || task.reuse(files))
}

/// What a task's own code gives; a panic in it is an error of that task and of no other.
pub(super) fn guarded<T>(
    task: &str,
    work: impl FnOnce() -> Result<T, TaskError>,
) -> Result<T, TaskError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = format!("task `{task}` panicked: {}", words(panic.as_ref()));
        Err(TaskError::new(Fault::Bug, message).with_hint("this is a bug; please report it"))
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}
