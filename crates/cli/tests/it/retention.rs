//! `gristmill gc` on what clients deleted.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::daemon::Up;
use crate::sandbox::Sandbox;
use crate::search;

/// A home with a server, an experiment, and runs in it that log something.
struct Clients {
    sandbox: Sandbox,
    up: Up,
}

impl Clients {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let up = Up::of(sandbox.command(&["up", "--port", "0"]).stderr(Stdio::null()));
        Self { sandbox, up }
    }

    #[track_caller]
    fn ask(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.up.post(&format!("/api/2.0/mlflow{path}"), &body.to_string());
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn experiment(&self, name: &str) -> String {
        let made = self.ask("/experiments/create", json!({"name": name}));
        made["experiment_id"].as_str().unwrap().into()
    }

    /// A run with a metric, an artifact of these bytes, and nothing else.
    fn run(&self, experiment: &str, text: &str) -> String {
        let made = self.ask("/runs/create", json!({"experiment_id": experiment}));
        let run = made["run"]["info"]["run_id"].as_str().unwrap().to_string();
        let metric = json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1});
        self.ask("/runs/log-metric", metric);
        let path =
            format!("/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/a.txt");
        let length = text.len();
        let head = format!("PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}");
        assert_eq!(self.up.call(&format!("{head}\r\n\r\n{text}")).0, 200);
        run
    }

    fn delete(&self, run: &str) {
        self.ask("/runs/delete", json!({"run_id": run}));
    }

    fn there(&self, run: &str) -> bool {
        let path = format!("/api/2.0/mlflow/runs/get?run_id={run}");
        self.up.call(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).0 == 200
    }

    fn gc(&self, more: &[&str]) -> Value {
        self.sandbox.json(&[&["gc"], more].concat())
    }

    /// As if everything had been stored long ago.
    fn age(&self) {
        let touch = std::process::Command::new("find")
            .arg(self.sandbox.path(".gristmill/artifacts"))
            .args(["-exec", "touch", "-d", "2020-01-01", "{}", "+"])
            .status();
        assert!(touch.unwrap().success());
    }
}

#[test]
fn deleted_runs_go_with_what_nobody_else_needs() {
    let clients = Clients::new();
    let lab = clients.experiment("lab");
    let [gone, shared, stays] =
        ["only here", "shared", "shared"].map(|text| clients.run(&lab, text));
    clients.delete(&gone);
    clients.delete(&shared);
    clients.age();
    let usual = clients.gc(&[]);
    assert!(usual["forgotten"].is_null() && clients.there(&gone), "nothing is forgotten unasked");
    let young = clients.gc(&["--older-than", "30d"]);
    assert_eq!(young["forgotten"]["runs"], json!([]));

    let look = clients.gc(&["--older-than", "1ms", "--dry-run"]);
    assert!(clients.there(&gone));
    let went = clients.gc(&["--older-than", "1ms"]);
    assert_eq!(look, went, "a look says what then happens");
    let mut runs: Vec<&str> = went["forgotten"]["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run.as_str().unwrap())
        .collect();
    runs.sort_unstable();
    let mut both = [gone.as_str(), shared.as_str()];
    both.sort_unstable();
    assert_eq!(runs, both);
    assert_eq!(went["artifacts"]["removed"], 1, "the other text is needed: {went}");
    assert!(!clients.there(&gone) && !clients.there(&shared) && clients.there(&stays));
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/{lab}/{stays}/artifacts/a.txt");
    let found = clients.up.call(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    assert_eq!(found, (200, json!("shared")));
}

#[test]
fn a_run_that_a_version_needs_stays_and_it_is_said_why() {
    let clients = Clients::new();
    let lab = clients.experiment("lab");
    let run = clients.run(&lab, "a model");
    clients.ask("/registered-models/create", json!({"name": "churn"}));
    let source = format!("mlflow-artifacts:/{lab}/{run}/artifacts/a.txt");
    let version = json!({"name": "churn", "source": source, "run_id": run});
    clients.ask("/model-versions/create", version);
    clients.ask("/experiments/delete", json!({"experiment_id": lab}));
    clients.age();
    let look = clients.gc(&["--older-than", "1ms", "--dry-run"]);
    let went = clients.gc(&["--older-than", "1ms"]);
    assert_eq!(look, went);
    assert_eq!(went["artifacts"]["removed"], 0);
    let kept = went["forgotten"]["kept"].as_array().unwrap();
    assert_eq!((&kept[0]["id"], &kept[0]["why"]), (&json!(run), &json!("needed by churn/1")));
    assert_eq!((&kept[1]["what"], &kept[1]["id"]), (&json!("experiment"), &json!(lab)));
    let said = clients.sandbox.run(&["gc", "--older-than", "1ms"]);
    assert!(said.out.contains("stays: needed by churn/1"), "{}", said.out);
    let mut command = clients.sandbox.command(&["models", "show", "churn"]);
    assert!(command.output().unwrap().status.success());
}

#[test]
fn an_experiment_is_forgotten_by_name_and_what_is_in_use_is_not() {
    let clients = Clients::new();
    let (old, new) = (clients.experiment("old"), clients.experiment("new"));
    let (a, b) = (clients.run(&old, "a"), clients.run(&new, "b"));
    for (name, what) in [("--experiment", "old"), ("--run", b.as_str())] {
        let said = clients.sandbox.run(&["gc", name, what]);
        assert!(said.code == 1 && said.err.contains("is in use"), "{}", said.err);
    }
    clients.ask("/experiments/delete", json!({"experiment_id": old}));
    clients.delete(&b);
    let said = clients.sandbox.run(&["gc", "--run", &b, "--older-than", "30d"]);
    assert!(said.code == 1 && said.err.contains("not put away yet"), "{}", said.err);
    let went = clients.gc(&["--experiment", "old"]);
    assert_eq!(went["forgotten"]["experiments"], json!([old]));
    assert!(!clients.there(&a) && clients.there(&b));
    let again = clients.experiment("old");
    assert_ne!(again, old, "its number is given once");
    let went = clients.gc(&["--run", &b]);
    assert_eq!(went["forgotten"]["runs"], json!([b]));
    let nobody = clients.sandbox.run(&["gc", "--experiment", "nobody"]);
    assert!(nobody.code == 1 && nobody.err.contains("`nobody` not found"), "{}", nobody.err);
}

#[test]
fn trials_go_with_their_run() {
    let sandbox = search::sandbox(&json!({"search": {"random": {"trials": 4}}}));
    search::run(&sandbox, ".gristmill", &[]);
    let run = sandbox.json(&["runs", "list"])[0]["run_id"].as_str().unwrap().to_string();
    let up = Up::of(sandbox.command(&["up", "--port", "0"]).stderr(Stdio::null()));
    let kept = sandbox.json(&["gc", "--older-than", "1ms"]);
    assert_eq!(kept["forgotten"]["runs"], json!([]), "nobody put it away");
    // The version that it registered would keep it.
    let model = "{\"name\": \"search\"}";
    let path = "/api/2.0/mlflow/registered-models/delete";
    let head =
        format!("DELETE {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}", model.len());
    let ask = format!("{head}\r\nContent-Type: application/json\r\n\r\n{model}");
    assert_eq!(up.call(&ask).0, 200);
    let body = json!({"run_id": run}).to_string();
    assert_eq!(up.post("/api/2.0/mlflow/runs/delete", &body).0, 200);
    let look = sandbox.json(&["gc", "--run", &run, "--dry-run"]);
    let went = sandbox.json(&["gc", "--run", &run]);
    assert_eq!(look, went);
    assert!(went["forgotten"]["runs"].as_array().unwrap().len() >= 5, "{went}");
    assert_eq!(sandbox.json(&["runs", "list"]), json!([]));
}
