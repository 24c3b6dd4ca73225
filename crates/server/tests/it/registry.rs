//! Models, versions, stages and aliases as a client meets them.

use gristmill_track::{
    AliasRule, Approval, Artifact, ArtifactKind, ArtifactPath, Content, ContentHash, NewVersion,
    Note,
};
use serde_json::{Value, json};

use crate::house::{House, NOW};

const MILLIS: i64 = NOW.0 / 1_000;

/// A model with some versions from an object store.
pub async fn with_versions(house: &House, name: &str, count: usize) {
    house.done("/registered-models/create", json!({"name": name})).await;
    for number in 1..=count {
        let source = format!("s3://bucket/{number}");
        house.done("/model-versions/create", json!({"name": name, "source": source})).await;
    }
}

#[tokio::test]
async fn a_model_is_made_described_renamed_and_deleted() {
    let house = House::open().await;
    let tags = json!([{"key": "team", "value": "red"}, {"key": "team", "value": "blue"}]);
    let body = json!({"name": "churn", "description": "who leaves", "tags": tags});
    let made = house.done("/registered-models/create", body).await;
    let expected = json!({
        "name": "churn", "creation_timestamp": MILLIS, "last_updated_timestamp": MILLIS,
        "description": "who leaves", "tags": [{"key": "team", "value": "blue"}]
    });
    assert_eq!(made, json!({"registered_model": expected}));
    assert_eq!(house.get("/registered-models/get?name=churn").await.json(), made);
    let again = house.post("/registered-models/create", json!({"name": "churn"})).await;
    assert_eq!(
        (again.status, again.message().as_str()),
        (400, "Registered Model (name=churn) already exists.")
    );
    assert_eq!(again.json()["error_code"], "RESOURCE_ALREADY_EXISTS");

    let update = json!({"name": "churn", "description": "anew"});
    let updated = house.ask("PATCH", "/registered-models/update", update).await.json();
    assert_eq!(updated["registered_model"]["description"], "anew");
    let rename = json!({"name": "churn", "new_name": "leavers"});
    let renamed = house.done("/registered-models/rename", rename).await;
    assert_eq!(renamed["registered_model"]["name"], "leavers");
    let gone = house.get("/registered-models/get?name=churn").await;
    assert_eq!(
        (gone.status, gone.message().as_str()),
        (404, "Registered Model with name=churn not found")
    );
    house
        .done("/registered-models/set-tag", json!({"name": "leavers", "key": "a", "value": "1"}))
        .await;
    let tag = json!({"name": "leavers", "key": "team"});
    assert_eq!(house.ask("DELETE", "/registered-models/delete-tag", tag).await.json(), json!({}));
    let found = house.get("/registered-models/get?name=leavers").await.json();
    assert_eq!(found["registered_model"]["tags"], json!([{"key": "a", "value": "1"}]));
    let delete = json!({"name": "leavers"});
    assert_eq!(house.ask("DELETE", "/registered-models/delete", delete).await.json(), json!({}));
    assert_eq!(house.get("/registered-models/search").await.json(), json!({}));
}

#[tokio::test]
async fn a_version_is_made_described_and_deleted() {
    let house = House::open().await;
    let run = house.run().await;
    house.done("/registered-models/create", json!({"name": "churn"})).await;
    let body = json!({
        "name": "churn", "source": format!("mlflow-artifacts:/0/{run}/artifacts/model"),
        "run_id": run, "run_link": "https://elsewhere/run", "description": "first",
        "tags": [{"key": "a", "value": "1"}]
    });
    let made = house.done("/model-versions/create", body.clone()).await;
    let expected = json!({
        "name": "churn", "version": "1", "creation_timestamp": MILLIS,
        "last_updated_timestamp": MILLIS, "current_stage": "None", "description": "first",
        "source": body["source"], "run_id": run, "status": "READY",
        "run_link": "https://elsewhere/run", "tags": [{"key": "a", "value": "1"}]
    });
    assert_eq!(made, json!({"model_version": expected}));
    let uri = house.get("/model-versions/get-download-uri?name=churn&version=1").await.json();
    assert_eq!(uri, json!({"artifact_uri": body["source"]}));
    let update = json!({"name": "churn", "version": "1", "description": "anew"});
    let updated = house.ask("PATCH", "/model-versions/update", update).await.json();
    assert_eq!(updated["model_version"]["description"], "anew");
    let tag = json!({"name": "churn", "version": "1", "key": "b", "value": "2"});
    house.done("/model-versions/set-tag", tag).await;
    let tag = json!({"name": "churn", "version": "1", "key": "a"});
    assert_eq!(house.ask("DELETE", "/model-versions/delete-tag", tag).await.status, 200);
    let found = house.get("/model-versions/get?name=churn&version=1").await.json();
    assert_eq!(found["model_version"]["tags"], json!([{"key": "b", "value": "2"}]));
    let delete = json!({"name": "churn", "version": "1"});
    assert_eq!(house.ask("DELETE", "/model-versions/delete", delete).await.json(), json!({}));
    let next = house.done("/model-versions/create", json!({"name": "churn", "source": "s3://b/2"}));
    assert_eq!(next.await["model_version"]["version"], "2");
}

#[track_caller]
fn refused(answer: &crate::house::Answer, status: u16, code: &str, message: &str) {
    let found = answer.json();
    assert_eq!((answer.status, found["error_code"].as_str()), (status, Some(code)), "{found}");
    assert_eq!(answer.message(), message);
}

#[tokio::test] // messages seen in answers of MLflow 3.17.2
async fn what_is_not_there_is_said_in_known_words() {
    let house = House::open().await;
    with_versions(&house, "churn", 1).await;
    let missing = "RESOURCE_DOES_NOT_EXIST";
    let invalid = "INVALID_PARAMETER_VALUE";
    for version in ["2", "-1"] {
        let answer = house.get(&format!("/model-versions/get?name=churn&version={version}")).await;
        let message = format!("Model Version (name=churn, version={version}) not found");
        refused(&answer, 404, missing, &message);
    }
    let answer = house.get("/model-versions/get?name=nobody&version=1").await;
    refused(&answer, 404, missing, "Model Version (name=nobody, version=1) not found");
    let answer = house.get("/model-versions/get?name=churn&version=x").await;
    refused(&answer, 400, invalid, "Parameter 'version' must be an integer, got 'x'.");
    let answer = house.get("/registered-models/alias?name=churn&alias=champion").await;
    refused(&answer, 400, invalid, "Registered model alias champion not found.");
    let body = json!({"name": "nobody", "source": "s3://b/1"});
    let answer = house.post("/model-versions/create", body).await;
    refused(&answer, 404, missing, "Registered Model with name=nobody not found");
    let body = json!({"name": "churn", "version": "1", "stage": "Moon"});
    let answer = house.post("/model-versions/transition-stage", body).await;
    let message = "Invalid Model Version stage: Moon. Value must be one of None, Staging, \
                   Production, Archived.";
    refused(&answer, 400, invalid, message);
    let answer = house.post("/registered-models/create", json!({})).await;
    let message = "Missing value for required parameter 'name'. See the API docs for more \
                   information about request parameters.";
    refused(&answer, 400, invalid, message);
}

#[tokio::test]
async fn stages_hold_the_newest_of_their_versions() {
    let house = House::open().await;
    with_versions(&house, "churn", 3).await;
    let enter = async |version: &str, stage: &str, archive: bool| {
        let body = json!({"name": "churn", "version": version, "stage": stage,
            "archive_existing_versions": archive});
        house.done("/model-versions/transition-stage", body).await
    };
    let first = enter("1", "production", false).await;
    assert_eq!(first["model_version"]["current_stage"], "Production");
    enter("2", "Production", true).await;
    let body = json!({"name": "churn", "stages": ["Production", "Archived"]});
    let newest = house.done("/registered-models/get-latest-versions", body).await;
    let held = newest["model_versions"].as_array().unwrap().iter();
    let held = held.map(|v| (v["current_stage"].as_str(), v["version"].as_str()));
    let held: Vec<_> = held.collect();
    assert_eq!(held, [(Some("Archived"), Some("1")), (Some("Production"), Some("2"))]);
    let model = house.get("/registered-models/get?name=churn").await.json();
    assert_eq!(model["registered_model"]["latest_versions"].as_array().unwrap().len(), 3);
    let body = json!({"name": "churn", "version": "3", "stage": "Archived",
        "archive_existing_versions": true});
    assert_eq!(house.post("/model-versions/transition-stage", body).await.status, 400);
}

#[tokio::test]
async fn aliases_are_set_moved_and_taken_away() {
    let house = House::open().await;
    with_versions(&house, "churn", 2).await;
    for version in ["1", "2"] {
        let body = json!({"name": "churn", "alias": "champion", "version": version});
        assert_eq!(house.done("/registered-models/alias", body).await, json!({}));
    }
    let held = house.get("/registered-models/alias?name=churn&alias=champion").await.json();
    assert_eq!(held["model_version"]["version"], "2");
    assert_eq!(held["model_version"]["aliases"], json!(["champion"]));
    let model = house.get("/registered-models/get?name=churn").await.json();
    let aliases = json!([{"alias": "champion", "version": "2"}]);
    assert_eq!(model["registered_model"]["aliases"], aliases);
    let latest = house.get("/registered-models/alias?name=churn&alias=latest").await.json();
    assert_eq!(latest["model_version"]["version"], "2");
    let events = house.store.history("churn").await.unwrap();
    assert_eq!(events.last().unwrap().previous, Some(1), "the history knows moves of clients");
    for _ in 0..2 {
        let body = json!({"name": "churn", "alias": "champion"});
        assert_eq!(house.ask("DELETE", "/registered-models/alias", body).await.status, 200);
    }
    for alias in ["v1", "latest", "a b"] {
        let body = json!({"name": "churn", "alias": alias, "version": "1"});
        assert_eq!(house.post("/registered-models/alias", body).await.status, 400, "{alias}");
    }
}

#[tokio::test]
async fn a_rule_keeps_an_alias_where_it_is() {
    let house = House::open().await;
    with_versions(&house, "churn", 1).await;
    let rule = AliasRule {
        model: "churn".into(),
        alias: "champion".into(),
        approvals: vec![Approval::By("ada".into())],
    };
    house.store.set_alias_rule(rule, Note::default()).await.unwrap();
    let body = json!({"name": "churn", "alias": "champion", "version": "1"});
    let answer = house.post("/registered-models/alias", body).await;
    let message =
        "`churn@champion` needs `ada` to move it; found a move to version 1 by nobody by name";
    refused(&answer, 403, "PERMISSION_DENIED", message);
}

fn names(found: &Value, list: &str, field: &str) -> Vec<String> {
    let items = found[list].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item[field].as_str().unwrap().to_string()).collect()
}

#[tokio::test]
async fn models_and_versions_are_found_page_by_page() {
    let house = House::open().await;
    for name in ["a1", "a2", "a3", "b1"] {
        with_versions(&house, name, 2).await;
    }
    let search = "/registered-models/search?max_results=2&filter=name%20LIKE%20%27a%25%27\
                  &order_by=name%20DESC";
    let first = house.get(search).await.json();
    assert_eq!(names(&first, "registered_models", "name"), ["a3", "a2"]);
    let token = first["next_page_token"].as_str().unwrap().replace('=', "%3D");
    let second = house.get(&format!("{search}&page_token={token}")).await.json();
    assert_eq!(names(&second, "registered_models", "name"), ["a1"]);
    assert!(second.get("next_page_token").is_none());
    let newest = &first["registered_models"][0]["latest_versions"];
    assert_eq!(newest[0]["version"], "2", "{first}");

    let versions = house.get("/model-versions/search?filter=name%3D%27a1%27").await.json();
    assert_eq!(names(&versions, "model_versions", "version"), ["2", "1"]);
    let none = house.get("/model-versions/search?filter=run_id%3D%27x%27").await.json();
    assert_eq!(none, json!({}));
    for (path, said) in [
        ("/registered-models/search?max_results=1001", "'max_results' supplied"),
        ("/model-versions/search?max_results=0", "It must be a positive integer, but got 0"),
        ("/registered-models/search?filter=mood%3D%27x%27", "Invalid attribute key 'mood'"),
        ("/model-versions/search?order_by=mood", "mood"),
        ("/model-versions/search?page_token=zzz", "Invalid page token"),
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.message().contains(said), "{path}: {}", answer.message());
    }
}

#[tokio::test]
async fn what_a_pipeline_registered_is_a_version_like_others() {
    let house = House::open().await;
    let run = house.run().await;
    let content = Content { hash: ContentHash::of(b"x"), kind: ArtifactKind::Folder, size: 1 };
    let artifact = Artifact { path: ArtifactPath::parse("model").unwrap(), content };
    house.store.record_artifacts(run.parse().unwrap(), vec![artifact]).await.unwrap();
    let note = Note::new(NOW, "run", "");
    let new = NewVersion {
        run: Some(run.parse().unwrap()),
        ..NewVersion::new("churn", "d1", "/home/somebody/artifacts/d1", note)
    };
    house.store.register(new).await.unwrap();
    let answer = house.get("/model-versions/get?name=churn&version=1").await;
    let version = &answer.json()["model_version"];
    assert_eq!(version["source"], format!("runs:/{run}/model"));
    assert!(!String::from_utf8(answer.body.clone()).unwrap().contains("somebody"));
    let uri = house.get("/model-versions/get-download-uri?name=churn&version=1").await.json();
    assert_eq!(uri["artifact_uri"], format!("mlflow-artifacts:/0/{run}/artifacts/model"));
    let copy = json!({"name": "copy", "source": "models:/churn/1"});
    house.done("/registered-models/create", json!({"name": "copy"})).await;
    let copied = house.done("/model-versions/create", copy).await;
    assert_eq!(copied["model_version"]["run_id"], run);
    assert_eq!(copied["model_version"]["source"], "models:/churn/1");
}

#[tokio::test]
async fn a_prompt_is_no_model() {
    let house = House::open().await;
    let tags = json!([{"key": "mlflow.prompt.is_prompt", "value": "true"}]);
    house.done("/registered-models/create", json!({"name": "greet", "tags": tags})).await;
    let again = house.post("/registered-models/create", json!({"name": "greet"})).await;
    let message = "Tried to create a registered model with name 'greet', but the name is already \
                   taken by a prompt. MLflow does not allow creating a model and a prompt with the \
                   same name.";
    refused(&again, 400, "RESOURCE_ALREADY_EXISTS", message);
    let body = json!({"name": "greet", "source": "dummy-source", "tags": tags});
    assert_eq!(house.done("/model-versions/create", body).await["model_version"]["version"], "1");
    assert_eq!(house.get("/registered-models/search").await.json(), json!({}));
    let prompts =
        "/registered-models/search?filter=tags.%60mlflow.prompt.is_prompt%60%3D%27true%27";
    assert_eq!(names(&house.get(prompts).await.json(), "registered_models", "name"), ["greet"]);
}
