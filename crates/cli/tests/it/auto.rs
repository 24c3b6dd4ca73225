//! `model: auto` from a file that says nothing of steps to a file that says all of them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::sandbox::Sandbox;

/// A short search of few rows, bounded by trials, so that it comes to the same everywhere.
const FILE: &str = "\
# Who will leave?
name: churn
seed: 7

data:
  source: customers.csv
  target: churn
  positive: \"Yes\"
  sql: SELECT * FROM source LIMIT 900
  split: {test: 0.2, stratify: true}   # as before

model:
  auto: {minutes: 60, trials: 6, cross_validate: {folds: 3}}

# By what it is judged.
evaluate: {metrics: [roc_auc]}
register: {model: churn}
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::churn();
    sandbox.write("auto.yaml", FILE);
    sandbox
}

#[test]
fn it_finds_a_file_that_makes_the_same_model() {
    let sandbox = sandbox();
    let report = sandbox.json(&["run", "auto.yaml"]);
    let found = report["found"].as_str().unwrap();
    assert!(found.contains("roc_auc 0.8") && found.contains("the best of "), "{found}");
    let text = sandbox.json(&["runs", "file", "latest"])["text"].as_str().unwrap().to_owned();
    for kept in ["# Who will leave?\n", "   # as before\n", "\n# By what it is judged.\nevaluate:"]
    {
        assert!(text.contains(kept), "{kept} is gone: {text}");
    }
    assert!(text.contains("\nfeatures:\n  - ") && !text.contains("\n  auto:"), "{text}");
    sandbox.write("found.yaml", &text);
    assert_eq!(sandbox.run(&["check", "found.yaml"]).code, 0);
    let again = sandbox.json(&["run", "found.yaml", "--home", "another"]);
    let package = |report: &serde_json::Value| {
        Sandbox::bytes(report["model"]["path"].as_str().unwrap().as_ref())
    };
    assert!(package(&report) == package(&again), "the file that was found makes another model");
    assert_eq!(report["metrics"]["test"], again["metrics"]["test"]);
}

/// The file that the latest run of a home found.
fn found(sandbox: &Sandbox, home: &str) -> String {
    let text = sandbox.json(&["runs", "file", "latest", "--home", home]);
    let text = text["text"].as_str().unwrap().to_owned();
    // The run that found it has an id of its own.
    text.lines().filter(|line| !line.starts_with("# Found by")).collect::<Vec<_>>().join("\n")
}

#[test]
fn killed_among_its_last_models_it_finds_the_same_file() {
    let sandbox = sandbox();
    sandbox.json(&["run", "auto.yaml", "--home", "whole"]);
    for what in ["combined models: ", "calibrated models: "] {
        let mut command = sandbox.command(&["run", "auto.yaml", "--home", "cut"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let heard = said.lines().map_while(Result::ok).any(|line| line.contains(what));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(heard, "it never came to the {what}");
    }
    sandbox.json(&["run", "auto.yaml", "--home", "cut"]);
    assert_eq!(found(&sandbox, "cut"), found(&sandbox, "whole"));
}

#[test]
fn equal_runs_find_the_same_on_any_number_of_threads_and_a_rerun_searches_nothing() {
    let sandbox = sandbox();
    let run = |threads: &str| {
        sandbox.json(&["run", "auto.yaml", "--threads", threads, "--home", threads]);
        found(&sandbox, threads)
    };
    assert_eq!(run("1"), run("2"));
    let again = sandbox.json(&["run", "auto.yaml", "--home", "2"]);
    let tasks = again["tasks"].as_array().unwrap();
    let select = tasks.iter().find(|task| task["name"] == "select").unwrap();
    assert_eq!(select["cached"], true);
    assert!(again["found"].is_string());
}

#[test]
fn init_writes_a_file_that_searches_for_as_long_as_it_is_told() {
    let sandbox = Sandbox::churn();
    let init = |time: &str, file: &str| {
        sandbox.run(&["init", "customers.csv", "--target", "churn", "--auto", time, "-o", file])
    };
    for (time, minutes) in [("30s", "0.5"), ("5m", "5"), ("1h", "60")] {
        let file = format!("{time}.yaml");
        assert_eq!(init(time, &file).code, 0);
        let text = fs_err::read_to_string(sandbox.path(&file)).unwrap();
        assert!(
            text.contains(&format!("\n  auto: {{minutes: {minutes}, metric: roc_auc}}\n")),
            "{text}"
        );
        assert!(!text.contains("\nfeatures:"), "{text}");
        assert_eq!(sandbox.run(&["check", &file]).code, 0);
    }
    assert_eq!(init("0s", "none.yaml").code, 1);
    let said = init("five", "none.yaml");
    assert!(said.err.contains("is no length of time"), "{}", said.err);
    let report = sandbox.json(&["run", "30s.yaml", "--set", "model.auto.trials=1"]);
    assert!(report["metrics"]["test"]["roc_auc"].as_f64().unwrap() > 0.8, "{report:#}");
}

#[test]
fn folds_around_a_search_are_worth_a_word() {
    let sandbox = sandbox();
    let said = sandbox.run(&["check", "auto.yaml", "--set", "evaluate.cross_validate.folds=3"]);
    assert!(
        said.out.contains("repeats the whole selection")
            || said.err.contains("repeats the whole selection")
    );
}
