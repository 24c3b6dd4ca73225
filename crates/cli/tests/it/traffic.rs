//! Requests that are divided among the versions of a model, as real processes.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::daemon::{Up, wait};
use crate::sandbox::Sandbox;
use crate::serve::{customers, tensors, trained};

/// A sandbox with two versions of a model that answer differently; the first is the champion.
fn two_versions() -> Sandbox {
    let sandbox = trained();
    let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", pipeline.replace("c: 1.0", "c: 0.01"));
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox.json(&["models", "promote", "churn/1", "--to", "champion"]);
    sandbox.json(&["models", "promote", "churn/2", "--to", "challenger"]);
    sandbox
}

fn serve(sandbox: &Sandbox) -> Up {
    let log = fs_err::File::create(sandbox.path("serve.log")).unwrap();
    let mut command = sandbox.command(&["serve", "churn", "--port", "0"]);
    Up::of(command.stderr(Stdio::from(log.into_file())))
}

/// The value of a header in the head of an answer.
fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .next()
        .unwrap_or("")
}

/// Which version answers a row with these headers.
fn version(server: &Up, body: &str, headers: &[(&str, &str)]) -> String {
    let (status, head, answer) = server.send("POST", "/v2/models/churn/infer", headers, body);
    assert_eq!(status, 200, "{answer}");
    let version = answer["model_version"].as_str().unwrap().to_string();
    assert_eq!(header(&head, "x-gristmill-version"), version);
    version
}

fn row(sandbox: &Sandbox) -> String {
    json!({"inputs": tensors(&customers(sandbox, 1).0)}).to_string()
}

#[test]
fn a_canary_gets_its_share_by_every_protocol_and_whoever_names_it_gets_it() {
    let sandbox = two_versions();
    let server = serve(&sandbox);
    let body = row(&sandbox);
    let set = ["models", "traffic", "churn", "--canary", "@challenger=30%", "--why", "try it"];
    let report = sandbox.json(&set);
    assert_eq!(report["plan"]["canary"], json!({"to": "@challenger", "percent": 30.0}));
    let ask = |id: &str| version(&server, &body, &[("X-Request-Id", id)]);
    wait("the canary", || (0..20).any(|id| ask(&id.to_string()) == "2"));
    let found: Vec<String> = (0..200).map(|id| ask(&format!("order {id}"))).collect();
    let canaries = found.iter().filter(|version| *version == "2").count();
    // By hand: 200 at 0.3 give 60, with a deviation of 6.5.
    assert!((35..=85).contains(&canaries), "{canaries} of 200");
    let again: Vec<String> = (0..200).map(|id| ask(&format!("order {id}"))).collect();
    assert_eq!(found, again, "the same request goes to the same version");
    let keyed = |key: &str, id: &str| {
        version(&server, &body, &[("X-Gristmill-Key", key), ("X-Request-Id", id)])
    };
    assert!((0..20).all(|id| keyed("order 1", &id.to_string()) == found[1]));
    assert_eq!(version(&server, &body, &[("X-Gristmill-Version", "1")]), "1");
    for named in ["2", "@challenger"] {
        assert_eq!(version(&server, &body, &[("X-Gristmill-Version", named)]), "2");
    }
    for (named, words) in [("7", "of version 7"), ("@nobody", "has no alias `nobody`")] {
        let headers = [("X-Gristmill-Version", named)];
        let (status, _, answer) = server.send("POST", "/v2/models/churn/infer", &headers, &body);
        assert!(status == 404 && answer["error"].as_str().unwrap().contains(words), "{answer}");
    }
    let (rows, _) = customers(&sandbox, 1);
    let instances = json!({"instances": rows}).to_string();
    for path in ["/invocations", "/models/churn/invocations", "/v1/models/churn:predict"] {
        for (id, expected) in found.iter().enumerate().take(20) {
            let id = format!("order {id}");
            let headers = [("X-Request-Id", id.as_str())];
            let (status, head, answer) = server.send("POST", path, &headers, &instances);
            assert_eq!(
                (status, header(&head, "x-gristmill-version")),
                (200, expected.as_str()),
                "{path}"
            );
            assert_eq!(header(&head, "x-request-id"), id, "{answer}");
        }
    }
    let (_, head, _) = server.send("POST", "/invocations", &[], &instances);
    assert_eq!(header(&head, "x-request-id").len(), 32, "whoever says no id is given one");
    let metrics = server.call("GET /metrics HTTP/1.1\r\n\r\n").1;
    let metrics = metrics.as_str().unwrap();
    let canary = "gristmill_inference_routed_total{model=\"churn\",version=\"2\",part=\"canary\"} ";
    assert!(metrics.lines().any(|line| line.starts_with(canary)), "{metrics}");
    sandbox.json(&["models", "traffic", "churn", "--clear"]);
    wait("the end of the canary", || (0..20).all(|id| ask(&format!("order {id}")) == "1"));
    let history = sandbox.json(&["models", "history", "churn"]);
    let words: Vec<&str> =
        history.as_array().unwrap().iter().map(|line| line["words"].as_str().unwrap()).collect();
    assert!(
        words.iter().any(|line| line.starts_with("traffic set by")
            && line.ends_with(": canary @challenger 30 %: try it")),
        "{words:?}"
    );
}

#[test]
fn a_canary_that_cannot_be_loaded_leaves_all_to_the_champion() {
    let sandbox = two_versions();
    let shown = sandbox.json(&["models", "show", "churn"]);
    let second = shown.as_array().unwrap().iter().find(|version| version["version"] == 2).unwrap();
    let tensors =
        std::path::Path::new(second["path"].as_str().unwrap()).join("tensors.safetensors");
    fs_err::write(tensors, "no tensors").unwrap();
    sandbox.json(&["models", "traffic", "churn", "--canary", "2=100%", "--shadow", "2"]);
    let server = serve(&sandbox);
    let body = row(&sandbox);
    std::thread::sleep(std::time::Duration::from_millis(1_300));
    assert!((0..20).all(|id| version(&server, &body, &[("X-Request-Id", &id.to_string())]) == "1"));
    let log = fs_err::read_to_string(sandbox.path("serve.log")).unwrap();
    let told =
        log.lines().filter(|line| line.contains("churn, version 2, gets no requests")).count();
    assert_eq!(told, 1, "{log}");
}

#[test]
fn a_shadow_is_compared_and_never_answers() {
    let sandbox = two_versions();
    sandbox.json(&["models", "traffic", "churn", "--shadow", "@challenger"]);
    let server = serve(&sandbox);
    let (rows, _) = customers(&sandbox, 50);
    let body = json!({"inputs": tensors(&rows)}).to_string();
    for _ in 0..4 {
        assert_eq!(version(&server, &body, &[]), "1");
    }
    assert_eq!(server.post("/v2/models/churn/infer", "{}").0, 400);
    let count = |name: &str, more: &str| {
        let metrics = server.call("GET /metrics HTTP/1.1\r\n\r\n").1;
        let series = format!("{name}{{model=\"churn\",version=\"1\",shadow=\"2\"{more}}} ");
        let text = metrics.as_str().unwrap().to_string();
        let found = text.lines().find_map(|line| line.strip_prefix(&series));
        found.map_or(0.0, |number| number.parse::<f64>().unwrap())
    };
    wait("four comparisons", || {
        count("gristmill_shadow_requests_total", ",outcome=\"compared\"") == 4.0
    });
    let same = count("gristmill_shadow_rows_total", ",answer=\"same\"");
    let different = count("gristmill_shadow_rows_total", ",answer=\"different\"");
    assert_eq!(same + different, 200.0);
    assert!(count("gristmill_shadow_distance_sum", "") > 0.0);
}

#[test]
fn an_ab_test_is_decided_by_what_became_of_the_requests() {
    let sandbox = two_versions();
    let server = serve(&sandbox);
    let body = row(&sandbox);
    let none = server.post("/models/churn/outcomes", "[]");
    assert_eq!(none.0, 409, "{none:?}");
    let set = sandbox.json(&["models", "traffic", "churn", "--ab-test", "@challenger=50%"]);
    assert_eq!((&set["test"]["control"], &set["test"]["treatment"]), (&json!(1), &json!(2)));
    wait("the test", || {
        (0..20).any(|id| version(&server, &body, &[("X-Request-Id", &id.to_string())]) == "2")
    });
    let mut sides: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for id in (0..300).map(|id| format!("order {id}")) {
        let side = version(&server, &body, &[("X-Request-Id", &id)]);
        // What the second version answers turns out better, and not always alike.
        let base = if side == "2" { 1.0 } else { 0.0 };
        let outcomes = sides.entry(side.clone()).or_default();
        let value = base + (outcomes.len() % 2) as f64 / 2.0;
        outcomes.push(json!({"id": id, "version": side, "value": value}));
    }
    let counts: Vec<usize> = sides.values().map(Vec::len).collect();
    assert!(counts.len() == 2 && counts.iter().all(|count| *count > 100), "{counts:?}");
    let report =
        |outcomes: &[Value]| server.post("/models/churn/outcomes", &json!(outcomes).to_string());
    let early = report(&sides["1"][..10]);
    assert_eq!(early, (200, json!({"taken": 10, "known": 0, "elsewhere": 0})));
    let shown = sandbox.json(&["models", "traffic", "churn"]);
    assert_eq!(
        (&shown["totals"]["control"]["count"], &shown["verdict"]),
        (&json!(10), &Value::Null)
    );
    for outcomes in sides.values() {
        assert_eq!(report(outcomes).0, 200);
    }
    let strange = json!([{"id": "order 1", "version": "9", "value": 1}]);
    assert_eq!(report(strange.as_array().unwrap()).1["elsewhere"], 1);
    for odd in [r#"{"id": "a", "value": 1}"#, r#"[{"id": "a"}]"#, r#"[{"id": "", "value": 1}]"#] {
        assert_eq!(server.post("/models/churn/outcomes", odd).0, 400, "{odd}");
    }
    let shown = sandbox.json(&["models", "traffic", "churn"]);
    assert_eq!(shown["totals"]["treatment"]["count"], counts[1]);
    assert_eq!(shown["verdict"]["differs"], true, "{shown}");
    assert!(shown["verdict"]["lower"].as_f64().unwrap() > 0.0);
    sandbox.json(&["models", "promote", "churn/2", "--to", "champion"]);
    wait("the end of the test", || {
        version(&server, &body, &[]) == "2"
            && (0..20)
                .all(|id| version(&server, &body, &[("X-Request-Id", &id.to_string())]) == "2")
    });
}

#[test]
fn a_plan_is_laid_down_over_http_and_followed_by_up() {
    let sandbox = two_versions();
    let up = Up::start(&sandbox);
    let body = row(&sandbox);
    let path = "/api/v1/models/churn/traffic";
    let plan = json!({"canary": {"to": "2", "percent": 100.0}, "ab_test": null, "shadow": null});
    let sent = json!({"plan": plan, "why": "all of it"}).to_string();
    assert_eq!(version(&up, &body, &[]), "1");
    let (status, _, answer) = up.send("PUT", path, &[], &sent);
    assert_eq!((status, &answer["plan"]), (200, &plan), "{answer}");
    wait("the canary", || version(&up, &body, &[]) == "2");
    assert_eq!(up.call(&format!("GET {path} HTTP/1.1\r\n\r\n")).1["plan"], plan);
    for (odd, words) in [
        (json!({"plan": {"canry": {}}}), "unknown field `canry`"),
        (json!({"plan": {}}), "has nothing in it"),
        (json!({}), "cannot be read"),
        (json!({"plan": {"canary": {"to": "9", "percent": 1}}}), "not found"),
        (json!({"plan": {"canary": {"to": "2", "percent": 200}}}), "at most 100"),
    ] {
        let (status, _, answer) = up.send("PUT", path, &[], &odd.to_string());
        assert!(status >= 400 && answer["message"].as_str().unwrap().contains(words), "{answer}");
    }
    let (status, _, answer) = up.send("DELETE", path, &[], "");
    assert_eq!(status, 200, "{answer}");
    wait("the champion", || version(&up, &body, &[]) == "1");
    let history = up.call("GET /api/v1/models/churn/history HTTP/1.1\r\n\r\n").1;
    let whys: Vec<&Value> = history["events"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .take(2)
        .map(|e| &e["note"]["why"])
        .collect();
    assert_eq!(whys, ["no plan", "canary 2 100 %: all of it"]);
    let named = |named| version(&up, &body, &[("X-Gristmill-Version", named)]);
    assert_eq!(
        (named("2"), named("@challenger"), named("@champion")),
        ("2".into(), "2".into(), "1".into())
    );
}

#[test]
fn a_canary_gets_its_share_over_grpc_too() {
    let Some(python) = std::env::var_os("GRISTMILL_SERVING_PYTHON") else {
        eprintln!("skipped: GRISTMILL_SERVING_PYTHON names no Python with tritonclient");
        return;
    };
    let sandbox = two_versions();
    sandbox.json(&["models", "traffic", "churn", "--canary", "@challenger=40%"]);
    let server = serve(&sandbox);
    let (body, ids) = (row(&sandbox), (0..20).map(|id| format!("order {id}")));
    let expected: Vec<String> =
        ids.clone().map(|id| version(&server, &body, &[("X-Request-Id", &id)])).collect();
    let mut headers: Vec<Value> = ids.map(|id| json!({"x-request-id": id})).collect();
    headers.push(json!({"x-gristmill-version": "@challenger"}));
    let inputs = tensors(&customers(&sandbox, 1).0);
    let asked = json!({"url": server.url(), "inputs": inputs, "headers": headers});
    sandbox.write("asked.json", asked.to_string());
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/traffic_grpc.py");
    let mut command = std::process::Command::new(python);
    let done = command.arg(script).arg(sandbox.path("asked.json")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8(done.stdout).unwrap();
    let found: Vec<&str> = said.lines().collect();
    assert_eq!(found[..20], expected);
    assert!(expected.contains(&"1".to_string()) && expected.contains(&"2".to_string()));
    assert_eq!(found[20..], ["2"]);
}
