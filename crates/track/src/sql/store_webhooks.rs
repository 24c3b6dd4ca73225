//! Webhooks in SQL: which statements answer which call.

use async_trait::async_trait;
use gristmill_core::Timestamp;

use super::{Keeper, untold, webhooks};
use crate::{Page, Result, Untold, Webhook, WebhookEvent, WebhookUpdate, Webhooks};

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

    async fn leave_untold(&self, untold: Untold) -> Result<()> {
        self.write(untold, |db, untold| Box::pin(untold::leave(db, untold))).await
    }

    async fn take_untold(&self, most: u32) -> Result<Vec<Untold>> {
        // Nearly always there is nothing, and to look costs less than to write.
        if !self.read((), |db, ()| Box::pin(untold::is_any(db))).await? {
            return Ok(Vec::new());
        }
        self.write(most, |db, most| Box::pin(untold::take(db, *most))).await
    }
}
