//! How well models probably answer, window by window, before anybody says what the truth was.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use gristmill_core::{Clock, Frame, Prediction, Seed, Timestamp};
use gristmill_monitor::WindowSize;
use gristmill_monitor::estimate::Estimate;
use gristmill_package::Digest;
use gristmill_serve::Served;
use gristmill_track::{FindingKind, NewFinding};
use serde_json::json;

use super::batch::Batch;
use super::findings::Findings;
use super::lookout::Tally;
use super::span::{Ended, Span};
use super::terms::{Terms, at_least};
use crate::estimate::{Estimable, Estimator, Kept, of_run};
use crate::keeper::Keeper;
use crate::monitor::PerformanceSection;
use crate::serve::{ServeEvent, TellServing};
use crate::{Error, Home, Result};

/// How long the end of the first window waits for what is learned for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps some answers of each window, and says how good they probably are.
pub(super) struct LivePerformance {
    home: Home,
    /// How many rows a window has where the file of a version does not say it; nothing where nothing is judged.
    rows: Option<u64>,
    /// By model and version.
    watched: BTreeMap<(String, String), Watched>,
    findings: Arc<Findings>,
    clock: Arc<dyn Clock>,
    tally: Arc<Tally>,
    tell: TellServing,
}

struct Watched {
    digest: Digest,
    /// Nothing where the file does not ask for it, or it cannot be done, which has been told.
    estimated: Option<Estimated>,
}

/// What was estimated last of a version.
#[derive(Clone, Debug)]
pub(super) struct Estimation {
    pub metric: &'static str,
    pub estimate: Estimate,
    pub rows: u64,
}

impl LivePerformance {
    /// Windows of so many rows, where the file of a version does not say it; without them nothing is estimated.
    pub fn new(
        home: &Home,
        rows: Option<u64>,
        findings: Arc<Findings>,
        clock: Arc<dyn Clock>,
        tally: Arc<Tally>,
        tell: TellServing,
    ) -> Self {
        Self { home: home.clone(), rows, watched: BTreeMap::new(), findings, clock, tally, tell }
    }

    /// Takes the rows of requests and the answers to them.
    pub fn count(&mut self, batch: &Batch) {
        let served = &batch.served;
        let Some(terms) = Terms::of_served(served).filter(|terms| terms.is_heeded_here()) else {
            return;
        };
        let key = (served.name().to_owned(), served.version().to_owned());
        let digest = served.info().digest;
        if self.watched.get(&key).is_none_or(|watched| watched.digest != digest) {
            self.follow(served, terms);
            let estimated = self.begin(served, terms);
            let estimated = estimated.map_err(|error| unestimated(&self.tell, &key, error));
            let estimated = estimated.ok().flatten();
            self.watched.insert(key.clone(), Watched { digest, estimated });
        }
        self.ask(&key, |estimated| estimated.count(batch));
    }

    /// A version is seen for the first time.
    fn follow(&self, served: &Served, terms: &Terms) {
        if terms.performance().is_some() {
            self.findings.follow(served.name());
        }
        if let Some(why) = terms.trouble.clone() {
            let (model, version) = (served.name().into(), served.version().into());
            (self.tell)(&ServeEvent::Unheeded { model, version, why });
        }
    }

    /// Estimates windows of time that have ended, whether requests come or not.
    pub fn turn(&mut self, now: Timestamp) {
        let keys: Vec<_> = self.watched.keys().cloned().collect();
        for key in keys {
            self.ask(&key, |estimated| estimated.advance(now).map(Vec::from_iter));
        }
    }

    /// Has a version take something in, and makes known what was found.
    fn ask(
        &mut self,
        key: &(String, String),
        work: impl FnOnce(&mut Estimated) -> Result<Vec<Found>>,
    ) {
        let Some(watched) = self.watched.get_mut(key) else { return };
        let Some(estimated) = &mut watched.estimated else { return };
        match work(estimated) {
            Ok(found) => {
                for found in found {
                    if let Ok(estimate) = found.estimate {
                        let (metric, rows) = (estimated.metric.name(), found.window.rows);
                        let known = Estimation { metric, estimate, rows };
                        let estimates = self.tally.estimates.lock();
                        let mut estimates = estimates.unwrap_or_else(PoisonError::into_inner);
                        estimates.insert(key.clone(), known);
                    }
                    self.findings.record(&key.0, estimated.finding(found, self.clock.now()));
                }
            }
            Err(error) => {
                watched.estimated = None;
                unestimated(&self.tell, key, error);
            }
        }
    }

    fn begin(&self, served: &Arc<Served>, terms: &Terms) -> Result<Option<Estimated>> {
        let (Some((metric, asked)), Some(rows)) = (terms.estimated(), self.rows) else {
            return Ok(None);
        };
        let size = at_least(terms.window().unwrap_or(WindowSize::rows(rows)), asked.min_rows);
        let seed = Seed::default().named(served.name()).named(served.version());
        Ok(Some(Estimated {
            version: terms.version,
            metric,
            asked: asked.clone(),
            span: Span::new(size),
            learned: Learned::begin(&self.home, served, terms, metric)?,
            waiting: Vec::new(),
            waiting_rows: 0,
            kept: Kept::new(seed),
        }))
    }
}

fn unestimated(tell: &TellServing, (model, version): &(String, String), error: Error) {
    let (model, version) = (model.clone(), version.clone());
    tell(&ServeEvent::Unestimated { model, version, why: error.message });
}

/// A metric of a version.
struct Estimated {
    version: u32,
    metric: Estimable,
    asked: PerformanceSection,
    span: Span,
    learned: Learned,
    /// Rows of the open window that wait for what is learned.
    waiting: Vec<(Frame, Prediction)>,
    waiting_rows: usize,
    kept: Kept,
}

/// What was found of a window.
struct Found {
    window: Ended,
    /// Nothing but the reason where the metric has no value for its rows.
    estimate: std::result::Result<Estimate, String>,
}

impl Estimated {
    fn count(&mut self, batch: &Batch) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        // The rows of the batch that belong to the open window and have not been kept.
        let mut open = 0..0;
        for asked in &batch.requests {
            let mut ended = self.span.advance(asked.at);
            let mut left = asked.rows;
            loop {
                if let Some(ended) = ended {
                    self.take(batch, open.clone())?;
                    open.start = open.end;
                    found.extend(self.end(ended)?);
                }
                if left == 0 {
                    break;
                }
                let taken = self.span.take(left, asked.at);
                (left, open.end, ended) = (left - taken.0, open.end + taken.0, taken.1);
            }
        }
        self.take(batch, open)?;
        Ok(found)
    }

    /// Says that it is `now`.
    fn advance(&mut self, now: Timestamp) -> Result<Option<Found>> {
        match self.span.advance(now) {
            Some(ended) => self.end(ended),
            None => Ok(None),
        }
    }

    /// Keeps rows of the open window.
    fn take(&mut self, batch: &Batch, range: Range<usize>) -> Result<()> {
        let count = range.len();
        if count == 0 {
            return Ok(());
        }
        let (rows, answers) = batch.part(range)?;
        match self.learned.look()? {
            Some(estimator) => {
                for (rows, answers) in self.waiting.drain(..) {
                    self.kept.add(&estimator.lines(&rows, &answers)?);
                }
                self.kept.add(&estimator.lines(&rows, &answers)?);
            }
            None if !Kept::is_full_of(self.waiting_rows) => {
                self.waiting_rows += count;
                self.waiting.push((rows, answers));
            }
            None => {}
        }
        Ok(())
    }

    /// Says how good the answers of a window probably are; nothing where it has too few, or nothing was learned yet.
    fn end(&mut self, window: Ended) -> Result<Option<Found>> {
        self.waiting_rows = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let Some(estimator) = self.learned.wait(PATIENCE)? else {
            drop(self.kept.take());
            return Ok(None);
        };
        for (rows, answers) in waiting {
            self.kept.add(&estimator.lines(&rows, &answers)?);
        }
        let lines = self.kept.take();
        if window.rows < self.asked.min_rows || lines.rows() == 0 {
            return Ok(None);
        }
        let estimate = estimator.estimate(&lines).map_err(|error| error.message);
        Ok(Some(Found { window, estimate }))
    }

    fn finding(&mut self, found: Found, at: Timestamp) -> NewFinding {
        let value = found.estimate.as_ref().ok().map(|estimate| estimate.value);
        let method = self.learned.known().map(Estimator::method);
        let detail = match &found.estimate {
            Ok(estimate) => {
                json!({"standard_error": estimate.standard_error, "method": method})
            }
            Err(why) => json!({"undefined": why, "method": method}),
        };
        NewFinding {
            version: self.version,
            what: FindingKind::Estimate,
            name: self.metric.name().into(),
            value,
            threshold: self.asked.threshold(),
            alarm: value.is_some_and(|value| self.asked.is_alarm(value)),
            rows: found.window.rows,
            from: found.window.from,
            to: found.window.to,
            at,
            detail,
        }
    }
}

/// What is learned from rows that were held out, by a thread of its own: requests do not wait for it.
enum Learned {
    Soon(Receiver<Result<Estimator>>),
    Known(Box<Estimator>),
}

impl Learned {
    fn begin(home: &Home, served: &Arc<Served>, terms: &Terms, metric: Estimable) -> Result<Self> {
        let (done, soon) = sync_channel(1);
        let (home, served, run) = (home.clone(), Arc::clone(served), terms.run);
        let work = move || {
            let learned = || {
                let keeper = Keeper::open(&home)?;
                let (input, labels) = (served.schema(), served.labels());
                let held_out = run.map(|run| of_run(&keeper, run, input, labels)).transpose()?;
                let held_out = held_out
                    .flatten()
                    .ok_or_else(|| Error::input("its run kept no rows that were held out"))?;
                Estimator::learn(&held_out, metric, input)
            };
            // Whoever waited may be gone.
            let _ = done.send(learned());
        };
        std::thread::Builder::new().name("gristmill-estimate".into()).spawn(work)?;
        Ok(Self::Soon(soon))
    }

    /// What was learned, if it is there by now.
    fn look(&mut self) -> Result<Option<&Estimator>> {
        if let Self::Soon(soon) = self {
            match soon.try_recv() {
                Ok(learned) => *self = Self::Known(Box::new(learned?)),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(Error::bug("nothing was learned")),
            }
        }
        Ok(self.known())
    }

    /// The same after a while at the latest.
    fn wait(&mut self, patience: Duration) -> Result<Option<&Estimator>> {
        if let Self::Soon(soon) = self {
            match soon.recv_timeout(patience) {
                Ok(learned) => *self = Self::Known(Box::new(learned?)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::bug("nothing was learned"));
                }
            }
        }
        Ok(self.known())
    }

    fn known(&self) -> Option<&Estimator> {
        match self {
            Self::Known(estimator) => Some(estimator),
            Self::Soon(_) => None,
        }
    }
}
