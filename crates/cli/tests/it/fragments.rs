//! Pipeline files that share fragments and take parameters.

use crate::sandbox::Sandbox;

const SHARED: &str = "data:
  source: customers.csv
  target: churn
  split: {test: 0.2, stratify: true}
features:
  - impute: {columns: numeric}
  - one_hot: {columns: categorical}
";

const FILE: &str = "name: shared
include: shared.yaml
params: {trees: 7, metric: roc_auc}
model:
  random_forest: {trees: \"${trees}\"}
evaluate: {metrics: [\"${metric}\"]}
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::churn();
    sandbox.write("shared.yaml", SHARED);
    sandbox.write("p.yaml", FILE);
    sandbox
}

#[test]
fn a_file_runs_with_what_it_includes_and_its_parameters() {
    let report = sandbox().json(&["run", "p.yaml"]);
    assert_eq!(report["status"], "succeeded");
    let test = report["metrics"]["test"].as_object().unwrap();
    assert_eq!(test.keys().collect::<Vec<_>>(), ["roc_auc"]);
}

#[test]
fn another_value_of_a_parameter_reruns_what_it_changes() {
    let sandbox = sandbox();
    sandbox.json(&["run", "p.yaml"]);
    sandbox.json(&["run", "p.yaml", "--set", "params.trees=9"]);
    let why = sandbox.run(&["why", "latest", "train"]).out;
    assert!(why.contains("`model.random_forest.trees` changed from 7 to 9"), "{why}");
}

#[test]
fn a_mistake_in_an_included_file_is_told_with_that_file() {
    let sandbox = sandbox();
    sandbox.write("shared.yaml", SHARED.replace("impute", "imptue"));
    let said = sandbox.run(&["check", "p.yaml"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("at: shared.yaml, line 6"), "{}", said.err);
    sandbox.write("shared.yaml", SHARED);
    sandbox.write("p.yaml", FILE.replace("${trees}", "${tress}"));
    let said = sandbox.run(&["check", "p.yaml"]);
    assert!(said.err.contains("tress") && said.err.contains("trees"), "{}", said.err);
}
