//! Logged models as a client meets them.

use serde_json::{Value, json};

use crate::house::{House, NOW};

async fn new(house: &House, body: Value) -> String {
    let made = house.done("/logged-models", body).await;
    made["model"]["info"]["model_id"].as_str().unwrap().to_string()
}

#[tokio::test]
async fn a_logged_model_goes_from_its_beginning_to_its_end() {
    let house = House::open().await;
    let run = house.run().await;
    let body = json!({
        "experiment_id": "0", "name": "forest", "model_type": "tree", "source_run_id": run,
        "params": [{"key": "trees", "value": "100"}], "tags": [{"key": "team", "value": "red"}]
    });
    let id = new(&house, body).await;
    assert!(id.starts_with("m-") && id.len() == 34, "{id}");
    let metric = json!({"run_id": run, "key": "auc", "value": 0.9, "timestamp": 5, "step": 1,
        "model_id": id, "dataset_name": "test", "dataset_digest": "d1"});
    house.done("/runs/log-metric", metric).await;
    let path = format!("/logged-models/{id}");
    let ready = json!({"model_id": id, "status": "LOGGED_MODEL_READY"});
    let done = house.ask("PATCH", &path, ready).await.json();
    let millis = NOW.0 / 1_000;
    let info = json!({
        "model_id": id, "experiment_id": "0", "name": "forest", "creation_timestamp_ms": millis,
        "last_updated_timestamp_ms": millis, "status": "LOGGED_MODEL_READY", "model_type": "tree",
        "artifact_uri": format!("mlflow-artifacts:/0/models/{id}/artifacts"),
        "source_run_id": run, "tags": [{"key": "team", "value": "red"}]
    });
    let data = json!({
        "params": [{"key": "trees", "value": "100"}],
        "metrics": [{"key": "auc", "value": 0.9, "timestamp": 5, "step": 1, "run_id": run,
            "model_id": id, "dataset_name": "test", "dataset_digest": "d1"}]
    });
    assert_eq!(done, json!({"model": {"info": info, "data": data}}));

    let tags = json!({"tags": [{"key": "a", "value": "1"}]});
    assert_eq!(house.ask("PATCH", &format!("{path}/tags"), tags).await.status, 200);
    let tag = format!("{path}/tags/team");
    assert_eq!(house.ask("DELETE", &tag, json!({})).await.status, 200);
    let gone = house.ask("DELETE", &tag, json!({})).await;
    let message = format!("No tag with key 'team' found for model with ID '{id}'.");
    assert_eq!((gone.status, gone.message()), (404, message));
    house.done(&format!("{path}/params"), json!({"params": [{"key": "b", "value": "2"}]})).await;
    let found = house.get(&path).await.json();
    assert_eq!(found["model"]["info"]["tags"], json!([{"key": "a", "value": "1"}]));
    assert_eq!(found["model"]["data"]["params"].as_array().unwrap().len(), 2);
    assert_eq!(house.ask("DELETE", &path, json!({})).await.json(), json!({}));
    let gone = house.get(&path).await;
    let message = format!("Logged model with ID '{id}' not found.");
    assert_eq!((gone.status, gone.message()), (404, message));
    assert_eq!(house.get(&format!("{path}?allow_deleted=true")).await.status, 200);
}

#[tokio::test]
async fn logged_models_are_found() {
    let house = House::open().await;
    for (name, auc) in [("low", 0.5), ("high", 0.9)] {
        let run = house.run().await;
        let id = new(&house, json!({"experiment_id": "0", "name": name})).await;
        let metric = json!({"run_id": run, "key": "auc", "value": auc, "timestamp": 1,
            "model_id": id, "dataset_name": "test", "dataset_digest": "d1"});
        house.done("/runs/log-metric", metric).await;
    }
    let search = async |body: Value| {
        let mut body = body;
        body["experiment_ids"] = json!(["0"]);
        let found = house.done("/logged-models/search", body).await;
        let models = found["models"].as_array().cloned().unwrap_or_default();
        let named = |model: &Value| model["info"]["name"].as_str().unwrap().to_string();
        models.iter().map(named).collect::<Vec<_>>()
    };
    assert_eq!(search(json!({"filter": "metrics.auc > 0.8"})).await, ["high"]);
    let order = json!({"order_by": [{"field_name": "metrics.auc", "ascending": true}]});
    assert_eq!(search(order).await, ["low", "high"]);
    let order = json!({"order_by": [{"field_name": "name", "ascending": false}], "max_results": 1});
    assert_eq!(search(order).await, ["low"]);
    let other = json!({"datasets": [{"dataset_name": "other"}]});
    assert_eq!(search(other).await, [""; 0]);
    for (field, value) in [
        ("filter", json!("mood = 'x'")),
        ("order_by", json!([{"field_name": "mood"}])),
        ("order_by", json!([{"field_name": "params.a"}])),
        ("datasets", json!([{}])),
    ] {
        let body = json!({"experiment_ids": ["0"], field: value});
        assert_eq!(house.post("/logged-models/search", body).await.status, 400, "{field}");
    }
    assert_eq!(house.post("/logged-models/search", json!({})).await.status, 400);
}

#[tokio::test]
async fn files_of_a_logged_model_are_listed_and_registered() {
    let house = House::open().await;
    let id = new(&house, json!({"experiment_id": "0", "name": "forest"})).await;
    for file in ["MLmodel", "data/a.bin"] {
        let path = format!("/api/2.0/mlflow-artifacts/artifacts/0/models/{id}/artifacts/{file}");
        assert_eq!(house.send("PUT", &path, &[], b"x".to_vec()).await.status, 200);
    }
    let list = format!("/logged-models/{id}/artifacts/directories");
    let files = house.get(&list).await.json();
    let expected = json!([{"path": "MLmodel", "is_dir": false, "file_size": 1},
        {"path": "data", "is_dir": true}]);
    assert_eq!(files["files"], expected);
    let inner = house.get(&format!("{list}?artifact_directory_path=data")).await.json();
    assert_eq!(inner["files"][0]["path"], "data/a.bin");
    let out = house.get(&format!("{list}?artifact_directory_path=..%2F..")).await;
    assert_eq!(out.status, 400);
    let file = format!("/logged-models/{id}/artifacts/files?artifact_file_path=");
    let found = house.get(&format!("{file}data/a.bin")).await;
    assert_eq!((found.status, found.body.as_slice()), (200, &b"x"[..]));
    assert_eq!(house.get(&format!("{file}..%2FMLmodel")).await.status, 400);

    house.done("/registered-models/create", json!({"name": "churn"})).await;
    let body = json!({"name": "churn", "source": format!("models:/{id}"), "model_id": id});
    house.done("/model-versions/create", body).await;
    let uri = house.get("/model-versions/get-download-uri?name=churn&version=1").await.json();
    assert_eq!(uri["artifact_uri"], format!("mlflow-artifacts:/0/models/{id}/artifacts"));
    let file = "/model-versions/get-artifact?name=churn&version=1&path=MLmodel";
    let found = house.send("GET", file, &[], Vec::new()).await;
    assert_eq!((found.status, found.body.as_slice()), (200, &b"x"[..]));
    assert!(found.header("content-disposition").starts_with("attachment"));
    let model = house.get(&format!("/logged-models/{id}")).await.json();
    let tags = model["model"]["info"]["tags"].clone();
    let known = json!([{"key": "mlflow.modelVersions",
        "value": "[{\"name\":\"churn\",\"version\":1}]"}]);
    assert_eq!(tags, known);
}
