//! Retention in SQL: which statements answer which call.

use std::collections::BTreeMap;

use async_trait::async_trait;
use gristmill_core::Timestamp;

use super::{Keeper, away, versions};
use crate::{ContentHash, ExperimentId, PutAway, Result, Retention, RunId};

#[async_trait]
impl Retention for Keeper {
    async fn contents(&self) -> Result<BTreeMap<ContentHash, u64>> {
        self.read((), |db, ()| Box::pin(away::contents(db))).await
    }

    async fn put_away(&self, until: Timestamp, seen: Timestamp) -> Result<PutAway> {
        self.read((until, seen), |db, (until, seen)| Box::pin(away::list(db, *until, *seen))).await
    }

    async fn note_put_away(&self, seen: Timestamp) -> Result<()> {
        self.write(seen, |db, seen| Box::pin(away::note(db, *seen))).await
    }

    async fn forget_run(&self, id: RunId) -> Result<Vec<String>> {
        self.write(id, |db, id| Box::pin(away::forget_run(db, *id))).await
    }

    async fn forget_logged_model(&self, id: &str) -> Result<Vec<String>> {
        self.write(id.to_string(), |db, id| Box::pin(away::forget_logged_model(db, id))).await
    }

    async fn forget_experiment(&self, id: ExperimentId) -> Result<Vec<String>> {
        self.write(id, |db, id| Box::pin(away::forget_experiment(db, *id))).await
    }

    async fn relocate_packages(&self, from: &str, to: &str) -> Result<u64> {
        self.write((from.to_string(), to.to_string()), |db, (from, to)| {
            Box::pin(versions::relocate(db, from, to))
        })
        .await
    }
}
