//! What was begun and never finished is cleared away in time: parts of files whose others never came.

use std::sync::Arc;
use std::time::Duration;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::ArtifactStore;

use crate::mlflow::PARTS_WAIT_MICROS;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(6 * 3_600);

/// Clears away what is older than a day, now and from time to time, as long as the runtime lives.
pub(crate) fn start(artifacts: Arc<dyn ArtifactStore>, clock: Arc<dyn Clock>) {
    tokio::spawn(async move {
        let mut times = tokio::time::interval(EVERY);
        loop {
            times.tick().await;
            let before = Timestamp(clock.now().0.saturating_sub(PARTS_WAIT_MICROS));
            if let Err(error) = artifacts.sweep(before).await {
                eprintln!("what was never finished stays: {error}");
            }
        }
    });
}
