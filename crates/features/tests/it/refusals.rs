//! What is refused, and what the message says.

use gristmill_core::{Selector, Transform};
use gristmill_features::*;
use gristmill_testkit::table;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{awkward, catalog, fit, try_fit};

/// Why `kind` with these settings refuses the awkward columns, and the hint.
#[track_caller]
fn refused(kind: &str, settings: Value) -> String {
    let result = catalog()
        .build_transform(kind, &settings)
        .and_then(|t| t.check(&awkward().schema().features()).map(drop));
    let error = result.expect_err("this is refused");
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn words_have_no_principal_components() {
    assert_snapshot!(refused("pca", json!({"columns": "all"})), @r"
    column `plan` is categorical, expected numeric or boolean
    hint: put `one_hot: {columns: [plan]}` before, or take other columns
    ");
}

#[test]
fn words_have_no_mean() {
    assert_snapshot!(refused("impute", json!({"columns": "plan", "strategy": "mean"})), @r"
    column `plan` is categorical, expected numeric or boolean
    hint: words have no mean: use `strategy: most_frequent` or `constant` for them
    ");
}

#[test]
fn a_constant_needs_a_value_that_fits() {
    assert_snapshot!(refused("impute", json!({"strategy": "constant"})), @"`fill_value` is absent, expected a value for `constant`");
    assert_snapshot!(refused("impute", json!({"fill_value": 0})), @"`fill_value` is `0`, expected no value for `median`, or `strategy: constant`");
    assert_snapshot!(
        refused("impute", json!({"strategy": "constant", "fill_value": "none"})), @"`fill_value` is `none`, expected a number for column `x`, which is numeric");
    assert_snapshot!(
        refused("impute", json!({"columns": "yes", "strategy": "constant", "fill_value": 2})),
        @"`fill_value` is `2`, expected true or false for column `yes`, which is boolean");
}

#[test]
fn moments_are_neither_scaled_nor_encoded() {
    assert_snapshot!(refused("standardize", json!({"columns": "when"})), @r"
    column `when` is datetime, expected numeric or boolean
    hint: take other columns, such as `numeric` or `{except: [datetime]}`
    ");
    assert_snapshot!(refused("one_hot", json!({"columns": "when"})), @r"
    column `when` is datetime, expected categorical, boolean or numeric
    hint: take other columns, such as `categorical` or `{except: [datetime]}`
    ");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    assert_snapshot!(refused("min_max", json!({"range": [1, 0]})), @"`range` is [1, 0], expected two numbers, the smaller one first");
    assert_snapshot!(refused("one_hot", json!({"min_frequency": 1.5})), @"`min_frequency` is 1.5, expected a share between 0 and 1, or a whole number of rows");
    assert_snapshot!(refused("one_hot", json!({"max_categories": 1})), @"`max_categories` is 1, expected 2 or more, or null for no limit");
    assert_snapshot!(refused("pca", json!({"components": 50})), @"`components` is 50, expected at most 4, since there are 4 columns");
    assert_snapshot!(refused("pca", json!({"components": "some"})), @"expected a count such as 5, a share such as 0.95, or `all`");
    assert_snapshot!(refused("pca", json!({"component": 2})), @"unknown field `component`, expected one of `columns`, `components`, `whiten`, `prefix`");
    assert_snapshot!(refused("ordinal", json!({"categories": {"x": ["1"]}})), @"`categories` is given for `x`, expected lists for the columns that are taken: plan, empty");
    assert_snapshot!(refused("ordinal", json!({"categories": {"plan": ["a", "a"]}})), @"`categories` is `a` twice for `plan`, expected each category once");
    assert_snapshot!(refused("drop", json!(["plam"])), @r"
    column `plam` not found; the table has x, plan, constant, yes, code, empty, nothing, when
    hint: did you mean `plan`?
    ");
}

/// The message and the hint.
fn said(error: gristmill_core::Error) -> String {
    format!("{error}\nhint: {}", error.hint().unwrap_or_default())
}

#[test]
fn missing_values_have_no_principal_components() {
    let rows = table().numbers("x", [Some(1.0), None]).frame();
    assert_snapshot!(said(try_fit(&Pca::default(), rows).unwrap_err()), @r"
    column `x` has missing values, which have no principal components
    hint: put an `impute` step before
    ");
}

#[test]
fn names_of_principal_components_do_not_clash() {
    let schema = table().numbers("x", [1.0]).words("pca_1", ["a"]).build().schema().clone();
    assert_snapshot!(said(Pca::new(1).check(&schema).unwrap_err()), @r"
    there is a column `pca_1` already
    hint: give the results of `pca` another `prefix`
    ");
    assert!(Pca { prefix: "direction".into(), ..Pca::new(1) }.check(&schema).is_ok());
}

#[test]
fn a_missing_value_in_a_later_row_has_no_principal_components() {
    let train = table().numbers("x", [1.0, 2.0]).numbers("y", [1.0, 5.0]).frame();
    let (fitted, _, _) = fit(&Pca::default(), train);
    let later = table().numbers("x", [0.0]).numbers("y", [None::<f64>]).frame();
    assert_snapshot!(fitted.apply(later).unwrap_err(), @"column `y` has missing values, which have no principal components");
}

#[test]
fn infinite_values_are_refused() {
    let rows = || table().numbers("x", [1.0, f64::INFINITY]).frame();
    let settings: [&dyn Transform; 4] = [
        &StandardScaler::default(),
        &MinMaxScaler::default(),
        &Pca::default(),
        &SimpleImputer { strategy: ImputeStrategy::Mean, ..Default::default() },
    ];
    for settings in settings {
        let error = try_fit(settings, rows()).unwrap_err().to_string();
        assert!(error.starts_with("column `x` has an infinite value"), "{error}");
    }
}

#[test]
fn an_unknown_category_is_refused_when_asked() {
    let unknown = Unknown::Error;
    let train = table().words("plan", ["a", "b"]).frame();
    let (fitted, _, _) = fit(&OneHotEncoder { unknown, ..Default::default() }, train);
    let later = table().words("plan", ["a", "c"]).frame();
    assert_snapshot!(said(fitted.apply(later).unwrap_err()), @r"
    column `plan` has `c`, which is not among its known categories
    hint: set `unknown: ignore`, or train with rows that have it
    ");
    let later = table().words("plan", [Some("a"), None]).frame();
    assert_snapshot!(said(fitted.apply(later).unwrap_err()), @r"
    column `plan` has a missing value, which is not among its known categories
    hint: set `unknown: ignore`, or train with rows that have it
    ");
}

#[test]
fn other_columns_than_those_learned_from_are_named() {
    let (fitted, _, _) =
        fit(&StandardScaler::default(), table().numbers("x", [1.0]).numbers("y", [1.0]).frame());
    let lacking = table().numbers("x", [1.0]).frame();
    assert_snapshot!(fitted.apply(lacking).unwrap_err(), @"column `y` not found; the table has x");
    let other = table().numbers("x", [1.0]).words("y", ["a"]).frame();
    assert_snapshot!(fitted.apply(other).unwrap_err(), @"column `y` is categorical, expected numeric");
    let turned = table().numbers("y", [1.0]).numbers("x", [1.0]).frame();
    assert_snapshot!(said(fitted.apply(turned).unwrap_err()), @r"
    step `standardize` was given other columns than it has learned from
    hint: give it exactly x, y, in this order
    ");
}

#[test]
fn selecting_nothing_is_refused() {
    let rows = table().numbers("x", [1.0]).frame();
    let columns = Selector::word("categorical");
    let error = try_fit(&OneHotEncoder { columns, ..Default::default() }, rows).unwrap_err();
    assert_snapshot!(error, @"`categorical` matches no column; the table has x");
}
