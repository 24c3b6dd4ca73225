//! What `gristmill up` tells as it goes.

use std::fmt;

use gristmill_core::Timestamp;
use serde::Serialize;

use crate::runs::moment_words;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum UpEvent {
    /// It can be called.
    Listening {
        /// Where.
        url: String,
    },
    /// This process begins runs.
    Leading,
    /// Another process on the home begins runs.
    StandingBy,
    /// A run was begun, or is gone on with.
    Began {
        /// The pipeline.
        name: String,
        /// The run.
        run: String,
        /// What made it due.
        trigger: String,
        /// The moment that it is for.
        scheduled: Timestamp,
    },
    /// The process of a run has ended.
    Ended {
        /// The pipeline.
        name: String,
        /// The run.
        run: String,
        /// How far the run got.
        status: String,
        /// How long the process lived.
        seconds: f64,
        /// What went wrong.
        error: Option<String>,
    },
    /// The loop of a model took a step.
    Step {
        /// The model.
        model: String,
        /// What was done, in words.
        text: String,
    },
    /// What a person should know; said once.
    Note {
        /// In words.
        text: String,
    },
    /// It was asked to end, and asks its runs.
    Stopping {
        /// How many are at work.
        runs: usize,
    },
}

impl fmt::Display for UpEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |run: &str| run.chars().take(8).collect::<String>();
        match self {
            Self::Listening { url } => write!(f, "listening on {url}"),
            Self::Leading => f.write_str("running what is deployed; stop with Ctrl-C"),
            Self::StandingBy => {
                f.write_str("another `gristmill up` runs what is deployed; standing by")
            }
            Self::Began { name, run, trigger, scheduled } => {
                let run = short(run);
                write!(f, "{name}: run {run} for {} UTC, {trigger}", moment_words(*scheduled))
            }
            Self::Ended { name, run, status, seconds, error } => {
                write!(f, "{name}: run {} {status} after {seconds:.1} s", short(run))?;
                match error {
                    Some(error) => write!(f, ": {error}"),
                    None => Ok(()),
                }
            }
            Self::Step { model, text } => write!(f, "{model}: {text}"),
            Self::Note { text } => write!(f, "note: {text}"),
            Self::Stopping { runs: 0 } => f.write_str("stopping"),
            Self::Stopping { runs: 1 } => {
                f.write_str("stopping a run in order; it goes on with the next `gristmill up`")
            }
            Self::Stopping { runs } => {
                write!(f, "stopping {runs} runs in order; they go on with the next `gristmill up`")
            }
        }
    }
}
