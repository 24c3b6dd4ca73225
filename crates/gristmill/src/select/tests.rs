//! A trial is fitted and scored as the pipeline by itself would be, whatever it shares with others.

use gristmill_core::{Notes, Pipeline, Seed, Table, Task};
use gristmill_evaluate::curves::Draw;
use gristmill_evaluate::search::{Named, SharedFolds};
use gristmill_evaluate::{Folds, Metric, Shares, Split};
use gristmill_testkit::table;
use serde_json::{Value, json};

use super::Steps;
use crate::catalog::catalog;

const ROWS: usize = 120;

/// Rows of some stores in time, with gaps and words.
fn rows(classes: bool) -> Table {
    let number = |row: usize| (row * 7919 % 101) as f64 / 10.0;
    let store = |row: usize| ["a", "b", "c"][row % 3];
    let answer = |row: usize| number(row) * 2.0 + (row % 3) as f64 + (row * 31 % 17) as f64 / 4.0;
    let table = table()
        .times("day", (0..ROWS).map(|row| Some(row as i64 / 3 * 86_400_000_000)))
        .words("store", (0..ROWS).map(|row| Some(store(row))))
        .numbers("x", (0..ROWS).map(|row| (row % 13 > 0).then(|| number(row))))
        .words("kind", (0..ROWS).map(|row| Some(["low", "high", "other"][row * 5 % 7 % 3])));
    let table = match classes {
        true => table
            .words("y", (0..ROWS).map(|row| Some(if answer(row) > 12.0 { "yes" } else { "no" }))),
        false => table.numbers("y", (0..ROWS).map(|row| Some(answer(row)))),
    };
    let table = table.target("y");
    if classes { table.without(&["day".into()]).unwrap() } else { table }
}

fn pipeline(steps: &Steps) -> Pipeline {
    let catalog = catalog();
    let mut pipeline = Pipeline::new().seed(5);
    for step in &steps.features {
        pipeline = pipeline.then_boxed(step.build(&catalog).unwrap());
    }
    pipeline.model_boxed(steps.model.build(&catalog).unwrap())
}

/// Pipelines of these steps, scored one after the other with what they share and each by itself.
#[track_caller]
fn check(table: &Table, split: &Split, trials: &[Value], most_bytes: usize) {
    let steps: Vec<Steps> =
        trials.iter().map(|steps| serde_json::from_value(steps.clone()).unwrap()).collect();
    let target = pipeline(&steps[0]).target(table).unwrap();
    let name = match target.task() {
        Task::Regression => "rmse",
        _ => "log_loss",
    };
    let metrics = [Metric::named(name).unwrap()];
    let known = target.apply(table).unwrap();
    let folds = Folds::new(3).parts(split, table, Some(&known), Seed(1)).unwrap();
    let shared = SharedFolds::new(table, &target, folds.clone(), Draw::Rows, Seed(2), most_bytes);
    let notes = Notes::default();
    for steps in &steps {
        let (pipeline, keys) = (pipeline(steps), steps.keys());
        let named = Named { pipeline: &pipeline, steps: &keys };
        for (at, fold) in folds.iter().enumerate() {
            let ours = shared.score(&named, &metrics, at, 1.0, &notes).unwrap();
            let fitted = fold.fit(&pipeline, table, &target, &notes).unwrap();
            let answers = fold.answers(&fitted, table).unwrap();
            let alone = fold.score(&metrics, table, &target, &answers).unwrap();
            assert_eq!(ours.scores, alone, "fold {at} of {:?}", json!(steps));
        }
    }
    let (fitted, taken) = shared.counts();
    let asked = steps.iter().map(|steps| (steps.features.len() + 1) * folds.len()).sum::<usize>();
    assert_eq!(fitted + taken, asked);
    if most_bytes == usize::MAX {
        let mut different: Vec<String> = steps
            .iter()
            .flat_map(|steps| {
                let (keys, held) = (steps.keys(), steps.model.settings["early_stopping"].clone());
                (0..=keys.len()).map(move |at| format!("{held} {:?}", &keys[..at]))
            })
            .collect();
        different.sort();
        different.dedup();
        assert_eq!(fitted, different.len() * folds.len());
    }
}

fn trials() -> Vec<Value> {
    let impute = |strategy: &str| json!({"impute": {"columns": "numeric", "strategy": strategy}});
    let (scale, codes) = (
        json!({"standardize": {"columns": "numeric"}}),
        json!({"one_hot": {"columns": "categorical"}}),
    );
    let target = json!({"target_encode": {"columns": "categorical"}});
    let c = |c: f64| json!({"logistic_regression": {"c": c}});
    let boost = |trees: usize| json!({"gradient_boosting": {"trees": trees}});
    vec![
        json!({"features": [impute("mean"), scale, codes], "model": c(1.0)}),
        json!({"features": [impute("mean"), scale, codes], "model": c(0.1)}),
        json!({"features": [impute("median"), scale, codes], "model": c(0.1)}),
        json!({"features": [impute("mean"), target], "model": boost(10)}),
        json!({"features": [impute("mean"), target], "model": c(1.0)}),
        json!({"features": [impute("mean")], "model": boost(10)}),
        json!({
            "features": [impute("mean")],
            "model": {"gradient_boosting": {
                "trees": 30, "early_stopping": {"rounds": 3, "validation": 0.2},
            }},
        }),
    ]
}

#[test]
fn shared_steps_are_those_of_the_pipeline_alone() {
    let split = Split::Stratified(Shares::test(0.2));
    check(&rows(true), &split, &trials(), usize::MAX);
}

#[test]
fn steps_that_are_let_go_are_fitted_again_to_the_same() {
    let split = Split::Stratified(Shares::test(0.2));
    check(&rows(true), &split, &trials(), 1);
}

#[test]
fn a_step_that_looks_at_earlier_rows_sees_those_that_trained() {
    let lag =
        json!({"lag": {"columns": ["x"], "lags": [1, 2], "group": ["store"], "order": "day"}});
    let impute = json!({"impute": {"columns": "numeric"}});
    let ridge = |alpha: f64| json!({"ridge": {"alpha": alpha}});
    let codes = json!({"one_hot": {"columns": "categorical"}});
    let dates = json!({"datetime": {"columns": ["day"]}});
    let trials = [
        json!({"features": [lag, dates, impute, codes], "model": ridge(1.0)}),
        json!({"features": [lag, dates, impute, codes], "model": ridge(9.0)}),
        json!({"features": [dates, impute, codes], "model": ridge(9.0)}),
    ];
    let split = Split::Random(Shares::test(0.2));
    check(&rows(false), &split, &trials, usize::MAX);
}
