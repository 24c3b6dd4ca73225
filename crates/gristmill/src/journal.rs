//! The flow engine's journal in the store: what becomes of tasks, many in one commit.
//!
//! One thread writes. An outcome that somebody waits for is committed at once, with everything
//! else that has come in; that a task began is written with the next outcome, or a moment later
//! when there is none, so that a chain of short tasks costs one commit a task.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use gristmill_core::Timestamp;
use gristmill_flow::{
    Earlier, EarlierResult, Journal, JournalError, KeyParts, Task, TaskReport,
    TaskStatus as Outcome,
};
use gristmill_track::{Author, RunId, TaskRecord, TaskStatus};
use serde_json::Value;

use crate::keeper::Keeper;
use crate::{Error, Result};

/// How long the beginning of a task may wait to be written.
const SOON: Duration = Duration::from_millis(100);
/// How many records one commit takes at most.
const GROUP: usize = 1_000;

/// Writes down what becomes of the tasks of one run.
pub(crate) struct StoreJournal {
    lines: Mutex<Sender<Line>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// One thing to write down.
enum Line {
    /// Can wait.
    Soon(Box<TaskRecord>),
    /// Somebody waits for it.
    Now(Box<TaskRecord>, SyncSender<Result<()>>),
    /// Everything before it is to be written.
    Flush(SyncSender<Result<()>>),
}

impl StoreJournal {
    /// The journal of `run`, in the store of `keeper`, written by `author` where machines share
    /// the database: only there another one can have taken the run over.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(keeper: Arc<Keeper>, run: RunId, author: Option<Author>) -> Result<Self> {
        let (lines, queue) = channel();
        let writer = std::thread::Builder::new()
            .name("gristmill-journal".into())
            .spawn(move || Writer { keeper, run, author }.serve(&queue))?;
        Ok(Self { lines: Mutex::new(lines), writer: Mutex::new(Some(writer)) })
    }

    /// Waits until everything that was said is written.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&self) -> Result<()> {
        self.and_wait(Line::Flush)
    }

    fn and_wait(&self, line: impl FnOnce(SyncSender<Result<()>>) -> Line) -> Result<()> {
        let (reply, answer) = sync_channel(1);
        self.send(line(reply));
        answer.recv().map_err(|_| Error::bug("the journal's writer has ended"))?
    }

    fn send(&self, line: Line) {
        // Who waits for an answer hears of a writer that is gone; nobody else needs to.
        let _ = self.lines.lock().unwrap_or_else(PoisonError::into_inner).send(line);
    }
}

impl Drop for StoreJournal {
    fn drop(&mut self) {
        let (closed, _) = channel();
        *self.lines.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A writer that panicked has said so already.
            let _ = writer.join();
        }
    }
}

impl Journal for StoreJournal {
    fn started(&self, report: &TaskReport, at_micros: i64) {
        let record = TaskRecord {
            status: TaskStatus::Running,
            started: Some(Timestamp(at_micros)),
            ended: None,
            ..record(report)
        };
        self.send(Line::Soon(Box::new(record)));
    }

    fn spread(&self, task: &dyn Task, parts: &[&str]) {
        for part in parts {
            let record = TaskRecord {
                needs: task.needs().to_vec(),
                within: Some(task.name().to_owned()),
                ..TaskRecord::new(*part, TaskStatus::Pending)
            };
            self.send(Line::Soon(Box::new(record)));
        }
    }

    fn settled(&self, report: &TaskReport) -> Result<(), JournalError> {
        let record = Box::new(record(report));
        match report.status {
            // A task that gave nothing is given its turn again when the run goes on.
            Outcome::Skipped | Outcome::Cancelled => {
                self.send(Line::Soon(record));
                Ok(())
            }
            Outcome::Succeeded | Outcome::Failed => self
                .and_wait(|reply| Line::Now(record, reply))
                .map_err(|error| JournalError(Box::new(error))),
        }
    }
}

struct Writer {
    keeper: Arc<Keeper>,
    run: RunId,
    /// As whom it writes, where it could lose the run to others.
    author: Option<Author>,
}

impl Writer {
    fn serve(&self, queue: &Receiver<Line>) {
        let mut batch = Batch::default();
        loop {
            let next = match batch.is_empty() {
                true => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => queue.recv_timeout(SOON),
            };
            let (ended, quiet) =
                (matches!(next, Err(RecvTimeoutError::Disconnected)), next.is_err());
            if let Ok(line) = next {
                batch.add(line);
            }
            while batch.records.len() < GROUP
                && let Ok(line) = queue.try_recv()
            {
                batch.add(line);
            }
            if batch.is_due() || quiet {
                batch = self.commit(std::mem::take(&mut batch));
            }
            if ended {
                return;
            }
        }
    }

    /// Writes a batch. One that cannot be written, and that nobody waits for, comes back to go with
    /// the next.
    fn commit(&self, batch: Batch) -> Batch {
        let kept = match batch.records.is_empty() {
            true => Ok(()),
            false => {
                let records = batch.records.clone();
                match &self.author {
                    Some(author) => {
                        self.keeper.wait(|s| s.record_tasks_as(self.run, author, records))
                    }
                    None => self.keeper.wait(|s| s.record_tasks(self.run, records)),
                }
            }
        };
        if kept.is_err() && batch.waiting.is_empty() {
            return batch;
        }
        for reply in batch.waiting {
            // Whoever stopped waiting for the answer does not need it.
            let _ = reply.send(kept.clone());
        }
        Batch::default()
    }
}

/// What the next commit takes; of each task the latest.
#[derive(Default)]
struct Batch {
    records: Vec<TaskRecord>,
    places: HashMap<String, usize>,
    waiting: Vec<SyncSender<Result<()>>>,
}

impl Batch {
    fn add(&mut self, line: Line) {
        let record = match line {
            Line::Soon(record) => *record,
            Line::Now(record, reply) => {
                self.waiting.push(reply);
                *record
            }
            Line::Flush(reply) => return self.waiting.push(reply),
        };
        match self.places.get(&record.name).and_then(|place| self.records.get_mut(*place)) {
            Some(earlier) => *earlier = record,
            None => {
                self.places.insert(record.name.clone(), self.records.len());
                self.records.push(record);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.waiting.is_empty()
    }

    fn is_due(&self) -> bool {
        !self.waiting.is_empty() || self.records.len() >= GROUP
    }
}

/// What the store keeps of a task.
fn record(report: &TaskReport) -> TaskRecord {
    let status = TaskStatus::parse(report.status.as_str()).unwrap_or(TaskStatus::Failed);
    let moments = report.moments.map(|(began, ended)| (Timestamp(began), Timestamp(ended)));
    TaskRecord {
        cached: is_cached(report),
        attempts: report.attempts,
        started: moments.map(|(began, _)| began),
        ended: moments.map(|(_, ended)| ended),
        seconds: Some(report.seconds),
        cache_key: report.key.as_ref().map(ToString::to_string),
        inputs: parts(report.key_parts.as_ref()),
        reason: (!report.reason.is_empty()).then(|| report.reason.join("; ")),
        error: report.error.as_ref().map(ToString::to_string),
        needs: report.needs.clone(),
        facts: report.facts.clone(),
        output: report.output.as_ref().map(ToString::to_string),
        notes: report.notes.clone(),
        within: report.within.clone(),
        ..TaskRecord::new(&report.name, status)
    }
}

/// Whether nothing was done: taken from the cache, or registered already.
pub(crate) fn is_cached(report: &TaskReport) -> bool {
    report.cached || report.facts["unchanged"] == Value::Bool(true)
}

fn parts(parts: Option<&KeyParts>) -> Value {
    parts.and_then(|parts| serde_json::to_value(parts).ok()).unwrap_or_default()
}

/// What an earlier process of a run wrote down, as the engine takes it.
pub(crate) fn earlier(tasks: Vec<TaskRecord>) -> HashMap<String, Earlier> {
    let known = tasks.into_iter().map(|task| {
        let result = (task.status == TaskStatus::Succeeded).then(|| result(&task)).flatten();
        let failures = match task.status {
            TaskStatus::Running => task.attempts.saturating_sub(1),
            // Whoever runs a file again wants a task that had given up to be tried anew.
            _ => 0,
        };
        (task.name, Earlier { attempts: task.attempts, failures, result })
    });
    known.collect()
}

fn result(task: &TaskRecord) -> Option<EarlierResult> {
    Some(EarlierResult {
        key: task.cache_key.as_ref()?.parse().ok()?,
        output: task.output.as_ref()?.parse().ok()?,
        facts: task.facts.clone(),
        notes: task.notes.clone(),
        cached: task.cached,
        seconds: task.seconds.unwrap_or_default(),
        moments: task.started.zip(task.ended).map(|(began, ended)| (began.0, ended.0)),
    })
}
