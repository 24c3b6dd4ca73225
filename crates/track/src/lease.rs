//! Leases: who is at work on something, until when, so that no two processes are.

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::RunId;

/// Something that one holder at a time may work on. Once its time is over anyone may take it; its
/// holder keeps it by asking for it again before that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What it is about, such as `scheduler` or a run.
    pub name: String,
    /// Who has it: a word that no other process uses.
    pub holder: String,
    /// When others may take it.
    pub until: Timestamp,
}

/// As whom somebody writes about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// As the holder of the lease on it: refused once that lease is not there any more, too. Whoever
    /// was not at hand while its time was over cannot know who had it since, and gave it back.
    Holder(String),
    /// As this one, with a lease or without: refused when somebody else has it.
    Anyone(String),
}

impl Lease {
    /// The name of the lease on a run: whoever holds it moves the run forward.
    pub fn of_run(id: RunId) -> String {
        format!("run/{id}")
    }
}
