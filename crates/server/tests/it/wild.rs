//! Whatever anybody sends: no panic, no answer of 500.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::house::House;

const POSTS: [&str; 17] = [
    "/experiments/create",
    "/experiments/search",
    "/experiments/update",
    "/experiments/delete",
    "/experiments/set-experiment-tag",
    "/experiments/search-datasets",
    "/runs/create",
    "/runs/update",
    "/runs/delete",
    "/runs/search",
    "/runs/log-metric",
    "/runs/log-parameter",
    "/runs/log-batch",
    "/runs/set-tag",
    "/runs/log-model",
    "/runs/log-inputs",
    "/runs/outputs",
];

const FIELDS: [&str; 22] = [
    "run_id",
    "key",
    "value",
    "timestamp",
    "step",
    "metrics",
    "params",
    "tags",
    "experiment_id",
    "experiment_ids",
    "name",
    "filter",
    "order_by",
    "max_results",
    "page_token",
    "status",
    "end_time",
    "start_time",
    "model_json",
    "datasets",
    "models",
    "new_name",
];

/// A value of any sort, some of them what a field could really hold.
pub fn value(run: &str) -> impl Strategy<Value = Value> + use<> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(Value::from(run)),
        Just(Value::from("0")),
        Just(json!({"key": "a", "value": "1", "timestamp": 1})),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&FIELDS[..]), inner), 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Value>()),
        ]
    })
}

fn body(run: &str) -> impl Strategy<Value = Value> + use<> {
    let run = run.to_string();
    let field = (prop::sample::select(&FIELDS[..]), value(&run));
    prop::collection::vec(field, 0..8).prop_map(move |fields| {
        let mut body: Value = fields.into_iter().collect();
        if let Some(map) = body.as_object_mut() {
            map.entry("run_id").or_insert_with(|| run.clone().into());
        }
        body
    })
}

/// A text that is nearly a filter.
pub fn filter() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("metrics.a"),
        Just("params.`b c`"),
        Just("tags.\"x\""),
        Just("attributes.start_time"),
        Just("run_id"),
        Just("dataset.name"),
        Just("="),
        Just("!="),
        Just(">"),
        Just("LIKE"),
        Just("ILIKE"),
        Just("IN"),
        Just("NOT"),
        Just("IS"),
        Just("NULL"),
        Just("AND"),
        Just("OR"),
        Just("("),
        Just(")"),
        Just(","),
        Just("'x%'"),
        Just("'it''s'"),
        Just("1"),
        Just("-1e999"),
        Just("9223372036854775808"),
        Just("'"),
        Just("`"),
        Just("\\"),
        Just("ü🦀"),
        Just(";"),
    ];
    prop_oneof![
        prop::collection::vec(word, 0..12).prop_map(|words| words.join(" ")),
        "\\PC{0,40}",
        ".{0,40}",
    ]
}

pub fn check<S: Strategy>(strategy: S, cases: u32, mut test: impl FnMut(S::Value) -> u16) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let runner = &mut TestRunner::new(config);
    let test = std::cell::RefCell::new(&mut test);
    runner
        .run(&strategy, |input| {
            let status = (test.borrow_mut())(input);
            prop_assert!(status < 500, "status {status}");
            Ok(())
        })
        .unwrap();
}

/// A house with a run, and a runtime to ask it things.
fn open() -> (tokio::runtime::Runtime, House, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let house = runtime.block_on(House::open());
    let run = runtime.block_on(house.run());
    (runtime, house, run)
}

#[test]
fn any_body_is_answered() {
    let (runtime, house, run) = open();
    let input = (prop::sample::select(&POSTS[..]), body(&run));
    check(input, 600, |(path, body)| {
        let status = runtime.block_on(house.post(path, body)).status;
        // A run that was put away would take nothing any more.
        runtime.block_on(house.post("/runs/restore", json!({"run_id": run})));
        runtime.block_on(house.post("/experiments/restore", json!({"experiment_id": "0"})));
        status
    });
}

#[test]
fn any_bytes_are_answered() {
    let (runtime, house, _) = open();
    let json = [("content-type", "application/json")];
    let input = (prop::sample::select(&POSTS[..]), prop::collection::vec(any::<u8>(), 0..200));
    check(input, 200, |(path, bytes)| {
        let path = format!("/api/2.0/mlflow{path}");
        runtime.block_on(house.send("POST", &path, &json, bytes)).status
    });
}

#[test]
fn any_search_is_answered() {
    let (runtime, house, _) = open();
    check((filter(), filter()), 600, |(filter, order)| {
        let body = json!({"experiment_ids": ["0"], "filter": filter, "order_by": [order]});
        let runs = runtime.block_on(house.post("/runs/search", body)).status;
        let body = json!({"max_results": 5, "filter": filter});
        runs.max(runtime.block_on(house.post("/experiments/search", body)).status)
    });
}

#[test]
fn any_artifact_path_is_answered() {
    let (runtime, house, run) = open();
    let part = prop_oneof![
        Just("..".to_string()),
        Just("%2e%2e".to_string()),
        Just("%".to_string()),
        Just("artifacts".to_string()),
        Just(run),
        Just("0".to_string()),
        "[ -~]{0,10}",
        "%[0-9a-f]{2}",
        Just("a".to_string()),
    ];
    let path = prop::collection::vec(part, 0..6).prop_map(|parts| parts.join("/"));
    let method = prop::sample::select(&["GET", "PUT", "DELETE"][..]);
    check((method, path), 400, |(method, path)| {
        let path: String = path.chars().filter(|c| !" #?\\\"<>^`{|}".contains(*c)).collect();
        let path = format!("/api/2.0/mlflow-artifacts/artifacts/{path}");
        runtime.block_on(house.send(method, &path, &[], b"x".to_vec())).status
    });
}
