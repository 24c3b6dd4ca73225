//! Webhooks: who is told when something happens to a model.

use std::sync::Arc;

use axum::extract::{Path, State};
use gristmill_track::{RunId, Secret, Webhook, WebhookEvent, WebhookStatus, WebhookUpdate};
use serde_json::{Value, json};

use super::Answer;
use super::ask::{Ask, Fields, missing, wrong};
use super::error::{ErrorCode, Refusal};
use super::json::{Json, with_next};
use super::page::{page, trimmed};
use super::show::millis;
use crate::house::House;
use crate::webhook::{Told, check_url};

/// How many webhooks one answer holds when nobody says.
const USUAL: i64 = 100;
/// The most webhooks in one answer.
const MOST: i64 = 1_000;
/// The longest secret, in characters: sealed, and of letters of four bytes, it fits its column.
const MAX_SECRET: usize = 1_000;
/// The longest name of a webhook, in characters.
const MAX_NAME: usize = 63;

pub(super) async fn create(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let now = house.now();
    let (name, url) = (fields.required_text("name")?, fields.required_text("url")?);
    let events = events(fields)?.ok_or_else(|| missing("events"))?;
    let id = house.ids.next().ok_or_else(|| {
        Refusal::new(ErrorCode::TemporarilyUnavailable, "no new id can be had now")
    })?;
    let id = RunId::from_bytes(id).to_string();
    let secret = fields.text("secret")?.filter(|word| !word.is_empty());
    let new = Webhook {
        secret: secret.map(|secret| sealed(&house, &id, secret)).transpose()?,
        id,
        name: checked_name(name)?,
        url: checked_url(&house, url)?,
        description: fields.text("description")?.unwrap_or_default().into(),
        status: status(fields)?.unwrap_or(WebhookStatus::Active),
        events,
        created: now,
        updated: now,
    };
    house.store.create_webhook(new.clone()).await?;
    Ok(shown(&new))
}

pub(super) async fn list(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let most = match fields.whole("max_results")? {
        None | Some(0) => USUAL,
        Some(most) if (1..=MOST).contains(&most) => most,
        Some(_) => return Err(Refusal::invalid("max_results must be between 1 and 1000.")),
    };
    let page = page(fields.text("page_token")?, most)?;
    let (found, next) = trimmed(house.store.webhooks(page).await?, page);
    let webhooks: Vec<Value> = found.iter().map(view).collect();
    Ok(Json::of(&with_next("webhooks", webhooks, next)))
}

pub(super) async fn get(State(house): State<Arc<House>>, Path(id): Path<String>) -> Answer {
    Ok(shown(&house.store.webhook(&id).await?))
}

pub(super) async fn update(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    ask: Ask,
) -> Answer {
    let fields = ask.fields();
    let given = |name| Ok::<_, Refusal>(fields.text(name)?.filter(|text| !text.is_empty()));
    let update = WebhookUpdate {
        name: given("name")?.map(checked_name).transpose()?,
        url: given("url")?.map(|url| checked_url(&house, url)).transpose()?,
        description: fields.text("description")?.map(str::to_string),
        secret: fields.text("secret")?.map(|secret| sealed(&house, &id, secret)).transpose()?,
        status: status(fields)?,
        events: events(fields)?,
    };
    Ok(shown(&house.store.update_webhook(&id, update, house.now()).await?))
}

pub(super) async fn delete(State(house): State<Arc<House>>, Path(id): Path<String>) -> Answer {
    house.store.delete_webhook(&id).await?;
    Ok(Json::empty())
}

pub(super) async fn test(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    ask: Ask,
) -> Answer {
    let webhook = house.store.webhook(&id).await?;
    let asked = ask.fields().object("event").map(event).transpose()?;
    let event = asked.or_else(|| webhook.events.first().copied());
    let event = event.ok_or_else(|| missing("event"))?;
    let delivery = house.webhooks.try_out(&webhook, &Told::example(event)).await;
    let result = match delivery.status {
        Some(status) => json!({"success": delivery.accepted, "response_status": status,
            "response_body": delivery.said}),
        None => json!({"success": false,
            "error_message": format!("Failed to test webhook: {}", delivery.said)}),
    };
    Ok(Json::of(&json!({"result": result})))
}

/// A secret as it is kept for the webhook `id`.
fn sealed(house: &House, id: &str, secret: &str) -> Result<Secret, Refusal> {
    if secret.chars().count() > MAX_SECRET {
        let found = format!("a secret has at most {MAX_SECRET} characters");
        return Err(Refusal::invalid(found));
    }
    house
        .seals
        .seal(id, &Secret::new(secret))
        .ok_or_else(|| Refusal::new(ErrorCode::TemporarilyUnavailable, "no chance can be had now"))
}

fn checked_name(name: &str) -> Result<String, Refusal> {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let long = name.chars().count() > MAX_NAME;
    if !plain || long || !is_end(name.chars().next()) || !is_end(name.chars().last()) {
        return Err(Refusal::invalid(format!(
            "Webhook name '{name}' is invalid. It must start and end with a letter or digit, be \
             less than 63 characters long, and contain only letters, digits, dots (.), underscores \
             (_), and hyphens (-)."
        )));
    }
    Ok(name.into())
}

fn checked_url(house: &House, url: &str) -> Result<String, Refusal> {
    check_url(url, house.webhooks.reach()).map_err(Refusal::invalid)?;
    Ok(url.into())
}

fn status(fields: Fields<'_>) -> Result<Option<WebhookStatus>, Refusal> {
    let Some(sent) = fields.object("status") else { return Ok(None) };
    match sent {
        Value::String(text) if text == "ACTIVE" => Ok(Some(WebhookStatus::Active)),
        Value::String(text) if text == "DISABLED" => Ok(Some(WebhookStatus::Disabled)),
        Value::Number(number) if number.as_i64() == Some(1) => Ok(Some(WebhookStatus::Active)),
        Value::Number(number) if number.as_i64() == Some(2) => Ok(Some(WebhookStatus::Disabled)),
        other => Err(wrong("status", other)),
    }
}

/// The events that were sent; nothing when there are none.
fn events(fields: Fields<'_>) -> Result<Option<Vec<WebhookEvent>>, Refusal> {
    let mut events = Vec::new();
    for item in fields.items("events")? {
        let event = event(item)?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    Ok(Some(events).filter(|events| !events.is_empty()))
}

/// An event as it is sent: `{"entity": "MODEL_VERSION", "action": "CREATED"}`.
fn event(item: &Value) -> Result<WebhookEvent, Refusal> {
    let fields = Fields::within(item, "events.")?;
    let entity = fields.required_text("entity")?.to_ascii_lowercase();
    let action = fields.required_text("action")?.to_ascii_lowercase();
    WebhookEvent::parse(&format!("{entity}.{action}")).ok_or_else(|| {
        let message = format!("Invalid action '{action}' for entity '{entity}'.");
        Refusal::invalid(message)
    })
}

/// A webhook as it is shown: all of it but its secret.
fn view(webhook: &Webhook) -> Value {
    let events: Vec<Value> = webhook
        .events
        .iter()
        .map(|event| {
            json!({"entity": event.entity().to_ascii_uppercase(),
                "action": event.action().to_ascii_uppercase()})
        })
        .collect();
    let mut shown = json!({
        "webhook_id": webhook.id,
        "name": webhook.name,
        "url": webhook.url,
        "events": events,
        "status": webhook.status.as_str().to_ascii_uppercase(),
        "creation_timestamp": millis(webhook.created),
        "last_updated_timestamp": millis(webhook.updated),
    });
    if let (false, Some(fields)) = (webhook.description.is_empty(), shown.as_object_mut()) {
        fields.insert("description".into(), webhook.description.clone().into());
    }
    shown
}

fn shown(webhook: &Webhook) -> Json {
    Json::of(&json!({"webhook": view(webhook)}))
}
