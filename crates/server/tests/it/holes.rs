//! The holes that servers of this kind have had, each tried.

use serde_json::{Value, json};

use crate::house::House;
use crate::registry::with_versions;

/// Tries to register a version from `source`, and tells why that was refused.
async fn refused(house: &House, body: Value) -> String {
    let answer = house.post("/model-versions/create", body.clone()).await;
    assert_eq!(answer.status, 400, "{body}: {}", answer.message());
    assert_eq!(answer.json()["error_code"], "INVALID_PARAMETER_VALUE");
    answer.message()
}

#[tokio::test]
async fn a_source_never_leads_out_or_to_a_file() {
    let house = House::open().await;
    let run = house.run().await;
    with_versions(&house, "churn", 0).await;
    let root = format!("mlflow-artifacts:/0/{run}/artifacts");
    for source in [
        "/etc/passwd".into(),
        "file:///etc/passwd".into(),
        "file://localhost/etc/passwd".into(),
        "../../etc".into(),
        format!("{root}/../../../etc"),
        format!("{root}/%2e%2e/%2e%2e/etc"),
        format!("{root}/%252e%252e/etc"),
        format!("{root}/model%00"),
        "s3://bucket/../other".into(),
        String::from("C:\\windows"),
    ] {
        let said = refused(&house, json!({"name": "churn", "source": source, "run_id": run})).await;
        assert!(said.starts_with("Invalid model version source:"), "{source}: {said}");
    }
    assert!(house.store.versions("churn", Default::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_source_belongs_to_the_run_or_model_that_is_named() {
    let house = House::open().await;
    let (mine, other) = (house.run().await, house.run().await);
    with_versions(&house, "churn", 0).await;
    let made = house.done("/logged-models", json!({"experiment_id": "0"})).await;
    let model = made["model"]["info"]["model_id"].as_str().unwrap();
    for body in [
        json!({"source": format!("mlflow-artifacts:/0/{other}/artifacts/model"), "run_id": mine}),
        json!({"source": format!("mlflow-artifacts:/0/{mine}/artifacts2/model"), "run_id": mine}),
        json!({"source": format!("mlflow-artifacts:/0/{mine}/artifacts/model")}),
        json!({"source": "mlflow-artifacts:/", "run_id": mine}),
        json!({"source": format!("runs:/{other}/model"), "run_id": mine}),
        json!({"source": format!("models:/{model}")}),
        json!({"source": format!("models:/{model}"), "model_id": "m-other"}),
        json!({"source": format!("mlflow-artifacts:/0/{mine}/artifacts/a"), "model_id": model}),
        json!({"source": format!("runs:/{mine}/model"), "run_id": "no id at all"}),
    ] {
        let mut body = body;
        body["name"] = "churn".into();
        refused(&house, body).await;
    }
}

#[tokio::test]
async fn a_source_names_no_host() {
    let house = House::open().await;
    with_versions(&house, "churn", 0).await;
    for source in [
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/model",
        "ftp://10.0.0.1/model",
        "mlflow-artifacts://evil.example/0/a",
        "runs://evil.example/0123456789abcdef0123456789abcdef/model",
        "models://evil.example/churn/1",
        "hdfs://evil.example:9000/model",
    ] {
        refused(&house, json!({"name": "churn", "source": source})).await;
    }
}

#[tokio::test]
async fn a_webhook_reaches_nothing_that_only_we_can_reach() {
    let house = House::open().await;
    for url in [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://0x7f000001/hook",
        "https://2130706433/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/hook",
        "https://user:word@example.com/hook",
        "file:///etc/passwd",
        "",
        " ",
    ] {
        let body = json!({"name": "hook", "url": url,
            "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]});
        let answer = house.post("/webhooks", body).await;
        assert_eq!(answer.status, 400, "{url}: {}", answer.message());
    }
    assert_eq!(house.get("/webhooks").await.json(), json!({}));
}

#[tokio::test]
async fn fields_of_models_that_are_not_a_callers_to_set_change_nothing() {
    let house = House::open().await;
    let body = json!({"name": "churn", "creation_timestamp": 1, "last_version": 99, "gate": "passed",
        "aliases": [{"alias": "champion", "version": "1"}], "user_id": "root"});
    house.done("/registered-models/create", body).await;
    let body = json!({"name": "churn", "source": "s3://b/1", "version": "99", "status": "PENDING",
        "current_stage": "Production", "aliases": ["champion"], "gate": "passed", "user_id": "root",
        "path": "/etc", "digest": "d1"});
    let made = house.done("/model-versions/create", body).await;
    let version = &made["model_version"];
    assert_eq!((&version["version"], &version["status"]), (&json!("1"), &json!("READY")));
    assert_eq!((&version["current_stage"], version.get("user_id")), (&json!("None"), None));
    assert_eq!(version.get("aliases"), None);
    let stored = house.store.version("churn", 1).await.unwrap();
    assert_eq!((stored.gate.as_str(), stored.path.as_str()), ("none", "s3://b/1"));
    let body = json!({"name": "hook", "url": "https://example.com", "webhook_id": "mine",
        "creation_timestamp": 1, "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]});
    let made = house.done("/webhooks", body).await;
    assert_ne!(made["webhook"]["webhook_id"], "mine");
    assert_ne!(made["webhook"]["creation_timestamp"], 1);
}

#[tokio::test]
async fn a_script_in_a_name_stays_a_text() {
    let house = House::open().await;
    let script = "<script>alert(1)<\\script>";
    let body = json!({"name": script, "description": "<img src=x onerror=alert(1)>",
        "tags": [{"key": "a", "value": "<svg onload=alert(1)>"}]});
    house.done("/registered-models/create", body).await;
    let answer = house.get("/registered-models/search").await;
    assert_eq!(answer.json()["registered_models"][0]["name"], script);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let refused = house.post("/registered-models/create", json!({"name": "<a>/b"})).await;
    assert_eq!(refused.header("content-type"), "application/json");
}
