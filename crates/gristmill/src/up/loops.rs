//! The thread that turns the loops of watched models, beside the one that begins runs: what it does may take
//! seconds, and runs are to begin on time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gristmill_core::Clock;
use gristmill_track::RunId;

use super::UpEvent;
use crate::keeper::Keeper;
use crate::monitor::Loops;
use crate::{Home, Result};

/// How long it rests between two rounds.
const REST: Duration = Duration::from_millis(500);
const NAP: Duration = Duration::from_millis(50);

/// What the two threads tell each other.
#[derive(Default)]
pub(super) struct Between {
    /// Whether this process begins runs, and so turns loops.
    leads: AtomicBool,
    ends: AtomicBool,
    told: Mutex<Vec<UpEvent>>,
    overdue: Mutex<BTreeSet<RunId>>,
}

impl Between {
    pub fn lead(&self, leads: bool) {
        self.leads.store(leads, Ordering::Relaxed);
    }

    pub fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// What was told since this was last asked.
    pub fn take_told(&self) -> Vec<UpEvent> {
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs of retrainings that take longer than they may.
    pub fn overdue(&self) -> BTreeSet<RunId> {
        self.overdue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, event: UpEvent) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

/// Turns the loops until it is to end.
///
/// # Errors
/// When the home cannot be used.
pub(super) fn turn_loops(home: &Home, clock: &dyn Clock, between: &Between) -> Result<()> {
    let mut loops = Loops::new(home, Arc::new(Keeper::open(home)?));
    while !between.ends.load(Ordering::Relaxed) {
        if between.leads.load(Ordering::Relaxed) {
            match loops.round(clock.now()) {
                Ok(round) => {
                    let step = |(model, text)| UpEvent::Step { model, text };
                    round.steps.into_iter().map(step).for_each(|event| between.tell(event));
                    for (model, why) in round.trouble {
                        let text = format!("the loop of `{model}` waits: {why}");
                        between.tell(UpEvent::Note { text });
                    }
                }
                Err(error) => between.tell(UpEvent::Note { text: error.message }),
            }
            let overdue = loops.overdue().collect();
            *between.overdue.lock().unwrap_or_else(PoisonError::into_inner) = overdue;
        }
        let mut rested = Duration::ZERO;
        while rested < REST && !between.ends.load(Ordering::Relaxed) {
            std::thread::sleep(NAP);
            rested += NAP;
        }
    }
    Ok(())
}
