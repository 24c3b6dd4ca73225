//! Where requests wait for whoever looks on: whoever answers adds to what waits, and the thread behind the door
//! takes all of it at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gristmill_core::{FrameStack, PredictionStack, Result, Timestamp};
use gristmill_serve::{Seen, Served};

use super::batch::{Asked, Batch};

/// How many rows are taken together, if they are of more than one request.
const MOST_ROWS: usize = 1_024;
/// Requests of so many rows wait by themselves: while rows are copied nobody else can add any.
const MANY_ROWS: usize = 256;
const DAY_MICROS: i64 = 86_400_000_000;

/// Requests that wait.
#[derive(Default)]
pub(super) struct Gathering(Mutex<Vec<Waiting>>);

/// Requests to one version that wait together.
pub(super) struct Waiting {
    served: Arc<Served>,
    /// Whether they are to be kept.
    pub logged: bool,
    day: i64,
    rows: FrameStack,
    answers: PredictionStack,
    requests: Vec<Asked>,
    /// About how many bytes they take.
    pub bytes: usize,
}

impl Gathering {
    /// Adds a request of so many bytes.
    ///
    /// # Errors
    /// When its rows are of a form that cannot be kept.
    pub fn add(&self, seen: &Seen<'_>, logged: bool, bytes: usize) -> Result<()> {
        if seen.rows.rows() < MANY_ROWS {
            let mut waiting = self.lock();
            if let Some(fitting) = waiting.iter_mut().rev().find(|w| w.is_for(seen, logged))
                && fitting.rows.rows() < MOST_ROWS
            {
                return fitting.add(seen, bytes);
            }
        }
        let mut alone = Waiting::new(seen, logged);
        alone.add(seen, bytes)?;
        self.lock().push(alone);
        Ok(())
    }

    /// Takes all that waits, those to one version in the order in which they came.
    pub fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        // Nothing in there panics between two of its changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn new(seen: &Seen<'_>, logged: bool) -> Self {
        Self {
            served: Arc::clone(seen.served),
            logged,
            day: day(seen.at),
            rows: FrameStack::new(seen.rows.schema()),
            answers: PredictionStack::default(),
            requests: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether a request belongs here.
    fn is_for(&self, seen: &Seen<'_>, logged: bool) -> bool {
        Arc::ptr_eq(&self.served, seen.served)
            && self.logged == logged
            && self.day == day(seen.at)
            && self.rows.takes(seen.rows.schema())
    }

    fn add(&mut self, seen: &Seen<'_>, bytes: usize) -> Result<()> {
        self.rows.push(seen.rows)?;
        self.answers.push(seen.prediction)?;
        self.requests.push(Asked::of(seen));
        self.bytes += bytes;
        Ok(())
    }

    /// How many rows wait here.
    pub fn rows(&self) -> usize {
        self.rows.rows()
    }

    /// All of them.
    ///
    /// # Errors
    /// When they were answered in different ways, so that rows and answers do not fit each other.
    pub fn finish(self) -> Result<Batch> {
        let Self { served, rows, answers, requests, .. } = self;
        let (rows, prediction) = (rows.finish()?, answers.finish()?);
        match rows.rows() == prediction.rows() {
            true => Ok(Batch { served, rows, prediction, requests }),
            false => Err(gristmill_core::Error::Bug("rows wait without their answers".into())),
        }
    }
}

fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY_MICROS)
}
