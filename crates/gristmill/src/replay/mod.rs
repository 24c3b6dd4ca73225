//! The loop of a pipeline file over rows of the past: how the model would have been retrained, and how much that
//! would have helped.
//!
//! Rows come in the order of their time, are answered by the version that is champion then, logged, and labelled
//! when their period is over. Findings, triggers, retrainings, comparisons and rollbacks are those of
//! `gristmill up`, in a home of its own, at moments of the past. Beside it the first version answers all rows.

mod answers;
mod page;
mod period;
mod world;

use std::path::{Path, PathBuf};

use gristmill_core::Timestamp;
use serde::Serialize;

pub use period::Every;

use self::world::World;
use crate::models::HistoryLine;
use crate::page::save_html;
use crate::{Home, Result};

/// How a file is replayed.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Settings such as `model.gradient_boosting.trees=50`, in place of what the file says.
    pub settings: Vec<String>,
    /// The column that says when a row was; that of a split by time where it is not named.
    pub time: Option<String>,
    /// How long a period is: after each its labels are known, and the loop takes its steps.
    pub every: Every,
    /// On how many periods the first version is trained.
    pub first: u32,
    /// Where the home of the replay is made and stays; without it nothing stays.
    pub into: Option<PathBuf>,
}

/// What a replay came to.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// The pipeline.
    pub pipeline: String,
    /// The model.
    pub model: String,
    /// The metric of the scores.
    pub metric: String,
    /// Whether more of it is better.
    pub greater_is_better: bool,
    /// On how many rows the first version was trained.
    pub trained_on: usize,
    /// How many rows were answered.
    pub rows: usize,
    /// The score of all answers with the loop.
    pub with_loop: f64,
    /// That of the first version on the same rows.
    pub trained_once: f64,
    /// By how much the loop is better, as a share of the score of the version that was trained once; negative
    /// where it is worse.
    pub gain: f64,
    /// Period by period.
    pub periods: Vec<PeriodScore>,
    /// All that happened to the model, with its reasons.
    pub history: Vec<HistoryLine>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a period came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeriodScore {
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
    /// How many rows it has.
    pub rows: usize,
    /// Which version answered its rows.
    pub version: u32,
    /// The score with the loop; nothing where the metric has no value.
    pub with_loop: Option<f64>,
    /// The score of the first version.
    pub trained_once: Option<f64>,
    /// What the loop did when it was over.
    pub steps: Vec<String>,
}

impl Replay {
    /// The scores by period and what happened, as one HTML page that needs no network.
    pub fn page(&self) -> String {
        page::html(self)
    }

    /// Writes [`Replay::page`], whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        save_html(&self.page(), path)
    }

    /// Writes the chart of the scores alone as SVG, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_chart(&self, path: &Path) -> Result<()> {
        save_html(&page::chart(self), path)
    }
}

/// Hears which period it is, of how many, and where that begins.
pub type Progress<'a> = &'a dyn Fn(usize, usize, &str);

/// Replays the file at `path`.
///
/// # Errors
/// As [`run`](crate::run()) of the file; when it watches no model, has no column of time, or its rows are of
/// fewer periods than the first version is trained on and one more.
pub fn replay(path: &Path, options: &ReplayOptions, progress: Progress<'_>) -> Result<Replay> {
    match &options.into {
        Some(folder) => World::begin(&Home::at(folder), path, options, progress)?.replay(),
        None => {
            let folder = tempfile::tempdir()?;
            World::begin(&Home::at(folder.path()), path, options, progress)?.replay()
        }
    }
}
