//! The routes of MLflow's scoring protocol.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use gristmill_serve::{Recall, Refusal, Served, mlflow};
use serde_json::json;

use super::{Failure, find, json as as_json, open_to, recall, said};
use crate::access::Caller;
use crate::house::House;
use crate::limits;

/// Whether a model is there to ask, in MLflow's way: an empty line.
pub(super) async fn ping(State(house): State<Arc<House>>) -> (StatusCode, &'static str) {
    match house.fleet.is_ready() {
        true => (StatusCode::OK, "\n"),
        false => (StatusCode::NOT_FOUND, "\n"),
    }
}

/// The only model that is served.
pub(super) async fn only(State(house): State<Arc<House>>, request: Request) -> Response {
    let served = house.fleet.only().ok_or_else(|| {
        let names: Vec<String> =
            house.fleet.list().iter().map(|(served, _)| served.name().to_owned()).collect();
        let message = match names.is_empty() {
            true => "no model is served here".to_owned(),
            false => {
                format!("name the model: /models/NAME/invocations; here are {}", names.join(", "))
            }
        };
        Failure::new(StatusCode::NOT_FOUND, message)
    });
    let caller = request.extensions().get::<Caller>();
    let served = served.and_then(|served| open_to(caller, &served).map(|()| served));
    respond(&house, served, request).await
}

pub(super) async fn named(
    State(house): State<Arc<House>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let served = find(&house, &name, None).await;
    respond(&house, served, request).await
}

async fn respond(
    house: &House,
    served: Result<Arc<Served>, Failure>,
    request: Request,
) -> Response {
    match invoked(house, served, request).await {
        Ok(body) => as_json(body),
        Err(failure) => refused(&failure),
    }
}

async fn invoked(
    house: &House,
    served: Result<Arc<Served>, Failure>,
    request: Request,
) -> Result<Vec<u8>, Failure> {
    let served = served?;
    let (kind, recall) = (content(&request)?, recall(&request)?);
    let read: Reader = match kind {
        Content::Json => mlflow::read,
        Content::Csv => mlflow::read_csv,
        Content::Parquet => return unpacked(house, served, request, recall).await,
    };
    house
        .desk
        .answer(served, request.into_body(), &*house.clock, move |served, body| {
            mlflow::respond(served, read(served, body, recall)?)
        })
        .await
}

type Reader = fn(&Served, &[u8], Recall) -> Result<mlflow::Asked, Refusal>;

/// Answers rows of Parquet. However short it is, a thread of its own unpacks it.
async fn unpacked(
    house: &House,
    served: Arc<Served>,
    request: Request,
    recall: Recall,
) -> Result<Vec<u8>, Failure> {
    let Some(parquet) = house.fleet.parquet() else {
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "no Parquet is read here"));
    };
    let body = limits::read(request.into_body(), limits::ROWS_BYTES).await?;
    house
        .desk
        .answer_read(served, limits::ROWS_BYTES, &*house.clock, move |served| {
            mlflow::respond(served, mlflow::read_rows(served, &body, &*parquet, recall)?)
        })
        .await
}

/// What a body is written in.
enum Content {
    Json,
    Csv,
    Parquet,
}

/// What the body says that it is written in.
fn content(request: &Request) -> Result<Content, Failure> {
    let given = request.headers().get(header::CONTENT_TYPE);
    let text = given.and_then(|given| given.to_str().ok()).unwrap_or_default();
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Content::Json),
        "text/csv" => Ok(Content::Csv),
        "application/vnd.apache.parquet" | "application/x-parquet" => Ok(Content::Parquet),
        _ => Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!(
                "This predictor only supports the following content types: Types: ['text/csv', \
                 'application/json', 'application/vnd.apache.parquet']. Got '{text}'."
            ),
        )),
    }
}

/// As MLflow's scoring server words a failure.
fn refused(failure: &Failure) -> Response {
    let code = match failure.status {
        StatusCode::NOT_FOUND => "RESOURCE_DOES_NOT_EXIST",
        StatusCode::INTERNAL_SERVER_ERROR => "INTERNAL_ERROR",
        _ => "BAD_REQUEST",
    };
    said(failure.status, &json!({"error_code": code, "message": failure.message}))
}
