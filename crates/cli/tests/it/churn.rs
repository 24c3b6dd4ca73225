//! The churn example from rows to a registered model, and what changes when something changes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::sandbox::Sandbox;

fn cached(report: &Value) -> Vec<&str> {
    let tasks = report["tasks"].as_array().unwrap().iter();
    tasks.filter(|t| t["cached"] == true).map(|t| t["name"].as_str().unwrap()).collect()
}

fn package(report: &Value) -> PathBuf {
    PathBuf::from(report["model"]["path"].as_str().unwrap())
}

#[track_caller]
fn check_scores(file: &str, auc: f64) {
    let report = Sandbox::churn().json(&["run", file]);
    let metrics = &report["metrics"];
    assert!(metrics["cv"]["roc_auc"]["mean"].as_f64().unwrap() >= auc, "{metrics:#}");
    assert!(metrics["test"]["accuracy"].as_f64().unwrap() >= 0.79, "{metrics:#}");
    assert_eq!(metrics["cv"]["roc_auc"]["folds"].as_array().unwrap().len(), 5);
    assert_eq!(report["model"]["version"], 1);
    assert_eq!(report["model"]["aliases"][0], "champion");
    assert!(package(&report).is_absolute());
}

#[test] // floors of the issue; scikit-learn 1.9.1 reaches 0.846 with its better model
fn the_linear_model_reaches_its_floor() {
    check_scores("pipeline.yaml", 0.843);
}

#[test]
fn the_forest_reaches_its_floor() {
    check_scores("forest.yaml", 0.835);
}

#[test]
fn a_rerun_does_no_work_and_makes_no_version() {
    let sandbox = Sandbox::churn();
    let first = sandbox.json(&["run", "pipeline.yaml"]);
    assert!(cached(&first).is_empty());
    let again = sandbox.json(&["run", "pipeline.yaml"]);
    // Six stages, and the five folds of `evaluate`.
    assert_eq!(cached(&again).len(), 11);
    assert_eq!(again["metrics"], first["metrics"]);
    assert_eq!(again["model"], first["model"]);
    assert_ne!(again["run_id"], first["run_id"]);
    assert_eq!(sandbox.json(&["runs"]).as_array().unwrap().len(), 2);
    let why = sandbox.run(&["why", "latest", "train"]);
    assert_eq!(why.out, "`train` was taken from the cache: nothing changed\n");
}

#[test]
fn another_metric_refits_no_fold_and_another_pipeline_of_the_same_steps_finds_them() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let set = "evaluate.metrics=[roc_auc, log_loss]";
    let changed = sandbox.json(&["run", "pipeline.yaml", "--set", set]);
    let folds = |report: &Value| cached(report).iter().filter(|t| t.contains('[')).count();
    assert_eq!(folds(&changed), 5);
    assert!(changed["metrics"]["cv"]["log_loss"]["folds"][4].as_f64().unwrap() > 0.3);
    assert_eq!(folds(&sandbox.json(&["run", "pipeline.yaml", "--set", "name=other"])), 5);
}

#[test]
fn another_model_reruns_only_what_follows() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let set = "model.logistic_regression.c=0.01";
    let changed = sandbox.json(&["run", "pipeline.yaml", "--set", set]);
    assert_eq!(cached(&changed), ["ingest", "split", "features"]);
    let why = sandbox.run(&["why", "latest", "train"]);
    assert!(
        why.out.contains("`model.logistic_regression.c` changed from 1.0 to 0.01"),
        "{}",
        why.out
    );
    assert_eq!(changed["model"]["version"], 2);
}

#[test]
fn packages_have_equal_bytes_on_any_number_of_threads_and_in_any_home() {
    let sandbox = Sandbox::churn();
    for file in ["pipeline.yaml", "forest.yaml"] {
        let packages: Vec<_> = ["1", "2", "3"]
            .iter()
            .map(|threads| {
                let home = format!("home-{file}-{threads}");
                let report =
                    sandbox.json(&["run", file, "--threads", threads, "--home", home.as_str()]);
                Sandbox::bytes(&package(&report))
            })
            .collect();
        assert!(packages[0] == packages[1] && packages[0] == packages[2], "{file}");
        let names: Vec<&str> = packages[0].iter().map(|(name, _)| name.as_str()).collect();
        let expected =
            ["MLmodel", "golden.arrow", "model.json", "profile.json", "tensors.safetensors"];
        assert_eq!(names, expected);
    }
}

#[test]
fn init_writes_a_file_that_runs_unchanged_and_scores_like_ours() {
    let sandbox = Sandbox::churn();
    let ours = sandbox.json(&["run", "pipeline.yaml"]);
    sandbox.json(&["init", "customers.csv", "--target", "churn"]);
    let theirs = sandbox.json(&["run", "customers.yaml"]);
    let auc = |r: &Value| r["metrics"]["cv"]["roc_auc"]["mean"].as_f64().unwrap();
    assert!((auc(&ours) - auc(&theirs)).abs() < 0.02, "{} {}", auc(&ours), auc(&theirs));
    let again = sandbox.run(&["init", "customers.csv", "--target", "churn"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("already there"), "{}", again.err);
}

#[test]
fn answers_are_words_and_ignore_further_columns_and_their_order() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let text = fs_err::read_to_string(sandbox.path("customers.csv")).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().take(4).map(|l| l.split(',').collect()).collect();
    let turned: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(i, cells)| {
            let id = if i == 0 { "customer_id".to_string() } else { format!("00{i}") };
            let cells = cells.iter().skip(1).rev().copied().collect::<Vec<_>>().join(",");
            format!("{cells},{id}")
        })
        .collect();
    sandbox.write("turned.csv", turned.join("\n"));
    sandbox.write("plain.csv", text.lines().take(4).collect::<Vec<_>>().join("\n"));
    let plain = sandbox.run(&["predict", "churn", "--input", "plain.csv"]);
    let turned = sandbox.run(&["predict", "churn@champion", "-i", "turned.csv"]);
    assert_eq!(plain.code, 0, "{}", plain.err);
    assert_eq!(turned.code, 0, "{}", turned.err);
    assert!(plain.out.starts_with("prediction,probability_No,probability_Yes\n"), "{}", plain.out);
    let without_ids: Vec<&str> = turned.out.lines().map(|l| l.split_once(',').unwrap().1).collect();
    assert_eq!(plain.out.lines().collect::<Vec<_>>(), without_ids);
    assert!(turned.out.lines().nth(1).unwrap().starts_with("001,"), "{}", turned.out);
}

#[test]
fn an_unseen_category_and_a_missing_number_are_answered() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let text = fs_err::read_to_string(sandbox.path("customers.csv")).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    let row = lines.next().unwrap().replace("Electronic check", "Barter");
    let row = row.rsplit_once(',').unwrap().0.to_string() + ",";
    sandbox.write("odd.csv", format!("{header}\n{row}\n"));
    let said = sandbox.run(&["predict", "churn/1", "-i", "odd.csv"]);
    assert_eq!((said.code, said.out.lines().count()), (0, 2), "{}", said.err);
}

#[test]
fn two_runs_at_once_share_one_home() {
    let sandbox = Sandbox::churn();
    let start = || sandbox.command(&["run", "pipeline.yaml", "--quiet", "--json"]).spawn().unwrap();
    let (mut a, mut b) = (start(), start());
    assert!(a.wait().unwrap().success() && b.wait().unwrap().success());
    let models = sandbox.json(&["models", "show", "churn"]);
    assert_eq!(models.as_array().unwrap().len(), 1);
}

#[test]
fn a_run_that_was_killed_leaves_the_next_one_to_work() {
    let sandbox = Sandbox::churn();
    for wait in [5, 20, 60] {
        let mut child = sandbox.command(&["run", "forest.yaml", "--quiet"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let report = sandbox.json(&["run", "forest.yaml"]);
    assert_eq!(report["status"], "succeeded");
    let runs = sandbox.json(&["runs"]);
    let running = runs.as_array().unwrap().iter().filter(|r| r["status"] == "running").count();
    assert_eq!(running, 0, "{runs:#}");
}

#[test]
fn a_gate_that_is_missed_ends_with_3_and_registers_nothing() {
    let sandbox = Sandbox::churn();
    let said =
        sandbox.run(&["run", "pipeline.yaml", "--json", "--set", "evaluate.require.roc_auc=0.99"]);
    assert_eq!(said.code, 3, "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["status"], "refused");
    assert!(report["model"].is_null());
    assert_eq!(sandbox.json(&["models"]).as_array().unwrap().len(), 0);
}

#[test]
fn a_worse_challenger_does_not_take_the_alias_and_aliases_move_back() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let worse = "model.logistic_regression.c=0.0001";
    let report = sandbox.json(&["run", "pipeline.yaml", "--set", worse]);
    assert_eq!(report["model"]["version"], 2);
    assert_eq!(report["model"]["aliases"].as_array().unwrap().len(), 0);
    let mut notes = report["notes"].as_array().unwrap().iter();
    let refused = |note: &Value| note.as_str().unwrap().contains("was not promoted");
    assert!(notes.any(refused), "{report:#}");
    sandbox.json(&["models", "promote", "churn", "2", "champion", "--why", "by hand"]);
    let back = sandbox.json(&["models", "rollback", "churn", "champion"]);
    assert_eq!(back["version"], 1);
    let history = sandbox.run(&["models", "history", "churn"]).out;
    for word in ["registered", "refused", "by hand", "rolled back"] {
        assert!(history.contains(word), "{word}: {history}");
    }
}

#[test]
fn a_damaged_package_is_refused() {
    let sandbox = Sandbox::churn();
    let report = sandbox.json(&["run", "pipeline.yaml"]);
    let tensors = package(&report).join("tensors.safetensors");
    let mut bytes = fs_err::read(&tensors).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs_err::write(&tensors, bytes).unwrap();
    let said = sandbox.run(&["predict", "churn", "-i", "customers.csv"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("tensors.safetensors"), "{}", said.err);
    assert!(said.out.is_empty());
}

#[test]
fn a_predictions_file_is_whole_or_absent() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    for name in ["answers.csv", "answers.parquet", "answers.jsonl"] {
        let said = sandbox.json(&["predict", "churn", "-i", "customers.csv", "-o", name]);
        assert_eq!(said["rows"], 7043);
        assert!(sandbox.path(name).is_file());
    }
    let refused = sandbox.run(&["predict", "churn", "-i", "customers.csv", "-o", "answers.doc"]);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(!Path::new(&sandbox.path("answers.doc")).exists());
}
