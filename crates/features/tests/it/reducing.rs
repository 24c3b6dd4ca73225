//! Reduction to few columns: the shared suite, and values of real rows.
//! Figures are those of scikit-learn 1.9.1.

use std::sync::Arc;

use gristmill_core::{
    Column, FitContext, Frame, Notes, Result, Schema, Seed, Selector, SparseNumbers, Transform,
};
use gristmill_features::*;
use gristmill_testkit::{conformance, shared_csv, table};
use insta::assert_snapshot;
use serde::Serialize;

use crate::support::{assert_close, catalog, fit, full, own, telco, telco_quantities, try_fit};

#[track_caller]
fn check(settings: impl Transform + Serialize + Clone) {
    conformance::transform(&catalog(), settings, &full());
}

#[test]
fn every_reduction_passes_the_suite() {
    check(TruncatedSvd::default());
    check(TruncatedSvd {
        components: 3,
        oversamples: 0,
        power_iterations: 0,
        ..Default::default()
    });
    for method in [ProjectionMethod::Gaussian, ProjectionMethod::Sparse] {
        check(RandomProjection { method, ..Default::default() });
    }
    check(ClusterDistance { clusters: 3, ..Default::default() });
    check(ClusterDistance { clusters: 1, prefix: "group".into(), ..Default::default() });
    let Some(table) = telco() else { return };
    let columns = || Selector::from(["tenure", "monthly_charges", "senior_citizen"]);
    let svd = TruncatedSvd { columns: columns(), ..Default::default() };
    conformance::transform(&catalog(), svd, &table);
    let projection = RandomProjection { columns: columns(), ..Default::default() };
    conformance::transform(&catalog(), projection, &table);
    let distance = ClusterDistance { columns: columns(), ..Default::default() };
    conformance::transform(&catalog(), distance, &table);
}

fn imputed() -> Option<Frame> {
    Some(fit(&SimpleImputer::default(), telco_quantities()?).1)
}

#[test] // TruncatedSVD(2, algorithm="arpack")
fn telco_has_the_singular_vectors_of_scikit_learn() {
    let Some(rows) = imputed() else { return };
    let (fitted, reduced, _) = fit(&TruncatedSvd::default(), rows);
    let fitted: &FittedTruncatedSvd = own(fitted.as_ref());
    let directions: Vec<f64> = fitted.directions().flatten().copied().collect();
    let expected = [
        [0.011584674671722238, 0.018584270817997676, 0.9997601813389618],
        [0.041724781920167375, 0.9989474656853801, -0.019052647439941523],
    ];
    assert_close(&directions, expected.as_flattened());
    assert_close(fitted.singular_values(), &[269897.2446723131, 3282.6121769483543]);
    let ratio = [0.9997551669518394, 0.00019887381453443926];
    assert_close(&fitted.explained_variance_ratio(), &ratio);
    assert_close(&crate::support::row(&reduced, 0), &[30.409166571556966, 29.29158510654651]);
}

#[test] // TruncatedSVD(4, algorithm="arpack") of the nine sensors
fn a_small_subspace_finds_the_singular_values_of_shuttle() {
    let Some(table) = shared_csv("shuttle.csv") else { return };
    let rows = Frame::from_table(&table).unwrap();
    let settings = TruncatedSvd { components: 4, oversamples: 2, ..Default::default() };
    let (fitted, _, _) = fit(&settings, rows);
    let fitted: &FittedTruncatedSvd = own(fitted.as_ref());
    let values = [52414.87388551571, 29637.87259766699, 18778.46806241065, 9206.48582472047];
    for (found, expected) in fitted.singular_values().iter().zip(values) {
        assert!((found / expected - 1.0).abs() < 1e-4, "{found} is not {expected}");
    }
}

/// The same numbers as dense and as sparse columns.
fn word_counts() -> (Frame, Frame) {
    let (rows, width) = (300, 40);
    let mut random = Seed(5).random();
    let columns: Vec<Vec<f64>> = (0..width)
        .map(|_| (0..rows).map(|_| random.below(8).saturating_sub(6) as f64).collect())
        .collect();
    let fields = (0..width).map(|i| gristmill_core::Field::number(format!("w{i}"))).collect();
    let schema = Arc::new(Schema::new(fields).unwrap());
    let sparse = |column: &Vec<f64>| {
        let kept = column.iter().zip(0u32..).filter(|(v, _)| **v != 0.0);
        let (values, at): (Vec<f64>, Vec<u32>) = kept.unzip();
        Column::Sparse(SparseNumbers::new(at, values, rows).unwrap())
    };
    let thin = Frame::new(Arc::clone(&schema), columns.iter().map(sparse).collect(), rows);
    let dense = columns.into_iter().map(Column::Numbers).collect();
    (Frame::new(schema, dense, rows).unwrap(), thin.unwrap())
}

#[test]
fn sparse_columns_give_what_dense_ones_give() {
    let (dense, sparse) = word_counts();
    let settings: [&dyn Transform; 4] = [
        &MaxAbsScaler::default(),
        &TruncatedSvd::default(),
        &RandomProjection::default(),
        &RandomProjection { method: ProjectionMethod::Sparse, ..Default::default() },
    ];
    for settings in settings {
        assert!(settings.takes_sparse());
        let (fitted, from_dense, _) = fit(settings, dense.clone());
        let (fitted_sparse, from_sparse, _) = fit(settings, sparse.clone());
        assert_eq!(fitted.state(), fitted_sparse.state(), "{}", settings.kind());
        assert_eq!(from_dense, from_sparse.dense().unwrap(), "{}", settings.kind());
        assert!(fitted.takes_sparse());
    }
}

/// The mean over pairs of rows of the ratio of squared distances after and before.
fn kept_distances(method: ProjectionMethod) -> f64 {
    let (rows, _) = word_counts();
    let settings = RandomProjection { method, components: 60, ..Default::default() };
    let projected = fit(&settings, rows.clone()).1;
    let distance = |frame: &Frame, a: usize, b: usize| -> f64 {
        (0..frame.schema().len())
            .map(|at| frame.numbers(at).unwrap())
            .map(|v| (v[a] - v[b]).powi(2))
            .sum()
    };
    let pairs = (0..150).map(|a| (a, a + 150));
    pairs.map(|(a, b)| distance(&projected, a, b) / distance(&rows, a, b)).sum::<f64>() / 150.0
}

#[test]
fn projections_keep_squared_distances_on_average() {
    for method in [ProjectionMethod::Gaussian, ProjectionMethod::Sparse] {
        let kept = kept_distances(method);
        assert!((0.85..1.15).contains(&kept), "{method} keeps {kept}");
    }
}

#[test] // KMeans(3, n_init=20) after StandardScaler: 20 starts end at 6186.994, a single one up to 6613
fn the_centres_of_telco_are_those_of_scikit_learn() {
    let Some(rows) = imputed() else { return };
    let rows = fit(&StandardScaler::default(), rows).1;
    let settings = ClusterDistance { clusters: 3, tolerance: 0.0, ..Default::default() };
    let (fitted, distances, _) = fit(&settings, rows);
    let fitted: &FittedClusterDistance = own(fitted.as_ref());
    let centres = [
        [-0.7786807238877373, 0.3390278633125094, -0.5511885267553875],
        [1.0664010427899402, 0.8287793551971048, 1.3086384385596153],
        [-0.11739605954878757, -1.2689658830708377, -0.6484500254815188],
    ];
    for (found, expected) in fitted.centres().flatten().zip(centres.as_flattened()) {
        assert!((found - expected).abs() < 0.01, "{found} is not {expected}");
    }
    let nearest = |row: usize| {
        let all = (0..3).map(|at| distances.numbers(at).unwrap()[row]);
        all.fold(f64::INFINITY, f64::min).powi(2)
    };
    let inertia: f64 = (0..distances.rows()).map(nearest).sum();
    assert!(inertia < 6187.1, "{inertia}");
}

fn with_weights(settings: &dyn Transform, rows: Frame, weights: &[f64]) -> Result<Frame> {
    let notes = Notes::default();
    let context = FitContext::new(Seed(0), &notes).with_weights(Some(weights));
    Ok(settings.fit_apply(rows, &context)?.1)
}

#[test] // by hand: the centre is (0 + 3 · 4) / 4
fn weights_move_the_centres() {
    let rows = table().numbers("x", [0.0, 4.0]).frame();
    let settings = ClusterDistance { clusters: 1, ..Default::default() };
    let distances = with_weights(&settings, rows, &[1.0, 3.0]).unwrap();
    assert_close(distances.numbers(0).unwrap(), &[3.0, 1.0]);
}

#[track_caller]
fn refused(settings: &dyn Transform, rows: Frame) -> String {
    try_fit(settings, rows).expect_err("this is refused").to_string()
}

#[test]
fn rows_that_cannot_be_reduced_are_refused() {
    let rows = || table().numbers("x", [1.0, 1.0]).numbers("y", [2.0, 2.0]).frame();
    assert_snapshot!(refused(&ClusterDistance { clusters: 2, ..Default::default() }, rows()), @"`clusters` is 2, expected at most 1, since rows have 1 different values");
    assert_snapshot!(refused(&ClusterDistance::default(), rows()), @"`clusters` is 8, expected at most 2, since there are 2 rows");
    assert_snapshot!(refused(&TruncatedSvd { components: 3, ..Default::default() }, rows()), @"`components` is 3, expected at most 2, since there are 2 columns");
    let missing = || table().numbers("x", [Some(1.0), None]).frame();
    let one = TruncatedSvd { components: 1, ..Default::default() };
    assert_snapshot!(refused(&one, missing()), @"column `x` has missing values, which have no singular values");
    assert_snapshot!(refused(&RandomProjection::default(), missing()), @"column `x` has missing values, which have no projection");
    let infinite = table().numbers("x", [1.0, f64::INFINITY]).frame();
    assert_snapshot!(refused(&one, infinite), @"column `x` has an infinite value, or values too large to add up");
}

#[test]
fn a_million_equal_rows_are_reduced() {
    let rows = table().numbers("x", vec![2.0; 1_000_000]).numbers("y", vec![1.0; 1_000_000]);
    let rows = rows.frame();
    let (_, reduced, _) = fit(&TruncatedSvd { components: 1, ..Default::default() }, rows.clone());
    assert!((reduced.numbers(0).unwrap()[0] - 5.0f64.sqrt()).abs() < 1e-9);
    fit(&ClusterDistance { clusters: 1, ..Default::default() }, rows);
}
