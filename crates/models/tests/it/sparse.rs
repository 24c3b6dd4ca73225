//! Sparse columns: the words of real texts, against scikit-learn, and against the same numbers
//! written out.

use gristmill_core::{Column, Estimator, Frame, Model, Target};
use gristmill_models::{
    ElasticNet, Lasso, LinearModel, LinearSvm, LinearSvmModel, LogisticModel, LogisticRegression,
    MultinomialNaiveBayes, PoissonRegression, Ridge, SvmLoss,
};
use serde_json::json;

use super::real_rows::{answers, catalog, learn, log_loss, near, probabilities, snippets};

/// The log-odds of the second class in the first four texts.
fn odds(model: &dyn Model, rows: &Frame) -> Vec<f64> {
    probabilities(model, &rows.slice(0..4), 1).iter().map(|p| (p / (1.0 - p)).ln()).collect()
}

#[track_caller]
fn check_classes(estimator: &impl Estimator, intercept: f64, expected: &[f64], distance: f64) {
    let Some((rows, target)) = snippets("label") else { return };
    let model = learn(estimator, &rows, &target, None);
    let inner: &LogisticModel = match model.downcast_ref::<LinearSvmModel>() {
        Some(LinearSvmModel::Classes(inner)) => inner,
        _ => model.downcast_ref().unwrap(),
    };
    near(inner.intercepts(), &[intercept], distance);
    near(&odds(model.as_ref(), &rows), expected, distance);
}

#[track_caller]
fn check_numbers(
    estimator: &impl Estimator,
    shift: f64,
    intercept: f64,
    expected: &[f64],
    used: Option<usize>,
) {
    let Some((rows, Target::Numbers(scores))) = snippets("score") else { return };
    let target = Target::Numbers(scores.iter().map(|score| score + shift).collect());
    let model = learn(estimator, &rows, &target, None);
    near(&answers(model.as_ref(), &rows.slice(0..4)), expected, 2e-4);
    let model: &LinearModel = model.downcast_ref().unwrap();
    near(&[model.intercept()], &[intercept], 2e-4);
    if let Some(used) = used {
        let found = model.weights().iter().filter(|w| **w != 0.0).count();
        assert!(found.abs_diff(used) <= 2, "{found} weights are not 0, not {used}");
    }
}

#[test] // scikit-learn 1.9.1, LogisticRegression(tol=1e-10, max_iter=10000)
fn logistic_regression_of_words_agrees_with_scikit_learn() {
    check_classes(
        &LogisticRegression { tolerance: 1e-7, max_iter: 2000, ..Default::default() },
        -0.25863435549874125,
        &[0.9602431733229352, 1.6257529407467604, -1.6080461160516384, 1.1549054297514973],
        1e-3,
    );
}

#[test] // scikit-learn 1.9.1, LinearSVC(C=0.1, tol=1e-8)
fn squared_hinges_of_words_agree_with_scikit_learn() {
    check_classes(
        &LinearSvm { c: 0.1, tolerance: 1e-8, ..Default::default() },
        -0.0944941085292752,
        &[0.44173933603791826, 0.6284565841303575, -0.5729270456534215, 0.44998376336436796],
        1e-3,
    );
}

#[test] // scikit-learn 1.9.1, LinearSVC(loss="hinge", C=0.1, tol=1e-8)
fn hinges_of_words_agree_with_scikit_learn() {
    let hinge = LinearSvm {
        loss: Some(SvmLoss::Hinge),
        c: 0.1,
        tolerance: 1e-6,
        max_iter: 100_000,
        ..Default::default()
    };
    check_classes(
        &hinge,
        -0.18044800639694508,
        &[0.7368917212925938, 0.9999999998167894, -0.820981999634993, 0.7737685772765885],
        1e-3,
    );
}

#[test] // scikit-learn 1.9.1, Ridge(alpha=5, solver="sparse_cg", tol=1e-13)
fn ridge_of_words_agrees_with_scikit_learn() {
    check_numbers(
        &Ridge { alpha: 5.0, intercept: true },
        0.0,
        -0.11059783420733693,
        &[1.217400326848935, 2.4727494522748596, -0.4883309389127084, 1.0217494861319572],
        None,
    );
}

#[test] // scikit-learn 1.9.1, Lasso(alpha=0.002, tol=1e-12)
fn lasso_of_words_agrees_with_scikit_learn() {
    check_numbers(
        &Lasso { alpha: 0.002, tolerance: 1e-10, max_iter: 20_000, intercept: true },
        0.0,
        -0.10422362469010815,
        &[-0.16768957279425847, 0.06951775550535494, -0.6359944961266788, 0.7475463952108284],
        Some(468),
    );
}

#[test] // scikit-learn 1.9.1, ElasticNet(alpha=0.01, l1_ratio=0.3, tol=1e-12)
fn elastic_net_of_words_agrees_with_scikit_learn() {
    check_numbers(
        &ElasticNet {
            alpha: 0.01,
            l1_ratio: 0.3,
            tolerance: 1e-10,
            max_iter: 20_000,
            intercept: true,
        },
        0.0,
        -0.10361852884351286,
        &[-0.2802547418987483, 0.05500538439993319, -0.6072813226216668, 0.15097238620438413],
        Some(319),
    );
}

#[test] // scikit-learn 1.9.1, PoissonRegressor(alpha=0.01, tol=1e-9) for the score + 4
fn poisson_regression_of_words_agrees_with_scikit_learn() {
    check_numbers(
        &PoissonRegression { alpha: 0.01, tolerance: 1e-8, max_iter: 5000, intercept: true },
        4.0,
        1.3490127821602802,
        &[4.254082948004571, 5.635833043187727, 3.493349581012316, 4.764533942986405],
        None,
    );
}

#[test] // scikit-learn 1.9.1, MultinomialNB()
fn naive_bayes_of_words_agrees_with_scikit_learn() {
    let Some((rows, target)) = snippets("label") else { return };
    let model = learn(&MultinomialNaiveBayes::default(), &rows, &target, None);
    let expected = [
        0.18506761825949414,
        0.00014516080695110514,
        0.9240519650754269,
        0.27825640559597614,
        0.020247124049112396,
    ];
    near(&probabilities(model.as_ref(), &rows.slice(0..5), 0), &expected, 1e-9);
    near(&[log_loss(model.as_ref(), &rows, &target)], &[0.18811936307725366], 1e-9);
}

#[test]
fn sparse_columns_learn_what_dense_ones_do() {
    let Some((rows, target)) = snippets("label") else { return };
    // A narrow design goes another way than a wide one.
    let busy: Vec<usize> = (0..rows.schema().len())
        .filter(|&at| matches!(&rows.columns()[at], Column::Sparse(s) if s.rows().len() > 150))
        .collect();
    for count in [40, busy.len()] {
        let sparse = rows.select(&busy[..count]).slice(0..2000);
        let dense = sparse.clone().dense().unwrap();
        let some: Vec<u32> = (0..2000).collect();
        for (name, settings) in [
            ("logistic_regression", json!({"tolerance": 1e-8, "max_iter": 1000})),
            ("linear_svm", json!({"tolerance": 1e-8})),
            ("multinomial_naive_bayes", json!({})),
        ] {
            let estimator = catalog().build_estimator(name, &settings).unwrap();
            assert!(estimator.takes_sparse());
            let fit = |rows: &Frame| {
                let notes = gristmill_core::Notes::default();
                let context = gristmill_core::FitContext::new(gristmill_core::Seed(0), &notes);
                estimator.fit(rows, &target.take(&some), &context).unwrap()
            };
            let (a, b) = (fit(&sparse), fit(&dense));
            let found = probabilities(a.as_ref(), &sparse, 1);
            near(&found, &probabilities(b.as_ref(), &dense, 1), 1e-4);
            // One model, asked with zeros written out and without.
            assert_eq!(found, probabilities(a.as_ref(), &dense, 1), "{name}");
        }
    }
}

#[test]
fn contributions_add_up_to_the_score() {
    let Some((rows, target)) = snippets("label") else { return };
    let model = learn(&LogisticRegression::default(), &rows, &target, None);
    let some = rows.slice(0..4);
    let explained = model.explain(&some).unwrap().unwrap();
    let sums: Vec<f64> = (0..4)
        .map(|row| {
            let values = &explained.values[0];
            explained.base[0] + (0..values.columns()).map(|c| values.get(row, c)).sum::<f64>()
        })
        .collect();
    near(&sums, &odds(model.as_ref(), &rows), 1e-9);
}
