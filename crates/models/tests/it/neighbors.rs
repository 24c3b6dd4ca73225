//! Neighbors, clusters and mixtures: by hand where a head suffices, against scikit-learn where it
//! does not.

use std::sync::Arc;

use gristmill_core::{
    Catalog, Column, Error, Estimator, Field, FitContext, Frame, Labels, Model, Notes, Schema,
    Scores, Seed, Table, Target,
};
use gristmill_models::{
    CenterModel, Covariance, Dbscan, DbscanModel, GaussianMixture, GaussianMixtureModel, KMeans,
    KNearest, LocalOutlierFactor, Metric, MiniBatchKMeans, NeighborWeights,
};
use gristmill_testkit::{conformance, shared_csv, table};
use serde_json::{Value, json};

/// The first 6,000 Shuttle rows, standardised: nine sensors, and the class of each row.
struct Shuttle {
    sensors: Vec<Vec<f64>>,
    classes: Vec<String>,
}

const TRAIN: usize = 5000;

impl Shuttle {
    fn read() -> Option<Self> {
        let rows = Frame::from_table(&shared_csv("shuttle.csv")?).unwrap().slice(0..6000);
        let sensors = (0..9).map(|at| standardised(rows.numbers(at).unwrap())).collect();
        let words = rows.words(9).unwrap();
        let classes = words.codes.iter().map(|&code| words.dictionary[code as usize].clone());
        Some(Self { sensors, classes: classes.collect() })
    }

    /// Training rows and the others, of the sensors from `first` on.
    fn frames(&self, first: usize) -> (Frame, Frame) {
        let fields = (first..9).map(|at| Field::number(format!("V{at}"))).collect();
        let columns = self.sensors[first..].iter().cloned().map(Column::Numbers).collect();
        let schema = Arc::new(Schema::new(fields).unwrap());
        let rows = Frame::new(schema, columns, 6000).unwrap();
        (rows.slice(0..TRAIN), rows.slice(TRAIN..6000))
    }

    fn target(&self) -> Target {
        let known = &self.classes[..TRAIN];
        let labels = Labels::new(known.to_vec(), None).unwrap();
        let code = |word| labels.names().iter().position(|name| name == word).unwrap() as u32;
        let codes = known.iter().map(code).collect();
        Target::Classes { codes, labels: Arc::new(labels) }
    }
}

fn standardised(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
    values.iter().map(|x| (x - mean) / deviation).collect()
}

fn fit(estimator: &impl Estimator, rows: &Frame, target: &Target) -> Box<dyn Model> {
    let notes = Notes::default();
    let model = estimator.fit(rows, target, &FitContext::new(Seed(0), &notes)).unwrap();
    assert_eq!(notes.all(), [""; 0], "the estimator complained");
    model
}

fn values(scores: Scores) -> Vec<f64> {
    let Scores::Values(values) = scores else { panic!("no values") };
    values
}

/// The sums of the probabilities of each class over the rows.
fn sums(scores: Scores) -> Vec<f64> {
    let Scores::Probabilities(p) = scores else { panic!("no probabilities") };
    (0..p.columns()).map(|class| p.column(class).iter().sum()).collect()
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{f} is not {e} in {found:?}");
    }
}

#[track_caller]
fn check_classes(estimator: &KNearest, expected: &[f64]) {
    let Some(shuttle) = Shuttle::read() else { return };
    let (train, test) = shuttle.frames(0);
    let model = fit(estimator, &train, &shuttle.target());
    // Sensors are whole numbers: of rows at equal distance the two tools choose differently.
    close(&sums(model.predict(&test).unwrap()), expected, 3e-3);
}

#[test] // scikit-learn 1.9.1, KNeighborsClassifier(5)
fn classes_agree_with_scikit_learn() {
    check_classes(&KNearest::default(), &[0.0, 64.2, 0.6, 0.4, 159.6, 775.2]);
}

#[test] // scikit-learn 1.9.1, KNeighborsClassifier(7, weights="distance", metric="manhattan")
fn classes_by_distance_agree_with_scikit_learn() {
    let estimator = KNearest {
        neighbors: 7,
        weights: NeighborWeights::Distance,
        metric: Metric::Manhattan,
        ..KNearest::default()
    };
    check_classes(&estimator, &[0.0, 65.0, 0.0, 0.636295423, 159.892633, 774.471072]);
}

#[test] // scikit-learn 1.9.1, KNeighborsClassifier(9, metric="cosine")
fn classes_by_angle_agree_with_scikit_learn() {
    let estimator = KNearest { neighbors: 9, metric: Metric::Cosine, ..KNearest::default() };
    check_classes(&estimator, &[0.0, 64.3333, 0.4444, 0.2222, 155.1111, 779.8889]);
}

#[test] // scikit-learn 1.9.1, KNeighborsRegressor(5, metric="chebyshev"): first sensor from the others
fn numbers_agree_with_scikit_learn() {
    let Some(shuttle) = Shuttle::read() else { return };
    let (train, test) = shuttle.frames(1);
    let target = Target::Numbers(shuttle.sensors[0][..TRAIN].to_vec());
    let estimator = KNearest { metric: Metric::Chebyshev, ..KNearest::default() };
    let found = values(fit(&estimator, &train, &target).predict(&test).unwrap());
    let errors = found.iter().zip(&shuttle.sensors[0][TRAIN..]).map(|(a, b)| (a - b) * (a - b));
    close(&[found.iter().sum(), errors.sum()], &[14.009393956562008, 20.775362961763097], 0.05);
}

#[test] // scikit-learn 1.9.1, LocalOutlierFactor(novelty=True), score_samples with its sign turned
fn outlier_scores_agree_with_scikit_learn() {
    let Some(shuttle) = Shuttle::read() else { return };
    let (train, test) = shuttle.frames(0);
    let model = fit(&LocalOutlierFactor::default(), &train, &Target::Absent(TRAIN));
    let mut found = values(model.predict(&test).unwrap());
    let expected = [
        1.0062939926713566,
        1.0883393760167062,
        1.0351865562088038,
        0.9708723712656449,
        0.9786623515483857,
        1.716979233226788,
    ];
    close(&found[..6], &expected, 0.02);
    found.sort_by(f64::total_cmp);
    close(&[found[500]], &[1.022993942074487], 2e-3);
}

/// The inertia of so many centers, the best of many starts, and how many rows each has.
fn centers(clusters: usize) -> Option<(f64, Vec<f64>)> {
    let (train, _) = Shuttle::read()?.frames(0);
    let estimator = KMeans { clusters, inits: 100, tolerance: 1e-10, ..KMeans::default() };
    let model = fit(&estimator, &train, &Target::Absent(TRAIN));
    let mut sizes = sums(model.predict(&train).unwrap());
    sizes.sort_by(f64::total_cmp);
    Some((model.downcast_ref::<CenterModel>().unwrap().inertia(), sizes))
}

#[test] // scikit-learn 1.9.1, KMeans(3, n_init=50, tol=1e-10)
fn centers_agree_with_scikit_learn() {
    let Some((inertia, sizes)) = centers(3) else { return };
    close(&[inertia], &[28929.98854126347], 1e-9);
    assert_eq!(sizes, [2.0, 662.0, 4336.0]);
}

#[test] // scikit-learn 1.9.1, KMeans(6, n_init=20, tol=1e-10), which is one of several near optima
fn many_centers_are_no_worse_than_those_of_scikit_learn() {
    let Some((inertia, _)) = centers(6) else { return };
    assert!(inertia < 16097.199703970817 * (1.0 + 1e-9), "{inertia}");
}

#[test] // scikit-learn 1.9.1, MiniBatchKMeans(6, n_init=3): 24005.33
fn batches_are_no_worse_than_those_of_scikit_learn() {
    let Some(shuttle) = Shuttle::read() else { return };
    let (train, _) = shuttle.frames(0);
    let estimator = MiniBatchKMeans { clusters: 6, ..MiniBatchKMeans::default() };
    let model = fit(&estimator, &train, &Target::Absent(TRAIN));
    let found = model.downcast_ref::<CenterModel>().unwrap().inertia();
    assert!(found < 24005.33, "{found}");
}

#[test] // scikit-learn 1.9.1, DBSCAN(eps=0.3, min_samples=10)
fn density_agrees_with_scikit_learn() {
    let Some(shuttle) = Shuttle::read() else { return };
    let (train, _) = shuttle.frames(0);
    let estimator = Dbscan { eps: 0.3, min_samples: 10, ..Dbscan::default() };
    let model = fit(&estimator, &train, &Target::Absent(TRAIN));
    assert_eq!(model.downcast_ref::<DbscanModel>().unwrap().rows(), 4608);
    let core = [3568, 112, 311, 80, 274, 86, 17, 67, 10, 3, 5, 14, 32, 12, 14, 2, 1];
    let labels = model.state().u32s("labels").unwrap().to_vec();
    let sizes: Vec<usize> =
        (0..core.len()).map(|c| labels.iter().filter(|&&l| l as usize == c).count()).collect();
    assert_eq!(sizes, core);
    assert_eq!(sums(model.predict(&train).unwrap()).last(), Some(&152.0));
}

#[track_caller]
fn check_mixture(covariance: Covariance, likelihood: f64, shares: [f64; 3]) {
    let Some(shuttle) = Shuttle::read() else { return };
    let (train, _) = shuttle.frames(0);
    let estimator = GaussianMixture {
        components: 3,
        covariance,
        tolerance: 1e-9,
        max_iter: 2000,
        inits: 20,
        regularization: 1e-3,
    };
    let model = fit(&estimator, &train, &Target::Absent(TRAIN));
    let found = model.downcast_ref::<GaussianMixtureModel>().unwrap();
    assert!(found.log_likelihood() > likelihood - 1e-4, "{}", found.log_likelihood());
    if found.log_likelihood() < likelihood + 1e-4 {
        let mut sorted = found.shares().to_vec();
        sorted.sort_by(f64::total_cmp);
        close(&sorted, &shares, 1e-3);
    }
}

#[test] // scikit-learn 1.9.1, GaussianMixture(3, tol=1e-9, n_init=5, reg_covar=1e-3), as below
fn full_covariances_are_no_worse_than_those_of_scikit_learn() {
    check_mixture(Covariance::Full, 6.110749561394508, [0.013724, 0.085522, 0.900754]);
}

#[test]
fn tied_covariances_are_no_worse_than_those_of_scikit_learn() {
    check_mixture(Covariance::Tied, -1.85854607516225, [0.0004, 0.104129, 0.895471]);
}

#[test]
fn diagonal_covariances_are_no_worse_than_those_of_scikit_learn() {
    check_mixture(Covariance::Diagonal, -3.879111276980557, [0.125235, 0.320469, 0.554296]);
}

#[test]
fn spherical_covariances_are_no_worse_than_those_of_scikit_learn() {
    check_mixture(Covariance::Spherical, -7.150213148178466, [0.083802, 0.369722, 0.546476]);
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    gristmill_models::register(&mut catalog);
    catalog
}

/// Rows with ties, a constant and two collinear columns; `wide` more columns follow.
fn made(rows: usize, wide: usize) -> gristmill_testkit::TableBuilder {
    let number = |row: usize, at: usize| ((row * (37 + 11 * at) + row * row / 7) % 101) as f64;
    let mut made = table()
        .numbers("a", (0..rows).map(|row| number(row, 0)))
        .numbers("twice", (0..rows).map(|row| 2.0 * number(row, 0)))
        .numbers("constant", (0..rows).map(|_| 3.0))
        .booleans("even", (0..rows).map(|row| row % 2 == 0));
    for at in 0..wide {
        made = made.numbers(&format!("w{at}"), (0..rows).map(move |row| number(row, at + 1)));
    }
    made
}

fn with_target(rows: usize, wide: usize, numeric: bool) -> Table {
    let made = made(rows, wide);
    if numeric {
        return made.numbers("y", (0..rows).map(|row| (row % 13) as f64 * 1.5)).target("y");
    }
    let words = ["no", "perhaps", "yes"];
    made.words("y", (0..rows).map(|row| words[row * row % 3 + row % 2])).target("y")
}

#[test]
fn neighbors_keep_the_promises_of_estimators() {
    let check = |settings: Value, table: &Table| {
        conformance::estimator(&catalog(), "k_nearest", &settings, table);
    };
    for (rows, wide) in [(150, 0), (300, 30)] {
        for numeric in [false, true] {
            check(json!({}), &with_target(rows, wide, numeric));
            check(
                json!({"weights": "distance", "metric": "manhattan"}),
                &with_target(rows, wide, numeric),
            );
            check(json!({"metric": "cosine", "neighbors": 1}), &with_target(rows, wide, numeric));
        }
    }
    check(json!({"metric": "chebyshev"}), &with_target(17_000, 1, false));
}

#[test]
fn models_without_a_target_keep_the_promises_of_estimators() {
    let check = |name: &str, settings: Value, rows: usize, wide: usize| {
        conformance::estimator(&catalog(), name, &settings, &made(rows, wide).build());
    };
    for (rows, wide) in [(150, 0), (300, 30), (17_000, 1)] {
        check("local_outlier_factor", json!({"neighbors": 5}), rows, wide);
        check("k_means", json!({"clusters": 5, "inits": 2}), rows, wide);
        check("mini_batch_k_means", json!({"clusters": 5, "batch_rows": 64}), rows, wide);
        check(
            "dbscan",
            json!({"eps": if wide > 9 { 250 } else { 20 }, "min_samples": 3}),
            rows,
            wide,
        );
        for covariance in ["full", "tied", "diagonal", "spherical"] {
            let settings = json!({
                "components": 3, "covariance": covariance, "regularization": 1e-3, "max_iter": 5
            });
            check("gaussian_mixture", settings, rows, wide);
        }
    }
}

const UNSUPERVISED: [&str; 5] =
    ["local_outlier_factor", "k_means", "mini_batch_k_means", "dbscan", "gaussian_mixture"];

fn fit_column(name: &str, settings: Value, values: Vec<f64>) -> Result<Box<dyn Model>, Error> {
    let rows = values.len();
    let frame = table().numbers("x", values).frame();
    let notes = Notes::default();
    let estimator = catalog().build_estimator(name, &settings)?;
    estimator.fit(&frame, &Target::Absent(rows), &FitContext::new(Seed(0), &notes))
}

#[test]
fn a_million_equal_rows_are_learned_from() {
    let rows = vec![4.0; 1_000_000];
    for name in ["k_means", "mini_batch_k_means", "dbscan"] {
        let model = fit_column(name, json!({}), rows.clone()).unwrap();
        assert_eq!(model.clusters().unwrap()[0], "0", "{name}");
    }
    fit_column("gaussian_mixture", json!({"components": 2}), rows).unwrap();
}

#[test]
fn one_row_is_learned_from_or_refused() {
    for (name, settings) in [
        ("k_means", json!({"clusters": 1})),
        ("mini_batch_k_means", json!({"clusters": 1})),
        ("gaussian_mixture", json!({"components": 1})),
        ("dbscan", json!({"min_samples": 1})),
    ] {
        fit_column(name, settings, vec![4.0]).unwrap();
    }
    assert!(fit_column("local_outlier_factor", json!({}), vec![4.0]).is_err());
    assert!(fit_column("k_means", json!({}), vec![4.0]).is_err());
}

#[test]
fn gaps_and_infinite_numbers_are_refused_by_column_and_row() {
    for name in UNSUPERVISED {
        for (value, word) in [(f64::NAN, "no value"), (f64::INFINITY, "inf"), (1e150, "1e150")] {
            let mut rows = vec![1.0, 2.0, 3.0, 5.0];
            rows.push(value);
            let frame = Frame::new(
                table().numbers("x", [1.0]).frame().schema().clone(),
                vec![Column::Numbers(rows)],
                5,
            );
            let estimator = catalog().build_estimator(name, &json!({})).unwrap();
            let notes = Notes::default();
            let context = FitContext::new(Seed(0), &notes);
            let error = estimator.fit(&frame.unwrap(), &Target::Absent(5), &context).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("`x`") && text.contains("row 5") && text.contains(word),
                "{text}"
            );
        }
    }
}

#[test]
fn a_target_is_refused_by_models_that_need_none_and_asked_for_by_those_that_do() {
    let frame = table().numbers("x", [1.0, 2.0]).frame();
    for name in UNSUPERVISED {
        let estimator = catalog().build_estimator(name, &json!({})).unwrap();
        assert!(estimator.unsupervised());
        let error = estimator.check(frame.schema(), gristmill_core::Task::Regression).unwrap_err();
        assert!(error.to_string().contains("there is a target"), "{error}");
    }
    let k_nearest = KNearest::default();
    assert!(k_nearest.check(frame.schema(), gristmill_core::Task::Unsupervised).is_err());
}

#[test]
fn rows_of_weight_zero_do_not_count() {
    let frame = table().numbers("x", [0.0, 1.0, 50.0, 51.0, 900.0]).frame();
    let weights = [1.0, 1.0, 1.0, 1.0, 0.0];
    let notes = Notes::default();
    let context = FitContext::new(Seed(0), &notes).with_weights(Some(&weights));
    for (name, settings) in [
        ("k_means", json!({"clusters": 2})),
        ("gaussian_mixture", json!({"components": 2})),
        ("dbscan", json!({"eps": 2, "min_samples": 2})),
    ] {
        let estimator = catalog().build_estimator(name, &settings).unwrap();
        let model = estimator.fit(&frame, &Target::Absent(5), &context).unwrap();
        let Scores::Probabilities(p) = model.predict(&frame).unwrap() else { unreachable!() };
        assert!((p.get(0, 0) - p.get(1, 0)).abs() < 1e-6, "{name}");
        assert!((p.get(0, 0) - p.get(2, 0)).abs() > 0.99, "{name}");
    }
}

#[test]
fn more_neighbors_than_rows_are_refused() {
    let rows = table().numbers("x", [1.0, 2.0]).numbers("y", [1.0, 2.0]).target("y");
    let error = gristmill_core::Pipeline::new().model(KNearest::default()).fit(&rows).unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `k_nearest` cannot run: 5 neighbors are asked of 2 training rows"
    );
}

#[test] // by hand: one neighbor at distance 1, one at 2: weights 2 to 1
fn near_neighbors_count_more_by_distance() {
    let rows = table().numbers("x", [0.0, 3.0, 90.0]).frame();
    let target = Target::Numbers(vec![30.0, 60.0, 0.0]);
    let estimator =
        KNearest { neighbors: 2, weights: NeighborWeights::Distance, ..KNearest::default() };
    let model = fit(&estimator, &rows, &target);
    let found = values(model.predict(&table().numbers("x", [1.0, 3.0]).frame()).unwrap());
    close(&found, &[40.0, 60.0], 1e-12);
}

#[test]
fn settings_without_sense_are_refused() {
    let refused = |name: &str, settings: Value| {
        let unsupervised = UNSUPERVISED.contains(&name);
        let task = match unsupervised {
            true => gristmill_core::Task::Unsupervised,
            false => gristmill_core::Task::Regression,
        };
        let schema = table().numbers("x", [1.0]).frame().schema().clone();
        let built = catalog().build_estimator(name, &settings);
        assert!(built.and_then(|e| e.check(&schema, task)).is_err(), "{name} {settings}");
    };
    refused("k_nearest", json!({"neighbors": 0}));
    refused("k_nearest", json!({"metric": "minkowsky"}));
    refused("local_outlier_factor", json!({"neighbors": 0}));
    refused("k_means", json!({"clusters": 0}));
    refused("k_means", json!({"tolerance": -1}));
    refused("mini_batch_k_means", json!({"batch_rows": 0}));
    refused("dbscan", json!({"eps": 0}));
    refused("dbscan", json!({"min_samples": 0}));
    refused("gaussian_mixture", json!({"components": 0}));
    refused("gaussian_mixture", json!({"regularization": -1}));
}
