//! What every store must do for webhooks.

use gristmill_track::*;

use super::at;

pub async fn all(store: &dyn Store) {
    let first = webhook("w1", 1, vec![WebhookEvent::VersionCreated, WebhookEvent::ModelCreated]);
    let second = webhook("w2", 2, vec![WebhookEvent::VersionCreated]);
    store.create_webhook(first.clone()).await.unwrap();
    store.create_webhook(second.clone()).await.unwrap();
    let refused = store.create_webhook(first.clone()).await;
    assert!(matches!(refused, Err(TrackError::Exists { .. })), "{refused:?}");
    let mute = webhook("w3", 3, Vec::new());
    assert!(matches!(store.create_webhook(mute).await, Err(TrackError::Invalid { .. })));
    assert!(store.webhook("w3").await.is_err(), "nothing is left of it");

    assert_eq!(store.webhook("w1").await.unwrap(), first);
    assert_eq!(store.webhooks(Page::default()).await.unwrap(), [second.clone(), first.clone()]);
    let page = Page { limit: 1, offset: 1 };
    assert_eq!(store.webhooks(page).await.unwrap(), std::slice::from_ref(&first));
    let told = store.webhooks_told_of(WebhookEvent::ModelCreated).await.unwrap();
    assert_eq!(told, std::slice::from_ref(&first));
    a_webhook_changes_in_parts(store, first).await;
    what_was_left_is_taken_once(store).await;
    store.delete_webhook("w1").await.unwrap();
    assert!(matches!(store.delete_webhook("w1").await, Err(TrackError::NotFound { .. })));
    let told = store.webhooks_told_of(WebhookEvent::VersionCreated).await.unwrap();
    assert_eq!(told, [second]);
    store.delete_webhook("w2").await.unwrap();
    let event = WebhookEvent::ModelCreated;
    let untold =
        Untold { event, model: "churn".into(), version: None, alias: None, line: None, at: at(5) };
    store.leave_untold(untold).await.unwrap();
    assert_eq!(store.take_untold(2).await.unwrap(), [], "nobody listens");
}

async fn what_was_left_is_taken_once(store: &dyn Store) {
    assert_eq!(store.take_untold(10).await.unwrap(), []);
    let untold = |version: Option<u32>, alias: Option<&str>| Untold {
        event: if alias.is_some() {
            WebhookEvent::AliasCreated
        } else {
            WebhookEvent::VersionCreated
        },
        model: "churn".into(),
        version,
        alias: alias.map(String::from),
        line: version.map(u64::from),
        at: at(5),
    };
    let left = [untold(Some(1), None), untold(Some(1), Some("champion")), untold(Some(2), None)];
    for untold in left.clone() {
        store.leave_untold(untold).await.unwrap();
    }
    assert_eq!(store.take_untold(2).await.unwrap(), left[..2]);
    assert_eq!(store.take_untold(2).await.unwrap(), left[2..]);
    assert_eq!(store.take_untold(2).await.unwrap(), []);
}

fn webhook(id: &str, seconds: i64, events: Vec<WebhookEvent>) -> Webhook {
    Webhook {
        id: id.into(),
        name: "build".into(),
        url: "https://example.com/hook".into(),
        description: "größe".into(),
        secret: Some(Secret::new("sesame")),
        status: WebhookStatus::Active,
        events,
        created: at(seconds),
        updated: at(seconds),
    }
}

async fn a_webhook_changes_in_parts(store: &dyn Store, first: Webhook) {
    let update = async |update| store.update_webhook("w1", update, at(5)).await.unwrap();
    assert_eq!(update(WebhookUpdate::default()).await, Webhook { updated: at(5), ..first.clone() });
    let disabled = update(WebhookUpdate {
        status: Some(WebhookStatus::Disabled),
        events: Some(vec![WebhookEvent::AliasCreated]),
        secret: Some(Secret::new("")),
        ..WebhookUpdate::default()
    })
    .await;
    assert_eq!((disabled.secret.clone(), disabled.name.as_str()), (None, "build"));
    assert_eq!(store.webhook("w1").await.unwrap(), disabled);
    assert_eq!(store.webhooks_told_of(WebhookEvent::AliasCreated).await.unwrap(), []);
    let nobody = store.update_webhook("nobody", WebhookUpdate::default(), at(6)).await;
    assert!(matches!(nobody, Err(TrackError::NotFound { .. })), "{nobody:?}");
    let mute = WebhookUpdate { events: Some(Vec::new()), ..WebhookUpdate::default() };
    assert!(store.update_webhook("w1", mute, at(6)).await.is_err());
    assert_eq!(store.webhook("w1").await.unwrap(), disabled);
}
