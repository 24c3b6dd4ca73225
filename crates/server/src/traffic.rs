//! How requests to a model are divided among its versions, over HTTP: looked at, laid down and lifted.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use gristmill_serve::sequential::{self, Sample, Verdict};
use gristmill_track::{ArmTotals, StartedTest, TestTotals, Traffic, TrafficPlan};
use serde::Serialize;
use serde_json::json;

use crate::access::Caller;
use crate::house::House;
use crate::memory::note;
use crate::mlflow::{Answer, Ask, Json, Refusal};
use crate::webhook::Told;

const EXAMPLE: &str = r#"{"plan": {"canary": {"to": "@challenger", "percent": 5}, "shadow": "3"}}"#;

/// The routes under `/api/v1`.
pub(crate) fn routes() -> Router<Arc<House>> {
    let of_model = get(show).put(set).delete(lift);
    Router::new().route("/api/v1/models/{name}/traffic", of_model)
}

async fn show(State(house): State<Arc<House>>, Path(name): Path<String>) -> Answer {
    let traffic = house.store.traffic(&name).await?;
    let result = match &traffic.test {
        Some(test) => Some(result(&house, &name, &traffic.plan, test).await?),
        None => None,
    };
    Ok(Json::of(&json!({"plan": traffic.plan, "test": traffic.test, "result": result})))
}

/// What an A/B test has come to by now.
#[derive(Serialize)]
struct TestResult {
    totals: TestTotals,
    /// Nothing while there are too few outcomes.
    verdict: Option<Verdict>,
}

async fn result(
    house: &House,
    name: &str,
    plan: &TrafficPlan,
    test: &StartedTest,
) -> Result<TestResult, Refusal> {
    let totals = house.store.outcome_totals(name, test.number).await?;
    let sample =
        |side: ArmTotals| Sample { count: side.count, mean: side.mean, squares: side.squares };
    let verdict = plan.ab_test.as_ref().and_then(|plan| {
        sequential::verdict(sample(totals.control), sample(totals.treatment), plan.alpha)
    });
    Ok(TestResult { totals, verdict })
}

async fn set(
    State(house): State<Arc<House>>,
    caller: Caller,
    Path(name): Path<String>,
    ask: Ask,
) -> Answer {
    let sent = ask.fields().object("plan").cloned().unwrap_or_default();
    let plan: TrafficPlan = serde_json::from_value(sent).map_err(|error| {
        Refusal::invalid(format!("`plan` cannot be read: {error}; send such as {EXAMPLE}"))
    })?;
    if plan.is_empty() {
        let message = "`plan` has nothing in it; DELETE lifts the one that is there";
        return Err(Refusal::invalid(message));
    }
    laid_down(&house, &caller, &name, plan, &ask).await
}

async fn lift(
    State(house): State<Arc<House>>,
    caller: Caller,
    Path(name): Path<String>,
    ask: Ask,
) -> Answer {
    laid_down(&house, &caller, &name, TrafficPlan::default(), &ask).await
}

/// Webhooks are told of it as of a move of an alias.
async fn laid_down(
    house: &House,
    caller: &Caller,
    name: &str,
    plan: TrafficPlan,
    ask: &Ask,
) -> Answer {
    let note = note(house, caller, ask)?;
    let Traffic { plan, test } = house.store.set_traffic(name, plan, note).await?;
    house.webhooks.tell(Told::traffic(name, &plan)).await;
    Ok(Json::of(&json!({"plan": plan, "test": test})))
}
