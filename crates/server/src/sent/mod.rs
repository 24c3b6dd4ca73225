//! Runs that are sent from a home of their own, and what such a home asks for: `docs/server.md`.
//!
//! These routes are our own; refusals have MLflow's form. Whatever is sent twice counts once.

mod champion;
mod content;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use gristmill_track::{Received, RunId, SentArtifacts, SentModel, SentRun, TrackError};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::access::Caller;
use crate::house::House;
use crate::limits;
use crate::mlflow::{Answer, ErrorCode, Json, Refusal};
use crate::webhook::Told;

/// Who sent a run, where no name is known.
const ANYBODY: &str = "somebody on the server's machine";

/// The routes under `/api/v1`.
pub(crate) fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/api/v1/runs/{id}", post(run))
        .route("/api/v1/runs/{id}/artifacts", post(artifacts))
        .route("/api/v1/runs/{id}/files/{hash}", put(content::file))
        .route("/api/v1/runs/{id}/folders/{hash}", put(content::folder))
        .route("/api/v1/runs/{id}/model", post(model))
        .route("/api/v1/models/{name}/aliases/{alias}/champion", get(champion::champion))
        .route("/api/v1/models/{name}/versions/{version}/package", get(champion::package))
}

async fn run(
    State(house): State<Arc<House>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let (id, sent) = (run_id(&id)?, read::<SentRun>(body).await?);
    let by = if caller.name.is_empty() { ANYBODY } else { &caller.name };
    let received = sent.receive(&*house.store, id, by, house.now()).await?;
    Ok(Json::of(&json!({"run": id, "kept": received == Received::Kept})))
}

async fn artifacts(State(house): State<Arc<House>>, Path(id): Path<String>, body: Body) -> Answer {
    let (id, sent) = (run_id(&id)?, read::<SentArtifacts>(body).await?);
    let missing = sent.receive(&*house.store, &*house.artifacts, id).await?;
    Ok(Json::of(&missing))
}

async fn model(
    State(house): State<Arc<House>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let (id, sent) = (run_id(&id)?, read::<SentModel>(body).await?);
    let run = house.store.run(id).await?;
    let note = caller.note(house.now());
    let received = match sent.receive(&*house.store, &*house.artifacts, &run, note).await {
        // Another run asks for the same alias at this moment.
        Err(error @ TrackError::Lost { .. }) => {
            return Err(Refusal::new(ErrorCode::TemporarilyUnavailable, error.to_string()));
        }
        received => received?,
    };
    if received.new {
        let version = house.store.version(&sent.model, received.version).await?;
        house.webhooks.tell(Told::version_created(&version)).await;
    }
    if let Some(alias) = received.alias.as_ref().filter(|alias| alias.moved) {
        let model = house.store.model(&sent.model).await?;
        house.webhooks.tell(Told::alias(&model, &alias.alias, alias.version)).await;
    }
    Ok(Json::of(&received))
}

fn run_id(text: &str) -> Result<RunId, Refusal> {
    text.parse().map_err(|_| Refusal::invalid(format!("`{text}` is no run id: 32 hex digits")))
}

/// A body as what it must be.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let body = limits::read(body, limits::JSON_BYTES).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Refusal::invalid(format!(
            "what was sent cannot be read: {error}; the sender and the server (version {}) may be \
             of different versions",
            env!("CARGO_PKG_VERSION")
        ))
    })
}
