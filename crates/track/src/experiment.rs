//! Experiments: named groups of runs, as MLflow has them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Filter, Order, Page, Result, TrackError};

/// The number of an experiment, written in decimal as MLflow writes it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct ExperimentId(pub(crate) i64);

impl ExperimentId {
    /// The experiment `Default`, which is there from the start.
    pub const DEFAULT: Self = Self(0);
}

words! {
    /// Whether a run or an experiment is in use or was put away.
    Lifecycle {
        /// In use.
        Active = "active",
        /// Put away; it can be restored until it is purged.
        Deleted = "deleted",
    }
}

/// A named group of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its number, never used again for another one.
    pub id: ExperimentId,
    /// Its name, unique among all experiments, the deleted ones too.
    pub name: String,
    /// In use or put away.
    pub lifecycle: Lifecycle,
    /// When it was created.
    pub created: Timestamp,
    /// When its name, lifecycle or tags last changed.
    pub updated: Timestamp,
    /// Where the artifacts of its runs are, when not in the store's own place.
    pub artifact_location: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What a new experiment is made of; the store gives it the next number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewExperiment {
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Where the artifacts of its runs will be, when not in the store's own place.
    pub artifact_location: Option<String>,
    /// The present moment.
    pub created: Timestamp,
}

/// Which experiments are wanted, and in which order.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentQuery {
    /// In use or put away; both when it is `None`.
    pub lifecycle: Option<Lifecycle>,
    /// What must hold of them.
    pub filter: Filter,
    /// By what they are sorted; the newest first where nothing is said.
    pub order: Vec<Order>,
    /// Which part of the answer.
    pub page: Page,
}

impl Default for ExperimentQuery {
    /// The newest 100 experiments that are in use.
    fn default() -> Self {
        Self {
            lifecycle: Some(Lifecycle::Active),
            filter: Filter::default(),
            order: Vec::new(),
            page: Page::default(),
        }
    }
}

impl fmt::Display for ExperimentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ExperimentId {
    type Err = TrackError;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse() {
            Ok(number) if number >= 0 => Ok(Self(number)),
            _ => Err(TrackError::invalid(
                "an experiment id",
                format!("`{text}`"),
                "a whole number such as `0`",
            )),
        }
    }
}

impl TryFrom<String> for ExperimentId {
    type Error = TrackError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ExperimentId> for String {
    fn from(id: ExperimentId) -> Self {
        id.to_string()
    }
}
