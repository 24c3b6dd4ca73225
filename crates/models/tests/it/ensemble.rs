//! Models made of other models, held to their promises and to scikit-learn.

use std::sync::Arc;

use gristmill_core::{
    Catalog, Column, ConformalAnswers, DenseMatrix, Error, Field, FitContext, Frame, Labels, Model,
    Notes, Pipeline, Schema, Scores, Seed, Table, Target, Task,
};
use gristmill_testkit::{conformance, shared_csv, table};
use serde_json::{Value, json};

const COLUMNS: [&str; 9] = [
    "female",
    "senior_citizen",
    "partner",
    "dependents",
    "tenure",
    "phone_service",
    "paperless_billing",
    "monthly_charges",
    "total_charges",
];

const TRAIN: u32 = 5000;

/// The 7,032 Telco rows without a gap, standardised, but for one column that may be the target.
struct Telco {
    rows: Frame,
    numbers: Vec<f64>,
    churn: Vec<u32>,
}

impl Telco {
    fn read(target: &str) -> Option<Self> {
        let table = Frame::from_table(&shared_csv("telco.csv")?).unwrap();
        let at = |name: &str| table.schema().position(name).unwrap();
        let whole: Vec<u32> = (0..table.rows() as u32)
            .filter(|&r| table.numbers(at("total_charges")).unwrap()[r as usize].is_finite())
            .collect();
        let table = table.take(&whole);
        let names: Vec<&str> = COLUMNS.into_iter().filter(|name| *name != target).collect();
        let columns = names.iter().map(|name| table.numbers(at(name)).unwrap());
        let columns = columns.map(|values| Column::Numbers(standardised(values))).collect();
        let schema = Schema::new(names.iter().map(|name| Field::number(*name)).collect()).unwrap();
        let words = table.words(at("churn")).unwrap();
        let yes = |&code: &u32| u32::from(words.dictionary[code as usize] == "Yes");
        let numbers = match COLUMNS.contains(&target) {
            true => table.numbers(at(target)).unwrap().to_vec(),
            false => Vec::new(),
        };
        let churn = words.codes.iter().map(yes).collect();
        Some(Self {
            rows: Frame::new(Arc::new(schema), columns, whole.len()).unwrap(),
            numbers,
            churn,
        })
    }

    fn parts(&self) -> (Vec<u32>, Vec<u32>) {
        (0..self.rows.rows() as u32).partition(|row| *row < TRAIN)
    }

    fn target(&self) -> Target {
        if self.numbers.is_empty() {
            let labels = Labels::new(vec!["No".into(), "Yes".into()], None).unwrap();
            return Target::Classes { codes: self.churn.clone(), labels: Arc::new(labels) };
        }
        Target::Numbers(self.numbers.clone())
    }
}

fn standardised(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
    values.iter().map(|x| (x - mean) / deviation).collect()
}

/// Quality on the rows after the first 5,000.
#[derive(Debug)]
struct Found {
    brier: f64,
    log_loss: f64,
    f1: f64,
    balanced_accuracy: f64,
    sum: f64,
}

impl Found {
    fn new(p: &DenseMatrix, truth: &[u32]) -> Self {
        let (n, p) = (truth.len() as f64, p.column(1));
        let pairs = || p.iter().zip(truth);
        let count = |class: u32, yes: bool| {
            pairs().filter(|(p, t)| **t == class && (**p > 0.5) == yes).count() as f64
        };
        let (found, missed, mistaken, right) =
            (count(1, true), count(1, false), count(0, true), count(0, false));
        let log = |(p, t): (&f64, &u32)| -(if *t == 1 { *p } else { 1.0 - p }).max(1e-15).ln();
        Self {
            brier: pairs().map(|(p, t)| (p - f64::from(*t)).powi(2)).sum::<f64>() / n,
            log_loss: pairs().map(log).sum::<f64>() / n,
            f1: 2.0 * found / (2.0 * found + missed + mistaken),
            balanced_accuracy: (found / (found + missed) + right / (right + mistaken)) / 2.0,
            sum: p.iter().sum(),
        }
    }
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    gristmill_models::register(&mut catalog);
    catalog
}

fn fit(name: &str, settings: &Value, rows: &Frame, target: &Target) -> Box<dyn Model> {
    let notes = Notes::default();
    let estimator = catalog().build_estimator(name, settings).unwrap();
    estimator.fit(rows, target, &FitContext::new(Seed(1), &notes)).unwrap()
}

/// How well a model finds churn; nothing where the shared data is not there.
fn churn(name: &str, settings: Value) -> Option<Found> {
    let telco = Telco::read("churn")?;
    let (train, test) = telco.parts();
    let (target, rows) = (telco.target().take(&train), telco.rows.take(&train));
    let model = fit(name, &settings, &rows, &target);
    let Scores::Probabilities(p) = model.predict(&telco.rows.take(&test)).unwrap() else {
        unreachable!()
    };
    let truth: Vec<u32> = test.iter().map(|&row| telco.churn[row as usize]).collect();
    Some(Found::new(&p, &truth))
}

/// The mean squared error of the monthly charges.
fn charges(name: &str, settings: Value) -> Option<f64> {
    let telco = Telco::read("monthly_charges")?;
    let (train, test) = telco.parts();
    let (target, rows) = (telco.target().take(&train), telco.rows.take(&train));
    let model = fit(name, &settings, &rows, &target);
    let Scores::Values(found) = model.predict(&telco.rows.take(&test)).unwrap() else {
        unreachable!()
    };
    let errors = test.iter().zip(&found).map(|(&r, f)| (telco.numbers[r as usize] - f).powi(2));
    Some(errors.sum::<f64>() / found.len() as f64)
}

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

fn linear() -> Value {
    json!({"logistic_regression": {"tolerance": 1e-9}})
}

fn near() -> Value {
    json!({"k_nearest": {"neighbors": 15}})
}

#[test] // scikit-learn 1.9.1, VotingClassifier of LogisticRegression and KNeighborsClassifier(15)
fn soft_votes_agree_with_scikit_learn() {
    let settings = json!({"models": [linear(), near()], "weights": [2, 1]});
    let Some(found) = churn("voting", settings) else { return };
    close(found.brier, 0.14501032202081485, 1e-4);
    close(found.sum, 531.9202933164966, 0.2);
}

#[test] // scikit-learn 1.9.1, the same two and one more vote of the first: 376 rows found
fn hard_votes_are_shares_of_votes() {
    let settings = json!({"models": [linear(), near(), linear()], "voting": "hard"});
    let Some(found) = churn("voting", settings) else { return };
    let Some(alone) = churn("logistic_regression", json!({"tolerance": 1e-9})) else { return };
    close(found.f1, alone.f1, 1e-12);
}

#[test] // scikit-learn 1.9.1, VotingRegressor of Ridge and KNeighborsRegressor(15): 147.28
fn means_of_numbers_agree_with_scikit_learn() {
    let settings = json!({"models": [{"ridge": {}}, near()]});
    let Some(found) = charges("voting", settings) else { return };
    close(found, 147.28089803604243, 0.15);
}

#[test] // scikit-learn 1.9.1, StackingClassifier of the same two: 0.14541 and 0.14543 by seed
fn stacked_classes_agree_with_scikit_learn() {
    let settings = json!({"models": [linear(), near()], "final_model": linear()});
    let Some(found) = churn("stacking", settings) else { return };
    close(found.brier, 0.14542, 3e-4);
    close(found.log_loss, 0.4502, 2e-3);
}

#[test] // scikit-learn 1.9.1, StackingClassifier(passthrough=True): 0.14440 and 0.14448 by seed
fn stacked_classes_with_columns_agree_with_scikit_learn() {
    let settings = json!({"models": [linear(), near()], "passthrough": "columns"});
    let Some(found) = churn("stacking", settings) else { return };
    close(found.brier, 0.14444, 3e-4);
}

#[test] // scikit-learn 1.9.1, StackingRegressor of Ridge and KNeighborsRegressor(15): 126.3
fn stacked_numbers_agree_with_scikit_learn() {
    let settings = json!({"models": [{"ridge": {}}, near()]});
    let Some(found) = charges("stacking", settings) else { return };
    close(found, 126.33, 0.4);
}

#[test] // scikit-learn 1.9.1, CalibratedClassifierCV(isotonic, ensemble=False): 0.15362, 0.15357 by seed
fn isotonic_calibration_agrees_with_scikit_learn() {
    let settings = json!({"model": near(), "method": "isotonic"});
    let Some(found) = churn("calibration", settings) else { return };
    close(found.brier, 0.1536, 5e-4);
    close(found.log_loss, 0.473, 3e-3);
    close(found.sum, 531.0, 5.0);
}

#[test] // scikit-learn 1.9.1, CalibratedClassifierCV(sigmoid, ensemble=False): 0.15364, 0.15370 by seed
fn sigmoid_calibration_agrees_with_scikit_learn() {
    let Some(found) = churn("calibration", json!({"model": near()})) else { return };
    close(found.brier, 0.15367, 3e-4);
    close(found.log_loss, 0.4727, 1e-3);
    close(found.sum, 532.5, 4.0);
}

#[test]
fn a_calibrated_model_stays_as_it_is() {
    let Some(alone) = churn("logistic_regression", json!({})) else { return };
    let Some(found) = churn("calibration", json!({"model": linear()})) else { return };
    close(found.brier, alone.brier, 5e-4);
}

#[test] // scikit-learn 1.9.1, TunedThresholdClassifierCV(f1): 0.596 and 0.602 by seed, 0.553 untuned
fn a_threshold_for_f1_is_as_good_as_that_of_scikit_learn() {
    let settings = json!({"model": linear(), "metric": "f1"});
    let Some(found) = churn("threshold", settings) else { return };
    assert!(found.f1 > 0.596, "{found:?}");
}

#[test] // scikit-learn 1.9.1, TunedThresholdClassifierCV(balanced_accuracy): 0.747 and 0.741 by seed
fn a_threshold_for_balanced_accuracy_is_as_good_as_that_of_scikit_learn() {
    let Some(found) = churn("threshold", json!({"model": linear()})) else { return };
    assert!(found.balanced_accuracy > 0.741, "{found:?}");
}

#[test] // scikit-learn 1.9.1, BaggingClassifier(DecisionTreeClassifier(max_depth=6), 20): 0.1438, 0.1449
fn bagged_trees_are_about_as_good_as_those_of_scikit_learn() {
    let settings = json!({"model": {"decision_tree": {"max_depth": 6}}, "estimators": 20});
    let Some(found) = churn("bagging", settings) else { return };
    close(found.brier, 0.1444, 1.5e-3);
}

#[test] // scikit-learn 1.9.1, AdaBoostClassifier(n_estimators=50): log-loss 0.5474, F1 0.5498
fn boosted_classes_agree_with_scikit_learn() {
    let Some(found) = churn("ada_boost", json!({})) else { return };
    close(found.log_loss, 0.5473729069183931, 5e-3);
    close(found.f1, 0.5498426023084995, 1.5e-2);
}

#[test] // scikit-learn 1.9.1, AdaBoostRegressor(n_estimators=50): 190 to 239, over 25 seeds
fn boosted_numbers_are_about_as_good_as_those_of_scikit_learn() {
    let Some(found) = charges("ada_boost", json!({})) else { return };
    close(found, 214.5, 26.0);
}

/// 300 rows of numbers, words and a target of words or numbers.
fn made(target: &str) -> Table {
    let rows = 300;
    let number = |row: usize, at: usize| ((row * (37 + 11 * at) + row * row / 7) % 101) as f64;
    let words: &[&str] = if target == "level" { &["a", "b", "c"] } else { &["no", "yes"] };
    let word = move |row: usize| {
        let noise = (row * row + row / 3) % 5;
        words[((number(row, 0) as usize + noise * 20) / 61) % words.len()]
    };
    let made = table()
        .numbers("a", (0..rows).map(|row| number(row, 0)))
        .numbers("twice", (0..rows).map(|row| 2.0 * number(row, 0)))
        .numbers("constant", (0..rows).map(|_| 3.0))
        .numbers("b", (0..rows).map(|row| number(row, 1)));
    match target {
        "y" => made.numbers("y", (0..rows).map(|row| number(row, 0) - 0.3 * number(row, 2))),
        _ => made.words(target, (0..rows).map(word)),
    }
    .target(target)
}

fn tree() -> Value {
    json!({"decision_tree": {"max_depth": 3}})
}

#[test]
fn voting_keeps_the_promises_of_estimators() {
    let check = |settings: Value, target: &str| {
        conformance::estimator(&catalog(), "voting", &settings, &made(target));
    };
    for target in ["yes", "level"] {
        check(json!({"models": [tree(), {"logistic_regression": {}}]}), target);
        check(json!({"models": [tree(), near()], "voting": "hard", "weights": [1, 2]}), target);
    }
    check(json!({"models": [{"ridge": {}}, {"random_forest": {"trees": 3}}]}), "y");
}

#[test]
fn stacking_keeps_the_promises_of_estimators() {
    let check = |settings: Value, target: &str| {
        conformance::estimator(&catalog(), "stacking", &settings, &made(target));
    };
    for target in ["yes", "level", "y"] {
        check(json!({"models": [tree(), near()], "folds": 3}), target);
        check(json!({"models": [near()], "final_model": tree(), "passthrough": "columns"}), target);
    }
}

#[test]
fn calibration_keeps_the_promises_of_estimators() {
    let check = |settings: Value, target: &str| {
        conformance::estimator(&catalog(), "calibration", &settings, &made(target));
    };
    for target in ["yes", "level"] {
        check(json!({"model": tree()}), target);
        check(
            json!({"model": {"random_forest": {"trees": 5}}, "method": "isotonic", "folds": 3}),
            target,
        );
    }
}

#[test]
fn a_threshold_keeps_the_promises_of_estimators() {
    let rows = made("yes");
    let settings = json!({"model": tree()});
    conformance::estimator(&catalog(), "threshold", &settings, &rows);
    for metric in [json!("f1"), json!({"cost": {"false_negative": 5}})] {
        let settings = json!({"model": tree(), "metric": metric});
        conformance::estimator_for_the_positive(&catalog(), "threshold", &settings, &rows);
    }
}

#[test]
fn bagging_keeps_the_promises_of_estimators() {
    let check = |settings: Value, target: &str| {
        conformance::estimator(&catalog(), "bagging", &settings, &made(target));
    };
    for target in ["yes", "level", "y"] {
        check(json!({"model": tree(), "estimators": 3}), target);
        let settings = json!({
            "model": near(), "estimators": 3, "max_features": 2, "max_samples": 0.5,
            "draws": "distinct"
        });
        check(settings, target);
    }
}

#[test]
fn boosting_keeps_the_promises_of_estimators() {
    let check = |settings: Value, target: &str| {
        conformance::estimator(&catalog(), "ada_boost", &settings, &made(target));
    };
    for target in ["yes", "level", "y"] {
        check(json!({"estimators": 5}), target);
        check(json!({"model": tree(), "estimators": 3, "learning_rate": 0.5}), target);
    }
}

#[test]
fn models_within_models_within_models_are_stored_whole() {
    let forest = json!({"random_forest": {"trees": 3}});
    let calibrated = json!({"calibration": {"model": forest, "folds": 2}});
    let settings = json!({"model": {"voting": {"models": [calibrated, near()]}}, "folds": 2});
    conformance::estimator(&catalog(), "threshold", &settings, &made("yes"));
}

#[track_caller]
fn refused(name: &str, settings: Value, task: Task, word: &str) {
    let schema = table().numbers("a", [1.0]).frame().schema().clone();
    let built = catalog().build_estimator(name, &settings);
    let error: Error = built.and_then(|e| e.check(&schema, task)).unwrap_err();
    assert!(error.to_string().contains(word), "{error}");
}

#[test]
fn settings_without_sense_are_refused() {
    let (two, three) = (Task::Classification { classes: 2 }, Task::Classification { classes: 3 });
    refused("voting", json!({"models": []}), two, "`models`");
    refused("voting", json!({"models": [near()], "weights": [1, 2]}), two, "`weights`");
    refused("voting", json!({"models": [near()], "weights": [0]}), two, "`weights`");
    refused("voting", json!({"models": [{"forest": {}}]}), two, "unknown model `forest`");
    refused("voting", json!({"models": [{"k_means": {}}]}), two, "without known answers");
    refused("voting", json!({"models": [near()]}), Task::Unsupervised, "there is no target");
    refused("stacking", json!({"models": [near()], "folds": 1}), two, "`folds`");
    refused("stacking", json!({"models": [{"ridge": {}}]}), two, "step `ridge` cannot run");
    refused("calibration", json!({"model": near()}), Task::Regression, "the target is a number");
    refused("calibration", json!({"model": near(), "method": "spline"}), two, "spline");
    refused("threshold", json!({"model": near()}), three, "the target has 3");
    let cost = json!({"model": near(), "metric": {"cost": {"false_positive": -1}}});
    refused("threshold", cost, two, "`false_positive`");
    refused("ada_boost", json!({"learning_rate": 0}), two, "`learning_rate`");
    refused("bagging", json!({"model": near(), "estimators": 0}), two, "`estimators`");
    refused("bagging", json!({"model": near(), "max_samples": 1.5}), two, "`max_samples`");
}

#[test]
fn rows_of_weight_zero_change_no_calibration() {
    let rows = made("yes");
    let frame = Frame::from_table(&rows).unwrap().features();
    let Target::Classes { codes, labels } =
        Pipeline::new().target(&rows).unwrap().apply(&rows).unwrap()
    else {
        unreachable!()
    };
    let weights: Vec<f64> = (0..300).map(|row| f64::from(u8::from(row % 3 > 0))).collect();
    let turned = codes.iter().zip(&weights).map(|(&c, &w)| if w > 0.0 { c } else { 1 - c });
    let fit = |codes: Vec<u32>| {
        // Folds are dealt by class, so the rows that weigh nothing keep theirs by an equal model.
        let target = Target::Classes { codes, labels: labels.clone() };
        let notes = Notes::default();
        let context = FitContext::new(Seed(3), &notes).with_weights(Some(&weights));
        let settings = json!({"model": {"logistic_regression": {}}, "method": "isotonic"});
        let estimator = catalog().build_estimator("calibration", &settings).unwrap();
        let Scores::Probabilities(p) =
            estimator.fit(&frame, &target, &context).unwrap().predict(&frame).unwrap()
        else {
            unreachable!()
        };
        p.column(1).iter().sum::<f64>()
    };
    let turned: Vec<u32> = turned.collect();
    close(fit(codes.clone()), fit(turned), 300.0 * 0.05);
}

#[test]
fn conformal_keeps_the_promises_of_estimators() {
    for target in ["yes", "level", "y"] {
        let settings = json!({"model": tree(), "coverage": 0.8, "folds": 3});
        conformance::estimator(&catalog(), "conformal", &settings, &made(target));
    }
}

/// The share of the rows after the first 5,000 whose truth is held, and how much is held with it.
fn coverage(target: &str, model: Value) -> Option<(f64, f64)> {
    let telco = Telco::read(target)?;
    let (train, test) = telco.parts();
    let all = telco.target();
    let settings = json!({"model": model, "coverage": 0.9});
    let fitted = fit("conformal", &settings, &telco.rows.take(&train), &all.take(&train));
    let around = fitted.conformal(&telco.rows.take(&test)).unwrap().unwrap();
    let n = test.len() as f64;
    Some(match (around, all.take(&test)) {
        (ConformalAnswers::Intervals { lower, upper }, Target::Numbers(truth)) => {
            let ends = lower.iter().zip(&upper);
            let held = ends.clone().zip(&truth).filter(|((l, u), y)| *l <= y && y <= u).count();
            (held as f64 / n, ends.map(|(l, u)| u - l).sum::<f64>() / n)
        }
        (ConformalAnswers::Sets(sets), Target::Classes { codes, .. }) => {
            let held = sets.iter().zip(&codes).filter(|(set, code)| set.contains(code)).count();
            (held as f64 / n, sets.iter().map(Vec::len).sum::<usize>() as f64 / n)
        }
        other => panic!("{other:?}"),
    })
}

#[test] // by the binomial law 0.9 ± 0.02 in 2,032 rows at three deviations
fn intervals_and_sets_hold_the_truth_as_often_as_was_asked_for() {
    let Some((held, classes)) = coverage("churn", linear()) else { return };
    assert!((held - 0.9).abs() < 0.02, "{held}");
    assert!((1.0..1.5).contains(&classes), "{classes}");
    let (held, width) = coverage("monthly_charges", tree()).unwrap();
    assert!((held - 0.9).abs() < 0.02, "{held}");
    assert!(width > 0.0, "{width}");
}

#[test]
fn resampling_keeps_the_promises_of_estimators() {
    for target in ["yes", "level"] {
        for method in ["over", "under", "smote"] {
            let settings = json!({"model": tree(), "method": method, "ratio": 0.9});
            conformance::estimator(&catalog(), "resample", &settings, &made(target));
        }
    }
}

#[test]
fn even_classes_find_more_of_the_rare_one() {
    let Some(plain) = churn("logistic_regression", json!({})) else { return };
    for method in ["over", "under", "smote"] {
        let settings = json!({"model": linear(), "method": method});
        let even = churn("resample", settings).unwrap();
        let gain = even.balanced_accuracy - plain.balanced_accuracy;
        assert!(gain > 0.02, "{method}: {even:?} {plain:?}");
    }
}

#[test]
fn a_class_of_one_row_has_no_neighbours_to_make_rows_of() {
    let rows = table().numbers("x", (0..9).map(f64::from)).frame();
    let labels = Arc::new(Labels::new(vec!["a".into(), "b".into()], None).unwrap());
    let mut codes = vec![0; 9];
    codes[4] = 1;
    let target = Target::Classes { codes, labels };
    let settings = json!({"model": tree(), "method": "smote"});
    let estimator = catalog().build_estimator("resample", &settings).unwrap();
    let notes = Notes::default();
    let error = estimator.fit(&rows, &target, &FitContext::new(Seed(1), &notes)).unwrap_err();
    assert!(error.to_string().contains("`smote` needs 2 to 30000 rows"), "{error}");
}
