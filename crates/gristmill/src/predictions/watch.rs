//! The thread behind the door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use gristmill_core::Clock;

use super::drift::LiveDrift;
use super::log::Log;
use super::lookout::{Heard, Tally};

/// How often it is looked whether rows have waited for long enough.
const TURN: Duration = Duration::from_millis(250);

/// Takes what is handed in, one request after another.
pub(super) struct Watch {
    pub heard: Receiver<Heard>,
    pub log: Option<Log>,
    pub drift: Option<LiveDrift>,
    pub clock: Arc<dyn Clock>,
    pub ending: Arc<AtomicBool>,
}

impl Watch {
    /// Goes on until it is to end and nothing waits any more.
    pub fn run(mut self, tally: &Tally) {
        loop {
            match self.heard.recv_timeout(TURN) {
                Ok(heard) => {
                    tally.taken(&heard);
                    self.take(&heard);
                }
                Err(RecvTimeoutError::Timeout) if self.ending.load(Ordering::Relaxed) => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some(log) = &mut self.log {
                log.turn(self.clock.now());
            }
        }
        if let Some(log) = self.log {
            log.end(self.clock.now());
        }
    }

    fn take(&mut self, heard: &Heard) {
        if let Some(drift) = &mut self.drift {
            drift.count(&heard.seen);
        }
        if let Some(log) = self.log.as_mut().filter(|_| heard.logged) {
            log.keep(&heard.seen, self.clock.now());
        }
    }
}
