//! What was found of models while they answered, and where the retraining loop of each stands.

use async_trait::async_trait;
use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Due, ModelEvent, NewEvent, Note, Result};

words! {
    /// What sort of thing was found.
    FindingKind {
        /// How far rows have moved from those that the version learned from.
        Drift = "drift",
        /// How good answers turned out to be.
        Performance = "performance",
        /// How good answers probably are, whose truth is not known yet.
        Estimate = "estimate",
    }
}

/// Something that is found of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewFinding {
    /// The version that answered.
    pub version: u32,
    /// What sort of thing it is.
    pub what: FindingKind,
    /// What `value` is: a metric, or `share` of the columns that have moved.
    pub name: String,
    /// The figure; nothing where it could not be computed.
    pub value: Option<f64>,
    /// What the figure is held against.
    pub threshold: Option<f64>,
    /// Whether that is bad news.
    pub alarm: bool,
    /// Of how many rows.
    pub rows: u64,
    /// When the first of them was answered.
    pub from: Timestamp,
    /// When the last of them was.
    pub to: Timestamp,
    /// When it was found.
    pub at: Timestamp,
    /// All that is known of it.
    pub detail: Value,
}

/// Something that was found of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its place among all findings of the model, from 1.
    pub number: u64,
    /// What it is.
    #[serde(flatten)]
    pub found: NewFinding,
}

/// Where the loop of a model stands.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopStanding {
    /// How many steps it has taken.
    pub revision: u64,
    /// What it keeps from one step to the next.
    pub state: Value,
    /// When it took the last one.
    pub at: Timestamp,
}

/// A step of the loop of a model: all of it is done, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopStep {
    /// How many steps there were before it; it is not taken where there are more by now.
    pub after: u64,
    /// What the loop keeps from now on.
    pub state: Value,
    /// When.
    pub at: Timestamp,
    /// What is done, if anything.
    pub act: Option<LoopAct>,
    /// Lines of the model's history, after that of what is done.
    pub events: Vec<NewEvent>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum LoopAct {
    /// An occasion for a deployment to run is taken up.
    Claim(Due),
    /// A version takes an alias.
    Promote {
        /// The alias.
        alias: String,
        /// The version.
        version: u32,
        /// Who, when and why.
        note: Note,
        /// All that is known of it.
        detail: Value,
    },
    /// An alias goes back to the version that it named before.
    RollBack {
        /// The alias.
        alias: String,
        /// The version that it names now.
        from: u32,
        /// Who, when and why.
        note: Note,
        /// All that is known of it.
        detail: Value,
    },
}

/// Keeps what is found of models and where their loops stand. Calls are as those of
/// [`Store`](crate::Store).
#[async_trait]
pub trait Monitoring: Send + Sync {
    /// Keeps a finding under the next number of the model, which comes back. `NotFound` for the model.
    async fn record_finding(&self, model: &str, finding: NewFinding) -> Result<u64>;

    /// The first findings of a model after that number, in their order, at most `limit`. `NotFound`.
    async fn findings_after(&self, model: &str, number: u64, limit: u32) -> Result<Vec<Finding>>;

    /// Forgets the findings of all models that were made before this moment; how many comes back.
    async fn forget_findings(&self, before: Timestamp) -> Result<u64>;

    /// How many labels of the model's predictions were added after this moment. `NotFound`.
    async fn labels_since(&self, model: &str, after: Timestamp) -> Result<u64>;

    /// Where the loop of a model stands; nothing before its first step. `NotFound` for the model.
    async fn loop_standing(&self, model: &str) -> Result<Option<LoopStanding>>;

    /// Takes a step of the loop of a model, and says whether it did: of all who would take the step
    /// after the same one, exactly one is told `true`. `NotFound` for the model or a version; `Invalid`
    /// when an alias is to go back and names another version than was thought, or was never elsewhere;
    /// `NotApproved` when the alias has a rule that does not allow its move.
    async fn take_step(&self, model: &str, step: LoopStep) -> Result<bool>;

    /// The last findings of a model, in their order, at most `limit`. `NotFound`.
    async fn last_findings(&self, model: &str, limit: u32) -> Result<Vec<Finding>>;

    /// Up to which line of a model's history a target was told: the last that [`Monitoring::told`] has
    /// kept, and no earlier one than the last that was there at `since`. 0 where there is none. `NotFound`
    /// for the model.
    async fn told_up_to(&self, model: &str, target: &str, since: Timestamp) -> Result<u64>;

    /// Keeps that a target was told the lines of a model's history up to this number. It never goes back.
    /// `NotFound` for the model.
    async fn told(&self, model: &str, target: &str, number: u64) -> Result<()>;

    /// The lines of a model's history after that number, in their order, at most `limit`. `NotFound`.
    async fn history_after(&self, model: &str, number: u64, limit: u32) -> Result<Vec<ModelEvent>>;
}
