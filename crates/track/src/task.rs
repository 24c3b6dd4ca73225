//! What became of each task of a run: for `runs show` and `why`, and for resuming the run.

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

words! {
    /// How far a task got.
    TaskStatus {
        /// Waiting for its turn.
        Pending = "pending",
        /// At work.
        Running = "running",
        /// Done, by work or from the cache.
        Succeeded = "succeeded",
        /// It tried and gave up.
        Failed = "failed",
        /// Not needed: its condition was false, or what it needs failed.
        Skipped = "skipped",
        /// Stopped by a person.
        Cancelled = "cancelled",
        /// A gate said no.
        Refused = "refused",
    }
}

/// One task of a run. Recording it again under the same name replaces it and keeps its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Its name, unique in the run.
    pub name: String,
    /// How far it got.
    pub status: TaskStatus,
    /// Whether its result was taken from the cache.
    pub cached: bool,
    /// How often it was tried; 0 for a cached one.
    pub attempts: u32,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How long its work took, in seconds.
    pub seconds: Option<f64>,
    /// The key of its result in the cache.
    pub cache_key: Option<String>,
    /// What its cache key was made of, for `why` to compare with an earlier run.
    pub inputs: Value,
    /// Why it ran, or why it did not have to.
    pub reason: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// The tasks that it waits for.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What it gave to conditions and to later tasks; null when it gave nothing.
    #[serde(default)]
    pub facts: Value,
    /// The digest of what it left behind.
    #[serde(default)]
    pub output: Option<String>,
    /// Remarks for people.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The task that spread this one out.
    #[serde(default)]
    pub within: Option<String>,
}

impl TaskRecord {
    /// A task of which nothing is known yet but its name and status.
    pub fn new(name: impl Into<String>, status: TaskStatus) -> Self {
        Self {
            name: name.into(),
            status,
            cached: false,
            attempts: 0,
            started: None,
            ended: None,
            seconds: None,
            cache_key: None,
            inputs: Value::Null,
            reason: None,
            error: None,
            needs: Vec::new(),
            facts: Value::Null,
            output: None,
            notes: Vec::new(),
            within: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_before_loads() {
        let mut json = serde_json::to_value(TaskRecord::new("fetch", TaskStatus::Pending)).unwrap();
        for field in ["needs", "facts", "output", "notes", "within"] {
            json.as_object_mut().unwrap().remove(field).unwrap();
        }
        let loaded: TaskRecord = serde_json::from_value(json).unwrap();
        assert_eq!(loaded, TaskRecord::new("fetch", TaskStatus::Pending));
    }
}
