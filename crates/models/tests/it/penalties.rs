//! Penalties and families of linear models, against scikit-learn.

use gristmill_core::{Column, Estimator, Field, FitContext, Frame, Notes, Schema, Seed, Target};
use gristmill_models::{
    ElasticNet, GammaRegression, Lasso, LinearModel, LogisticModel, LogisticRegression, Penalty,
    PoissonRegression,
};
use gristmill_testkit::{conformance, table};
use serde_json::json;
use std::sync::Arc;

use super::real_rows::{
    answers, catalog, close, learn, near, parts, standardised_telco, telco, weights,
};

#[track_caller]
fn check_numbers(
    estimator: &impl Estimator,
    target: &str,
    weights: Option<&[f64]>,
    expected: &[f64],
    intercept: f64,
) {
    let Some(table) = telco(target) else { return };
    let (rows, target) = parts(&table);
    let model = learn(estimator, &rows, &target, weights);
    let model: &LinearModel = model.downcast_ref().unwrap();
    close(model.weights(), expected, 1e-6);
    close(&[model.intercept()], &[intercept], 1e-6);
}

#[track_caller]
fn check_classes(
    estimator: &LogisticRegression,
    target: &str,
    expected: &[f64],
    intercepts: &[f64],
) {
    let Some((rows, target)) = standardised_telco(target) else { return };
    let model = learn(estimator, &rows, &target, None);
    let model: &LogisticModel = model.downcast_ref().unwrap();
    near(model.weights(), expected, 1e-6);
    near(model.intercepts(), intercepts, 1e-6);
}

const EXACT_LASSO: Lasso =
    Lasso { alpha: 0.5, max_iter: 100_000, tolerance: 1e-15, intercept: true };

#[test] // scikit-learn 1.9.1, Lasso(alpha=0.5, tol=1e-14)
fn lasso_agrees_with_scikit_learn() {
    check_numbers(
        &EXACT_LASSO,
        "monthly_charges",
        None,
        &[
            0.0,
            2.803482909408463,
            0.0,
            -0.26828243378402056,
            -1.041179630417675,
            4.725552989480209,
            6.497181992468561,
            0.01761723744372867,
        ],
        49.83486742415279,
    );
}

#[test] // scikit-learn 1.9.1, the same with sample_weight 1, 2, 3, 1, ...
fn weighted_lasso_agrees_with_scikit_learn() {
    check_numbers(
        &EXACT_LASSO,
        "monthly_charges",
        Some(&weights(7032)),
        &[
            0.0,
            2.796334530584077,
            0.0,
            0.0,
            -1.0436577963087101,
            4.396484047174767,
            6.421866967150999,
            0.017596050378582802,
        ],
        50.3868590403063,
    );
}

#[test] // scikit-learn 1.9.1, the same with fit_intercept=False
fn lasso_without_a_constant_agrees_with_scikit_learn() {
    check_numbers(
        &Lasso { intercept: false, ..EXACT_LASSO },
        "monthly_charges",
        None,
        &[
            4.683629263571502,
            6.026791947885492,
            0.8733458981304233,
            0.0,
            -0.6473834662345135,
            40.08787512720585,
            15.79006670012667,
            0.014571607505232365,
        ],
        0.0,
    );
}

#[test] // scikit-learn 1.9.1, ElasticNet(alpha=0.1, l1_ratio=0.7, tol=1e-14)
fn elastic_net_agrees_with_scikit_learn() {
    check_numbers(
        &ElasticNet {
            alpha: 0.1,
            l1_ratio: 0.7,
            max_iter: 100_000,
            tolerance: 1e-15,
            intercept: true,
        },
        "monthly_charges",
        None,
        &[
            0.1314937059193881,
            4.526984169963946,
            0.3603828139232684,
            -1.9604727374991378,
            -1.0153139005676963,
            7.339688521072781,
            7.214713821471298,
            0.017290956277976496,
        ],
        46.94080224711613,
    );
}

#[test] // scikit-learn 1.9.1, PoissonRegressor(alpha=0.01, solver="newton-cholesky", tol=1e-12)
fn poisson_regression_agrees_with_scikit_learn() {
    check_numbers(
        &PoissonRegression { alpha: 0.01, tolerance: 1e-9, ..Default::default() },
        "tenure",
        None,
        &[
            0.002402834247148616,
            0.0368783710279328,
            0.11454920952845289,
            0.011233234197641271,
            -0.02647011446079334,
            -0.0013563688579506545,
            -0.018182445098641583,
            0.00039013257768791087,
        ],
        3.4866548862129783,
    );
}

#[test] // scikit-learn 1.9.1, GammaRegressor(alpha=0.01, solver="newton-cholesky", tol=1e-12)
fn gamma_regression_agrees_with_scikit_learn() {
    check_numbers(
        &GammaRegression { alpha: 0.01, tolerance: 1e-9, ..Default::default() },
        "monthly_charges",
        None,
        &[
            0.004684910675057914,
            0.08549884962133482,
            0.017136449949456935,
            -0.04957081492024218,
            -0.021184819880113014,
            0.08635721966118903,
            0.14859110646434537,
            0.00032108411652193383,
        ],
        3.8582197335672928,
    );
}

#[test] // scikit-learn 1.9.1, the same on standardised columns, fit_intercept=False, sample_weight
fn weighted_gamma_regression_agrees_with_scikit_learn() {
    let Some((rows, target)) = standardised_telco("monthly_charges") else { return };
    let gamma =
        GammaRegression { alpha: 0.01, tolerance: 1e-9, intercept: false, ..Default::default() };
    let model = learn(&gamma, &rows, &target, Some(&weights(7032)));
    let model: &LinearModel = model.downcast_ref().unwrap();
    close(
        model.weights(),
        &[
            -0.00041785866093550344,
            0.03020612203845338,
            0.007058132936469292,
            -0.01990595120903389,
            -0.5173171474425544,
            0.022247110699748454,
            0.07265645264318543,
            0.7231721108063983,
        ],
        1e-6,
    );
}

fn exact(penalty: Penalty, c: f64) -> LogisticRegression {
    LogisticRegression { penalty, c, tolerance: 1e-9, max_iter: 2000, ..Default::default() }
}

#[test] // scikit-learn 1.9.1, LogisticRegression(penalty="l1", C=0.01, solver="saga", tol=1e-13)
fn two_classes_with_costs_on_size_agree_with_scikit_learn() {
    check_classes(
        &exact(Penalty::L1, 0.01),
        "churn",
        &[
            0.0,
            0.1336657852682137,
            0.0,
            -0.0766440139318795,
            -1.10370641674836,
            -0.07506111862707575,
            0.20076443556682538,
            0.6940109158629855,
            0.0,
        ],
        &[-1.337728838616747],
    );
}

#[test] // scikit-learn 1.9.1, the same with penalty="elasticnet", l1_ratio=0.5
fn two_classes_with_both_costs_agree_with_scikit_learn() {
    check_classes(
        &exact(Penalty::ElasticNet, 0.01),
        "churn",
        &[
            0.0,
            0.15437136335812454,
            0.0,
            -0.1162922430922592,
            -1.1049487570000953,
            -0.12429029278681741,
            0.2303965135071891,
            0.7117535849060052,
            0.0,
        ],
        &[-1.3533098437132258],
    );
}

#[test] // scikit-learn 1.9.1, LogisticRegression(penalty=None, solver="newton-cholesky", tol=1e-12)
fn two_classes_without_a_penalty_agree_with_scikit_learn() {
    check_classes(
        &exact(Penalty::None, 1.0),
        "churn",
        &[
            -0.0017026844770798258,
            0.17996086780899695,
            0.011736928997329534,
            -0.14435944166247,
            -1.7272711632623423,
            -0.2601637977382738,
            0.26143973266226805,
            0.8560030549869168,
            0.41052840109420446,
        ],
        &[-1.561095244448093],
    );
}

#[test] // scikit-learn 1.9.1, LogisticRegression(penalty="l1", C=0.01, solver="saga", tol=1e-13)
fn three_classes_with_costs_on_size_agree_with_scikit_learn() {
    let mut expected = [0.0; 27];
    for (at, value) in [
        (1, 0.20337489908948725),
        (3, -0.16524980736188385),
        (4, -1.5219501660323418),
        (5, -0.02315014427862655),
        (6, 0.24075033514177824),
        (7, 0.40907042994615683),
        (19, -0.06850801504458422),
        (21, 0.08190562836910839),
        (22, 1.0113889785053871),
        (24, -0.09428341558451733),
        (25, -0.29141233875964345),
    ] {
        expected[at] = value;
    }
    check_classes(
        &exact(Penalty::L1, 0.01),
        "contract",
        &expected,
        &[0.7276753649070384, -0.058820426150743, -0.6688549387564221],
    );
}

#[test]
fn a_ratio_without_its_penalty_is_refused() {
    let refused =
        catalog().build_estimator("logistic_regression", &json!({"l1_ratio": 0.3})).unwrap().check(
            table().numbers("a", [1.0]).frame().schema(),
            gristmill_core::Task::Classification { classes: 2 },
        );
    assert!(refused.unwrap_err().to_string().contains("penalty: elastic_net"));
}

#[test]
fn families_refuse_targets_out_of_their_range() {
    let rows = table().numbers("x", [1.0, 2.0, 3.0]).frame();
    let notes = Notes::default();
    let fit = |estimator: &dyn Estimator, y: [f64; 3]| {
        let context = FitContext::new(Seed(0), &notes);
        estimator.fit(&rows, &Target::Numbers(y.to_vec()), &context)
    };
    let poisson = PoissonRegression::default();
    let gamma = GammaRegression::default();
    assert!(fit(&poisson, [0.0, 2.0, 0.0]).is_ok());
    let refused = fit(&poisson, [1.0, -2.0, 0.0]).unwrap_err().to_string();
    assert!(refused.contains("is -2 in row 2"), "{refused}");
    assert!(fit(&gamma, [1.0, 0.0, 2.0]).unwrap_err().to_string().contains("above 0"));
    assert!(fit(&poisson, [0.0; 3]).unwrap_err().to_string().contains("mean is 0"));
}

#[test]
fn families_keep_the_promises_of_estimators() {
    for rows in [200, 20_000] {
        let made = super::linear::made(rows);
        let counts: Vec<f64> = (0..rows).map(|row| 1.0 + (row * 7 % 5) as f64).collect();
        let table = made.numbers("count", counts).target("count");
        let table = table.without(&["y", "level", "yes"].map(String::from)).unwrap();
        for name in ["poisson_regression", "gamma_regression"] {
            conformance::estimator(&catalog(), name, &json!({}), &table);
        }
    }
}

/// More columns than are looked at in pairs, more of them than rows: the other solvers.
fn wide(columns: usize, rows: usize) -> (Frame, Vec<f64>) {
    let mut random = Seed(5).random();
    let values: Vec<Vec<f64>> =
        (0..columns).map(|_| (0..rows).map(|_| random.normal()).collect()).collect();
    let y = (0..rows).map(|r| 3.0 * values[0][r] - 2.0 * values[1][r] + 10.0).collect();
    let fields = (0..columns).map(|at| Field::number(format!("x{at}"))).collect();
    let columns = values.into_iter().map(Column::Numbers).collect();
    (Frame::new(Arc::new(Schema::new(fields).unwrap()), columns, rows).unwrap(), y)
}

#[test] // by hand: y = 3 x0 - 2 x1 + 10, of which lasso takes a little away
fn many_columns_take_solvers_without_pairs() {
    let (rows, y) = wide(600, 300);
    let target = Target::Numbers(y.clone());
    let lasso = Lasso { alpha: 0.01, tolerance: 1e-9, ..Lasso::default() };
    let model = learn(&lasso, &rows, &target, None);
    let model: &LinearModel = model.downcast_ref().unwrap();
    near(&model.weights()[..2], &[3.0, -2.0], 0.03);
    assert!(model.weights().iter().filter(|w| **w != 0.0).count() < 40);
    for (name, settings) in [
        ("linear_regression", json!({})),
        ("ridge", json!({"alpha": 1e-6})),
        ("elastic_net", json!({"alpha": 1e-3, "max_iter": 3000})),
    ] {
        let estimator = catalog().build_estimator(name, &settings).unwrap();
        let notes = Notes::default();
        let context = FitContext::new(Seed(0), &notes);
        let model = estimator.fit(&rows, &target, &context).unwrap();
        near(&answers(model.as_ref(), &rows), &y, 0.05);
    }
}
