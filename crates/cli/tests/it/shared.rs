//! One database for several homes: runs and models are one list, and one home's run is no other's.

use std::process::{Output, Stdio};
use std::time::Duration;

use gristmill_testkit::postgres::Postgres;
use serde_json::{Value, json};

use crate::daemon::{Up, wait};
use crate::sandbox::Sandbox;

fn call(sandbox: &Sandbox, url: &str, arguments: &[&str]) -> Output {
    sandbox.command(arguments).env("GRISTMILL_DATABASE_URL", url).output().unwrap()
}

#[track_caller]
fn told(sandbox: &Sandbox, url: &str, arguments: &[&str]) -> Value {
    let output = call(sandbox, url, &[arguments, &["--json"]].concat());
    let (out, err) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{}{err}", String::from_utf8_lossy(&out));
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn two_homes_share_runs_and_models_and_a_killed_run_goes_on() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.new_database("shared_homes");
    let (one, two) = (Sandbox::churn(), Sandbox::churn());
    let first = told(&one, &url, &["run", "pipeline.yaml"]);
    assert_eq!(first["model"]["version"], 1);
    assert!(!one.path(".gristmill/gristmill.db").exists(), "nothing is kept beside the database");
    // The other home makes the very same package: no new version.
    let second = told(&two, &url, &["run", "pipeline.yaml"]);
    assert_eq!(second["model"]["version"], 1);
    assert_eq!(told(&two, &url, &["runs", "list"]).as_array().unwrap().len(), 2);

    let file = json!({"name": "work", "tasks": {
        "a": {"run": "echo a >> effects"},
        "b": {"run": "test -e go || exec sleep 1000", "needs": ["a"]},
    }});
    for sandbox in [&one, &two] {
        sandbox.write("work.yaml", file.to_string());
    }
    let mut command = one.command(&["run", "work.yaml"]);
    let mut process = command
        .env("GRISTMILL_DATABASE_URL", &url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !one.path("effects").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    process.kill().unwrap();
    process.wait().unwrap();
    // Another home cannot know that it died, and takes nothing over before the lease is over.
    two.write("go", "");
    let other = told(&two, &url, &["run", "work.yaml"]);
    let runs = told(&two, &url, &["runs", "list", "--pipeline", "work"]);
    assert_eq!(runs.as_array().unwrap().len(), 2);
    assert_ne!(runs[1]["run_id"], other["run_id"]);
    assert_eq!(runs[1]["status"], "running");
    // Its own home knows by the lock on a file. It is no longer the latest run of the pipeline.
    one.write("go", "");
    let id = runs[1]["run_id"].as_str().unwrap().to_owned();
    let again = told(&one, &url, &["run", "work.yaml", "--as", &id]);
    assert_eq!(again["run_id"].as_str(), Some(id.as_str()));
    assert_eq!(fs_err::read_to_string(one.path("effects")).unwrap(), "a\n");
}

#[test]
fn what_up_begins_is_kept_where_up_was_told_to_keep_things() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.new_database("told_by_option");
    let sandbox = Sandbox::new();
    let file =
        json!({"name": "p", "triggers": [{"webhook": "go"}], "tasks": {"a": {"run": "true"}}});
    sandbox.write("p.yaml", file.to_string());
    told(&sandbox, &url, &["deploy", "p.yaml"]);
    let mut command = sandbox.command(&["up", "--port", "0", "--backend-store-uri", &url]);
    let up = Up::of(command.stderr(Stdio::null()));
    assert_eq!(up.post("/api/v1/hooks/go", "{}").0, 202);
    wait("the run", || {
        let runs = told(&sandbox, &url, &["runs", "list"]);
        runs.as_array().unwrap().iter().any(|run| run["status"] == "succeeded")
    });
    assert!(
        !sandbox.path(".gristmill/gristmill.db").exists(),
        "nothing is kept beside the database"
    );
}

#[test]
fn a_database_that_is_away_is_told_without_its_password() {
    let sandbox = Sandbox::churn();
    let url = "postgres://me:very-secret@127.0.0.1:1/none";
    let output = call(&sandbox, url, &["runs"]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("127.0.0.1") && !err.contains("very-secret"), "{err}");
}
