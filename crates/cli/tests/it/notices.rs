//! Steps of loops as others hear them: signed, in order, at least once, whoever is killed and whoever hangs.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::daemon::{Up, wait};
use crate::sandbox::Sandbox;

const KEY: &str = "sesame, open";

/// How a receiver behaves.
#[derive(Clone, Copy)]
enum Manner {
    /// It takes everything.
    Takes,
    /// It refuses so many messages first.
    RefusesFirst(usize),
    /// It hears and never answers.
    Hangs,
}

/// A message as it came.
#[derive(Clone)]
struct Message {
    head: String,
    body: String,
    taken: bool,
}

/// Somebody who is told.
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<Message>>>,
}

impl Receiver {
    fn open(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook?key=hidden", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for (count, stream) in listener.incoming().flatten().enumerate() {
                let taken = match manner {
                    Manner::Takes => true,
                    Manner::RefusesFirst(most) => count >= most,
                    Manner::Hangs => false,
                };
                let Some((head, body)) = read(&stream) else { continue };
                kept.lock().unwrap().push(Message { head, body, taken });
                match manner {
                    Manner::Hangs => held.push(stream),
                    _ => answer(stream, if taken { "200 OK" } else { "503 Busy" }),
                }
            }
        });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<Message> {
        self.heard.lock().unwrap().clone()
    }

    /// The ids of what it took, each once, in the order in which they first came.
    fn ids(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let taken = self.heard().into_iter().filter(|message| message.taken);
        let ids = taken.map(|message| message.header("x-mlflow-delivery-id").to_owned());
        ids.filter(|id| seen.insert(id.clone())).collect()
    }
}

impl Message {
    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether it is signed as it should be.
    fn is_signed(&self) -> bool {
        let (id, at) = (self.header("x-mlflow-delivery-id"), self.header("x-mlflow-timestamp"));
        let tag = hmac(KEY.as_bytes(), format!("{id}.{at}.{}", self.body).as_bytes());
        self.header("x-mlflow-signature") == format!("v1,{}", base64(&tag))
    }
}

/// HMAC with SHA-256. Source: RFC 2104, for keys of up to 64 bytes.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |with: u8| {
        let mut pad = vec![with; 64];
        pad.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        pad
    };
    let inner = Sha256::digest([pad(0x36), text.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

/// Source: RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0_u32, |n, at| (n << 8) | u32::from(*three.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let letter = LETTERS[((number >> (18 - 6 * at)) & 63) as usize];
            text.push(if at <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[test] // from Python 3.11: base64.b64encode(hmac.new(b"sesame", b"d1.1700000000.{}", "sha256").digest())
fn this_test_can_tell_a_signature() {
    let signed = base64(&hmac(b"sesame", b"d1.1700000000.{}"));
    assert_eq!(signed, "8sQMGl0lufIOOOJm94amyecmZM/UWgmdo2OcG2Bg3E8=");
}

/// The head and the body of a request; nothing where it ends before it is whole.
fn read(mut stream: &TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

fn answer(mut stream: TcpStream, status: &str) {
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // Whoever was killed does not hear it.
    let _ = stream.write_all(answer.as_bytes());
}

/// A sandbox with a registered model whose deployed file tells these.
fn watched(receivers: &[&Receiver]) -> Sandbox {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let file = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let notice = |receiver: &&Receiver| {
        format!("    - {{webhook: \"{}\", secret: {{secret: HOOK_KEY}}}}\n", receiver.url)
    };
    let notify: String = receivers.iter().map(notice).collect();
    let monitor = format!("\nmonitor:\n  retrain: {{on: [drift]}}\n  notify:\n{notify}");
    sandbox.write("watched.yaml", file + &monitor);
    sandbox.json(&["deploy", "watched.yaml"]);
    sandbox
}

fn up(sandbox: &Sandbox, key: Option<&str>) -> Up {
    let mut command = sandbox.command(&["up", "--port", "0", "--private-webhooks"]);
    command.env_remove("HOOK_KEY");
    if let Some(key) = key {
        command.env("HOOK_KEY", key);
    }
    let said = fs_err::File::create(sandbox.path("said.txt")).unwrap();
    Up::of(command.stderr(Stdio::from(said.into_parts().0)))
}

/// A line of history that is a step: an alias is set.
fn step(sandbox: &Sandbox, alias: &str) {
    let why = format!("because {alias}");
    sandbox.json(&["models", "promote", "churn/1", "--to", alias, "--why", &why]);
}

#[test]
fn each_step_is_heard_once_and_in_order_over_a_kill_and_beside_others_that_hang_and_refuse() {
    let good = Receiver::open(Manner::Takes);
    let hanging = Receiver::open(Manner::Hangs);
    let busy = Receiver::open(Manner::RefusesFirst(2));
    let sandbox = watched(&[&hanging, &good, &busy]);
    let first = up(&sandbox, Some(KEY));
    step(&sandbox, "one");
    step(&sandbox, "two");
    wait("two steps", || good.ids().len() >= 2);
    wait("two steps, after refusals", || busy.ids().len() >= 2);
    wait("a try at the one that hangs", || !hanging.heard().is_empty());
    first.kill();
    step(&sandbox, "three");
    let second = up(&sandbox, Some(KEY));
    step(&sandbox, "four");
    wait("four steps", || good.ids().len() >= 4);
    wait("four steps, after refusals", || busy.ids().len() >= 4);

    let lines = sandbox.json(&["models", "history", "churn"]);
    let is_step = |line: &&Value| line["why"].as_str().unwrap().starts_with("because");
    let steps: Vec<&Value> = lines.as_array().unwrap().iter().filter(is_step).collect();
    let ids: Vec<String> = steps.iter().map(|line| format!("churn/{}", line["number"])).collect();
    assert_eq!(
        (good.ids(), busy.ids()),
        (ids.clone(), ids),
        "in order, and what was there before is not told"
    );
    for message in good.heard().iter().chain(&busy.heard()) {
        assert!(message.is_signed(), "{}\n{}", message.head, message.body);
    }
    let told = good.heard()[0].json();
    let expected = json!({"event": "alias set", "model": "churn", "version": 1, "alias": "one",
        "why": "because one", "who": steps[0]["who"], "number": steps[0]["number"]});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&told[name], value, "{name}");
    }
    assert!(told["at"].as_str().unwrap().starts_with("20"), "{told}");
    let said = fs_err::read_to_string(sandbox.path("said.txt")).unwrap();
    assert!(!said.contains("hidden") && !said.contains("sesame"), "{said}");
    assert_eq!(second.end(), Some(0), "the one that hangs keeps nobody from the end");
}

#[test]
fn nothing_is_sent_unsigned_where_the_secret_is_missing() {
    let receiver = Receiver::open(Manner::Takes);
    let sandbox = watched(&[&receiver]);
    let server = up(&sandbox, None);
    step(&sandbox, "one");
    let said = || fs_err::read_to_string(sandbox.path("said.txt")).unwrap();
    wait("a word on it", || said().contains("HOOK_KEY"));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(said().matches("HOOK_KEY` was not found").count(), 1, "{}", said());
    assert!(receiver.heard().is_empty());
    drop(server);
    let _server = up(&sandbox, Some(KEY));
    wait("the step, once there is one", || receiver.ids().len() == 1);
    assert!(receiver.heard()[0].is_signed());
}

#[test]
fn an_address_of_this_machine_is_told_only_where_that_is_allowed() {
    let receiver = Receiver::open(Manner::Takes);
    let sandbox = watched(&[&receiver]);
    let said = fs_err::File::create(sandbox.path("said.txt")).unwrap();
    let mut command = sandbox.command(&["up", "--port", "0"]);
    let server = Up::of(command.env("HOOK_KEY", KEY).stderr(Stdio::from(said.into_parts().0)));
    step(&sandbox, "one");
    let said = || fs_err::read_to_string(sandbox.path("said.txt")).unwrap();
    wait("a word on it", || said().contains("waits to be told"));
    assert!(said().contains("Invalid webhook URL scheme"), "{}", said());
    assert!(receiver.heard().is_empty());
    drop(server);
}

/// Whether the OpenAPI document has the routes of loops, and exactly what the answer of the first holds.
#[track_caller]
fn assert_described(document: &Value, answer: &Value) {
    let paths = &document["paths"];
    let described = |path: &str, method: &str| {
        let responses = &paths[format!("/api/v1/models/{{name}}/{path}")][method]["responses"];
        ["200", "404"].iter().all(|status| responses[*status]["content"].is_object())
    };
    assert!(described("monitor", "get") && described("decline", "post"), "{paths}");
    let schema = &document["components"]["schemas"]["monitor"];
    let names = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&schema["properties"]), names(answer));
    let retraining = &schema["properties"]["retraining"]["anyOf"][0]["properties"];
    assert_eq!(names(retraining), names(&answer["retraining"]));
    assert!(paths["/v2/health/ready"].is_object(), "beside those of models: {paths}");
}

#[test]
fn where_a_loop_stands_is_said_here_and_over_http() {
    let receiver = Receiver::open(Manner::Takes);
    let sandbox = watched(&[&receiver]);
    let server = up(&sandbox, Some(KEY));
    let standing = || sandbox.json(&["models", "monitor", "churn"]);
    wait("the first step", || standing()["phase"] == "watching");
    let here = standing();
    assert_eq!((&here["pipeline"], &here["champion"]), (&json!("churn"), &json!(1)));
    assert_eq!((&here["alias"], &here["wrong"]), (&json!("champion"), &json!([])));
    assert_eq!(here["retraining"]["on"], json!(["drift"]));
    let (status, there) = server.call("GET /api/v1/models/churn/monitor HTTP/1.1\r\n\r\n");
    assert_eq!(
        (status, &there["phase"], &there["findings"]),
        (200, &json!("watching"), &json!([]))
    );
    let (_, document) = server.call("GET /openapi.json HTTP/1.1\r\n\r\n");
    assert_described(&document, &there);
    let (status, refused) = server.post("/api/v1/models/churn/decline", r#"{"version": 1}"#);
    assert_eq!(status, 400, "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("nobody waits"), "{refused}");
    assert_eq!(server.call("GET /api/v1/models/nobody/monitor HTTP/1.1\r\n\r\n").0, 404);
    let (_, metrics) = server.call("GET /metrics HTTP/1.1\r\n\r\n");
    let metrics = metrics.as_str().unwrap();
    for line in [
        "gristmill_loop_phase{model=\"churn\",phase=\"watching\"} 1\n",
        "gristmill_retrainings_total{model=\"churn\",outcome=\"promoted\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    let said = sandbox.run(&["models", "decline", "churn", "1", "--why", "no"]);
    assert_eq!(said.code, 1, "{}", said.out);
    let report = sandbox.json(&["report", "churn", "-o", "churn.html"]);
    assert_eq!(report["model"], "churn");
    let page = fs_err::read_to_string(sandbox.path("churn.html")).unwrap();
    assert!(page.contains("Watching version 1") && page.contains("Model report"));
}
