use gristmill_core::{Random, Seed};

use super::*;

const EIGHT: [f64; 8] = [0.1, 0.35, 0.4, 0.8, 0.55, 0.9, 0.2, 0.65];

#[track_caller]
fn check(found: Estimate, expected: f64) {
    // NannyML rounds the counts below a curve to five digits.
    assert!((found.value - expected).abs() < 1e-6, "{found:?} is not {expected}");
    assert!(found.standard_error > 0.0, "{found:?}");
}

#[test] // nannyml 0.13.1, performance_estimation.confidence_based.metrics.estimate_*
fn two_classes_are_estimated_as_nannyml_estimates_them() {
    let (probabilities, answers) = binary(&EIGHT);
    let estimated = Cbpe::new(&probabilities, &answers).unwrap();
    check(estimated.accuracy(), 0.731_25);
    check(estimated.precision(Some(1)).unwrap(), 0.725);
    check(estimated.recall(Some(1)).unwrap(), 0.734_177_215_189_873_4);
    check(estimated.f1(Some(1)).unwrap(), 0.729_559_748_427_672_9);
    check(estimated.specificity(Some(1)).unwrap(), 0.728_395_061_728_395_2);
    check(estimated.roc_auc(Some(1)).unwrap(), 0.801_609_626_504_141_2);
    check(estimated.roc_auc(None).unwrap(), 0.801_609_626_504_141_2);
}

#[test] // scikit-learn 1.9.1, log_loss with each row in both classes, weighted by its probability
fn log_loss_is_weighed_by_the_probabilities() {
    let (probabilities, answers) = binary(&EIGHT);
    let estimated = Cbpe::new(&probabilities, &answers).unwrap();
    check(estimated.log_loss(&probabilities).unwrap(), 0.538_376_819_081_422_8);
}

#[test] // nannyml 0.13.1, the means of estimate_* over each class against the others
fn several_classes_are_averaged() {
    let columns =
        vec![0.6, 0.2, 0.1, 0.4, 0.05, 0.3, 0.5, 0.2, 0.35, 0.9, 0.1, 0.3, 0.7, 0.25, 0.05];
    let probabilities = DenseMatrix::from_columns(5, 3, columns).unwrap();
    let estimated = Cbpe::new(&probabilities, &[0, 1, 2, 0, 1]).unwrap();
    check(estimated.f1(None).unwrap(), 0.613_057_262_706_077_4);
    check(estimated.precision(None).unwrap(), 0.633_333_333_333_333_3);
    check(estimated.recall(None).unwrap(), 0.620_987_654_320_987_7);
    check(estimated.specificity(None).unwrap(), 0.808_170_748_581_707_5);
    check(estimated.roc_auc(None).unwrap(), 0.780_108_214_126_478_9);
}

/// The deviation of a metric over many draws of the truth.
fn drawn(said: &[f64], metric: impl Fn(&[bool]) -> f64) -> (f64, f64) {
    let mut random: Random = Seed(7).random();
    let drawn: Vec<f64> = (0..4_000)
        .map(|_| metric(&said.iter().map(|&p| random.unit() < p).collect::<Vec<_>>()))
        .collect();
    let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
    let variance = drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
    (mean, variance.sqrt())
}

fn said() -> Vec<f64> {
    (0..400).map(|i| 0.02 + 0.96 * f64::from(i * 37 % 400) / 400.0).collect()
}

fn binary(said: &[f64]) -> (DenseMatrix, Vec<u32>) {
    let values = said.iter().map(|p| 1.0 - p).chain(said.iter().copied()).collect();
    let answers = said.iter().map(|&p| u32::from(p >= 0.5)).collect();
    (DenseMatrix::from_columns(said.len(), 2, values).unwrap(), answers)
}

#[track_caller]
fn check_drawn(found: Estimate, metric: impl Fn(&[bool]) -> f64) {
    let (mean, deviation) = drawn(&said(), metric);
    assert!((found.value - mean).abs() < 0.002, "{found:?}: {mean}");
    assert!((found.standard_error / deviation - 1.0).abs() < 0.06, "{found:?}: {deviation}");
}

#[test]
fn standard_errors_are_the_deviations_over_draws_of_the_truth() {
    let said = said();
    let (probabilities, answers) = binary(&said);
    let estimated = Cbpe::new(&probabilities, &answers).unwrap();
    let count = |truth: &[bool], of: bool, answer: u32| {
        truth.iter().zip(&answers).filter(|(t, a)| **t == of && **a == answer).count() as f64
    };
    check_drawn(estimated.accuracy(), |t| (count(t, true, 1) + count(t, false, 0)) / 400.0);
    check_drawn(estimated.f1(Some(1)).unwrap(), |t| {
        2.0 * count(t, true, 1) / (2.0 * count(t, true, 1) + count(t, false, 1) + count(t, true, 0))
    });
    check_drawn(estimated.recall(Some(1)).unwrap(), |t| {
        count(t, true, 1) / (count(t, true, 1) + count(t, true, 0))
    });
    check_drawn(estimated.roc_auc(Some(1)).unwrap(), |truth| {
        let mut order: Vec<usize> = (0..400).collect();
        order.sort_by(|&a, &b| said[a].total_cmp(&said[b]));
        let positives = truth.iter().filter(|t| **t).count() as f64;
        let ranks = order.iter().enumerate().filter(|(_, at)| truth[**at]);
        let ranks: f64 = ranks.map(|(rank, _)| rank as f64 + 1.0).sum();
        (ranks - positives * (positives + 1.0) / 2.0) / (positives * (400.0 - positives))
    });
}

#[test]
fn certain_answers_leave_no_error() {
    let (probabilities, answers) = binary(&[1.0, 0.0, 1.0]);
    let estimated = Cbpe::new(&probabilities, &answers).unwrap();
    for found in
        [estimated.accuracy(), estimated.f1(Some(1)).unwrap(), estimated.roc_auc(None).unwrap()]
    {
        assert_eq!((found.value, found.standard_error), (1.0, 0.0));
    }
    assert!(estimated.log_loss(&probabilities).unwrap().value.abs() < 1e-15);
}

#[test]
fn a_class_that_is_never_answered_has_no_precision() {
    let (probabilities, _) = binary(&[0.2, 0.3]);
    let estimated = Cbpe::new(&probabilities, &[0, 0]).unwrap();
    assert_eq!(estimated.precision(Some(1)).unwrap().value, 0.0);
    assert_eq!(estimated.specificity(Some(1)).unwrap().value, 1.0);
}

#[test]
fn what_are_no_probabilities_is_refused() {
    let matrix = |values: Vec<f64>| DenseMatrix::from_columns(1, 2, values).unwrap();
    for (values, answers) in [
        (vec![0.5, 0.6], vec![0]),
        (vec![1.5, -0.5], vec![0]),
        (vec![f64::NAN, 0.5], vec![0]),
        (vec![0.5, 0.5], vec![2]),
        (vec![0.5, 0.5], vec![]),
    ] {
        assert!(Cbpe::new(&matrix(values.clone()), &answers).is_err(), "{values:?} {answers:?}");
    }
    let (probabilities, answers) = binary(&[0.5]);
    assert!(Cbpe::new(&probabilities, &answers).unwrap().recall(Some(2)).is_err());
    let (certain, answers) = binary(&[1.0, 1.0]);
    assert!(Cbpe::new(&certain, &answers).unwrap().roc_auc(Some(1)).is_err());
}
