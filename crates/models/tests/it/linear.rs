//! Linear models: by hand where a head suffices, against scikit-learn where it does not.

use gristmill_core::{
    Column, Error, Estimator, FitContext, Frame, Model, Notes, Pipeline, Prediction, Seed, Table,
    TargetSpec, TargetTransform, Task,
};
use gristmill_models::ClassWeight;
use gristmill_models::{LinearModel, LinearRegression, LogisticModel, LogisticRegression, Ridge};
use gristmill_testkit::{conformance, table};
use serde_json::{Value, json};

use super::real_rows::{catalog, close, telco};

fn fit_noting(estimator: &impl Estimator, table: &Table, notes: &Notes) -> Box<dyn Model> {
    let spec = TargetSpec::learn(table, None, TargetTransform::None).unwrap();
    let rows = Frame::from_table(table).unwrap().features();
    estimator.fit(&rows, &spec.apply(table).unwrap(), &FitContext::new(Seed(0), notes)).unwrap()
}

fn fit(estimator: &impl Estimator, table: &Table) -> Box<dyn Model> {
    let notes = Notes::default();
    let model = fit_noting(estimator, table, &notes);
    assert_eq!(notes.all(), [""; 0], "the solver complained");
    model
}

#[track_caller]
fn check_regression(estimator: &impl Estimator, weights: &[f64], intercept: f64) {
    let Some(table) = telco("monthly_charges") else { return };
    let model = fit(estimator, &table);
    let model: &LinearModel = model.downcast_ref().unwrap();
    close(model.weights(), weights, 1e-9);
    close(&[model.intercept()], &[intercept], 1e-9);
}

#[track_caller]
fn check_logistic(
    estimator: &LogisticRegression,
    target: &str,
    weights: &[f64],
    intercepts: &[f64],
    tolerance: f64,
) {
    let Some(table) = telco(target) else { return };
    let model = fit(estimator, &table);
    let model: &LogisticModel = model.downcast_ref().unwrap();
    close(model.weights(), weights, tolerance);
    close(model.intercepts(), intercepts, tolerance);
}

#[test] // scikit-learn 1.9.1, LinearRegression()
fn least_squares_agree_with_scikit_learn() {
    check_regression(
        &LinearRegression::default(),
        &[
            0.3947777635822058,
            5.782456004238007,
            0.9984867506513452,
            -2.624030217997358,
            -0.9912213006774051,
            10.892542556139299,
            8.416877986427194,
            0.016924888009201684,
        ],
        42.629565934056686,
    );
}

#[test] // scikit-learn 1.9.1, LinearRegression(fit_intercept=False)
fn least_squares_without_a_constant_agree_with_scikit_learn() {
    check_regression(
        &LinearRegression { intercept: false },
        &[
            5.558750195532574,
            9.014788273928078,
            2.5939733096666027,
            0.04466176687609352,
            -0.6847974558879619,
            40.05098219624403,
            16.24258164804635,
            0.014472271839306624,
        ],
        0.0,
    );
}

#[test] // scikit-learn 1.9.1, Ridge(alpha=1000, solver="cholesky")
fn ridge_agrees_with_scikit_learn() {
    check_regression(
        &Ridge { alpha: 1000.0, intercept: true },
        &[
            0.2939048973714417,
            3.077631982383274,
            0.3901543069194761,
            -1.7400599038724318,
            -1.0479821121206812,
            3.9493257799493553,
            5.236935223914725,
            0.017719922991790375,
        ],
        51.3300584700097,
    );
}

#[test] // scikit-learn 1.9.1, LogisticRegression(solver="newton-cholesky", tol=1e-12)
fn two_classes_agree_with_scikit_learn() {
    check_logistic(
        &LogisticRegression::default(),
        "churn",
        &[
            -0.0033109113017632487,
            0.4857035126539502,
            0.02290033735052566,
            -0.3140289978915784,
            -0.07028620859448691,
            -0.868791174951876,
            0.5300262072494745,
            0.028422366078750188,
            0.00018045059988128855,
        ],
        &[-1.0587493282741665],
        1e-6,
    );
}

#[test] // scikit-learn 1.9.1, the same with C=1e-5
fn a_strong_penalty_agrees_with_scikit_learn() {
    check_logistic(
        &LogisticRegression { c: 1e-5, ..LogisticRegression::default() },
        "churn",
        &[
            2.5379799989885644e-05,
            0.001088968570192583,
            -0.0004258443485320579,
            -0.0009946449104324105,
            -0.025190257094580566,
            -0.0005507171909328698,
            0.0015019476552879205,
            0.03186446922505423,
            -0.0002663500900667496,
        ],
        &[-1.9145312329552482],
        1e-6,
    );
}

#[test] // scikit-learn 1.9.1, the same with class_weight="balanced" and fit_intercept=False
fn balanced_classes_without_a_constant_agree_with_scikit_learn() {
    let estimator = LogisticRegression {
        class_weight: ClassWeight::Balanced,
        intercept: false,
        ..LogisticRegression::default()
    };
    check_logistic(
        &estimator,
        "churn",
        &[
            -0.034129063672615485,
            0.5088241763019964,
            0.015598034071351775,
            -0.318128777848033,
            -0.06823883749403528,
            -0.9196981104188336,
            0.5074286861855553,
            0.028554258060923526,
            0.00016873159188741683,
        ],
        &[0.0],
        1e-6,
    );
}

#[test] // scikit-learn 1.9.1, LogisticRegression(C=0.01, solver="newton-cholesky", tol=1e-12)
fn three_classes_agree_with_scikit_learn() {
    let estimator =
        LogisticRegression { c: 0.01, tolerance: 1e-9, max_iter: 500, ..Default::default() };
    check_logistic(
        &estimator,
        "contract",
        &[
            -0.014989583805213301,
            0.41587770885643477,
            -0.059900886578614615,
            -0.31758564754791385,
            -0.05008570749986227,
            -0.20227050919580394,
            0.388771856709139,
            0.03252803673946347,
            -0.0002989049919424636,
            -0.02335736879151781,
            -0.08258541466210106,
            -0.008162166105774598,
            0.0588226292641963,
            0.012873196999732002,
            0.04752985055730568,
            -0.07732734583780006,
            0.009830729043593054,
            -0.00017310776324741347,
            0.03834695259673086,
            -0.33329229419433326,
            0.06806305268438914,
            0.25876301828371734,
            0.03721251050012328,
            0.15474065863849723,
            -0.31144451087133795,
            -0.04235876578314621,
            0.0004720127561573076,
        ],
        &[1.1175964477039513, -0.48182539546145164, -0.6357710522424995],
        1e-5,
    );
}

/// 20,000 rows, more than one chunk: two columns that matter, one that is constant, and what
/// follows from them.
pub fn made(rows: usize) -> gristmill_testkit::TableBuilder {
    let mut random = Seed(3).random();
    let a: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
    let b: Vec<f64> = (0..rows).map(|_| 100.0 + 10.0 * random.normal()).collect();
    let noise: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
    let y: Vec<f64> =
        (0..rows).map(|i| 2.0 * a[i] - 0.3 * (b[i] - 100.0) + 0.5 * noise[i]).collect();
    let words: Vec<&str> = y
        .iter()
        .map(|y| match y {
            y if *y < -2.0 => "low",
            y if *y < 2.0 => "middle",
            _ => "high",
        })
        .collect();
    let yes: Vec<&str> = y.iter().map(|y| if *y > 0.0 { "yes" } else { "no" }).collect();
    table()
        .numbers("a", a.iter().copied())
        .numbers("constant", vec![7.5; rows])
        .booleans("flag", b.iter().map(|b| *b > 95.0))
        .numbers("b", b)
        .numbers("y", y)
        .words("level", words)
        .words("yes", yes)
}

pub fn made_for(target: &str, rows: usize) -> Table {
    let others: Vec<String> =
        ["y", "level", "yes"].iter().filter(|t| **t != target).map(ToString::to_string).collect();
    made(rows).target(target).without(&others).unwrap()
}

#[test]
fn every_linear_model_keeps_the_promises_of_estimators() {
    let check = |name: &str, settings: Value, table: &Table| {
        conformance::estimator(&catalog(), name, &settings, table);
    };
    for rows in [200, 20_000] {
        check("linear_regression", json!({}), &made_for("y", rows));
        check("linear_regression", json!({"intercept": false}), &made_for("y", rows));
        check("ridge", json!({"alpha": 10}), &made_for("y", rows));
        check("logistic_regression", json!({}), &made_for("yes", rows));
        check("logistic_regression", json!({"C": 0.1}), &made_for("level", rows));
        for penalty in ["l1", "elastic_net", "none"] {
            check("logistic_regression", json!({"penalty": penalty}), &made_for("yes", rows));
        }
        let strong = json!({"penalty": "l1", "c": 0.01});
        check("logistic_regression", strong, &made_for("level", rows));
        check("lasso", json!({"alpha": 0.1}), &made_for("y", rows));
        check("elastic_net", json!({"alpha": 0.1}), &made_for("y", rows));
        check("elastic_net", json!({"l1_ratio": 0, "intercept": false}), &made_for("y", rows));
        check("linear_svm", json!({}), &made_for("yes", rows));
        check("linear_svm", json!({"loss": "hinge", "max_iter": 20}), &made_for("level", rows));
        check("linear_svm", json!({"max_iter": 20}), &made_for("y", rows));
        let squared = json!({"loss": "squared_epsilon_insensitive", "epsilon": 0.1});
        check("linear_svm", squared, &made_for("y", rows));
    }
}

#[test] // by hand: y = 3a, and a column twice as large as a shares the weight
fn collinear_columns_do_not_blow_up() {
    let a = [1.0, 2.0, 3.0, 4.0];
    let rows = table()
        .numbers("a", a)
        .numbers("twice", a.map(|a| 2.0 * a))
        .numbers("y", a.map(|a| 3.0 * a))
        .target("y");
    let notes = Notes::default();
    let model = fit_noting(&LinearRegression::default(), &rows, &notes);
    let model: &LinearModel = model.downcast_ref().unwrap();
    close(model.weights(), &[1.5, 0.75], 1e-12);
    assert!(notes.all()[0].starts_with("1 of 2 columns"), "{:?}", notes.all());
}

#[test] // by hand: 100,000 and a tiny slope; centring keeps the digits
fn a_far_away_column_keeps_its_digits() {
    let x = [1e8 + 1.0, 1e8 + 2.0, 1e8 + 4.0];
    let rows = table().numbers("x", x).numbers("y", [1.0, 2.0, 4.0]).target("y");
    let model = fit(&LinearRegression::default(), &rows);
    let model: &LinearModel = model.downcast_ref().unwrap();
    close(model.weights(), &[1.0], 1e-9);
}

#[test] // by hand: more columns than rows still answer the training rows exactly
fn more_columns_than_rows_interpolate() {
    let rows = table()
        .numbers("a", [1.0, 0.0])
        .numbers("b", [0.0, 1.0])
        .numbers("c", [2.0, 5.0])
        .numbers("y", [10.0, 20.0])
        .target("y");
    let fitted = Pipeline::new().model(LinearRegression::default()).fit(&rows).unwrap();
    let Prediction::Numbers(answers) = fitted.predict(&rows).unwrap() else { unreachable!() };
    close(&answers, &[10.0, 20.0], 1e-12);
}

#[test]
fn separable_classes_stay_finite() {
    let rows = table().numbers("x", [1.0, 2.0, 3.0, 4.0]).words("y", ["a", "a", "b", "b"]);
    let rows = rows.target("y");
    let strong = LogisticRegression { c: 1e12, ..LogisticRegression::default() };
    let model = fit_noting(&strong, &rows, &Notes::default());
    let model: &LogisticModel = model.downcast_ref().unwrap();
    assert!(model.weights()[0].is_finite() && model.weights()[0] > 1.0);
}

#[test]
fn a_class_without_rows_is_never_predicted() {
    let all = made_for("level", 300);
    let spec = TargetSpec::learn(&all, None, TargetTransform::None).unwrap();
    let words = spec.labels.clone().unwrap();
    let gristmill_core::Target::Classes { codes, .. } = spec.apply(&all).unwrap() else {
        unreachable!()
    };
    let kept: Vec<u32> = (0..300).filter(|&r| codes[r as usize] != 1).collect();
    let rows = Frame::from_table(&all).unwrap().features().take(&kept);
    let target = spec.apply(&all).unwrap().take(&kept);
    let notes = Notes::default();
    let context = FitContext::new(Seed(0), &notes);
    let model = LogisticRegression::default().fit(&rows, &target, &context).unwrap();
    let gristmill_core::Scores::Probabilities(p) = model.predict(&rows).unwrap() else {
        unreachable!()
    };
    assert!(p.column(1).iter().all(|p| *p == 0.0));
    assert!((p.get(0, 0) + p.get(0, 2) - 1.0).abs() < 1e-12);
    assert!(notes.all()[0].contains(&words.names()[1]));
}

#[test]
fn few_steps_are_said_to_be_too_few() {
    let notes = Notes::default();
    let hasty = LogisticRegression { max_iter: 1, tolerance: 1e-12, ..Default::default() };
    fit_noting(&hasty, &made_for("level", 200), &notes);
    assert!(notes.all()[0].contains("before it converged"), "{:?}", notes.all());
}

#[track_caller]
fn refused(result: Result<impl Sized, Error>, message: &str, hint: &str) {
    let Err(error) = result else { panic!("it was accepted") };
    assert_eq!((error.to_string().as_str(), error.hint().as_deref()), (message, Some(hint)));
}

#[test]
fn words_are_refused_before_any_row_is_read() {
    let rows = table().numbers("a", [1.0]).words("plan", ["x"]).frame();
    refused(
        LinearRegression::default().check(rows.schema(), Task::Regression),
        "column `plan` is categorical, expected numeric or boolean",
        "add `one_hot` before the model",
    );
}

#[test]
fn gaps_are_refused_by_column_and_row() {
    let rows = table().numbers("x", [Some(1.0), None]).numbers("y", [1.0, 2.0]).target("y");
    refused(
        Pipeline::new().model(Ridge::default()).fit(&rows),
        "step `ridge` cannot run: column `x` has no value in row 2, and the model needs one",
        "add `impute: {columns: x}` before the model",
    );
    let whole = table().numbers("x", [1.0, 2.0]).numbers("y", [1.0, 2.0]).target("y");
    let model = fit(&Ridge::default(), &whole);
    let schema = model.input().clone();
    let gap = Frame::new(schema, vec![Column::Numbers(vec![f64::NAN])], 1).unwrap();
    assert!(model.predict(&gap).unwrap_err().to_string().contains("column `x` has no value"));
}

#[test]
fn the_wrong_kind_of_target_is_refused() {
    let rows = table().numbers("a", [1.0]).frame();
    let classes = Task::Classification { classes: 2 };
    assert!(Ridge::default().check(rows.schema(), classes).is_err());
    assert!(LogisticRegression::default().check(rows.schema(), Task::Regression).is_err());
}

#[test]
fn settings_without_sense_are_refused() {
    let build = |name: &str, settings: Value| {
        let estimator = catalog().build_estimator(name, &settings)?;
        let classes = matches!(name, "logistic_regression");
        let task = if classes { Task::Classification { classes: 2 } } else { Task::Regression };
        estimator.check(table().numbers("a", [1.0]).frame().schema(), task)
    };
    assert!(build("logistic_regression", json!({"c": 2})).is_ok());
    assert!(build("logistic_regression", json!({"c": 0})).is_err());
    assert!(build("logistic_regression", json!({"max_iter": 0})).is_err());
    assert!(build("logistic_regression", json!({"tolerance": -1})).is_err());
    assert!(build("logistic_regression", json!({"cc": 1})).is_err());
    assert!(build("ridge", json!({"alpha": -1})).is_err());
}

#[test] // by hand: y depends on `a` alone
fn importances_point_at_the_columns_that_matter() {
    let rows = table()
        .numbers("a", [1.0, 2.0, 3.0, 4.0])
        .numbers("b", [1.0, -1.0, -1.0, 1.0])
        .numbers("y", [2.0, 4.0, 6.0, 8.0])
        .target("y");
    let importances = fit(&LinearRegression::default(), &rows).importances().unwrap();
    close(&importances, &[1.0, 0.0], 1e-9);
}

/// What is learned from 50 fixed rows; to 9 digits, which every processor agrees on. When this
/// changes, equal rows teach something else: raise the `VERSION` of the estimator.
#[track_caller]
fn check_learned(estimator: &impl Estimator, target: &str, expected: &str) {
    let notes = Notes::default();
    let state = fit_noting(estimator, &made_for(target, 50), &notes).state();
    let learned: Vec<String> = state
        .tensors
        .iter()
        .filter(|(name, _)| !["deviations", "means"].contains(&name.as_str()))
        .map(|(name, _)| format!("{name} {:.9?}", state.f64s(name).unwrap()))
        .collect();
    assert_eq!(learned.join("; "), expected);
}

#[test]
fn version_3_learns_the_same_as_ever() {
    check_learned(
        &LinearRegression::default(),
        "y",
        "intercept [31.940755324]; weights [1.974181190, 0.000000000, 0.495639128, -0.324547456]",
    );
}

#[test]
fn version_3_of_ridge_learns_the_same_as_ever() {
    check_learned(
        &Ridge::default(),
        "y",
        "intercept [31.640553393]; weights [1.924367975, 0.000000000, 0.413742219, -0.320829693]",
    );
}

#[test]
fn version_3_of_two_classes_learns_the_same_as_ever() {
    let exact = LogisticRegression { tolerance: 1e-9, ..LogisticRegression::default() };
    check_learned(
        &exact,
        "yes",
        "intercepts [39.717862674]; weights [2.427238336, 0.000000000, 0.727493702, -0.406364681]",
    );
}

#[test]
fn numbers_too_large_to_square_are_refused() {
    let rows = table().numbers("x", [1e308, 1.5e308, -1e308]).numbers("y", [1.0, 2.0, 3.0]);
    let error = Pipeline::new().model(LinearRegression::default()).fit(&rows.target("y"));
    assert!(error.unwrap_err().to_string().contains("column `x` holds numbers too large"));
}
