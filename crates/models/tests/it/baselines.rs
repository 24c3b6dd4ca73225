//! Naive Bayes and answers that look at no column.

use gristmill_core::{
    Estimator, FitContext, Notes, Pipeline, Prediction, Scores, Seed, Target, Task,
};
use gristmill_models::{Dummy, DummyStrategy, GaussianNaiveBayes, MultinomialNaiveBayes};
use gristmill_testkit::{conformance, table};
use serde_json::{Value, json};

use super::linear::made_for;
use super::real_rows::{
    answers, catalog, classes, close, learn, log_loss, near, parts, probabilities, telco, weights,
};

#[test] // scikit-learn 1.9.1, GaussianNB() with sample_weight 1, 2, 3, 1, ...
fn gaussian_naive_bayes_agrees_with_scikit_learn() {
    let Some(table) = telco("churn") else { return };
    let (rows, target) = parts(&table);
    let weights = weights(rows.rows());
    let model = learn(&GaussianNaiveBayes::default(), &rows, &target, Some(&weights));
    let expected = [
        0.27179169839095707,
        0.22684385435466903,
        0.7627321460712728,
        0.05110127498273367,
        0.8257592850254383,
    ];
    // scikit-learn smooths by the variance of the rows as they are, Gristmill as they weigh.
    close(&probabilities(model.as_ref(), &rows.slice(0..5), 1), &expected, 3e-4);
    near(&[log_loss(model.as_ref(), &rows, &target)], &[0.5527896884776715], 1e-4);
}

#[test] // scikit-learn 1.9.1, GaussianNB(var_smoothing=1e-3)
fn smoothed_naive_bayes_of_three_classes_agrees_with_scikit_learn() {
    let Some(table) = telco("contract") else { return };
    let (rows, target) = parts(&table);
    let smooth = GaussianNaiveBayes { variance_smoothing: 1e-3 };
    let model = learn(&smooth, &rows, &target, None);
    let expected = [0.8057838023266092, 0.6840496689880244, 0.8067555508260754];
    close(&probabilities(model.as_ref(), &rows.slice(0..3), 0), &expected, 1e-9);
    near(&[log_loss(model.as_ref(), &rows, &target)], &[0.8963351168564745], 1e-9);
}

#[test] // by hand: θ = 2/4 and 2/4 for a, 1/6 and 5/6 for b, π = 1/2 each
fn multinomial_naive_bayes_counts() {
    let rows = table().numbers("x", [1.0, 0.0]).numbers("y", [1.0, 4.0]).frame();
    let target = classes(&["a", "b"]);
    let model = learn(&MultinomialNaiveBayes::default(), &rows, &target, None);
    let (a, b) = (0.5 * 0.5, 1.0 / 6.0 * 5.0 / 6.0);
    close(&probabilities(model.as_ref(), &rows.slice(0..1), 0), &[a / (a + b)], 1e-12);
}

#[test]
fn counts_below_zero_are_refused() {
    let (rows, target) = (table().numbers("x", [1.0, -1.0]).frame(), classes(&["a", "b"]));
    let notes = Notes::default();
    let context = FitContext::new(Seed(0), &notes);
    let refused = MultinomialNaiveBayes::default().fit(&rows, &target, &context).unwrap_err();
    assert!(refused.to_string().contains("column `x` is -1 in row 2"), "{refused}");
}

#[test]
fn columns_that_never_vary_leave_the_shares() {
    let (rows, target) = (table().numbers("x", [7.0; 4]).frame(), classes(&["a", "a", "a", "b"]));
    let model = learn(&GaussianNaiveBayes::default(), &rows, &target, None);
    close(&probabilities(model.as_ref(), &rows, 0), &[0.75; 4], 1e-12);
}

#[test]
fn rows_out_of_every_reach_still_get_probabilities() {
    let rows = table().numbers("x", [1.0, 2.0, 5.0, 6.0]).words("class", ["a", "a", "b", "b"]);
    let fitted = Pipeline::new().model(GaussianNaiveBayes::default()).fit(&rows.target("class"));
    let far = table().numbers("x", [1e300, -1e300]).build();
    let Prediction::Classes { probabilities, .. } = fitted.unwrap().predict(&far).unwrap() else {
        unreachable!()
    };
    assert!(probabilities.values().iter().all(|p| (0.0..=1.0).contains(p)), "{probabilities:?}");
}

fn dummy(settings: Value) -> Dummy {
    serde_json::from_value(settings).unwrap()
}

#[track_caller]
fn check_number(settings: Value, expected: f64) {
    let rows = table().numbers("x", [0.0; 4]).numbers("y", [1.0, 2.0, 3.0, 10.0]).target("y");
    let (rows, target) = parts(&rows);
    close(
        &answers(learn(&dummy(settings), &rows, &target, None).as_ref(), &rows),
        &[expected; 4],
        1e-12,
    );
}

#[test] // by hand
fn numbers_are_answered_by_one_of_theirs() {
    check_number(json!({}), 4.0);
    check_number(json!({"strategy": "median"}), 2.5);
    check_number(json!({"strategy": "quantile", "quantile": 1.0}), 10.0);
    check_number(json!({"strategy": "constant", "constant": -1}), -1.0);
}

#[track_caller]
fn check_share(settings: Value, expected: f64) {
    let (rows, target) = (table().numbers("x", [0.0; 4]).frame(), classes(&["a", "b", "b", "b"]));
    let model = learn(&dummy(settings), &rows, &target, None);
    close(&probabilities(model.as_ref(), &rows, 1), &[expected; 4], 1e-12);
}

#[test] // by hand
fn classes_are_answered_by_their_shares() {
    check_share(json!({}), 0.75);
    check_share(json!({"strategy": "most_frequent"}), 1.0);
    check_share(json!({"strategy": "constant", "constant": "a"}), 0.0);
}

#[test] // by hand: of 2,000 rows about three quarters, or half, within 4 deviations
fn drawn_classes_come_as_often_as_they_should() {
    let n = 2000;
    let words = (0..n).map(|row| if row % 4 == 0 { "a" } else { "b" });
    let rows = table().numbers("x", (0..n).map(f64::from)).words("y", words).target("y");
    let (rows, target) = parts(&rows);
    for (strategy, share) in [(DummyStrategy::Stratified, 0.75), (DummyStrategy::Uniform, 0.5)] {
        let drawn = Dummy { strategy: Some(strategy), ..Dummy::default() };
        let model = learn(&drawn, &rows, &target, None);
        let found = probabilities(model.as_ref(), &rows, 1).iter().sum::<f64>() / f64::from(n);
        assert!((found - share).abs() < 0.045, "{found} is not {share}");
    }
}

#[test]
fn strategies_of_the_other_task_are_refused() {
    let rows = table().numbers("x", [0.0]).frame();
    let mean = dummy(json!({"strategy": "mean"}));
    assert!(mean.check(rows.schema(), Task::Classification { classes: 2 }).is_err());
    let prior = dummy(json!({"strategy": "prior"}));
    assert!(prior.check(rows.schema(), Task::Regression).is_err());
    let silent = dummy(json!({"strategy": "constant"}));
    assert!(silent.check(rows.schema(), Task::Regression).is_err());
    let stray = dummy(json!({"strategy": "constant", "constant": "c"}));
    let notes = Notes::default();
    let refused = stray.fit(&rows, &classes(&["a"]), &FitContext::new(Seed(0), &notes));
    assert!(refused.unwrap_err().to_string().contains("one of a"));
}

#[test]
fn baselines_keep_the_promises_of_estimators() {
    let check = |name: &str, settings: Value, target: &str| {
        for rows in [200, 20_000] {
            conformance::estimator(&catalog(), name, &settings, &made_for(target, rows));
        }
    };
    check("gaussian_naive_bayes", json!({}), "level");
    check("gaussian_naive_bayes", json!({}), "yes");
    check("dummy", json!({}), "level");
    check("dummy", json!({"strategy": "stratified"}), "level");
    check("dummy", json!({"strategy": "median"}), "y");
    let counts = |n: i64| {
        let word = |row| if row % 3 == 0 { "a" } else { "b" };
        table()
            .integers("x", (0..n).map(|row| row % 7))
            .integers("z", (0..n).map(|row| row % 3))
            .words("y", (0..n).map(word))
            .target("y")
    };
    for rows in [200, 20_000] {
        conformance::estimator(&catalog(), "multinomial_naive_bayes", &json!({}), &counts(rows));
    }
}

#[test]
fn a_class_without_rows_has_no_chance() {
    let rows = table().numbers("x", [1.0, 2.0, 3.0, 4.0]).frame();
    let target = classes(&["a", "b", "c", "c"]);
    let kept = [0, 2, 3];
    let notes = Notes::default();
    let context = FitContext::new(Seed(0), &notes);
    let settings: [&dyn Estimator; 2] =
        [&GaussianNaiveBayes::default(), &MultinomialNaiveBayes::default()];
    for estimator in settings {
        let target: Target = target.take(&kept);
        let model = estimator.fit(&rows.take(&kept), &target, &context).unwrap();
        let Scores::Probabilities(p) = model.predict(&rows).unwrap() else { unreachable!() };
        assert!(p.column(1).iter().all(|p| *p == 0.0), "{p:?}");
    }
}
