//! `model: select`: what is searched, what is kept, and what becomes of a search that is cut short.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use gristmill_testkit::postgres::Postgres;
use serde_json::{Value, json};

use crate::kills::Moments;
use crate::sandbox::{Said, Sandbox};

/// A pipeline over a small part of the churn data, whose `model` is a search with these settings.
fn pipeline(changes: &Value) -> Value {
    let mut select = json!({
        "candidates": [
            {"logistic_regression": {"c": {"log_uniform": [0.001, 100]}}},
            {"decision_tree": {"max_depth": {"int": [1, 8]}}},
        ],
        "search": {"tpe": {"trials": 20}},
        "metric": "roc_auc",
        "cross_validate": {"folds": 3},
    });
    for (key, value) in changes.as_object().unwrap() {
        select[key] = value.clone();
    }
    json!({
        "name": "search",
        "seed": 3,
        "data": {
            "source": "customers.csv",
            "sql": "SELECT tenure, contract, monthly_charges, churn FROM source LIMIT 1200",
            "target": "churn",
            "positive": "Yes",
            "split": {"test": 0.25, "stratify": true},
        },
        "features": [
            {"impute": {"columns": "numeric", "strategy": {"choice": ["mean", "median"]}}},
            {"choice": [{"standardize": {"columns": "numeric"}}, null]},
            {"one_hot": {"columns": "categorical"}},
        ],
        "model": {"select": select},
        "evaluate": {"metrics": ["roc_auc", "accuracy"], "explain": {"rows": 0}},
        "register": {"model": "search", "promote": {"alias": "champion", "when": "always"}},
    })
}

pub fn sandbox(changes: &Value) -> Sandbox {
    let sandbox = Sandbox::churn();
    sandbox.write("search.yaml", pipeline(changes).to_string());
    sandbox
}

/// Runs the file in a home of this name.
pub fn run(sandbox: &Sandbox, home: &str, more: &[&str]) -> Value {
    sandbox.json(&[&["run", "search.yaml", "--home", home], more].concat())
}

/// What a search came to, as it is kept with the run.
pub fn outcome(sandbox: &Sandbox, home: &str) -> Vec<u8> {
    let mut found = outcomes(sandbox, home);
    assert_eq!(found.len(), 1, "one search in {home}");
    found.remove(0)
}

fn outcomes(sandbox: &Sandbox, home: &str) -> Vec<Vec<u8>> {
    let wanted = |bytes: &Vec<u8>| bytes.starts_with(br#"{"format":1,"#);
    let mut found = Vec::new();
    files(&sandbox.path(home).join("cache"), &mut found);
    found
        .iter()
        .filter(|path| path.ends_with("search.json"))
        .map(|path| fs_err::read(path).unwrap())
        .filter(wanted)
        .collect()
}

fn files(folder: &std::path::Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

fn search(sandbox: &Sandbox, home: &str) -> Value {
    serde_json::from_slice(&outcome(sandbox, home)).unwrap()
}

fn package(report: &Value) -> String {
    report["model"]["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

fn ends(search: &Value) -> BTreeMap<String, usize> {
    let mut ends = BTreeMap::new();
    for trial in search["trials"].as_array().unwrap() {
        let end = match &trial["end"] {
            Value::String(word) => word.clone(),
            other => other.as_object().unwrap().keys().next().unwrap().clone(),
        };
        *ends.entry(end).or_default() += 1;
    }
    ends
}

#[test]
fn the_winner_is_trained_and_registered_whatever_the_number_of_threads() {
    let sandbox = sandbox(&json!({}));
    let one = run(&sandbox, "one", &["--threads", "1"]);
    let names: Vec<&str> =
        one["tasks"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    let stages = ["ingest", "split", "select", "features", "train", "evaluate", "register"];
    let whole = |name: &&&str| !name.contains('[');
    assert_eq!(names.iter().filter(whole).copied().collect::<Vec<_>>(), stages);
    assert!(one["metrics"]["test"]["roc_auc"].as_f64().unwrap() > 0.75);
    for threads in ["2", "3"] {
        let other = run(&sandbox, threads, &["--threads", threads]);
        assert_eq!(outcome(&sandbox, threads), outcome(&sandbox, "one"), "{threads} threads");
        assert_eq!(package(&other), package(&one), "{threads} threads");
    }
    let again = run(&sandbox, "one", &[]);
    let cached = |task: &Value| task["cached"] == true || task["name"] == "register";
    assert!(again["tasks"].as_array().unwrap().iter().all(cached), "{again:#}");
    let search = search(&sandbox, "one");
    assert_eq!(search["trials"].as_array().unwrap().len(), 20);
    let best = &search["trials"][search["best"].as_u64().unwrap() as usize];
    assert_eq!(best["end"], "scored");
}

#[test]
fn a_trial_scores_as_cross_validation_does() {
    let one = json!({"candidates": [{"logistic_regression": {"c": 0.5}}], "search": "grid"});
    let sandbox = sandbox(&one);
    let mut file = pipeline(&one);
    file["data"].as_object_mut().unwrap().remove("split");
    file["features"] = json!([
        {"impute": {"columns": "numeric"}}, {"standardize": {"columns": "numeric"}},
        {"one_hot": {"columns": "categorical"}}, {"pca": {"columns": "all", "components": 3}},
    ]);
    let mut plain = file.clone();
    plain["model"] = json!({"logistic_regression": {"c": 0.5}});
    plain["evaluate"]["cross_validate"] = json!({"folds": 3});
    sandbox.write("search.yaml", file.to_string());
    sandbox.write("plain.yaml", plain.to_string());
    run(&sandbox, "select", &[]);
    let plain = sandbox.json(&["run", "plain.yaml", "--home", "plain"]);
    let scores = &search(&sandbox, "select")["trials"][0]["scores"];
    for metric in ["roc_auc", "accuracy"] {
        assert_eq!(scores[metric], plain["metrics"]["cv"][metric], "{metric}");
    }
}

#[test]
fn a_search_that_is_killed_ends_as_one_that_is_not() {
    let sandbox = sandbox(&json!({"search": {"tpe": {"trials": 40}}}));
    let whole = run(&sandbox, "whole", &[]);
    let mut kills = 0;
    let mut moments = Moments(11);
    for _ in 0..12 {
        let mut command = sandbox.command(&["run", "search.yaml", "--home", "cut", "--quiet"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40) + moments.next(400_000));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    let cut = run(&sandbox, "cut", &[]);
    assert!(kills > 0, "it was never cut short");
    assert_eq!(outcome(&sandbox, "cut"), outcome(&sandbox, "whole"));
    assert_eq!(package(&cut), package(&whole));
    assert_eq!(trials(&sandbox, "cut").len(), 40);
}

/// The runs of a home that are trials, by what they are called.
fn trials(sandbox: &Sandbox, home: &str) -> Vec<String> {
    let run = sandbox.json(&["runs", "show", "latest", "--home", home]);
    let trials = run["trials"].as_array().cloned().unwrap_or_default();
    trials.iter().map(|trial| trial["run_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_greater_budget_goes_on_with_the_trials_that_are_there() {
    let sandbox = sandbox(&json!({}));
    run(&sandbox, "home", &[]);
    let first = search(&sandbox, "home");
    fs_err::remove_dir_all(sandbox.path("home/cache")).unwrap();
    let more = ["--set", "model.select.search.tpe.trials=30"];
    run(&sandbox, "home", &more);
    let second = search(&sandbox, "home");
    let (first, second) =
        (first["trials"].as_array().unwrap(), second["trials"].as_array().unwrap());
    assert_eq!((first.len(), second.len()), (20, 30));
    assert_eq!(first[..], second[..20]);
    // The first twenty are still those of the first run.
    let began = trials(&sandbox, "home");
    assert_eq!(began.len(), 30);
    run(&sandbox, "fresh", &more);
    assert_eq!(search(&sandbox, "fresh")["trials"].as_array().unwrap(), second);
}

#[test]
fn two_processes_on_one_home_share_a_search() {
    let sandbox = sandbox(&json!({"search": {"random": {"trials": 60}}}));
    run(&sandbox, "alone", &[]);
    let start = || {
        let arguments = ["run", "search.yaml", "--new", "--home", "both", "--json"];
        let mut command = sandbox.command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    for output in &both {
        let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}{err}", String::from_utf8_lossy(out));
    }
    assert_eq!(outcome(&sandbox, "both"), outcome(&sandbox, "alone"));
    assert_eq!(trials(&sandbox, "both").len(), 60);
}

#[test]
fn what_all_candidates_begin_with_is_in_the_cache_for_another_search() {
    let settings = json!({"search": {"random": {"trials": 4}}});
    let sandbox = sandbox(&settings);
    let mut file = pipeline(&settings);
    file["features"] = json!([
        {"impute": {"columns": "numeric"}}, {"one_hot": {"columns": "categorical"}},
        {"pca": {"components": {"int": [2, 4]}}},
    ]);
    sandbox.write("search.yaml", file.to_string());
    let prefixes = |report: &Value| -> Vec<bool> {
        let tasks = report["tasks"].as_array().unwrap().iter();
        let prefixes = tasks.filter(|task| task["name"].as_str().unwrap().starts_with("select["));
        prefixes.map(|task| task["cached"].as_bool().unwrap()).collect()
    };
    assert_eq!(prefixes(&run(&sandbox, "home", &[])), [false; 3]);
    let other = "model.select.candidates.1.decision_tree.max_depth=3";
    assert_eq!(prefixes(&run(&sandbox, "home", &["--set", other])), [true; 3]);
    // Taken from the cache or fitted anew, they come to the same.
    run(&sandbox, "fresh", &["--set", other]);
    let (both, fresh) = (outcomes(&sandbox, "home"), outcome(&sandbox, "fresh"));
    assert!(both.len() == 2 && both.contains(&fresh));
}

#[test]
fn homes_that_share_a_database_share_a_search() {
    let Some(server) = Postgres::shared() else { return };
    server.new_database("search");
    let settings = json!({"search": {"tpe": {"trials": 30}}});
    let homes = [sandbox(&settings), sandbox(&settings)];
    let both = homes.each_ref().map(|home| {
        let mut command =
            home.command(&["run", "search.yaml", "--new", "--home", "home", "--json"]);
        command.env("GRISTMILL_DATABASE_URL", server.address("search"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for output in both.map(|child| child.wait_with_output().unwrap()) {
        let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}{err}", String::from_utf8_lossy(out));
    }
    let alone = sandbox(&settings);
    run(&alone, "home", &[]);
    for home in &homes {
        assert_eq!(outcome(home, "home"), outcome(&alone, "home"));
    }
}

#[test]
fn halving_gives_all_rows_to_few() {
    let sandbox = sandbox(&json!({"search": {"halving": {"trials": 18}}}));
    run(&sandbox, "home", &[]);
    let search = search(&sandbox, "home");
    let trials = search["trials"].as_array().unwrap();
    let whole = trials.iter().filter(|trial| trial["share"] == 1.0).count();
    assert!(trials.len() > 18 && (1..6).contains(&whole), "{whole} of {}", trials.len());
}

#[test]
fn the_whole_selection_is_repeated_in_each_fold_of_an_honest_score() {
    let sandbox = sandbox(&json!({"search": {"random": {"trials": 6}}}));
    let mut file = pipeline(&json!({"search": {"random": {"trials": 6}}}));
    file["evaluate"]["cross_validate"] = json!({"folds": 3, "repeats": 2});
    sandbox.write("search.yaml", file.to_string());
    let report = run(&sandbox, "home", &[]);
    let folds = report["metrics"]["cv"]["roc_auc"]["folds"].as_array().unwrap();
    assert_eq!(folds.len(), 6);
    // One search for the model, and one in each of six folds.
    assert_eq!(trials(&sandbox, "home").len(), 6);
    let id = report["run_id"].as_str().unwrap();
    assert_eq!(sandbox.json(&["runs", "delete", id, "--home", "home"])["trials"], 7 * 6);
}

#[test]
fn a_candidate_that_always_fails_is_reported_and_the_rest_goes_on() {
    let sandbox = sandbox(&json!({
        "candidates": [
            {"logistic_regression": {"c": {"log_uniform": [0.01, 10]}}},
            {"k_nearest": {"neighbors": {"int": [5000, 9000]}}},
        ],
        "search": {"random": {"trials": 12}},
    }));
    let report = run(&sandbox, "home", &[]);
    let ends = ends(&search(&sandbox, "home"));
    assert!(ends["failed"] > 0 && ends["failed"] < 12, "{ends:?}");
    let notes = report["notes"].to_string();
    assert!(notes.contains("trials of `k_nearest` failed"), "{notes}");
}

#[test]
fn when_every_candidate_fails_the_first_says_why() {
    let sandbox = sandbox(&json!({
        "candidates": [{"k_nearest": {"neighbors": {"int": [5000, 9000]}}}],
        "search": {"random": {"trials": 3}},
    }));
    let said = sandbox.run(&["run", "search.yaml", "--quiet"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("none of 3 trials came to a score; trial 0: "), "{}", said.err);
}

#[test]
fn a_budget_is_measured_and_what_is_beyond_it_does_not_win() {
    let sandbox = sandbox(&json!({
        "candidates": [
            {"random_forest": {"trees": 200}},
            {"logistic_regression": {"c": {"log_uniform": [0.01, 10]}}},
        ],
        "search": {"random": {"trials": 10}},
        "budget": {"size_mb": 0.2, "p99_ms": 50, "memory_mb": 500},
    }));
    let report = run(&sandbox, "home", &[]);
    let search = search(&sandbox, "home");
    assert_eq!(
        search["steps"]["model"].as_object().unwrap().keys().next().unwrap(),
        "logistic_regression"
    );
    assert!(ends(&search)["refused"] > 0);
    let figures = &search["trials"][search["best"].as_u64().unwrap() as usize]["figures"];
    for name in ["serving.p99_ms", "serving.size_mb", "serving.memory_mb"] {
        assert!(figures[name].as_f64().unwrap() > 0.0, "{name} in {figures}");
    }
    sandbox.run(&["report", "latest", "--home", "home", "-o", "report.html"]);
    let page = fs_err::read_to_string(sandbox.path("report.html")).unwrap();
    for said in ["p99 latency in ms", "Size in MB", "Memory in MB", "refused"] {
        assert!(page.contains(said), "{said}");
    }
    // What was weighed is what is registered.
    let path = report["model"]["path"].as_str().unwrap();
    let files = Sandbox::bytes(std::path::Path::new(path));
    let bytes: usize = files
        .iter()
        .filter(|(n, _)| n != "MLmodel" && n != "model.json")
        .map(|(_, b)| b.len())
        .sum();
    assert!((bytes as f64) < 0.2e6, "{bytes} bytes");
}

#[test]
fn a_budget_that_nothing_keeps_says_how_near_the_best_came() {
    let sandbox = sandbox(&json!({
        "search": {"random": {"trials": 4}},
        "budget": {"size_mb": 0.000001},
    }));
    let said = sandbox.run(&["run", "search.yaml", "--quiet"]);
    assert_eq!(said.code, 3, "{}", said.err);
    let words = [
        "none of 4 trials keeps within `budget`; the nearest is trial ",
        "its package 0.0",
        "hint:",
    ];
    words.iter().for_each(|word| assert!(said.err.contains(word), "{word} in {}", said.err));
    let said = sandbox.run(&["run", "search.yaml", "--json"]);
    assert_eq!(said.code, 3);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["error"]["kind"], "refused");
}

#[test]
fn time_that_is_over_begins_no_trial_and_more_time_goes_on() {
    let sandbox = sandbox(&json!({"search": {"random": {"trials": 100_000}}, "minutes": 0.01}));
    run(&sandbox, "home", &[]);
    let first = search(&sandbox, "home")["trials"].as_array().unwrap().clone();
    fs_err::remove_dir_all(sandbox.path("home/cache")).unwrap();
    run(&sandbox, "home", &["--set", "model.select.minutes=0.02"]);
    let second = search(&sandbox, "home")["trials"].as_array().unwrap().clone();
    assert!(!first.is_empty() && second.len() > first.len(), "{} {}", first.len(), second.len());
    for (before, now) in first.iter().zip(&second).filter(|(b, _)| b["end"] != "unfinished") {
        assert_eq!(now, before);
    }
    // With no time left, what was done before still counts.
    fs_err::remove_dir_all(sandbox.path("home/cache")).unwrap();
    run(&sandbox, "home", &["--set", "model.select.minutes=0.001"]);
    let third = search(&sandbox, "home")["trials"].as_array().unwrap().clone();
    let done = |trials: &[Value]| {
        let done = trials.iter().filter(|trial| trial["end"] != "unfinished");
        done.cloned().collect::<Vec<_>>()
    };
    assert_eq!(done(&third), done(&second));
}

#[test]
fn little_memory_means_fewer_trials_at_once() {
    let sandbox = sandbox(&json!({}));
    let said = |home: &str, more: &[&str]| {
        let run = ["run", "search.yaml", "--home", home, "--threads", "3"];
        let said = sandbox.run(&[&run, more].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        said.err
    };
    let whole = said("whole", &[]);
    let shared = "3 threads for everything: up to 3 folds side by side, whose models share them; ";
    assert!(whole.contains(shared), "{whole}");
    let little = said("little", &["--memory", "1MB"]);
    let shared = "3 threads for everything: up to 1 fold side by side, whose models share them; ";
    assert!(little.contains(shared), "{little}");
    assert_eq!(outcome(&sandbox, "whole"), outcome(&sandbox, "little"));
}

#[test]
fn whoever_waits_hears_of_the_best_so_far_and_of_the_time_left() {
    let sandbox = sandbox(&json!({}));
    let said = sandbox.run(&["run", "search.yaml"]).err;
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("best roc_auc 0.")).collect();
    let told = |line: &&&str| line.contains(" of 20: ") && line.contains(" s left");
    assert!(lines.len() >= 5 && lines.iter().all(|line| told(&line)), "{said}");
    assert!(lines.iter().any(|line| line.contains(" by logistic_regression (trial ")), "{said}");
}

#[test]
fn repeated_folds_are_all_scored() {
    let repeated = json!({
        "cross_validate": {"folds": 3, "repeats": 2}, "search": {"random": {"trials": 2}},
    });
    let sandbox = sandbox(&repeated);
    run(&sandbox, "home", &[]);
    let search = search(&sandbox, "home");
    for trial in search["trials"].as_array().unwrap() {
        let scores = trial["scores"]["roc_auc"]["folds"].as_array().unwrap();
        assert_eq!(scores.len(), 6, "{trial}");
        assert_ne!(scores[..3], scores[3..], "the rows are dealt anew");
    }
}

#[test]
fn one_class_in_a_fold_is_named() {
    let sandbox =
        sandbox(&json!({"cross_validate": {"folds": 40}, "search": {"random": {"trials": 2}}}));
    let mut file =
        pipeline(&json!({"cross_validate": {"folds": 40}, "search": {"random": {"trials": 2}}}));
    file["data"]["split"] = json!({"test": 0.25});
    file["data"]["sql"] =
        json!("SELECT tenure, contract, monthly_charges, churn FROM source LIMIT 120");
    sandbox.write("search.yaml", file.to_string());
    let said = sandbox.run(&["run", "search.yaml", "--quiet"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("none of 2 trials came to a score; trial 0: "), "{}", said.err);
}

#[track_caller]
fn refused(changes: &Value, message: &str, hint: &str) {
    let sandbox = sandbox(changes);
    let said = sandbox.run(&["check", "search.yaml"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains(message), "`{message}` is not in:\n{}", said.err);
    assert!(said.err.contains(hint), "`{hint}` is not in:\n{}", said.err);
    assert!(!sandbox.path(".gristmill").exists());
}

#[test]
fn a_space_without_a_candidate_is_refused() {
    refused(&json!({"candidates": []}), "`candidates`", "");
}

#[test]
fn a_range_upside_down_is_refused_where_it_stands() {
    let upside_down = json!([{"ridge": {"alpha": {"uniform": [3, 1]}}}]);
    refused(&json!({"candidates": upside_down}), "`uniform` goes from 3 down to 1", "hint");
}

#[test]
fn an_end_that_a_setting_cannot_have_is_refused() {
    let trees = json!([{"random_forest": {"trees": {"int": [0, 10]}}}]);
    refused(&json!({"candidates": trees}), "`trees` is 0", "");
    let unknown = json!([{"random_forest": {"tres": {"int": [1, 10]}}}]);
    refused(&json!({"candidates": unknown}), "unknown key `tres`", "did you mean `trees`?");
    let word = json!([{"random_forest": {"trees": {"choice": [10, "many"]}}}]);
    refused(&json!({"candidates": word}), "`many`", "");
}

#[test]
fn a_metric_that_the_task_cannot_have_is_refused() {
    refused(&json!({"metric": "rmse"}), "`rmse`", "");
    refused(&json!({"metric": ["roc_auc", "rocauc"]}), "`rocauc`", "");
}

#[test]
fn a_grid_without_an_end_is_refused() {
    let endless = "`model.logistic_regression.c` has no end of values";
    refused(&json!({"search": "grid"}), endless, "list them as a `choice`");
}

#[test]
fn candidates_of_two_kinds_of_learning_are_refused() {
    let both = json!([{"logistic_regression": {}}, {"k_means": {"clusters": 3}}]);
    refused(&json!({"candidates": both}), "some candidates learn from known answers", "");
}

#[test]
fn a_task_may_be_called_select_where_nothing_is_searched() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "tasks.yaml",
        json!({"name": "t", "tasks": {"select": {"run": "true"}}}).to_string(),
    );
    let Said { code, err, .. } = sandbox.run(&["run", "tasks.yaml"]);
    assert_eq!(code, 0, "{err}");
}
