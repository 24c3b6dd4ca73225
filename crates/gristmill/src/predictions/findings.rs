//! What is found of versions, on its way to the store: a thread of its own, so that a store that hangs holds up
//! nobody who looks on.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{FindingKind, NewFinding};

use super::lookout::Tally;
use crate::keeper::Keeper;
use crate::serve::{ServeEvent, TellServing};
use crate::{Home, Result};

/// How many findings may wait; further ones are let go, since newer ones follow.
const QUEUE: usize = 1_024;
/// How long it waits for the next one before it looks what others have found.
const REST: Duration = Duration::from_millis(500);
/// How long after one look at what others have found it takes the next, in microseconds.
const LOOK: i64 = 3_000_000;
/// How long after a finding of a version the next one is recorded that says the same, in microseconds.
const STORM: i64 = 10_000_000;
/// How many findings are read at a time.
const READ: u32 = 500;

/// Takes findings in, and keeps them.
pub(super) struct Findings {
    queue: SyncSender<Word>,
    clerk: JoinHandle<()>,
}

/// How good the answers of a version turned out to be, as the loop found it.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    pub metric: String,
    pub value: Option<f64>,
    pub rows: u64,
}

/// What the thread is told.
enum Word {
    /// Something was found of a model.
    Found(String, Box<NewFinding>),
    /// Of this model it is to be known how good its answers turned out to be.
    Follow(String),
    /// Somebody waits until all that was said before is done.
    Settle(SyncSender<()>),
}

impl Findings {
    /// Begins to keep what is found in a home.
    ///
    /// # Errors
    /// When the home cannot be used.
    pub fn start(
        home: &Home,
        clock: Arc<dyn Clock>,
        tally: Arc<Tally>,
        tell: TellServing,
    ) -> Result<Self> {
        let (queue, words) = sync_channel(QUEUE);
        let mut clerk = Clerk {
            keeper: Keeper::open(home)?,
            clock,
            tally,
            tell,
            storms: BTreeMap::new(),
            well: true,
            followed: BTreeMap::new(),
            looked: None,
        };
        let work = move || clerk.run(&words);
        let clerk = std::thread::Builder::new().name("gristmill-findings".into()).spawn(work)?;
        Ok(Self { queue, clerk })
    }

    /// Hands in what was found of a model. What finds no room is let go.
    pub fn record(&self, model: &str, found: NewFinding) {
        self.say(Word::Found(model.to_owned(), Box::new(found)));
    }

    /// Has it known how good the answers of a model turned out to be.
    pub fn follow(&self, model: &str) {
        self.say(Word::Follow(model.to_owned()));
    }

    /// Waits until all that was handed in is kept.
    pub fn settle(&self) {
        let (done, wait) = sync_channel(1);
        // It fails when the thread has ended, which has nothing left to do then.
        if self.queue.send(Word::Settle(done)).is_ok() {
            let _ = wait.recv();
        }
    }

    fn say(&self, word: Word) {
        match self.queue.try_send(word) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// Keeps what was handed in, and ends.
    pub fn end(self) {
        drop(self.queue);
        // A thread that panicked has said so already.
        let _ = self.clerk.join();
    }
}

/// The thread's own.
struct Clerk {
    keeper: Keeper,
    clock: Arc<dyn Clock>,
    tally: Arc<Tally>,
    tell: TellServing,
    storms: BTreeMap<(String, u32, FindingKind), Storm>,
    /// Whether the last attempt at writing succeeded.
    well: bool,
    /// Models whose performance is to be known, each with the last finding that was read.
    followed: BTreeMap<String, u64>,
    looked: Option<Timestamp>,
}

impl Clerk {
    fn run(&mut self, words: &Receiver<Word>) {
        loop {
            match words.recv_timeout(REST) {
                Ok(Word::Found(model, found)) => self.keep(&model, *found),
                Ok(Word::Follow(model)) => drop(self.followed.entry(model).or_insert(0)),
                Ok(Word::Settle(done)) => drop(done.send(())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if !self.followed.is_empty() {
                self.look(self.clock.now());
            }
        }
    }

    fn keep(&mut self, model: &str, found: NewFinding) {
        let key = (model.to_owned(), found.version, found.what);
        let storm = self.storms.entry(key).or_default();
        if !storm.lets(found.at, found.alarm) {
            return;
        }
        let (at, alarm) = (found.at, found.alarm);
        match self.keeper.wait(|s| s.record_finding(model, found)) {
            Ok(_) => {
                storm.passed(at, alarm);
                self.well = true;
            }
            Err(error) => {
                if self.well {
                    let (model, why) = (model.to_owned(), error.message);
                    (self.tell)(&ServeEvent::Unrecorded { model, why });
                }
                self.well = false;
            }
        }
    }

    /// Reads what was found since of how good answers turned out to be. A store that cannot be asked now can be
    /// later.
    fn look(&mut self, now: Timestamp) {
        let is_soon = |at: Timestamp| now >= at && now.0 - at.0 < LOOK;
        if self.looked.is_some_and(is_soon) {
            return;
        }
        self.looked = Some(now);
        for (model, seen) in &mut self.followed {
            while let Ok(some) = self.keeper.wait(|s| s.findings_after(model, *seen, READ)) {
                let Some(last) = some.last() else { break };
                *seen = last.number;
                let mut known =
                    self.tally.performance.lock().unwrap_or_else(PoisonError::into_inner);
                for found in some.into_iter().map(|finding| finding.found) {
                    if found.what == FindingKind::Performance {
                        let key = (model.clone(), found.version.to_string());
                        let NewFinding { name: metric, value, rows, .. } = found;
                        known.insert(key, Scored { metric, value, rows });
                    }
                }
            }
        }
    }
}

/// Whether the next finding of a version is worth a line: so that small windows and many requests do not fill the
/// database.
#[derive(Clone, Copy, Debug, Default)]
struct Storm {
    last: Option<(Timestamp, bool)>,
}

impl Storm {
    /// Ten seconds after the last one, or where it says something else of the alarm.
    fn lets(self, at: Timestamp, alarm: bool) -> bool {
        self.last.is_none_or(|(last, was)| {
            // A clock that was set back is no reason to be silent for as long.
            was != alarm || at < last || at.0.saturating_sub(last.0) >= STORM
        })
    }

    /// A finding was recorded.
    fn passed(&mut self, at: Timestamp, alarm: bool) {
        self.last = Some((at, alarm));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// Which of these findings, in seconds and with an alarm or not, are recorded.
    #[track_caller]
    fn check<const N: usize>(findings: [(i64, bool); N], expected: [bool; N]) {
        let mut storm = Storm::default();
        let found = findings.map(|(second, alarm)| {
            let at = Timestamp(second * SECOND);
            let lets = storm.lets(at, alarm);
            if lets {
                storm.passed(at, alarm);
            }
            lets
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_version_has_one_finding_in_ten_seconds() {
        check([(0, false), (9, false), (10, false), (11, false)], [true, false, true, false]);
    }

    #[test]
    fn an_alarm_that_comes_or_goes_does_not_wait() {
        check([(0, false), (1, true), (2, true), (3, false)], [true, true, false, true]);
    }

    #[test]
    fn a_clock_that_was_set_back_silences_nobody() {
        check([(100, false), (50, false), (51, false)], [true, true, false]);
    }
}
