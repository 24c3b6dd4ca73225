//! Versions that are asked what others answered, so that their answers can be compared. Nobody waits for
//! them: what does not find room is counted and let go.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use gristmill_serve::{Agreement, Answers, Refusal, Served};
use tokio::sync::Semaphore;

use super::meter::{escaped, labels};
use super::protocol::Protocol;

/// How many kilobytes of bodies may wait, with one at least for each request.
const ROOM: usize = 64_000;

/// Versions that are asked for comparison.
pub(crate) struct Shadows {
    room: Arc<Semaphore>,
    /// One comparison is made at a time: the cores are for those who wait for an answer.
    turn: Arc<Semaphore>,
    counts: Arc<Counts>,
}

type Counts = Mutex<BTreeMap<(String, String, String), Compared>>;

/// What comparisons of a version with another came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Compared {
    requests: u64,
    failed: u64,
    dropped: u64,
    rows: Agreement,
}

/// A request that was answered, to be put to another version.
pub(super) struct Answered<Q> {
    pub question: Arc<Q>,
    pub body: Bytes,
    pub by: Arc<Served>,
    pub answers: Answers,
}

impl Shadows {
    pub fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROOM)),
            turn: Arc::new(Semaphore::new(1)),
            counts: Arc::default(),
        }
    }

    /// Puts a request that was answered to another version, in the background.
    pub fn ask<Q: Protocol>(&self, shadow: Arc<Served>, answered: Answered<Q>) {
        let by = &answered.by;
        let key = (by.name().to_owned(), by.version().to_owned(), shadow.version().to_owned());
        let size = (answered.body.len() / 1_000 + 1).min(ROOM);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(size as u32) else {
            count(&self.counts, key, |compared| compared.dropped += 1);
            return;
        };
        let (turn, counts) = (Arc::clone(&self.turn), Arc::clone(&self.counts));
        tokio::spawn(async move {
            let turn = turn.acquire_owned().await;
            let compare = move || compare(&shadow, &answered);
            let compared = tokio::task::spawn_blocking(compare).await;
            drop((turn, room));
            count(&counts, key, |counted| match compared {
                Ok(Ok(found)) => {
                    counted.requests += 1;
                    counted.rows.same += found.same;
                    counted.rows.different += found.different;
                    counted.rows.distance += found.distance;
                }
                // It refuses what the other takes, or fails: that is for its owner to see.
                Ok(Err(_)) | Err(_) => counted.failed += 1,
            });
        });
    }

    /// What comparisons came to, as Prometheus reads it.
    pub fn write(&self, text: &mut String) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let name = "gristmill_shadow_requests_total";
        let _ = writeln!(
            text,
            "# HELP {name} Requests put to a shadow: compared, failed there, or dropped for want of room.\n\
             # TYPE {name} counter"
        );
        for (key, found) in &counts {
            let labels = shadowed(key);
            for (outcome, count) in
                [("compared", found.requests), ("failed", found.failed), ("dropped", found.dropped)]
            {
                let _ = writeln!(text, "{name}{{{labels},outcome=\"{outcome}\"}} {count}");
            }
        }
        let name = "gristmill_shadow_rows_total";
        let _ = writeln!(
            text,
            "# HELP {name} Rows to which a shadow answers the same, or something else.\n\
             # TYPE {name} counter"
        );
        for (key, found) in &counts {
            let labels = shadowed(key);
            let both = [("same", found.rows.same), ("different", found.rows.different)];
            for (agreement, count) in both {
                let _ = writeln!(text, "{name}{{{labels},answer=\"{agreement}\"}} {count}");
            }
        }
        let name = "gristmill_shadow_distance_sum";
        let _ = writeln!(
            text,
            "# HELP {name} How far a shadow's answers are away, summed over rows.\n\
             # TYPE {name} counter"
        );
        for (key, found) in &counts {
            let _ = writeln!(text, "{name}{{{}}} {}", shadowed(key), found.rows.distance);
        }
    }
}

fn compare<Q: Protocol>(shadow: &Served, answered: &Answered<Q>) -> Result<Agreement, Refusal> {
    let (rows, more) = answered.question.read(shadow, &answered.body)?;
    let answers = answered.question.answer(shadow, rows, &more)?;
    Ok(Agreement::of(&answered.answers, &answers))
}

fn count(counts: &Counts, key: (String, String, String), count: impl FnOnce(&mut Compared)) {
    count(counts.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
}

fn shadowed((model, version, shadow): &(String, String, String)) -> String {
    format!("{},shadow=\"{}\"", labels(model, version), escaped(shadow))
}
