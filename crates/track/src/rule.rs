//! Rules of aliases: what has to be true before one moves.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Gate, ModelVersion, Note};

/// What an alias of a model needs before it moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasRule {
    /// The model.
    pub model: String,
    /// The alias.
    pub alias: String,
    /// The ways in which a move is approved; one of them is enough.
    pub approvals: Vec<Approval>,
}

/// One way in which a move of an alias is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// The version passed its gate before it was registered.
    PassedGate,
    /// This person or token moves it.
    By(String),
}

impl AliasRule {
    /// Whether the alias may move to `version` as `note` says.
    pub fn allows(&self, version: &ModelVersion, note: &Note) -> bool {
        self.approvals.iter().any(|approval| match approval {
            Approval::PassedGate => version.gate == Gate::Passed,
            Approval::By(who) => *who == note.who,
        })
    }

    /// Whether the alias may be taken away as `note` says: where people are named, by one of them.
    pub fn allows_removal(&self, note: &Note) -> bool {
        let mut named = self.approvals.iter().filter_map(|approval| match approval {
            Approval::By(who) => Some(who),
            Approval::PassedGate => None,
        });
        self.approvals.iter().all(|approval| *approval == Approval::PassedGate)
            || named.any(|who| *who == note.who)
    }

    /// What it asks for, in words.
    pub fn needs(&self) -> String {
        self.approvals.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassedGate => f.write_str("a version that passed its gate"),
            Self::By(who) => write!(f, "`{who}` to move it"),
        }
    }
}
