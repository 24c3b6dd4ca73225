//! Webhooks in SQL: which statements answer which call.

use async_trait::async_trait;
use gristmill_core::Timestamp;

use super::{Keeper, webhooks};
use crate::{Page, Result, Webhook, WebhookEvent, WebhookUpdate, Webhooks};

#[async_trait]
impl Webhooks for Keeper {
    async fn create_webhook(&self, new: Webhook) -> Result<()> {
        self.write(new, |db, new| Box::pin(webhooks::create(db, new))).await
    }

    async fn webhook(&self, id: &str) -> Result<Webhook> {
        self.read(id.to_string(), |db, id| Box::pin(webhooks::webhook(db, id))).await
    }

    async fn webhooks(&self, page: Page) -> Result<Vec<Webhook>> {
        self.read(page, |db, page| Box::pin(webhooks::list(db, *page))).await
    }

    async fn webhooks_told_of(&self, event: WebhookEvent) -> Result<Vec<Webhook>> {
        self.read(event, |db, event| Box::pin(webhooks::told_of(db, *event))).await
    }

    async fn update_webhook(
        &self,
        id: &str,
        update: WebhookUpdate,
        at: Timestamp,
    ) -> Result<Webhook> {
        self.write((id.to_string(), update, at), |db, (id, update, at)| {
            Box::pin(webhooks::update(db, id, update, *at))
        })
        .await
    }

    async fn delete_webhook(&self, id: &str) -> Result<()> {
        self.write(id.to_string(), |db, id| Box::pin(webhooks::delete(db, id))).await
    }
}
