//! The routes of TensorFlow Serving's REST protocol.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use gristmill_serve::v2::Metadata;
use gristmill_serve::{Answers, Question, Recall, Refusal, Served, tensorflow};
use serde_json::json;

use super::protocol::Protocol;
use super::{Failure, choose, find, json as as_json, recall, said};
use crate::house::House;
use crate::ticket::Ticket;

/// What stands behind a model's name where it is asked for answers.
const PREDICT: &str = ":predict";

pub(super) async fn status(State(house): State<Arc<House>>, Path(name): Path<String>) -> Response {
    match find(&house, &name, None).await {
        Ok(served) => said(
            StatusCode::OK,
            &json!({"model_version_status": [{
                "version": served.version(), "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }]}),
        ),
        Err(failure) => refused(&failure),
    }
}

/// What the model takes and answers, in the words of the Open Inference Protocol.
pub(super) async fn metadata(
    State(house): State<Arc<House>>,
    Path(name): Path<String>,
) -> Response {
    match find(&house, &name, None).await {
        Ok(served) => {
            let metadata = Metadata::of(&served, vec![served.version().to_owned()]);
            said(
                StatusCode::OK,
                &json!({
                    "model_spec": {"name": served.name(), "version": served.version()},
                    "metadata": metadata,
                }),
            )
        }
        Err(failure) => refused(&failure),
    }
}

pub(super) async fn current(
    State(house): State<Arc<House>>,
    Path(asked): Path<String>,
    request: Request,
) -> Response {
    predict(&house, &asked, None, request).await
}

pub(super) async fn versioned(
    State(house): State<Arc<House>>,
    Path((name, asked)): Path<(String, String)>,
    request: Request,
) -> Response {
    predict(&house, &asked, Some(name), request).await
}

/// `asked` ends the path: a name or a version, and what is to be done with it.
async fn predict(house: &House, asked: &str, name: Option<String>, request: Request) -> Response {
    let Some(last) = asked.strip_suffix(PREDICT) else {
        let message = format!("`{asked}` cannot be answered; ask for `NAME{PREDICT}`");
        return refused(&Failure::new(StatusCode::NOT_FOUND, message));
    };
    let (name, version) = match &name {
        Some(name) => (name.as_str(), Some(last)),
        None => (last, None),
    };
    let ticket = Ticket::of(&request);
    let chosen = match choose(house, &ticket, name, version).await {
        Ok(chosen) => chosen,
        Err(failure) => return refused(&failure),
    };
    let recall = match recall(&request) {
        Ok(recall) => recall,
        Err(failure) => return refused(&failure),
    };
    match house.desk.answer(&ticket, chosen, request.into_body(), Predict { recall }).await {
        Ok(body) => as_json(body),
        Err(failure) => refused(&failure),
    }
}

/// A question in the words of TensorFlow Serving's protocol.
struct Predict {
    recall: Recall,
}

impl Protocol for Predict {
    type More = tensorflow::Form;
    type Answer = Vec<u8>;

    fn read(&self, served: &Served, body: &[u8]) -> Result<(Question, tensorflow::Form), Refusal> {
        let asked = tensorflow::read(served, body, self.recall)?;
        Ok((asked.rows, asked.form))
    }

    fn write(
        &self,
        _: &Served,
        answers: &Answers,
        form: tensorflow::Form,
    ) -> Result<Vec<u8>, Refusal> {
        tensorflow::write(answers, form)
    }
}

fn refused(failure: &Failure) -> Response {
    said(failure.status, &json!({"error": failure.message}))
}
