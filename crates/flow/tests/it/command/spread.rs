//! Commands that run for each item of a list.

use std::sync::{Arc, Mutex};

use gristmill_flow::{Cancel, CommandTask, Output, RunReport, Task};
use serde_json::{Value, json};

use super::bench::{Bench, bench};
use crate::tasks::{step, summary};

/// The parts of a task, once `facts` were given by the task `list`.
fn parts(task: &CommandTask, bench: &Bench, facts: Value) -> Result<Vec<Box<dyn Task>>, String> {
    let (task, given) = (task.clone(), Arc::new(Mutex::new(Vec::new())));
    let spread = Arc::clone(&given);
    let list = step("list").every_time().does(move |_, _| Ok(Output::facts(facts.clone())));
    let look = step("look").every_time().needs(&["list"]).does(move |inputs, _| {
        *spread.lock().unwrap() = task.spread(inputs)?.expect("it goes over a list");
        Ok(Output::none())
    });
    let report = bench.run_all(vec![Box::new(list), Box::new(look)], &Cancel::new());
    if let Some((_, error)) = report.failure() {
        return Err(format!("{} ({})", error.message, error.hint.as_deref().unwrap_or_default()));
    }
    Ok(std::mem::take(&mut *given.lock().unwrap()))
}

fn run(bench: &Bench, spec: &Value, facts: Value) -> RunReport {
    let parts = parts(&bench.task("load", spec.clone()), bench, facts).unwrap();
    bench.run_all(parts, &Cancel::new())
}

fn load(foreach: Value) -> Value {
    json!({
        "run": "echo {{item.name}} >> ran; cat {{item.name}}.csv > out-{{item.name}}; \
                echo '{\"n\": 1}' > $GRISTMILL_OUTPUT",
        "inputs": ["{{item.name}}.csv"], "outputs": ["out-{{item.name}}"], "foreach": foreach,
    })
}

#[test]
fn one_item_more_runs_one_command_more() {
    let bench = bench();
    ["a", "b", "c"].iter().for_each(|n| bench.write(&format!("{n}.csv"), n));
    let items = json!([{"name": "a"}, {"name": "b"}]);
    let first = run(&bench, &load(items.clone()), Value::Null);
    assert_eq!(summary(&first), ["load[0] succeeded", "load[1] succeeded"]);
    let items = json!([{"name": "c"}, {"name": "a"}, {"name": "b"}]);
    let second = run(&bench, &load(items.clone()), Value::Null);
    assert_eq!(summary(&second), ["load[0] succeeded", "load[1] cached", "load[2] cached"]);
    assert_eq!(bench.read("ran"), "a\nb\nc\n");
    // Also when a task gives the items, which gives something else by one item more.
    let spec = load(json!({"task": "list", "output": "found.files"}));
    let third = run(&bench, &spec, json!({"found": {"files": items}}));
    assert_eq!(summary(&third), ["load[0] cached", "load[1] cached", "load[2] cached"]);
    bench.write("b.csv", "other");
    let fourth = run(&bench, &spec, json!({"found": {"files": items}}));
    assert_eq!(summary(&fourth), ["load[0] cached", "load[1] cached", "load[2] succeeded"]);
}

#[test]
fn the_gathering_task_gives_what_each_gave() {
    let bench = bench();
    let task = bench.task(
        "load",
        json!({
            "run": "echo '{\"n\": {{item}}}' > $GRISTMILL_OUTPUT", "foreach": [1, 2], "retries": 3,
        }),
    );
    let mut tasks = parts(&task, &bench, Value::Null).unwrap();
    assert_eq!((task.retries().times, tasks[0].retries().times), (0, 3));
    let gather = step("gather").every_time().needs(&["load[0]", "load[1]"]);
    tasks.push(Box::new(gather.does(move |inputs, context| task.run(inputs, context))));
    let report = bench.run_all(tasks, &Cancel::new());
    assert_eq!(report.tasks[2].facts, json!({"items": [{"n": 1}, {"n": 2}]}));
}

#[test]
fn a_part_needs_the_task_that_gives_the_items_only_if_it_says_so() {
    let bench = bench();
    let facts = || json!({"names": ["a"]});
    let foreach = json!({"task": "list", "output": "names"});
    let task = bench.task("load", json!({"run": "true", "foreach": foreach}));
    assert_eq!(task.needs(), ["list"]);
    assert_eq!(parts(&task, &bench, facts()).unwrap()[0].needs(), [""; 0]);
    let task = bench.task("load", json!({"run": "true", "foreach": foreach, "needs": ["list"]}));
    assert_eq!(task.needs(), ["list"]);
    assert_eq!(parts(&task, &bench, facts()).unwrap()[0].needs(), ["list"]);
}

#[test]
fn no_items_are_no_parts() {
    let bench = bench();
    let task = bench.task("load", json!({"run": "true", "foreach": []}));
    assert!(parts(&task, &bench, Value::Null).unwrap().is_empty());
}

#[track_caller]
fn refused(output: &str, facts: Value, expected: &str) {
    let bench = bench();
    let foreach = json!({"task": "list", "output": output});
    let task = bench.task("load", json!({"run": "true", "foreach": foreach}));
    assert_eq!(parts(&task, &bench, facts).err().unwrap(), expected);
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
