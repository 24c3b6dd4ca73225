//! Logged models in SQL: which statements answer which call.

use std::collections::BTreeMap;

use async_trait::async_trait;
use gristmill_core::Timestamp;

use super::{Keeper, logged_model_search, logged_models};
use crate::{
    Lifecycle, LoggedModel, LoggedModelQuery, LoggedModelStatus, LoggedModels, NewLoggedModel,
    Result,
};

#[async_trait]
impl LoggedModels for Keeper {
    async fn create_logged_model(&self, new: NewLoggedModel) -> Result<LoggedModel> {
        self.write(new, |db, new| Box::pin(logged_models::create(db, new))).await
    }

    async fn logged_model(&self, id: &str) -> Result<LoggedModel> {
        self.read(id.to_string(), |db, id| Box::pin(logged_models::model(db, id))).await
    }

    async fn search_logged_models(&self, query: &LoggedModelQuery) -> Result<Vec<LoggedModel>> {
        self.read(query.clone(), |db, query| Box::pin(logged_model_search::search(db, query))).await
    }

    async fn finalize_logged_model(
        &self,
        id: &str,
        status: LoggedModelStatus,
        at: Timestamp,
    ) -> Result<LoggedModel> {
        self.write((id.to_string(), status, at), |db, (id, status, at)| {
            Box::pin(logged_models::finalize(db, id, *status, *at))
        })
        .await
    }

    async fn set_logged_model_lifecycle(
        &self,
        id: &str,
        lifecycle: Lifecycle,
        at: Timestamp,
    ) -> Result<()> {
        self.write((id.to_string(), lifecycle, at), |db, (id, lifecycle, at)| {
            Box::pin(logged_models::set_lifecycle(db, id, *lifecycle, *at))
        })
        .await
    }

    async fn tag_logged_model(&self, id: &str, tags: BTreeMap<String, String>) -> Result<()> {
        self.write((id.to_string(), tags), |db, (id, tags)| {
            Box::pin(logged_models::tag(db, id, tags))
        })
        .await
    }

    async fn untag_logged_model(&self, id: &str, key: &str) -> Result<()> {
        self.write((id.to_string(), key.to_string()), |db, (id, key)| {
            Box::pin(logged_models::untag(db, id, key))
        })
        .await
    }

    async fn log_model_params(&self, id: &str, params: BTreeMap<String, String>) -> Result<()> {
        self.write((id.to_string(), params), |db, (id, params)| {
            Box::pin(logged_models::log_params(db, id, params))
        })
        .await
    }
}
