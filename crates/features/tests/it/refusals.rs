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
    assert_snapshot!(refused("pca", json!({"columns": "all"})), @"");
}

#[test]
fn words_have_no_mean() {
    assert_snapshot!(refused("impute", json!({"columns": "plan", "strategy": "mean"})), @"");
}

#[test]
fn a_constant_needs_a_value_that_fits() {
    assert_snapshot!(refused("impute", json!({"strategy": "constant"})), @"");
    assert_snapshot!(refused("impute", json!({"fill_value": 0})), @"");
    assert_snapshot!(
        refused("impute", json!({"strategy": "constant", "fill_value": "none"})), @"");
    assert_snapshot!(
        refused("impute", json!({"columns": "yes", "strategy": "constant", "fill_value": 2})),
        @"");
}

#[test]
fn moments_are_neither_scaled_nor_encoded() {
    assert_snapshot!(refused("standardize", json!({"columns": "when"})), @"");
    assert_snapshot!(refused("one_hot", json!({"columns": "when"})), @"");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    assert_snapshot!(refused("min_max", json!({"range": [1, 0]})), @"");
    assert_snapshot!(refused("one_hot", json!({"min_frequency": 1.5})), @"");
    assert_snapshot!(refused("one_hot", json!({"max_categories": 1})), @"");
    assert_snapshot!(refused("pca", json!({"components": 50})), @"");
    assert_snapshot!(refused("pca", json!({"components": "some"})), @"");
    assert_snapshot!(refused("pca", json!({"component": 2})), @"");
    assert_snapshot!(refused("ordinal", json!({"categories": {"x": ["1"]}})), @"");
    assert_snapshot!(refused("ordinal", json!({"categories": {"plan": ["a", "a"]}})), @"");
    assert_snapshot!(refused("drop", json!(["plam"])), @"");
}

/// The message and the hint.
fn said(error: gristmill_core::Error) -> String {
    format!("{error}\nhint: {}", error.hint().unwrap_or_default())
}

#[test]
fn missing_values_have_no_principal_components() {
    let rows = table().numbers("x", [Some(1.0), None]).frame();
    assert_snapshot!(said(try_fit(&Pca::default(), rows).unwrap_err()), @"");
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
    assert_snapshot!(said(fitted.apply(later).unwrap_err()), @"");
    let later = table().words("plan", [Some("a"), None]).frame();
    assert_snapshot!(said(fitted.apply(later).unwrap_err()), @"");
}

#[test]
fn other_columns_than_those_learned_from_are_named() {
    let (fitted, _, _) =
        fit(&StandardScaler::default(), table().numbers("x", [1.0]).numbers("y", [1.0]).frame());
    let lacking = table().numbers("x", [1.0]).frame();
    assert_snapshot!(fitted.apply(lacking).unwrap_err(), @"");
    let other = table().numbers("x", [1.0]).words("y", ["a"]).frame();
    assert_snapshot!(fitted.apply(other).unwrap_err(), @"");
    let turned = table().numbers("y", [1.0]).numbers("x", [1.0]).frame();
    assert_snapshot!(said(fitted.apply(turned).unwrap_err()), @"");
}

#[test]
fn selecting_nothing_is_refused() {
    let rows = table().numbers("x", [1.0]).frame();
    let columns = Selector::word("categorical");
    let error = try_fit(&OneHotEncoder { columns, ..Default::default() }, rows).unwrap_err();
    assert_snapshot!(error, @"");
}
