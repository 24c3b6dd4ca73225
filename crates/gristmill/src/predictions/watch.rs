//! The thread behind the door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gristmill_core::Clock;

use super::drift::LiveDrift;
use super::findings::Findings;
use super::gathering::{Gathering, Waiting};
use super::log::Log;
use super::lookout::Tally;
use super::performance::LivePerformance;

/// How long it rests once it has taken all that was handed in, and at most where nothing comes. It is not woken:
/// that would cost a request more than everything else that is done here.
const REST: Duration = Duration::from_millis(20);
const LONGEST_REST: Duration = Duration::from_millis(250);

/// Takes what is handed in, in the order in which it comes.
pub(super) struct Watch {
    pub gathering: Arc<Gathering>,
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
            let count = self.take_all(tally);
            if is_ending {
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

    /// Takes what waits: how many requests there were.
    fn take_all(&mut self, tally: &Tally) -> usize {
        let mut count = 0;
        loop {
            let waiting = self.gathering.take();
            self.log.turn(self.clock.now());
            if waiting.is_empty() {
                return count;
            }
            for waiting in waiting {
                tally.taken(&waiting);
                count += self.take(waiting, tally);
            }
        }
    }

    fn take(&mut self, waiting: Waiting, tally: &Tally) -> usize {
        let (logged, rows) = (waiting.logged, waiting.rows());
        let Ok(batch) = waiting.finish() else {
            let rows = rows as u64;
            if logged {
                tally.lost.fetch_add(rows, Ordering::Relaxed);
            }
            tally.uncounted.fetch_add(rows, Ordering::Relaxed);
            return 0;
        };
        if let Some(drift) = &mut self.drift {
            drift.count(&batch);
        }
        self.performance.count(&batch);
        if logged {
            self.log.keep(&batch, self.clock.now());
        }
        batch.requests.len()
    }
}
