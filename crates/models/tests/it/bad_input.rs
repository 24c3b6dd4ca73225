//! Every estimator of the catalog meets the rows that nobody should give.

use gristmill_testkit::conformance;
use serde_json::{Value, json};

use super::real_rows::catalog;

/// Settings that keep a million rows quick.
fn settings(name: &str) -> Value {
    let trees = json!({"trees": 3});
    let tree = json!({"decision_tree": {"max_depth": 3}});
    match name {
        "random_forest" | "extra_trees" | "gradient_boosting" | "isolation_forest" => trees,
        "ada_boost" | "bagging" => json!({"model": tree, "estimators": 3}),
        "calibration" | "conformal" | "resample" | "threshold" => json!({"model": tree}),
        "stacking" | "voting" => json!({"models": [tree, {"dummy": {}}]}),
        "gaussian_mixture" => json!({"components": 2}),
        "k_means" | "mini_batch_k_means" => json!({"clusters": 2}),
        _ => json!({}),
    }
}

/// Every estimator whose place in the catalog is `part` of three.
#[track_caller]
fn check(part: usize) {
    let catalog = catalog();
    for name in catalog.estimators().keys().skip(part).step_by(3) {
        conformance::estimator_on_bad_input(&catalog, name, &settings(name));
    }
}

#[test]
fn a_first_third_of_the_estimators_answers_or_refuses_bad_rows() {
    check(0);
}

#[test]
fn a_second_third_of_the_estimators_answers_or_refuses_bad_rows() {
    check(1);
}

#[test]
fn the_last_third_of_the_estimators_answers_or_refuses_bad_rows() {
    check(2);
}
