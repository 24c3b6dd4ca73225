//! `gristmill task`: the tasks of one run, each in a process of its own.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::sandbox::{Said, Sandbox};

/// A fetch, two branches, a task that is skipped, and one that joins the branches.
pub const NIGHTLY: &str = r#"name: nightly
pools: {disk: 2}
tasks:
  fetch:
    run: |
      echo fetch >> calls.txt
      echo rows > rows.txt
      echo '{"rows": 3, "parts": ["a", "b"]}' > $GRISTMILL_OUTPUT
    outputs: [rows.txt]
    retries: {times: 2, backoff: 5s}
    timeout: 1m
  left:
    needs: [fetch]
    run: echo left >> calls.txt; cat rows.txt > left.txt
    outputs: [left.txt]
    pool: disk
    cpu: 2
    memory: 1GiB
    priority: 3
    env: {COLOUR: red}
  right:
    needs: [fetch]
    foreach: {task: fetch, output: parts}
    run: echo right-{{item}} >> calls.txt
  rare-case:
    needs: [fetch]
    when: fetch.rows > 100
    run: echo rare >> calls.txt
  after:
    needs: [rare-case]
    run: echo after >> calls.txt
  join:
    needs: [left, right]
    run: echo join >> calls.txt; cat left.txt
"#;

pub fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("p.yaml", NIGHTLY);
    sandbox
}

/// What each task of [`NIGHTLY`] does when all of them ran once, in the order of the alphabet.
#[track_caller]
pub fn check_ran_once(sandbox: &Sandbox) {
    let calls = fs_err::read_to_string(sandbox.path("calls.txt")).unwrap();
    let mut calls: Vec<&str> = calls.lines().collect();
    calls.sort_unstable();
    assert_eq!(calls, ["fetch", "join", "left", "right-a", "right-b"]);
    let runs = sandbox.json(&["runs"]);
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    let run = sandbox.json(&["runs", "show", "latest"]);
    assert_eq!(run["status"], "succeeded", "{run}");
    let tasks = run["tasks"].as_array().unwrap();
    let ended = tasks.iter().map(|task| {
        let attempts = task["attempts"].as_u64().unwrap();
        (task["name"].as_str().unwrap(), task["status"].as_str().unwrap(), attempts)
    });
    let mut ended: Vec<_> = ended.collect();
    ended.sort_unstable();
    let expected = [
        ("after", "skipped", 0),
        ("fetch", "succeeded", 1),
        ("join", "succeeded", 1),
        ("left", "succeeded", 1),
        ("rare-case", "skipped", 0),
        ("right", "succeeded", 1),
        ("right[0]", "succeeded", 1),
        ("right[1]", "succeeded", 1),
    ];
    assert_eq!(ended, expected);
}

fn call(sandbox: &Sandbox, task: &str) -> Said {
    sandbox.run(&["task", "outer 1", task, "--file", "p.yaml"])
}

fn begin(sandbox: &Sandbox, task: &str) -> Child {
    let mut command = sandbox.command(&["task", "outer 1", task, "--file", "p.yaml"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn check(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    for word in words {
        assert!(said.out.contains(word) || said.err.contains(word), "{}{}", said.out, said.err);
    }
}

#[test]
fn tasks_of_one_outer_run_meet_in_one_run() {
    let sandbox = sandbox();
    check(&call(&sandbox, "fetch"), 0, &["`fetch` ran in run", "it has not run before"]);
    let branches = [begin(&sandbox, "left"), begin(&sandbox, "right")];
    for branch in branches {
        assert!(branch.wait_with_output().unwrap().status.success());
    }
    check(&call(&sandbox, "rare-case"), 99, &["`rare-case` is skipped", "does not hold"]);
    check(&call(&sandbox, "join"), 0, &[]);
    check(&call(&sandbox, "--finish"), 0, &["run    "]);
    check_ran_once(&sandbox);
}

#[test]
fn of_several_that_come_first_exactly_one_begins_the_run() {
    let sandbox = Sandbox::new();
    let tasks: String = (0..8).map(|i| format!("  t{i}: {{run: echo {i}}}\n")).collect();
    sandbox.write("p.yaml", format!("name: many\ntasks:\n{tasks}"));
    let at_once: Vec<Child> = (0..8).map(|i| begin(&sandbox, &format!("t{i}"))).collect();
    for child in at_once {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    check(&call(&sandbox, "--finish"), 0, &[]);
    let runs = sandbox.json(&["runs"]);
    assert_eq!(runs.as_array().unwrap().len(), 1);
    assert_eq!(runs[0]["status"], "succeeded");
}

#[test]
fn a_task_waits_for_its_turn_and_is_not_done_twice() {
    let sandbox = sandbox();
    let early = ["`left` waits for `fetch`, which this run has not done yet", "do `fetch` first"];
    check(&call(&sandbox, "left"), 1, &early);
    check(&call(&sandbox, "fetch"), 0, &[]);
    check(&call(&sandbox, "fetch"), 0, &["`fetch` was done already in run"]);
    let calls = fs_err::read_to_string(sandbox.path("calls.txt")).unwrap();
    assert_eq!(calls, "fetch\n");
}

#[test]
fn what_a_task_needs_is_put_where_it_looks_for_it() {
    let sandbox = sandbox();
    check(&call(&sandbox, "fetch"), 0, &[]);
    fs_err::remove_file(sandbox.path("rows.txt")).unwrap();
    check(&call(&sandbox, "left"), 0, &[]);
    assert_eq!(fs_err::read_to_string(sandbox.path("left.txt")).unwrap(), "rows\n");
}

#[test]
fn a_task_that_failed_is_done_again_and_the_run_settled_anew() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.yaml",
        "name: shaky\ntasks:\n  a: {run: test -f there, retries: 5}\n  b: {run: 'true', needs: [a]}\n",
    );
    check(&call(&sandbox, "a"), 1, &["error:", "task `a`"]);
    check(&call(&sandbox, "--finish"), 1, &["task `a`"]);
    let run = sandbox.json(&["runs", "show", "latest"]);
    assert_eq!(run["status"], "failed");
    assert_eq!(run["tasks"][1]["status"], "skipped", "{run}");
    sandbox.write("there", "");
    check(&call(&sandbox, "a"), 0, &[]);
    check(&call(&sandbox, "b"), 0, &[]);
    check(&call(&sandbox, "--finish"), 0, &[]);
    let run = sandbox.json(&["runs", "show", "latest"]);
    assert_eq!((&run["status"], &run["tasks"][0]["attempts"]), (&"succeeded".into(), &2.into()));
}

#[test]
fn a_second_try_does_the_parts_that_are_not_done() {
    let sandbox = Sandbox::new();
    let part = "run: \"echo {{item}} >> calls.txt; test {{item}} = a || test -f there\"";
    let file = format!("name: parts\ntasks:\n  each:\n    foreach: [a, b]\n    {part}\n");
    sandbox.write("p.yaml", file);
    check(&call(&sandbox, "each"), 1, &["task `each[1]`"]);
    sandbox.write("there", "");
    check(&call(&sandbox, "each"), 0, &[]);
    let calls = fs_err::read_to_string(sandbox.path("calls.txt")).unwrap();
    let count = |item: &str| calls.lines().filter(|line| *line == item).count();
    assert_eq!((count("a"), count("b")), (1, 2));
    check(&call(&sandbox, "--finish"), 0, &[]);
    let run = sandbox.json(&["runs", "show", "latest"]);
    let tasks = run["tasks"].as_array().unwrap();
    assert!(tasks.iter().all(|task| task["status"] == "succeeded"), "{run}");
}

#[test]
fn a_task_that_nobody_did_is_a_failure_of_the_run() {
    let sandbox = sandbox();
    check(&call(&sandbox, "fetch"), 0, &[]);
    check(&call(&sandbox, "--finish"), 1, &["nobody did `left`"]);
    assert_eq!(sandbox.json(&["runs"])[0]["status"], "failed");
}

#[test]
fn a_run_is_of_one_file_and_of_tasks_that_stand_there() {
    let sandbox = sandbox();
    check(&call(&sandbox, "fetsch"), 1, &["no task `fetsch`", "did you mean `fetch`?"]);
    check(&call(&sandbox, "fetch"), 0, &[]);
    sandbox.write("p.yaml", NIGHTLY.replace("echo join", "echo joined"));
    check(&call(&sandbox, "left"), 1, &["is of another file"]);
    let said = sandbox.run(&["task", " ", "fetch", "--file", "p.yaml"]);
    check(&said, 1, &["the run has no name"]);
    let said = sandbox.run(&["task", "x", "--file", "p.yaml"]);
    check(&said, 1, &["<TASK>"]);
}

/// Waits until the run shows its first task at work.
fn wait_until_at_work(sandbox: &Sandbox) {
    const TRIES: usize = 1_500;
    for _ in 0..TRIES {
        if sandbox.path("began").exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the task did not begin");
}

#[test]
fn a_process_at_work_is_respected_and_one_that_died_is_found_out() {
    let sandbox = Sandbox::new();
    let file = "name: slow\ntasks:\n  a: {run: touch began; test -f quick || sleep 60}\n  b: {run: 'true', needs: [a]}\n";
    sandbox.write("p.yaml", file);
    let mut at_work = begin(&sandbox, "a");
    wait_until_at_work(&sandbox);
    check(&call(&sandbox, "a"), 1, &["another process is at work on `a`"]);
    check(&call(&sandbox, "b"), 1, &["which another process is at work on"]);
    check(&call(&sandbox, "--finish"), 1, &["are still at work"]);
    at_work.kill().unwrap();
    at_work.wait().unwrap();
    check(&call(&sandbox, "b"), 1, &["whose process ended before it did"]);
    check(&call(&sandbox, "--finish"), 1, &["its process ended before it did"]);
    sandbox.write("quick", "");
    for task in ["a", "b", "--finish"] {
        check(&call(&sandbox, task), 0, &[]);
    }
}

const STAGES: [&str; 6] = ["ingest", "split", "features", "train", "evaluate", "register"];

#[test]
fn stages_one_by_one_give_what_a_run_gives() {
    let (apart, whole) = (Sandbox::churn(), Sandbox::churn());
    for stage in STAGES {
        let said = apart.run(&["task", "r1", stage, "--file", "pipeline.yaml"]);
        check(&said, 0, &[]);
    }
    let finished = apart.json(&["task", "r1", "--finish", "--file", "pipeline.yaml"]);
    let ran = whole.json(&["run", "pipeline.yaml"]);
    assert_eq!(finished["metrics"], ran["metrics"]);
    assert_eq!(finished["model"]["aliases"], ran["model"]["aliases"]);
    let scores = |sandbox: &Sandbox| -> Value {
        sandbox.json(&["runs", "show", "latest"])["metrics"].clone()
    };
    assert_eq!(scores(&apart), scores(&whole));
    apart.json(&["report", "latest", "-o", "report.html"]);
}

#[test]
fn a_gate_refuses_the_task_and_the_run_by_its_own_exit_code() {
    let sandbox = Sandbox::churn();
    let set = "evaluate.require.roc_auc=0.99";
    for (stage, code) in STAGES.into_iter().zip([0, 0, 0, 0, 0, 3]) {
        let said = sandbox.run(&["task", "r1", stage, "--file", "pipeline.yaml", "--set", set]);
        check(&said, code, &[]);
    }
    let said = sandbox.run(&["task", "r1", "--finish", "--file", "pipeline.yaml", "--set", set]);
    check(&said, 3, &["refused by the gate"]);
    assert_eq!(sandbox.json(&["runs"])[0]["status"], "refused");
}
