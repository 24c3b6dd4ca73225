//! The registry's memory over HTTP: who moved an alias and why, what served when, and the ways to
//! promote a version and to go back.
//!
//! These routes are our own, for what MLflow's API has no words for; refusals have the same form.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use gristmill_core::Timestamp;
use gristmill_track::{AliasRule, Approval, AuditQuery, ModelVersion, Note, Outcome, Page};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::cards;
use crate::house::House;
use crate::mlflow::{Answer, Ask, Json, Refusal};
use crate::webhook::Told;

/// How many lines of the record one answer holds when nobody says, and at most.
const USUAL: u32 = 100;
const MOST: u32 = 1_000;

/// The routes under `/api/v1`.
pub(crate) fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/api/v1/models/{name}/history", get(history))
        .route("/api/v1/models/{name}/rules", get(rules))
        .route("/api/v1/models/{name}/versions/{version}/card", get(cards::card))
        .route("/api/v1/models/{name}/aliases/{alias}", get(served).post(promote))
        .route("/api/v1/models/{name}/aliases/{alias}/rollback", post(roll_back))
        .route("/api/v1/models/{name}/aliases/{alias}/rule", put(set_rule))
        .route("/api/v1/audit", get(audit))
}

async fn history(State(house): State<Arc<House>>, Path(name): Path<String>) -> Answer {
    let events = house.store.history(&name).await?;
    Ok(Json::of(&json!({"events": events})))
}

/// The move by which an alias named a version at a moment: now, when none is asked for.
async fn served(
    State(house): State<Arc<House>>,
    Path((name, alias)): Path<(String, String)>,
    ask: Ask,
) -> Answer {
    let at = match ask.fields().text("at")?.filter(|text| !text.is_empty()) {
        Some(text) => moment(text)?,
        None => house.now(),
    };
    let event = house.store.alias_at(&name, &alias, at).await?;
    Ok(Json::of(&json!({"at": at, "move": event})))
}

/// A moment as it is written in RFC 3339, such as `2026-01-31T12:00:00Z`.
fn moment(text: &str) -> Result<Timestamp, Refusal> {
    let moment: jiff::Timestamp = text.parse().map_err(|_| {
        Refusal::invalid(format!(
            "`at` is `{text}`, expected a moment such as 2026-01-31T12:00:00Z"
        ))
    })?;
    Ok(Timestamp(moment.as_microsecond()))
}

async fn promote(
    State(house): State<Arc<House>>,
    caller: Caller,
    Path((name, alias)): Path<(String, String)>,
    ask: Ask,
) -> Answer {
    let number = ask.fields().required_whole("version")?;
    let number = u32::try_from(number).map_err(|_| {
        Refusal::missing(format!("Model Version (name={name}, version={number}) not found"))
    })?;
    let note = note(&house, &caller, &ask)?;
    let version = house.store.set_alias(&name, &alias, number, note).await?;
    moved(&house, &version, &alias).await
}

async fn roll_back(
    State(house): State<Arc<House>>,
    caller: Caller,
    Path((name, alias)): Path<(String, String)>,
    ask: Ask,
) -> Answer {
    let note = note(&house, &caller, &ask)?;
    let version = house.store.roll_back(&name, &alias, note).await?;
    moved(&house, &version, &alias).await
}

/// Webhooks are told of it as of any move.
async fn moved(house: &House, version: &ModelVersion, alias: &str) -> Answer {
    let model = house.store.model(&version.model).await?;
    house.webhooks.tell(Told::alias(&model, alias, Some(version.version))).await;
    Ok(shown(version))
}

/// Who does it, and why: as the body says, or the header.
pub(crate) fn note(house: &House, caller: &Caller, ask: &Ask) -> Result<Note, Refusal> {
    let note = caller.note(house.now());
    Ok(match ask.fields().text("why")? {
        Some(why) => Note { why: why.into(), ..note },
        None => note,
    })
}

fn shown(version: &ModelVersion) -> Json {
    let (model, number) = (&version.model, version.version);
    Json::of(&json!({"model": model, "version": number, "aliases": version.aliases}))
}

async fn rules(State(house): State<Arc<House>>, Path(name): Path<String>) -> Answer {
    Ok(Json::of(&json!({"rules": house.store.alias_rules(&name).await?})))
}

async fn set_rule(
    State(house): State<Arc<House>>,
    caller: Caller,
    Path((model, alias)): Path<(String, String)>,
    ask: Ask,
) -> Answer {
    let sent = ask.fields().items("approvals")?;
    let approvals: Vec<Approval> = sent.iter().map(approval).collect::<Result<_, _>>()?;
    let note = note(&house, &caller, &ask)?;
    house.store.set_alias_rule(AliasRule { model, alias, approvals }, note).await?;
    Ok(Json::empty())
}

fn approval(item: &Value) -> Result<Approval, Refusal> {
    serde_json::from_value(item.clone()).map_err(|_| {
        Refusal::invalid(format!(
            "an approval is `{item}`, expected \"passed_gate\" or {{\"by\": \"a token's name\"}}"
        ))
    })
}

/// The record of what was done, the latest first.
async fn audit(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let outcome = fields.text("outcome")?.map(|text| {
        Outcome::parse(text).ok_or_else(|| {
            let message = "expected `allowed`, `refused` or `failed`";
            Refusal::invalid(format!("`outcome` is `{text}`, {message}"))
        })
    });
    let limit = fields.whole("limit")?.map_or(USUAL, |most| u32::try_from(most).unwrap_or(MOST));
    let offset = fields.whole("offset")?.and_then(|first| u64::try_from(first).ok());
    let query = AuditQuery {
        who: fields.text("who")?.map(str::to_string),
        thing: fields.text("thing")?.map(str::to_string),
        outcome: outcome.transpose()?,
        page: Page { limit: limit.min(MOST), offset: offset.unwrap_or_default() },
    };
    Ok(Json::of(&json!({"lines": house.store.audit(&query).await?})))
}
