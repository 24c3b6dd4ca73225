//! Times metrics on made-up answers, the same that `benches/metrics.py` makes for scikit-learn.
//!
//! `cargo run --release -p gristmill-evaluate --example metric_bench -- ROWS` prints one line a metric:
//! its name, the best of three times in seconds, and its value.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use gristmill_core::{DenseMatrix, Field, Labels, Prediction, Target, TargetSpec, TargetTransform};
use gristmill_evaluate::Metric;

const OF_CLASSES: &[&str] = &[
    "roc_auc",
    "average_precision",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "precision_macro",
    "matthews_correlation",
    "cohen_kappa",
    "log_loss",
    "brier",
];
const OF_NUMBERS: &[&str] = &[
    "rmse",
    "mae",
    "r2",
    "explained_variance",
    "mape",
    "max_error",
    "median_absolute_error",
    "pinball_90",
    "mean_poisson_deviance",
];

fn main() -> Result<(), Box<dyn Error>> {
    let rows = std::env::args().nth(1).map_or(Ok(10_000_000), |rows| rows.parse())?;
    let scores: Vec<f64> = (1..=rows as u64).map(unit).collect();
    let noise: Vec<f64> = (1..=rows as u64).map(|row| unit(row + (1 << 40))).collect();

    let labels = Arc::new(Labels::new(vec!["0".into(), "1".into()], None)?);
    let truth = scores.iter().zip(&noise).map(|(s, n)| u32::from(n < s)).collect();
    let target = Target::Classes { codes: truth, labels: Arc::clone(&labels) };
    let first = scores.iter().map(|s| 1.0 - s);
    let columns = first.chain(scores.iter().copied()).collect();
    let prediction = Prediction::Classes {
        codes: scores.iter().map(|s| u32::from(*s > 0.5)).collect(),
        probabilities: DenseMatrix::from_columns(rows, 2, columns)?,
        labels: Arc::clone(&labels),
    };
    measure(OF_CLASSES, Some(labels), &target, &prediction)?;

    let truth: Vec<f64> = scores.iter().map(|s| 1.0 + 9.0 * s).collect();
    let answers = truth.iter().zip(&noise).map(|(t, n)| t * (0.5 + n)).collect();
    measure(OF_NUMBERS, None, &Target::Numbers(truth), &Prediction::Numbers(answers))
}

fn measure(
    names: &[&str],
    labels: Option<Arc<Labels>>,
    target: &Target,
    prediction: &Prediction,
) -> Result<(), Box<dyn Error>> {
    let field = Some(Field::number("y"));
    let spec = TargetSpec { field, labels, transform: TargetTransform::None };
    for name in names {
        let metric = Metric::named(name)?;
        let (mut best, mut value) = (f64::INFINITY, 0.0);
        for _ in 0..3 {
            let start = Instant::now();
            value = metric.compute(&spec, target, prediction)?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{name} {best:.4} {value:.12}");
    }
    Ok(())
}

/// A number in [0, 1) that `benches/metrics.py` makes in the same way: the top 53 bits of a
/// multiplication by the golden ratio's bits, mixed once.
fn unit(row: u64) -> f64 {
    let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 29)) >> 11) as f64 / (1_u64 << 53) as f64
}
