//! Every metric against what scikit-learn says of the same answers: `tests/reference/metrics.json`,
//! written by `metrics.py` beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gristmill_core::{
    DenseMatrix, Field, Frame, Labels, PhysicalType, Prediction, Schema, Target, TargetSpec,
    TargetTransform,
};
use gristmill_evaluate::Metric;
use gristmill_evaluate::metrics as m;
use serde::Deserialize;

type Scores = BTreeMap<String, f64>;

#[derive(Deserialize)]
struct Reference {
    origin: String,
    two: Classes,
    four: Classes,
    numbers: Numbers,
    clusters: Clusters,
}

#[derive(Deserialize)]
struct Classes {
    truth: Vec<u32>,
    /// By class.
    probabilities: Vec<Vec<f64>>,
    predicted: Vec<u32>,
    scores: Scores,
}

#[derive(Deserialize)]
struct Numbers {
    truth: Vec<f64>,
    predicted: Vec<f64>,
    scores: Scores,
    functions: Scores,
}

#[derive(Deserialize)]
struct Clusters {
    first: Vec<u32>,
    second: Vec<u32>,
    /// By column.
    points: Vec<Vec<f64>>,
    scores: Scores,
    labelings: Scores,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../reference/metrics.json")).unwrap()
}

#[track_caller]
fn close(name: &str, found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error < 1e-12, "{name}: {found} is not {expected}");
}

fn labels(count: usize) -> Arc<Labels> {
    let names = (0..count).map(|class| class.to_string()).collect();
    Arc::new(Labels::new(names, None).unwrap())
}

fn spec(labels: Option<Arc<Labels>>) -> TargetSpec {
    TargetSpec { field: Some(Field::number("y")), labels, transform: TargetTransform::None }
}

fn matrix(columns: &[Vec<f64>]) -> DenseMatrix {
    DenseMatrix::from_columns(columns[0].len(), columns.len(), columns.concat()).unwrap()
}

fn classes(prediction: &[u32], probabilities: DenseMatrix, labels: Arc<Labels>) -> Prediction {
    Prediction::Classes { codes: prediction.to_vec(), probabilities, labels }
}

fn check_classes(known: &Classes) {
    let labels = labels(known.probabilities.len());
    let target = Target::Classes { codes: known.truth.clone(), labels: Arc::clone(&labels) };
    let answers = classes(&known.predicted, matrix(&known.probabilities), Arc::clone(&labels));
    for (name, expected) in &known.scores {
        let metric = Metric::named(name).unwrap();
        let found = metric.compute(&spec(Some(Arc::clone(&labels))), &target, &answers).unwrap();
        close(name, found, *expected);
    }
}

#[test]
fn metrics_of_two_classes_agree() {
    check_classes(&reference().two);
}

#[test]
fn metrics_of_four_classes_agree() {
    check_classes(&reference().four);
}

#[test]
fn metrics_of_numbers_agree() {
    let known = reference().numbers;
    let target = Target::Numbers(known.truth.clone());
    let answers = Prediction::Numbers(known.predicted.clone());
    for (name, expected) in &known.scores {
        let found = Metric::named(name).unwrap().compute(&spec(None), &target, &answers).unwrap();
        close(name, found, *expected);
    }
    let (truth, predicted) = (&known.truth, &known.predicted);
    for (name, found) in [
        ("d2_pinball 0.9", m::d2_pinball(truth, predicted, 0.9)),
        ("tweedie 0", m::mean_tweedie_deviance(truth, predicted, 0.0)),
        ("tweedie 3", m::mean_tweedie_deviance(truth, predicted, 3.0)),
        ("tweedie -1", m::mean_tweedie_deviance(truth, predicted, -1.0)),
    ] {
        close(name, found.unwrap(), known.functions[name]);
    }
}

#[test]
fn metrics_of_clusters_agree() {
    let known = reference().clusters;
    let fields =
        (0..known.points.len()).map(|c| Field::new(format!("x{c}"), PhysicalType::Float64));
    let schema = Arc::new(Schema::new(fields.collect()).unwrap());
    let columns = known.points.iter().cloned().map(gristmill_core::Column::Numbers).collect();
    let rows = Frame::new(schema, columns, known.first.len()).unwrap();
    let probabilities = DenseMatrix::zeros(known.first.len(), 4);
    let answers = classes(&known.first, probabilities, labels(4));
    for (name, expected) in &known.scores {
        let found = Metric::named(name).unwrap().compute_clusters(&rows, &answers).unwrap();
        close(name, found, *expected);
    }
}

#[test]
fn comparisons_of_groupings_agree() {
    let known = reference().clusters;
    let (a, b) = (&known.first, &known.second);
    for (name, found) in [
        ("rand_index", m::rand_index(a, b)),
        ("adjusted_rand_index", m::adjusted_rand_index(a, b)),
        ("fowlkes_mallows", m::fowlkes_mallows(a, b)),
        ("mutual_information", m::mutual_information(a, b)),
        ("normalized_mutual_information", m::normalized_mutual_information(a, b)),
        ("adjusted_mutual_information", m::adjusted_mutual_information(a, b)),
        ("homogeneity", m::homogeneity(a, b)),
        ("completeness", m::completeness(a, b)),
        ("v_measure", m::v_measure(a, b)),
    ] {
        close(name, found.unwrap(), known.labelings[name]);
    }
}

#[test]
fn every_metric_has_a_reference_but_for_those_checked_by_hand() {
    let known = reference();
    assert!(known.origin.starts_with("scikit-learn "));
    let checked: BTreeSet<&String> =
        [&known.two.scores, &known.four.scores, &known.numbers.scores, &known.clusters.scores]
            .into_iter()
            .flat_map(|scores| scores.keys())
            .collect();
    let by_hand = [
        "specificity_micro",
        "specificity_weighted",
        "negative_predictive_value_micro",
        "negative_predictive_value_weighted",
        "lift_10",
        "top_5_accuracy",
    ];
    let unchecked: Vec<&str> = Metric::all()
        .map(|metric| metric.name())
        .filter(|name| !checked.contains(&name.to_string()) && !by_hand.contains(name))
        .collect();
    assert!(unchecked.is_empty(), "{unchecked:?}");
}
