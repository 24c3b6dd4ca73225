//! Experiments, runs, metrics, params and tags as a client meets them.

use gristmill_core::Timestamp;
use gristmill_track::{Batch, NewRun, RunId, tags};
use serde_json::{Value, json};

use crate::house::House;

#[tokio::test]
async fn a_run_goes_from_its_beginning_to_its_end() {
    let house = House::open().await;
    let made = house
        .done(
            "/runs/create",
            json!({
                "experiment_id": "0", "start_time": 1_700_000_000_456_i64, "run_name": "first",
                "user_id": "ada", "tags": [{"key": "team", "value": "red"}]
            }),
        )
        .await;
    let id = made["run"]["info"]["run_id"].as_str().unwrap().to_string();
    let root = format!("mlflow-artifacts:/0/{id}/artifacts");
    let info = json!({
        "run_id": id, "run_uuid": id, "run_name": "first", "experiment_id": "0", "user_id": "ada",
        "status": "RUNNING", "start_time": 1_700_000_000_456_i64, "artifact_uri": root,
        "lifecycle_stage": "active"
    });
    assert_eq!(made["run"]["info"], info);
    house
        .done(
            "/runs/log-metric",
            json!({"run_id": id, "key": "auc", "value": 0.5, "timestamp": 5, "step": 2}),
        )
        .await;
    house
        .done(
            "/runs/log-metric",
            json!({"run_uuid": id, "key": "loss", "value": "NaN", "timestamp": "6"}),
        )
        .await;
    house.done("/runs/log-parameter", json!({"run_id": id, "key": "trees", "value": "100"})).await;
    house
        .done("/runs/set-tag", json!({"run_id": id, "key": "mlflow.runName", "value": "second"}))
        .await;
    house.done("/runs/delete-tag", json!({"run_id": id, "key": "team"})).await;
    let end = json!({"run_id": id, "status": "FINISHED", "end_time": 1_700_000_000_789_i64});
    let ended = house.done("/runs/update", end).await;
    assert_eq!(ended["run_info"]["status"], "FINISHED");
    assert_eq!(ended["run_info"]["end_time"], 1_700_000_000_789_i64);
    let found = house.get(&format!("/runs/get?run_id={id}")).await.json();
    let data = json!({
        "metrics": [
            {"key": "auc", "value": 0.5, "timestamp": 5, "step": 2},
            {"key": "loss", "value": "NaN", "timestamp": 6, "step": 0},
        ],
        "params": [{"key": "trees", "value": "100"}],
        "tags": [{"key": "mlflow.runName", "value": "second"}],
    });
    assert_eq!(found["run"]["data"], data);
    assert_eq!(found["run"]["info"]["run_name"], "second");
    assert_eq!(found["run"]["inputs"], json!({}));
}

#[tokio::test]
async fn deleted_things_take_nothing_until_they_are_restored() {
    let house = House::open().await;
    let id = house.run().await;
    house.done("/runs/delete", json!({"run_id": id})).await;
    let refused =
        house.post("/runs/set-tag", json!({"run_id": id, "key": "a", "value": "b"})).await;
    assert_eq!(refused.status, 400);
    let message = format!("The run {id} must be in the 'active' state. Current state is deleted.");
    assert_eq!(refused.message(), message);
    house.done("/runs/restore", json!({"run_id": id})).await;
    house.done("/runs/set-tag", json!({"run_id": id, "key": "a", "value": "b"})).await;

    let made = house.done("/experiments/create", json!({"name": "x"})).await;
    assert_eq!(made, json!({"experiment_id": "1"}));
    house.done("/experiments/delete", json!({"experiment_id": "1"})).await;
    let refused = house.post("/runs/create", json!({"experiment_id": "1"})).await;
    let message = "The experiment 1 must be in the 'active' state. Current state is deleted.";
    assert_eq!((refused.status, refused.message().as_str()), (400, message));
    let again = house.post("/experiments/create", json!({"name": "x"})).await;
    assert_eq!(again.json()["error_code"], "RESOURCE_ALREADY_EXISTS");
    assert_eq!(house.post("/experiments/delete", json!({"experiment_id": "1"})).await.status, 404);
    house.done("/experiments/restore", json!({"experiment_id": "1"})).await;
    house.done("/runs/create", json!({"experiment_id": "1"})).await;
}

#[tokio::test]
async fn params_never_change() {
    let house = House::open().await;
    let id = house.run().await;
    house.done("/runs/log-parameter", json!({"run_id": id, "key": "p", "value": "1"})).await;
    house.done("/runs/log-parameter", json!({"run_id": id, "key": "p", "value": "1"})).await;
    let refused =
        house.post("/runs/log-parameter", json!({"run_id": id, "key": "p", "value": "2"})).await;
    assert_eq!(
        refused.message(),
        format!(
            "Changing param values is not allowed. Param with key='p' was already logged with \
             value='1' for run ID='{id}'. Attempted logging new value '2'."
        )
    );
    let batch = json!({"run_id": id, "params": [{"key": "p", "value": "3"}], "tags": [{"key": "t", "value": "x"}]});
    let refused = house.post("/runs/log-batch", batch).await;
    assert_eq!(
        refused.message(),
        format!(
            "Changing param values is not allowed. Params were already logged='[{{'key': 'p', \
             'old_value': '1', 'new_value': '3'}}]' for run ID='{id}'."
        )
    );
    let found = house.get(&format!("/runs/get?run_id={id}")).await.json();
    assert_eq!(
        found["run"]["data"]["tags"].as_array().unwrap().len(),
        1,
        "a batch is whole or not at all"
    );
}

#[tokio::test]
async fn batches_have_limits() {
    let house = House::open().await;
    let id = house.run().await;
    let metrics = |count: usize| {
        let one = |step| json!({"key": "m", "value": 1.0, "timestamp": 1, "step": step});
        json!({"run_id": id, "metrics": (0..count).map(one).collect::<Vec<Value>>()})
    };
    house.done("/runs/log-batch", metrics(1000)).await;
    let refused = house.post("/runs/log-batch", metrics(1001)).await;
    assert_eq!(
        refused.message(),
        "A batch logging request can contain at most 1000 metrics. Got 1001 metrics. Please split \
         up metrics across multiple requests and try again."
    );
    let long = json!({"run_id": id, "tags": [{"key": "t", "value": "x".repeat(1_000_000)}]});
    let refused = house.post("/runs/log-batch", long).await;
    assert!(refused.message().starts_with("Batched logging API requests must be at most 1000000"));
    let twice =
        json!({"run_id": id, "params": [{"key": "q", "value": "1"}, {"key": "q", "value": "1"}]});
    let refused = house.post("/runs/log-batch", twice).await;
    assert!(refused.message().starts_with("Duplicate parameter keys have been submitted: ['q']"));
    let long = json!({"run_id": id, "key": "long", "value": "ü".repeat(7000)});
    house.done("/runs/log-parameter", long).await;
    let found = house.get(&format!("/runs/get?run_id={id}")).await.json();
    let kept = found["run"]["data"]["params"][0]["value"].as_str().unwrap().chars().count();
    assert_eq!(kept, 6000);
}

#[tokio::test]
async fn histories_come_in_pages_in_bulk_and_in_samples() {
    let house = House::open().await;
    let id = house.run().await;
    let one = |step: i64| json!({"key": "m", "value": step, "timestamp": 100 - step, "step": step});
    let metrics: Vec<Value> = (0..10).map(one).collect();
    house.done("/runs/log-batch", json!({"run_id": id, "metrics": metrics})).await;
    let steps = |answer: &Value| -> Vec<i64> {
        answer["metrics"].as_array().unwrap().iter().map(|m| m["step"].as_i64().unwrap()).collect()
    };
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let path = format!(
            "/metrics/get-history?run_id={id}&metric_key=m&max_results=4&page_token={token}"
        );
        let answer = house.get(&path).await.json();
        seen.extend(steps(&answer));
        match answer["next_page_token"].as_str() {
            Some(next) => token = next.replace('=', "%3D"),
            None => break,
        }
    }
    assert_eq!(seen, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], "by time, as MLflow has it");
    let path =
        format!("/metrics/get-history-bulk?run_id={id}&run_id=none&metric_key=m&max_results=3");
    let bulk = house.get(&path).await.json();
    assert_eq!(
        (steps(&bulk), bulk["metrics"][0]["run_id"].as_str()),
        (vec![9, 8, 7], Some(id.as_str()))
    );
    let path =
        format!("/metrics/get-history-bulk-interval?run_ids={id}&metric_key=m&max_results=4");
    assert_eq!(steps(&house.get(&path).await.json()), [0, 3, 6, 9]);
    let nobody = house.get("/metrics/get-history?run_id=nobody&metric_key=m").await;
    assert_eq!((nobody.status, nobody.json()), (200, json!({})));
}

#[tokio::test]
async fn runs_are_found_page_by_page() {
    let house = House::open().await;
    for number in 0..5 {
        let made =
            json!({"experiment_id": "0", "start_time": number, "run_name": format!("r{number}")});
        let made = house.done("/runs/create", made).await;
        let id = made["run"]["info"]["run_id"].clone();
        house
            .done(
                "/runs/log-metric",
                json!({"run_id": id, "key": "auc", "value": number % 3, "timestamp": 1}),
            )
            .await;
    }
    let names = |answer: &Value| -> Vec<String> {
        let runs = answer["runs"].as_array().cloned().unwrap_or_default();
        runs.iter().map(|run| run["info"]["run_name"].as_str().unwrap().to_string()).collect()
    };
    let ask = json!({
        "experiment_ids": ["0"], "filter": "metrics.auc < 2 AND attributes.start_time >= 0",
        "order_by": ["metrics.auc DESC", "start_time ASC"], "max_results": 3
    });
    let first = house.done("/runs/search", ask.clone()).await;
    assert_eq!(names(&first), ["r1", "r4", "r0"]);
    let mut next = ask;
    next["page_token"] = first["next_page_token"].clone();
    let second = house.done("/runs/search", next).await;
    assert_eq!((names(&second), second.get("next_page_token")), (vec!["r3".to_string()], None));
    assert_eq!(house.done("/runs/search", json!({"experiment_ids": []})).await, json!({}));
    let wrong = house
        .post("/runs/search", json!({"experiment_ids": ["0"], "filter": "metrics.auc > 'x'"}))
        .await;
    assert_eq!(wrong.message(), "Expected numeric value type for metric. Found 'x'");
    assert_eq!(
        house.get("/experiments/search?max_results=1").await.json()["experiments"][0]["name"],
        "Default"
    );
}

#[tokio::test]
async fn what_gristmill_itself_wrote_is_shown_too() {
    let house = House::open().await;
    let (parent, part) = (RunId::from_parts(&[b"parent"]), RunId::from_parts(&[b"part"]));
    let run = NewRun {
        kind: Some("pipeline".into()),
        source: Some("churn.yaml".into()),
        batch: Batch::default().tag(tags::USER, "ada").metric("test.auc", 0.8, 0, Timestamp(7_000)),
        ..NewRun::new(parent, "churn", Timestamp(1_500))
    };
    house.store.create_run(run).await.unwrap();
    let run = NewRun {
        kind: Some("trial".into()),
        parent: Some(parent),
        ..NewRun::new(part, "churn trial 1", Timestamp(0))
    };
    house.store.create_run(run).await.unwrap();
    let found = house.get(&format!("/runs/get?run_id={parent}")).await.json();
    assert_eq!(found["run"]["info"]["user_id"], "ada");
    assert_eq!(found["run"]["info"]["start_time"], 1);
    let tags = json!([
        {"key": "mlflow.user", "value": "ada"},
        {"key": "mlflow.runName", "value": "churn"},
        {"key": "mlflow.source.name", "value": "churn.yaml"},
    ]);
    assert_eq!(found["run"]["data"]["tags"], tags);
    let ask =
        json!({"experiment_ids": ["0"], "filter": format!("tags.mlflow.parentRunId = '{parent}'")});
    let parts = house.done("/runs/search", ask).await;
    assert_eq!(parts["runs"][0]["info"]["run_id"], part.to_string());
    assert_eq!(parts["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_that_says_whose_part_it_is_becomes_one() {
    let house = House::open().await;
    let parent = house.run().await;
    let tags = json!([{"key": "mlflow.parentRunId", "value": parent}]);
    let made = house.done("/runs/create", json!({"experiment_id": "0", "tags": tags})).await;
    let id: RunId = made["run"]["info"]["run_id"].as_str().unwrap().parse().unwrap();
    let info = house.store.run(id).await.unwrap().info;
    assert_eq!(info.parent.map(|parent| parent.to_string()), Some(parent));
    let orphan = json!([{"key": "mlflow.parentRunId", "value": "nobody"}]);
    house.done("/runs/create", json!({"experiment_id": "0", "tags": orphan})).await;
}

#[tokio::test]
async fn inputs_and_outputs_come_back() {
    let house = House::open().await;
    let id = house.run().await;
    let dataset = json!({"name": "iris", "digest": "d1", "source_type": "local", "source": "{}"});
    let tags = json!([{"key": "mlflow.data.context", "value": "train"}]);
    let inputs = json!({"run_id": id, "datasets": [{"dataset": dataset, "tags": tags}], "models": [{"model_id": "m-1"}]});
    house.done("/runs/log-inputs", inputs).await;
    house
        .done("/runs/outputs", json!({"run_id": id, "models": [{"model_id": "m-2", "step": 3}]}))
        .await;
    let found = house.get(&format!("/runs/get?run_id={id}")).await.json();
    let inputs = json!({
        "dataset_inputs": [{"tags": tags, "dataset": dataset}], "model_inputs": [{"model_id": "m-1"}]
    });
    assert_eq!(found["run"]["inputs"], inputs);
    let outputs = json!({"model_outputs": [{"model_id": "m-2", "step": 3}]});
    assert_eq!(found["run"]["outputs"], outputs);
    let found = house.done("/experiments/search-datasets", json!({"experiment_ids": ["0"]})).await;
    let summary = json!({"experiment_id": "0", "name": "iris", "digest": "d1", "context": "train"});
    assert_eq!(found, json!({"dataset_summaries": [summary]}));
}

#[tokio::test]
async fn every_way_to_the_api_leads_to_the_same() {
    let house = House::open().await;
    for root in ["/api", "/ajax-api"] {
        let path = format!("{root}/2.0/mlflow/experiments/get?experiment_id=0");
        assert_eq!(
            house.send("GET", &path, &[], Vec::new()).await.json()["experiment"]["name"],
            "Default"
        );
        let path = format!("{root}/3.0/mlflow/server-info");
        assert_eq!(
            house.send("GET", &path, &[], Vec::new()).await.json()["store_type"],
            "SqlStore"
        );
        let path = format!("{root}/3.0/mlflow/traces/search");
        let json = [("content-type", "application/json")];
        let traces = house.send("POST", &path, &json, b"{}".to_vec()).await;
        assert_eq!(
            (traces.status, traces.json()["error_code"].as_str()),
            (501, Some("NOT_IMPLEMENTED"))
        );
    }
    let nothing = house.get("/nothing").await;
    assert_eq!(
        (nothing.status, nothing.json()["error_code"].as_str()),
        (404, Some("ENDPOINT_NOT_FOUND"))
    );
    assert_eq!(house.get("/runs/create").await.status, 405);
    assert_eq!(house.send("GET", "/health", &[], Vec::new()).await.body, b"OK");
    assert_eq!(house.send("GET", "/version", &[], Vec::new()).await.status, 200);
}
