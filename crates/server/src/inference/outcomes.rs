//! What became of requests, as clients report it by the ids of those that an A/B test divided.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use gristmill_serve::Lot;
use gristmill_track::{Arm, PredictionOutcome, StartedTest, TrackError};
use serde::Deserialize;
use serde_json::json;

use super::{Failure, as_it_is, said};
use crate::house::House;
use crate::limits;
use crate::ticket::Ticket;

/// How many outcomes one request may report.
const MOST: usize = 10_000;

/// What became of one request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    /// The `X-Request-Id` of its answer.
    id: String,
    /// The `X-Gristmill-Key` that it had, if it had one.
    key: Option<String>,
    /// The `X-Gristmill-Version` of its answer.
    version: Option<String>,
    value: f64,
}

/// Takes a list of outcomes: `[{"id": "order-7", "value": 1}]`.
pub(super) async fn report(
    State(house): State<Arc<House>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    match reported(&house, &name, request).await {
        Ok(taken) => said(StatusCode::OK, &taken),
        Err(failure) => said(failure.status, &json!({"message": failure.message})),
    }
}

async fn reported(
    house: &House,
    name: &str,
    request: Request,
) -> Result<serde_json::Value, Failure> {
    let refuse = |message: String| Failure::new(StatusCode::BAD_REQUEST, message);
    as_it_is(&Ticket::of(&request))?;
    let body = limits::read(request.into_body(), limits::ROWS_BYTES).await?;
    let sent: Vec<Outcome> = serde_json::from_slice(&body).map_err(|error| {
        refuse(format!(
            "the body is no list of outcomes such as {{\"id\": \"a\", \"value\": 1}}: {error}"
        ))
    })?;
    if sent.len() > MOST {
        return Err(refuse(format!("there are {} outcomes; report {MOST} at a time", sent.len())));
    }
    let Some(test) = house.store.traffic(name).await?.test else {
        return Err(Failure::new(StatusCode::CONFLICT, format!("no A/B test of `{name}` goes on")));
    };
    let count = sent.len() as u64;
    let outcomes: Vec<PredictionOutcome> =
        sent.into_iter().filter_map(|sent| of_test(name, &test, sent)).collect();
    let elsewhere = count - outcomes.len() as u64;
    let known = outcomes.len() as u64;
    let new = house.store.record_outcomes(name, test.number, outcomes, house.now()).await?;
    Ok(json!({"taken": new, "known": known - new, "elsewhere": elsewhere}))
}

/// The outcome with the side that its request went to, which follows from the key; nothing where another
/// version answered than that of this side.
fn of_test(model: &str, test: &StartedTest, sent: Outcome) -> Option<PredictionOutcome> {
    let key = sent.key.as_deref().unwrap_or(&sent.id);
    let lot = Lot::of_test(model, test.number);
    let (arm, version) = match lot.takes(key, test.percent / 100.0) {
        true => (Arm::Treatment, test.treatment),
        false => (Arm::Control, test.control),
    };
    let fits = sent.version.is_none_or(|answered| answered == version.to_string());
    fits.then_some(PredictionOutcome { id: sent.id, arm, value: sent.value })
}

impl From<TrackError> for Failure {
    fn from(error: TrackError) -> Self {
        let status = match error {
            TrackError::NotFound { .. } => StatusCode::NOT_FOUND,
            TrackError::Invalid { .. } => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::Timestamp;

    use super::*;

    #[test]
    fn an_outcome_counts_on_the_side_that_its_key_was_drawn_for() {
        let began = Timestamp(0);
        let test = StartedTest { number: 4, control: 1, treatment: 2, percent: 50.0, began };
        let outcome = |id: &str, key: Option<&str>, version: Option<&str>| Outcome {
            id: id.into(),
            key: key.map(Into::into),
            version: version.map(Into::into),
            value: 1.0,
        };
        for id in (0..50).map(|id| id.to_string()) {
            let treated = Lot::of_test("churn", 4).takes(&id, 0.5);
            let arm = if treated { Arm::Treatment } else { Arm::Control };
            let (own, other) = if treated { ("2", "1") } else { ("1", "2") };
            let found = |key, version| {
                of_test("churn", &test, outcome("x", key, version)).map(|found| found.arm)
            };
            assert_eq!(found(Some(&id), Some(own)), Some(arm));
            assert_eq!(found(Some(&id), None), Some(arm));
            assert_eq!(found(Some(&id), Some(other)), None);
            let alone = of_test("churn", &test, outcome(&id, None, Some(own)));
            assert_eq!(alone, Some(PredictionOutcome { id, arm, value: 1.0 }));
        }
    }
}
