//! The thread behind the door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use gristmill_core::Clock;

use super::drift::LiveDrift;
use super::log::Log;
use super::lookout::{Heard, Tally};

/// How long it rests once it has taken all that was handed in, and at most where nothing comes. It is not woken:
/// that would cost a request more than everything else that is done here.
const REST: Duration = Duration::from_millis(20);
const LONGEST_REST: Duration = Duration::from_millis(250);

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
        let mut rest = REST;
        loop {
            // Whatever was handed in before it was to end is there then.
            let is_ending = self.ending.load(Ordering::Relaxed);
            let (count, is_open) = self.take_all(tally);
            if !is_open || is_ending {
                break;
            }
            rest = if count > 0 { REST } else { (2 * rest).min(LONGEST_REST) };
            std::thread::sleep(rest);
        }
        if let Some(log) = self.log {
            log.end(self.clock.now());
        }
    }

    /// Takes what waits, one request after another: how many there were, and whether more may come.
    fn take_all(&mut self, tally: &Tally) -> (usize, bool) {
        let mut count = 0;
        loop {
            let heard = self.heard.try_recv();
            if let Ok(heard) = &heard {
                tally.taken(heard);
                self.take(heard);
                count += 1;
            }
            if let Some(log) = &mut self.log {
                log.turn(self.clock.now());
            }
            match heard {
                Ok(_) => {}
                Err(TryRecvError::Empty) => return (count, true),
                Err(TryRecvError::Disconnected) => return (count, false),
            }
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
