//! Workflows as their users run them: commands, their faults, the cache, tidying up.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::{Said, Sandbox};

/// A sandbox with a workflow of these tasks, in JSON, which is YAML too.
fn workflow(tasks: Value) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("work.yaml", json!({"name": "work", "tasks": tasks}).to_string());
    sandbox
}

fn run(sandbox: &Sandbox) -> Said {
    sandbox.run(&["run", "work.yaml", "--json", "--threads", "2"])
}

/// `name status` of each task of the latest run, `cached` where it was.
fn states(sandbox: &Sandbox) -> Vec<String> {
    let run = sandbox.json(&["runs", "show", "latest"]);
    let word = |task: &Value| match task["cached"] == true {
        true => "cached".to_owned(),
        false => task["status"].as_str().unwrap().to_owned(),
    };
    let tasks = run["tasks"].as_array().unwrap();
    tasks.iter().map(|task| format!("{} {}", task["name"].as_str().unwrap(), word(task))).collect()
}

#[track_caller]
fn assert_fails(said: &Said, code: i32, words: &str) {
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    assert!(said.out.contains(words) || said.err.contains(words), "{}{}", said.out, said.err);
}

#[test]
fn tasks_hand_on_what_they_publish_and_each_runs_when_it_should() {
    let sandbox = workflow(json!({
        "list": {"run": r#"echo '{"paths": ["a b", "c"], "n": 2}' > $GRISTMILL_OUTPUT"#},
        "count": {
            "run": "printf %s {{item}} | wc -c > {{item}}.n",
            "foreach": {"task": "list", "output": "paths"}, "outputs": ["{{item}}.n"],
        },
        "sum": {"run": "cat *.n | paste -sd+ | bc > sum; cat sum", "needs": ["count"], "outputs": ["sum"]},
        "many": {"run": "echo many", "when": "list.n > 5"},
        "late": {"run": "echo late", "needs": ["many"]},
        "tell": {"run": "echo {{list.n}} items", "needs": ["list"], "when": "status.many == 'skipped'"},
    }));
    let said = run(&sandbox);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let expected = [
        "list succeeded",
        "count succeeded",
        "late skipped",
        "many skipped",
        "sum succeeded",
        "tell succeeded",
        "count[0] succeeded",
        "count[1] succeeded",
    ];
    let sorted = |mut words: Vec<String>| {
        words.sort();
        words
    };
    assert_eq!(sorted(states(&sandbox)), sorted(expected.map(Into::into).to_vec()));
    assert_eq!(sandbox.run(&["tasks", "logs", "latest", "tell"]).out, "2 items\n");
    // By hand: "a b" has three characters, "c" one.
    assert_eq!(fs_err::read_to_string(sandbox.path("sum")).unwrap().trim(), "4");
    fs_err::remove_file(sandbox.path("sum")).unwrap();
    assert_eq!(run(&sandbox).code, 0);
    assert!(states(&sandbox).contains(&"sum cached".into()));
    assert!(sandbox.path("sum").exists(), "an output comes back with its result");
}

#[test]
fn a_file_that_is_no_plan_is_refused_with_every_mistake_in_its_place() {
    #[track_caller]
    fn check(tasks: Value, words: &[&str]) {
        let said = workflow(tasks).run(&["check", "work.yaml"]);
        assert_eq!(said.code, 1, "{}", said.err);
        for words in words {
            assert!(said.err.contains(words), "{words} is not in\n{}", said.err);
        }
    }
    check(
        json!({"a": {"run": "x", "needs": ["b"]}, "b": {"run": "x", "needs": ["a"]}}),
        &["tasks need each other in a circle: a -> b -> a", "remove one of these needs"],
    );
    check(
        json!({"fetch": {"run": "x"}, "b": {"run": "x", "needs": ["fetsh"], "timeout": "soon"}}),
        &["soon"],
    );
    check(
        json!({"fetch": {"run": "x"}, "b": {"run": "x", "needs": ["fetsh"]}, "train": {"run": ""}}),
        &[
            "there is no task `fetsh`",
            "did you mean `fetch`?",
            "`train` is a stage",
            "`run` is empty",
        ],
    );
    check(json!({"a": {"run": "x", "when": "b.rows >"}}), &["when"]);
    check(
        json!({"a": {"run": "x", "when": "b.rows > 1"}}),
        &["the condition of task `a` names `b`, which does not exist"],
    );
}

#[test]
fn a_failed_command_says_how_it_ended_and_shows_its_last_words() {
    let sandbox = workflow(json!({
        "a": {"run": "echo it is all wrong; exit 3"},
        "b": {"run": "true", "needs": ["a"]},
        "c": {"run": "true"},
    }));
    let said = run(&sandbox);
    assert_fails(&said, 1, "exit code 3");
    assert!(said.out.contains("it is all wrong"), "{}", said.out);
    assert_eq!(states(&sandbox), ["a failed", "b skipped", "c succeeded"]);
    let killed = workflow(json!({"a": {"run": "kill -9 $$"}}));
    assert_fails(&run(&killed), 1, "signal 9 (SIGKILL)");
}

#[test]
fn a_command_that_forks_and_hangs_is_ended_in_time_with_all_its_children() {
    let sandbox = workflow(json!({
        "a": {"run": "trap '' TERM; sleep 1000 & sleep 1001", "timeout": "300ms", "grace": "100ms"},
    }));
    // Who waited for the children would wait for a quarter of an hour.
    assert_fails(&run(&sandbox), 1, "timed out after 300ms");
}

#[test]
fn secrets_reach_the_command_and_nothing_else() {
    let sandbox = workflow(json!({
        "a": {
            "run": "echo the token is $TOKEN; test $(printf %s $TOKEN | wc -c) = 9 && exit 5",
            "env": {"TOKEN": {"secret": "SOME_TOKEN"}},
        },
    }));
    let output = sandbox
        .command(&["run", "work.yaml", "--json"])
        .env("SOME_TOKEN", "hush-4711")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("exit code 5") && said.contains("the token is ***"), "{said}");
    let mut folders = vec![sandbox.path(".gristmill")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs_err::read(&path).unwrap();
                let found = bytes.windows(9).any(|window| window == b"hush-4711");
                assert!(!found, "the secret stands in {}", path.display());
            }
        }
    }
    let missing =
        workflow(json!({"a": {"run": "true", "env": {"T": {"secret": "NO_SUCH_SECRET"}}}}));
    assert_fails(&run(&missing), 1, "`NO_SUCH_SECRET` was not found");
}

#[test]
fn a_damaged_result_is_made_again_and_the_reason_told() {
    let sandbox = workflow(json!({"a": {"run": "echo whole > out", "outputs": ["out"]}}));
    assert_eq!(run(&sandbox).code, 0);
    let mut folders = vec![sandbox.path(".gristmill/cache")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("out") {
                fs_err::write(path, "hole!").unwrap();
            }
        }
    }
    fs_err::remove_file(sandbox.path("out")).unwrap();
    assert_eq!(run(&sandbox).code, 0);
    let why = sandbox.run(&["why", "latest", "a"]).out;
    assert!(why.contains("its cached result is damaged"), "{why}");
    assert_eq!(fs_err::read_to_string(sandbox.path("out")).unwrap(), "whole\n");
}

#[test]
fn two_runs_of_one_file_at_once_both_end_well() {
    let sandbox = workflow(json!({
        "a": {"run": "sleep 0.2; echo $$ > a.out", "outputs": ["a.out"]},
        "b": {"run": "cat a.out > b.out", "needs": ["a"], "outputs": ["b.out"], "inputs": ["a.out"]},
    }));
    let start = || {
        let mut command = sandbox.command(&["run", "work.yaml", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for process in [start(), start()] {
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
    }
    let runs = sandbox.json(&["runs", "list"]);
    let ids: Vec<&Value> = runs.as_array().unwrap().iter().map(|run| &run["run_id"]).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_database_that_another_process_locks_is_waited_for() {
    let sandbox = workflow(json!({"a": {"run": "echo a"}, "b": {"run": "echo b", "needs": ["a"]}}));
    assert_eq!(run(&sandbox).code, 0);
    let script = "import sqlite3, sys, time\n\
                  db = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                  db.execute('BEGIN EXCLUSIVE')\n\
                  print('locked', flush=True)\n\
                  time.sleep(1.5)\n\
                  db.execute('COMMIT')\n";
    let python = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(sandbox.path(".gristmill/gristmill.db"))
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        eprintln!("skipped: there is no python3 to lock the database with");
        return;
    };
    let mut word = [0; 6];
    std::io::Read::read_exact(python.stdout.as_mut().unwrap(), &mut word).unwrap();
    let said = run(&sandbox);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(python.wait().unwrap().success());
}

#[test]
fn ctrl_c_ends_the_commands_and_the_run_goes_on_later() {
    let sandbox = workflow(json!({
        "a": {"run": "echo a >> effects"},
        "b": {"run": "test -e go || exec sleep 1000", "needs": ["a"]},
    }));
    let mut command = sandbox.command(&["run", "work.yaml", "--json"]);
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !sandbox.path("effects").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(200));
    let kill = ["-INT", &process.id().to_string()].map(String::from);
    assert!(std::process::Command::new("kill").args(kill).status().unwrap().success());
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(sandbox.json(&["runs", "list"])[0]["status"], "cancelled");
    sandbox.write("go", "");
    let said = run(&sandbox);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.err.contains("going on with run"), "{}", said.err);
    assert_eq!(fs_err::read_to_string(sandbox.path("effects")).unwrap(), "a\n");
    assert_eq!(sandbox.json(&["runs", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn tidying_up_takes_what_is_old_and_nothing_that_is_needed() {
    let sandbox = Sandbox::churn();
    assert_eq!(sandbox.run(&["run", "pipeline.yaml"]).code, 0);
    let young = sandbox.json(&["gc", "--unused", "1ms"]);
    assert_eq!(young["cache"]["removed"], 0, "what was used within the hour stays");
    // As if it had been made long ago.
    let touch = std::process::Command::new("find")
        .arg(sandbox.path(".gristmill"))
        .args(["-exec", "touch", "-d", "2020-01-01", "{}", "+"])
        .status();
    assert!(touch.unwrap().success());
    let look = sandbox.json(&["gc", "--dry-run"]);
    let gone = sandbox.json(&["gc"]);
    assert_eq!(look, gone, "a look says what then happens");
    assert!(gone["cache"]["removed"].as_u64().unwrap() >= 5, "{gone}");
    assert_eq!(gone["cache"]["kept"], 0);
    assert_eq!(gone["artifacts"]["removed"], 0, "run and model are still there: {gone}");
    let answers = sandbox.run(&["predict", "churn", "--input", "customers.csv"]);
    assert_eq!(answers.code, 0, "{}", answers.err);
    assert_eq!(sandbox.run(&["report", "latest"]).code, 0);
    assert_eq!(sandbox.run(&["run", "pipeline.yaml"]).code, 0);
}

/// The names of events in a file of JSON lines, with the task where there is one.
fn lines(sandbox: &Sandbox, file: &str) -> Vec<Value> {
    let text = fs_err::read_to_string(sandbox.path(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_happens_in_a_run_is_told_to_other_programs() {
    let sandbox = workflow(json!({
        "a": {"run": "echo a > a.out", "outputs": ["a.out"]},
        "b": {"run": "exit 4", "needs": ["a"]},
    }));
    let told = ["run", "work.yaml", "--events", "events.jsonl", "--lineage", "lineage.jsonl"];
    assert_eq!(sandbox.run(&told).code, 1);
    let events = lines(&sandbox, "events.jsonl");
    let words: Vec<String> = events
        .iter()
        .map(|event| {
            format!(
                "{} {}",
                event["event"].as_str().unwrap(),
                event["task"].as_str().unwrap_or("-")
            )
        })
        .collect();
    let expected = [
        "run_started -",
        "task_started a",
        "task_ended a",
        "task_started b",
        "task_ended b",
        "run_ended -",
    ];
    assert_eq!(words, expected);
    assert!(events.iter().all(|event| event["run_id"] == events[0]["run_id"]));
    assert_eq!(events[5]["status"], "failed");
    let lineage = lines(&sandbox, "lineage.jsonl");
    let word = |event: &Value| {
        format!(
            "{} {}",
            event["eventType"].as_str().unwrap(),
            event["job"]["name"].as_str().unwrap()
        )
    };
    let expected = [
        "START work",
        "START work.a",
        "COMPLETE work.a",
        "START work.b",
        "FAIL work.b",
        "FAIL work",
    ];
    assert_eq!(lineage.iter().map(word).collect::<Vec<_>>(), expected);
}

#[test]
fn lineage_reaches_a_server_and_a_server_that_is_away_stops_no_run() {
    use std::io::{BufRead, BufReader, Read, Write};
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        // Two for the run and two for its task.
        (0..4)
            .map(|_| {
                let mut stream = BufReader::new(server.accept().unwrap().0);
                let (mut first, mut length) = (String::new(), 0);
                stream.read_line(&mut first).unwrap();
                loop {
                    let mut header = String::new();
                    stream.read_line(&mut header).unwrap();
                    if let Some(value) = header.to_lowercase().strip_prefix("content-length: ") {
                        length = value.trim().parse().unwrap();
                    }
                    if header.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                stream.get_mut().write_all(b"HTTP/1.1 201 Created\r\n\r\n").unwrap();
                assert_eq!(first, "POST /api/v1/lineage HTTP/1.1\r\n");
                let event: Value = serde_json::from_slice(&body).unwrap();
                event["eventType"].as_str().unwrap().to_owned()
            })
            .collect::<Vec<_>>()
    });
    let sandbox = workflow(json!({"a": {"run": "true"}}));
    let said = sandbox.run(&["run", "work.yaml", "--lineage", &address]);
    assert_eq!((said.code, said.err.contains("lineage")), (0, false), "{}", said.err);
    assert_eq!(heard.join().unwrap(), ["START", "START", "COMPLETE", "COMPLETE"]);
    let said = sandbox.run(&["run", "work.yaml", "--lineage", &address]);
    assert_eq!(said.code, 0);
    assert!(said.err.contains("a lineage event was not passed on"), "{}", said.err);
}
