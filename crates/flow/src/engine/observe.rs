//! What a run says while it goes on, and how it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{TaskError, TaskReport};

/// Says what time it is. Only the binary and the server know a real one.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn now_micros(&self) -> i64;
}

impl<F: Fn() -> i64 + Send + Sync> Clock for F {
    fn now_micros(&self) -> i64 {
        self()
    }
}

/// Something that happened to a task.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The task begins its work: it was not in the cache.
    Started {
        /// The task.
        task: &'a str,
        /// Why it has to run, one sentence each.
        reason: &'a [String],
    },
    /// The task has come this far.
    Progress {
        /// The task.
        task: &'a str,
        /// How much is done.
        done: u64,
        /// Of how much, if that is known.
        total: Option<u64>,
        /// What else there is to say of it; empty when nothing is.
        said: &'a str,
    },
    /// Something that a person should know and that is no error. A task from the cache says
    /// again what it said when it ran.
    Note {
        /// The task.
        task: &'a str,
        /// What it has to say.
        text: &'a str,
    },
    /// An attempt failed, and the task rests before the next.
    Retrying {
        /// The task.
        task: &'a str,
        /// Which attempt failed, from 1.
        attempt: u32,
        /// How long it rests.
        rest: Duration,
        /// What went wrong.
        error: &'a TaskError,
    },
    /// The task is spread out into others.
    Spread {
        /// The task.
        task: &'a str,
        /// Into how many.
        parts: usize,
    },
    /// The task is settled; every task of a run is, once.
    Finished {
        /// How it went.
        report: &'a TaskReport,
    },
}

/// Is told what happens: to draw a progress bar, to record a run. It must be quick, since the
/// task waits for it, and it may be called from any thread.
pub trait Observer: Send + Sync {
    /// Takes note of an event.
    fn event(&self, event: Event<'_>);
}

/// Watches nothing.
impl Observer for () {
    fn event(&self, _event: Event<'_>) {}
}

impl<F: Fn(Event<'_>) + Send + Sync> Observer for F {
    fn event(&self, event: Event<'_>) {
        self(event);
    }
}

/// The wish to stop, shared by whoever has it and the tasks that heed it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Nobody wishes to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The flag behind it, for a signal handler to raise.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Wishes to stop: no further task begins, and those that ask return early.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody wishes to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// For a task to ask with `?` in its loops.
    ///
    /// # Errors
    /// A [`TaskError`] that says so, once somebody wishes to stop.
    pub fn check(&self) -> Result<(), TaskError> {
        if self.is_cancelled() { Err(TaskError::cancelled()) } else { Ok(()) }
    }
}
