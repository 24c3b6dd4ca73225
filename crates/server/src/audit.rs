//! The record of who did what, written in the background: many lines go to the store together, and
//! old ones are forgotten.

use std::sync::Arc;
use std::time::Duration;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{AuditLine, Store};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// How many lines may wait; whoever has one more waits too, so that none is lost.
const QUEUE: usize = 1_000;
/// How many lines are written at once.
const TOGETHER: usize = 200;
/// How often old lines are looked for.
const ROUND: Duration = Duration::from_secs(3_600);

/// The door to the record.
#[derive(Clone)]
pub(crate) struct Recorder {
    lines: mpsc::Sender<AuditLine>,
}

impl Recorder {
    /// Starts writing on the runtime that this is called from; lines older than `kept` are
    /// forgotten. The receiver hears when the last door is gone and everything is written.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        kept: Duration,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (lines, queue) = mpsc::channel(QUEUE);
        let done = tokio::spawn(write(store, clock, kept, queue));
        (Self { lines }, done)
    }

    /// Puts a line on record.
    pub(crate) async fn record(&self, line: AuditLine) {
        if let Err(lost) = self.lines.send(line).await {
            // The server ends: a word on its terminal is all that is left.
            eprintln!("not on record any more: {:?}", lost.0);
        }
    }
}

async fn write(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    kept: Duration,
    mut queue: mpsc::Receiver<AuditLine>,
) {
    forget(&*store, &*clock, kept).await;
    let mut round = Instant::now() + ROUND;
    let mut lines = Vec::with_capacity(TOGETHER);
    loop {
        match timeout_at(round, queue.recv_many(&mut lines, TOGETHER)).await {
            Ok(0) => return,
            Ok(_) => {
                let batch = std::mem::take(&mut lines);
                let count = batch.len();
                if let Err(error) = store.record_audit(batch).await {
                    eprintln!("{count} lines are not on record: {error}");
                }
            }
            Err(_) => {
                forget(&*store, &*clock, kept).await;
                round = Instant::now() + ROUND;
            }
        }
    }
}

async fn forget(store: &dyn Store, clock: &dyn Clock, kept: Duration) {
    let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
    let before = Timestamp(clock.now().0.saturating_sub(kept));
    if let Err(error) = store.forget_audit(before).await {
        eprintln!("old lines stay on record: {error}");
    }
}
