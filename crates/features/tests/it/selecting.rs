//! Selection of columns: the shared suite, and choices among real columns.
//! Figures are those of scikit-learn 1.9.1.

use gristmill_core::{
    Catalog, Column, Compose, FitContext, Frame, Notes, Result, Seed, Selector, SparseNumbers,
    Table, Target, TargetSpec, Transform,
};
use gristmill_features::*;
use gristmill_testkit::{conformance, shared_csv, table};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{assert_close, awkward, fit, full, own, telco};

/// All transforms, and models for those that select by one.
fn catalog() -> Catalog {
    let mut catalog = crate::support::catalog();
    gristmill_models::register(&mut catalog);
    catalog
}

fn select(columns: &str, method: Value) -> Select {
    try_select(columns, method).expect("the settings make sense")
}

fn try_select(columns: &str, method: Value) -> Result<Select> {
    let method = serde_json::from_value(method).expect("this is how it is spelled");
    Select::compose(SelectSettings { columns: columns.into(), method }, &catalog())
}

/// The features of `table` and its target.
fn rows_and_target(table: &Table) -> (Frame, Target) {
    let spec = TargetSpec::learn(table, None, Default::default()).expect("a target");
    let rows = Frame::from_table(table).expect("a frame").features();
    (rows, spec.apply(table).expect("a target for each row"))
}

type Selected = (Box<dyn gristmill_core::FittedTransform>, Frame, Vec<String>);

fn try_choose(settings: &Select, (rows, target): &(Frame, Target)) -> Result<Selected> {
    let notes = Notes::default();
    let context = FitContext::new(Seed(3), &notes).with_target(target);
    let (fitted, rows) = settings.fit_apply(rows.clone(), &context)?;
    Ok((fitted, rows, notes.all()))
}

/// The names of the columns that are kept, and the score of each column chosen from.
#[track_caller]
fn choose(settings: &Select, data: &(Frame, Target)) -> (Vec<String>, Vec<f64>) {
    let (fitted, _, _) = try_choose(settings, data).expect("columns can be chosen");
    let fitted: &FittedSelect = own(fitted.as_ref());
    let dropped = fitted.dropped();
    let kept = fitted.columns().iter().filter(|c| !dropped.contains(c)).cloned().collect();
    (kept, fitted.scores().to_vec())
}

/// Telco's numbers without missing values, and who left.
fn customers() -> Option<(Frame, Target)> {
    let (rows, target) = rows_and_target(&telco()?);
    Some((fit(&SimpleImputer::default(), rows).1, target))
}

/// The numbers of houses without missing values, and their prices.
fn houses() -> Option<(Frame, Target)> {
    let table = shared_csv("ames.csv")?.with_target("price").expect("a target");
    let (rows, target) = rows_and_target(&table);
    let rows = fit(&Drop::new(["Order", "PID"]), rows).1;
    Some((fit(&SimpleImputer::default(), rows).1, target))
}

#[test]
fn every_method_passes_the_suite() {
    let forest = json!({"random_forest": {"trees": 5, "max_depth": 3}});
    let methods = [
        json!({"variance": {}}),
        json!({"variance": {"threshold": 0.1}}),
        json!({"k_best": {"score": "f", "features": 2}}),
        json!({"k_best": {"score": "mutual_information", "features": 1}}),
        json!({"from_model": {"model": forest}}),
        json!({"from_model": {"model": forest, "threshold": "median", "max_features": 1}}),
        json!({"recursive": {"model": forest, "features": 1, "step": 2}}),
        json!({"permutation": {"model": forest, "features": 2, "repeats": 2}}),
    ];
    for method in methods {
        let table = full_with_target();
        conformance::transform(&catalog(), select("numeric", method), &table);
    }
    conformance::transform(
        &catalog(),
        select("all", json!({"from_model": {"model": forest}})),
        &full_with_target(),
    );
    conformance::transform(&catalog(), select("numeric", json!({"variance": {}})), &awkward());
    let Some(table) = telco() else { return };
    let method = json!({"k_best": {"score": "mutual_information", "features": 4}});
    conformance::transform(&catalog(), select("numeric", method), &table);
}

fn full_with_target() -> Table {
    full().with_target("yes").expect("a target")
}

#[test]
fn scores_without_row_weights_refuse_them() {
    let data = rows_and_target(&full_with_target());
    let notes = Notes::default();
    let weights = vec![1.0; data.0.rows()];
    let context = FitContext::new(Seed(3), &notes)
        .with_target(&data.1)
        .with_weights(Some(weights.as_slice()));
    let fit =
        |method: Value| select("numeric", method).fit_apply(data.0.clone(), &context).map(|_| ());
    let refused = fit(json!({"k_best": {"features": 2}})).unwrap_err();
    assert!(refused.to_string().contains("without knowing row weights"), "{refused}");
    fit(json!({"from_model": {"model": {"random_forest": {"trees": 3}}}})).unwrap();
}

#[test]
fn settings_are_spelled_in_a_pipeline_file() {
    let settings = json!({
        "columns": "numeric",
        "method": {"recursive": {"model": {"random_forest": {"trees": 10}}, "features": 5}},
    });
    let built = catalog().build_transform("select", &settings).expect("it is spelled so");
    assert_eq!(built.kind(), "select");
    assert!(catalog().build_transform("select", &Value::Null).is_ok());
    let unknown = json!({"method": {"from_model": {"model": {"forest": {}}}}});
    assert_snapshot!(catalog().build_transform("select", &unknown).unwrap_err(), @"unknown model `forest`");
}

const NUMBERS: [&str; 9] = [
    "female",
    "senior_citizen",
    "partner",
    "dependents",
    "tenure",
    "phone_service",
    "paperless_billing",
    "monthly_charges",
    "total_charges",
];

#[test] // f_classif, chi2
fn customers_are_scored_as_by_scikit_learn() {
    let Some(data) = customers() else { return };
    let f = [
        0.5222569018409975,
        164.04142445613567,
        163.06003598399556,
        195.1493137732415,
        997.2680104991426,
        1.0042664747911525,
        268.9852180928093,
        273.46370420771046,
        290.4398308806035,
    ];
    let k_best = |score: &str| json!({"k_best": {"score": score, "features": 3}});
    let (kept, scores) = choose(&select("numeric", k_best("f")), &data);
    assert_close(&scores, &f);
    assert_eq!(kept, ["tenure", "monthly_charges", "total_charges"]);
    let chi2 = [
        0.26366788576467365,
        134.35154479888715,
        82.41208263843043,
        133.03644287868082,
        16278.92368544716,
        0.09726062494293952,
        105.68086299962546,
        3680.7876989532756,
        627340.3051761833,
    ];
    assert_close(&choose(&select("numeric", k_best("chi2")), &data).1, &chi2);
    assert_eq!(
        choose(&select("numeric", json!({"variance": {"threshold": 0.2}})), &data).0.len(),
        7
    );
}

/// The scores in the order of their size.
fn ranks(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

#[test] // mutual_info_classif; in nats: its three greatest are 0.074, 0.051 and 0.045
fn customers_are_ordered_by_information_as_by_scikit_learn() {
    let Some(data) = customers() else { return };
    let method = json!({"k_best": {"score": "mutual_information", "features": 3}});
    let (kept, scores) = choose(&select("numeric", method), &data);
    let nearest = [
        3.7082914405128786e-05,
        0.010577263953987642,
        0.011453657253317984,
        0.014467261139424592,
        0.07420472414995682,
        7.215949186982484e-05,
        0.019194399646111526,
        0.05091430567735933,
        0.044600256706657904,
    ];
    assert_eq!(ranks(&scores)[..7], ranks(&nearest)[..7]);
    assert_eq!(kept, ["tenure", "monthly_charges", "total_charges"]);
    // Columns of two values have no neighbours at a distance: both count.
    for at in [1, 2, 3, 6] {
        assert!((scores[at] - nearest[at]).abs() < 2e-4, "{} is {}", NUMBERS[at], scores[at]);
    }
}

#[test] // f_regression; mutual_info_regression has the same ten columns first
fn the_best_columns_of_houses_are_those_of_scikit_learn() {
    let Some(data) = houses() else { return };
    let best = |score: &str| {
        let method = json!({"k_best": {"score": score}});
        choose(&select("numeric", method), &data)
    };
    let (kept, scores) = best("f");
    assert_close(&scores[..2], &[2922.5923758149797, 21.35502995256631]);
    let expected = [
        "area",
        "Overall.Qual",
        "Year.Built",
        "Year.Remod.Add",
        "Total.Bsmt.SF",
        "X1st.Flr.SF",
        "Full.Bath",
        "Garage.Yr.Blt",
        "Garage.Cars",
        "Garage.Area",
    ];
    assert_eq!(kept, expected);
    let mut informative: Vec<&str> =
        expected.iter().copied().filter(|c| *c != "Full.Bath").collect();
    informative.insert(1, "MS.SubClass");
    assert_eq!(best("mutual_information").0, informative);
}

#[test] // SelectFromModel(RandomForestRegressor(100)) keeps these four
fn a_forest_keeps_the_columns_of_houses_that_scikit_learn_keeps() {
    let Some(data) = houses() else { return };
    let model = json!({"random_forest": {"trees": 50}});
    let method = json!({"from_model": {"model": model}});
    let (kept, scores) = choose(&select("numeric", method), &data);
    for name in ["area", "Overall.Qual", "Total.Bsmt.SF", "X1st.Flr.SF"] {
        assert!(kept.contains(&name.to_string()), "{name} is not among {kept:?}");
    }
    assert!(kept.len() <= 6, "{kept:?}");
    assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

/// A target that depends on `a` and `b` alone, among columns of noise.
fn noisy(rows: usize) -> (Frame, Target) {
    let mut random = Seed(11).random();
    let mut column = || (0..rows).map(|_| random.normal()).collect::<Vec<f64>>();
    let (noise, a, other, b) = (column(), column(), column(), column());
    let answers = a.iter().zip(&b).map(|(a, b)| 3.0 * a + b * b).collect();
    let rows = table().numbers("noise", noise).numbers("a", a).numbers("other", other);
    (rows.numbers("b", b).frame(), Target::Numbers(answers))
}

#[test]
fn models_find_what_the_target_depends_on() {
    let data = noisy(400);
    let model = json!({"random_forest": {"trees": 20}});
    for method in [
        json!({"recursive": {"model": model, "features": 2}}),
        json!({"permutation": {"model": model, "features": 2}}),
        json!({"from_model": {"model": model, "max_features": 2, "threshold": 0.0}}),
    ] {
        assert_eq!(choose(&select("numeric", method.clone()), &data).0, ["a", "b"], "{method}");
    }
    let method = json!({"permutation": {"model": {"ridge": {}}, "features": 1}});
    assert_eq!(choose(&select("numeric", method), &data).0, ["a"], "a line does not see b²");
}

#[test]
fn columns_that_are_not_taken_stay_and_a_note_says_how_many_are_left() {
    let rows = table().numbers("x", [1.0, 2.0]).words("plan", ["a", "b"]).numbers("y", [3.0; 2]);
    let settings = select("numeric", json!({"variance": {}}));
    let (_, rows, notes) = fit(&settings, rows.frame());
    assert_eq!(rows.schema().names(), ["x", "plan"]);
    assert_eq!(notes, ["`select` keeps 1 of 2 columns"]);
}

#[test]
fn sparse_columns_are_scored_as_dense_ones_and_stay_sparse() {
    let (dense, target) = noisy(50);
    let sparse: Vec<Column> = dense
        .columns()
        .iter()
        .map(|column| {
            let Column::Numbers(values) = column else { panic!("numbers") };
            let all = (0..values.len() as u32).collect();
            Column::Sparse(SparseNumbers::new(all, values.clone(), values.len()).unwrap())
        })
        .collect();
    let rows = Frame::new(std::sync::Arc::clone(dense.schema()), sparse, 50).unwrap();
    let settings = select("numeric", json!({"k_best": {"features": 1}}));
    let (fitted, kept, _) = try_choose(&settings, &(rows, target.clone())).unwrap();
    assert!(matches!(kept.columns(), [Column::Sparse(_)]));
    assert_eq!(fitted.state(), try_choose(&settings, &(dense, target)).unwrap().0.state());
}

/// The message and the hint.
#[track_caller]
fn refused(columns: &str, method: Value, data: &(Frame, Target)) -> String {
    let error = try_select(columns, method)
        .and_then(|settings| try_choose(&settings, data).map(|(_, rows, _)| rows))
        .expect_err("this is refused");
    format!("{error}\nhint: {}", error.hint().unwrap_or_default())
}

#[test]
fn what_cannot_be_selected_is_refused() {
    let data = noisy(20);
    let f = || json!({"k_best": {}});
    assert_snapshot!(refused("numeric", json!({"k_best": {"score": "chi2"}}), &data), @r"
    `score` is chi2, expected `f` or `mutual_information` for a target of numbers
    hint: 
    ");
    assert_snapshot!(refused("numeric", json!({"from_model": {"model": {"ridge": {}}, "threshold": 2}}), &data), @r"
    none of the 4 columns matters enough to be kept
    hint: lower the threshold, or take other columns
    ");
    let absent = (data.0.clone(), Target::Absent(20));
    assert_snapshot!(refused("numeric", f(), &absent), @r"
    `select` learns from known answers, and there is no target
    hint: name the column to predict: `data: {target: COLUMN}`
    ");
    let missing =
        (table().numbers("x", [Some(1.0), None]).frame(), Target::Numbers(vec![1.0, 2.0]));
    assert_snapshot!(refused("numeric", f(), &missing), @r"
    column `x` has missing values, which have no `f`
    hint: put an `impute` step before
    ");
    let (_, classes) = rows_and_target(&full_with_target());
    let negative = (table().numbers("x", [-1.0; 7]).frame(), classes);
    assert_snapshot!(refused("numeric", json!({"k_best": {"score": "chi2"}}), &negative), @r"
    column `x` has the value -1, and `chi2` is for counts
    hint: use `score: f`, or put `min_max` before
    ");
    assert_snapshot!(refused("numeric", json!({"k_best": {"features": 0}}), &data), @r"
    `features` is 0, expected at least 1
    hint: 
    ");
}

#[test]
fn a_model_may_be_given_words_and_says_itself_what_it_takes() {
    let words = table().words("plan", ["a", "b", "a", "b"]).numbers("x", [1.0, 2.0, 3.0, 4.0]);
    let data = (words.frame(), Target::Numbers(vec![1.0, 2.0, 3.0, 4.5]));
    let method = json!({"from_model": {"model": {"ridge": {}}, "threshold": 0.0}});
    let columns = Selector::from("all");
    assert!(try_choose(&select(&columns.to_string(), method), &data).is_err());
}
