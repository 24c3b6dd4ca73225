//! Many rows: searches that begin with a sample of them end where all of them say.

use gristmill_core::{
    Estimator, FitContext, Frame, Notes, Seed, Table, TargetSpec, TargetTransform,
};
use gristmill_models::{
    GammaRegression, GaussianNaiveBayes, LinearModel, LogisticModel, LogisticRegression,
    PoissonRegression,
};
use gristmill_testkit::table;

/// Enough that a sample is taken, and in the order of the answers, which misleads a sample that
/// is not spread over them.
const ROWS: usize = 60_000;

/// Two columns that are far from 0 and of different sizes.
fn columns() -> [Vec<f64>; 2] {
    let mut random = Seed(7).random();
    let first = (0..ROWS).map(|row| 1000.0 + row as f64 / 3e4 + random.unit()).collect();
    let second = (0..ROWS).map(|_| 1e-3 * (random.unit() - 0.3)).collect();
    [first, second]
}

fn rows(answers: impl Fn(f64, f64) -> f64) -> (Table, Vec<f64>) {
    let [first, second] = columns();
    let y: Vec<f64> = first.iter().zip(&second).map(|(a, b)| answers(*a, *b)).collect();
    let table = table().numbers("a", first).numbers("b", second).numbers("y", y.clone());
    (table.target("y"), y)
}

/// Scores of the rows, with the weights and the constant that were learned.
fn learned(estimator: &impl Estimator, rows: &Table) -> (Vec<f64>, Vec<f64>) {
    let spec = TargetSpec::learn(rows, None, TargetTransform::None).unwrap();
    let frame = Frame::from_table(rows).unwrap().features();
    let notes = Notes::default();
    let context = FitContext::new(Seed(0), &notes);
    let model = estimator.fit(&frame, &spec.apply(rows).unwrap(), &context).unwrap();
    assert_eq!(notes.all(), [""; 0], "the solver complained");
    let (weights, intercept) = match model.downcast_ref::<LinearModel>() {
        Some(model) => (model.weights().to_vec(), model.intercept()),
        None => {
            let model: &LogisticModel = model.downcast_ref().unwrap();
            (model.weights().to_vec(), model.intercepts()[0])
        }
    };
    let [a, b] = columns();
    let score = |(a, b): (&f64, &f64)| weights[0] * a + weights[1] * b + intercept;
    (a.iter().zip(&b).map(score).collect(), weights)
}

/// At the least of the mean loss every slope is 0: of the constant, and in units of deviations of
/// the columns, penalties included.
#[track_caller]
fn check(slopes: &[f64], weights: &[f64], penalty: f64) {
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / ROWS as f64;
    let constant = mean(&mut slopes.iter().copied());
    assert!(constant.abs() < 1e-7, "the constant slopes by {constant}");
    for (column, weight) in columns().iter().zip(weights) {
        let center = mean(&mut column.iter().copied());
        let square = mean(&mut column.iter().map(|x| (x - center) * (x - center)));
        let sum = mean(&mut slopes.iter().zip(column).map(|(s, x)| s * (x - center)));
        let slope = (sum + penalty * weight) / square.sqrt();
        assert!(slope.abs() < 1e-7, "the weight {weight} slopes by {slope}");
    }
}

#[test]
fn two_classes_end_at_the_least_loss() {
    let [a, b] = columns();
    let is_yes = |(a, b): (&f64, &f64)| a + 500.0 * b > 1001.3;
    let y: Vec<f64> = a.iter().zip(&b).map(|row| f64::from(is_yes(row))).collect();
    let words: Vec<&str> = y.iter().map(|y| if *y > 0.0 { "yes" } else { "no" }).collect();
    let rows = table().numbers("a", a).numbers("b", b).words("y", words).target("y");
    let (scores, weights) = learned(&LogisticRegression::default(), &rows);
    let slopes: Vec<f64> =
        scores.iter().zip(&y).map(|(z, y)| 1.0 / (1.0 + (-z).exp()) - y).collect();
    check(&slopes, &weights, 1.0 / ROWS as f64);
}

#[test]
fn any_number_of_threads_ends_at_the_same_bits() {
    let (rows, _) = rows(|a, b| ((a - 1000.0) * 2.0 + 1000.0 * b).round().max(0.0));
    let model = PoissonRegression { alpha: 0.01, ..PoissonRegression::default() };
    let weights = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (_, weights) = pool.install(|| learned(&model, &rows));
        weights.into_iter().map(f64::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(weights(1), weights(2));
    assert_eq!(weights(1), weights(3));
}

#[test]
fn counts_end_at_the_least_loss() {
    let (rows, y) = rows(|a, b| ((a - 1000.0) * 2.0 + 1000.0 * b).round().max(0.0));
    let model = PoissonRegression { alpha: 0.01, ..PoissonRegression::default() };
    let (scores, weights) = learned(&model, &rows);
    let slopes: Vec<f64> = scores.iter().zip(&y).map(|(z, y)| z.exp() - y).collect();
    check(&slopes, &weights, 0.01);
}

#[test]
fn amounts_end_at_the_least_loss() {
    let (rows, y) = rows(|a, b| (a - 999.5) * 20.0 + 1000.0 * b.abs());
    let model = GammaRegression { alpha: 0.01, ..GammaRegression::default() };
    let (scores, weights) = learned(&model, &rows);
    let slopes: Vec<f64> = scores.iter().zip(&y).map(|(z, y)| 1.0 - y * (-z).exp()).collect();
    check(&slopes, &weights, 0.01);
}

#[test]
fn a_class_far_away_from_the_others_keeps_the_digits_of_its_variance() {
    let x: Vec<f64> = (0..40).map(|row| f64::from(row % 2) * 1e8 + f64::from(row / 2)).collect();
    let words: Vec<&str> = (0..40).map(|row| ["near", "far"][row % 2]).collect();
    let rows = table().numbers("x", x).words("y", words).target("y");
    let spec = TargetSpec::learn(&rows, None, TargetTransform::None).unwrap();
    let frame = Frame::from_table(&rows).unwrap().features();
    let notes = Notes::default();
    let exact = GaussianNaiveBayes { variance_smoothing: 0.0 };
    let context = FitContext::new(Seed(0), &notes);
    let model = exact.fit(&frame, &spec.apply(&rows).unwrap(), &context).unwrap();
    // By hand: 0 to 19 has the variance (20² − 1)/12.
    for variance in model.state().f64s("variances").unwrap() {
        assert!((variance - 33.25).abs() < 1e-6, "{variance}");
    }
}
