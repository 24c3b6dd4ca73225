//! Why a task of a run ran, or was taken from the cache.

use std::fmt;

use serde::Serialize;

use crate::keeper::Keeper;
use crate::{Home, Result};

/// What is known of one task of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// The run.
    pub run_id: String,
    /// The task.
    pub task: String,
    /// How it ended.
    pub status: String,
    /// Whether its result was taken from the cache.
    pub cached: bool,
    /// Why, in words.
    pub reason: String,
    /// Everything that the result depends on.
    pub depends_on: serde_json::Value,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.cached { "was taken from the cache" } else { "ran" };
        write!(f, "`{}` {how}: {}", self.task, self.reason)
    }
}

/// Why `task` ran in `run` (an id, the start of one, or `latest`), or was taken from the cache.
///
/// # Errors
/// When there is no such run or task.
pub fn why(home: &Home, run: &str, task: &str) -> Result<Reason> {
    let keeper = Keeper::open(home)?;
    let id = keeper.find_run(run)?;
    let found = keeper.find_task(id, task)?;
    let usual =
        if found.cached { "nothing that it depends on changed" } else { "it had not run before" };
    Ok(Reason {
        run_id: id.to_string(),
        task: found.name,
        status: found.status.to_string(),
        cached: found.cached,
        reason: found.reason.unwrap_or_else(|| usual.into()),
        depends_on: found.inputs,
    })
}
