//! A server that is operated: what it tells of requests, how many it takes, and how it ends.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::collector::Collector;
use crate::daemon::{Up, wait};
use crate::sandbox::Sandbox;
use crate::serve::{customers, trained};

fn serve(sandbox: &Sandbox, options: &[&str]) -> Up {
    Up::of(command(sandbox, options).stderr(Stdio::null()))
}

fn command(sandbox: &Sandbox, options: &[&str]) -> Command {
    let mut command = sandbox.command(&["serve", "churn", "--port", "0"]);
    command.args(options);
    command
}

fn rows(sandbox: &Sandbox, count: usize) -> String {
    json!({"instances": customers(sandbox, count).0}).to_string()
}

/// A body that is too long to be worked on where it arrives.
fn many(sandbox: &Sandbox) -> String {
    let (rows, _) = customers(sandbox, 5_000);
    json!({"instances": rows}).to_string()
}

pub fn metric(server: &Up, series: &str) -> f64 {
    let metrics = server.call("GET /metrics HTTP/1.1\r\n\r\n").1;
    let text = metrics.as_str().unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.map_or(0.0, |number| number.parse().unwrap())
}

#[test]
fn the_access_log_tells_of_each_request_and_no_secret() {
    let sandbox = trained();
    let secret = "sesame-sesame-sesame";
    let mut command = command(&sandbox, &["--access-log", "access.log"]);
    let server = Up::of(command.env("GRISTMILL_TOKEN", secret).stderr(Stdio::null()));
    let bearer = format!("Bearer {secret}");
    let headers = [("X-Request-Id", "order 7"), ("Authorization", bearer.as_str())];
    let path = "/models/churn/invocations?key=hidden";
    let body = rows(&sandbox, 3);
    assert_eq!(server.send("POST", path, &headers, &body).0, 200);
    assert_eq!(server.send("POST", path, &headers, "{}").0, 400);
    assert_eq!(server.send("POST", path, &[], &body).0, 401);
    assert_eq!(server.end(), Some(0));
    let text = fs_err::read_to_string(sandbox.path("access.log")).unwrap();
    for hidden in [secret, "hidden", "instances"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [good, bad, stranger] = lines.as_slice() else { panic!("{text}") };
    for (key, expected) in [
        ("request_id", json!("order 7")),
        ("remote", json!("127.0.0.1")),
        ("method", json!("POST")),
        ("path", json!("/models/churn/invocations")),
        ("model", json!("churn")),
        ("version", json!("1")),
        ("rows", json!(3)),
        ("status", json!(200)),
        ("bytes_in", json!(body.len())),
    ] {
        assert_eq!(good[key], expected, "{key}");
    }
    assert!(good["bytes_out"].as_u64() > Some(20), "{good}");
    assert!(good["micros"].as_u64() >= good["compute_micros"].as_u64(), "{good}");
    assert!(good["time"].as_str().unwrap().ends_with('Z'), "{good}");
    assert_eq!(
        (&bad["status"], &bad["rows"], &bad["version"]),
        (&json!(400), &Value::Null, &json!("1"))
    );
    assert_eq!((&stranger["status"], &stranger["model"]), (&json!(401), &Value::Null));
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

#[test]
fn spans_of_a_request_reach_a_collector_under_the_callers_trace() {
    let sandbox = trained();
    let collector = Collector::start();
    let mut command = command(&sandbox, &[]);
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=sesame")
        .env("OTEL_SERVICE_NAME", "shop");
    let server = Up::of(command.stderr(Stdio::null()));
    let body = rows(&sandbox, 3);
    let parent = |sampled: &str| format!("00-{TRACE}-{SPAN}-{sampled}");
    let sampled = [("traceparent", parent("01"))];
    let sampled: Vec<(&str, &str)> = sampled.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(server.send("POST", "/invocations", &sampled, &body).0, 200);
    let parent = parent("00");
    assert_eq!(server.send("POST", "/invocations", &[("traceparent", &parent)], &body).0, 200);
    assert_eq!(server.send("POST", "/v1/models/churn:predict", &[], &body).0, 200);
    assert_eq!(server.call("GET /v2/health/live HTTP/1.1\r\n\r\n").0, 200);
    assert_eq!(server.end(), Some(0), "what was not sent yet is sent at the end");
    let sent: Vec<(String, Value)> = collector.sent.try_iter().collect();
    let mut spans = Vec::new();
    for (head, body) in &sent {
        assert!(
            head.starts_with("POST /v1/traces HTTP/1.1") && head.contains("x-key: sesame"),
            "{head}"
        );
        let resource = &body["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "shop");
        spans.extend(resource["scopeSpans"][0]["spans"].as_array().unwrap().clone());
    }
    assert_eq!(spans.len(), 8, "two requests that are recorded, with three phases each: {spans:?}");
    let called: Vec<&Value> = spans.iter().filter(|span| span["traceId"] == TRACE).collect();
    let names: Vec<&str> = called.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["POST churn", "queue", "parse", "compute"]);
    assert_eq!((&called[0]["parentSpanId"], &called[0]["kind"]), (&json!(SPAN), &json!(2)));
    assert!(called[1..].iter().all(|span| span["parentSpanId"] == called[0]["spanId"]));
    let attribute = |key: &str| {
        let all = called[0]["attributes"].as_array().unwrap();
        all.iter().find(|attribute| attribute["key"] == key).unwrap()["value"].clone()
    };
    assert_eq!(attribute("gristmill.rows"), json!({"intValue": "3"}));
    assert_eq!(attribute("http.response.status_code"), json!({"intValue": "200"}));
    assert_eq!(attribute("gristmill.version"), json!({"stringValue": "1"}));
    let lines: String = sent.iter().map(|(_, body)| format!("{body}\n")).collect();
    read_by_opentelemetry(&sandbox, &lines);
}

/// Has OpenTelemetry's own messages read what was sent, where they are there.
fn read_by_opentelemetry(sandbox: &Sandbox, lines: &str) {
    let Some(python) = std::env::var_os("GRISTMILL_SERVING_PYTHON") else {
        eprintln!("skipped: GRISTMILL_SERVING_PYTHON names no Python with opentelemetry-proto");
        return;
    };
    sandbox.write("sent.jsonl", lines);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/otlp_read.py");
    let read = Command::new(python).arg(script).arg(sandbox.path("sent.jsonl")).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let said = String::from_utf8(read.stdout).unwrap();
    assert_eq!(said.lines().count(), 8, "{said}");
    assert!(said.contains(&format!("POST churn {TRACE} {SPAN}")), "{said}");
}

#[test]
fn a_collector_that_hangs_holds_nobody_up() {
    let sandbox = trained();
    let mut command = command(&sandbox, &[]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", Collector::that_hangs());
    let server = Up::of(command.stderr(Stdio::null()));
    let body = rows(&sandbox, 1);
    for _ in 0..3_000 {
        assert_eq!(server.post("/invocations", &body).0, 200);
    }
    assert!(metric(&server, "gristmill_spans_lost_total") > 0.0, "what finds no room is counted");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn requests_are_bounded_in_number_and_time() {
    let sandbox = trained();
    let server = serve(&sandbox, &["--max-requests", "1", "--request-timeout", "1ms"]);
    let body = rows(&sandbox, 1);
    let mut slow = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    wait("the first request", || metric(&server, "gristmill_inference_under_way") == 1.0);
    let (status, head, answer) = server.send("POST", "/invocations", &[], &body);
    assert_eq!(status, 429, "{answer}");
    assert!(head.to_ascii_lowercase().contains("retry-after: 1"), "{head}");
    assert!(answer["message"].as_str().unwrap().starts_with("1 requests are under way"));
    slow.write_all(body.as_bytes()).unwrap();
    let mut answered = [0; 15];
    slow.read_exact(&mut answered).unwrap();
    assert_eq!(&answered, b"HTTP/1.1 200 OK");
    drop(slow);
    let (status, answer) = server.post("/invocations", &many(&sandbox));
    assert_eq!(status, 504, "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("longer than 0.001 seconds"), "{answer}");
}

/// Ends those who ask when it goes.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_server_that_ends_says_so_first_and_answers_what_is_under_way() {
    let sandbox = trained();
    let server = serve(&sandbox, &["--shutdown-notice", "2s"]);
    let (body, long) = (rows(&sandbox, 1), many(&sandbox));
    let (address, ended) = (server.address().to_string(), AtomicBool::new(false));
    let ask = |body: &str| -> Option<String> {
        let mut stream = TcpStream::connect(&address).ok()?;
        let request = format!(
            "POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        // Refused, where nothing at all came back.
        let read = stream.read_to_string(&mut answer);
        if answer.is_empty() {
            return None;
        }
        read.expect("an answer that began comes whole");
        Some(answer)
    };
    std::thread::scope(|scope| {
        let askers: Vec<_> = [&body, &body, &long]
            .into_iter()
            .map(|body| {
                scope.spawn(|| {
                    let mut answers = Vec::new();
                    while let (false, answer) = (ended.load(Ordering::Relaxed), ask(body)) {
                        answers.push(answer);
                    }
                    answers
                })
            })
            .collect();
        // Also when something is not as it should be.
        let end = Ended(&ended);
        std::thread::sleep(Duration::from_millis(300));
        assert!(crate::daemon::signal("-TERM", server.id()));
        let ready = "GET /v2/health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        wait("the notice", || server.call(ready).0 == 503);
        assert_eq!(server.call("GET /v2/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").0, 200);
        assert!(ask(&body).expect("it answers until it ends").starts_with("HTTP/1.1 200"));
        assert_eq!(server.ended(), Some(0));
        drop(end);
        for asker in askers {
            let answers = asker.join().unwrap();
            let first = answers.iter().position(Option::is_none).unwrap_or(answers.len());
            let (before, after) = answers.split_at(first);
            assert!(before.len() > 2, "{} answers", before.len());
            for answer in before.iter().flatten() {
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                assert!(answer.ends_with('}'), "an answer is whole");
            }
            assert!(after.iter().all(Option::is_none), "whoever comes later is refused");
        }
    });
}

#[test]
fn more_models_than_find_room_all_answer_in_turn() {
    let sandbox = trained();
    let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let names = ["churn", "second", "third"];
    for name in &names[1..] {
        let other = pipeline.replace("model: churn", &format!("model: {name}"));
        sandbox.write(&format!("{name}.yaml"), other);
        sandbox.json(&["run", &format!("{name}.yaml")]);
    }
    let bytes = |up: &Up| -> BTreeMap<String, f64> {
        let named = names.iter().map(|name| {
            let series = format!("gristmill_model_loaded_bytes{{model=\"{name}\",version=\"1\"}}");
            ((*name).to_string(), metric(up, &series))
        });
        named.filter(|(_, bytes)| *bytes > 0.0).collect()
    };
    let up = Up::start(&sandbox);
    let body = rows(&sandbox, 2);
    let ask = |up: &Up, name: &str| {
        let (status, answer) = up.post(&format!("/models/{name}/invocations"), &body);
        assert_eq!(status, 200, "{name}: {answer}");
        answer
    };
    let answers: Vec<Value> = names.iter().map(|name| ask(&up, name)).collect();
    let all = bytes(&up);
    assert_eq!(all.len(), 3, "without a bound all stay");
    assert_eq!(up.end(), Some(0));
    // Two of them fit, three do not.
    let room = (all.values().sum::<f64>() as u64 - 1).to_string();
    let mut command = sandbox.command(&["up", "--port", "0", "--model-memory", &room]);
    let up = Up::of(command.stderr(Stdio::null()));
    for turn in 0..3 {
        for (name, expected) in names.iter().zip(&answers) {
            assert_eq!(&ask(&up, name), expected, "turn {turn}");
            let there = bytes(&up);
            assert!(there.contains_key(*name) && there.len() <= 2, "{there:?}");
        }
    }
    assert_eq!(metric(&up, "gristmill_models_let_go_total"), 7.0, "by hand: each load but two");
}

#[test]
fn small_requests_that_wait_are_answered_together_and_as_each_alone() {
    let sandbox = trained();
    let server = serve(&sandbox, &["--inline-within", "0ms"]);
    let (customers, csv) = customers(&sandbox, 60);
    sandbox.write("asked.csv", csv);
    let answers = sandbox.json(&["predict", "churn", "--input", "asked.csv"]);
    let expected = answers.as_array().unwrap();
    let wrong = json!({"instances": [{"tenure": "long"}]}).to_string();
    std::thread::scope(|scope| {
        for first in 0..16 {
            let (server, customers, wrong) = (&server, &customers, &wrong);
            scope.spawn(move || {
                for turn in 0..20 {
                    let row = (first * 7 + turn) % customers.len();
                    let body =
                        json!({"instances": [customers[row]], "params": {"probabilities": true}});
                    let (status, answer) = server.post("/invocations", &body.to_string());
                    assert_eq!((status, &answer["predictions"][0]), (200, &expected[row]));
                    assert_eq!(server.post("/invocations", wrong).0, 400);
                }
            });
        }
    });
    let explained = json!({"instances": [customers[0]], "params": {"explain": true}}).to_string();
    let (status, answer) = server.post("/invocations", &explained);
    assert!(status == 200 && answer["predictions"][0]["contributions"].is_object(), "{answer}");
    let requests = metric(&server, "gristmill_batch_requests_sum");
    let batches = metric(&server, "gristmill_batch_requests_count");
    assert_eq!((requests, metric(&server, "gristmill_batch_rows_sum")), (320.0, 320.0));
    assert!((1.0..=320.0).contains(&batches), "{batches}");
    assert_eq!(metric(&server, "gristmill_inference_waiting"), 0.0);
}
