//! What every keeper of models can do.

use std::collections::BTreeMap;

use async_trait::async_trait;
use gristmill_core::Timestamp;

use crate::{
    AliasRule, Label, LabelsAdded, Model, ModelEvent, ModelQuery, ModelVersion, NewEvent, NewModel,
    NewVersion, Note, Others, Page, PredictionOutcome, Registration, Result, RunId, Stage,
    TestTotals, Traffic, TrafficPlan, VersionQuery, VersionStatus,
};

/// Keeps models, their versions and aliases, and the history of each. Calls are as those of
/// [`Store`](crate::Store).
#[async_trait]
pub trait Registry: Send + Sync {
    /// The model of this name, made now if it was not there.
    async fn ensure_model(&self, name: &str, at: Timestamp) -> Result<Model>;

    /// The new model. `Exists` when the name is taken.
    async fn create_model(&self, new: NewModel) -> Result<Model>;

    /// The model of this name. `NotFound`, with the names that exist.
    async fn model(&self, name: &str) -> Result<Model>;

    /// All models by name.
    async fn models(&self, page: Page) -> Result<Vec<Model>>;

    /// The models that match.
    async fn search_models(&self, query: &ModelQuery) -> Result<Vec<Model>>;

    /// Gives a model another name, under which it keeps its versions, aliases and history. The model
    /// comes back. `NotFound`; `Exists` when the name is taken.
    async fn rename_model(&self, name: &str, new_name: &str, note: Note) -> Result<Model>;

    /// Sets what a model is for. `NotFound`.
    async fn describe_model(&self, name: &str, description: &str, at: Timestamp) -> Result<()>;

    /// Sets a tag of a model. `NotFound`.
    async fn tag_model(&self, name: &str, key: &str, value: &str, at: Timestamp) -> Result<()>;

    /// Takes a tag away from a model; nothing happens when it has none of this key. `NotFound` for
    /// the model.
    async fn untag_model(&self, name: &str, key: &str, at: Timestamp) -> Result<()>;

    /// Forgets a model with its versions, aliases and history. `NotFound`.
    async fn delete_model(&self, name: &str) -> Result<()>;

    /// The next version of a model, or its newest one unchanged when that has the same digest. The
    /// model is made when it is not there.
    async fn register(&self, new: NewVersion) -> Result<Registration>;

    /// The next version of a model, whatever the digest of the one before. `NotFound` for the model.
    async fn create_version(&self, new: NewVersion) -> Result<ModelVersion>;

    /// One version of a model. `NotFound` for the model or the version.
    async fn version(&self, model: &str, version: u32) -> Result<ModelVersion>;

    /// The versions of a model, the newest first. `NotFound` for the model.
    async fn versions(&self, model: &str, page: Page) -> Result<Vec<ModelVersion>>;

    /// The versions that match.
    async fn search_versions(&self, query: &VersionQuery) -> Result<Vec<ModelVersion>>;

    /// The versions that a run made, by model and version.
    async fn versions_of_run(&self, id: RunId) -> Result<Vec<ModelVersion>>;

    /// Of each of these models the newest version in each stage, by model and version. A model that
    /// is not there has none.
    async fn newest_in_stages(&self, models: &[String]) -> Result<Vec<ModelVersion>>;

    /// Sets what is special about a version. `NotFound`.
    async fn describe_version(
        &self,
        model: &str,
        version: u32,
        description: &str,
        at: Timestamp,
    ) -> Result<()>;

    /// Sets whether a version can be used, and why not. `NotFound`.
    async fn set_version_status(
        &self,
        model: &str,
        version: u32,
        status: VersionStatus,
        message: Option<&str>,
        at: Timestamp,
    ) -> Result<()>;

    /// Sets a tag of a version. `NotFound`.
    async fn tag_version(&self, model: &str, version: u32, key: &str, value: &str) -> Result<()>;

    /// Takes a tag away from a version; nothing happens when it has none of this key. `NotFound` for
    /// the model or the version.
    async fn untag_version(&self, model: &str, version: u32, key: &str) -> Result<()>;

    /// Lets a version enter a stage; `others` says what becomes of those that are there. The version
    /// comes back. `NotFound`.
    async fn set_stage(
        &self,
        model: &str,
        version: u32,
        stage: Stage,
        others: Others,
        note: Note,
    ) -> Result<ModelVersion>;

    /// Forgets a version and the aliases that name it; its number is never used again. `NotFound`;
    /// `NotApproved` when the rule of one of those aliases does not allow it.
    async fn delete_version(&self, model: &str, version: u32, note: Note) -> Result<()>;

    /// Lets an alias name a version; naming the version that it names already changes nothing.
    /// The version comes back. `NotFound` for the model or the version; `NotApproved` when the
    /// alias has a rule that does not allow it.
    async fn set_alias(
        &self,
        model: &str,
        alias: &str,
        version: u32,
        note: Note,
    ) -> Result<ModelVersion>;

    /// Takes an alias away. `NotFound`; `NotApproved` when its rule does not allow it.
    async fn remove_alias(&self, model: &str, alias: &str, note: Note) -> Result<()>;

    /// Moves an alias back to the version that it named before the last move that was not undone
    /// yet, and gives that version back. `NotFound` for the model or the alias; `Invalid` when
    /// there is nothing to go back to; `NotApproved` when its rule does not allow it.
    async fn roll_back(&self, model: &str, alias: &str, note: Note) -> Result<ModelVersion>;

    /// The version that an alias names. `NotFound` for the model or the alias.
    async fn aliased(&self, model: &str, alias: &str) -> Result<ModelVersion>;

    /// The line of the history by which an alias named a version at the moment `at`: which version
    /// served then, and who let it, when and why. Nothing when the alias named none. That version
    /// may be gone since. `NotFound` for the model.
    async fn alias_at(&self, model: &str, alias: &str, at: Timestamp)
    -> Result<Option<ModelEvent>>;

    /// Lays down what an alias needs from now on before it moves; a rule without approvals takes the
    /// one that was there away. `NotFound` for the model.
    async fn set_alias_rule(&self, rule: AliasRule, note: Note) -> Result<()>;

    /// The rules of a model's aliases by alias. `NotFound`.
    async fn alias_rules(&self, model: &str) -> Result<Vec<AliasRule>>;

    /// Lays down how requests to a model are divided among its versions from now on, in place of what
    /// was laid down before. An A/B test that divides between the same two versions as before goes on. `NotFound` for the model,
    /// a version or an alias; `Invalid` for a plan that is none; `NotApproved` when a version would answer
    /// in place of the champion that the champion's rule does not allow.
    async fn set_traffic(&self, model: &str, plan: TrafficPlan, note: Note) -> Result<Traffic>;

    /// How requests to a model are divided: an empty plan where nobody laid one down. `NotFound`.
    async fn traffic(&self, model: &str) -> Result<Traffic>;

    /// Keeps what became of requests of the A/B test of this number; of those with one id the first
    /// stays. How many are new comes back. `NotFound` for the model; `Invalid` for an id or a value that
    /// cannot be kept, and then none is.
    async fn record_outcomes(
        &self,
        model: &str,
        test: u64,
        outcomes: Vec<PredictionOutcome>,
        at: Timestamp,
    ) -> Result<u64>;

    /// What the outcomes of the A/B test of this number come to. `NotFound` for the model.
    async fn outcome_totals(&self, model: &str, test: u64) -> Result<TestTotals>;

    /// Keeps what turned out to be true of predictions, by their ids; of one id the latest label counts, also
    /// within `labels`. How they stand to what was known comes back. `NotFound` for the model; `Invalid` for an
    /// id or a label that cannot be kept, and then none is.
    async fn add_labels(
        &self,
        model: &str,
        labels: Vec<Label>,
        at: Timestamp,
    ) -> Result<LabelsAdded>;

    /// The labels that are known of these predictions, by their ids. `NotFound` for the model.
    async fn labels(&self, model: &str, ids: Vec<String>) -> Result<BTreeMap<String, String>>;

    /// Forgets the labels of all models that were last added before this moment; how many comes back.
    async fn forget_labels(&self, before: Timestamp) -> Result<u64>;

    /// The version with the greatest number. `NotFound` for the model, or when it has no version.
    async fn newest_version(&self, model: &str) -> Result<ModelVersion>;

    /// Adds something that happened outside the registry to a model's history. `NotFound`.
    async fn record_event(&self, model: &str, event: NewEvent) -> Result<()>;

    /// The history of a model, the oldest line first. `NotFound`.
    async fn history(&self, model: &str) -> Result<Vec<ModelEvent>>;
}
