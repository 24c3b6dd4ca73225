//! Runs that are kept on a server too: sent as they go on, or later, each thing once.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::daemon::Up;
use crate::kills::Moments;
use crate::mlflow_view::script;
use crate::sandbox::{Said, Sandbox};

/// A pipeline over few rows; `model` and what the model asks for.
fn pipeline(model: &Value, promote: &Value) -> Value {
    json!({
        "name": "churn",
        "data": {
            "source": "customers.csv",
            "sql": "SELECT tenure, contract, monthly_charges, churn FROM source LIMIT 1500",
            "target": "churn",
            "positive": "Yes",
            "split": {"test": 0.3, "stratify": true},
        },
        "features": [
            {"impute": {"columns": "numeric", "strategy": "median"}},
            {"one_hot": {"columns": "categorical"}},
        ],
        "model": model,
        "evaluate": {
            "metrics": ["roc_auc"],
            "cross_validate": {"folds": 3},
            "require": {"roc_auc": 0.5},
            "explain": {"rows": 0},
        },
        "register": {"model": "churn", "promote": promote},
    })
}

fn regression(c: f64) -> Value {
    json!({"logistic_regression": {"c": c}})
}

fn better() -> Value {
    json!({"alias": "champion", "when": "better"})
}

/// A sandbox whose `p.yaml` is this pipeline, with a command beside it that says something.
fn sandbox(model: &Value, promote: &Value) -> Sandbox {
    let sandbox = Sandbox::churn();
    let mut file = pipeline(model, promote);
    file["tasks"] = json!({"say": {"run": "echo said aloud"}});
    sandbox.write("p.yaml", file.to_string());
    sandbox
}

fn up(sandbox: &Sandbox) -> Up {
    Up::of(sandbox.command(&["up", "--port", "0"]).stderr(Stdio::null()))
}

fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Everything about a run that two homes must agree on.
fn told(sandbox: &Sandbox, run: &str) -> Value {
    let mut shown = sandbox.json(&["runs", "show", run]);
    let tags = shown["tags"].as_object_mut().unwrap();
    tags.retain(|key, _| !key.starts_with("gristmill.sent."));
    shown
}

/// The server holds the run and its model as the home does, and answers the same.
#[track_caller]
fn same(server: &Sandbox, home: &Sandbox, run: &str) {
    assert_eq!(told(server, run), told(home, run));
    let file = |sandbox: &Sandbox| sandbox.run(&["runs", "file", run]).out;
    assert_eq!(file(server), file(home));
}

fn answers(sandbox: &Sandbox, model: &str) -> String {
    let said = sandbox.run(&["predict", model, "--input", "customers.csv"]);
    assert_eq!(said.code, 0, "{}", said.err);
    said.out
}

fn waiting(sandbox: &Sandbox) -> usize {
    fs_err::read_dir(sandbox.path(".gristmill/outbox")).map_or(0, Iterator::count)
}

#[test]
fn a_run_is_on_the_server_as_it_is_at_home() {
    let (server, home) = (Sandbox::churn(), sandbox(&regression(1.0), &better()));
    let up = up(&server);
    let report = home.json(&["run", "p.yaml", "--server", &up.url()]);
    let run = report["run_id"].as_str().unwrap();
    let sent = &report["sent"];
    assert_eq!((&sent["status"], &sent["version"]), (&json!("sent"), &json!("churn/1")), "{sent}");
    assert_eq!(sent["alias"]["moved"], true);
    assert_eq!(waiting(&home), 0);
    same(&server, &home, run);
    assert_eq!(answers(&server, "churn@champion"), answers(&home, "churn@champion"));
    let tags = home.json(&["runs", "show", run])["tags"].clone();
    assert_eq!(tags["gristmill.sent.version"], "churn/1");
    // Sent once more, nothing is doubled.
    let again = home.json(&["send", run]);
    assert_eq!(again["runs"][0]["version"], "churn/1", "{again}");
    assert_eq!(server.json(&["models", "show", "churn"]).as_array().map(Vec::len), Some(1));
    same(&server, &home, run);
    script(&home, "same_run.py", &[&up.url(), run, &home.path(".gristmill").display().to_string()]);
}

#[test]
fn a_run_goes_on_without_its_server_and_is_sent_when_it_is_there() {
    let (server, home) = (Sandbox::churn(), sandbox(&regression(1.0), &better()));
    // Port 1 is never a server.
    let run = ["run", "p.yaml", "--server", "http://127.0.0.1:1"];
    let said = home.run(&run);
    assert_eq!(said.code, 0, "{}", said.err);
    let lines = said.err.lines().filter(|line| line.contains("is not on http://127.0.0.1:1 yet"));
    assert_eq!(lines.count(), 1, "{}", said.err);
    assert!(said.err.contains("`gristmill send` sends it"), "{}", said.err);
    assert_eq!(waiting(&home), 1);
    let refused = home.run(&["send"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("cannot be reached"), "{}", refused.out);
    let up = up(&server);
    let report = home.json(&["send", "--server", &up.url()]);
    let run = report["runs"][0]["run_id"].as_str().unwrap();
    assert_eq!(report["runs"][0]["alias"]["moved"], true, "{report}");
    same(&server, &home, run);
    assert_eq!(waiting(&home), 0);
    assert_eq!(home.json(&["send"])["runs"], json!([]));
}

#[test]
fn whoever_sends_may_be_killed_at_any_moment() {
    let server = Sandbox::churn();
    let home = sandbox(&json!({"random_forest": {"trees": 40}}), &better());
    assert_eq!(home.run(&["run", "p.yaml", "--server", "http://127.0.0.1:1"]).code, 0);
    let up = up(&server);
    let url = up.url();
    let mut moments = Moments(5);
    for _ in 0..12 {
        let mut sender = home
            .command(&["send", "--server", &url])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(moments.next(250_000));
        sender.kill().unwrap();
        sender.wait().unwrap();
    }
    home.json(&["send", "latest", "--server", &url]);
    let run = home.json(&["runs", "list"])[0]["run_id"].as_str().unwrap().to_string();
    same(&server, &home, &run);
    assert_eq!(server.json(&["models", "show", "churn"]).as_array().map(Vec::len), Some(1));
    assert_eq!(server.json(&["runs", "list"]).as_array().map(Vec::len), Some(1));
    assert_eq!(answers(&server, "churn"), answers(&home, "churn"));
    assert_eq!(waiting(&home), 0);
}

#[test]
fn a_run_that_is_killed_amid_is_gone_on_with_and_ends_on_the_server() {
    let (server, home) = (Sandbox::churn(), Sandbox::new());
    home.write(
        "p.yaml",
        "name: p\ntasks:\n  work: {run: 'echo begun >> begun.txt; test -f go || sleep 60'}\n",
    );
    let up = up(&server);
    let url = up.url();
    let arguments = ["run", "p.yaml", "--server", &url];
    let mut first =
        home.command(&arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let runs = || server.json(&["runs", "list"]);
    crate::daemon::wait("a run at work on the server", || runs()[0]["status"] == "running");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(waiting(&home), 1);
    home.write("go", "");
    let report = home.json(&arguments);
    assert_eq!(report["sent"]["status"], "sent", "{report}");
    assert_eq!(runs().as_array().map(Vec::len), Some(1));
    assert_eq!(runs()[0]["status"], "succeeded");
    same(&server, &home, report["run_id"].as_str().unwrap());
}

#[test]
fn the_champion_is_the_servers() {
    let server = Sandbox::churn();
    let up = up(&server);
    let url = up.url();
    let good = sandbox(&regression(1.0), &better());
    good.json(&["run", "p.yaml", "--server", &url]);
    // Another home has no champion of its own, and meets that of the server.
    let bad = sandbox(&regression(0.000_001), &better());
    let report = bad.json(&["run", "p.yaml", "--server", &url]);
    assert_eq!(report["comparison"]["promoted"], false, "{report}");
    let alias = &report["sent"]["alias"];
    assert_eq!((&alias["moved"], &alias["version"]), (&json!(false), &json!(1)), "{alias}");
    let aliases = server.json(&["models", "list"])[0]["aliases"].clone();
    assert_eq!(aliases, json!({"champion": 1}));
}

#[test]
fn a_run_that_met_another_champion_does_not_take_the_alias_later() {
    let (server, first) = (Sandbox::churn(), sandbox(&regression(1.0), &better()));
    let away = ["run", "p.yaml", "--server", "http://127.0.0.1:1"];
    let second = sandbox(&regression(0.5), &better());
    for home in [&first, &second] {
        assert_eq!(home.run(&away).code, 0);
    }
    let up = up(&server);
    let url = up.url();
    let send = |home: &Sandbox| home.json(&["send", "--server", &url])["runs"][0].clone();
    assert_eq!(send(&first)["alias"]["moved"], true);
    let line = send(&second);
    assert_eq!((&line["version"], &line["alias"]["moved"]), (&json!("churn/2"), &json!(false)));
    let why = line["alias"]["why"].as_str().unwrap();
    assert_eq!(why, "version 1 holds it, and was not compared with");
}

#[test]
fn the_trials_of_a_search_stand_below_it_on_the_server() {
    let server = Sandbox::churn();
    let select = json!({"select": {
        "candidates": [{"logistic_regression": {"c": {"log_uniform": [0.01, 10]}}}],
        "search": {"tpe": {"trials": 5}},
        "metric": "roc_auc",
        "cross_validate": {"folds": 3},
    }});
    let home = sandbox(&select, &json!({"alias": "champion", "when": "always"}));
    let up = up(&server);
    let report = home.json(&["run", "p.yaml", "--server", &up.url()]);
    let run = report["run_id"].as_str().unwrap();
    assert_eq!(server.json(&["runs", "show", run])["trials"].as_array().map(Vec::len), Some(5));
    same(&server, &home, run);
}

#[test]
fn a_token_opens_no_more_than_it_says_and_is_never_shown() {
    let (server, home) = (Sandbox::churn(), sandbox(&regression(1.0), &better()));
    let token = |scope: &str| {
        let made = server.json(&["token", "create", scope, "--scope", scope]);
        made["token"].as_str().unwrap().to_string()
    };
    let (reads, writes) = (token("read"), token("write"));
    let up =
        Up::of(server.command(&["up", "--port", "0", "--require-token"]).stderr(Stdio::null()));
    let url = up.url();
    let run = |variable: &str, word: &str, arguments: &[&str]| {
        let done = said(home.command(arguments).env(variable, word));
        let all = format!("{}{}", done.out, done.err);
        assert!(word.is_empty() || !all.contains(word), "the token is shown: {all}");
        (done.code, all)
    };
    let (code, all) = run("GRISTMILL_TOKEN", "", &["run", "p.yaml", "--server", &url]);
    assert!(code == 0 && all.contains("asks for a token that is valid"), "{all}");
    let (code, all) = run("GRISTMILL_TOKEN", &reads, &["send"]);
    assert!(code == 1 && all.contains("needs the right `write`"), "{all}");
    assert_eq!(server.json(&["runs", "list"]), json!([]));
    let (code, all) = run("MLFLOW_TRACKING_TOKEN", &writes, &["send", "--json"]);
    assert!(code == 0 && all.contains("churn/1"), "{all}");
    let tags = server.json(&["runs", "show", "latest"])["tags"].clone();
    assert_eq!(tags["gristmill.sent.by"], "write");
    for file in ["gristmill.db", "gristmill.db-wal"] {
        let bytes = fs_err::read(home.path(".gristmill").join(file)).unwrap_or_default();
        let kept = bytes.windows(writes.len()).any(|window| window == writes.as_bytes());
        assert!(!kept, "the token stands in {file}");
    }
}

/// A server that answers everything like this, or nothing at all.
fn stand_in(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if let Some(answer) = answer {
                let _ = stream.read(&mut [0; 65_536]);
                let _ = stream.write_all(answer.as_bytes());
            } else {
                kept.push(stream);
            }
        }
    });
    format!("http://{address}")
}

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
fn refused(home: &Sandbox, answer: Option<&'static str>, expected: &str) {
    let began = Instant::now();
    let done = home.run(&["send", "--server", &stand_in(answer)]);
    assert_eq!(done.code, 1, "{}", done.out);
    assert!(done.out.contains(expected), "{}", done.out);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(waiting(home), 1);
}

#[test]
fn a_server_that_is_another_or_ill_is_named_and_the_run_waits() {
    let home = Sandbox::new();
    home.write("p.yaml", "name: p\ntasks: {work: {run: \"true\"}}\n");
    assert_eq!(home.run(&["run", "p.yaml", "--server", "http://127.0.0.1:1"]).code, 0);
    let empty = "content-length: 0\r\nconnection: close\r\n\r\n";
    let answer = |head: &str| -> &'static str { format!("HTTP/1.1 {head}\r\n{empty}").leak() };
    refused(&home, Some(answer("404 Not Found")), "takes no runs");
    refused(&home, Some(answer("413 Payload Too Large")), "takes nothing that is so long");
    refused(&home, Some(answer("429 Too Many Requests\r\nretry-after: 1")), "429");
    refused(&home, Some(answer("500 Internal Server Error")), "500");
    refused(
        &home,
        Some(answer("302 Found\r\nlocation: http://other/?a=b")),
        "points to `http://other/`",
    );
    refused(&home, Some("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>"), "takes no runs");
    refused(&home, None, "did not answer in time");
    let done = home.run(&["send", "--server", "http://ada:sesame@host"]);
    assert!(done.code == 1 && !done.err.contains("sesame"), "{}", done.err);
    assert_eq!(home.json(&["send", "--forget"]), json!({"forgotten": 1}));
}
