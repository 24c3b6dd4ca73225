//! Taking over what another store kept, as it was there: ids, numbers and moments are given, not chosen.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::check::{self, MAX_PARAM_CHARS};
use crate::{
    Artifact, Experiment, Lifecycle, LoggedModel, Metric, Model, ModelVersion, Note, Result, Run,
    RunId, TrackError,
};

/// The kind of a run that is being taken over; once all of it is there it has none.
pub const BEING_ADOPTED: &str = "import";

/// A registered model with all its versions, as another store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct AdoptedModel {
    /// The model; its aliases name versions that are there.
    pub model: Model,
    /// Its versions by number.
    pub versions: Vec<ModelVersion>,
    /// The greatest number that was ever given, also to a version that was deleted since.
    pub last_version: u32,
    /// Who takes it over, when and from where, for the history.
    pub note: Note,
}

/// Takes over what another store kept. Calls are as those of [`Store`](crate::Store).
#[async_trait]
pub trait Adoption: Send + Sync {
    /// Stores an experiment as it is, and gives back what it became: under its own number when
    /// nobody has that, else under the next free one. The experiment `Default` takes the place of
    /// ours as long as nobody has touched it. `Exists` when the name is taken.
    async fn adopt_experiment(&self, experiment: Experiment) -> Result<Experiment>;

    /// Stores a run with its params, tags, datasets and links to models, but without its metrics, its
    /// parent and its lifecycle: it is active and of the kind [`BEING_ADOPTED`] until it is settled.
    /// `Exists` when the id is taken; `NotFound` for its experiment.
    async fn adopt_run(&self, run: Run) -> Result<()>;

    /// Says that all of an adopted run is there: it loses its kind and enters its lifecycle.
    /// `NotFound`; nothing happens to a run that is not being adopted.
    async fn settle_run(&self, id: RunId, lifecycle: Lifecycle) -> Result<()>;

    /// Records where content of the artifact store stands among a run's artifacts, also of a run that
    /// was put away. `NotFound`.
    async fn adopt_artifacts(&self, id: RunId, artifacts: Vec<Artifact>) -> Result<()>;

    /// How many values each metric of a run has. `NotFound`.
    async fn metric_counts(&self, id: RunId) -> Result<BTreeMap<String, u64>>;

    /// Makes runs (the first of each pair) parts of others, where both are there, the first is no
    /// part of anything yet and the other began before it: so nothing becomes a part of itself.
    async fn join_runs(&self, pairs: Vec<(RunId, RunId)>) -> Result<()>;

    /// Stores a logged model as it is, with all that was measured on it. `Exists` when the id is
    /// taken; `NotFound` for its experiment or for a run that measured.
    async fn adopt_logged_model(&self, model: LoggedModel) -> Result<()>;

    /// Stores a registered model whole: tags, versions, aliases, and their history. `Exists` when
    /// the name is taken.
    async fn adopt_model(&self, model: AdoptedModel) -> Result<()>;
}

impl Experiment {
    /// The experiment without the tags that cannot be stored, and why each of them cannot.
    pub fn storable(mut self) -> (Self, Vec<TrackError>) {
        let mut refused = Vec::new();
        keep(&mut self.tags, &mut refused, check::experiment_tag);
        (self, refused)
    }
}

impl Run {
    /// The run without the params, tags and datasets that cannot be stored, and why each of them
    /// cannot. A name that cannot be stored gives way to the beginning of the id.
    pub fn storable(mut self) -> (Self, Vec<TrackError>) {
        let mut refused = Vec::new();
        keep(&mut self.params, &mut refused, |key, value| {
            check::key("a param's key", key)?;
            check::value("param", key, value, MAX_PARAM_CHARS)
        });
        keep(&mut self.tags, &mut refused, check::tag);
        self.datasets.retain(|input| {
            let outcome = check::dataset(input);
            let keeps = outcome.is_ok();
            refused.extend(outcome.err());
            keeps
        });
        self.models.retain(|link| {
            let outcome = check::key("a logged model's id", &link.model);
            let keeps = outcome.is_ok();
            refused.extend(outcome.err());
            keeps
        });
        if let Err(error) = check::name("a run's name", &self.info.name) {
            if !self.info.name.is_empty() {
                refused.push(error);
            }
            self.info.name = self.info.id.to_string().chars().take(8).collect();
        }
        (self, refused)
    }
}

impl Metric {
    /// Whether it can be stored.
    ///
    /// # Errors
    /// `Invalid` for its key.
    pub fn storable(&self) -> Result<()> {
        check::key("a metric's key", &self.key)
    }
}

impl LoggedModel {
    /// The model without the tags, params and metrics that cannot be stored, and why each of them
    /// cannot.
    pub fn storable(mut self) -> (Self, Vec<TrackError>) {
        let mut refused = Vec::new();
        keep(&mut self.tags, &mut refused, check::model_tag);
        keep(&mut self.params, &mut refused, |key, value| {
            check::key("a param's key", key)?;
            check::value("param", key, value, MAX_PARAM_CHARS)
        });
        self.metrics.retain(|measured| {
            let outcome = measured.metric.storable();
            let keeps = outcome.is_ok();
            refused.extend(outcome.err());
            keeps
        });
        (self, refused)
    }
}

impl AdoptedModel {
    /// The model without the tags and aliases that cannot be stored, and why each of them cannot.
    pub fn storable(mut self) -> (Self, Vec<TrackError>) {
        let mut refused = Vec::new();
        keep(&mut self.model.tags, &mut refused, check::model_tag);
        for version in &mut self.versions {
            keep(&mut version.tags, &mut refused, check::model_tag);
        }
        let numbers: Vec<u32> = self.versions.iter().map(|version| version.version).collect();
        self.model.aliases.retain(|alias, number| {
            let outcome = check::alias(alias).and_then(|()| match numbers.contains(number) {
                true => Ok(()),
                false => Err(TrackError::not_found("version", number)),
            });
            let keeps = outcome.is_ok();
            refused.extend(outcome.err());
            keeps
        });
        let aliases = &self.model.aliases;
        for version in &mut self.versions {
            let own = aliases.iter().filter(|(_, number)| **number == version.version);
            version.aliases = own.map(|(alias, _)| alias.clone()).collect();
        }
        (self, refused)
    }
}

/// Keeps the pairs that pass, and says why each of the others does not.
fn keep(
    pairs: &mut BTreeMap<String, String>,
    refused: &mut Vec<TrackError>,
    test: impl Fn(&str, &str) -> Result<()>,
) {
    pairs.retain(|key, value| {
        let outcome = test(key, value);
        let keeps = outcome.is_ok();
        refused.extend(outcome.err());
        keeps
    });
}
