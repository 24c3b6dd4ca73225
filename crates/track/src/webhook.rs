//! Webhooks: addresses that are told when something happens to a model.

use std::fmt;

use async_trait::async_trait;
use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Page, Result};

words! {
    /// Whether a webhook is told anything.
    WebhookStatus {
        /// It is.
        Active = "active",
        /// It is not, until somebody says otherwise.
        Disabled = "disabled",
    }
}

words! {
    /// What a webhook can be told of, as MLflow spells it: a thing, and what became of it.
    WebhookEvent {
        /// A model was made.
        ModelCreated = "registered_model.created",
        /// A version was registered.
        VersionCreated = "model_version.created",
        /// A tag of a version was set.
        VersionTagSet = "model_version_tag.set",
        /// A tag of a version was taken away.
        VersionTagDeleted = "model_version_tag.deleted",
        /// An alias was set or moved.
        AliasCreated = "model_version_alias.created",
        /// An alias was taken away.
        AliasDeleted = "model_version_alias.deleted",
        /// How requests to a model are divided was laid down anew. MLflow has no such event.
        TrafficSet = "model_traffic.set",
        /// The loop that watches a model took a step. MLflow has no such event.
        MonitorStep = "model_monitor.step",
        /// A prompt was made.
        PromptCreated = "prompt.created",
        /// A version of a prompt was registered.
        PromptVersionCreated = "prompt_version.created",
        /// A tag of a prompt was set.
        PromptTagSet = "prompt_tag.set",
        /// A tag of a prompt was taken away.
        PromptTagDeleted = "prompt_tag.deleted",
        /// A tag of a version of a prompt was set.
        PromptVersionTagSet = "prompt_version_tag.set",
        /// A tag of a version of a prompt was taken away.
        PromptVersionTagDeleted = "prompt_version_tag.deleted",
        /// An alias of a prompt was set or moved.
        PromptAliasCreated = "prompt_alias.created",
        /// An alias of a prompt was taken away.
        PromptAliasDeleted = "prompt_alias.deleted",
        /// A budget was used up.
        BudgetExceeded = "budget_policy.exceeded",
    }
}

impl WebhookEvent {
    /// The thing that it is about, such as `model_version`.
    pub fn entity(self) -> &'static str {
        self.halves().0
    }

    /// What became of the thing, such as `created`.
    pub fn action(self) -> &'static str {
        self.halves().1
    }

    fn halves(self) -> (&'static str, &'static str) {
        self.as_str().split_once('.').unwrap_or((self.as_str(), ""))
    }
}

/// A word that signs, and that is never printed: not by `Debug`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The word itself, for whoever signs with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

/// An address that is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// Its name; others may have the same.
    pub name: String,
    /// Where it is told.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What its messages are signed with.
    pub secret: Option<Secret>,
    /// Whether it is told anything.
    pub status: WebhookStatus,
    /// What it is told of, in the order in which it was asked for.
    pub events: Vec<WebhookEvent>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

/// What changes in a webhook; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookUpdate {
    /// Its name.
    pub name: Option<String>,
    /// Where it is told.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What its messages are signed with; an empty one takes the signature away.
    pub secret: Option<Secret>,
    /// Whether it is told anything.
    pub status: Option<WebhookStatus>,
    /// What it is told of.
    pub events: Option<Vec<WebhookEvent>>,
}

/// One try to tell a webhook of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whether the other side took it.
    pub accepted: bool,
    /// The status that it answered with, if it answered.
    pub status: Option<u16>,
    /// What it answered, or what went wrong.
    pub said: String,
}

/// Something that happened to a model where no server could tell webhooks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// What happened: a model or a version was made, an alias was set or taken away, traffic was
    /// divided anew.
    pub event: WebhookEvent,
    /// The model.
    pub model: String,
    /// The version that was made, or that the alias names.
    pub version: Option<u32>,
    /// The alias.
    pub alias: Option<String>,
    /// The line of the model's history that says it, where that is what is told.
    pub line: Option<u64>,
    /// When.
    pub at: Timestamp,
}

/// Keeps webhooks. Calls are as those of [`Store`](crate::Store).
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Keeps a new webhook. `Exists` when the id is taken; `Invalid` when it is told of nothing.
    async fn create_webhook(&self, new: Webhook) -> Result<()>;

    /// The webhook of this id. `NotFound`.
    async fn webhook(&self, id: &str) -> Result<Webhook>;

    /// All webhooks, the newest first.
    async fn webhooks(&self, page: Page) -> Result<Vec<Webhook>>;

    /// The active webhooks that are told of this event, the newest first.
    async fn webhooks_told_of(&self, event: WebhookEvent) -> Result<Vec<Webhook>>;

    /// Changes a webhook, which comes back. `NotFound`.
    async fn update_webhook(
        &self,
        id: &str,
        update: WebhookUpdate,
        at: Timestamp,
    ) -> Result<Webhook>;

    /// Forgets a webhook. `NotFound`.
    async fn delete_webhook(&self, id: &str) -> Result<()>;

    /// Leaves word of something for whoever tells webhooks; nothing is kept while none is active.
    async fn leave_untold(&self, untold: Untold) -> Result<()>;

    /// The first words that were left, at most `most`, in their order. Of any number of callers at
    /// once one is given each.
    async fn take_untold(&self, most: u32) -> Result<Vec<Untold>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let printed = format!("{:?} {:#?}", Secret::new("sesame"), Some(Secret::new("sesame")));
        assert!(!printed.contains("sesame"), "{printed}");
    }

    #[test]
    fn an_event_is_a_thing_and_what_became_of_it() {
        let event = WebhookEvent::parse("model_version_tag.set").unwrap();
        assert_eq!((event.entity(), event.action()), ("model_version_tag", "set"));
        assert_eq!(WebhookEvent::parse("model_version_tag.created"), None);
    }
}
