//! What commands make of what they read, and when that is reused.

use gristmill_flow::{Cancel, RunReport, Task, TaskStatus};
use serde_json::{Value, json};

use super::bench::{Bench, bench};
use crate::tasks::summary;

fn count() -> Value {
    let run = "wc -l < rows.csv > lines; mkdir -p out; cp rows.csv out/; chmod +x out/rows.csv";
    json!({"run": run, "inputs": ["rows.csv"], "outputs": ["lines", "out"]})
}

#[test]
fn outputs_are_reused_until_an_input_changes() {
    let bench = bench();
    bench.write("rows.csv", "a\nb\n");
    assert!(!bench.run("job", count()).cached);
    assert_eq!(bench.read("lines").trim(), "2");
    assert!(bench.run("job", count()).cached);
    bench.write("rows.csv", "a\nb\nc\n");
    let report = bench.run("job", count());
    assert_eq!((report.cached, bench.read("lines").trim()), (false, "3"));
    let again = bench.run("renamed", count());
    assert!(again.cached, "a name is no part of what a command does");
}

#[test]
fn outputs_that_are_gone_or_changed_are_put_back() {
    let bench = bench();
    bench.write("rows.csv", "a\nb\n");
    bench.run("job", count());
    fs_err::remove_dir_all(bench.work.join("out")).unwrap();
    bench.write("lines", "7\n");
    assert!(bench.run("job", count()).cached);
    assert_eq!((bench.read("lines").trim(), bench.read("out/rows.csv").as_str()), ("2", "a\nb\n"));
    let mut test = std::process::Command::new("test");
    assert!(test.arg("-x").arg(bench.work.join("out/rows.csv")).status().unwrap().success());
}

#[test]
fn without_outputs_or_by_wish_a_command_runs_every_time() {
    let bench = bench();
    for spec in
        [json!({"run": "true"}), json!({"run": "echo > x", "outputs": ["x"], "cache": "never"})]
    {
        for _ in 0..2 {
            let report = bench.run("job", spec.clone());
            assert_eq!((report.status, report.cached), (TaskStatus::Succeeded, false));
        }
    }
}

#[test]
fn what_is_declared_and_not_there_is_named() {
    let bench = bench();
    let (message, hint) = bench.failure(json!({"run": "true", "outputs": ["model.bin"]}));
    assert_eq!(message, "task `job` says that it gives `model.bin`, which is not there");
    assert!(hint.ends_with("/work/model.bin`, or correct `outputs`"), "{hint}");
    let (message, _) = bench.failure(json!({"run": "true", "inputs": ["*.csv"]}));
    assert!(message.starts_with("`*.csv` among `inputs` matches nothing in `"), "{message}");
    let (message, _) =
        bench.failure(json!({"run": "ln -sf /etc/hostname away", "outputs": ["away"]}));
    assert!(message.contains("out of the working folder"), "{message}");
}

#[test]
fn another_command_folder_or_variable_is_another_task_and_a_longer_timeout_is_not() {
    let bench = bench();
    let spec = |key: &str, value: Value| {
        let mut spec = json!({"run": "mkdir -p sub; echo > x", "outputs": ["x"]});
        spec[key] = value;
        spec
    };
    bench.write("sub/x", "");
    assert!(!bench.run("job", spec("priority", json!(0))).cached);
    for (key, value, cached) in [
        ("timeout", json!("1h"), true),
        ("retries", json!(3), true),
        ("cpu", json!(2), true),
        ("env", json!({"A": "b"}), false),
        ("folder", json!("sub"), false),
        ("run", json!("echo >x"), false),
    ] {
        assert_eq!(bench.run("job", spec(key, value)).cached, cached, "{key}");
    }
}

fn two(bench: &Bench, first: Value, second: Value) -> RunReport {
    let tasks: Vec<Box<dyn Task>> =
        vec![Box::new(bench.task("first", first)), Box::new(bench.task("second", second))];
    bench.run_all(tasks, &Cancel::new())
}

#[test]
fn what_one_command_gave_stands_in_the_words_of_the_next() {
    let bench = bench();
    let evil = "'; echo gone; $(echo gone) \"";
    let first = json!({
        "run": "printf '{\"file\": %s, \"n\": 3}' \"$FILE\" > $GRISTMILL_OUTPUT",
        "env": {"FILE": json!(evil).to_string()},
    });
    let second = json!({
        "run": "printf %s {{first.file}} > out-{{first.n}}; printf %s \"$F\" > env",
        "needs": ["first"], "outputs": ["out-{{first.n}}", "env"], "env": {"F": "<{{first.file}}>"},
    });
    let report = two(&bench, first.clone(), second);
    assert!(report.succeeded(), "{report:?}");
    assert_eq!(bench.read("out-3"), evil);
    assert_eq!(bench.read("env"), format!("<{evil}>"));
    let second = json!({"run": ["sh", "-c", "printf %s \"$1\" > raw", "sh", "{{first.file}}"], "needs": ["first"]});
    assert!(two(&bench, first.clone(), second).succeeded());
    assert_eq!(bench.read("raw"), evil);
    let second = json!({"run": "true {{first.fil}}", "needs": ["first"]});
    let report = two(&bench, first, second);
    assert_eq!(summary(&report), ["first succeeded", "second failed"]);
    let error = report.tasks[1].error.as_ref().unwrap();
    assert_eq!(error.message, "`{{first.fil}}`: `first` has no `fil`");
    assert_eq!(error.hint.as_deref(), Some("it has `file` and `n`"));
}
