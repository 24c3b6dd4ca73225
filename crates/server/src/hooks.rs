//! Webhooks: what comes in from elsewhere, handed to whoever knows what it means.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use serde_json::{Value, json};

use crate::house::House;
use crate::limits::{self, BodyError};

/// Takes webhooks.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// What becomes of the webhook `name` with this payload, which is `null` when nothing was sent.
    /// Whatever it says was kept must be kept when it comes back.
    async fn receive(&self, name: &str, payload: Value) -> HookAnswer;
}

/// What a webhook is answered: a status and a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct HookAnswer {
    /// The status, such as 202.
    pub status: u16,
    /// The object.
    pub body: Value,
}

impl HookAnswer {
    /// An answer.
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, body }
    }

    /// A refusal in words.
    pub fn refuse(status: u16, message: &str) -> Self {
        Self::new(status, json!({"error": {"message": message}}))
    }
}

impl IntoResponse for HookAnswer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (status, kind, self.body.to_string()).into_response()
    }
}

/// The route of all webhooks: `/api/v1/hooks/{name}`.
pub(crate) fn route() -> MethodRouter<Arc<House>> {
    post(receive).fallback(|| async { HookAnswer::refuse(405, "a webhook takes POST only") })
}

async fn receive(
    State(house): State<Arc<House>>,
    Path(name): Path<String>,
    request: Request,
) -> HookAnswer {
    // Any page that a browser of this machine shows could post here.
    if house.keys.is_open() && request.headers().contains_key(header::ORIGIN) {
        return HookAnswer::refuse(403, "a web page may not call this without a token");
    }
    let Some(hooks) = &house.hooks else {
        return HookAnswer::refuse(404, "no deployed pipeline waits for webhooks here");
    };
    match payload(request).await {
        Ok(payload) => hooks.receive(&name, payload).await,
        Err(refusal) => refusal,
    }
}

async fn payload(request: Request) -> Result<Value, HookAnswer> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_json =
        kind.and_then(|kind| kind.split(';').next()).map(str::trim) == Some("application/json");
    let body = limits::read(request.into_body(), limits::HOOK_BYTES).await.map_err(|error| {
        let status = match error {
            BodyError::TooLong => 413,
            BodyError::TooSlow => 408,
            BodyError::Broken => 400,
        };
        HookAnswer::refuse(status, &error.to_string())
    })?;
    if body.is_empty() {
        return Ok(Value::Null);
    }
    if !is_json {
        let message = "send JSON, with `Content-Type: application/json`";
        return Err(HookAnswer::refuse(415, message));
    }
    serde_json::from_slice(&body)
        .map_err(|error| HookAnswer::refuse(400, &format!("the body is no JSON: {error}")))
}
