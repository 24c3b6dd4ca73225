//! Who moved an alias, when and why, and the ways back.

use std::sync::Arc;

use gristmill_server::{Access, Cards, Settings};
use gristmill_track::{Level, NewToken, NewVersion, Note, Role, ThingKind, Token};
use serde_json::{Value, json};

use crate::house::{Answer, House, NOW};

/// A server with two tokens, and a model with two versions.
async fn guarded() -> House {
    let house = House::with(Access::Tokens, None).await;
    for (name, scope) in [("ada", Level::Admin), ("bob", Level::Write)] {
        let hash = Token::hash_of(name);
        let new = NewToken { name: name.into(), hash, scope, created: NOW, expires: None };
        house.store.create_token(new).await.unwrap();
    }
    house.store.ensure_model("churn", NOW).await.unwrap();
    for source in ["s3://b/1", "s3://b/2"] {
        let body = json!({"name": "churn", "source": source});
        let made = ask(&house, "bob", "POST", "/api/2.0/mlflow/model-versions/create", body).await;
        assert_eq!(made.status, 200, "{}", made.message());
    }
    house
}

async fn ask(house: &House, name: &str, method: &str, path: &str, body: Value) -> Answer {
    let word = format!("Bearer {name}");
    let headers = [("authorization", word.as_str()), ("content-type", "application/json")];
    house.send(method, path, &headers, body.to_string().into()).await
}

const ALIAS: &str = "/api/v1/models/churn/aliases/champion";

#[tokio::test]
async fn an_alias_is_promoted_and_goes_back_with_reasons() {
    let house = guarded().await;
    for (version, why) in [(1, "first"), (2, "better offline")] {
        let body = json!({"version": version, "why": why});
        let moved = ask(&house, "bob", "POST", ALIAS, body).await.json();
        let expected = json!({"model": "churn", "version": version, "aliases": ["champion"]});
        assert_eq!(moved, expected);
    }
    let back = format!("{ALIAS}/rollback");
    let body = json!({"why": "worse live"});
    assert_eq!(ask(&house, "bob", "POST", &back, body).await.json()["version"], 1);
    assert_eq!(ask(&house, "bob", "POST", &back, json!({})).await.status, 400);
    let served = ask(&house, "bob", "GET", ALIAS, Value::Null).await.json();
    assert_eq!(served["move"]["version"], 1);
    let note = json!({"at": NOW, "who": "bob", "why": "worse live"});
    assert_eq!(served["move"]["note"], note);
    let early = format!("{ALIAS}?at=2001-01-01T00:00:00Z");
    let before = ask(&house, "bob", "GET", &early, json!({})).await.json();
    assert_eq!(before["move"], Value::Null);
    let odd = ask(&house, "bob", "GET", &format!("{ALIAS}?at=yesterday"), json!({})).await;
    assert_eq!(odd.status, 400);
    let history = ask(&house, "bob", "GET", "/api/v1/models/churn/history", json!({})).await.json();
    assert_eq!(history["events"].as_array().unwrap().len(), 5);
    let nobody = ask(&house, "bob", "GET", "/api/v1/models/nobody/history", json!({})).await;
    assert_eq!(nobody.message(), "Registered Model with name=nobody not found");
}

#[tokio::test]
async fn a_rule_is_laid_down_by_an_administrator_and_binds_all() {
    let house = guarded().await;
    let rule = format!("{ALIAS}/rule");
    let body = json!({"approvals": ["passed_gate", {"by": "ada"}]});
    assert_eq!(ask(&house, "bob", "PUT", &rule, body.clone()).await.status, 403);
    let laid = ask(&house, "ada", "PUT", &rule, body.clone()).await;
    assert_eq!(laid.status, 200, "{}", laid.message());
    let rules = ask(&house, "bob", "GET", "/api/v1/models/churn/rules", json!({})).await.json();
    assert_eq!(rules["rules"][0]["approvals"], body["approvals"]);
    let refused = ask(&house, "bob", "POST", ALIAS, json!({"version": 1})).await;
    assert_eq!(refused.status, 403);
    assert!(refused.message().contains("found a move to version 1 by `bob`"));
    assert_eq!(ask(&house, "ada", "POST", ALIAS, json!({"version": 1})).await.status, 200);
    let odd = json!({"approvals": ["by luck"]});
    assert_eq!(ask(&house, "ada", "PUT", &rule, odd).await.status, 400);
}

#[tokio::test]
async fn the_record_is_an_administrators_to_read() {
    let house = guarded().await;
    assert_eq!(ask(&house, "bob", "GET", "/api/v1/audit", Value::Null).await.status, 403);
    for _ in 0..200 {
        let query = "/api/v1/audit?outcome=refused&who=bob&limit=5";
        let lines = ask(&house, "ada", "GET", query, Value::Null).await.json();
        if let Some(line) = lines["lines"].get(0) {
            assert_eq!(line["did"], "GET /api/v1/audit");
            assert_eq!(line["origin"], "127.0.0.1");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the refusal is on no record");
}

/// Makes a card that says what it was asked for.
struct Echo;

impl Cards for Echo {
    fn card(&self, model: &str, version: u32) -> Result<String, String> {
        match version {
            1 => Ok(format!("# {model}, version {version}")),
            _ => Err("its ink is dry".into()),
        }
    }
}

#[tokio::test]
async fn a_card_is_text_for_those_who_may_read_the_model() {
    let cards: Arc<dyn Cards> = Arc::new(Echo);
    let house =
        House::set(|settings| Settings { access: Access::Tokens, cards: Some(cards), ..settings })
            .await;
    for name in ["bob", "eve"] {
        let (hash, scope) = (Token::hash_of(name), Level::Read);
        let new = NewToken { name: name.into(), hash, scope, created: NOW, expires: None };
        house.store.create_token(new).await.unwrap();
    }
    for n in 1..=2 {
        let new = NewVersion::new("churn", format!("d{n}"), "p", Note::new(NOW, "ada", ""));
        house.store.register(new).await.unwrap();
    }
    let path = |version: &str| format!("/api/v1/models/churn/versions/{version}/card");
    let card = ask(&house, "bob", "GET", &path("1"), Value::Null).await;
    assert_eq!((card.status, card.body.as_slice()), (200, &b"# churn, version 1"[..]));
    assert_eq!(card.header("content-type"), "text/markdown; charset=utf-8");
    assert_eq!(card.header("x-content-type-options"), "nosniff");
    assert!(card.header("content-security-policy").contains("sandbox"));
    for (version, status) in [("2", 500), ("7", 404), ("one", 400)] {
        assert_eq!(ask(&house, "bob", "GET", &path(version), Value::Null).await.status, status);
    }
    assert_eq!(ask(&house, "nobody", "GET", &path("1"), Value::Null).await.status, 401);
    let (kind, level) = (ThingKind::Model, Level::None);
    let role = Role { token: "eve".into(), kind, name: "churn".into(), level };
    house.store.grant(role).await.unwrap();
    assert_eq!(ask(&house, "eve", "GET", &path("1"), Value::Null).await.status, 403);
}
