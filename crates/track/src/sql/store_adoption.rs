//! Taking over in SQL: which statements answer which call.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Keeper, adoption};
use crate::{
    AdoptedModel, Adoption, Artifact, Experiment, Lifecycle, LoggedModel, Result, Run, RunId,
};

#[async_trait]
impl Adoption for Keeper {
    async fn adopt_experiment(&self, experiment: Experiment) -> Result<Experiment> {
        self.write(experiment, |db, given| Box::pin(adoption::experiment(db, given))).await
    }

    async fn adopt_run(&self, run: Run) -> Result<()> {
        self.write(run, |db, given| Box::pin(adoption::run(db, given))).await
    }

    async fn settle_run(&self, id: RunId, lifecycle: Lifecycle) -> Result<()> {
        self.write((id, lifecycle), |db, (id, lifecycle)| {
            Box::pin(adoption::settle(db, *id, *lifecycle))
        })
        .await
    }

    async fn adopt_artifacts(&self, id: RunId, artifacts: Vec<Artifact>) -> Result<()> {
        self.write((id, artifacts), |db, (id, artifacts)| {
            Box::pin(adoption::artifacts(db, *id, artifacts))
        })
        .await
    }

    async fn metric_counts(&self, id: RunId) -> Result<BTreeMap<String, u64>> {
        self.read(id, |db, id| Box::pin(adoption::metric_counts(db, *id))).await
    }

    async fn join_runs(&self, pairs: Vec<(RunId, RunId)>) -> Result<()> {
        self.write(pairs, |db, pairs| Box::pin(adoption::join(db, pairs))).await
    }

    async fn adopt_logged_model(&self, model: LoggedModel) -> Result<()> {
        self.write(model, |db, given| Box::pin(adoption::logged_model(db, given))).await
    }

    async fn adopt_model(&self, model: AdoptedModel) -> Result<()> {
        self.write(model, |db, given| Box::pin(adoption::model(db, given))).await
    }
}
