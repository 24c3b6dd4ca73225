//! What a run writes down as it goes on, so that another process can go on with it.

use std::error::Error;
use std::fmt;

use serde_json::Value;

use super::{Digest, Task, TaskReport};

/// Keeps what became of the tasks of one run.
///
/// The engine promises: a task's place on the machine is used again, and a task that needs it
/// begins, only when [`settled`](Journal::settled) has said that its outcome is kept.
pub trait Journal: Send + Sync {
    /// A task begins an attempt, at this moment; the report says what is known of it so far.
    /// This may be written later, together with something else: a task of which nothing is known
    /// is run again anyway.
    fn started(&self, report: &TaskReport, at_micros: i64);

    /// A task was spread out into these; may be written later, too.
    fn spread(&self, task: &dyn Task, parts: &[&str]);

    /// What became of a task. When this returns, neither the death of the process nor anything
    /// that comes later undoes it. Called by several threads at once.
    ///
    /// # Errors
    /// When it could not be kept. The run is stopped then.
    fn settled(&self, report: &TaskReport) -> Result<(), JournalError>;
}

/// Why an outcome could not be kept.
#[derive(Debug)]
pub struct JournalError(pub Box<dyn Error + Send + Sync>);

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// What an earlier process of a run wrote down of a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Earlier {
    /// How often it was begun.
    pub attempts: u32,
    /// How many of these count against its retries: not the one that was cut short.
    pub failures: u32,
    /// Its result, if it came to one.
    pub result: Option<EarlierResult>,
}

/// A result that an earlier process of a run wrote down.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierResult {
    /// The key that it had; a task with another one now runs again.
    pub key: Digest,
    /// The digest of what it gave.
    pub output: Digest,
    /// The facts that it gave.
    pub facts: Value,
    /// What it had to say.
    pub notes: Vec<String>,
    /// Whether it had come from the cache.
    pub cached: bool,
    /// How long it took.
    pub seconds: f64,
    /// When it began and ended, in microseconds since 1970.
    pub moments: Option<(i64, i64)>,
}
