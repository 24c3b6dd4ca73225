//! Every tree model goes through the suite that holds for all estimators.

use gristmill_core::{Catalog, Seed, Table};
use gristmill_testkit::{conformance, table};
use serde_json::{Value, json};

/// Rows of every kind, with missing values, a constant column, one without values, and targets of
/// every kind.
fn awkward(target: &str, rows: usize) -> Table {
    let mut random = Seed(11).random();
    let words = ["red", "green", "blue", "pink", "grey", "teal"];
    let x: Vec<Option<f64>> =
        (0..rows).map(|_| (random.below(9) > 0).then(|| random.normal())).collect();
    let many: Vec<String> = (0..rows).map(|_| format!("w{}", random.below(400))).collect();
    let z: Vec<Option<&str>> = (0..rows).map(|_| words.get(random.below(7)).copied()).collect();
    let sums: Vec<f64> = (0..rows)
        .map(|row| {
            let blue = f64::from(u8::from(z[row] == Some("blue")));
            x[row].unwrap_or(1.0) + 2.0 * blue + 0.3 * random.normal()
        })
        .collect();
    let level = |sum: &f64| match sum {
        sum if *sum < -0.5 => "low",
        sum if *sum < 0.8 => "middle",
        _ => "high",
    };
    let table = table()
        .numbers("x", x)
        .numbers("count", sums.iter().map(|sum| (sum.exp() * 3.0).floor()))
        .numbers("constant", vec![7.5; rows])
        .numbers("nothing", vec![None; rows])
        .booleans("flag", (0..rows).map(|row| (row % 5 > 0).then_some(row % 3 == 0)))
        .words("z", z)
        .words("many", many.iter().map(|word| word.as_str()))
        .words("level", sums.iter().map(level))
        .words("yes", sums.iter().map(|sum| if *sum > 0.2 { "yes" } else { "no" }))
        .numbers("y", sums);
    let others = ["y", "level", "yes", "count"].iter().filter(|name| **name != target);
    let others: Vec<String> = others.map(ToString::to_string).collect();
    table.target(target).without(&others).unwrap()
}

#[track_caller]
fn check(name: &str, settings: Value, target: &str, rows: usize) {
    let mut catalog = Catalog::new();
    gristmill_models::register(&mut catalog);
    conformance::estimator(&catalog, name, &settings, &awkward(target, rows));
}

#[test]
fn trees_and_forests_keep_the_promises_of_estimators() {
    for target in ["yes", "level", "y"] {
        check("decision_tree", json!({}), target, 300);
        check("random_forest", json!({"trees": 5}), target, 300);
        check("extra_trees", json!({"trees": 5}), target, 300);
        check("extra_trees", json!({"trees": 5, "bootstrap": true, "max_leaves": 9}), target, 300);
    }
    check("random_forest", json!({"trees": 3}), "yes", 20_000);
    check("extra_trees", json!({"trees": 3}), "yes", 20_000);
}

#[test]
fn boosting_keeps_the_promises_of_estimators() {
    for target in ["yes", "level", "y"] {
        check("gradient_boosting", json!({"trees": 5}), target, 400);
        check(
            "gradient_boosting",
            json!({"trees": 5, "early_stopping": {"rounds": 2}}),
            target,
            400,
        );
        let drawn = json!({"trees": 5, "subsample": 0.5, "max_features": 0.5, "max_depth": 3});
        check("gradient_boosting", drawn, target, 400);
    }
    check("gradient_boosting", json!({"trees": 3, "l1": 0.1, "l2": 1.0}), "yes", 40_000);
    check("gradient_boosting", json!({"trees": 3, "monotone": {"x": "increasing"}}), "y", 400);
    for loss in [
        json!("absolute_error"),
        json!({"huber": {"alpha": 0.9}}),
        json!({"quantile": {"alpha": 0.2}}),
    ] {
        check("gradient_boosting", json!({"trees": 5, "loss": loss}), "y", 400);
    }
    check("gradient_boosting", json!({"trees": 5, "loss": "poisson"}), "count", 400);
}

#[test]
fn isolation_keeps_the_promises_of_estimators() {
    check("isolation_forest", json!({"trees": 10}), "y", 500);
    check("isolation_forest", json!({"trees": 4, "max_samples": 0.9}), "yes", 3000);
}
