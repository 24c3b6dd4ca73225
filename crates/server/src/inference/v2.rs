//! The routes of the Open Inference Protocol.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gristmill_serve::v2::{self, Metadata, Written};
use gristmill_serve::{Answers, Question, Refusal, Served};
use serde_json::json;

use super::protocol::Protocol;
use super::{Failure, choose, find, json as as_json, said};
use crate::house::House;
use crate::ticket::Ticket;

/// How many bytes of a body are JSON, where others stand behind them.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// The version of a model that a path names, if it names one.
type Named = Path<HashMap<String, String>>;

pub(super) async fn server() -> Response {
    said(
        StatusCode::OK,
        &json!({
            "name": "gristmill", "version": env!("CARGO_PKG_VERSION"), "extensions": ["binary_tensor_data"],
        }),
    )
}

pub(super) async fn live() -> Response {
    said(StatusCode::OK, &json!({"live": true}))
}

/// Ready once there is something to ask.
pub(super) async fn ready(State(house): State<Arc<House>>) -> Response {
    let ready = house.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    said(status, &json!({"ready": ready}))
}

pub(super) async fn metadata(State(house): State<Arc<House>>, Path(named): Named) -> Response {
    let (name, version) = parts(&named);
    let served = match find(&house, name, version).await {
        Ok(served) => served,
        Err(failure) => return refused(&failure),
    };
    let listed = house.fleet.list().into_iter().find(|(listed, _)| listed.name() == name);
    let versions =
        listed.map_or_else(|| vec![served.version().to_owned()], |(_, versions)| versions);
    match serde_json::to_vec(&Metadata::of(&served, versions)) {
        Ok(body) => as_json(body),
        Err(error) => refused(&Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

pub(super) async fn is_ready(State(house): State<Arc<House>>, Path(named): Named) -> Response {
    let (name, version) = parts(&named);
    match find(&house, name, version).await {
        Ok(served) => said(StatusCode::OK, &json!({"name": served.name(), "ready": true})),
        Err(failure) => refused(&failure),
    }
}

pub(super) async fn infer(
    State(house): State<Arc<House>>,
    Path(named): Named,
    request: Request,
) -> Response {
    let (name, version) = parts(&named);
    match inferred(&house, name, version, request).await {
        Ok(Written { body, json: None }) => as_json(body),
        Ok(Written { body, json: Some(length) }) => {
            let binary = HeaderValue::from_static("application/octet-stream");
            let headers = [
                (axum::http::header::CONTENT_TYPE, binary),
                (JSON_LENGTH, HeaderValue::from(length)),
            ];
            (headers, body).into_response()
        }
        Err(failure) => refused(&failure),
    }
}

async fn inferred(
    house: &House,
    name: &str,
    version: Option<&str>,
    request: Request,
) -> Result<Written, Failure> {
    let ticket = Ticket::of(&request);
    let chosen = choose(house, &ticket, name, version).await?;
    let inference = Inference { length: json_length(request.headers())? };
    house.desk.answer(&ticket, chosen, request.into_body(), inference).await
}

/// A question in the words of the Open Inference Protocol, of whose body so many bytes are JSON where
/// others stand behind them.
struct Inference {
    length: Option<usize>,
}

impl Protocol for Inference {
    type More = v2::Asked;
    type Answer = Written;

    fn read(&self, served: &Served, body: &[u8]) -> Result<(Question, v2::Asked), Refusal> {
        v2::read(served, body, self.length)
    }

    fn is_plain(&self, asked: &v2::Asked) -> bool {
        !asked.explains()
    }

    fn answer(
        &self,
        served: &Served,
        rows: Question,
        asked: &v2::Asked,
    ) -> Result<Answers, Refusal> {
        asked.answers(served, rows)
    }

    fn write(
        &self,
        served: &Served,
        answers: &Answers,
        asked: v2::Asked,
    ) -> Result<Written, Refusal> {
        v2::write(served, answers, &asked)
    }
}

fn json_length(headers: &HeaderMap) -> Result<Option<usize>, Failure> {
    let Some(given) = headers.get(JSON_LENGTH) else { return Ok(None) };
    let length = given.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| {
        let message = format!("the header `{JSON_LENGTH}` is {given:?}; it counts bytes");
        Failure::new(StatusCode::BAD_REQUEST, message)
    })
}

fn parts(named: &HashMap<String, String>) -> (&str, Option<&str>) {
    (named.get("name").map_or("", String::as_str), named.get("version").map(String::as_str))
}

fn refused(failure: &Failure) -> Response {
    said(failure.status, &json!({"error": failure.message}))
}
