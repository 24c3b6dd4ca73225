//! The door: what is handed in, and what is let go for want of room.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gristmill_core::{Clock, Column, Frame, Prediction};
use gristmill_monitor::DriftReport;
use gristmill_serve::{Figure, FigureKind, Lot, Seen, Served, Witness};

use super::drift::{LiveDrift, Verdict};
use super::findings::{Findings, Scored};
use super::gathering::{Gathering, Waiting};
use super::log::Log;
use super::performance::{Estimation, LivePerformance};
use super::terms::Terms;
use super::watch::Watch;
use super::{LogSettings, LookoutSettings, place, read};
use crate::serve::TellServing;
use crate::{Home, Result};

/// How many bytes of requests may wait.
const ROOM: usize = 64 << 20;
/// What a request takes beside its values.
const BESIDE: usize = 512;
/// How long the end waits for what has been handed in.
const FAREWELL: Duration = Duration::from_secs(10);

/// Looks on while models answer: keeps what they were asked and answered, and judges whether it drifts.
///
/// Both are done by one thread in the background, by what the command line says and what the pipeline file of each
/// model does; what it finds of a model whose file says how it is watched is kept for the loop that trains it anew.
/// Where 64 MiB of requests wait, what comes is let go and counted.
pub struct Lookout {
    home: Home,
    waiting: Arc<Gathering>,
    log: Option<LogSettings>,
    judges: bool,
    tally: Arc<Tally>,
    ending: Arc<AtomicBool>,
    /// Closed when the thread is at its end; nothing is ever sent.
    ended: Mutex<Receiver<()>>,
}

/// What has been counted.
#[derive(Default)]
pub(super) struct Tally {
    /// Bytes that wait.
    bytes: AtomicUsize,
    /// Rows that were written.
    pub written: AtomicU64,
    /// Rows that wait to be written.
    pub unwritten: AtomicU64,
    /// Rows that were to be written and never will be.
    pub lost: AtomicU64,
    /// Attempts at writing that failed.
    pub failed: AtomicU64,
    /// Rows that were not counted where drift is judged.
    pub uncounted: AtomicU64,
    /// The last verdict on each version of a model.
    pub verdicts: Mutex<BTreeMap<(String, String), Verdict>>,
    /// How good the last answers of each version probably are.
    pub estimates: Mutex<BTreeMap<(String, String), Estimation>>,
    /// How good they turned out to be.
    pub performance: Mutex<BTreeMap<(String, String), Scored>>,
}

impl Lookout {
    /// Begins to look out over the models of a home.
    ///
    /// # Errors
    /// When the home cannot be used.
    pub fn start(
        home: &Home,
        settings: LookoutSettings,
        clock: Arc<dyn Clock>,
        tell: TellServing,
    ) -> Result<Self> {
        let (at_end, ended) = sync_channel(0);
        let (tally, ending) = (Arc::<Tally>::default(), Arc::<AtomicBool>::default());
        let waiting = Arc::<Gathering>::default();
        let findings =
            Findings::start(home, Arc::clone(&clock), Arc::clone(&tally), Arc::clone(&tell))?;
        let findings = Arc::new(findings);
        let shared =
            || (Arc::clone(&findings), Arc::clone(&clock), Arc::clone(&tally), Arc::clone(&tell));
        let rows = settings.window.map(NonZeroU64::get);
        let drift = rows.map(|rows| {
            let (findings, clock, tally, tell) = shared();
            LiveDrift::new(home, rows, findings, clock, tally, tell)
        });
        let performance = {
            let (findings, clock, tally, tell) = shared();
            LivePerformance::new(home, rows, findings, clock, tally, tell)
        };
        let log = Log::new(home, settings.log.clone(), Arc::clone(&tally), tell);
        let (gathering, ending_too) = (Arc::clone(&waiting), Arc::clone(&ending));
        let watch =
            Watch { gathering, log, drift, performance, findings, clock, ending: ending_too };
        let watching = {
            let tally = Arc::clone(&tally);
            move || {
                watch.run(&tally);
                drop(at_end);
            }
        };
        std::thread::Builder::new().name("gristmill-lookout".into()).spawn(watching)?;
        let (log, judges) = (settings.log, settings.window.is_some());
        let (home, ended) = (home.clone(), Mutex::new(ended));
        Ok(Self { home, waiting, log, judges, tally, ending, ended })
    }

    /// Writes what has been handed in and comes back, after 10 seconds at the latest: a disk that hangs
    /// keeps nobody from ending.
    pub fn close(&self) {
        self.ending.store(true, Ordering::Relaxed);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // It fails when the thread has ended, which is what is waited for.
        let _ = ended.recv_timeout(FAREWELL);
    }

    /// Whether a request is to be kept: the command line says it, or else the file of the model.
    fn keeps(&self, served: &Served, id: &str) -> bool {
        let log = self.log.as_ref().or_else(|| Terms::of_served(served)?.log.as_ref());
        log.is_some_and(|log| log.rate >= 1.0 || Lot::of_log(served.name()).takes(id, log.rate))
    }

    /// Whether predictions of a model are kept here.
    fn has_log(&self, model: &str) -> bool {
        self.log.is_some() || place::of_model(&self.home, model).is_dir()
    }

    /// Whether there is anything to say of the log.
    fn logs(&self) -> bool {
        let has_any = |count: &AtomicU64| count.load(Ordering::Relaxed) > 0;
        let tally = &self.tally;
        self.log.is_some()
            || [&tally.written, &tally.unwritten, &tally.lost, &tally.failed]
                .into_iter()
                .any(has_any)
    }

    /// Counts rows that are let go.
    fn let_go(&self, rows: usize, logged: bool) {
        let rows = rows as u64;
        if logged {
            self.tally.lost.fetch_add(rows, Ordering::Relaxed);
        }
        if self.judges {
            self.tally.uncounted.fetch_add(rows, Ordering::Relaxed);
        }
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

impl Witness for Lookout {
    fn wants(&self, served: &Served, id: &str, rows: usize) -> bool {
        let logged = self.keeps(served, id);
        let has_room = self.tally.bytes.load(Ordering::Relaxed) < ROOM;
        if !has_room {
            self.let_go(rows, logged);
        }
        has_room && (logged || self.judges)
    }

    fn saw(&self, seen: Seen<'_>) {
        let logged = self.keeps(seen.served, seen.id);
        let bytes = BESIDE + seen.id.len() + bytes_of(seen.rows) + answered(seen.prediction);
        self.tally.bytes.fetch_add(bytes, Ordering::Relaxed);
        if self.waiting.add(&seen, logged, bytes).is_err() {
            self.tally.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.let_go(seen.rows.rows(), logged);
        }
    }

    fn unknown(&self, model: &str, ids: &[String]) -> Option<u64> {
        if !self.has_log(model) {
            return None;
        }
        let marks = ids.iter().map(|id| read::mark(id));
        // A log that cannot be read now says nothing about anybody's labels, which are kept.
        read::unknown(&self.home, model, marks).ok()
    }

    fn figures(&self) -> Vec<Figure> {
        let mut figures = Vec::new();
        if self.logs() {
            figures.extend(self.tally.of_log());
        }
        if self.judges {
            figures.extend(self.tally.of_drift());
        }
        figures.extend(self.tally.of_performance());
        figures
    }
}

impl Tally {
    /// Notes that requests wait no more.
    pub fn taken(&self, waiting: &Waiting) {
        self.bytes.fetch_sub(waiting.bytes, Ordering::Relaxed);
    }

    fn of_log(&self) -> [Figure; 4] {
        let one = |name, help, kind, value: &AtomicU64| {
            let values = vec![(Vec::new(), value.load(Ordering::Relaxed) as f64)];
            Figure { name, help, kind, values }
        };
        [
            one(
                "gristmill_predictions_logged_total",
                "Rows with their answers that were written to the prediction log.",
                FigureKind::Counter,
                &self.written,
            ),
            one(
                "gristmill_predictions_unwritten",
                "Rows with their answers that wait to be written.",
                FigureKind::Gauge,
                &self.unwritten,
            ),
            one(
                "gristmill_predictions_lost_total",
                "Rows that found no room, or could not be written.",
                FigureKind::Counter,
                &self.lost,
            ),
            one(
                "gristmill_prediction_writes_failed_total",
                "Attempts to write to the prediction log that failed.",
                FigureKind::Counter,
                &self.failed,
            ),
        ]
    }

    fn of_drift(&self) -> Vec<Figure> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = |(model, version): &(String, String)| {
            vec![("model", model.clone()), ("version", version.clone())]
        };
        let of_model = |value: fn(&DriftReport) -> f64| {
            verdicts.iter().map(|(key, found)| (labels(key), value(&found.columns))).collect()
        };
        let of_columns = |of: fn(&Verdict) -> Option<&DriftReport>| {
            let reports = verdicts.iter().filter_map(|(key, found)| Some((key, of(found)?)));
            let columns = reports.flat_map(|(key, report)| {
                report.measures().into_iter().map(move |(column, test, value)| {
                    let of_column = [("column", column), ("test", test.to_owned())];
                    (labels(key).into_iter().chain(of_column).collect(), value)
                })
            });
            columns.collect()
        };
        let gauge = |name, help, values| Figure { name, help, kind: FigureKind::Gauge, values };
        let uncounted = self.uncounted.load(Ordering::Relaxed) as f64;
        vec![
            gauge(
                "gristmill_drift",
                "How far a column of the last full window has moved, by its test.",
                of_columns(|found| Some(&found.columns)),
            ),
            gauge(
                "gristmill_drift_answers",
                "How far a column of the answers to the last full window has moved, by its test.",
                of_columns(|found| found.answers.as_ref()),
            ),
            gauge(
                "gristmill_drift_share",
                "The share of the columns that have moved in the last full window.",
                of_model(|found| found.share),
            ),
            gauge(
                "gristmill_drift_drifted",
                "Whether the last full window has drifted: 1 or 0.",
                of_model(|found| f64::from(u8::from(found.drifted))),
            ),
            gauge(
                "gristmill_drift_rows",
                "How many rows the last full window has.",
                of_model(|found| found.rows as f64),
            ),
            Figure {
                name: "gristmill_drift_uncounted_total",
                help: "Rows that no window counted for want of room.",
                kind: FigureKind::Counter,
                values: vec![(Vec::new(), uncounted)],
            },
        ]
    }
}

/// What the rows take in memory, their words too.
fn bytes_of(rows: &Frame) -> usize {
    let words = |column: &Column| match column {
        Column::Words(words) => words.dictionary.iter().map(|word| word.len() + 24).sum(),
        Column::Images(images) => images.iter().flatten().map(|image| image.len()).sum(),
        Column::Numbers(_) | Column::Sparse(_) | Column::Times(_) => 0,
    };
    rows.bytes() + rows.columns().iter().map(words).sum::<usize>()
}

fn answered(prediction: &Prediction) -> usize {
    let values = match prediction {
        Prediction::Numbers(_) => 1,
        Prediction::Classes { labels, .. } => labels.names().len() + 1,
    };
    8 * values * prediction.rows()
}
