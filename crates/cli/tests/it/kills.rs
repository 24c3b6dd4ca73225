//! A run that is killed at any moment goes on where it was: the promise of docs/flow.md, tried.
//!
//! `GRISTMILL_KILLS=200` tries it more often than an everyday test run does.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const EFFECTS: usize = 200;
const MADE: usize = 92;
/// With the six stages, `make` and `sum`.
const TASKS: usize = EFFECTS + MADE + 8;
/// How many commands may be at work at one time.
const CORES: usize = 2;

/// A file of 300 tasks: commands with effects, commands with outputs, a model.
fn pipeline(cycle: usize) -> String {
    let mut tasks = serde_json::Map::new();
    tasks.insert("make".into(), json!({"run": "cp source.csv rows.csv", "outputs": ["rows.csv"]}));
    for i in 0..EFFECTS {
        let needs = if i < 20 { json!([]) } else { json!([format!("e{}", i - 20)]) };
        let run = format!("echo {cycle} >> effects/$GRISTMILL_TASK");
        tasks.insert(format!("e{i}"), json!({"run": run, "needs": needs}));
    }
    for i in 0..MADE {
        let run = format!("echo {cycle}-{i} > made/{i}");
        let needs = json!([format!("e{i}")]);
        tasks.insert(
            format!("m{i}"),
            json!({"run": run, "needs": needs, "outputs": [format!("made/{i}")]}),
        );
    }
    let made: Vec<String> = (0..MADE).map(|i| format!("m{i}")).collect();
    let sum = json!({"run": "cat made/* > sum.txt", "needs": made, "outputs": ["sum.txt"]});
    tasks.insert("sum".into(), sum);
    let file = json!({
        "name": "kills",
        "seed": cycle,
        "data": {"source": "rows.csv", "target": "y", "split": {"test": 0.25}, "needs": ["make"]},
        "features": [{"standardize": {"columns": "numeric"}}],
        "model": {"logistic_regression": {}},
        "evaluate": {"explain": {"rows": 0}},
        "register": {"model": "kills", "promote": {"alias": "champion", "when": "always"}},
        "tasks": tasks,
    });
    file.to_string()
}

fn prepare() -> Sandbox {
    let sandbox = Sandbox::new();
    let row =
        |i: usize| format!("{}.5,{}.25,{}\n", i % 17, i * 7 % 23, ["no", "yes"][i * i % 3 % 2]);
    let rows: String = (0..200).map(row).collect();
    sandbox.write("source.csv", format!("a,b,y\n{rows}"));
    fs_err::create_dir(sandbox.path("effects")).unwrap();
    fs_err::create_dir(sandbox.path("made")).unwrap();
    sandbox
}

fn start(sandbox: &Sandbox) -> Child {
    let mut command = sandbox.command(&["run", "pipeline.yaml", "--json", "--threads", "2"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// How often each command with an effect has had it.
fn effects(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    Sandbox::bytes(&sandbox.path("effects"))
        .into_iter()
        .map(|(name, bytes)| (name, bytes.iter().filter(|b| **b == b'\n').count()))
        .collect()
}

/// What a run leaves behind that must not depend on how often it was killed.
fn result(sandbox: &Sandbox, report: &Value) -> Value {
    let model = report["model"]["path"].as_str().unwrap().rsplit('/').next().unwrap();
    let tasks: Vec<Value> = report["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| json!([task["name"], task["status"]]))
        .collect();
    json!({
        "sum": fs_err::read_to_string(sandbox.path("sum.txt")).unwrap(),
        "metrics": report["metrics"],
        "package": model,
        "tasks": tasks,
    })
}

/// Numbers without order, the same every time.
pub struct Moments(pub u64);

impl Moments {
    pub fn next(&mut self, below: u64) -> Duration {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((self.0 >> 33) % below)
    }
}

#[test]
fn killed_at_any_moment_a_run_loses_nothing_and_repeats_only_what_was_at_work() {
    let wanted: usize =
        std::env::var("GRISTMILL_KILLS").ok().map_or(12, |kills| kills.parse().unwrap());
    let (disturbed, undisturbed) = (prepare(), prepare());
    let mut moments = Moments(7);
    let (mut kills, mut cycle, mut repeated) = (0, 0, 0);
    while kills < wanted {
        cycle += 1;
        disturbed.write("pipeline.yaml", pipeline(cycle));
        let (before, killed_before) = (effects(&disturbed), kills);
        let report: Option<Value> = loop {
            let mut run = start(&disturbed);
            if kills < wanted {
                std::thread::sleep(moments.next(900_000));
                if run.try_wait().unwrap().is_none() {
                    run.kill().unwrap();
                    kills += 1;
                }
            }
            let output = run.wait_with_output().unwrap();
            if output.status.success() {
                break Some(serde_json::from_slice(&output.stdout).unwrap());
            }
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), None, "only a kill ends it: {said}");
            if ended(&disturbed) == cycle {
                // It was killed between its last word and its end: to run it again would be
                // another run.
                break None;
            }
        };
        let after = effects(&disturbed);
        assert_eq!(after.len(), EFFECTS, "an effect was lost");
        let mut again = 0;
        for (name, times) in &after {
            let times = times - before.get(name).copied().unwrap_or_default();
            assert!(times >= 1, "the effect of {name} was lost");
            again += times - 1;
        }
        let most = (kills - killed_before) * CORES;
        assert!(again <= most, "{again} commands were repeated by {} kills", kills - killed_before);
        repeated += again;
        undisturbed.write("pipeline.yaml", pipeline(cycle));
        let reference = undisturbed.json(&["run", "pipeline.yaml", "--threads", "2"]);
        if let Some(report) = report {
            assert_eq!(report["tasks"].as_array().unwrap().len(), TASKS);
            assert_eq!(result(&disturbed, &report), result(&undisturbed, &reference));
        }
    }
    assert_each_version_once(&disturbed, cycle);
    println!(
        "{kills} kills in {cycle} runs of {TASKS} tasks: {repeated} commands repeated, none lost"
    );
}

/// How many runs have come to their end.
fn ended(sandbox: &Sandbox) -> usize {
    let runs = sandbox.json(&["runs", "list", "--limit", "1000"]);
    runs.as_array().unwrap().iter().filter(|run| run["status"] == "succeeded").count()
}

/// Of the effects of our own stages none is doubled or lost: a version and an alias for each run.
fn assert_each_version_once(sandbox: &Sandbox, runs: usize) {
    let history = sandbox.json(&["models", "history", "kills"]);
    let count = |what: &str| {
        let words =
            |event: &Value| event["words"].as_str().is_some_and(|words| words.contains(what));
        history.as_array().unwrap().iter().filter(|event| words(event)).count()
    };
    assert_eq!((count("registered by"), count("alias set")), (runs, runs), "{history:#}");
}
