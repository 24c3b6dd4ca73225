//! What happened to models elsewhere, on the command line and in runs, on its way to webhooks.
//!
//! Whoever moves a model without a server leaves a word in the store. Each server on it looks there, and
//! each word is taken by one of them.

use std::sync::Arc;
use std::time::Duration;

use gristmill_core::Timestamp;
use gristmill_track::{Store, TrackError, Untold, WebhookEvent};
use tokio::sync::mpsc;

use super::message::Told;

/// How often it is looked for words.
const LOOK: Duration = Duration::from_secs(1);
/// How many are taken at once.
const MOST: u32 = 100;

/// Puts what was left into the queue, until nobody has the other end of it.
pub(super) async fn collect(store: Arc<dyn Store>, queue: mpsc::WeakSender<(Told, Timestamp)>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(queue) = queue.upgrade() else { return };
        // A store that is away is asked again; what was left stays there.
        let Ok(left) = store.take_untold(MOST).await else { continue };
        for untold in left {
            // A model or a version that is gone since has nothing to be told of.
            if let Ok(told) = told(store.as_ref(), &untold).await
                && queue.send((told, untold.at)).await.is_err()
            {
                return;
            }
        }
    }
}

async fn told(store: &dyn Store, untold: &Untold) -> Result<Told, TrackError> {
    let model = store.model(&untold.model).await?;
    let alias = untold.alias.as_deref();
    match (untold.event, untold.version, alias) {
        (WebhookEvent::VersionCreated, Some(number), _) => {
            Ok(Told::version_created(&store.version(&untold.model, number).await?))
        }
        (WebhookEvent::AliasCreated | WebhookEvent::AliasDeleted, number, Some(alias)) => {
            Ok(Told::alias(&model, alias, number))
        }
        (WebhookEvent::TrafficSet, ..) => {
            Ok(Told::traffic(&model.name, &store.traffic(&model.name).await?.plan))
        }
        (WebhookEvent::MonitorStep, ..) => {
            let after = untold.line.unwrap_or_default().saturating_sub(1);
            let lines = store.history_after(&untold.model, after, 1).await?;
            let line = lines.first().ok_or(TrackError::NotFound {
                what: "line of the history",
                name: model.name.clone(),
                known: Vec::new(),
            })?;
            Ok(Told::step(&model.name, line))
        }
        _ => Ok(Told::model_created(&model)),
    }
}
