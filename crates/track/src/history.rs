//! Which values of a metric are wanted.

use crate::{Page, RunId};

/// The values of one metric in some runs.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryQuery {
    /// The runs; those that are not there have no values.
    pub runs: Vec<RunId>,
    /// The metric.
    pub key: String,
    /// In which order, within each run.
    pub order: HistoryOrder,
    /// Which part of the answer.
    pub page: Page,
}

/// In which order the values of a run come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryOrder {
    /// By step, then time.
    #[default]
    Steps,
    /// By time, then step.
    Times,
}

/// Values of one metric of a run, evenly spread over all of them, with the first and the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The run.
    pub run: RunId,
    /// The metric.
    pub key: String,
    /// The first and the last step that is looked at.
    pub steps: Option<(i64, i64)>,
    /// How many values at most, at least 1; of one, the last comes.
    pub most: u32,
}
