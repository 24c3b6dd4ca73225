use std::sync::Arc;

use gristmill_core::{DenseMatrix, Labels, Random, Seed};
use gristmill_testkit::table;

use super::estimable::Loss;
use super::*;

/// Rows of two classes of which the second is said to be the truth with these probabilities.
fn said(probabilities: &[f64]) -> DenseMatrix {
    let others = probabilities.iter().map(|p| 1.0 - p);
    let values = others.chain(probabilities.iter().copied()).collect();
    DenseMatrix::from_columns(probabilities.len(), 2, values).unwrap()
}

fn answers(probabilities: &[f64]) -> Prediction {
    let labels = Labels::new(vec!["No".into(), "Yes".into()], Some("Yes")).unwrap();
    let codes = probabilities.iter().map(|p| u32::from(*p > 0.5)).collect();
    Prediction::Classes { codes, probabilities: said(probabilities), labels: Arc::new(labels) }
}

fn held_out(probabilities: &[f64], truth: Vec<u32>) -> HeldOut {
    HeldOut::Classes { truth, probabilities: said(probabilities), positive: Some(1) }
}

fn no_rows() -> (Frame, Schema) {
    let rows = table().numbers("x", [1.0]).build();
    (Frame::from_table(&rows).unwrap(), rows.schema().clone())
}

fn estimated(held_out: &HeldOut, metric: &str, probabilities: &[f64]) -> Estimate {
    let (rows, input) = no_rows();
    let metric = Estimable::named(metric).unwrap();
    let estimator = Estimator::learn(held_out, metric, &input).unwrap();
    assert_eq!(estimator.method(), Method::Cbpe);
    let lines = estimator.lines(&rows, &answers(probabilities)).unwrap();
    estimator.estimate(&lines).unwrap()
}

/// A model that is far too sure of 2,000 rows: what it says to be true with p is so with p².
fn overconfident() -> HeldOut {
    let spread = |i: usize, by: usize| (i * by % 2_000) as f64 / 2_000.0;
    let probabilities: Vec<f64> = (0..2_000).map(|i| 0.02 + 0.96 * spread(i, 37)).collect();
    let is_true = |(i, p): (usize, &f64)| u32::from(spread(i, 7_919) < p * p);
    let truth = probabilities.iter().enumerate().map(is_true).collect();
    held_out(&probabilities, truth)
}

#[track_caller]
fn check(metric: &str, expected: f64) {
    let asked: Vec<f64> = (0..500).map(|i| 0.3 + 0.6 * (i * 13 % 500) as f64 / 500.0).collect();
    let found = estimated(&overconfident(), metric, &asked);
    // NannyML rounds the counts below a curve to five digits.
    assert!((found.value - expected).abs() < 1e-6, "{metric}: {found:?} is not {expected}");
    assert!(found.standard_error > 0.0 && found.standard_error < 0.05, "{metric}: {found:?}");
}

#[test] // nannyml 0.13.1 with scikit-learn's isotonic regression: CBPE fitted to these rows, which calibrates them
fn classes_are_estimated_as_nannyml_estimates_them_from_end_to_end() {
    check("roc_auc", 0.753_676_457_825_947_3);
    check("accuracy", 0.614_060_627_223_268_5);
    check("f1", 0.633_827_577_524_650_1);
    check("precision", 0.501_533_976_694_836_8);
    check("recall", 0.860_919_028_018_205_4);
    check("specificity", 0.457_567_076_279_079_1);
}

#[test] // by hand: the mean of the greater probability of each row
fn probabilities_that_are_right_are_taken_as_they_are() {
    let mut random: Random = Seed(5).random();
    let probabilities: Vec<f64> = (0..3_000).map(|_| 0.05 + 0.9 * random.unit()).collect();
    let truth = probabilities.iter().map(|p| u32::from(random.unit() < *p)).collect();
    let found = estimated(&held_out(&probabilities, truth), "accuracy", &[0.9, 0.7, 0.2, 0.4]);
    assert!((found.value - (0.9 + 0.7 + 0.8 + 0.6) / 4.0).abs() < 1e-12, "{found:?}");
}

/// Rows whose answers are wrong by as much as `x` says: their frame, the answers and the truth.
fn wrong_by_x(rows: usize, from: f64, random: &mut Random) -> (Frame, Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..rows).map(|_| from + (10.0 - from) * random.unit()).collect();
    let answers: Vec<f64> = x.iter().map(|x| 3.0 * x).collect();
    let truth = x.iter().zip(&answers).map(|(x, p)| p + x * random.normal()).collect();
    let plans = x.iter().map(|x| if *x > 5.0 { "large" } else { "small" });
    let rows = table().numbers("x", x.clone()).words("plan", plans).build();
    (Frame::from_table(&rows).unwrap(), answers, truth)
}

#[track_caller]
fn check_loss(loss: Loss, truly: impl Fn(&[f64]) -> f64) {
    let mut random = Seed(11).random();
    let (columns, said, truth) = wrong_by_x(6_000, 0.0, &mut random);
    let input = columns.schema().clone();
    let held_out = HeldOut::Numbers { truth, answers: said, columns };
    let estimator = Estimator::learn(&held_out, Estimable::Loss(loss), &input).unwrap();
    assert_eq!(estimator.method(), Method::Dle);
    for from in [0.0, 6.0] {
        let (rows, said, truth) = wrong_by_x(4_000, from, &mut random);
        let errors: Vec<f64> = truth.iter().zip(&said).map(|(t, p)| t - p).collect();
        let lines = estimator.lines(&rows, &Prediction::Numbers(said)).unwrap();
        let found = estimator.estimate(&lines).unwrap();
        let known = truly(&errors);
        assert!((found.value / known - 1.0).abs() < 0.08, "{from}: {found:?} is not {known}");
        assert!(found.standard_error < 0.1 * known, "{from}: {found:?}");
    }
}

fn mean(values: impl Iterator<Item = f64>, rows: usize) -> f64 {
    values.sum::<f64>() / rows as f64
}

#[test] // plainly: the errors of these very rows, which the estimate does not know
fn numbers_are_estimated_by_how_wrong_such_rows_were() {
    check_loss(Loss::Mae, |errors| mean(errors.iter().map(|e| e.abs()), errors.len()));
    check_loss(Loss::Rmse, |errors| mean(errors.iter().map(|e| e * e), errors.len()).sqrt());
}

#[test]
fn what_nothing_can_be_learned_from_is_refused() {
    let (_, input) = no_rows();
    let refused = |held_out: &HeldOut, metric: &str| {
        Estimator::learn(held_out, Estimable::named(metric).unwrap(), &input).unwrap_err().message
    };
    let few = held_out(&[0.5; 99], [0; 99].to_vec());
    assert!(refused(&few, "accuracy").starts_with("99 rows were held out"));
    assert_eq!(refused(&overconfident(), "mae"), "the model gives other answers than `mae` is of");
}
