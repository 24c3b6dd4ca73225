//! Webhooks.

use std::sync::Arc;

use gristmill_server::{Access, HookAnswer, Hooks};
use serde_json::{Value, json};

use crate::house::House;

struct Echo;

impl Hooks for Echo {
    fn receive(&self, name: &str, payload: Value) -> HookAnswer {
        match name {
            "none" => HookAnswer::refuse(404, "nobody waits for it"),
            name => HookAnswer::new(202, json!({"name": name, "payload": payload})),
        }
    }
}

#[track_caller]
fn check(answer: &crate::house::Answer, status: u16, said: &str) {
    assert_eq!(answer.status, status);
    let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_string();
    assert!(message.contains(said), "{message}");
}

#[tokio::test]
async fn webhooks_are_handed_on() {
    let house = House::with(Access::Loopback, Some(Arc::new(Echo))).await;
    let json = [("content-type", "application/json")];
    let taken = house.send("POST", "/api/v1/hooks/data", &json, b"{\"a\":1}".to_vec()).await;
    assert_eq!((taken.status, taken.json()), (202, json!({"name": "data", "payload": {"a": 1}})));
    let empty = house.send("POST", "/api/v1/hooks/data", &[], Vec::new()).await;
    assert_eq!(empty.json()["payload"], Value::Null);
    check(&house.send("POST", "/api/v1/hooks/none", &[], vec![]).await, 404, "nobody waits");
    check(&house.send("GET", "/api/v1/hooks/data", &[], vec![]).await, 405, "POST only");
    check(&house.send("POST", "/api/v1/hooks/data", &[], b"a=1".to_vec()).await, 415, "send JSON");
    check(&house.send("POST", "/api/v1/hooks/data", &json, b"{".to_vec()).await, 400, "no JSON");
    let long = vec![b' '; 1_000_001];
    check(&house.send("POST", "/api/v1/hooks/data", &json, long).await, 413, "too long");
    let page = [("origin", "http://localhost")];
    let refused = house.send("POST", "/api/v1/hooks/data", &page, Vec::new()).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn a_webhook_needs_the_token_where_there_is_one() {
    let house = House::with(Access::Token("sesame".into()), Some(Arc::new(Echo))).await;
    assert_eq!(house.send("POST", "/api/v1/hooks/data", &[], vec![]).await.status, 401);
    let token = [("authorization", "Bearer sesame")];
    assert_eq!(house.send("POST", "/api/v1/hooks/data", &token, vec![]).await.status, 202);
}

#[tokio::test]
async fn where_nobody_takes_webhooks_there_are_none() {
    let house = House::open().await;
    check(
        &house.send("POST", "/api/v1/hooks/data", &[], vec![]).await,
        404,
        "no deployed pipeline",
    );
}
