//! The loop closes by itself: a deployed model is watched, trained anew, promoted when it is better, and rolled
//! back when it was not.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::daemon::{Up, wait};
use crate::sandbox::Sandbox;
use crate::serve::customers;

/// What a file says of how its model is watched.
const WATCHED: &str = "
monitor:
  performance: {metric: accuracy, below: 0.7, rows: 400, min_rows: 200}
  retrain: {on: [performance], cooldown: 1s, budget: 3 per day, data: [logged]}
  compare: {metric: accuracy}
  watch: {for: 1h, min_rows: 200}
";

/// How many requests a batch has.
const BATCH: usize = 200;

/// Customers with a registered and deployed model.
fn deployed(monitor: &str) -> Sandbox {
    let sandbox = Sandbox::churn();
    let file = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let file =
        file.replace("cross_validate: {folds: 5}", "").replace("require: {roc_auc: 0.80}", "");
    sandbox.write("pipeline.yaml", file + monitor);
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox.json(&["deploy", "pipeline.yaml"]);
    sandbox
}

fn up(sandbox: &Sandbox) -> Up {
    let mut command = sandbox.command(&["up", "--port", "0", "--log-predictions"]);
    Up::of(command.stderr(Stdio::null()))
}

/// What customers do in the end.
type Truth = fn(&Value) -> &'static str;

/// As in the data that the first version learned from, nearly: whoever pays by the month and has stayed for less
/// than a year leaves.
fn as_before(row: &Value) -> &'static str {
    let short = row["tenure"].as_i64().unwrap() < 12;
    if row["contract"] == "Month-to-month" && short { "Yes" } else { "No" }
}

/// Everything has turned: those who used to stay leave now.
fn turned(row: &Value) -> &'static str {
    if as_before(row) == "Yes" { "No" } else { "Yes" }
}

/// Nobody could know.
fn by_chance(row: &Value) -> &'static str {
    let digits = row.to_string().bytes().filter(u8::is_ascii_digit).map(u32::from).sum::<u32>();
    if digits % 2 == 0 { "Yes" } else { "No" }
}

/// Asks about customers from `from` on in requests of their own ids, and says what became of them.
fn live(server: &Up, rows: &[Value], name: &str, truth: Truth) {
    live_at(server, "churn", rows, name, truth);
}

/// The same of any model.
fn live_at(server: &Up, model: &str, rows: &[Value], name: &str, truth: Truth) {
    let (asked_at, labelled_at) =
        (format!("/models/{model}/invocations"), format!("/api/v1/models/{model}/labels"));
    for (at, some) in rows.chunks(BATCH).enumerate() {
        let id = format!("{name}-{at}");
        let body = json!({"dataframe_records": some}).to_string();
        let headers = [("X-Request-Id", id.as_str())];
        let (status, _, answer) = server.send("POST", &asked_at, &headers, &body);
        assert_eq!(status, 200, "{answer}");
        let label = |(row, asked): (usize, &Value)| json!({"id": format!("{id}/{}", row + 1), "label": truth(asked)});
        let labels: Vec<Value> = some.iter().enumerate().map(label).collect();
        let (status, said) = server.post(&labelled_at, &json!(labels).to_string());
        assert_eq!(status, 200, "{said}");
    }
}

/// What happened to the model: all that the loop did, by its words.
fn history(sandbox: &Sandbox) -> Vec<String> {
    history_of(sandbox, "churn")
}

fn history_of(sandbox: &Sandbox, model: &str) -> Vec<String> {
    let lines = sandbox.json(&["models", "history", model]);
    let words = |line: &Value| line["words"].as_str().unwrap().to_owned();
    lines.as_array().unwrap().iter().map(words).collect()
}

fn count(sandbox: &Sandbox, part: &str) -> usize {
    history(sandbox).iter().filter(|line| line.contains(part)).count()
}

#[track_caller]
fn wait_for(sandbox: &Sandbox, part: &str) {
    wait_for_many(sandbox, part, 1);
}

#[track_caller]
fn wait_for_many(sandbox: &Sandbox, part: &str, times: usize) {
    for _ in 0..240 {
        if count(sandbox, part) >= times {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    panic!("`{part}` is not {times} times in the history: {:#?}", history(sandbox));
}

/// Gives a server the time to follow an alias.
fn follow() {
    std::thread::sleep(std::time::Duration::from_secs(2));
}

/// The customers of the file, as requests, none twice.
fn all(sandbox: &Sandbox) -> Vec<Value> {
    customers(sandbox, 7_043).0
}

#[test]
fn a_model_of_customers_who_changed_is_replaced_and_a_worse_one_goes_back() {
    let sandbox = deployed(WATCHED);
    let rows = all(&sandbox);
    let server = up(&sandbox);
    live(&server, &rows[..1_600], "turned", turned);
    wait_for(&sandbox, "version 2 alias set `champion` (before: version 1) by monitor");
    let lines = history(&sandbox);
    let of =
        |what: &str| lines.iter().find(|line| line.contains(what)).cloned().unwrap_or_default();
    assert!(of(" alarm ").contains("`accuracy` is 0."), "{lines:#?}");
    assert!(of(" retraining ").contains("performance: `accuracy`"), "{lines:#?}");
    assert!(of("alias set `champion` (before").contains("on the same"), "{lines:#?}");
    follow();
    // All is as it was before, so the version before does better than the new one.
    live(&server, &rows[2_000..3_000], "back", as_before);
    wait_for(&sandbox, "version 1 rolled back `champion` (before: version 2) by monitor");
    let back = history(&sandbox).into_iter().find(|line| line.contains("rolled back")).unwrap();
    assert!(back.contains("version 1 would have done better"), "{back}");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn a_kill_at_any_moment_doubles_no_step() {
    let sandbox = deployed(WATCHED);
    let rows = all(&sandbox);
    let server = up(&sandbox);
    live(&server, &rows[..1_600], "turned", turned);
    // What was not written yet would be lost by the first kill, and there would be nothing to learn from.
    wait("the log", || {
        let found = sandbox.json(&["labels", "show", "churn"]);
        found["labelled"] == 1_600
    });
    server.kill_with_runs();
    for pause in [700, 300, 1_100, 500, 1_900, 900, 2_500, 1_300, 200, 3_000] {
        let server = up(&sandbox);
        std::thread::sleep(std::time::Duration::from_millis(pause));
        server.kill_with_runs();
    }
    let server = up(&sandbox);
    wait_for(&sandbox, "version 2 alias set `champion`");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(server.end(), Some(0));
    for once in [" alarm by", " retraining by", "version 2 registered", "version 2 alias set"] {
        assert_eq!(count(&sandbox, once), 1, "`{once}` in {:#?}", history(&sandbox));
    }
    let left = fs_err::read_dir(sandbox.path(".gristmill/retraining")).unwrap().count();
    assert_eq!(left, 0, "what was laid aside for a retraining is removed");
}

#[test]
fn a_retraining_that_fails_or_hangs_is_ended_and_the_budget_holds() {
    let monitor = WATCHED.replace("cooldown: 1s", "cooldown: 1s, timeout: 5s");
    let tasks = "\ntasks:\n  mood: {run: \"sh mood.sh\"}\n";
    let sandbox = Sandbox::churn();
    let file = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let file = file.replace("source: customers.csv", "source: customers.csv\n  needs: [mood]");
    let file = file.replace("cross_validate: {folds: 5}", "");
    sandbox.write("pipeline.yaml", file + &monitor + tasks);
    sandbox.write("mood.sh", "exit 0");
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox.json(&["deploy", "pipeline.yaml"]);
    sandbox.write("mood.sh", "echo no fuel >&2; exit 7");
    let rows = all(&sandbox);
    let server = up(&sandbox);
    live(&server, &rows[..1_600], "turned", turned);
    wait_for(&sandbox, "retraining ended by monitor: its run failed");
    sandbox.write("mood.sh", "sleep 600");
    wait_for(&sandbox, "it took longer than");
    sandbox.write("mood.sh", "exit 7");
    wait_for_many(&sandbox, "retraining ended by", 3);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(count(&sandbox, " retraining by"), 3, "{:#?}", history(&sandbox));
    assert_eq!(sandbox.json(&["models", "list"])[0]["aliases"]["champion"], 1);
    assert_eq!(server.end(), Some(0));
}

#[test]
fn a_person_approves_where_one_must() {
    let monitor = WATCHED
        .replace("compare: {metric: accuracy}", "compare: {metric: accuracy, approval: true}");
    let sandbox = deployed(&monitor);
    let rows = all(&sandbox);
    let server = up(&sandbox);
    live(&server, &rows[..1_600], "turned", turned);
    wait_for(&sandbox, "version 2 approval asked by monitor");
    let asked = history(&sandbox).into_iter().find(|line| line.contains("approval asked")).unwrap();
    assert!(asked.contains("to approve: gristmill models promote churn 2 champion"), "{asked}");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(sandbox.json(&["models", "list"])[0]["aliases"]["champion"], 1);
    sandbox.run(&["models", "promote", "churn", "2", "champion"]);
    follow();
    live(&server, &rows[2_000..3_000], "back", as_before);
    wait_for(&sandbox, "version 1 rolled back `champion`");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn a_model_that_learned_from_too_little_is_refused() {
    let monitor = WATCHED.replace("budget: 3 per day", "budget: 1 per day, latest: 60");
    let sandbox = deployed(&monitor);
    let rows = all(&sandbox);
    let server = up(&sandbox);
    live(&server, &rows[..1_600], "noise", by_chance);
    wait_for(&sandbox, " refused by monitor");
    let refused = history(&sandbox).into_iter().find(|line| line.contains("refused")).unwrap();
    assert!(
        refused.contains("on the same") || refused.contains("could not be compared"),
        "{refused}"
    );
    assert_eq!(sandbox.json(&["models", "list"])[0]["aliases"]["champion"], 1);
    assert_eq!(server.end(), Some(0));
}

/// Customers of another kind: all pay by the month, more than before, and have come lately.
fn of_another_kind(row: &Value) -> Value {
    let mut row = row.clone();
    let scaled = |value: &Value, by: f64| value.as_f64().map_or(Value::Null, |v| json!(v * by));
    row["tenure"] = json!(row["tenure"].as_i64().unwrap() / 4);
    row["monthly_charges"] = scaled(&row["monthly_charges"], 1.6);
    row["total_charges"] = scaled(&row["total_charges"], 0.4);
    for (name, value) in [
        ("contract", "Month-to-month"),
        ("payment_method", "Electronic check"),
        ("internet_service", "Fiber optic"),
        ("online_security", "No"),
        ("tech_support", "No"),
    ] {
        row[name] = json!(value);
    }
    row
}

/// They stay, whatever they pay.
fn nearly_all_stay(row: &Value) -> &'static str {
    if row["tenure"].as_i64().unwrap() < 1 { "Yes" } else { "No" }
}

#[test]
fn customers_who_drifted_are_learned_from() {
    let sandbox = Sandbox::churn();
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/churn");
    fs_err::copy(example.join("watched.yaml"), sandbox.path("watched.yaml")).unwrap();
    let set = ["--set", "monitor.retrain.cooldown=1s", "--set", "monitor.performance.below=0.01"];
    sandbox.json(&[&["run", "watched.yaml"], &set[..]].concat());
    sandbox.json(&[&["deploy", "watched.yaml"], &set[..]].concat());
    let rows: Vec<Value> = all(&sandbox)[..3_000].iter().map(of_another_kind).collect();
    // What the loop needs is logged without a word on the command line.
    let mut command = sandbox.command(&["up", "--port", "0"]);
    let server = Up::of(command.stderr(Stdio::null()));
    live_at(&server, "churn-watched", &rows, "drifted", nearly_all_stay);
    let came = |part: &str| {
        let lines = history_of(&sandbox, "churn-watched");
        lines.into_iter().find(|line| line.contains(part))
    };
    wait("a drift alarm", || came(" alarm by monitor: ").is_some());
    let alarm = came(" alarm by monitor: ").unwrap();
    assert!(alarm.contains("of the columns have moved (") && alarm.contains("tenure"), "{alarm}");
    wait("a retraining", || came(" retraining by monitor: drift: ").is_some());
    let promoted = "alias set `champion` (before: version 1) by monitor";
    let patience = (0..240).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(250));
        came(promoted).is_some()
    });
    assert!(patience, "{:#?}", history_of(&sandbox, "churn-watched"));
    assert_eq!(server.end(), Some(0));
}
