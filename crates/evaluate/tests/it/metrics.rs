//! Metrics: by hand where a head suffices, against scikit-learn where it does not.

use std::sync::Arc;

use gristmill_core::{
    DenseMatrix, Field, Labels, Prediction, Target, TargetSpec, TargetTransform, Task,
};
use gristmill_evaluate::metrics::{average_precision, roc_auc};
use gristmill_evaluate::{ConfusionMatrix, Metric, score};
use proptest::prelude::*;

const TRUTH: [u32; 10] = [0, 0, 1, 1, 2, 2, 1, 0, 2, 1];
const PREDICTED: [u32; 10] = [0, 1, 1, 1, 2, 2, 0, 0, 1, 1];
const PROBABILITIES: [[f64; 3]; 10] = [
    [0.7, 0.2, 0.1],
    [0.3, 0.4, 0.3],
    [0.2, 0.5, 0.3],
    [0.1, 0.8, 0.1],
    [0.1, 0.3, 0.6],
    [0.3, 0.3, 0.4],
    [0.4, 0.3, 0.3],
    [0.5, 0.25, 0.25],
    [0.2, 0.6, 0.2],
    [0.25, 0.5, 0.25],
];

fn labels(names: &[&str], positive: Option<&str>) -> Arc<Labels> {
    let names = names.iter().map(ToString::to_string).collect();
    Arc::new(Labels::new(names, positive).unwrap())
}

fn spec(labels: Option<&Arc<Labels>>, transform: TargetTransform) -> TargetSpec {
    TargetSpec { field: Some(Field::number("y")), labels: labels.cloned(), transform }
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[track_caller]
fn check_classes(
    labels: &Arc<Labels>,
    truth: &[u32],
    predicted: &[u32],
    columns: Vec<f64>,
    expected: &[(&str, f64)],
) {
    let target = Target::Classes { codes: truth.to_vec(), labels: Arc::clone(labels) };
    let probabilities = DenseMatrix::from_columns(truth.len(), labels.len(), columns).unwrap();
    let prediction = Prediction::Classes {
        codes: predicted.to_vec(),
        probabilities,
        labels: Arc::clone(labels),
    };
    let spec = spec(Some(labels), TargetTransform::None);
    for (name, value) in expected {
        let found = Metric::named(name).unwrap().compute(&spec, &target, &prediction).unwrap();
        assert!((found - value).abs() < 1e-12, "{name}: {found} is not {value}");
    }
}

#[test] // scikit-learn 1.9.1: average="macro", multi_class="ovr"
fn three_classes_agree_with_scikit_learn() {
    let columns = (0..3).flat_map(|k| PROBABILITIES.map(|row| row[k])).collect();
    check_classes(
        &labels(&["a", "b", "c"], None),
        &TRUTH,
        &PREDICTED,
        columns,
        &[
            ("accuracy", 0.7),
            ("balanced_accuracy", 0.6944444444444443),
            ("precision", 0.7555555555555555),
            ("recall", 0.6944444444444443),
            ("f1", 0.7111111111111111),
            ("f1_macro", 0.7111111111111111),
            ("f1_weighted", 0.7066666666666667),
            ("roc_auc", 0.8273809523809522),
            ("average_precision", 0.8027777777777777),
            ("log_loss", 0.8103759913658897),
            ("brier", 0.46499999999999997),
        ],
    );
}

const POSITIVE_PROBABILITIES: [f64; 10] = [0.2, 0.4, 0.5, 0.8, 0.3, 0.3, 0.3, 0.25, 0.6, 0.5];

#[test] // scikit-learn 1.9.1
fn two_classes_agree_with_scikit_learn() {
    let truth = [0, 0, 1, 1, 0, 0, 1, 0, 0, 1];
    let predicted = [0, 0, 1, 1, 0, 0, 0, 0, 1, 1];
    let first = POSITIVE_PROBABILITIES.map(|p| 1.0 - p);
    check_classes(
        &labels(&["no", "yes"], None),
        &truth,
        &predicted,
        [first, POSITIVE_PROBABILITIES].concat(),
        &[
            ("accuracy", 0.8),
            ("balanced_accuracy", 0.7916666666666667),
            ("precision", 0.75),
            ("recall", 0.75),
            ("f1", 0.75),
            ("roc_auc", 0.7916666666666666),
            ("average_precision", 0.75),
            ("log_loss", 0.5464702584043637),
            ("brier", 0.18325),
        ],
    );
}

#[test] // by hand: as above with the classes changed over; 5 of 6 rows of `no` are found
fn the_positive_class_is_the_one_that_was_said() {
    let truth = [0, 0, 1, 1, 0, 0, 1, 0, 0, 1];
    let predicted = [0, 0, 1, 1, 0, 0, 0, 0, 1, 1];
    let first = POSITIVE_PROBABILITIES.map(|p| 1.0 - p);
    check_classes(
        &labels(&["no", "yes"], Some("no")),
        &truth,
        &predicted,
        [first, POSITIVE_PROBABILITIES].concat(),
        &[("recall", 5.0 / 6.0), ("precision", 5.0 / 6.0), ("roc_auc", 0.7916666666666666)],
    );
}

#[test] // scikit-learn 1.9.1
fn numbers_agree_with_scikit_learn() {
    let target = Target::Numbers(vec![3.0, -0.5, 2.0, 7.0, 4.25]);
    let prediction = Prediction::Numbers(vec![2.5, 0.0, 2.0, 8.0, 4.0]);
    let metrics = Metric::defaults(Task::Regression);
    let spec = spec(None, TargetTransform::None);
    let scores = score(&metrics, &spec, &target, &prediction).unwrap();
    close(scores["rmse"], 0.5590169943749475);
    close(scores["mae"], 0.45);
    close(scores["r2"], 0.9491042345276873);
}

#[test] // by hand: e^0 = 1 and e^ln 10 = 10, so the errors are 1 and 3
fn logarithms_are_scored_on_the_scale_of_the_data() {
    let target = Target::Numbers(vec![0.0, 10.0_f64.ln()]);
    let prediction = Prediction::Numbers(vec![2.0, 13.0]);
    let mae = Metric::named("mae").unwrap();
    close(mae.compute(&spec(None, TargetTransform::Log), &target, &prediction).unwrap(), 2.0);
}

#[test] // scikit-learn 1.9.1, on scores with thousands of ties
fn curves_over_real_data_agree_with_scikit_learn() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/telco.csv");
    let Ok(text) = fs_err::read_to_string(path) else {
        eprintln!("skipped: the shared Telco data is not beside the repository");
        return;
    };
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split(',').collect()).collect();
    let churn: Vec<bool> = rows.iter().map(|r| r[0] == "Yes").collect();
    let tenure: Vec<f64> = rows.iter().map(|r| -r[5].parse::<f64>().unwrap()).collect();
    let charges: Vec<f64> = rows.iter().map(|r| r[18].parse().unwrap()).collect();
    close(roc_auc(&churn, &tenure).unwrap(), 0.7398671755286288);
    close(average_precision(&churn, &tenure).unwrap(), 0.4837368870121712);
    close(roc_auc(&churn, &charges).unwrap(), 0.6207856895706255);
    close(average_precision(&churn, &charges).unwrap(), 0.3127655781881614);
}

#[test] // by hand: found 2, 3, 2 of 3, 4, 3 rows; mistaken 1, 2, 0; 6 + 4 + 7 rightly left
fn averages_without_a_peer_agree_with_a_head() {
    let columns = (0..3).flat_map(|k| PROBABILITIES.map(|row| row[k])).collect();
    check_classes(
        &labels(&["a", "b", "c"], None),
        &TRUTH,
        &PREDICTED,
        columns,
        &[
            ("specificity_micro", 17.0 / 20.0),
            ("specificity_weighted", (3.0 * 6.0 / 7.0 + 4.0 * 4.0 / 6.0 + 3.0) / 10.0),
            ("negative_predictive_value_micro", 17.0 / 20.0),
            (
                "negative_predictive_value_weighted",
                (3.0 * 6.0 / 7.0 + 4.0 * 4.0 / 5.0 + 3.0 * 7.0 / 8.0) / 10.0,
            ),
            ("top_5_accuracy", 1.0),
        ],
    );
}

#[test] // by hand: of the highest tenth, one row, all are positive; of all rows, 4 in 10
fn lift_compares_the_highest_tenth_with_all() {
    let truth = [0, 0, 1, 1, 0, 0, 1, 0, 0, 1];
    let first = POSITIVE_PROBABILITIES.map(|p| 1.0 - p);
    let columns = [first, POSITIVE_PROBABILITIES].concat();
    check_classes(&labels(&["no", "yes"], None), &truth, &truth, columns, &[("lift_10", 2.5)]);
}

#[track_caller]
fn refused(name: &str, truth: &[u32], predicted: &[u32], message: &str) {
    let labels = labels(&["no", "yes"], None);
    let target = Target::Classes { codes: truth.to_vec(), labels: Arc::clone(&labels) };
    let halves = vec![0.5; 2 * truth.len()];
    let probabilities = DenseMatrix::from_columns(truth.len(), 2, halves).unwrap();
    let codes = predicted.to_vec();
    let prediction = Prediction::Classes { codes, probabilities, labels: Arc::clone(&labels) };
    let spec = spec(Some(&labels), TargetTransform::None);
    let error = Metric::named(name).unwrap().compute(&spec, &target, &prediction).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn values_that_do_not_exist_are_errors_with_a_reason() {
    refused(
        "roc_auc",
        &[0, 0],
        &[0, 1],
        "metric `roc_auc` has no value: no row has the class `yes`",
    );
    refused(
        "average_precision",
        &[1, 1],
        &[0, 1],
        "metric `average_precision` has no value: every row has the class `yes`",
    );
    refused(
        "recall",
        &[0, 0],
        &[0, 1],
        "metric `recall` has no value: no row has the positive class `yes`",
    );
    refused("accuracy", &[], &[], "metric `accuracy` has no value: there are no rows");
    refused("rmse", &[0], &[0], "metric `rmse` scores numbers, and the target has classes");
}

#[test] // as scikit-learn with zero_division=0
fn a_class_that_is_never_predicted_has_no_precision() {
    let labels = labels(&["no", "yes"], None);
    check_classes(&labels, &[0, 1], &[0, 0], vec![0.5; 4], &[("precision", 0.0), ("f1", 0.0)]);
}

#[test]
fn an_unknown_metric_is_refused_with_the_nearest() {
    let error = serde_json::from_str::<Vec<Metric>>(r#"["acuracy"]"#).unwrap_err().to_string();
    assert!(error.contains("unknown metric `acuracy`; did you mean `accuracy`?"), "{error}");
    let error = serde_json::from_str::<Metric>(r#""zebra""#).unwrap_err().to_string();
    assert!(error.contains("known are accuracy, "), "{error}");
}

#[test]
fn metrics_keep_their_names_when_stored() {
    for metric in Metric::all() {
        let stored = serde_json::to_string(&metric).unwrap();
        assert_eq!(serde_json::from_str::<Metric>(&stored).unwrap(), metric);
    }
}

#[test] // by hand
fn a_confusion_matrix_counts_truths_by_row() {
    let names = ["a".to_string(), "b".to_string(), "c".to_string()];
    let matrix = ConfusionMatrix::new(&names, &TRUTH, &PREDICTED).unwrap();
    assert_eq!(matrix.counts, [[2, 1, 0], [1, 3, 0], [0, 1, 2]]);
    assert!(ConfusionMatrix::new(&names, &[3], &[0]).is_err());
    assert!(ConfusionMatrix::new(&names, &[0, 1], &[0]).is_err());
}

/// The definition of the area, pair by pair.
fn area_by_pairs(truth: &[bool], scores: &[f64]) -> f64 {
    let of = |class: bool| truth.iter().zip(scores).filter(move |(t, _)| **t == class);
    let (mut won, mut pairs) = (0.0, 0.0);
    for (_, p) in of(true) {
        for (_, n) in of(false) {
            pairs += 1.0;
            won += if p > n { 1.0 } else { f64::from(u8::from(p == n)) * 0.5 };
        }
    }
    won / pairs
}

proptest! {
    #[test]
    fn the_area_counts_pairs_and_ignores_monotone_maps(
        rows in prop::collection::vec((any::<bool>(), 0_u8..12), 2..60)
    ) {
        let truth: Vec<bool> = rows.iter().map(|r| r.0).collect();
        let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 12.0).collect();
        prop_assume!(truth.contains(&true) && truth.contains(&false));
        let area = roc_auc(&truth, &scores).unwrap();
        prop_assert!((area - area_by_pairs(&truth, &scores)).abs() < 1e-12);
        let mapped: Vec<f64> = scores.iter().map(|s| (3.0 * s).exp() - 7.0).collect();
        prop_assert_eq!(area, roc_auc(&truth, &mapped).unwrap());
        let turned: Vec<f64> = scores.iter().map(|s| -s).collect();
        prop_assert!((area + roc_auc(&truth, &turned).unwrap() - 1.0).abs() < 1e-12);
    }
}
