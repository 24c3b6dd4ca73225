//! The routes of MLflow's scoring protocol.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use gristmill_serve::{Answers, Question, Recall, Refusal, RowsFormat, Served, mlflow};
use serde_json::json;

use super::protocol::Protocol;
use super::{Failure, choose, json as as_json, open_to, recall, said};
use crate::access::Caller;
use crate::house::House;
use crate::ticket::Ticket;

/// Whether a model is there to ask, in MLflow's way: an empty line.
pub(super) async fn ping(State(house): State<Arc<House>>) -> (StatusCode, &'static str) {
    match house.is_ready() {
        true => (StatusCode::OK, "\n"),
        false => (StatusCode::NOT_FOUND, "\n"),
    }
}

/// The only model that is served.
pub(super) async fn only(State(house): State<Arc<House>>, request: Request) -> Response {
    let name = house.fleet.only().map(|served| served.name().to_owned()).ok_or_else(|| {
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
    let name = name.and_then(|name| open_to(caller, &name).map(|()| name));
    respond(&house, name, request).await
}

pub(super) async fn named(
    State(house): State<Arc<House>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    respond(&house, Ok(name), request).await
}

async fn respond(house: &House, name: Result<String, Failure>, request: Request) -> Response {
    match invoked(house, name, request).await {
        Ok(body) => as_json(body),
        Err(failure) => refused(&failure),
    }
}

async fn invoked(
    house: &House,
    name: Result<String, Failure>,
    request: Request,
) -> Result<Vec<u8>, Failure> {
    let ticket = Ticket::of(&request);
    let chosen = choose(house, &ticket, &name?, None).await?;
    let invocation = Invocation { content: content(house, &request)?, recall: recall(&request)? };
    house.desk.answer(&ticket, chosen, request.into_body(), invocation).await
}

/// A question in the words of MLflow's protocol.
struct Invocation {
    content: Content,
    recall: Recall,
}

impl Protocol for Invocation {
    type More = mlflow::More;
    type Answer = Vec<u8>;

    fn read(&self, served: &Served, body: &[u8]) -> Result<(Question, mlflow::More), Refusal> {
        let asked = match &self.content {
            Content::Json => mlflow::read(served, body, self.recall)?,
            Content::Csv => mlflow::read_csv(served, body, self.recall)?,
            Content::Parquet(parquet) => mlflow::read_rows(served, body, &**parquet, self.recall)?,
        };
        Ok((asked.rows, asked.more))
    }

    fn is_packed(&self) -> bool {
        matches!(self.content, Content::Parquet(_))
    }

    fn is_plain(&self, more: &mlflow::More) -> bool {
        !more.explain
    }

    fn answer(
        &self,
        served: &Served,
        rows: Question,
        more: &mlflow::More,
    ) -> Result<Answers, Refusal> {
        mlflow::answer(served, rows, *more)
    }

    fn write(&self, _: &Served, answers: &Answers, more: mlflow::More) -> Result<Vec<u8>, Refusal> {
        mlflow::write(answers, more)
    }
}

/// What a body is written in.
enum Content {
    Json,
    Csv,
    Parquet(Arc<dyn RowsFormat>),
}

/// What the body says that it is written in.
fn content(house: &House, request: &Request) -> Result<Content, Failure> {
    let given = request.headers().get(header::CONTENT_TYPE);
    let text = given.and_then(|given| given.to_str().ok()).unwrap_or_default();
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Content::Json),
        "text/csv" => Ok(Content::Csv),
        "application/vnd.apache.parquet" | "application/x-parquet" => {
            house.fleet.parquet().map(Content::Parquet).ok_or_else(|| {
                Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "no Parquet is read here")
            })
        }
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
