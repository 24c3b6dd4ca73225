//! Tokens, roles and the record, before every route.

use std::sync::Arc;
use std::time::Duration;

use gristmill_server::{Access, Rate, Settings};
use gristmill_track::{AuditQuery, Level, NewToken, Outcome, Role, Store, ThingKind, Token};
use serde_json::{Value, json};

use crate::house::{Answer, House, NOW};

async fn token(store: &Arc<dyn Store>, name: &str, scope: Level) {
    let new = NewToken {
        name: name.into(),
        hash: Token::hash_of(&format!("word of {name}")),
        scope,
        created: NOW,
        expires: None,
    };
    store.create_token(new).await.unwrap();
}

/// A server that asks for tokens, and has one of each scope.
async fn guarded() -> House {
    let house = House::with(Access::Tokens, None).await;
    for (name, scope) in
        [("reader", Level::Read), ("writer", Level::Write), ("admin", Level::Admin)]
    {
        token(&house.store, name, scope).await;
    }
    house
}

async fn ask(house: &House, name: &str, method: &str, path: &str, body: Value) -> Answer {
    let word = format!("Bearer word of {name}");
    let headers = [("authorization", word.as_str()), ("content-type", "application/json")];
    let path = format!("/api/2.0/mlflow{path}");
    house.send(method, &path, &headers, body.to_string().into()).await
}

/// The routes as the tables of routes spell them.
fn routes() -> Vec<(String, String)> {
    let tables =
        [include_str!("../../src/mlflow/mod.rs"), include_str!("../../src/memory.rs")].concat();
    let mut routes = Vec::new();
    for table in tables.split(".route(").skip(1) {
        let path = table.split('"').nth(1).unwrap().replace("{*", "{");
        let end = table.find("\n        .").or_else(|| table.find("\n}")).unwrap_or(table.len());
        let handlers = &table[..end];
        for method in ["get", "post", "patch", "put", "delete", "any"] {
            let named = [format!("{method}("), format!(".{method}(")];
            if named.iter().any(|name| handlers.contains(name)) {
                let method = if method == "any" { "post" } else { method };
                routes.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    routes
}

#[tokio::test]
async fn no_route_answers_without_a_token() {
    let house = House::set(|settings| {
        let rate = Rate { per_second: 1e6, burst: 1e6 };
        Settings { access: Access::Tokens, rate, ..settings }
    })
    .await;
    let routes = routes();
    assert!(routes.len() > 60, "the tables are not read any more: {routes:?}");
    let known = ["/registered-models/create", "/webhooks/{id}", "/runs/search", "/get-artifact"];
    for known in known {
        assert!(routes.iter().any(|(_, path)| path == known), "{known}: {routes:?}");
    }
    for (method, path) in routes {
        for root in ["", "/api/2.0/mlflow", "/ajax-api/2.0/mlflow-artifacts", "/api/3.0/mlflow"] {
            let path = format!("{root}{}", path.replace(['{', '}'], ""));
            let answer = house.send(&method, &path, &[], Vec::new()).await;
            assert!(matches!(answer.status, 401 | 429), "{method} {path}: {}", answer.status);
        }
    }
    assert_eq!(house.send("GET", "/health", &[], Vec::new()).await.status, 200);
}

#[tokio::test]
async fn a_scope_says_what_may_be_done() {
    let house = guarded().await;
    let create = "/registered-models/create";
    let answer = ask(&house, "reader", "POST", create, json!({"name": "churn"})).await;
    assert_eq!(
        (answer.status, answer.json()["error_code"].as_str()),
        (403, Some("PERMISSION_DENIED"))
    );
    assert_eq!(answer.message(), "`reader` may not do this: it needs the right `write`");
    assert_eq!(ask(&house, "writer", "POST", create, json!({"name": "churn"})).await.status, 200);
    let get = "/registered-models/get?name=churn";
    assert_eq!(ask(&house, "reader", "GET", get, Value::Null).await.status, 200);
    let (delete, churn) = ("/registered-models/delete", json!({"name": "churn"}));
    assert_eq!(ask(&house, "writer", "DELETE", delete, churn.clone()).await.status, 403);
    assert_eq!(ask(&house, "writer", "GET", "/webhooks", Value::Null).await.status, 403);
    assert_eq!(ask(&house, "admin", "GET", "/webhooks", Value::Null).await.status, 200);
    assert_eq!(ask(&house, "admin", "DELETE", delete, churn).await.status, 200);
    assert_eq!(ask(&house, "nobody", "GET", get, Value::Null).await.status, 401);
}

#[tokio::test]
async fn a_revoked_or_expired_token_opens_nothing() {
    let house = guarded().await;
    let expired = NewToken {
        name: "old".into(),
        hash: Token::hash_of("word of old"),
        scope: Level::Admin,
        created: NOW,
        expires: Some(NOW),
    };
    house.store.create_token(expired).await.unwrap();
    house.store.revoke_token("writer", NOW).await.unwrap();
    for name in ["old", "writer"] {
        let answer = ask(&house, name, "GET", "/registered-models/search", Value::Null).await;
        assert_eq!(answer.status, 401, "{name}");
    }
}

#[tokio::test]
async fn a_role_goes_before_the_scope() {
    let house = guarded().await;
    for name in ["churn", "secret"] {
        ask(&house, "admin", "POST", "/registered-models/create", json!({"name": name})).await;
    }
    for (token, name, level) in [
        ("reader", "churn", Level::Write),
        ("reader", "secret", Level::None),
        ("writer", "secret", Level::Read),
    ] {
        let (token, name) = (token.to_string(), name.to_string());
        house.store.grant(Role { token, kind: ThingKind::Model, name, level }).await.unwrap();
    }
    let tag = |name: &str| json!({"name": name, "key": "a", "value": "1"});
    let set = "/registered-models/set-tag";
    assert_eq!(ask(&house, "reader", "POST", set, tag("churn")).await.status, 200);
    assert_eq!(ask(&house, "reader", "POST", set, tag("secret")).await.status, 403);
    assert_eq!(ask(&house, "writer", "POST", set, tag("secret")).await.status, 403);
    let secret = "/registered-models/get?name=secret";
    assert_eq!(ask(&house, "writer", "GET", secret, Value::Null).await.status, 200);
    assert_eq!(ask(&house, "reader", "GET", secret, Value::Null).await.status, 403);
    // What is sent in the place that the route does not read counts for nothing.
    let elsewhere = ask(&house, "reader", "GET", secret, json!({"name": "churn"})).await;
    assert_eq!(elsewhere.status, 403);
    let both = ask(&house, "reader", "POST", &format!("{set}?name=churn"), tag("secret")).await;
    assert_eq!(both.status, 403);
    let rename = json!({"name": "churn", "new_name": "secret"});
    let renamed = ask(&house, "reader", "POST", "/registered-models/rename", rename).await;
    assert_eq!(renamed.status, 403);
    let word = [("authorization", "Bearer word of reader")];
    let update = json!({"name": "secret", "description": "x"}).to_string();
    let path = "/api/2.0/mlflow/registered-models/update";
    assert_eq!(house.send("PATCH", path, &word, update.into()).await.status, 403, "without a type");
    let found = ask(&house, "reader", "GET", "/registered-models/search", Value::Null).await.json();
    assert_eq!(found["registered_models"].as_array().unwrap().len(), 1);
    let page = "/api/2.0/mlflow/logged-models/search";
    assert_eq!(house.send("POST", page, &word, Vec::new()).await.status, 400, "no type at all");
}

#[tokio::test]
async fn a_role_on_an_experiment_is_one_on_its_runs() {
    let house = guarded().await;
    let run =
        ask(&house, "admin", "POST", "/runs/create", json!({"experiment_id": "0"})).await.json();
    let run = run["run"]["info"]["run_id"].clone();
    let role = Role {
        token: "reader".into(),
        kind: ThingKind::Experiment,
        name: "0".into(),
        level: Level::Write,
    };
    house.store.grant(role).await.unwrap();
    let tag = json!({"run_id": run, "key": "a", "value": "1"});
    assert_eq!(ask(&house, "reader", "POST", "/runs/set-tag", tag.clone()).await.status, 200);
    let delete = json!({"run_id": run});
    assert_eq!(ask(&house, "reader", "POST", "/runs/delete", delete).await.status, 403);
    ask(&house, "admin", "POST", "/experiments/create", json!({"name": "other"})).await;
    let other = json!({"experiment_id": "1"});
    assert_eq!(ask(&house, "reader", "POST", "/runs/create", other).await.status, 403);
}

/// The record, once `count` lines are on it.
async fn record(house: &House, count: usize) -> Vec<gristmill_track::AuditLine> {
    for _ in 0..200 {
        let lines = house.store.audit(&AuditQuery::default()).await.unwrap();
        if lines.len() >= count {
            return lines;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the record stays shorter than {count} lines");
}

#[tokio::test]
async fn what_is_changed_or_refused_is_on_record() {
    let house = guarded().await;
    let create = "/registered-models/create";
    ask(&house, "writer", "POST", create, json!({"name": "churn", "secret": "sesame"})).await;
    ask(&house, "writer", "POST", create, json!({"name": "churn"})).await;
    ask(&house, "reader", "POST", create, json!({"name": "other"})).await;
    ask(&house, "nobody", "GET", "/registered-models/search", Value::Null).await;
    ask(&house, "reader", "GET", "/registered-models/search", Value::Null).await;
    let lines = record(&house, 4).await;
    let said: Vec<_> =
        lines.iter().map(|line| (line.who.as_str(), line.thing.as_str(), line.outcome)).collect();
    let expected = [
        ("", "", Outcome::Refused),
        ("reader", "", Outcome::Refused),
        ("writer", "name=churn", Outcome::Failed),
        ("writer", "name=churn", Outcome::Allowed),
    ];
    assert_eq!(said.len(), 4);
    assert_eq!((said[0], said[2], said[3]), (expected[0], expected[2], expected[3]));
    assert_eq!((said[1].0, said[1].2), ("reader", Outcome::Refused));
    assert!(lines.iter().all(|line| line.origin == "127.0.0.1"), "{lines:?}");
    assert!(!format!("{lines:?}").contains("sesame"));
    let used = house.store.tokens().await.unwrap();
    assert!(used.iter().filter(|token| token.name != "admin").all(|t| t.used == Some(NOW)));
}

#[tokio::test]
async fn the_history_says_who_moved_an_alias_and_why() {
    let house = guarded().await;
    let create = json!({"name": "churn"});
    ask(&house, "writer", "POST", "/registered-models/create", create).await;
    let version = json!({"name": "churn", "source": "s3://b/1"});
    ask(&house, "writer", "POST", "/model-versions/create", version).await;
    let headers = [
        ("authorization", "Bearer word of writer"),
        ("content-type", "application/json"),
        ("x-gristmill-why", "better live"),
    ];
    let alias = json!({"name": "churn", "alias": "champion", "version": "1"}).to_string();
    let path = "/api/2.0/mlflow/registered-models/alias";
    assert_eq!(house.send("POST", path, &headers, alias.into()).await.status, 200);
    let served = house.store.alias_at("churn", "champion", NOW).await.unwrap().unwrap();
    assert_eq!((served.version, served.note.who.as_str()), (Some(1), "writer"));
    assert_eq!(served.note.why, "better live");
    let version = house.store.version("churn", 1).await.unwrap();
    assert_eq!(version.who, "writer");
}

#[tokio::test]
async fn whoever_asks_too_often_waits() {
    let house = House::set(|settings| {
        let rate = Rate { per_second: 0.001, burst: 3.0 };
        Settings { access: Access::Token("sesame".into()), rate, ..settings }
    })
    .await;
    let headers = [("authorization", "Bearer sesame")];
    let path = "/api/2.0/mlflow/registered-models/search";
    for status in [200, 200, 200, 429] {
        let answer = house.send("GET", path, &headers, Vec::new()).await;
        assert_eq!(answer.status, status);
        if status == 429 {
            assert_eq!(answer.json()["error_code"], "REQUEST_LIMIT_EXCEEDED");
            assert_eq!(answer.header("retry-after"), "1");
        }
    }
    for _ in 0..60 {
        house.send("GET", path, &[("authorization", "Bearer guess")], Vec::new()).await;
    }
    let guess = house.send("GET", path, &[("authorization", "Bearer guess")], Vec::new()).await;
    assert_eq!(guess.status, 429, "whoever guesses is slowed down too");
}
