//! Commands that run for each item of a list.

use gristmill_flow::{Cancel, Output, RunReport, Task, TaskReport};
use serde_json::{Value, json};

use super::bench::{Bench, bench};
use crate::tasks::step;

/// Runs the task `load` with these settings, after a task `list` that gives `facts`.
fn run(bench: &Bench, spec: &Value, facts: Value) -> RunReport {
    let list = step("list").every_time().does(move |_, _| Ok(Output::facts(facts.clone())));
    let load = bench.task("load", spec.clone());
    bench.run_all(vec![Box::new(list), Box::new(load)], &Cancel::new())
}

/// The parts of `load` and how each went.
fn parts(report: &RunReport) -> Vec<String> {
    let parts = report.tasks.iter().filter(|task| task.name.starts_with("load["));
    let word = |t: &TaskReport| if t.cached { "cached" } else { t.status.as_str() };
    parts.map(|task| format!("{} {}", task.name, word(task))).collect()
}

fn load(foreach: Value) -> Value {
    json!({
        "run": "echo {{item.name}} >> ran; cat {{item.name}}.csv > out-{{item.name}}; \
                echo '{\"n\": 1}' > $GRISTMILL_OUTPUT",
        "inputs": ["{{item.name}}.csv"], "outputs": ["out-{{item.name}}"], "foreach": foreach,
        "cpu": 4,
    })
}

#[test]
fn one_item_more_runs_one_command_more() {
    let bench = bench();
    ["a", "b", "c"].iter().for_each(|n| bench.write(&format!("{n}.csv"), n));
    let items = json!([{"name": "a"}, {"name": "b"}]);
    let first = run(&bench, &load(items.clone()), Value::Null);
    assert_eq!(parts(&first), ["load[0] succeeded", "load[1] succeeded"]);
    let again = run(&bench, &load(items), Value::Null);
    assert!(again.task("load").unwrap().cached, "what is gathered is known with its parts");
    let items = json!([{"name": "c"}, {"name": "a"}, {"name": "b"}]);
    let second = run(&bench, &load(items.clone()), Value::Null);
    assert_eq!(parts(&second), ["load[0] succeeded", "load[1] cached", "load[2] cached"]);
    assert_eq!(bench.read("ran"), "a\nb\nc\n");
    fs_err::remove_file(bench.work.join("out-a")).unwrap();
    // Also when a task gives the items, which gives something else by one item more.
    let spec = load(json!({"task": "list", "output": "found.files"}));
    let third = run(&bench, &spec, json!({"found": {"files": items}}));
    assert_eq!(parts(&third), ["load[0] cached", "load[1] cached", "load[2] cached"]);
    assert_eq!(bench.read("out-a"), "a");
    bench.write("b.csv", "other");
    let fourth = run(&bench, &spec, json!({"found": {"files": items}}));
    assert_eq!(parts(&fourth), ["load[0] cached", "load[1] cached", "load[2] succeeded"]);
}

#[test]
fn the_gathering_task_gives_what_each_gave() {
    let bench = bench();
    let run_one = "echo '{\"n\": {{item}}}' > $GRISTMILL_OUTPUT";
    let spec = json!({"run": run_one, "foreach": {"task": "list", "output": "numbers"}});
    let report = run(&bench, &spec, json!({"numbers": [1, 2]}));
    assert!(report.succeeded(), "{report:?}");
    assert_eq!(report.task("load").unwrap().facts, json!({"items": [{"n": 1}, {"n": 2}]}));
}

#[test]
fn a_part_is_told_of_the_tasks_that_it_says_it_needs() {
    let bench = bench();
    let spec = json!({
        "run": "echo '{\"all\": {{list.total}}}' > $GRISTMILL_OUTPUT", "needs": ["list"],
        "foreach": {"task": "list", "output": "names"},
    });
    let report = run(&bench, &spec, json!({"names": ["a"], "total": 7}));
    assert_eq!(report.task("load").unwrap().facts, json!({"items": [{"all": 7}]}), "{report:?}");
    let alone = json!({"run": "true", "foreach": {"task": "list", "output": "names"}});
    assert_eq!(bench.task("load", alone).needs(), ["list"]);
}

#[test]
fn no_items_are_no_parts() {
    let bench = bench();
    let report = run(&bench, &json!({"run": "true", "foreach": []}), Value::Null);
    assert_eq!(report.task("load").unwrap().facts, json!({"items": []}), "{report:?}");
}

#[test]
fn a_part_that_fails_fails_the_whole() {
    let bench = bench();
    let report = run(&bench, &json!({"run": "exit {{item}}", "foreach": [0, 3]}), Value::Null);
    assert_eq!(parts(&report), ["load[0] succeeded", "load[1] failed"]);
    assert!(!report.succeeded());
}

#[track_caller]
fn refused(output: &str, facts: Value, expected: &str) {
    let foreach = json!({"task": "list", "output": output});
    let report = run(&bench(), &json!({"run": "true", "foreach": foreach}), facts);
    let (_, error) = report.failure().unwrap();
    assert_eq!(format!("{} ({})", error.message, error.hint.as_ref().unwrap()), expected);
}

#[test]
fn what_is_no_list_is_told() {
    refused(
        "paths",
        json!({"path": []}),
        "`foreach` goes over `list.paths`: `list` has no `paths` (it has `path`)",
    );
    refused(
        "paths",
        json!({"paths": 3}),
        "`foreach` goes over `list.paths`: it is no list (expected a list such as `[\"a\", \"b\"]`)",
    );
    refused(
        "paths",
        Value::Null,
        "`foreach` goes over `list.paths`: `list` has no `paths` (it gave nothing; a command gives \
         fields by writing a JSON object to GRISTMILL_OUTPUT)",
    );
}
