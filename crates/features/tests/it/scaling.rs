//! Scaling, powers, ranks, bins, products and splines: the shared suite, and values of real rows.
//! Figures are those of scikit-learn 1.9.1.

use gristmill_core::{Frame, Selector, Transform};
use gristmill_features::*;
use gristmill_testkit::{conformance, table};
use insta::assert_snapshot;
use serde::Serialize;

use crate::support::{
    QUANTITIES, ames, assert_close, awkward, catalog, column_sum, fit, full, own, quantities_of,
    row, telco, telco_quantities, try_fit,
};

#[track_caller]
fn check_everywhere(settings: impl Transform + Serialize + Clone) {
    conformance::transform(&catalog(), settings.clone(), &awkward());
    check_full(settings);
}

/// For those that refuse missing values.
#[track_caller]
fn check_full(settings: impl Transform + Serialize + Clone) {
    conformance::transform(&catalog(), settings.clone(), &full());
    let one_row = table().numbers("x", [3.0]).words("plan", ["a"]).build();
    conformance::transform(&catalog(), settings, &one_row);
}

#[track_caller]
fn check_telco(settings: impl Transform + Serialize) {
    if let Some(table) = telco() {
        conformance::transform(&catalog(), settings, &table);
    }
}

#[test]
fn every_scaler_passes_the_suite() {
    let numbers = || Selector::from(["numeric", "boolean"]);
    check_everywhere(MaxAbsScaler { columns: numbers() });
    check_everywhere(RobustScaler { columns: numbers(), ..Default::default() });
    let quantile_range = [60.0, 90.0];
    check_everywhere(RobustScaler { quantile_range, unit_variance: true, ..Default::default() });
    for norm in [Norm::L1, Norm::L2, Norm::Max] {
        check_full(Normalizer { columns: numbers(), norm });
    }
    check_everywhere(Clip { lower: Some(0.0), ..Default::default() });
    check_everywhere(Clip { quantiles: Some([0.1, 0.8]), ..Default::default() });
    check_everywhere(Log { columns: numbers(), offset: 5.0 });
    check_telco(MaxAbsScaler::default());
    check_telco(RobustScaler::default());
    check_telco(Clip { quantiles: Some([0.01, 0.99]), ..Default::default() });
    check_telco(Log::default());
    check_telco(Normalizer { columns: ["tenure", "monthly_charges"].into(), norm: Norm::L2 });
}

#[test]
fn powers_and_ranks_pass_the_suite() {
    check_everywhere(PowerTransformer::default());
    check_everywhere(PowerTransformer { standardize: false, ..Default::default() });
    let positive = table().numbers("x", [Some(1.0), None, Some(1e-9), Some(1e9), Some(3.0)]);
    let method = PowerMethod::BoxCox;
    let settings = PowerTransformer { method, ..Default::default() };
    conformance::transform(&catalog(), settings, &positive.build());
    for output in [QuantileOutput::Uniform, QuantileOutput::Normal] {
        check_everywhere(QuantileTransformer { output, ..Default::default() });
        check_everywhere(QuantileTransformer { output, quantiles: 3, ..Default::default() });
    }
    check_telco(PowerTransformer::default());
    check_telco(QuantileTransformer::default());
}

#[test]
fn bins_products_and_splines_pass_the_suite() {
    for strategy in [BinStrategy::Quantile, BinStrategy::Uniform, BinStrategy::KMeans] {
        for output in [BinOutput::Ordinal, BinOutput::OneHot] {
            check_everywhere(Bin { strategy, output, bins: 3, ..Default::default() });
            check_telco(Bin { strategy, output, ..Default::default() });
        }
    }
    check_everywhere(Polynomial::default());
    let terms = PolynomialTerms::Interactions;
    check_everywhere(Polynomial { degree: 3, terms, ..Default::default() });
    check_telco(Polynomial { degree: 3, ..Default::default() });
    use Extrapolation::*;
    for extrapolation in [Constant, Linear, Continue, Periodic, Error] {
        let placement = KnotPlacement::Quantile;
        check_everywhere(Spline { extrapolation, ..Default::default() });
        check_telco(Spline { extrapolation, placement, degree: 2, ..Default::default() });
    }
    check_everywhere(Spline { degree: 0, knots: 2, ..Default::default() });
    check_everywhere(Spline { include_bias: false, ..Default::default() });
}

#[test] // RobustScaler, MaxAbsScaler
fn telco_is_scaled_robustly() {
    let Some(rows) = telco_quantities() else { return };
    let (fitted, _, _) = fit(&RobustScaler::default(), rows.clone());
    let fitted: &FittedRobustScaler = own(fitted.as_ref());
    assert_close(&fitted.centers(), &[29.0, 70.35, 1397.475]);
    assert_close(&fitted.scales(), &[46.0, 54.349999999999994, 3393.2875000000004]);
    let quantile_range = [10.0, 80.0];
    let settings = RobustScaler { quantile_range, unit_variance: true, ..Default::default() };
    let (fitted, _, _) = fit(&settings, rows.clone());
    let fitted: &FittedRobustScaler = own(fitted.as_ref());
    assert_close(&fitted.scales(), &[27.317606943771786, 34.947697159101146, 2068.0417542203895]);
    let (fitted, _, _) = fit(&MaxAbsScaler::default(), rows);
    let fitted: &FittedMaxAbsScaler = own(fitted.as_ref());
    assert_close(fitted.scales(), &[72.0, 118.75, 8684.8]);
}

#[test] // Normalizer
fn rows_of_telco_have_length_one() {
    let Some(rows) = telco_quantities() else { return };
    let rows = fit(&SimpleImputer::default(), rows).1;
    for (norm, expected) in [
        (Norm::L1, [0.016474464579901153, 0.4917627677100494, 0.4917627677100494]),
        (Norm::L2, [0.023682025697823118, 0.7069084670800202, 0.7069084670800202]),
        (Norm::Max, [0.03350083752093802, 1.0, 1.0]),
    ] {
        let scaled = fit(&Normalizer { norm, ..Default::default() }, rows.clone()).1;
        assert_close(&row(&scaled, 0), &expected);
    }
}

#[test]
fn rows_beyond_the_squares_of_floats_have_length_one_and_zeros_stay() {
    let rows = table().numbers("x", [3e200, 3e-200, 0.0]).numbers("y", [4e200, 4e-200, 0.0]);
    let scaled = fit(&Normalizer::default(), rows.frame()).1;
    assert_close(scaled.numbers(0).unwrap(), &[0.6, 0.6, 0.0]);
    assert_close(scaled.numbers(1).unwrap(), &[0.8, 0.8, 0.0]);
}

#[test] // numpy 2.4.6: nanpercentile of 1 and 99, and the sum of the clipped values
fn telco_is_clipped_at_its_quantiles() {
    let Some(rows) = telco_quantities() else { return };
    let settings = Clip { quantiles: Some([0.01, 0.99]), ..Default::default() };
    let (fitted, rows, _) = fit(&settings, rows);
    let fitted: &FittedClip = own(fitted.as_ref());
    let bounds: Vec<f64> = fitted.bounds().iter().flat_map(|&(low, high)| [low, high]).collect();
    assert_close(&bounds, &[1.0, 72.0, 19.2, 114.729, 19.9, 8039.882999999997]);
    let sums = QUANTITIES.map(|name| column_sum(&rows, name));
    assert_close(&sums, &[228001.0, 456032.059, 16038216.043]);
}

/// Powers are found by a search, so their last digits depend on where it starts.
#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * b.abs().max(0.1), "{found:?} is not {expected:?}");
    }
}

#[test]
fn many_values_get_the_exponent_that_few_of_the_same_get() {
    let few: Vec<f64> = (0..4000).map(|i| (f64::from(i * 7919 % 4001) / 1e3).exp() - 1.5).collect();
    let exponent = |times: usize| {
        let rows = table().numbers("x", few.repeat(times)).frame();
        let (fitted, _, _) = fit(&PowerTransformer::default(), rows);
        own::<FittedPowerTransformer>(fitted.as_ref()).lambdas()[0]
    };
    let (once, often) = (exponent(1), exponent(20));
    assert!((once - often).abs() < 1e-6, "{once} and {often}");
}

#[test] // PowerTransformer
fn telco_and_ames_get_their_most_likely_powers() {
    let Some(rows) = telco_quantities() else { return };
    let (fitted, scaled, _) = fit(&PowerTransformer::default(), rows);
    let fitted: &FittedPowerTransformer = own(fitted.as_ref());
    let lambdas = [0.44611330992156567, 0.926646242827504, 0.2534609849122231];
    assert_near(&fitted.lambdas(), &lambdas, 1e-5);
    let first = [-1.6443434702769257, -1.158541200897821, -1.8100685323031283];
    assert_near(&row(&scaled, 0), &first, 1e-5);
    let Some(rows) = ames() else { return };
    let rows = quantities_of(rows, &["area", "Lot.Area", "Mas.Vnr.Area", "Total.Bsmt.SF"]);
    let (fitted, _, _) = fit(&PowerTransformer::default(), rows.clone());
    let fitted: &FittedPowerTransformer = own(fitted.as_ref());
    let lambdas =
        [-0.01563336420608806, 0.12936915937989837, -0.2576122548613567, 0.7542077090987112];
    assert_near(&fitted.lambdas(), &lambdas, 1e-5);
    let settings = PowerTransformer { method: PowerMethod::BoxCox, ..Default::default() };
    let (fitted, _, _) = fit(&settings, rows.select(&[0, 1]));
    let fitted: &FittedPowerTransformer = own(fitted.as_ref());
    assert_near(&fitted.lambdas(), &[-0.014851672377911594, 0.12948700170648603], 1e-5);
}

#[test] // QuantileTransformer(subsample=None): one row, and sums over all
fn telco_and_ames_are_ranked() {
    let Some(rows) = telco_quantities() else { return };
    let ranked = fit(&QuantileTransformer::default(), rows.clone()).1;
    assert_close(&row(&ranked, 1), &[0.5495495495495495, 0.39382067092910467, 0.5816683408477339]);
    let sums = QUANTITIES.map(|name| column_sum(&ranked, name));
    assert_close(&sums, &[3530.972972972973, 3521.4898954144123, 3515.9525974051944]);
    let output = QuantileOutput::Normal;
    let ranked = fit(&QuantileTransformer { output, ..Default::default() }, rows).1;
    assert_close(
        &row(&ranked, 2),
        &[-1.2502418557878947, -0.37168668041600494, -1.1768512541503844],
    );
    let sums = QUANTITIES.map(|name| column_sum(&ranked, name));
    assert_near(&sums, &[1174.6881573063213, 0.8649196184665584, -1.3244093735096598], 1e-8);
    let Some(rows) = ames() else { return };
    let rows = quantities_of(rows, &["area", "Lot.Area", "Mas.Vnr.Area", "Total.Bsmt.SF"]);
    let ranked = fit(&QuantileTransformer { quantiles: 100, ..Default::default() }, rows).1;
    let expected =
        [0.6348314606741572, 0.5814307458143074, 0.6086563231274458, 0.42424242424242425];
    assert_close(&row(&ranked, 5), &expected);
    assert_close(&[column_sum(&ranked, "Mas.Vnr.Area")], &[927.98627760899]);
}

/// Sums over the numbers of bins, and the inner edges of the last column.
#[track_caller]
fn check_bins(strategy: BinStrategy, sums: [f64; 3], edges: [f64; 4]) {
    let Some(rows) = telco_quantities() else { return };
    let rows = fit(&SimpleImputer::default(), rows).1;
    let (fitted, binned, _) = fit(&Bin { strategy, ..Default::default() }, rows.clone());
    assert_close(&QUANTITIES.map(|name| column_sum(&binned, name)), &sums);
    let fitted: &FittedBin = own(fitted.as_ref());
    assert_close(&fitted.edges()[2], &edges);
    let output = BinOutput::OneHot;
    let (_, hot, _) = fit(&Bin { strategy, output, ..Default::default() }, rows);
    let number = (2..=5).map(|i| (i - 1) as f64 * column_sum(&hot, &format!("tenure_bin_{i}")));
    assert_close(&[number.sum()], &sums[..1]);
}

#[test] // KBinsDiscretizer(5, subsample=None)
fn telco_is_cut_into_bins() {
    let edges = [1752.0, 3485.2000000000003, 5218.400000000001, 6951.6];
    check_bins(BinStrategy::Uniform, [12385.0, 13414.0, 6406.0], edges);
    let edges = [267.35, 947.4, 2043.45, 4473.0];
    check_bins(BinStrategy::Quantile, [14212.0, 14097.0, 14089.0], edges);
    let edges = [980.425593254427, 2496.6573071937505, 4315.812481300145, 6205.357023369993];
    check_bins(BinStrategy::KMeans, [12500.0, 13367.0, 8769.0], edges);
}

#[test]
fn a_column_of_zeros_and_ones_keeps_two_bins_and_a_constant_one_has_one() {
    let rows = table().numbers("x", [0.0, 0.0, 0.0, 1.0]).numbers("y", [7.0; 4]).frame();
    let (_, binned, notes) = fit(&Bin::default(), rows);
    assert_eq!(binned.numbers(0).unwrap(), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(binned.numbers(1).unwrap(), [0.0; 4]);
    assert_eq!(notes[0], "column `x` has 2 bins instead of 5: too few different values");
}

#[test] // PolynomialFeatures(3).get_feature_names_out, with our signs
fn products_are_named_and_ordered() {
    let rows = table().numbers("a", [2.0]).numbers("b", [3.0]).numbers("c", [5.0]).frame();
    let (_, wider, _) = fit(&Polynomial { degree: 3, ..Default::default() }, rows.clone());
    assert_snapshot!(wider.schema().names().join(" "), @"a b c a^2 a*b a*c b^2 b*c c^2 a^3 a^2*b a^2*c a*b^2 a*b*c a*c^2 b^3 b^2*c b*c^2 c^3");
    let products = [2., 3., 5., 4., 6., 10., 9., 15., 25., 8., 12., 20., 18., 30., 50., 27.];
    assert_eq!(row(&wider, 0)[..16], products);
    let terms = PolynomialTerms::Interactions;
    let (_, wider, _) = fit(&Polynomial { degree: 3, terms, ..Default::default() }, rows);
    assert_eq!(wider.schema().names(), ["a", "b", "c", "a*b", "a*c", "b*c", "a*b*c"]);
}

/// The splines of the first row's tenure, of a tenure of 80, which is beyond, and the sum of the
/// second spline over all rows.
#[track_caller]
fn check_splines(settings: Spline, first: &[f64], beyond: &[f64], second_sum: f64) {
    let Some(rows) = telco_quantities() else { return };
    let (fitted, splines, _) = fit(&Spline { columns: "tenure".into(), ..settings }, rows);
    let count = first.len();
    assert_close(&row(&splines, 0)[..count], first);
    let later = table().numbers("tenure", [80.0]).numbers("monthly_charges", [10.0]);
    let later = later.numbers("total_charges", [None::<f64>]).frame();
    assert_close(&row(&fitted.apply(later).unwrap(), 0)[..count], beyond);
    assert_close(&[column_sum(&splines, "tenure_spline_2")], &[second_sum]);
}

#[test] // SplineTransformer(5, degree=3)
fn telco_has_the_splines_of_scikit_learn() {
    use Extrapolation::*;
    use KnotPlacement::*;
    let settings =
        |extrapolation, placement| Spline { extrapolation, placement, ..Default::default() };
    let uniform =
        [0.14040352080475538, 0.6636659807956105, 0.1959019204389575, 2.8577960676726108e-05];
    let uniform = [&uniform[..], &[0.0; 3]].concat();
    let third = 1.0 / 6.0;
    check_splines(
        settings(Constant, Uniform),
        &uniform,
        &[0.0, 0.0, 0.0, 0.0, third, 4.0 * third, third],
        1464.5913637402884,
    );
    check_splines(
        settings(Linear, Uniform),
        &uniform,
        &[0.0, 0.0, 0.0, 0.0, -0.05555555555555555, 4.0 * third, 0.38888888888888884],
        1464.5913637402884,
    );
    let far = [-0.014631915866483767, 0.08710562414266118, 0.4252400548696845, 0.5022862368541381];
    check_splines(
        settings(Continue, Uniform),
        &uniform,
        &[&[0.0; 3], &far[..]].concat(),
        1464.5913637402884,
    );
    let quantile =
        [0.11705532693187014, 0.7209272412382358, 0.16194776969126634, 6.966213862765586e-05];
    check_splines(
        settings(Linear, Quantile),
        &[&quantile[..], &[0.0; 3]].concat(),
        &[0.0, 0.0, 0.0, 0.0, -0.05833333333333335, 0.6563725490196078, 0.4019607843137255],
        1326.7271426313234,
    );
    check_splines(
        settings(Periodic, Quantile),
        &[0.042077580539118996, 0.6713093157563229, 0.28654344156593026, 6.966213862765586e-05],
        &[8.218277449046679e-05, 0.3468180850403201, 0.6174327172078296, 0.0356670149773598],
        2414.1171221825525,
    );
}

/// The message and the hint.
#[track_caller]
fn refused(settings: &dyn Transform, rows: Frame) -> String {
    let error = try_fit(settings, rows).expect_err("this is refused");
    format!("{error}\nhint: {}", error.hint().unwrap_or_default())
}

#[test]
fn values_without_an_answer_are_refused() {
    let rows = |values: [f64; 2]| table().numbers("x", values).frame();
    assert_snapshot!(refused(&Log::default(), rows([0.0, -1.0])), @r"
    column `x` has the value -1, which has no logarithm with the offset 1
    hint: give a greater `offset`, or move such values with `clip` before
    ");
    let settings = PowerTransformer { method: PowerMethod::BoxCox, ..Default::default() };
    assert_snapshot!(refused(&settings, rows([0.0, 1.0])), @r"
    column `x` has the value 0, and `box_cox` needs values above 0
    hint: use `method: yeo_johnson`
    ");
    assert_snapshot!(refused(&Normalizer::default(), rows([1.0, f64::NAN])), @r"
    column `x` has missing values, so its rows have no length
    hint: put an `impute` step before
    ");
    assert_snapshot!(refused(&Polynomial::default(), rows([1e200, 1.0])), @r"
    column `x` has an infinite value, or values too large to add up
    hint: leave those rows out with `sql`, or scale the column down with `derive`
    ");
    let (fitted, _, _) = fit(
        &Spline { extrapolation: Extrapolation::Error, ..Default::default() },
        rows([0.0, 1.0]),
    );
    assert_snapshot!(fitted.apply(rows([0.5, 2.0])).unwrap_err(), @"column `x` has 2, which is beyond its training values");
}

#[test]
fn infinite_training_values_are_refused() {
    let settings: [&dyn Transform; 8] = [
        &MaxAbsScaler::default(),
        &Normalizer::default(),
        &Log { offset: 0.0, ..Default::default() },
        &PowerTransformer::default(),
        &QuantileTransformer::default(),
        &Bin::default(),
        &Polynomial::default(),
        &Spline::default(),
    ];
    for settings in settings {
        let rows = table().numbers("x", [1.0, f64::INFINITY, 3.0]).frame();
        assert!(try_fit(settings, rows).is_err(), "{settings:?} learned from infinity");
    }
}

#[test]
fn a_million_equal_rows_and_all_missing_ones_are_learned_from() {
    let settings: [&dyn Transform; 8] = [
        &MaxAbsScaler::default(),
        &RobustScaler::default(),
        &PowerTransformer::default(),
        &QuantileTransformer::default(),
        &Clip { quantiles: Some([0.0, 0.5]), ..Default::default() },
        &Bin::default(),
        &Polynomial::default(),
        &Spline::default(),
    ];
    for settings in settings {
        let equal = table().numbers("x", vec![4.25; 1_000_000]).frame();
        let (_, rows, _) = fit(settings, equal);
        assert!(rows.numbers(0).unwrap().iter().all(|v| v.is_finite()), "{settings:?}");
        fit(settings, table().numbers("x", [None::<f64>; 3]).frame());
    }
}

#[track_caller]
fn refused_setting(kind: &str, settings: serde_json::Value) -> String {
    let schema = awkward().schema().features();
    let built = catalog().build_transform(kind, &settings).and_then(|t| t.check(&schema));
    built.expect_err("this is refused").to_string()
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    use serde_json::json;
    assert_snapshot!(refused_setting("robust", json!({"quantile_range": [80, 20]})), @"`quantile_range` is [80, 20], expected two numbers from 0 to 100, the smaller one first");
    assert_snapshot!(refused_setting("clip", json!({})), @"`lower` is absent, expected a number for it or for `upper`, or `quantiles`");
    assert_snapshot!(refused_setting("clip", json!({"lower": 2, "upper": 1})), @"`lower` is 2 and `upper` is 1, expected at most `upper`");
    assert_snapshot!(refused_setting("quantile", json!({"quantiles": 1})), @"`quantiles` is 1, expected 2 or more");
    assert_snapshot!(refused_setting("bin", json!({"bins": 1})), @"`bins` is 1, expected 2 to 65535");
    assert_snapshot!(refused_setting("polynomial", json!({"degree": 1})), @"`degree` is 1, expected 2 to 16");
    assert_snapshot!(refused_setting("spline", json!({"knots": 3, "extrapolation": "periodic"})), @"`knots` is 3, expected more than the degree 3 for periodic splines");
    assert_snapshot!(refused_setting("normalize", json!({"norm": "l3"})), @"unknown variant `l3`, expected one of `l1`, `l2`, `max`");
}
