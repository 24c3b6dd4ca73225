//! Webhooks: what receivers are told, how it is signed, and what becomes of it when they do not answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gristmill_core::{FixedClock, Timestamp};
use gristmill_server::{
    NoticeTarget, Notices, Reach, SealKey, Secret, Server, Settings, WebhookSettings,
};
use gristmill_track::{
    AuditQuery, LocalArtifacts, LoopStep, NewEvent, NewVersion, Note, Outcome, Page, Untold,
    WebhookEvent, WhatHappened,
};
use ring::hmac;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::house::{House, NOW};

/// A receiver that keeps what it is told, and answers with one status after the other.
struct Receiver {
    url: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn open(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&told);
        tokio::spawn(async move {
            for answer in answers.iter().chain(std::iter::repeat(&answers[answers.len() - 1])) {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut message = Vec::new();
                while !is_whole(&message) {
                    let mut piece = [0; 4096];
                    match stream.read(&mut piece).await.unwrap() {
                        0 => break,
                        read => message.extend_from_slice(&piece[..read]),
                    }
                }
                kept.lock().unwrap().push(String::from_utf8(message).unwrap());
                let answer = format!(
                    "HTTP/1.1 {answer}\r\ncontent-length: 4\r\nconnection: close\r\n\r\nsaid"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, told }
    }

    /// What it was told, once there are `count` messages.
    async fn messages(&self, count: usize) -> Vec<String> {
        for _ in 0..1_000 {
            let told = self.told.lock().unwrap().clone();
            if told.len() >= count {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} messages did not come")
    }
}

fn is_whole(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message.lines().find(|line| line.to_lowercase().starts_with(&name.to_lowercase()));
    line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
}

fn body(message: &str) -> Value {
    serde_json::from_str(message.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A server that may tell receivers on this machine, and does not wait long.
async fn house() -> House {
    House::set(|settings| Settings { webhooks: impatient(), ..settings }).await
}

fn impatient() -> WebhookSettings {
    WebhookSettings {
        reach: Reach::Anywhere,
        timeout: Duration::from_millis(500),
        retries: 2,
        pause: Duration::from_millis(1),
    }
}

/// Whether a message is signed with this secret.
fn is_signed_with(message: &str, secret: &str) -> bool {
    let body = message.split_once("\r\n\r\n").unwrap().1;
    let (id, at) = (header(message, "x-mlflow-delivery-id"), header(message, "x-mlflow-timestamp"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    header(message, "x-mlflow-signature") == format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

async fn subscribe(house: &House, url: &str, events: &[(&str, &str)]) -> String {
    let events: Vec<_> =
        events.iter().map(|(entity, action)| json!({"entity": entity, "action": action})).collect();
    let body = json!({"name": "hook", "url": url, "secret": "sesame", "events": events});
    let made = house.done("/webhooks", body).await;
    assert!(!made.to_string().contains("sesame"));
    made["webhook"]["webhook_id"].as_str().unwrap().to_string()
}

#[tokio::test]
async fn a_receiver_is_told_of_what_it_asked_for() {
    let house = house().await;
    let receiver = Receiver::open(&["200 OK"]).await;
    subscribe(
        &house,
        &receiver.url,
        &[("MODEL_VERSION", "CREATED"), ("MODEL_VERSION_ALIAS", "CREATED")],
    )
    .await;
    house.done("/registered-models/create", json!({"name": "churn"})).await;
    house.done("/model-versions/create", json!({"name": "churn", "source": "s3://b/1"})).await;
    receiver.messages(1).await;
    let alias = json!({"name": "churn", "alias": "champion", "version": "1"});
    house.done("/registered-models/alias", alias).await;
    let told = receiver.messages(2).await;
    let expected = json!({
        "entity": "model_version", "action": "created",
        "timestamp": "2023-11-14T22:13:20.123000+00:00",
        "data": {"name": "churn", "version": "1", "source": "s3://b/1", "run_id": null,
            "tags": {}, "description": null}
    });
    assert_eq!(body(&told[0]), expected);
    let alias = json!({"name": "churn", "alias": "champion", "version": "1"});
    assert_eq!(body(&told[1])["data"], alias);
    assert!(told[0].starts_with("POST /hook HTTP/1.1"));
    assert_eq!(header(&told[0], "x-mlflow-timestamp"), (NOW.0 / 1_000_000).to_string());
    assert!(header(&told[0], "x-mlflow-signature").starts_with("v1,"));
    let ids = told.iter().map(|message| header(message, "x-mlflow-delivery-id"));
    assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), 2);
}

#[tokio::test]
async fn a_receiver_that_is_down_is_told_again() {
    let house = house().await;
    let receiver = Receiver::open(&["503 Busy", "500 Oh", "200 OK"]).await;
    subscribe(&house, &receiver.url, &[("REGISTERED_MODEL", "CREATED")]).await;
    house.done("/registered-models/create", json!({"name": "churn"})).await;
    assert_eq!(receiver.messages(3).await.len(), 3);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(receiver.messages(3).await.len(), 3, "it took the third");
    assert_eq!(house.store.audit(&failed()).await.unwrap(), []);
}

fn failed() -> AuditQuery {
    AuditQuery { outcome: Some(Outcome::Failed), ..AuditQuery::default() }
}

#[tokio::test]
async fn what_never_arrives_is_on_record() {
    for (answer, tries) in
        [("503 Busy", 3), ("404 Gone", 1), ("302 Found\r\nlocation: http://127.0.0.1:1/", 1)]
    {
        let answers: &'static [&'static str] = Box::leak(Box::new([answer]));
        let house = house().await;
        let receiver = Receiver::open(answers).await;
        subscribe(&house, &receiver.url, &[("REGISTERED_MODEL", "CREATED")]).await;
        house.done("/registered-models/create", json!({"name": "churn"})).await;
        receiver.messages(tries).await;
        let mut lines = Vec::new();
        for _ in 0..200 {
            lines = house.store.audit(&failed()).await.unwrap();
            if !lines.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(lines.len(), 1, "{answer}");
        let said = format!("registered_model.created after {tries} tries: said");
        assert_eq!((lines[0].did.as_str(), lines[0].thing.as_str()), (said.as_str(), "hook"));
        assert_eq!(receiver.messages(tries).await.len(), tries);
    }
}

#[tokio::test]
async fn a_webhook_is_tried_out() {
    let house = house().await;
    let receiver = Receiver::open(&["200 OK", "418 Teapot"]).await;
    let id = subscribe(&house, &receiver.url, &[("MODEL_VERSION_TAG", "SET")]).await;
    let path = format!("/webhooks/{id}/test");
    let result = house.done(&path, json!({})).await;
    let expected = json!({"success": true, "response_status": 200, "response_body": "said"});
    assert_eq!(result, json!({"result": expected}));
    assert_eq!(body(&receiver.messages(1).await[0])["entity"], "model_version_tag");
    let event = json!({"event": {"entity": "PROMPT", "action": "CREATED"}});
    assert_eq!(house.done(&path, event).await["result"]["success"], false);
    assert_eq!(body(&receiver.messages(2).await[1])["entity"], "prompt");
    let update = json!({"url": "http://127.0.0.1:1/hook"});
    assert_eq!(house.ask("PATCH", &format!("/webhooks/{id}"), update).await.status, 200);
    let result = house.done(&path, json!({})).await["result"].clone();
    assert_eq!(result["success"], false);
    let said = result["error_message"].as_str().unwrap();
    assert!(said.contains("no answer") && !said.contains("sesame"), "{said}");
}

#[tokio::test]
async fn a_webhook_is_listed_changed_and_deleted() {
    let house = House::open().await;
    let body = json!({"name": "hook", "url": "https://example.com/a?key=b", "description": "builds",
        "secret": "sesame", "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]});
    let made = house.done("/webhooks", body).await;
    let id = made["webhook"]["webhook_id"].as_str().unwrap().to_string();
    let millis = NOW.0 / 1_000;
    let expected = json!({
        "webhook_id": id, "name": "hook", "url": "https://example.com/a?key=b",
        "description": "builds", "status": "ACTIVE", "creation_timestamp": millis,
        "last_updated_timestamp": millis,
        "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]
    });
    assert_eq!(made["webhook"], expected);
    assert_eq!(house.get("/webhooks").await.json(), json!({"webhooks": [expected]}));
    let path = format!("/webhooks/{id}");
    let update = json!({"status": "DISABLED", "name": "other"});
    let changed = house.ask("PATCH", &path, update).await.json();
    assert_eq!(
        (&changed["webhook"]["status"], &changed["webhook"]["name"]),
        (&json!("DISABLED"), &json!("other"))
    );
    for body in [
        json!({"events": [{"entity": "MODEL_VERSION", "action": "DELETED"}]}),
        json!({"name": "-bad-"}),
        json!({"url": "http://127.0.0.1"}),
        json!({"status": "SLEEPY"}),
        json!({"name": "x".repeat(64)}),
    ] {
        assert_eq!(house.ask("PATCH", &path, body.clone()).await.status, 400, "{body}");
    }
    assert_eq!(house.ask("DELETE", &path, json!({})).await.json(), json!({}));
    let gone = house.get(&path).await;
    assert_eq!((gone.status, gone.message()), (404, format!("Webhook with ID {id} not found.")));
}

#[tokio::test]
async fn what_a_run_or_a_person_did_elsewhere_is_told_once_by_one_of_two_servers() {
    let house = house().await;
    let receiver = Receiver::open(&["200 OK"]).await;
    subscribe(
        &house,
        &receiver.url,
        &[("MODEL_VERSION", "CREATED"), ("MODEL_VERSION_ALIAS", "CREATED")],
    )
    .await;
    let beside = House::set(|settings| Settings {
        store: Arc::clone(&house.store),
        webhooks: WebhookSettings { reach: Reach::Anywhere, ..WebhookSettings::default() },
        ..settings
    })
    .await;
    let note = || Note::new(NOW, "run 1", "");
    house.store.register(NewVersion::new("churn", "d1", "p", note())).await.unwrap();
    house.store.set_alias("churn", "champion", 1, note()).await.unwrap();
    let untold = |event, model: &str, alias: Option<&str>| Untold {
        event,
        model: model.into(),
        version: Some(1),
        alias: alias.map(String::from),
        line: None,
        at: NOW,
    };
    for untold in [
        untold(WebhookEvent::VersionCreated, "gone", None),
        untold(WebhookEvent::VersionCreated, "churn", None),
        untold(WebhookEvent::AliasCreated, "churn", Some("champion")),
    ] {
        house.store.leave_untold(untold).await.unwrap();
    }
    let mut told = receiver.messages(2).await;
    told.sort_by_key(|message| body(message)["entity"].to_string());
    let data = json!({"name": "churn", "alias": "champion", "version": "1"});
    assert_eq!(body(&told[1])["data"], data);
    assert_eq!(body(&told[0])["data"]["version"], "1");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.messages(2).await.len(), 2, "each is told once");
    beside.stop();
}

#[tokio::test]
async fn a_move_by_the_registrys_own_routes_is_told_too() {
    let house = house().await;
    let receiver = Receiver::open(&["200 OK"]).await;
    subscribe(&house, &receiver.url, &[("MODEL_VERSION_ALIAS", "CREATED")]).await;
    let note = Note::new(NOW, "run 1", "");
    house.store.register(NewVersion::new("churn", "d1", "p", note)).await.unwrap();
    let path = "/api/v1/models/churn/aliases/champion";
    let json = [("content-type", "application/json")];
    let moved = house.send("POST", path, &json, b"{\"version\": 1}".to_vec()).await;
    assert_eq!(moved.status, 200, "{}", moved.message());
    let told = receiver.messages(1).await;
    assert_eq!(body(&told[0])["data"]["alias"], "champion");
}

/// What the store holds of the secret of its only webhook.
async fn kept(house: &House) -> String {
    let webhooks = house.store.webhooks(Page::default()).await.unwrap();
    webhooks[0].secret.as_ref().unwrap().reveal().to_string()
}

#[tokio::test]
async fn a_secret_is_sealed_where_it_is_kept_and_signs_as_it_was() {
    // As an earlier version kept it.
    let house = house().await;
    let receiver = Receiver::open(&["200 OK"]).await;
    let id = subscribe(&house, &receiver.url, &[("REGISTERED_MODEL", "CREATED")]).await;
    assert_eq!(kept(&house).await, "sesame");
    let with = |word: &str| {
        let artifacts = Arc::new(LocalArtifacts::in_home(house.home.path()));
        let clock = Arc::new(FixedClock(NOW));
        let settings = Settings::new(house.store.clone(), artifacts, clock);
        let seal_key = Some(SealKey::of_word(word));
        Server::start(Settings { port: 0, seal_key, webhooks: impatient(), ..settings }).unwrap()
    };
    let sealing = with("a key that stands elsewhere");
    for _ in 0..300 {
        if kept(&house).await.starts_with("sealed:1:") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let sealed = kept(&house).await;
    assert!(sealed.starts_with("sealed:1:") && !sealed.contains("sesame"));
    let post = |server: &Server, path: &str, body: Value| {
        let url = format!("http://{}/api/2.0/mlflow{path}", server.address());
        let json = ("content-type", "application/json");
        house.client.post(url).header(json.0, json.1).body(body.to_string()).send()
    };
    post(&sealing, "/registered-models/create", json!({"name": "a"})).await.unwrap();
    assert!(is_signed_with(&receiver.messages(1).await[0], "sesame"));
    // A server with another key signs nothing, and says so.
    let other = with("another key altogether");
    let tried = post(&other, &format!("/webhooks/{id}/test"), json!({})).await.unwrap();
    let said = tried.text().await.unwrap();
    assert!(said.contains("sealed with another key"), "{said}");
    let patch = format!("http://{}/api/2.0/mlflow/webhooks/{id}", other.address());
    let body = json!({"secret": "open"}).to_string();
    let set = house.client.patch(patch).header("content-type", "application/json").body(body);
    assert_eq!(set.send().await.unwrap().status().as_u16(), 200);
    assert!(!kept(&house).await.contains("open"));
    post(&other, &format!("/webhooks/{id}/test"), json!({})).await.unwrap();
    assert!(is_signed_with(&receiver.messages(2).await[1], "open"));
}

#[tokio::test]
async fn a_plan_of_traffic_is_told_whether_it_is_laid_down_here_or_elsewhere() {
    let house = house().await;
    let receiver = Receiver::open(&["200 OK"]).await;
    subscribe(&house, &receiver.url, &[("MODEL_TRAFFIC", "SET")]).await;
    for digest in ["d1", "d2"] {
        let new = NewVersion::new("churn", digest, "p", Note::new(NOW, "run 1", ""));
        house.store.register(new).await.unwrap();
    }
    let plan = json!({"canary": {"to": "1", "percent": 5.0}, "ab_test": null, "shadow": null});
    let sent = json!({"plan": plan, "why": "try it"}).to_string();
    let headers = [("content-type", "application/json")];
    let path = "/api/v1/models/churn/traffic";
    let set = house.send("PUT", path, &headers, sent.into()).await;
    assert_eq!(set.status, 200, "{}", set.message());
    let told = receiver.messages(1).await;
    assert!(is_signed_with(&told[0], "sesame"));
    let (entity, action) = (&body(&told[0])["entity"], &body(&told[0])["action"]);
    assert_eq!((entity, action), (&json!("model_traffic"), &json!("set")));
    assert_eq!(body(&told[0])["data"], json!({"name": "churn", "plan": plan}));
    // As the command line does where no server is asked.
    let lifted = gristmill_track::TrafficPlan::default();
    house.store.set_traffic("churn", lifted, Note::new(NOW, "ada", "")).await.unwrap();
    let event = WebhookEvent::TrafficSet;
    let (model, version, alias) = ("churn".into(), None, None);
    house
        .store
        .leave_untold(Untold { event, model, version, alias, line: None, at: NOW })
        .await
        .unwrap();
    let told = receiver.messages(2).await;
    assert_eq!(body(&told[1])["data"]["plan"]["canary"], Value::Null);
}

#[tokio::test]
async fn a_step_of_a_loop_is_told_with_what_it_stands_on() {
    let house = house().await;
    let receiver = Receiver::open(&["200 OK"]).await;
    subscribe(&house, &receiver.url, &[("MODEL_MONITOR", "STEP")]).await;
    let note = |why: &str| Note::new(NOW, "monitor", why);
    house.store.register(NewVersion::new("churn", "d1", "p", note(""))).await.unwrap();
    let alarm = NewEvent {
        version: Some(1),
        detail: json!({"finding": {"value": 0.5}}),
        ..NewEvent::new(WhatHappened::Alarm, note("half of the columns have moved"))
    };
    let step = LoopStep { after: 0, state: json!({}), at: NOW, act: None, events: vec![alarm] };
    assert!(house.store.take_step("churn", step).await.unwrap());
    let told = body(&receiver.messages(1).await[0]);
    let expected = json!({"event": "alarm", "model": "churn", "number": 2, "version": 1, "alias": null,
        "previous": null, "run": null, "at": "2023-11-14T22:13:20.123000+00:00", "who": "monitor",
        "why": "half of the columns have moved", "detail": {"finding": {"value": 0.5}}});
    assert_eq!((&told["entity"], &told["action"]), (&json!("model_monitor"), &json!("step")));
    assert_eq!(told["data"], expected);
}

/// Deployed files that name these addresses.
struct Named {
    targets: Vec<NoticeTarget>,
    said: Mutex<Vec<String>>,
}

impl Named {
    fn new(urls: &[&str]) -> Arc<Self> {
        let target = |url: &&str| NoticeTarget {
            model: "churn".into(),
            url: url.to_string(),
            secret: None,
            since: Timestamp(0),
        };
        let targets = urls.iter().map(target).collect();
        Arc::new(Self { targets, said: Mutex::default() })
    }
}

impl Notices for Named {
    fn targets(&self) -> Result<Vec<NoticeTarget>, String> {
        Ok(self.targets.clone())
    }

    fn secret(&self, name: &str) -> Result<Secret, String> {
        Err(format!("there is no secret `{name}`"))
    }

    fn say(&self, words: &str) {
        let mut said = self.said.lock().unwrap();
        if !said.iter().any(|known| known == words) {
            said.push(words.into());
        }
    }
}

/// A server that tells these addresses of two steps, the first of which was so long ago; and who names them.
async fn telling(urls: &[&str], ago: i64) -> (House, Arc<Named>) {
    let named = Named::new(urls);
    let notices = Arc::clone(&named) as Arc<dyn Notices>;
    let webhooks = impatient();
    let house = House::set(|s| Settings { webhooks, notices: Some(notices), ..s }).await;
    let note = |at: i64| Note::new(Timestamp(at), "monitor", "");
    let first = NOW.0 - ago;
    house.store.register(NewVersion::new("churn", "d1", "p", note(first))).await.unwrap();
    for at in [first, NOW.0] {
        let alarm = NewEvent::new(WhatHappened::Alarm, note(at));
        house.store.record_event("churn", alarm).await.unwrap();
    }
    (house, named)
}

/// Which steps a receiver was told of, in the order of the messages.
fn steps(told: &[String]) -> Vec<&str> {
    told.iter().map(|message| header(message, "x-mlflow-delivery-id")).collect()
}

/// What is on record of what failed, once there is something.
async fn on_record(house: &House) -> Vec<String> {
    for _ in 0..500 {
        let lines = house.store.audit(&failed()).await.unwrap();
        if !lines.is_empty() {
            return lines.into_iter().map(|line| format!("{}: {}", line.thing, line.did)).collect();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing is on record")
}

const HOUR: i64 = 3_600_000_000;

#[tokio::test]
async fn a_step_that_is_refused_for_good_is_given_up_and_the_next_goes_on() {
    let refused = ["404 Not Found"; 10];
    let answers: &'static [&'static str] = Box::leak([&refused[..], &["200 OK"]].concat().into());
    let (strict, good) = (Receiver::open(answers).await, Receiver::open(&["200 OK"]).await);
    let (house, named) = telling(&[&strict.url, &good.url], 0).await;
    assert_eq!(steps(&good.messages(2).await), ["churn/2", "churn/3"]);
    let told = strict.messages(11).await;
    assert_eq!(steps(&told), [&["churn/2"; 10][..], &["churn/3"]].concat());
    let at = strict.url.trim_start_matches("http://").trim_end_matches("/hook");
    let did = "step churn/2 (alarm) given up after 10 tries: it answers 404 Not Found";
    assert_eq!(on_record(&house).await, [format!("{at}: {did}")]);
    let metrics = house.send("GET", "/metrics", &[], Vec::new()).await;
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("\ngristmill_notices_given_up_total 1\n"), "{metrics}");
    let said = named.said.lock().unwrap().clone();
    let given_up = said.iter().filter(|words| words.contains("given up"));
    assert_eq!(given_up.count(), 1, "{said:?}");
}

#[tokio::test]
async fn a_step_that_is_only_put_off_waits_for_a_day() {
    let given_up = [&["churn/2"; 10][..], &["churn/3"; 2]].concat();
    for (ago, expected) in [(23 * HOUR, vec!["churn/2"; 12]), (25 * HOUR, given_up)] {
        let busy = Receiver::open(&["503 Busy"]).await;
        let (_house, _named) = telling(&[&busy.url], ago).await;
        let told = busy.messages(12).await;
        assert_eq!(steps(&told)[..12], expected);
    }
}
