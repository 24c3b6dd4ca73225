//! The registry in SQL: which statements answer which call.

use std::collections::BTreeMap;

use async_trait::async_trait;
use gristmill_core::Timestamp;
use serde_json::Value;

use super::{Keeper, history, labels, models, registry_search, rules, stages, traffic, versions};
use crate::{
    AliasRule, Label, LabelsAdded, Model, ModelEvent, ModelQuery, ModelVersion, NewEvent, NewModel,
    NewVersion, Note, Others, Page, PredictionOutcome, Registration, Registry, Result, RunId,
    Stage, TestTotals, Traffic, TrafficPlan, VersionQuery, VersionStatus,
};

#[async_trait]
impl Registry for Keeper {
    async fn ensure_model(&self, name: &str, at: Timestamp) -> Result<Model> {
        self.write((name.to_string(), at), |db, (name, at)| Box::pin(models::ensure(db, name, *at)))
            .await
    }

    async fn create_model(&self, new: NewModel) -> Result<Model> {
        self.write(new, |db, new| Box::pin(models::create(db, new))).await
    }

    async fn model(&self, name: &str) -> Result<Model> {
        self.read(name.to_string(), |db, name| Box::pin(models::model(db, name))).await
    }

    async fn models(&self, page: Page) -> Result<Vec<Model>> {
        self.read(page, |db, page| Box::pin(models::models(db, *page))).await
    }

    async fn search_models(&self, query: &ModelQuery) -> Result<Vec<Model>> {
        self.read(query.clone(), |db, query| Box::pin(registry_search::models(db, query))).await
    }

    async fn rename_model(&self, name: &str, new_name: &str, note: Note) -> Result<Model> {
        self.write((name.to_string(), new_name.to_string(), note), |db, (name, new_name, note)| {
            Box::pin(models::rename(db, name, new_name, note))
        })
        .await
    }

    async fn describe_model(&self, name: &str, description: &str, at: Timestamp) -> Result<()> {
        self.write(
            (name.to_string(), description.to_string(), at),
            |db, (name, description, at)| Box::pin(models::describe(db, name, description, *at)),
        )
        .await
    }

    async fn tag_model(&self, name: &str, key: &str, value: &str, at: Timestamp) -> Result<()> {
        self.write(
            (name.to_string(), key.to_string(), value.to_string(), at),
            |db, (name, key, value, at)| Box::pin(models::tag(db, name, key, value, *at)),
        )
        .await
    }

    async fn untag_model(&self, name: &str, key: &str, at: Timestamp) -> Result<()> {
        self.write((name.to_string(), key.to_string(), at), |db, (name, key, at)| {
            Box::pin(models::untag(db, name, key, *at))
        })
        .await
    }

    async fn delete_model(&self, name: &str) -> Result<()> {
        self.write(name.to_string(), |db, name| Box::pin(models::delete(db, name))).await
    }

    async fn register(&self, new: NewVersion) -> Result<Registration> {
        self.write(new, |db, new| Box::pin(versions::register(db, new))).await
    }

    async fn create_version(&self, new: NewVersion) -> Result<ModelVersion> {
        self.write(new, |db, new| Box::pin(versions::create(db, new))).await
    }

    async fn version(&self, model: &str, version: u32) -> Result<ModelVersion> {
        self.read((model.to_string(), version), |db, (model, version)| {
            Box::pin(versions::version(db, model, *version))
        })
        .await
    }

    async fn versions(&self, model: &str, page: Page) -> Result<Vec<ModelVersion>> {
        self.read((model.to_string(), page), |db, (model, page)| {
            Box::pin(versions::versions(db, model, *page))
        })
        .await
    }

    async fn search_versions(&self, query: &VersionQuery) -> Result<Vec<ModelVersion>> {
        self.read(query.clone(), |db, query| Box::pin(registry_search::versions(db, query))).await
    }

    async fn versions_of_run(&self, id: RunId) -> Result<Vec<ModelVersion>> {
        self.read(id, |db, id| Box::pin(versions::versions_of_run(db, *id))).await
    }

    async fn newest_in_stages(&self, models: &[String]) -> Result<Vec<ModelVersion>> {
        self.read(models.to_vec(), |db, models| Box::pin(stages::newest(db, models))).await
    }

    async fn describe_version(
        &self,
        model: &str,
        version: u32,
        description: &str,
        at: Timestamp,
    ) -> Result<()> {
        self.write(
            (model.to_string(), version, description.to_string(), at),
            |db, (model, version, description, at)| {
                Box::pin(versions::describe(db, model, *version, description, *at))
            },
        )
        .await
    }

    async fn set_version_status(
        &self,
        model: &str,
        version: u32,
        status: VersionStatus,
        message: Option<&str>,
        at: Timestamp,
    ) -> Result<()> {
        let said = (status, message.map(str::to_string), at);
        self.write((model.to_string(), version, said), |db, (model, version, said)| {
            let (status, message, at) = said;
            Box::pin(versions::set_status(db, model, *version, *status, message.as_deref(), *at))
        })
        .await
    }

    async fn tag_version(&self, model: &str, version: u32, key: &str, value: &str) -> Result<()> {
        self.write(
            (model.to_string(), version, key.to_string(), value.to_string()),
            |db, (model, version, key, value)| {
                Box::pin(versions::tag(db, model, *version, key, value))
            },
        )
        .await
    }

    async fn untag_version(&self, model: &str, version: u32, key: &str) -> Result<()> {
        self.write((model.to_string(), version, key.to_string()), |db, (model, version, key)| {
            Box::pin(versions::untag(db, model, *version, key))
        })
        .await
    }

    async fn set_stage(
        &self,
        model: &str,
        version: u32,
        stage: Stage,
        others: Others,
        note: Note,
    ) -> Result<ModelVersion> {
        let entry = stages::Entry { model: model.into(), version, stage, others, note };
        self.write(entry, |db, entry| Box::pin(stages::enter(db, entry))).await
    }

    async fn delete_version(&self, model: &str, version: u32, note: Note) -> Result<()> {
        self.write((model.to_string(), version, note), |db, (model, version, note)| {
            Box::pin(versions::delete(db, model, *version, note))
        })
        .await
    }

    async fn set_alias(
        &self,
        model: &str,
        alias: &str,
        version: u32,
        note: Note,
    ) -> Result<ModelVersion> {
        self.write(
            (model.to_string(), alias.to_string(), version, note),
            |db, (model, alias, version, note)| {
                Box::pin(history::set_alias(db, model, alias, *version, note))
            },
        )
        .await
    }

    async fn remove_alias(&self, model: &str, alias: &str, note: Note) -> Result<()> {
        self.write((model.to_string(), alias.to_string(), note), |db, (model, alias, note)| {
            Box::pin(history::remove_alias(db, model, alias, note))
        })
        .await
    }

    async fn roll_back(&self, model: &str, alias: &str, note: Note) -> Result<ModelVersion> {
        self.write((model.to_string(), alias.to_string(), note), |db, (model, alias, note)| {
            Box::pin(history::roll_back(db, model, alias, note, &Value::Null))
        })
        .await
    }

    async fn aliased(&self, model: &str, alias: &str) -> Result<ModelVersion> {
        self.read((model.to_string(), alias.to_string()), |db, (model, alias)| {
            Box::pin(history::aliased(db, model, alias))
        })
        .await
    }

    async fn alias_at(
        &self,
        model: &str,
        alias: &str,
        at: Timestamp,
    ) -> Result<Option<ModelEvent>> {
        self.read((model.to_string(), alias.to_string(), at), |db, (model, alias, at)| {
            Box::pin(history::alias_at(db, model, alias, *at))
        })
        .await
    }

    async fn set_alias_rule(&self, rule: AliasRule, note: Note) -> Result<()> {
        self.write((rule, note), |db, (rule, note)| Box::pin(rules::set(db, rule, note))).await
    }

    async fn alias_rules(&self, model: &str) -> Result<Vec<AliasRule>> {
        self.read(model.to_string(), |db, model| Box::pin(rules::list(db, model))).await
    }

    async fn set_traffic(&self, model: &str, plan: TrafficPlan, note: Note) -> Result<Traffic> {
        self.write((model.to_string(), plan, note), |db, (model, plan, note)| {
            Box::pin(traffic::set(db, model, plan, note))
        })
        .await
    }

    async fn traffic(&self, model: &str) -> Result<Traffic> {
        self.read(model.to_string(), |db, model| Box::pin(traffic::traffic(db, model))).await
    }

    async fn record_outcomes(
        &self,
        model: &str,
        test: u64,
        outcomes: Vec<PredictionOutcome>,
        at: Timestamp,
    ) -> Result<u64> {
        self.write((model.to_string(), test, outcomes, at), |db, (model, test, outcomes, at)| {
            Box::pin(traffic::record(db, model, *test, outcomes, *at))
        })
        .await
    }

    async fn outcome_totals(&self, model: &str, test: u64) -> Result<TestTotals> {
        self.read((model.to_string(), test), |db, (model, test)| {
            Box::pin(traffic::totals(db, model, *test))
        })
        .await
    }

    async fn add_labels(
        &self,
        model: &str,
        labels: Vec<Label>,
        at: Timestamp,
    ) -> Result<LabelsAdded> {
        self.write((model.to_string(), labels, at), |db, (model, labels, at)| {
            Box::pin(labels::add(db, model, labels, *at))
        })
        .await
    }

    async fn labels(&self, model: &str, ids: Vec<String>) -> Result<BTreeMap<String, String>> {
        self.read((model.to_string(), ids), |db, (model, ids)| Box::pin(labels::of(db, model, ids)))
            .await
    }

    async fn forget_labels(&self, before: Timestamp) -> Result<u64> {
        self.write(before, |db, before| Box::pin(labels::forget(db, *before))).await
    }

    async fn newest_version(&self, model: &str) -> Result<ModelVersion> {
        self.read(model.to_string(), |db, model| Box::pin(versions::newest(db, model))).await
    }

    async fn record_event(&self, model: &str, event: NewEvent) -> Result<()> {
        self.write((model.to_string(), event), |db, (model, event)| {
            Box::pin(history::record(db, model, event))
        })
        .await
    }

    async fn history(&self, model: &str) -> Result<Vec<ModelEvent>> {
        self.read(model.to_string(), |db, model| Box::pin(history::history(db, model))).await
    }
}
