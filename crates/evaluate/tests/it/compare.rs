//! Intervals and tests of differences, against scipy.

use gristmill_core::{Field, Prediction, Seed, Target, TargetSpec, TargetTransform};
use gristmill_evaluate::compare::{
    Bootstrap, BootstrapMethod, auc_interval, corrected_t_test, delong, mcnemar, wilcoxon,
};
use gristmill_evaluate::{Answers, Fold, Metric, SliceSettings, Slices};
use gristmill_testkit::table;

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-10, "{found} is not {expected}");
}

#[test] // scipy 1.17.1: stats.binomtest
fn mcnemar_is_exact() {
    let rights = |first: usize, second: usize| {
        let a: Vec<bool> = (0..100).map(|row| row < first).collect();
        let b: Vec<bool> = (0..100).map(|row| (first..first + second).contains(&row)).collect();
        mcnemar(&a, &b).unwrap().p_value
    };
    close(rights(10, 3), 0.09228515625);
    close(rights(40, 55), 0.1505180638902294);
    close(rights(5, 5), 1.0);
    close(rights(0, 0), 1.0);
    assert!(mcnemar(&[true], &[]).is_err());
}

const A: [f64; 12] = [2.34, -2.26, 0.72, -0.27, -0.15, 0.08, -1.72, 0.07, -0.57, 3.62, 0.53, -0.05];
const B: [f64; 12] = [-0.28, -0.67, -1.06, -0.39, 0.48, -0.24, 0.96, -0.2, 0.02, 1.55, 0.55, -0.51];

#[test] // scipy 1.17.1: stats.wilcoxon, method="exact" and method="approx"
fn signed_ranks_agree_with_scipy() {
    let found = wilcoxon(&A, &B).unwrap();
    close(found.first_larger.min(found.second_larger), 34.0);
    close(found.p_value, 0.7333984375);
    let x = [1.0, 2.0, 2.0, 3.0, 5.0, 5.0, 6.0, 7.0, 9.0, 10.0, 4.0, 4.0];
    let y = [2.0, 2.0, 1.0, 1.0, 3.0, 4.0, 9.0, 2.0, 3.0, 5.0, 4.0, 1.0];
    let found = wilcoxon(&x, &y).unwrap();
    close(found.first_larger.min(found.second_larger), 8.5);
    close(found.p_value, 0.05171208795573794);
    close(wilcoxon(&x, &x).unwrap().p_value, 1.0);
    assert!(wilcoxon(&[f64::NAN], &[0.0]).is_err());
}

const TRUTH: [bool; 12] =
    [true, false, true, true, false, false, true, false, true, false, false, true];
const FIRST: [f64; 12] = [0.9, 0.3, 0.8, 0.4, 0.5, 0.2, 0.7, 0.4, 0.6, 0.1, 0.55, 0.35];
const SECOND: [f64; 12] = [0.7, 0.4, 0.6, 0.5, 0.5, 0.3, 0.4, 0.6, 0.8, 0.2, 0.45, 0.3];

#[test] // numpy 2.4.6: covariances of all pairs, as the source defines them
fn areas_are_compared_by_their_covariance() {
    let found = delong(&TRUTH, &FIRST, &SECOND).unwrap();
    close(found.first, 0.8472222222222222);
    close(found.second, 0.7222222222222222);
    close(found.deviation, 0.12076147288491197);
    close(found.z, 1.0350983390135315);
    close(found.p_value, 0.3006229881969067);
    let interval = auc_interval(&TRUTH, &FIRST, 0.95).unwrap();
    close(interval.deviation, 0.11947673982003648);
    close(interval.high, 1.0);
    close(interval.low, 0.8472222222222222 - 1.959963984540054 * 0.11947673982003648);
    assert!(auc_interval(&[true, false], &[0.1, 0.2], 0.95).is_err());
    assert!(auc_interval(&TRUTH, &FIRST, 1.0).is_err());
}

#[test] // scipy 1.17.1: 2 * stats.t.sf of the formula in numpy
fn fold_scores_are_compared_with_the_corrected_variance() {
    let differences = [0.02, 0.01, 0.03, -0.01, 0.02, 0.0, 0.015, 0.02, 0.01, 0.005];
    let first = differences.map(|d| 0.8 + d);
    let folds = vec![Fold { train: (0..180).collect(), test: (180..200).collect() }; 10];
    let found = corrected_t_test(&first, &[0.8; 10], &folds).unwrap();
    close(found.t, 2.252445387092788);
    close(found.p_value, 0.050799885103032585);
    close(corrected_t_test(&first, &first, &folds).unwrap().p_value, 1.0);
    assert!(corrected_t_test(&[0.9; 10], &[0.8; 10], &folds).is_err());
    assert!(corrected_t_test(&first, &[0.8; 10], &folds[1..]).is_err());
}

const SKEWED: [f64; 40] = [
    5.4, 12.74, 0.0, 3.6, 1.59, 0.97, 2.06, 4.24, 5.05, 7.74, 5.43, 11.56, 2.29, 21.05, 0.28, 11.1,
    5.4, 8.18, 1.51, 2.21, 16.13, 34.5, 3.76, 11.79, 20.91, 22.5, 0.89, 0.4, 1.86, 21.05, 1.04,
    5.47, 31.67, 7.62, 11.77, 3.79, 11.6, 18.0, 0.18, 13.87,
];

/// Up to what other draws change.
#[track_caller]
fn check_interval(method: BootstrapMethod, low: f64, high: f64) {
    let bootstrap = Bootstrap { resamples: 50_000, confidence: 0.9, method };
    let mean = |rows: &[u32]| {
        Ok(rows.iter().map(|&r| SKEWED[r as usize]).sum::<f64>() / rows.len() as f64)
    };
    let found = bootstrap.interval(40, Seed(1), mean).unwrap();
    assert!((found.low - low).abs() < 0.04 && (found.high - high).abs() < 0.06, "{found:?}");
}

#[test] // scipy 1.17.1: stats.bootstrap with 200,000 resamples
fn intervals_agree_with_scipy() {
    check_interval(BootstrapMethod::Percentile, 6.621, 11.084);
    check_interval(BootstrapMethod::Bca, 6.796, 11.326);
}

fn spec() -> TargetSpec {
    let field = Some(Field::number("y"));
    TargetSpec { field, labels: None, transform: TargetTransform::None }
}

#[test]
fn paired_draws_see_a_small_difference_and_threads_change_nothing() {
    let target = Target::Numbers(SKEWED.to_vec());
    let off = |by: f64| {
        let wave = |(row, v): (usize, &f64)| v + by * (1.0 + (row as f64).sin());
        Prediction::Numbers(SKEWED.iter().enumerate().map(wave).collect())
    };
    let (good, bad, metric) = (off(1.0), off(1.2), Metric::named("rmse").unwrap());
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let bootstrap = Bootstrap::default();
        pool.install(|| {
            bootstrap.difference_of(metric, &spec(), &target, [&good, &bad], Seed(1)).unwrap()
        })
    };
    let found = with(1);
    assert!(found.difference.high < 0.0 && found.p_value < 0.01, "{found:?}");
    assert_eq!(found, with(3));
    let same = Bootstrap::default()
        .difference_of(metric, &spec(), &target, [&good, &good], Seed(1))
        .unwrap();
    assert_eq!((same.difference.value, same.p_value), (0.0, 1.0));
}

/// Ten copies of each row say no more than one; drawn as groups they keep the interval of one.
#[test]
fn rows_of_a_group_are_drawn_together() {
    let copies = 10;
    let repeated = |values: &[f64]| -> Vec<f64> {
        values.iter().flat_map(|&v| std::iter::repeat_n(v, copies)).collect()
    };
    let off = |by: f64| -> Vec<f64> {
        SKEWED.iter().enumerate().map(|(row, v)| v + by * (row as f64).sin()).collect()
    };
    let metric = Metric::named("mae").unwrap();
    let width = |values: [&[f64]; 3], groups: Option<&[Vec<u32>]>| {
        let target = Target::Numbers(values[0].to_vec());
        let [a, b] = [values[1], values[2]].map(|v| Prediction::Numbers(v.to_vec()));
        let (draw, spec) = (Bootstrap::default(), spec());
        let found = match groups {
            None => draw.difference_of(metric, &spec, &target, [&a, &b], Seed(1)),
            Some(groups) => {
                draw.difference_of_groups(metric, &spec, &target, [&a, &b], groups, Seed(1))
            }
        };
        let interval = found.unwrap().difference;
        interval.high - interval.low
    };
    let (a, b) = (off(1.0), off(1.5));
    let once = width([&SKEWED, &a, &b], None);
    let (truth, a, b) = (repeated(&SKEWED), repeated(&a), repeated(&b));
    let groups: Vec<Vec<u32>> =
        (0..40).map(|group| (group * 10..group * 10 + 10).collect()).collect();
    let grouped = width([&truth, &a, &b], Some(&groups));
    let alone = width([&truth, &a, &b], None);
    assert!((grouped - once).abs() < 1e-9, "{grouped} {once}");
    assert!(alone < 0.5 * once, "{alone} {once}");
}

#[test]
fn rows_too_few_for_an_interval_are_refused() {
    let refuse = |bootstrap: Bootstrap, rows: usize| {
        bootstrap.interval(rows, Seed(0), |rows| Ok(rows.len() as f64)).unwrap_err().to_string()
    };
    assert!(refuse(Bootstrap::default(), 0).contains("0 rows"));
    let few = Bootstrap { resamples: 5, ..Bootstrap::default() };
    assert_eq!(refuse(few, 9), "`resamples` is 5, expected at least 20, such as 1000");
    let metric = Metric::named("r2").unwrap();
    let (target, answers) = (Target::Numbers(vec![1.0]), Prediction::Numbers(vec![1.0]));
    let found = Bootstrap::default().interval_of(metric, &spec(), &target, &answers, Seed(0));
    assert!(found.is_err());
}

#[test] // by hand: errors of 1 for `a`, of 3 for `b`
fn slices_show_where_a_model_is_bad() {
    let groups: Vec<&str> = (0..40).map(|i| if i < 30 { "a" } else { "b" }).collect();
    let table = table().words("group", groups).build();
    let target = Target::Numbers(vec![0.0; 40]);
    let answers: Vec<f64> = (0..40).map(|i| if i < 30 { 1.0 } else { 3.0 }).collect();
    let answers = Prediction::Numbers(answers);
    let spec = spec();
    let answers = Answers { spec: &spec, target: &target, prediction: &answers };
    let slice = |metric: &str| {
        let metric = Metric::named(metric).unwrap();
        Slices::new(&table, "group", &SliceSettings::default(), metric, &answers, Seed(0))
    };
    let found = slice("mae").unwrap();
    assert_eq!(found.whole, 1.5);
    let values: Vec<(&str, usize, Option<f64>)> =
        found.slices.iter().map(|s| (s.name.as_str(), s.rows, s.value)).collect();
    assert_eq!(values, [("a", 30, Some(1.0)), ("b", 10, Some(3.0))]);
    let interval = found.slices[1].interval.unwrap();
    assert_eq!((interval.low, interval.high), (3.0, 3.0));
    assert!(slice("r2").is_err());
}
