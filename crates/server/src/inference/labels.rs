//! What turned out to be true of predictions, as clients tell it by their ids.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use gristmill_track::Label;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Failure, as_it_is, said};
use crate::house::House;
use crate::limits;
use crate::ticket::Ticket;

/// How many labels one request may bring.
const MOST: usize = 10_000;

/// What turned out to be true of one prediction.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    /// The `X-Request-Id` of the answer, with `/` and the number of the row where it had several.
    id: String,
    label: Value,
}

/// Takes a list of labels: `[{"id": "order-7", "label": "Yes"}]`.
pub(super) async fn add(
    State(house): State<Arc<House>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    match added(&house, &name, request).await {
        Ok(taken) => said(StatusCode::OK, &taken),
        Err(failure) => said(failure.status, &json!({"message": failure.message})),
    }
}

async fn added(house: &House, name: &str, request: Request) -> Result<Value, Failure> {
    as_it_is(&Ticket::of(&request))?;
    let body = limits::read(request.into_body(), limits::ROWS_BYTES).await?;
    let labels = read(&body)?;
    let ids = labels.iter().map(|label| label.id.clone()).collect();
    let added = house.store.add_labels(name, labels, house.now()).await?;
    let mut taken = json!({
        "new": added.new, "repeated": added.repeated, "contradicted": added.contradicted,
    });
    if let Some(unknown) = unknown(house, name, ids).await? {
        taken["unknown"] = unknown.into();
    }
    Ok(taken)
}

/// How many of these predictions were not kept, where somebody keeps any.
async fn unknown(house: &House, name: &str, ids: Vec<String>) -> Result<Option<u64>, Failure> {
    let Some(witness) = house.desk.witness() else { return Ok(None) };
    let name = name.to_owned();
    let look = move || witness.unknown(&name, &ids);
    tokio::task::spawn_blocking(look).await.map_err(|error| Failure::bug(&error))
}

fn read(body: &[u8]) -> Result<Vec<Label>, Failure> {
    let refuse = |message: String| Failure::new(StatusCode::BAD_REQUEST, message);
    let told: Vec<Told> = serde_json::from_slice(body).map_err(|error| {
        refuse(format!(
            "the body is no list of labels such as {{\"id\": \"a\", \"label\": \"Yes\"}}: {error}"
        ))
    })?;
    if told.len() > MOST {
        return Err(refuse(format!("there are {} labels; send {MOST} at a time", told.len())));
    }
    let label = |Told { id, label }| match label {
        Value::String(label) => Ok(Label { id, label }),
        Value::Number(_) | Value::Bool(_) => Ok(Label { id, label: label.to_string() }),
        _ => Err(refuse(format!(
            "the label of `{id}` is {label}; give a word, a number or a boolean"
        ))),
    };
    told.into_iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Result<&[(&str, &str)], &str>) {
        let found = read(body.as_bytes());
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                let found: Vec<(&str, &str)> =
                    found.iter().map(|l| (l.id.as_str(), l.label.as_str())).collect();
                assert_eq!(found, expected);
            }
            (Err(failure), Err(words)) => {
                assert_eq!(failure.status, StatusCode::BAD_REQUEST);
                assert!(failure.message.contains(words), "{}", failure.message);
            }
            (found, _) => panic!("{body}: {found:?}"),
        }
    }

    #[test]
    fn labels_are_words_numbers_and_booleans() {
        let body = r#"[{"id": "a", "label": "Yes"}, {"id": "b/2", "label": 1.5}, {"id": "c", "label": true}]"#;
        check(body, Ok(&[("a", "Yes"), ("b/2", "1.5"), ("c", "true")]));
        check("[]", Ok(&[]));
    }

    #[test]
    fn what_is_no_label_is_refused() {
        check(r#"[{"id": "a", "label": null}]"#, Err("the label of `a` is null"));
        check(r#"[{"id": "a", "label": ["Yes"]}]"#, Err("give a word"));
        check(r#"[{"id": "a"}]"#, Err("missing field `label`"));
        check(r#"[{"id": "a", "label": 1, "value": 2}]"#, Err("unknown field `value`"));
        let many = vec![r#"{"id": "a", "label": 1}"#; MOST + 1].join(",");
        check(&format!("[{many}]"), Err("send 10000 at a time"));
    }
}
