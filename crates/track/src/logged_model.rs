//! Logged models: what a run made before, or without, anybody registering it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ExperimentId, Filter, Lifecycle, Metric, Order, Page, Result, RunId};

words! {
    /// How far a logged model got.
    LoggedModelStatus {
        /// Nobody said.
        Unspecified = "unspecified",
        /// Its files are being written.
        Pending = "pending",
        /// Its files are there.
        Ready = "ready",
        /// Its files could not be written.
        Failed = "failed",
    }
}

impl LoggedModelStatus {
    /// What MLflow's number stands for; nothing when it is none of its numbers.
    pub fn from_mlflow(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Unspecified),
            1 => Some(Self::Pending),
            2 => Some(Self::Ready),
            3 => Some(Self::Failed),
            _ => None,
        }
    }
}

/// A model as a run logged it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedModel {
    /// Its id, `m-` and 32 hex digits.
    pub id: String,
    /// The experiment that it belongs to.
    pub experiment: ExperimentId,
    /// A name for people; others may have the same.
    pub name: String,
    /// What sort of model it is, in the words of whoever logged it.
    pub model_type: Option<String>,
    /// The run that made it.
    pub run: Option<RunId>,
    /// How far it got.
    pub status: LoggedModelStatus,
    /// Why it failed, when it did.
    pub status_message: Option<String>,
    /// In use or put away.
    pub lifecycle: Lifecycle,
    /// When it was logged.
    pub created: Timestamp,
    /// When its status or lifecycle last changed.
    pub updated: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its params.
    pub params: BTreeMap<String, String>,
    /// All that runs measured on it, the oldest first.
    pub metrics: Vec<Measured>,
}

/// A value that a run measured on a logged model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The run.
    pub run: RunId,
    /// The value.
    pub metric: Metric,
    /// The name and the digest of the dataset that it was measured on.
    pub dataset: Option<(String, String)>,
}

/// A dataset by which logged models are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetRef {
    /// Its name.
    pub name: String,
    /// Its digest, where one is asked for.
    pub digest: Option<String>,
}

/// Which logged models are wanted, of those in use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoggedModelQuery {
    /// Models of one of these experiments.
    pub experiments: Vec<ExperimentId>,
    /// What must hold of them; a metric counts when any value of it passes.
    pub filter: Filter,
    /// Metrics count that were measured on one of these; without any, all do.
    pub datasets: Vec<DatasetRef>,
    /// By what they are sorted, and on which dataset a metric must have been measured to count; then
    /// the newest first.
    pub order: Vec<(Order, Option<DatasetRef>)>,
    /// Which part of the answer.
    pub page: Page,
}

/// What a new logged model is made of; its status starts as pending.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLoggedModel {
    /// Its id, chosen by the caller.
    pub id: String,
    /// The experiment that it belongs to.
    pub experiment: ExperimentId,
    /// A name for people.
    pub name: String,
    /// What sort of model it is.
    pub model_type: Option<String>,
    /// The run that made it.
    pub run: Option<RunId>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its params.
    pub params: BTreeMap<String, String>,
    /// The present moment.
    pub at: Timestamp,
}

/// Keeps logged models. Calls are as those of [`Store`](crate::Store).
#[async_trait]
pub trait LoggedModels: Send + Sync {
    /// The new logged model. `Exists` when the id is taken; `NotFound` or `Deleted` for its
    /// experiment.
    async fn create_logged_model(&self, new: NewLoggedModel) -> Result<LoggedModel>;

    /// The logged model of this id, in use or put away. `NotFound`.
    async fn logged_model(&self, id: &str) -> Result<LoggedModel>;

    /// The logged models that match.
    async fn search_logged_models(&self, query: &LoggedModelQuery) -> Result<Vec<LoggedModel>>;

    /// Sets how far a logged model got; it comes back. `NotFound`.
    async fn finalize_logged_model(
        &self,
        id: &str,
        status: LoggedModelStatus,
        at: Timestamp,
    ) -> Result<LoggedModel>;

    /// Puts a logged model away or takes it back into use. `NotFound`.
    async fn set_logged_model_lifecycle(
        &self,
        id: &str,
        lifecycle: Lifecycle,
        at: Timestamp,
    ) -> Result<()>;

    /// Sets tags of a logged model. `NotFound`.
    async fn tag_logged_model(&self, id: &str, tags: BTreeMap<String, String>) -> Result<()>;

    /// Takes a tag away from a logged model. `NotFound` for the model or the tag.
    async fn untag_logged_model(&self, id: &str, key: &str) -> Result<()>;

    /// Logs params of a logged model. `NotFound`; `ParamChanged` for one that is there with another
    /// value.
    async fn log_model_params(&self, id: &str, params: BTreeMap<String, String>) -> Result<()>;
}
