//! How a run went.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::{Digest, JournalError, KeyParts, TaskError};

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// It gave a result, or its result was in the cache.
    Succeeded,
    /// It gave an error.
    Failed,
    /// It never began, since a task that it needs gave no result or its condition did not hold.
    Skipped,
    /// Somebody wished to stop, before it began or while it ran.
    Cancelled,
}

impl TaskStatus {
    /// The status in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How one task went.
#[derive(Debug)]
pub struct TaskReport {
    /// The task.
    pub name: String,
    /// The tasks that it needs.
    pub needs: Vec<String>,
    /// The task that it is a part of, if one was spread out into it.
    pub within: Option<String>,
    /// How it ended.
    pub status: TaskStatus,
    /// Whether its result was taken from the cache.
    pub cached: bool,
    /// How often it was tried; 0 when it did not run.
    pub attempts: u32,
    /// When it began and ended, in microseconds since 1970.
    pub moments: Option<(i64, i64)>,
    /// How long it took, the look into the cache included.
    pub seconds: f64,
    /// The name of its result in the cache, once its inputs were known.
    pub key: Option<Digest>,
    /// What that name is made of: to be kept, so that the next run can say what changed. Where
    /// a journal keeps it, it is not kept here as well.
    pub key_parts: Option<KeyParts>,
    /// The digest of what it gave.
    pub output: Option<Digest>,
    /// Where its files stay, if they do.
    pub folder: Option<PathBuf>,
    /// The facts that it gave; `null` without a result.
    pub facts: Value,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why it ran, was taken from the cache or did not run, one sentence each.
    pub reason: Vec<String>,
    /// What went wrong.
    pub error: Option<TaskError>,
}

impl TaskReport {
    pub(super) fn new(name: &str, status: TaskStatus) -> Self {
        Self {
            name: name.to_owned(),
            needs: Vec::new(),
            within: None,
            status,
            cached: false,
            attempts: 0,
            moments: None,
            seconds: 0.0,
            key: None,
            key_parts: None,
            output: None,
            folder: None,
            facts: Value::Null,
            notes: Vec::new(),
            reason: Vec::new(),
            error: None,
        }
    }
}

/// How a run went: every task of the plan, in the plan's order, parts behind the task that was
/// spread out into them.
#[derive(Debug)]
pub struct RunReport {
    /// One report for each task.
    pub tasks: Vec<TaskReport>,
    /// Why the run was stopped although no task failed: an outcome could not be kept.
    pub fault: Option<JournalError>,
}

impl RunReport {
    /// Whether every task gave a result, or did not have to.
    pub fn succeeded(&self) -> bool {
        let fine =
            |task: &TaskReport| matches!(task.status, TaskStatus::Succeeded | TaskStatus::Skipped);
        self.fault.is_none() && self.tasks.iter().all(fine)
    }

    /// Whether somebody stopped the run.
    pub fn cancelled(&self) -> bool {
        self.tasks.iter().any(|task| task.status == TaskStatus::Cancelled)
    }

    /// The report of the task with this name.
    pub fn task(&self, name: &str) -> Option<&TaskReport> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// The first task that went wrong, and how.
    pub fn failure(&self) -> Option<(&TaskReport, &TaskError)> {
        self.tasks
            .iter()
            .filter(|task| task.status == TaskStatus::Failed)
            .find_map(|task| task.error.as_ref().map(|error| (task, error)))
    }
}
