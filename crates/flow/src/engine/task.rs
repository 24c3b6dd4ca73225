//! What a plan is made of.

use std::error::Error;
use std::fmt;
use std::path::Path;

use serde_json::Value;

use super::{Demand, Digest, FileDigests, Inputs, Output, Retries, TaskContext};
use crate::Condition;

/// One piece of work in a plan.
///
/// A task whose [`Caching`] is `Reuse` promises that equal version, parameters, needs and inputs
/// give an equal result, and that its result is all that it leaves behind.
pub trait Task: Send + Sync {
    /// The name by which other tasks need it, unique in its plan.
    fn name(&self) -> &str;

    /// The names of the tasks whose output it reads.
    fn needs(&self) -> &[String];

    /// What it does, for keys and messages; the name, if every task of that name does the same.
    fn kind(&self) -> &str {
        self.name()
    }

    /// The version of its code: another one whenever equal inputs would give another result.
    fn version(&self) -> String;

    /// Its settings, all that shape the result and nothing else.
    fn parameters(&self) -> Value;

    /// What it reads from outside of the plan, by content. Asked when the tasks that it needs are
    /// done, and by [`Plan::preview`](super::Plan::preview) before.
    ///
    /// # Errors
    /// When something that it reads is not there.
    fn inputs(&self, files: &FileDigests) -> Result<Vec<Input>, TaskError> {
        let _ = files;
        Ok(Vec::new())
    }

    /// Whether a kept result may stand for a run.
    fn caching(&self) -> Caching {
        Caching::Reuse
    }

    /// The condition under which it runs; it waits for every task that this names. A task whose
    /// condition does not hold is skipped. One that asks for the status of a task runs by that
    /// alone, even when a task that it needs failed.
    fn when(&self) -> Option<&Condition> {
        None
    }

    /// Fields of its facts that conditions may name without naming the task: `metrics`.
    fn common_fields(&self) -> &[&str] {
        &[]
    }

    /// How often it is tried again after a [`Fault::Failed`] or a [`Fault::Machine`]; nothing else
    /// is tried again.
    fn retries(&self) -> Retries {
        Retries::NONE
    }

    /// What it takes of the machine while it runs.
    fn demand(&self) -> Demand {
        Demand::default()
    }

    /// Of tasks that could begin, those of a higher priority do so first.
    fn priority(&self) -> i32 {
        0
    }

    /// The tasks that this one is spread out into, once those that it needs are done; nothing
    /// when it does its work itself. They run side by side, need nothing but what it needs, and
    /// are named by it: their names must be unique in the run. It runs itself when all of them
    /// are done, and finds what they gave among its inputs.
    ///
    /// # Errors
    /// When what it is to be spread over makes no sense.
    fn spread(&self, inputs: &Inputs<'_>) -> Result<Option<Vec<Box<dyn Task>>>, TaskError> {
        let _ = inputs;
        Ok(None)
    }

    /// Is told that its result was taken from the cache, where its files lie in `files`: for
    /// a task that also leaves something outside, to put that back.
    ///
    /// # Errors
    /// When that fails; the task fails by it.
    fn reuse(&self, files: &Path) -> Result<(), TaskError> {
        let _ = files;
        Ok(())
    }

    /// Does the work. Files that are to be kept go to [`TaskContext::output_dir`]; the returned
    /// [`Output`] carries facts and, for later tasks of the same run, a value in memory.
    ///
    /// Facts must be as repeatable as the files: no times, no run ids.
    ///
    /// # Errors
    /// What went wrong; nothing of the output is kept then.
    fn run(&self, inputs: &Inputs<'_>, context: &TaskContext<'_>) -> Result<Output, TaskError>;
}

/// Something that a task reads from outside of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The name by which messages speak of it: `customers.csv`.
    pub name: String,
    /// What it holds.
    pub digest: Digest,
}

/// Whether a kept result may stand for a run of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Equal parts give an equal result, so it is kept and reused.
    Reuse,
    /// Every run counts, as of a command whose effects nobody knows.
    Never,
}

/// What the reader of a task's error can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Correct the file, the settings or the data: trying again gives the same.
    Input,
    /// The work itself came to a bad end, such as a command that exited with 1 or took too long:
    /// it may go well another time.
    Failed,
    /// Nothing is broken: a condition that the user set was not met.
    Refused,
    /// Somebody wished to stop.
    Cancelled,
    /// The machine failed: a full disk, a lost connection.
    Machine,
    /// Report it: this is a bug.
    Bug,
}

/// Why a task gave no result.
#[derive(Debug)]
pub struct TaskError {
    /// What the reader can do.
    pub fault: Fault,
    /// What was found and what would be accepted.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The error behind it.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl TaskError {
    /// An error of this kind, without a hint.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), hint: None, source: None }
    }

    /// An error whose words are those of `source`, which is kept.
    pub fn from_source(fault: Fault, source: impl Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(source)), ..Self::new(fault, String::new()) }.told()
    }

    fn told(mut self) -> Self {
        if let Some(source) = &self.source {
            self.message = source.to_string();
        }
        self
    }

    /// Somebody wished to stop, and the task did.
    pub fn cancelled() -> Self {
        Self::new(Fault::Cancelled, "the task was cancelled")
    }

    /// The same error with what to do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}

impl From<std::io::Error> for TaskError {
    /// A file that the user named is theirs to mend; anything else is the machine's doing.
    fn from(error: std::io::Error) -> Self {
        let fault = match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => Fault::Input,
            _ => Fault::Machine,
        };
        Self::from_source(fault, error)
    }
}

impl From<super::CacheError> for TaskError {
    fn from(error: super::CacheError) -> Self {
        match error {
            super::CacheError::Io(error) => Self::from(error),
            other => Self::from_source(Fault::Machine, other),
        }
    }
}
