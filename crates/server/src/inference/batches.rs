//! Small questions to a version that takes its time: those that wait for a core are answered together by
//! whoever gets the next one. Where nobody waits, each is answered at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use gristmill_core::{Clock, Frame, Timestamp};
use gristmill_serve::{Answers, Refusal, Served, answer_together};
use tokio::sync::{Semaphore, oneshot};

use super::meter::Histogram;

/// How many rows are answered together at most, if it is more than one request.
const MOST_ROWS: usize = 1_024;

/// Questions that wait for a core.
pub(super) struct Batches {
    /// By the place in memory of the version, which stays while somebody waits for it.
    waiting: Mutex<BTreeMap<usize, VecDeque<Waiting>>>,
    /// How many rows were answered together.
    pub rows: Histogram,
    /// How many requests were.
    pub requests: Histogram,
}

struct Waiting {
    served: Arc<Served>,
    rows: Frame,
    told: oneshot::Sender<Done>,
}

/// What became of a question.
pub(super) struct Done {
    pub answers: Result<Answers, Refusal>,
    pub begun: Timestamp,
    pub ended: Timestamp,
    /// How many requests were answered with it, itself among them.
    pub together: usize,
}

impl Batches {
    pub fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            rows: Histogram::of_sizes(),
            requests: Histogram::of_sizes(),
        }
    }

    /// Has rows answered as soon as there is a core.
    pub fn ask(
        self: &Arc<Self>,
        served: Arc<Served>,
        rows: Frame,
        cores: &Arc<Semaphore>,
        clock: &Arc<dyn Clock>,
    ) -> oneshot::Receiver<Done> {
        let (told, answer) = oneshot::channel();
        let place = Arc::as_ptr(&served) as usize;
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.entry(place).or_default().push_back(Waiting { served, rows, told });
        }
        let (batches, cores, clock) = (Arc::clone(self), Arc::clone(cores), Arc::clone(clock));
        tokio::spawn(async move {
            let core = cores.acquire_owned().await;
            // Somebody who came later may be here for all of them.
            let batch = batches.take(place);
            if !batch.is_empty() {
                // Where it panics, whoever waits sees that nobody answers.
                let _ = tokio::task::spawn_blocking(move || {
                    batches.answer(batch, &*clock);
                    drop(core);
                })
                .await;
            }
        });
        answer
    }

    /// Those who wait for a version, as many as are answered together.
    fn take(&self, place: usize) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = waiting.get_mut(&place) else { return Vec::new() };
        let mut batch: Vec<Waiting> = Vec::new();
        let mut rows = 0;
        while let Some(next) = queue.front() {
            rows += next.rows.rows();
            if rows > MOST_ROWS && !batch.is_empty() {
                break;
            }
            // Who does not wait any more is not asked for either.
            batch.extend(queue.pop_front().filter(|next| !next.told.is_closed()));
        }
        if queue.is_empty() {
            waiting.remove(&place);
        }
        batch
    }

    fn answer(&self, batch: Vec<Waiting>, clock: &dyn Clock) {
        let Some(served) = batch.first().map(|first| Arc::clone(&first.served)) else { return };
        let together = batch.len();
        let (rows, told): (Vec<Frame>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.rows, waiting.told)).unzip();
        self.requests.count(together as u64);
        self.rows.count(rows.iter().map(Frame::rows).sum::<usize>() as u64);
        let begun = clock.now();
        let answers = answer_together(&served, rows);
        let ended = clock.now();
        for (answers, told) in answers.into_iter().zip(told) {
            // It fails when nobody waits for it any more.
            let _ = told.send(Done { answers, begun, ended, together });
        }
    }
}
