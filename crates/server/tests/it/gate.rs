//! Who is let in.

use gristmill_server::{Access, ServerError};
use serde_json::json;

use crate::house::House;

const GET: &str = "/api/2.0/mlflow/experiments/get?experiment_id=0";
const CREATE: &str = "/api/2.0/mlflow/experiments/create";

#[tokio::test]
async fn without_a_token_nothing_but_health_is_told() {
    let house = House::with(Access::Token("sesame".into()), None).await;
    for path in [GET, "/get-artifact?run_uuid=a&path=b", "/api/3.0/mlflow/server-info", "/x"] {
        for headers in [&[][..], &[("authorization", "Bearer wrong")]] {
            let refused = house.send("GET", path, headers, Vec::new()).await;
            assert_eq!(
                (refused.status, refused.header("www-authenticate")),
                (401, "Bearer"),
                "{path}"
            );
            assert_eq!(refused.json()["error_code"], "UNAUTHENTICATED");
        }
    }
    assert_eq!(house.send("GET", "/health", &[], Vec::new()).await.status, 200);
    let opened = house.send("GET", GET, &[("authorization", "Bearer sesame")], Vec::new()).await;
    assert_eq!(opened.json()["experiment"]["name"], "Default");
}

#[tokio::test]
async fn another_name_and_another_page_are_refused() {
    let house = House::open().await;
    let refused = house.send("GET", GET, &[("host", "evil.example")], Vec::new()).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.message(), "Invalid Host header - possible DNS rebinding attack detected");
    let body = json!({"name": "forged"}).to_string();
    let json = ("content-type", "application/json");
    let forged = [json, ("origin", "http://evil.example")];
    let refused = house.send("POST", CREATE, &forged, body.clone().into()).await;
    assert_eq!((refused.status, refused.message().as_str()), (403, "Cross-origin request blocked"));
    // What a page can send without asking first is no JSON.
    let simple = [("content-type", "text/plain")];
    assert_eq!(house.send("POST", CREATE, &simple, body.into()).await.status, 400);
    assert_eq!(house.store.experiment_named("forged").await.unwrap(), None);
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_guessing() {
    let house = House::open().await;
    for path in ["/health", GET, "/nothing"] {
        let answer = house.send("GET", path, &[], Vec::new()).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN", "{path}");
    }
}

#[tokio::test]
async fn fields_that_are_not_a_callers_to_set_change_nothing() {
    let house = House::open().await;
    let id = house.run().await;
    let body = json!({
        "run_id": id, "lifecycle_stage": "deleted", "experiment_id": "99", "artifact_uri": "file:///etc",
        "start_time": 5, "user_id": "root", "status": "FINISHED"
    });
    let ended = house.done("/runs/update", body).await;
    let info = &ended["run_info"];
    assert_eq!(info["lifecycle_stage"], "active");
    assert_eq!(info["experiment_id"], "0");
    assert_eq!(info["start_time"], 0);
    assert_eq!(info["user_id"], "");
    assert_eq!(info["artifact_uri"], format!("mlflow-artifacts:/0/{id}/artifacts"));
    let body = json!({"name": "mine", "experiment_id": "0", "lifecycle_stage": "deleted", "creation_time": 1});
    let made = house.done("/experiments/create", body).await;
    assert_eq!(made, json!({"experiment_id": "1"}));
    let found = house.get("/experiments/get?experiment_id=1").await.json();
    assert_eq!(found["experiment"]["lifecycle_stage"], "active");
}

#[tokio::test]
async fn an_address_that_others_reach_needs_a_token() {
    let house = House::open().await;
    let open = |host: &str| {
        let artifacts =
            std::sync::Arc::new(gristmill_track::LocalArtifacts::in_home(house.home.path()));
        let clock = std::sync::Arc::new(gristmill_core::FixedClock(crate::house::NOW));
        let settings = gristmill_server::Settings::new(house.store.clone(), artifacts, clock);
        let settings = gristmill_server::Settings { host: host.into(), port: 0, ..settings };
        gristmill_server::Server::start(settings).map(|_| ())
    };
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        assert!(matches!(open(host), Err(ServerError::Open { .. })), "{host}");
    }
    for host in ["", "example.com", "127.0.0.1:80", "localhost.evil"] {
        assert!(matches!(open(host), Err(ServerError::Address { .. })), "{host}");
    }
    assert!(open("localhost").is_ok());
}
