//! Encoders of categories and parts of moments. Figures of telco customers are those of
//! scikit-learn 1.9.1, figures of moments those of pandas 3.1.1.

use std::collections::BTreeMap;

use gristmill_core::{
    Column, FitContext, FittedTransform, Frame, Notes, Result, Role, Seed, Selector, Table, Target,
    TargetSpec, Transform,
};
use gristmill_features::*;
use gristmill_testkit::{conformance, table};
use serde::Serialize;
use serde_json::json;

use crate::support::{
    assert_close, awkward, catalog, fit, metro, numbers, own, row, summary, telco, try_fit,
};

#[track_caller]
fn conforms(settings: impl Transform + Serialize, table: Table) {
    conformance::transform(&catalog(), settings, &table);
}

fn telco_frame() -> Option<Frame> {
    Some(Frame::from_table(&telco()?).expect("a frame").features())
}

type Learned = (Box<dyn FittedTransform>, Frame);

fn try_fit_target(settings: &TargetEncoder, rows: Frame, target: &Target) -> Result<Learned> {
    let notes = Notes::default();
    settings.fit_apply(rows, &FitContext::new(Seed(0), &notes).with_target(target))
}

fn fit_target(settings: &TargetEncoder, rows: Frame, target: &Target) -> Learned {
    try_fit_target(settings, rows, target).expect("the rows can be learned from")
}

/// Telco's rows with `target` as what is to be predicted.
fn telco_target(target: &str) -> Option<(Frame, Target)> {
    let table = gristmill_testkit::shared_csv("telco.csv")?.with_target(target).expect("a target");
    let spec = TargetSpec::learn(&table, None, Default::default()).expect("a target");
    let answers = spec.apply(&table).expect("answers");
    Some((Frame::from_table(&table).expect("a frame").features(), answers))
}

#[test]
fn encoders_conform() {
    for training_rows in [TrainingRows::CrossFitted, TrainingRows::AsLater] {
        for smoothing in [Smoothing::Auto, Smoothing::Number(0.0), Smoothing::Number(3.5)] {
            let columns = Selector::from(["plan", "code", "yes", "empty"]);
            let settings =
                TargetEncoder { columns, smoothing, training_rows, ..Default::default() };
            conformance::cross_fitted_transform(&catalog(), settings, &awkward());
        }
    }
    for measure in [Measure::Share, Measure::Count] {
        let columns = Selector::from(["plan", "code", "yes", "empty"]);
        conforms(FrequencyEncoder { columns, measure }, awkward());
    }
    for (features, sparse) in [(3, Sparsity::Auto), (200, Sparsity::Auto), (4, Sparsity::Always)] {
        let columns = Selector::from(["plan", "code", "yes", "empty"]);
        conforms(HashEncoder { columns, features, sparse, ..Default::default() }, awkward());
    }
    conforms(Datetime::default(), awkward());
    let parts = vec![Part::Week, Part::IsMonthEnd, Part::Timestamp];
    let cyclic = vec![Part::Hour, Part::Day];
    conforms(Datetime { parts, cyclic, columns: "when".into() }, awkward());
}

#[test]
fn one_hot_and_ordinal_conform_with_all_their_settings() {
    let columns = || Selector::from(["plan", "code", "yes", "empty"]);
    let categories = BTreeMap::from([("plan".to_string(), ["b", "a"].map(String::from).to_vec())]);
    for sparse in [Sparsity::Always, Sparsity::Never] {
        let drop = DropCategory::Category([("plan".to_string(), "b".to_string())].into());
        let categories = categories.clone();
        let settings =
            OneHotEncoder { columns: columns(), categories, drop, sparse, ..Default::default() };
        conforms(settings, awkward());
    }
    for unknown in [UnknownCode::Missing, UnknownCode::Code(-1)] {
        let settings = OrdinalEncoder {
            columns: columns(),
            categories: categories.clone(),
            unknown,
            missing_code: Some(-2),
            min_frequency: Some(Frequency::Count(2)),
            max_categories: Some(3),
        };
        conforms(settings, awkward());
    }
}

#[test]
fn real_rows_conform() {
    let Some(table) = telco() else { return };
    conformance::cross_fitted_transform(&catalog(), TargetEncoder::default(), &table);
    conforms(FrequencyEncoder::default(), table.clone());
    conforms(HashEncoder { features: 256, ..Default::default() }, table.clone());
    conforms(OneHotEncoder { sparse: Sparsity::Always, ..Default::default() }, table);
}

#[track_caller]
fn check_encodings(smoothing: Smoothing, target: &str, column: &str, expected: &[&[f64]]) {
    let Some((rows, answers)) = telco_target(target) else { return };
    let settings = TargetEncoder { columns: column.into(), smoothing, ..Default::default() };
    let (fitted, _) = fit_target(&settings, rows, &answers);
    let fitted: &FittedTargetEncoder = own(fitted.as_ref());
    assert_eq!(fitted.means().len(), expected.len());
    for (class, expected) in expected.iter().enumerate() {
        assert_close(fitted.encodings(column, class).unwrap().1, expected);
    }
}

#[test] // TargetEncoder(smooth="auto"), TargetEncoder(smooth=30.0)
fn telco_is_encoded_by_its_churn() {
    check_encodings(
        Smoothing::Auto,
        "churn",
        "contract",
        &[&[0.42704440726194437, 0.11274832594755742, 0.0283383224520555]],
    );
    check_encodings(
        Smoothing::Number(30.0),
        "churn",
        "payment_method",
        &[&[0.16897147148907934, 0.15461410832719774, 0.4505056768784179, 0.19242454087930017]],
    );
}

#[test] // TargetEncoder(target_type="continuous")
fn telco_is_encoded_by_its_charges() {
    check_encodings(
        Smoothing::Auto,
        "monthly_charges",
        "contract",
        &[&[66.39815217953105, 65.04839045942299, 60.77353684093927]],
    );
}

#[test] // TargetEncoder() of three classes
fn of_three_classes_each_has_its_encodings() {
    check_encodings(
        Smoothing::Auto,
        "contract",
        "partner",
        &[
            &[0.6852189844471412, 0.405685120204468],
            &[0.17660769125616302, 0.24396271937287156],
            &[0.13816720130999507, 0.35034197337024414],
        ],
    );
    let Some((rows, answers)) = telco_target("contract") else { return };
    let settings = TargetEncoder { columns: "partner".into(), ..Default::default() };
    let (_, encoded) = fit_target(&settings, rows, &answers);
    for class in ["Month-to-month", "One year", "Two year"] {
        assert!(encoded.schema().find(&format!("partner_{class}")).is_some());
    }
}

/// Each fold must come out as later rows do for an encoder that never saw it.
#[test]
fn training_rows_are_encoded_without_their_own_answers() {
    let words: Vec<String> = (0..60).map(|i| format!("w{}", i % 7)).collect();
    let rows = table().words("w", words.iter().map(String::as_str)).frame();
    let answers: Vec<f64> = (0..60).map(|i| f64::from(i * i % 11)).collect();
    let settings = TargetEncoder { folds: 60, ..Default::default() };
    let (_, crossed) = fit_target(&settings, rows.clone(), &Target::Numbers(answers.clone()));
    let plain = TargetEncoder { training_rows: TrainingRows::AsLater, ..Default::default() };
    for left_out in [0u32, 13, 59] {
        let others: Vec<u32> = (0..60).filter(|&r| r != left_out).collect();
        let target = Target::Numbers(answers.clone()).take(&others);
        let (fitted, _) = fit_target(&plain, rows.take(&others), &target);
        let expected = fitted.apply(rows.take(&[left_out])).unwrap();
        assert_close(
            &[crossed.numbers(0).unwrap()[left_out as usize]],
            expected.numbers(0).unwrap(),
        );
    }
}

#[test]
fn noise_that_names_each_row_says_nothing_in_training() {
    let names: Vec<String> = (0..500).map(|i| i.to_string()).collect();
    let rows = table().words("name", names.iter().map(String::as_str)).frame();
    let answers: Vec<f64> = (0..500).map(|i| f64::from(i % 2)).collect();
    let (_, encoded) =
        fit_target(&TargetEncoder::default(), rows, &Target::Numbers(answers.clone()));
    let encoded = encoded.numbers(0).unwrap();
    let product: f64 = encoded.iter().zip(&answers).map(|(e, a)| (e - 0.5) * (a - 0.5)).sum();
    assert!(product <= 1e-9, "an encoding of 500 names knows their answers: {product}");
}

#[test]
fn target_encoding_survives_what_teaches_nothing() {
    let word = |n: usize| table().words("w", vec![Some("a"); n]).frame();
    let (_, one) = fit_target(&TargetEncoder::default(), word(1), &Target::Numbers(vec![3.0]));
    assert_eq!(one.numbers(0).unwrap(), [3.0]);
    let same = Target::Numbers(vec![2.0; 4]);
    let (_, constant) = fit_target(&TargetEncoder::default(), word(4), &same);
    assert_eq!(constant.numbers(0).unwrap(), [2.0; 4]);
    let none =
        TargetEncoder::default().fit_apply(word(2), &FitContext::new(Seed(0), &Notes::default()));
    assert!(none.unwrap_err().to_string().contains("learns from a target"));
    let infinite = Target::Numbers(vec![1.0, f64::INFINITY]);
    let error = try_fit_target(&TargetEncoder::default(), word(2), &infinite).unwrap_err();
    assert!(error.to_string().contains("infinite"), "{error}");
}

#[test] // by hand: (1·2 + 3·6) / 4 = 5 over all rows; a: 2, b: 6, with 2 rows' worth of 5
fn rows_count_by_their_weights() {
    let rows = table().words("w", ["a", "b"]).frame();
    let (target, notes) = (Target::Numbers(vec![2.0, 6.0]), Notes::default());
    let context = FitContext::new(Seed(0), &notes).with_target(&target);
    let settings = TargetEncoder { smoothing: Smoothing::Number(2.0), ..Default::default() };
    let weights = [1.0, 3.0];
    let context = context.with_weights(Some(&weights));
    let (fitted, _) = settings.fit_apply(rows.clone(), &context).unwrap();
    assert_close(fitted.apply(rows).unwrap().numbers(0).unwrap(), &[4.0, 5.6]);
}

#[test] // pandas: value_counts(normalize=True)
fn telco_is_encoded_by_frequency() {
    let Some(rows) = telco_frame() else { return };
    let (fitted, rows, _) =
        fit(&FrequencyEncoder { columns: "payment_method".into(), ..Default::default() }, rows);
    let found = numbers(&rows, "payment_method");
    assert_close(&found[..2], &[0.3357944057929859, 0.22887973874769274]);
    let fitted: &FittedFrequencyEncoder = own(fitted.as_ref());
    let counts: Vec<u64> = fitted.counts("payment_method").unwrap().map(|(_, n)| n).collect();
    assert_eq!(counts, [1544, 1522, 2365, 1612]);
}

#[test]
fn a_category_that_was_never_seen_has_no_frequency() {
    let rows = table().words("w", [Some("a"), None, Some("a"), Some("b")]).frame();
    let (fitted, rows, _) = fit(&FrequencyEncoder::default(), rows);
    assert_eq!(rows.numbers(0).unwrap(), [0.5, 0.25, 0.5, 0.25]);
    let later = fitted.apply(table().words("w", ["new"]).frame()).unwrap();
    assert_eq!(later.numbers(0).unwrap(), [0.0]);
}

#[test] // FeatureHasher(n_features=8, input_type="dict"): sums of the columns
fn telco_is_hashed() {
    let Some(rows) = telco_frame() else { return };
    let columns = Selector::from(["contract", "payment_method"]);
    for sparse in [Sparsity::Never, Sparsity::Always] {
        let columns = columns.clone();
        let settings = HashEncoder { columns, features: 8, sparse, ..Default::default() };
        let (_, hashed, _) = fit(&settings, rows.clone());
        let sums: Vec<f64> =
            (0..8).map(|i| numbers(&hashed, &format!("hash_{i}")).iter().sum()).collect();
        assert_eq!(sums, [-2365.0, -1544.0, -2263.0, 0.0, -1522.0, 3168.0, 0.0, 0.0]);
    }
}

#[test] // OrdinalEncoder(min_frequency=1600), OrdinalEncoder(max_categories=2): sums of the codes
fn rare_categories_share_a_number() {
    let Some(rows) = telco_frame() else { return };
    let columns = ["contract", "payment_method", "internet_service"];
    let check = |settings: OrdinalEncoder, expected: [f64; 3]| {
        let (_, rows, _) = fit(&settings, rows.clone());
        assert_eq!(columns.map(|name| numbers(&rows, name).iter().sum::<f64>()), expected);
    };
    let taken = || OrdinalEncoder { columns: columns.into(), ..Default::default() };
    let min_frequency = Some(Frequency::Count(1600));
    check(OrdinalEncoder { min_frequency, ..taken() }, [4641.0, 7744.0, 6148.0]);
    check(OrdinalEncoder { max_categories: Some(2), ..taken() }, [3168.0, 4678.0, 3947.0]);
}

#[test]
fn unknown_and_missing_categories_have_the_numbers_they_are_given() {
    let settings = json!({"unknown": -1, "missing_code": -2});
    let encoder = catalog().build_transform("ordinal", &settings).unwrap();
    let train = table().words("w", [Some("a"), None, Some("b")]).frame();
    let (fitted, rows, _) = fit(encoder.as_ref(), train);
    assert_eq!(rows.numbers(0).unwrap(), [0.0, -2.0, 1.0]);
    assert!(!rows.schema().fields()[0].nullable);
    let later = fitted.apply(table().words("w", [Some("c"), None]).frame()).unwrap();
    assert_eq!(later.numbers(0).unwrap(), [-1.0, -2.0]);
    let clash = OrdinalEncoder { unknown: UnknownCode::Code(1), ..Default::default() };
    let error = try_fit(&clash, table().words("w", ["a", "b"]).frame()).unwrap_err();
    assert_eq!(error.to_string(), "`unknown` is 1, expected a number that is none of the 2 of `w`");
}

#[test] // OneHotEncoder(drop=[...]): sums of the columns
fn a_category_of_each_column_can_be_dropped() {
    let Some(rows) = telco_frame() else { return };
    let settings = json!({
        "columns": ["contract", "payment_method", "internet_service"],
        "drop": {"contract": "Two year", "payment_method": "Mailed check", "internet_service": "No"},
    });
    let encoder = catalog().build_transform("one_hot", &settings).unwrap();
    let (_, rows, _) = fit(encoder.as_ref(), rows);
    let expected = [
        ("internet_service_DSL", 2421.0),
        ("internet_service_Fiber optic", 3096.0),
        ("contract_Month-to-month", 3875.0),
        ("contract_One year", 1473.0),
        ("payment_method_Bank transfer (automatic)", 1544.0),
        ("payment_method_Credit card (automatic)", 1522.0),
        ("payment_method_Electronic check", 2365.0),
    ];
    for (name, sum) in expected {
        assert_eq!(numbers(&rows, name).iter().sum::<f64>(), sum, "{name}");
    }
    assert!(rows.schema().find("contract_Two year").is_none());
}

#[test]
fn categories_that_are_given_keep_their_order_and_others_are_unknown() {
    let settings = json!({"categories": {"n": [3, 1]}, "columns": "n", "unknown": "ignore"});
    let encoder = catalog().build_transform("one_hot", &settings).unwrap();
    let (_, rows, _) = fit(encoder.as_ref(), table().numbers("n", [1.0, 2.0, 3.0]).frame());
    assert_eq!(rows.schema().names(), ["n_3", "n_1"]);
    assert_eq!([row(&rows, 0), row(&rows, 1)], [[0.0, 1.0], [0.0, 0.0]]);
    let strict = json!({"categories": {"n": [3, 1]}, "columns": "n", "unknown": "error"});
    let encoder = catalog().build_transform("one_hot", &strict).unwrap();
    assert!(try_fit(encoder.as_ref(), table().numbers("n", [2.0]).frame()).is_err());
    let absent = json!({"drop": {"w": "z"}});
    let encoder = catalog().build_transform("one_hot", &absent).unwrap();
    let error = try_fit(encoder.as_ref(), table().words("w", ["a"]).frame()).unwrap_err();
    assert!(error.to_string().starts_with("`drop` is `z` for `w`"), "{error}");
}

#[test]
fn fifty_thousand_categories_become_sparse_columns() {
    let words: Vec<String> = (0..50_000).map(|i| format!("c{i}")).collect();
    let rows = table().words("w", words.iter().map(String::as_str)).frame();
    let settings = OneHotEncoder { max_categories: None, ..Default::default() };
    let (fitted, encoded, _) = fit(&settings, rows.clone());
    assert_eq!(encoded.schema().len(), 50_000);
    assert!(
        encoded.columns().iter().all(|c| matches!(c, Column::Sparse(s) if s.rows().len() == 1))
    );
    let one = fitted.apply(rows.take(&[49_999])).unwrap();
    assert_eq!(numbers(&one, "w_c49999"), [1.0]);
    fit_target(&TargetEncoder::default(), rows, &Target::Numbers(vec![1.0; 50_000]));
}

fn every_part() -> serde_json::Value {
    json!({
        "columns": "date_time",
        "parts": ["year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour",
            "minute", "second", "days_in_month", "is_weekend", "is_month_start", "is_month_end",
            "is_quarter_start", "is_quarter_end", "is_year_start", "is_year_end"],
        "cyclic": ["hour", "day"],
    })
}

#[test] // Series.dt: sums of the parts
fn moments_of_traffic_are_taken_apart() {
    let Some(table) = metro() else { return };
    let settings = every_part();
    let datetime = catalog().build_transform("datetime", &settings).unwrap();
    let rows = fit(datetime.as_ref(), Frame::from_table(&table).unwrap()).1;
    let expected = [
        ("year", 97155761.0),
        ("quarter", 120903.0),
        ("month", 313617.0),
        ("week", 1276801.0),
        ("day", 758617.0),
        ("day_of_year", 8802361.0),
        ("weekday", 143888.0),
        ("hour", 549437.0),
        ("minute", 0.0),
        ("second", 0.0),
        ("days_in_month", 1468814.0),
        ("is_weekend", 13703.0),
        ("is_month_start", 1443.0),
        ("is_month_end", 1538.0),
        ("is_quarter_start", 443.0),
        ("is_quarter_end", 510.0),
        ("is_year_start", 113.0),
        ("is_year_end", 122.0),
        ("hour_sin", 688.5152150281464),
        ("hour_cos", 319.64662947688055),
        ("day_sin", 59.36253295603365),
        ("day_cos", -563.8941494269122),
    ];
    for (part, sum) in expected {
        let found = summary(&numbers(&rows, &format!("date_time_{part}")));
        assert_close(&[found[0], found[1]], &[0.0, sum]);
    }
    assert!(rows.schema().find("date_time").is_none());
}

#[test]
fn a_moment_that_orders_the_rows_stays() {
    let rows = table().times("at", [Some(0), None]).frame();
    let schema = rows.schema().map(|f| f.clone().role(Role::Time)).unwrap();
    let rows = Frame::new(schema.into(), rows.into_columns(), 2).unwrap();
    let settings = Datetime { columns: "at".into(), parts: vec![Part::Year], ..Default::default() };
    let (_, rows, _) = fit(&settings, rows);
    assert_eq!(rows.schema().names(), ["at", "at_year"]);
    assert_eq!(rows.schema().fields()[1].role, Role::Feature);
    assert_close(rows.numbers(1).unwrap(), &[1970.0, f64::NAN]);
}

#[track_caller]
fn refused(kind: &str, settings: serde_json::Value, message: &str) {
    let result = catalog()
        .build_transform(kind, &settings)
        .and_then(|t| t.check(&awkward().schema().features()).map(drop));
    assert_eq!(result.expect_err("this is refused").to_string(), message);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    refused(
        "target_encode",
        json!({"smoothing": -1}),
        "`smoothing` is -1, expected `auto`, or a number of rows from 0 on",
    );
    refused("target_encode", json!({"folds": 1}), "`folds` is 1, expected 2 or more");
    refused("hash", json!({"features": 0}), "`features` is 0, expected 1 to 1048576");
    refused(
        "datetime",
        json!({"cyclic": ["year"]}),
        "`cyclic` is `year`, expected parts that come back: quarter, month, week, day, \
         day_of_year, weekday, hour, minute, second",
    );
    refused(
        "datetime",
        json!({"parts": ["day", "day"]}),
        "`parts` is `day` twice, expected each once",
    );
    refused("datetime", json!({"columns": "x"}), "column `x` is numeric, expected datetime");
    refused(
        "one_hot",
        json!({"drop": {"x": "1"}}),
        "`drop` is given for `x`, expected lists for the columns that are taken: plan, empty",
    );
}
