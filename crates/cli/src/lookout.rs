//! What is kept of answers and how they are watched, as the command line says it.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;

use clap::Args;
use gristmill::predictions::{LogSettings, Lookout, LookoutSettings};
use gristmill::serve::TellServing;
use gristmill::{Home, SystemClock};

#[derive(Debug, Args)]
pub struct Watching {
    /// Keep the rows and answers of requests as Parquet in the home, or of a share of them, such as 0.1
    /// [default: what `monitor:` in the file of each model asks for]
    #[arg(
        long, value_name = "RATE", num_args = 0..=1, require_equals = true, default_missing_value = "1"
    )]
    log_predictions: Option<f64>,
    /// Leave these columns out of what is kept
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', requires = "log_predictions")]
    log_redact: Vec<String>,
    /// How many rows are judged together, where `monitor:` in the file of a model does not say it; 0 judges none
    #[arg(long, value_name = "ROWS", default_value = "1000")]
    drift_window: u64,
}

impl Watching {
    /// What is to be kept and watched.
    pub fn settings(&self) -> LookoutSettings {
        let redact: BTreeSet<String> = self.log_redact.iter().cloned().collect();
        let log = self.log_predictions.map(|rate| LogSettings { rate, redact });
        LookoutSettings { log, window: NonZeroU64::new(self.drift_window) }
    }
}

/// Begins to watch.
pub fn start(
    settings: LookoutSettings,
    home: &Home,
    tell: TellServing,
) -> anyhow::Result<Arc<Lookout>> {
    Ok(Arc::new(Lookout::start(home, settings, Arc::new(SystemClock), tell)?))
}
