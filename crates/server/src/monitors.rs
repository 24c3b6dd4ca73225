//! Where the loops that watch models stand, over HTTP: looked at, and told that a version is declined.
//!
//! What a loop is, this crate does not know; whoever does is asked.

mod openapi;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use gristmill_track::Note;
use serde_json::{Value, json};

use crate::access::Caller;
use crate::house::House;
use crate::memory::note;
use crate::mlflow::{Answer, Ask, ErrorCode, Json, Refusal};

/// How many findings one answer holds when nobody says, and at most.
const USUAL: u32 = 20;
const MOST: u32 = 1_000;

/// Knows where the loops that watch models stand. All of it is called where it may take its time.
pub trait Monitors: Send + Sync {
    /// Where the loop of a model that is there stands, as a JSON object, with at most so many findings: the first
    /// after a number, or the last ones.
    ///
    /// # Errors
    /// When that cannot be said.
    fn standing(&self, model: &str, after: Option<u64>, limit: u32) -> Result<Value, MonitorError>;

    /// Declines a version whose approval is waited for.
    ///
    /// # Errors
    /// When nobody waits for a word on it.
    fn decline(&self, model: &str, version: u32, note: Note) -> Result<(), MonitorError>;

    /// All loops as Prometheus reads them.
    fn metrics(&self) -> String;
}

/// Why something of a loop has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonitorError {
    /// What was asked for makes no sense as things stand.
    Wrong(String),
    /// It failed here.
    Failed(String),
}

impl From<MonitorError> for Refusal {
    fn from(error: MonitorError) -> Self {
        match error {
            MonitorError::Wrong(said) => Self::invalid(said),
            MonitorError::Failed(said) => Self::new(ErrorCode::InternalError, said),
        }
    }
}

/// The routes under `/api/v1`.
pub(crate) fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/api/v1/models/{name}/monitor", get(standing))
        .route("/api/v1/models/{name}/decline", post(decline))
}

async fn standing(State(house): State<Arc<House>>, Path(name): Path<String>, ask: Ask) -> Answer {
    house.store.model(&name).await?;
    let fields = ask.fields();
    let number = |text: Option<i64>| text.map(|number| u64::try_from(number).unwrap_or_default());
    let after = number(fields.whole("after")?);
    let limit = number(fields.whole("limit")?);
    let limit = limit.map_or(USUAL, |limit| u32::try_from(limit).unwrap_or(MOST).min(MOST));
    let found = asked(&house, move |monitors| monitors.standing(&name, after, limit)).await?;
    Ok(Json::of(&found))
}

async fn decline(
    State(house): State<Arc<House>>,
    caller: Caller,
    Path(name): Path<String>,
    ask: Ask,
) -> Answer {
    let number = ask.fields().required_whole("version")?;
    let version = u32::try_from(number).map_err(|_| {
        Refusal::missing(format!("Model Version (name={name}, version={number}) not found"))
    })?;
    house.store.version(&name, version).await?;
    let note = note(&house, &caller, &ask)?;
    let model = name.clone();
    asked(&house, move |monitors| monitors.decline(&name, version, note)).await?;
    Ok(Json::of(&json!({"model": model, "version": version, "declined": true})))
}

/// What whoever knows loops answers.
async fn asked<T: Send + 'static>(
    house: &House,
    ask: impl FnOnce(&dyn Monitors) -> Result<T, MonitorError> + Send + 'static,
) -> Result<T, Refusal> {
    let Some(monitors) = house.monitors.clone() else {
        let message = "no models are watched here";
        return Err(Refusal::new(ErrorCode::NotImplemented, message));
    };
    let answered = tokio::task::spawn_blocking(move || ask(&*monitors)).await;
    let answered =
        answered.map_err(|error| Refusal::new(ErrorCode::InternalError, error.to_string()))?;
    Ok(answered?)
}

/// Adds what is answered about loops to the OpenAPI document of the models, where anybody knows them.
pub(crate) fn describe(house: &House, document: &mut Value) {
    if house.monitors.is_some() {
        openapi::add(document);
    }
}

/// All loops as Prometheus reads them; nothing where nobody knows any.
pub(crate) async fn metrics(house: &House) -> String {
    let Some(monitors) = house.monitors.clone() else { return String::new() };
    tokio::task::spawn_blocking(move || monitors.metrics()).await.unwrap_or_default()
}
