//! What a [`Lookout`](super::Lookout) does with requests, without a thread: for requests of the past, which are
//! seen one after another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gristmill_core::Timestamp;
use gristmill_serve::Seen;

use super::LogSettings;
use super::drift::LiveDrift;
use super::log::Log;
use super::lookout::Tally;
use crate::serve::TellServing;
use crate::{Error, Home, Result};

/// So long after the last row every file of the log counts as complete, in microseconds.
const LATER: i64 = 86_400_000_000;

/// Keeps and judges requests.
pub(crate) struct Onlooker {
    log: Log,
    drift: LiveDrift,
    tally: Arc<Tally>,
}

impl Onlooker {
    /// Keeps all requests in a home, and judges them in windows of so many rows where their model's file does not
    /// say otherwise.
    ///
    /// # Errors
    /// When the home cannot be used.
    pub fn new(home: &Home, window: u64, tell: TellServing) -> Result<Self> {
        let tally = Arc::<Tally>::default();
        let settings = LogSettings { rate: 1.0, redact: BTreeSet::new() };
        let log = Log::new(home, settings, Arc::clone(&tally), Arc::clone(&tell));
        let drift = LiveDrift::new(home, window, Arc::clone(&tally), tell)?;
        Ok(Self { log, drift, tally })
    }

    /// Takes a request.
    pub fn see(&mut self, seen: &Seen) {
        self.drift.count(seen);
        // A file grows for a day of requests: no clock goes beside them by which it could be too old.
        self.log.keep(seen, Timestamp(i64::MIN));
    }

    /// Writes what it was shown, all of it before `now`.
    ///
    /// # Errors
    /// When rows could not be written.
    pub fn settle(&mut self, now: Timestamp) -> Result<()> {
        self.log.turn(Timestamp(now.0.saturating_add(LATER)));
        match self.tally.lost.load(Ordering::Relaxed) {
            0 => Ok(()),
            lost => Err(Error::input(format!("{lost} predictions could not be written"))
                .with_hint("free some space, or choose another place")),
        }
    }
}
