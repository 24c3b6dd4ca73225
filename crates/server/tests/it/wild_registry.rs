//! Whatever anybody sends to the registry: no panic, no answer of 500.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::house::House;
use crate::registry::with_versions;
use crate::wild::{check, filter, value};

const CHANGES: [(&str, &str); 24] = [
    ("POST", "/registered-models/create"),
    ("PATCH", "/registered-models/update"),
    ("POST", "/registered-models/rename"),
    ("POST", "/registered-models/get-latest-versions"),
    ("POST", "/registered-models/set-tag"),
    ("DELETE", "/registered-models/delete-tag"),
    ("POST", "/registered-models/alias"),
    ("DELETE", "/registered-models/alias"),
    ("POST", "/model-versions/create"),
    ("PATCH", "/model-versions/update"),
    ("POST", "/model-versions/transition-stage"),
    ("DELETE", "/model-versions/delete"),
    ("POST", "/model-versions/set-tag"),
    ("DELETE", "/model-versions/delete-tag"),
    ("POST", "/logged-models"),
    ("POST", "/logged-models/search"),
    ("PATCH", "/logged-models/m-1"),
    ("DELETE", "/logged-models/m-1"),
    ("POST", "/logged-models/m-1/params"),
    ("PATCH", "/logged-models/m-1/tags"),
    ("DELETE", "/logged-models/m-1/tags/a"),
    ("POST", "/webhooks"),
    ("PATCH", "/webhooks/1"),
    ("DELETE", "/webhooks/1"),
];

const FIELDS: [&str; 26] = [
    "name",
    "new_name",
    "version",
    "source",
    "run_id",
    "model_id",
    "alias",
    "stage",
    "key",
    "value",
    "tags",
    "params",
    "description",
    "archive_existing_versions",
    "events",
    "url",
    "secret",
    "status",
    "experiment_id",
    "experiment_ids",
    "filter",
    "order_by",
    "datasets",
    "max_results",
    "page_token",
    "run_link",
];

/// A value that one of the fields could really hold, or any other.
fn field(run: &str) -> impl Strategy<Value = Value> + use<> {
    let known = prop::sample::select(vec![
        json!("churn"),
        json!("1"),
        json!("champion"),
        json!("Production"),
        json!(true),
        json!("s3://bucket/1"),
        json!("models:/churn/1"),
        json!("models:/m-1"),
        json!("runs:/x/y"),
        json!("mlflow-artifacts:/0/a"),
        json!("https://8.8.8.8/"),
        json!(["0"]),
        json!([{"key": "a", "value": "b"}]),
        json!("LOGGED_MODEL_READY"),
        json!("\0"),
        json!([{"entity": "MODEL_VERSION", "action": "CREATED"}]),
        json!("%2e%2e/%"),
    ]);
    prop_oneof![3 => known, 1 => value(run)]
}

fn body(run: &str) -> impl Strategy<Value = Value> + use<> {
    let pair = (prop::sample::select(&FIELDS[..]), field(run));
    prop::collection::vec(pair, 0..9).prop_map(|fields| fields.into_iter().collect())
}

fn open() -> (tokio::runtime::Runtime, House, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let house = runtime.block_on(House::open());
    let run = runtime.block_on(house.run());
    runtime.block_on(with_versions(&house, "churn", 2));
    (runtime, house, run)
}

#[test]
fn any_change_is_answered() {
    let (runtime, house, run) = open();
    let input = (prop::sample::select(&CHANGES[..]), body(&run));
    check(input, 1_000, |((method, path), body)| {
        runtime.block_on(house.ask(method, path, body)).status
    });
}

#[test]
fn any_search_of_models_is_answered() {
    let (runtime, house, _) = open();
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    check((filter(), filter(), ".{0,20}"), 400, |(filter, order, token)| {
        let query = format!("?filter={}&order_by={}", encoded(&filter), encoded(&order));
        let paged = format!("?page_token={}", encoded(&token));
        let statuses = ["/registered-models/search", "/model-versions/search"].map(|path| {
            let asked = runtime.block_on(house.get(&format!("{path}{query}"))).status;
            asked.max(runtime.block_on(house.get(&format!("{path}{paged}"))).status)
        });
        let body = json!({"experiment_ids": ["0"], "filter": filter,
            "order_by": [{"field_name": order}]});
        let logged = runtime.block_on(house.post("/logged-models/search", body)).status;
        logged.max(statuses[0]).max(statuses[1])
    });
}
