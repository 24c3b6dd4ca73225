//! Looking at searches: what `runs` and `report` show of the trials, and what goes with a run that is
//! deleted.

use std::io::Write as _;

use serde_json::Value;

use crate::sandbox::Sandbox;

const FEATURES: &str = "
features:
  - impute: {columns: numeric, strategy: {choice: [mean, median]}}
  - standardize: {columns: numeric}
  - one_hot: {columns: categorical, drop: if_binary}
";

/// A search over two kinds of model, of which one has a setting that the other lacks.
fn pipeline(features: &str, trials: usize, evaluate: &str) -> String {
    format!(
        "{DATA}{features}
model:
  select:
    candidates:
      - logistic_regression: {{c: {{log_uniform: [0.01, 100]}}}}
      - random_forest: {{trees: {{log_int: [5, 20]}}, max_depth: {{int: [2, 6]}}}}
    search: {{random: {{trials: {trials}}}}}
    cross_validate: {{folds: 3}}
evaluate: {{metrics: [roc_auc, recall], {evaluate}}}
"
    )
}

const DATA: &str = "
name: churn
data:
  source: customers.csv
  target: churn
  positive: \"Yes\"
  split: {test: 0.2, stratify: true}
";

/// A home in which a search with so many trials was run.
fn searched(trials: usize) -> Sandbox {
    let sandbox = Sandbox::churn();
    sandbox.write("search.yaml", pipeline(FEATURES, trials, ""));
    sandbox.json(&["run", "search.yaml"]);
    sandbox
}

#[track_caller]
fn said(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let said = sandbox.run(arguments);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    said.out
}

fn trials(sandbox: &Sandbox, run: &str) -> Vec<Value> {
    sandbox.json(&["runs", "show", run])["trials"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_run_lists_its_trials_the_best_first() {
    let sandbox = searched(8);
    let details = sandbox.json(&["runs", "show", "latest"]);
    assert_eq!(details["deciding"], serde_json::json!(["roc_auc"]));
    let trials = details["trials"].as_array().unwrap();
    let mut numbers: Vec<u64> = trials.iter().map(|t| t["number"].as_u64().unwrap()).collect();
    let scored: Vec<f64> = trials
        .iter()
        .filter(|trial| trial["status"] == "scored")
        .map(|trial| trial["scores"]["roc_auc"]["mean"].as_f64().unwrap())
        .collect();
    assert!(scored.len() > 2 && scored.is_sorted_by(|a, b| a >= b), "{scored:?}");
    let best = numbers[0];
    numbers.sort_unstable();
    assert_eq!(numbers, (0..8).collect::<Vec<u64>>());
    for trial in trials {
        assert_eq!(trial["part_of"], details["run_id"]);
        assert!(trial["seconds"].as_f64().unwrap() > 0.0, "{trial:#}");
    }

    let text = said(&sandbox, &["runs", "show", "latest", "--trials", "2"]);
    let head = "trial  run       model                status  roc_auc          seconds";
    let shown = |text: &str| text.lines().filter(|line| line.contains(" ± ")).count();
    assert!(text.contains("and 6 more trials; `--trials 8` shows all 8"), "{text}");
    assert!(text.contains(&format!("shows the steps of trial {best}")), "{text}");
    assert_eq!(shown(&text), 2, "{text}");
    let text = said(&sandbox, &["runs", "show", "latest"]);
    let words = |line: &str| line.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
    assert!(text.lines().any(|line| words(line) == words(head)), "{text}");
    assert_eq!(shown(&text), 8, "{text}");
    assert!(text.contains("strategy me") && text.contains("max_depth "), "{text}");
    assert!(!text.contains("more trials"), "{text}");
}

#[test]
fn the_steps_of_a_trial_are_ready_to_be_pasted() {
    let sandbox = searched(4);
    let run = sandbox.json(&["runs", "show", "latest"])["run_id"].as_str().unwrap().to_owned();
    for trial in trials(&sandbox, "latest") {
        let id = trial["run_id"].as_str().unwrap();
        let text = said(&sandbox, &["runs", "show", id]);
        let of = format!("part of   trial {} of {run} (churn)", trial["number"]);
        assert!(text.contains(&of) && !text.contains("gristmill.trial."), "{text}");
        let steps = &text[text.find("features:").unwrap()..];
        let steps = &steps[..steps.find("\n\n").unwrap()];
        sandbox.write("pasted.yaml", format!("{DATA}{steps}\n"));
        let checked = sandbox.run(&["check", "pasted.yaml"]);
        assert_eq!(checked.code, 0, "{steps}\n{}", checked.err);
        let model = trial["model"].as_str().unwrap();
        assert!(steps.contains(&format!("model:\n  {model}: {{")), "{steps}");
    }
}

#[test]
fn trials_hang_below_their_run_in_the_tree_alone() {
    let sandbox = searched(6);
    let tree = sandbox.json(&["runs", "list", "--tree", "--trials", "2"]);
    assert_eq!(tree.as_array().unwrap().len(), 1);
    assert_eq!(tree[0]["trials"].as_array().unwrap().len(), 2);
    assert_eq!((&tree[0]["more_trials"], &tree[0]["pipeline"]), (&4.into(), &"churn".into()));
    let text = said(&sandbox, &["runs", "list", "--tree", "--trials", "2"]);
    let starts: Vec<&str> = text.lines().skip(2).filter_map(|line| line.get(..3)).collect();
    assert_eq!(starts, ["├", "├", "└"], "{text}");
    assert!(text.contains("and 4 more"), "{text}");
    assert_eq!(sandbox.json(&["runs"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_search_that_goes_on_shows_the_trials_of_the_run_before_too() {
    let sandbox = searched(3);
    let first = sandbox.json(&["runs", "show", "latest"])["run_id"].clone();
    sandbox.write("search.yaml", pipeline(FEATURES, 5, ""));
    let second = sandbox.json(&["run", "search.yaml"])["run_id"].clone();
    for run in [&first, &second] {
        let trials = trials(&sandbox, run.as_str().unwrap());
        let of = |run: &Value| trials.iter().filter(|trial| &trial["part_of"] == run).count();
        assert_eq!((of(&first), of(&second), trials.len()), (3, 2, 5));
    }
}

#[test]
fn the_searches_inside_folds_are_not_taken_for_that_of_the_run() {
    let sandbox = Sandbox::churn();
    sandbox.write("search.yaml", pipeline(FEATURES, 3, "cross_validate: {folds: 2}"));
    sandbox.json(&["run", "search.yaml"]);
    assert_eq!(trials(&sandbox, "latest").len(), 3);
    said(&sandbox, &["report", "latest", "-o", "report.html"]);
    let page = fs_err::read_to_string(sandbox.path("report.html")).unwrap();
    assert!(page.contains("Learning curve") && page.contains("Trials in their order"));
    assert_eq!(sandbox.json(&["runs", "delete", "latest"])["trials"], 9);
}

#[test]
fn a_run_that_is_deleted_takes_its_trials_along() {
    let sandbox = searched(3);
    let trial = trials(&sandbox, "latest")[0]["run_id"].as_str().unwrap().to_owned();
    let run = sandbox.json(&["runs", "show", "latest"])["run_id"].clone();
    let gone = sandbox.json(&["runs", "delete", run.as_str().unwrap()]);
    assert_eq!(gone, serde_json::json!({"deleted": run, "trials": 3}));
    assert!(sandbox.json(&["runs"]).as_array().unwrap().is_empty());
    let said = sandbox.run(&["runs", "show", &trial]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains(&format!("no run `{trial}`")), "{}", said.err);
}

#[test]
fn a_run_that_a_process_is_at_work_on_is_not_deleted() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "wait.yaml",
        "name: wait\ntasks: {wait: {run: touch begun && read -r line < pipe}}\n",
    );
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(made.success());
    let mut command = sandbox.command(&["run", "wait.yaml", "--quiet"]);
    let mut process = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    while !sandbox.path("begun").exists() {
        assert!(process.try_wait().unwrap().is_none(), "it ended before its task began");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // With both ends in hand, opening waits for nobody.
    let pipe = fs_err::OpenOptions::new().read(true).write(true).open(sandbox.path("pipe"));
    let said = sandbox.run(&["runs", "delete", "latest"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("is at work"), "{}", said.err);
    pipe.unwrap().write_all(b"go on\n").unwrap();
    assert!(process.wait().unwrap().success());
    assert_eq!(sandbox.json(&["runs", "delete", "latest"])["trials"], 0);
}

#[test]
fn a_search_in_which_every_trial_failed_lists_them_with_their_reasons() {
    let sandbox = Sandbox::churn();
    let features = FEATURES
        .replace("  - impute: {columns: numeric, strategy: {choice: [mean, median]}}\n", "");
    let text =
        pipeline(&features, 2, "").replace("      - random_forest", "      # - random_forest");
    sandbox.write("search.yaml", text);
    assert_eq!(sandbox.run(&["run", "search.yaml"]).code, 1);
    let details = sandbox.json(&["runs", "show", "latest"]);
    assert_eq!(details["status"], "failed");
    assert_eq!(details["deciding"], serde_json::json!(["roc_auc"]), "by the settings of the run");
    let trials = details["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 2);
    for trial in trials {
        assert_eq!(trial["status"], "failed");
        assert!(trial["error"].as_str().unwrap().contains("total_charges"), "{trial:#}");
    }
    assert!(said(&sandbox, &["runs", "show", "latest"]).contains("total_charges"));
    said(&sandbox, &["report", "latest", "-o", "report.html"]);
}

#[test]
fn the_report_draws_the_search_and_says_what_won() {
    let sandbox = searched(12);
    said(&sandbox, &["report", "latest", "-o", "report.html"]);
    let page = fs_err::read_to_string(sandbox.path("report.html")).unwrap();
    let best = &trials(&sandbox, "latest")[0];
    let (number, model) = (&best["number"], best["model"].as_str().unwrap());
    for said in [
        "12 points drawn by chance, judged by `roc_auc` over 3 folds of the training rows",
        "Trials in their order",
        "What the score hangs on",
        "<h3>Settings</h3>",
        "Best trials",
        &format!("trial {number}, {model}"),
        &format!("Steps of trial {number}, for a pipeline file"),
        &format!("model:\n  {model}: {{"),
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("src=") && !page.contains("http-equiv=\"refresh\""));
}
