//! The thread behind the door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use gristmill_core::Clock;

use super::drift::LiveDrift;
use super::findings::Findings;
use super::log::Log;
use super::lookout::{Heard, Tally};
use super::performance::LivePerformance;

/// How long it rests once it has taken all that was handed in, and at most where nothing comes. It is not woken:
/// that would cost a request more than everything else that is done here.
const REST: Duration = Duration::from_millis(20);
const LONGEST_REST: Duration = Duration::from_millis(250);

/// Takes what is handed in, one request after another.
pub(super) struct Watch {
    pub heard: Receiver<Heard>,
    pub log: Log,
    pub drift: Option<LiveDrift>,
    pub performance: LivePerformance,
    pub findings: Arc<Findings>,
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
            self.turn();
            rest = if count > 0 { REST } else { (2 * rest).min(LONGEST_REST) };
            std::thread::sleep(rest);
        }
        self.log.end(self.clock.now());
        drop((self.drift, self.performance));
        if let Some(findings) = Arc::into_inner(self.findings) {
            findings.end();
        }
    }

    /// What time alone brings about.
    fn turn(&mut self) {
        let now = self.clock.now();
        if let Some(drift) = &mut self.drift {
            drift.turn(now);
        }
        self.performance.turn(now);
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
            self.log.turn(self.clock.now());
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
        self.performance.count(&heard.seen);
        if heard.logged {
            self.log.keep(&heard.seen, self.clock.now());
        }
    }
}
