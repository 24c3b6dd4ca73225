//! What may be forgotten for good, and which content nobody names any more.

use std::collections::BTreeMap;

use async_trait::async_trait;
use gristmill_core::Timestamp;

use crate::{ContentHash, ExperimentId, Result, RunId};

/// Forgets what was put away. Calls are as those of [`Store`](crate::Store).
#[async_trait]
pub trait Retention: Send + Sync {
    /// How often each content is named: by artifacts of runs, those put away too, and by files beside
    /// them. What versions and deployments name besides is not among it.
    async fn contents(&self) -> Result<BTreeMap<ContentHash, u64>>;

    /// What was put away at or before the moment `until`. Of runs that were put away before moments
    /// were kept nobody knows more than that somebody saw it at `seen`.
    async fn put_away(&self, until: Timestamp, seen: Timestamp) -> Result<PutAway>;

    /// Keeps `seen` as the moment since when those runs are put away of which nobody knows it.
    async fn note_put_away(&self, seen: Timestamp) -> Result<()>;

    /// Forgets a run that was put away with all it logged, unless registered versions need it: those
    /// come back, as `NAME/VERSION`, and the run stays. `NotFound`; `Invalid` when it is in use.
    async fn forget_run(&self, id: RunId) -> Result<Vec<String>>;

    /// The same for a logged model and its files.
    async fn forget_logged_model(&self, id: &str) -> Result<Vec<String>>;

    /// Forgets an experiment that was put away, with its datasets, and the logged models and files
    /// that lie in it; its number is never given again. Registered versions that need one of those
    /// models come back, and it stays. `NotFound`; `Invalid` when it is in use, still has runs, or
    /// is the one that is there from the start.
    async fn forget_experiment(&self, id: ExperimentId) -> Result<Vec<String>>;

    /// Lets packages of versions stand below the folder `to` that were recorded below `from`; how many
    /// there were.
    async fn relocate_packages(&self, from: &str, to: &str) -> Result<u64>;
}

/// What was put away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutAway {
    /// Runs, those first that were put away first.
    pub runs: Vec<Away<RunId>>,
    /// Logged models.
    pub logged_models: Vec<Away<String>>,
    /// Experiments.
    pub experiments: Vec<Away<ExperimentId>>,
}

/// Something that was put away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away<Id> {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// The experiment that it belongs to, or is.
    pub experiment: ExperimentId,
    /// Since when.
    pub since: Timestamp,
    /// The registered versions that need it, as `NAME/VERSION`.
    pub needed_by: Vec<String>,
}
