//! Findings and loops in SQL: which statements answer which call.

use async_trait::async_trait;
use gristmill_core::Timestamp;

use super::{Keeper, history, labels, monitoring, notices};
use crate::{Finding, LoopStanding, LoopStep, ModelEvent, Monitoring, NewFinding, Result};

#[async_trait]
impl Monitoring for Keeper {
    async fn record_finding(&self, model: &str, finding: NewFinding) -> Result<u64> {
        self.write((model.to_string(), finding), |db, (model, finding)| {
            Box::pin(monitoring::record(db, model, finding))
        })
        .await
    }

    async fn findings_after(&self, model: &str, number: u64, limit: u32) -> Result<Vec<Finding>> {
        self.read((model.to_string(), number, limit), |db, (model, number, limit)| {
            Box::pin(monitoring::after(db, model, *number, *limit))
        })
        .await
    }

    async fn forget_findings(&self, before: Timestamp) -> Result<u64> {
        self.write(before, |db, before| Box::pin(monitoring::forget(db, *before))).await
    }

    async fn labels_since(&self, model: &str, after: Timestamp) -> Result<u64> {
        self.read((model.to_string(), after), |db, (model, after)| {
            Box::pin(labels::since(db, model, *after))
        })
        .await
    }

    async fn loop_standing(&self, model: &str) -> Result<Option<LoopStanding>> {
        self.read(model.to_string(), |db, model| Box::pin(monitoring::standing(db, model))).await
    }

    async fn take_step(&self, model: &str, step: LoopStep) -> Result<bool> {
        self.write((model.to_string(), step), |db, (model, step)| {
            Box::pin(monitoring::step(db, model, step))
        })
        .await
    }

    async fn last_findings(&self, model: &str, limit: u32) -> Result<Vec<Finding>> {
        self.read((model.to_string(), limit), |db, (model, limit)| {
            Box::pin(monitoring::last(db, model, *limit))
        })
        .await
    }

    async fn told_up_to(&self, model: &str, target: &str, since: Timestamp) -> Result<u64> {
        self.read((model.to_string(), target.to_string(), since), |db, (model, target, since)| {
            Box::pin(notices::told_up_to(db, model, target, *since))
        })
        .await
    }

    async fn told(&self, model: &str, target: &str, number: u64) -> Result<()> {
        self.write(
            (model.to_string(), target.to_string(), number),
            |db, (model, target, number)| Box::pin(notices::told(db, model, target, *number)),
        )
        .await
    }

    async fn history_after(&self, model: &str, number: u64, limit: u32) -> Result<Vec<ModelEvent>> {
        self.read((model.to_string(), number, limit), |db, (model, number, limit)| {
            Box::pin(history::after(db, model, *number, *limit))
        })
        .await
    }
}
