//! Where the loop of a model stands, as it is kept between steps.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use gristmill_monitor::Retrainings;
use gristmill_track::RunId;
use serde::{Deserialize, Serialize};

/// What the loop of a model keeps from one step to the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoopState {
    pub phase: Phase,
    /// The version that the alarms below are about.
    #[serde(default)]
    pub champion: Option<u32>,
    /// What is wrong with it, by occasion.
    #[serde(default)]
    pub alarms: BTreeMap<String, Alarm>,
    /// Whether it was told that a retraining is asked for and may not begin yet.
    #[serde(default)]
    pub held_back: bool,
    #[serde(default)]
    pub retrainings: Retrainings,
    /// The last finding that was looked at.
    #[serde(default)]
    pub seen: u64,
    /// The last line of the history that was there when the phase began.
    #[serde(default)]
    pub line: u64,
    /// When the last retraining began: labels that came later count for the next.
    #[serde(default)]
    pub labels_since: Option<Timestamp>,
    /// The last moment of the schedule that started a retraining.
    #[serde(default)]
    pub scheduled: Option<i64>,
    /// What the files of the source looked like when the last retraining began.
    #[serde(default)]
    pub source: Option<String>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alarm {
    /// Since when.
    pub since: Timestamp,
    /// What, in words.
    pub words: String,
}

/// What the loop of a model is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Phase {
    /// The champion is watched.
    #[default]
    Watching,
    /// A run trains a new version.
    Retraining {
        /// The run.
        run: RunId,
        /// Since when.
        since: Timestamp,
        /// Why.
        why: String,
    },
    /// The new version is to meet the champion.
    Comparing {
        /// The run that made it.
        run: RunId,
        /// The new version.
        version: u32,
    },
    /// The new version is better, and waits for a person to approve of it.
    Waiting {
        /// The new version.
        version: u32,
        /// Since when.
        since: Timestamp,
    },
    /// The new version answers, and is watched more closely.
    Proving {
        /// The new version.
        version: u32,
        /// The one before it.
        before: u32,
        /// Since when.
        since: Timestamp,
    },
}

impl Phase {
    /// The run whose rows are laid aside.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Retraining { run, .. } | Self::Comparing { run, .. } => Some(*run),
            _ => None,
        }
    }

    /// In a word, for programs.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Retraining { .. } => "retraining",
            Self::Comparing { .. } => "comparing",
            Self::Waiting { .. } => "waiting_for_approval",
            Self::Proving { .. } => "proving",
        }
    }

    /// In a word, for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Retraining { .. } => "retraining",
            Self::Comparing { .. } => "comparing",
            Self::Waiting { .. } => "waiting for approval",
            Self::Proving { .. } => "proving",
        }
    }
}

impl LoopState {
    /// Moves what lies after `now` back to it: the clock was set back.
    pub fn rebase(&mut self, now: Timestamp) {
        self.retrainings.rebase(now);
        self.labels_since = self.labels_since.map(|since| since.min(now));
        for alarm in self.alarms.values_mut() {
            alarm.since = alarm.since.min(now);
        }
        match &mut self.phase {
            Phase::Watching | Phase::Comparing { .. } => {}
            Phase::Retraining { since, .. }
            | Phase::Waiting { since, .. }
            | Phase::Proving { since, .. } => *since = (*since).min(now),
        }
    }

    /// The loop is where it began: whatever comes next is a new round.
    pub fn rest(&mut self, now: Timestamp) {
        self.phase = Phase::Watching;
        self.retrainings.ended = Some(now);
        // What is wrong still was answered by this very retraining.
        self.held_back = !self.alarms.is_empty();
    }
}
