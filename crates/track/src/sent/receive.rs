//! A run on its way into the store of a server.

use gristmill_core::Timestamp;

use super::{MissingContent, SENT_FORMAT, SentArtifacts, SentRun};
use crate::{
    Artifact, ArtifactStore, Batch, ExperimentId, Metric, NewExperiment, NewRun, Result, Run,
    RunId, RunUpdate, Store, TrackError, tags,
};

/// What became of a run that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It stands in the store as it was sent.
    Kept,
    /// It is a part of another run there, by which it was sent before, and stays as it is.
    OfAnother,
}

impl SentRun {
    /// Puts what was sent into a store, as the run `id`, sent by `by`. Sent once more it changes
    /// nothing but what has changed since.
    ///
    /// # Errors
    /// `Invalid` for a form that this version does not know, and where a run of this id was not
    /// sent but began here; `Deleted` where the run or its experiment was put away; `ParamChanged`.
    pub async fn receive(
        &self,
        store: &dyn Store,
        id: RunId,
        by: &str,
        now: Timestamp,
    ) -> Result<Received> {
        require_format(self.format)?;
        let experiment = self.experiment(store, now).await?;
        let known = match find(store, id).await? {
            Some(known) => known,
            None => match store.create_run(self.begun(id, experiment, by)).await {
                Ok(run) => run,
                // It was sent twice at once.
                Err(TrackError::Exists { .. }) => store.run(id).await?,
                Err(error) => return Err(error),
            },
        };
        require_sent(&known)?;
        if known.info.parent != self.parent {
            return Ok(Received::OfAnother);
        }
        let update = RunUpdate {
            status: Some(self.status),
            ended: self.ended,
            name: Some(self.name.clone()),
            error: self.error.clone(),
            batch: self.batch(by),
        };
        store.update_run(id, update).await?;
        if !self.datasets.is_empty() {
            store.log_inputs(id, self.datasets.clone(), Vec::new()).await?;
        }
        if !self.tasks.is_empty() {
            store.record_tasks(id, self.tasks.clone()).await?;
        }
        Ok(Received::Kept)
    }

    async fn experiment(&self, store: &dyn Store, now: Timestamp) -> Result<ExperimentId> {
        if let Some(known) = store.experiment_named(&self.experiment_name).await? {
            return Ok(known.id);
        }
        let name = self.experiment_name.clone();
        let new = NewExperiment { name, created: now, ..NewExperiment::default() };
        match store.create_experiment(new).await {
            Ok(made) => Ok(made.id),
            Err(error @ TrackError::Exists { .. }) => {
                let known = store.experiment_named(&self.experiment_name).await?;
                known.map(|known| known.id).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The run at its beginning; what it logged is not there yet.
    fn begun(&self, id: RunId, experiment: ExperimentId, by: &str) -> NewRun {
        NewRun {
            experiment,
            kind: self.kind.clone(),
            pipeline: self.pipeline.clone(),
            source: self.source.clone(),
            parent: self.parent,
            user: self.user.clone(),
            batch: Batch::default().tag(tags::SENT_BY, by),
            ..NewRun::new(id, &self.name, self.started)
        }
    }

    fn batch(&self, by: &str) -> Batch {
        let batch = Batch {
            metrics: self.metrics.iter().cloned().map(Metric::from).collect(),
            params: self.params.clone(),
            tags: self.tags.clone(),
            ..Batch::default()
        };
        batch.tag(tags::SENT_BY, by)
    }
}

impl SentArtifacts {
    /// Makes these the artifacts of the run `id`, when all their content is there; says what of it
    /// is not, and does nothing then.
    ///
    /// # Errors
    /// As [`SentRun::receive`]; `NotFound` for a run that was not sent before.
    pub async fn receive(
        &self,
        store: &dyn Store,
        content: &dyn ArtifactStore,
        id: RunId,
    ) -> Result<MissingContent> {
        require_format(self.format)?;
        require_sent(&store.run(id).await?)?;
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for Artifact { path, content: named } in &self.artifacts {
            match content.find(named.hash).await? {
                // What it is, the store knows better than whoever sends it.
                Some(content) => there.push(Artifact { path: path.clone(), content }),
                None => missing.push(named.hash),
            }
        }
        if missing.is_empty() {
            store.record_artifacts(id, there).await?;
        }
        Ok(MissingContent { missing })
    }
}

pub(super) fn require_format(format: u32) -> Result<()> {
    match format {
        SENT_FORMAT => Ok(()),
        other => Err(TrackError::invalid(
            "the form of what was sent",
            other.to_string(),
            format!("{SENT_FORMAT}; the sender and the server are of different versions"),
        )),
    }
}

/// Refuses a run that began in this store: nobody elsewhere knows better what became of it.
pub(super) fn require_sent(run: &Run) -> Result<()> {
    match run.tags.contains_key(tags::SENT_BY) {
        true => Ok(()),
        false => {
            let what = format!("run `{}`", run.info.id);
            let found = "one that began on the server itself";
            Err(TrackError::invalid(what, found, "a run of another home"))
        }
    }
}

async fn find(store: &dyn Store, id: RunId) -> Result<Option<Run>> {
    match store.run(id).await {
        Ok(run) => Ok(Some(run)),
        Err(TrackError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
