//! Plans of traffic and outcomes: who may lay them down and report them.

use gristmill_server::Access;
use gristmill_track::{
    AliasRule, Approval, AuditQuery, CHAMPION, Level, NewToken, NewVersion, Note, Page, Token,
};
use serde_json::{Value, json};

use crate::house::{Answer, House, NOW};

const PATH: &str = "/api/v1/models/churn/traffic";

/// A server with three tokens, and a model with two versions whose champion only `ada` may replace.
async fn guarded() -> House {
    let house = House::with(Access::Tokens, None).await;
    for (name, scope) in [("ada", Level::Write), ("bob", Level::Write), ("eve", Level::Read)] {
        let hash = Token::hash_of(name);
        let new = NewToken { name: name.into(), hash, scope, created: NOW, expires: None };
        house.store.create_token(new).await.unwrap();
    }
    let note = || Note::new(NOW, "ada", "");
    for digest in ["d1", "d2"] {
        house.store.register(NewVersion::new("churn", digest, "p", note())).await.unwrap();
    }
    house.store.set_alias("churn", CHAMPION, 1, note()).await.unwrap();
    let approvals = vec![Approval::By("ada".into())];
    let rule = AliasRule { model: "churn".into(), alias: CHAMPION.into(), approvals };
    house.store.set_alias_rule(rule, note()).await.unwrap();
    house
}

async fn ask(house: &House, name: &str, method: &str, path: &str, body: &Value) -> Answer {
    let word = format!("Bearer {name}");
    let headers = [("authorization", word.as_str()), ("content-type", "application/json")];
    house.send(method, path, &headers, body.to_string().into()).await
}

#[tokio::test]
async fn whoever_may_not_promote_a_version_may_not_let_it_answer_either() {
    let house = guarded().await;
    let canary = json!({"plan": {"canary": {"to": "2", "percent": 100}}});
    let ab_test = json!({"plan": {"ab_test": {"treatment": "2"}}});
    for plan in [&canary, &ab_test] {
        let refused = ask(&house, "bob", "PUT", PATH, plan).await;
        assert_eq!(refused.status, 403, "{}", refused.message());
        assert!(refused.message().contains("needs `ada` to move it"), "{}", refused.message());
        assert_eq!(ask(&house, "eve", "PUT", PATH, plan).await.status, 403);
        assert_eq!(ask(&house, "ada", "PUT", PATH, plan).await.status, 200);
    }
    let shadow = json!({"plan": {"shadow": "2"}});
    assert_eq!(ask(&house, "bob", "PUT", PATH, &shadow).await.status, 200, "it answers nobody");
    let shown = ask(&house, "eve", "GET", PATH, &Value::Null).await.json();
    assert_eq!(shown["plan"]["shadow"], "2");
    for _ in 0..200 {
        let query = AuditQuery { page: Page { limit: 20, offset: 0 }, ..AuditQuery::default() };
        let lines = house.store.audit(&query).await.unwrap();
        let changes: Vec<&str> = lines
            .iter()
            .filter(|line| line.did == format!("PUT {PATH}"))
            .map(|line| line.who.as_str())
            .collect();
        if changes.len() == 7 {
            assert_eq!(changes.iter().filter(|who| **who == "ada").count(), 2);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("not every change is on record");
}

#[tokio::test]
async fn outcomes_are_reported_by_whoever_may_write_and_about_a_test() {
    let house = guarded().await;
    let outcomes = json!([{"id": "a", "value": 1}, {"id": "b", "value": 0.5, "key": "k"}]);
    let report = async |name| ask(&house, name, "POST", "/models/churn/outcomes", &outcomes).await;
    assert_eq!(report("eve").await.status, 403);
    assert_eq!(report("bob").await.status, 409, "no test goes on");
    let ab_test = json!({"plan": {"ab_test": {"treatment": "2", "percent": 50}}});
    let set = ask(&house, "ada", "PUT", PATH, &ab_test).await.json();
    assert_eq!(
        (&set["test"]["control"], &set["plan"]["ab_test"]["alpha"]),
        (&json!(1), &json!(0.05))
    );
    let taken = report("bob").await;
    assert_eq!(taken.json(), json!({"taken": 2, "known": 0, "elsewhere": 0}));
    assert_eq!(taken.header("x-request-id").len(), 32);
    assert_eq!(report("bob").await.json(), json!({"taken": 0, "known": 2, "elsewhere": 0}));
    let shown = ask(&house, "eve", "GET", PATH, &Value::Null).await.json();
    let totals = &shown["result"]["totals"];
    let count = |side: &str| totals[side]["count"].as_u64().unwrap();
    assert_eq!(
        (count("control") + count("treatment"), &shown["result"]["verdict"]),
        (2, &Value::Null)
    );
    let many: Vec<Value> =
        (0..10_001).map(|id| json!({"id": id.to_string(), "value": 1})).collect();
    for (odd, words) in [
        (json!(many), "report 10000 at a time"),
        (json!([{"id": "a", "value": "1"}]), "is no list of outcomes"),
        (json!([{"id": "a", "value": 1, "extra": 1}]), "unknown field `extra`"),
        (json!([{"id": "x".repeat(129), "value": 1}]), "at most 128"),
    ] {
        let refused = ask(&house, "bob", "POST", "/models/churn/outcomes", &odd).await;
        assert!(
            refused.status == 400 && refused.message().contains(words),
            "{}",
            refused.message()
        );
    }
    assert_eq!(ask(&house, "bob", "POST", "/models/none/outcomes", &outcomes).await.status, 404);
}
