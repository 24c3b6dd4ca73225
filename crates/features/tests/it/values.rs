//! What the transforms compute. Figures of telco customers are those of scikit-learn 1.9.1.

use gristmill_core::{Column, Frame, Selector, Transform};
use gristmill_features::*;
use gristmill_testkit::table;

use crate::support::{QUANTITIES, assert_close, catalog, fit, own, row, telco};

fn quantities() -> Selector {
    QUANTITIES.into()
}

fn telco_frame() -> Option<Frame> {
    let table = telco()?;
    Some(Frame::from_table(&table).expect("a frame").features())
}

/// Telco's quantities alone, without missing values.
fn imputed() -> Option<Frame> {
    let imputer = SimpleImputer { columns: quantities(), ..Default::default() };
    let rows = fit(&imputer, telco_frame()?).1;
    let at: Vec<usize> =
        QUANTITIES.iter().map(|name| rows.schema().position(name).unwrap()).collect();
    Some(rows.select(&at))
}

#[test] // by hand: mean 2.5, population deviation √1.25
fn scales_to_mean_zero_and_deviation_one() {
    let (_, rows, _) =
        fit(&StandardScaler::default(), table().numbers("x", [1., 2., 3., 4.]).frame());
    let half = 0.5 / 1.25f64.sqrt();
    assert_close(rows.numbers(0).unwrap(), &[-3. * half, -half, half, 3. * half]);
}

#[test]
fn a_constant_column_becomes_zeros_and_missing_stays_missing() {
    let rows = table().numbers("x", [Some(0.1), None, Some(0.1)]).integers("y", [7, 7, 7]);
    let (_, rows, _) = fit(&StandardScaler::default(), rows.frame());
    assert_close(rows.numbers(0).unwrap(), &[0.0, f64::NAN, 0.0]);
    assert_eq!(rows.numbers(1).unwrap(), [0.0; 3]);
}

#[test] // StandardScaler
fn telco_is_standardized() {
    let Some(rows) = telco_frame() else { return };
    let settings = StandardScaler { columns: quantities(), ..Default::default() };
    let (fitted, rows, _) = fit(&settings, rows);
    let fitted: &FittedStandardScaler = own(fitted.as_ref());
    assert_close(fitted.centers(), &[32.37114865824223, 64.76169246059918, 2283.3004408418656]);
    assert_close(fitted.scales(), &[24.55773742286344, 30.087910854936975, 2266.610180714535]);
    let at = |name| rows.numbers(rows.schema().position(name).unwrap()).unwrap()[488];
    assert_close(&QUANTITIES.map(at), &[-1.318164947398796, -0.40586707795949967, f64::NAN]);
}

#[test] // MinMaxScaler
fn telco_is_scaled_into_a_range() {
    let Some(rows) = telco_frame() else { return };
    let (_, rows, _) = fit(&MinMaxScaler { columns: quantities(), ..Default::default() }, rows);
    let at = |name| rows.numbers(rows.schema().position(name).unwrap()).unwrap()[0];
    assert_close(
        &QUANTITIES.map(at),
        &[0.013888888888888888, 0.11542288557213931, 0.001275098084468036],
    );
}

#[test]
fn later_values_beyond_the_range_are_clipped_when_asked() {
    let train = || table().numbers("x", [0.0, 10.0]).frame();
    let later = || table().numbers("x", [-5.0, 20.0]).frame();
    for (clip, expected) in [(false, [-0.5, 2.0]), (true, [0.0, 1.0])] {
        let (fitted, _, _) = fit(&MinMaxScaler { clip, ..Default::default() }, train());
        assert_close(fitted.apply(later()).unwrap().numbers(0).unwrap(), &expected);
    }
}

#[track_caller]
fn check_fills(strategy: ImputeStrategy, expected: [f64; 3]) {
    let Some(rows) = telco_frame() else { return };
    let settings = SimpleImputer { columns: quantities(), strategy, ..Default::default() };
    let (fitted, _, _) = fit(&settings, rows);
    let fitted: &FittedSimpleImputer = own(fitted.as_ref());
    let fills = QUANTITIES.map(|name| match fitted.fill_value(name) {
        Some(FillValue::Number(number)) => number,
        other => panic!("{name} is filled with {other:?}"),
    });
    assert_close(&fills, &expected);
}

#[test] // SimpleImputer
fn telco_is_imputed() {
    check_fills(ImputeStrategy::Median, [29.0, 70.35, 1397.475]);
    check_fills(ImputeStrategy::Mean, [32.37114865824223, 64.76169246059918, 2283.3004408418656]);
    check_fills(ImputeStrategy::MostFrequent, [1.0, 20.05, 20.2]);
}

#[test]
fn words_are_filled_and_indicated() {
    let rows = table().words("plan", [Some("b"), None, Some("a"), Some("b")]).frame();
    let settings = SimpleImputer {
        columns: "plan".into(),
        strategy: ImputeStrategy::MostFrequent,
        indicator: true,
        ..Default::default()
    };
    let (_, rows, notes) = fit(&settings, rows);
    assert_eq!(rows.schema().names(), ["plan", "plan_missing"]);
    assert_eq!(rows.words(0).unwrap().get(1), Some("b"));
    assert_eq!(rows.numbers(1).unwrap(), [0.0, 1.0, 0.0, 0.0]);
    assert!(!rows.schema().fields()[0].nullable && notes.is_empty());
}

#[test]
fn a_column_without_any_value_is_left_out_and_said_so() {
    let rows = table().numbers("x", [None::<f64>, None]).numbers("y", [1.0, 2.0]).frame();
    let (fitted, rows, notes) = fit(&SimpleImputer::default(), rows);
    assert_eq!(rows.schema().names(), ["y"]);
    assert_eq!(notes, ["column `x` is left out: training saw no value of it"]);
    assert_eq!(own::<FittedSimpleImputer>(fitted.as_ref()).dropped(), ["x"]);
}

#[track_caller]
fn check_one_hot(settings: OneHotEncoder, expected: &[(&str, f64)]) {
    let Some(rows) = telco_frame() else { return };
    let columns = Selector::from(["contract", "payment_method", "internet_service"]);
    let rows = fit(&Drop { columns: Selector::Except(vec![columns]) }, rows).1;
    let (_, rows, _) = fit(&settings, rows);
    let sum = |at: usize| rows.numbers(at).unwrap().iter().sum::<f64>();
    let names = rows.schema().names();
    let found: Vec<(&str, f64)> =
        names.iter().enumerate().map(|(at, n)| (n.as_str(), sum(at))).collect();
    assert_eq!(found, expected);
}

#[test] // OneHotEncoder(drop="first"), columns in the order of the table
fn telco_is_one_hot_encoded() {
    check_one_hot(
        OneHotEncoder { drop: DropCategory::First, ..Default::default() },
        &[
            ("internet_service_Fiber optic", 3096.0),
            ("internet_service_No", 1526.0),
            ("contract_One year", 1473.0),
            ("contract_Two year", 1695.0),
            ("payment_method_Credit card (automatic)", 1522.0),
            ("payment_method_Electronic check", 2365.0),
            ("payment_method_Mailed check", 1612.0),
        ],
    );
}

#[test] // OneHotEncoder(min_frequency=1600)
fn rare_categories_are_grouped() {
    check_one_hot(
        OneHotEncoder { min_frequency: Some(Frequency::Count(1600)), ..Default::default() },
        &[
            ("internet_service_DSL", 2421.0),
            ("internet_service_Fiber optic", 3096.0),
            ("internet_service_infrequent", 1526.0),
            ("contract_Month-to-month", 3875.0),
            ("contract_Two year", 1695.0),
            ("contract_infrequent", 1473.0),
            ("payment_method_Electronic check", 2365.0),
            ("payment_method_Mailed check", 1612.0),
            ("payment_method_infrequent", 3066.0),
        ],
    );
}

#[test]
fn ten_thousand_categories_become_a_hundred_columns_with_a_note() {
    let words: Vec<String> = (0..10_000).map(|i| format!("city {i}")).collect();
    let seen = words.iter().map(String::as_str).chain(["city 77"; 3]).chain(["city 9"; 2]);
    let rows = table().words("city", seen).frame();
    let (fitted, rows, notes) = fit(&OneHotEncoder::default(), rows);
    assert_eq!(rows.schema().len(), 100);
    assert_eq!(rows.schema().names()[99], "city_infrequent");
    let fitted: &FittedOneHotEncoder = own(fitted.as_ref());
    assert_eq!(fitted.infrequent("city").unwrap().len(), 9_901);
    assert!(fitted.categories("city").unwrap().contains(&"city 77".to_string()));
    assert_eq!(
        notes,
        ["column `city` has 10000 categories; the 9901 least frequent are grouped in \
          `city_infrequent`"]
    );
}

#[track_caller]
fn check_unknown(unknown: Unknown, expected: [f64; 3]) {
    let train = table().words("plan", ["a", "a", "b", "b", "rare"]).frame();
    let min_frequency = Some(Frequency::Count(2));
    let (fitted, _, _) =
        fit(&OneHotEncoder { unknown, min_frequency, ..Default::default() }, train);
    let later = fitted.apply(table().words("plan", ["new"]).frame()).unwrap();
    assert_eq!(row(&later, 0), expected);
}

#[test]
fn an_unknown_category_is_ignored_or_counts_as_infrequent() {
    check_unknown(Unknown::Ignore, [0.0, 0.0, 0.0]);
    check_unknown(Unknown::Infrequent, [0.0, 0.0, 1.0]);
}

#[test]
fn missing_is_a_category_of_its_own_where_training_saw_it() {
    let rows = table().words("plan", [Some("missing"), None, Some("a")]).frame();
    let (_, rows, _) = fit(&OneHotEncoder::default(), rows);
    assert_eq!(rows.schema().names(), ["plan_a", "plan_missing", "plan_missing_2"]);
    assert_eq!(row(&rows, 1), [0.0, 0.0, 1.0]);
}

#[test]
fn numbers_and_truths_have_categories_too() {
    let rows = table().integers("n", [10, 9, -1]).booleans("b", [true, false, true]).frame();
    let columns = Selector::from(["n", "b"]);
    let drop = DropCategory::IfBinary;
    let (_, rows, _) = fit(&OneHotEncoder { columns, drop, ..Default::default() }, rows);
    assert_eq!(rows.schema().names(), ["n_-1", "n_9", "n_10", "b_true"]);
    assert_eq!(row(&rows, 0), [0.0, 0.0, 1.0, 1.0]);
}

#[test] // OrdinalEncoder: sums of the codes
fn telco_is_numbered() {
    let Some(rows) = telco_frame() else { return };
    let columns = Selector::from(["contract", "payment_method", "internet_service"]);
    let (_, rows, _) = fit(&OrdinalEncoder { columns, ..Default::default() }, rows);
    let sum = |name| {
        let at = rows.schema().position(name).unwrap();
        rows.numbers(at).unwrap().iter().sum::<f64>()
    };
    assert_eq!(sum("contract"), 4863.0);
    assert_eq!(sum("payment_method"), 11088.0);
    assert_eq!(sum("internet_service"), 6148.0);
}

#[test]
fn an_order_can_be_given() {
    let rows = table().words("size", [Some("M"), Some("S"), None, Some("L"), Some("XL")]).frame();
    let order = ["S", "M", "L"].map(String::from).to_vec();
    let settings = OrdinalEncoder {
        categories: [("size".to_string(), order)].into(),
        unknown: UnknownCode::Missing,
        ..Default::default()
    };
    let (_, rows, _) = fit(&settings, rows);
    assert_close(rows.numbers(0).unwrap(), &[1.0, 0.0, f64::NAN, 2.0, f64::NAN]);
}

#[test]
fn an_order_of_numbers_can_be_spelled_in_a_pipeline_file() {
    let settings = serde_json::json!({"columns": "n", "categories": {"n": [3, 1.5, 2]}});
    let encoder = catalog().build_transform("ordinal", &settings).unwrap();
    let (_, rows, _) = fit(encoder.as_ref(), table().numbers("n", [1.5, 2.0, 3.0]).frame());
    assert_eq!(rows.numbers(0).unwrap(), [1.0, 2.0, 0.0]);
}

#[track_caller]
fn check_pca(
    rows: Frame,
    settings: &Pca,
    variances: [f64; 3],
    directions: [f64; 9],
    first: [f64; 3],
) {
    let (fitted, rows, _) = fit(settings, rows);
    let fitted: &FittedPca = own(fitted.as_ref());
    assert_eq!(rows.schema().names(), ["pca_1", "pca_2", "pca_3"]);
    assert_close(fitted.explained_variance(), &variances);
    assert_close(&fitted.directions().flatten().copied().collect::<Vec<_>>(), &directions);
    assert_close(&row(&rows, 0), &first);
}

const RAW_VARIANCES: [f64; 3] = [5132244.547005561, 627.0066896769418, 87.0035868754224];
const RAW_DIRECTIONS: [f64; 9] = [
    0.00894875208520008,
    0.008645400370192347,
    0.9999225854477718,
    -0.44133614413543815,
    0.8973337738589666,
    -0.003808696849161565,
    0.8972972348758139,
    0.4412678952115869,
    -0.011845545143828767,
];

#[test] // PCA(), PCA(whiten=True)
fn telco_has_the_principal_components_of_scikit_learn() {
    let Some(rows) = imputed() else { return };
    let raw = [-2252.475143593678, -8.904778748177591, -16.87769353189055];
    check_pca(rows.clone(), &Pca::default(), RAW_VARIANCES, RAW_DIRECTIONS, raw);
    let white = [-0.994274579945705, -0.35562071110972726, -1.8094413796189563];
    let settings = Pca { whiten: true, ..Pca::new(3) };
    check_pca(rows, &settings, RAW_VARIANCES, RAW_DIRECTIONS, white);
}

#[test] // PCA() after StandardScaler()
fn standardized_telco_has_the_principal_components_of_scikit_learn() {
    let Some(rows) = imputed() else { return };
    let rows = fit(&StandardScaler::default(), rows).1;
    check_pca(
        rows.clone(),
        &Pca::default(),
        [2.180235867530251, 0.7598590917650487, 0.06033105604125358],
        [
            0.5672497547682769,
            0.48594391468311215,
            0.6648956515858581,
            -0.6069339718711848,
            0.7923832088426809,
            -0.0613188725666494,
            -0.5566496829281393,
            -0.36876464327078495,
            0.7444150511437638,
        ],
        [-1.949549126348385, -0.08313008595226024, 0.39884652755042754],
    );
    for (share, kept) in [(0.9, 2), (0.6, 1)] {
        let components = Components::Share(share);
        let (_, rows, _) = fit(&Pca { components, ..Default::default() }, rows.clone());
        assert_eq!(rows.schema().len(), kept);
    }
}

#[test]
fn columns_without_variance_have_components_of_zeros() {
    let rows = table().numbers("x", [2.0, 2.0]).numbers("y", [3.0, 3.0]).frame();
    for whiten in [false, true] {
        let (fitted, rows, _) = fit(&Pca { whiten, ..Pca::new(2) }, rows.clone());
        assert_eq!(rows.columns(), [Column::Numbers(vec![0.0; 2]), Column::Numbers(vec![0.0; 2])]);
        let fitted: &FittedPca = own(fitted.as_ref());
        assert_eq!(fitted.explained_variance_ratio(), [0.0, 0.0]);
    }
}

#[test]
fn later_steps_take_columns_that_only_fitting_names() {
    let rows = table().words("plan", ["a", "b"]).numbers("x", [1.0, 2.0]).frame();
    let mut schema = OneHotEncoder::default().check(rows.schema()).unwrap();
    assert_eq!(schema.names(), ["plan_*", "x"]);
    let later: [Box<dyn Transform>; 6] = [
        Box::new(SimpleImputer { indicator: true, ..Default::default() }),
        Box::new(StandardScaler { columns: "plan_b".into(), ..Default::default() }),
        Box::new(MinMaxScaler { columns: "plan_*".into(), ..Default::default() }),
        Box::new(OneHotEncoder { columns: "categorical".into(), ..Default::default() }),
        Box::new(Drop::new(["plan_a"])),
        Box::new(Pca::new(2)),
    ];
    for step in later {
        schema = step.check(&schema).unwrap();
    }
    assert_eq!(schema.names(), ["pca_1", "pca_2"]);
}
