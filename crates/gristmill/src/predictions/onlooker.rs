//! What a [`Lookout`](super::Lookout) does with requests, without a thread: for requests of the past, which are
//! seen one after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gristmill_core::{Clock, Timestamp};
use gristmill_serve::Lot;

use super::Terms;
use super::batch::Batch;
use super::drift::LiveDrift;
use super::findings::Findings;
use super::log::Log;
use super::lookout::Tally;
use super::performance::LivePerformance;
use crate::serve::TellServing;
use crate::{Error, Home, Result};

/// So long after the last row every file of the log counts as complete, in microseconds.
const LATER: i64 = 86_400_000_000;

/// Keeps and judges requests as their model's file says.
pub(crate) struct Onlooker {
    log: Log,
    drift: LiveDrift,
    performance: LivePerformance,
    findings: Arc<Findings>,
    clock: Arc<Then>,
    tally: Arc<Tally>,
}

/// A clock that shows the moment of the last request.
#[derive(Default)]
struct Then(AtomicI64);

impl Clock for Then {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

impl Onlooker {
    /// Keeps what is found in a home, in windows of so many rows where the file of a model does not say otherwise.
    ///
    /// # Errors
    /// When the home cannot be used.
    pub fn new(home: &Home, window: u64, tell: TellServing) -> Result<Self> {
        let (tally, then) = (Arc::<Tally>::default(), Arc::<Then>::default());
        let clock = || Arc::clone(&then) as Arc<dyn Clock>;
        let (counts, says) = (|| Arc::clone(&tally), || Arc::clone(&tell));
        let findings = Arc::new(Findings::start(home, clock(), counts(), says())?);
        let found = || Arc::clone(&findings);
        Ok(Self {
            log: Log::new(home, None, counts(), says()),
            drift: LiveDrift::new(home, window, found(), clock(), counts(), says()),
            performance: LivePerformance::new(
                home,
                Some(window),
                found(),
                clock(),
                counts(),
                says(),
            ),
            findings: found(),
            clock: Arc::clone(&then),
            tally: counts(),
        })
    }

    /// Takes a request, which stands alone in its batch.
    pub fn see(&mut self, batch: &Batch) {
        self.clock.0.store(batch.began().0, Ordering::Relaxed);
        self.drift.count(batch);
        self.performance.count(batch);
        let log = Terms::of_served(&batch.served).and_then(|terms| terms.log.as_ref());
        let lot = Lot::of_log(batch.served.name());
        let is_kept = |rate| batch.requests.iter().all(|asked| lot.takes(&asked.id, rate));
        if log.is_some_and(|log| is_kept(log.rate)) {
            // A file grows for a day of requests: no clock goes beside them by which it could be too old.
            self.log.keep(batch, Timestamp(i64::MIN));
        }
    }

    /// Writes and finds what there is of all that it was shown, at a moment after it.
    ///
    /// # Errors
    /// When rows could not be written.
    pub fn settle(&mut self, now: Timestamp) -> Result<()> {
        self.clock.0.store(now.0, Ordering::Relaxed);
        self.drift.turn(now);
        self.performance.turn(now);
        self.findings.settle();
        self.log.turn(Timestamp(now.0.saturating_add(LATER)));
        match self.tally.lost.load(Ordering::Relaxed) {
            0 => Ok(()),
            lost => Err(Error::input(format!("{lost} predictions could not be written"))
                .with_hint("free some space, or choose another place")),
        }
    }
}
