//! What each transform learns from the same few rows. When one of these changes on purpose, raise
//! the `VERSION` of the transform: what is in caches and models was learned differently.

use std::fmt::Write;

use gristmill_core::{Frame, Selector, TensorData, Transform};
use gristmill_features::*;
use insta::assert_snapshot;

use crate::support::{awkward, fit, full};

/// Its kind, the version that the catalog has for it, and its state; numbers to 12 digits, so that
/// another processor's rounding does not count.
fn learned(settings: &dyn Transform) -> String {
    let table = if settings.kind() == "pca" { full() } else { awkward() };
    let rows = Frame::from_table(&table).unwrap().features();
    let state = fit(settings, rows).0.state();
    let version = crate::support::catalog().transforms()[settings.kind()].version;
    let mut text = format!("{} {version}\n{}", settings.kind(), state.facts);
    for (name, tensor) in &state.tensors {
        let TensorData::F64(values) = &tensor.data else { panic!("{name} is not of f64") };
        let values: Vec<String> = values.iter().map(|v| format!("{v:.11e}")).collect();
        write!(text, "\n{name} {:?} {}", tensor.shape, values.join(" ")).unwrap();
    }
    text
}

#[test]
fn impute() {
    assert_snapshot!(learned(&SimpleImputer { indicator: true, ..Default::default() }), @"");
    let columns = Selector::from(["plan", "yes", "code"]);
    let strategy = ImputeStrategy::MostFrequent;
    assert_snapshot!(learned(&SimpleImputer { columns, strategy, ..Default::default() }), @"");
}

#[test]
fn standardize() {
    assert_snapshot!(learned(&StandardScaler::default()), @"");
}

#[test]
fn min_max() {
    assert_snapshot!(learned(&MinMaxScaler::default()), @"");
}

#[test]
fn one_hot() {
    let min_frequency = Some(Frequency::Count(2));
    assert_snapshot!(learned(&OneHotEncoder { min_frequency, ..Default::default() }), @"");
}

#[test]
fn ordinal() {
    assert_snapshot!(learned(&OrdinalEncoder::default()), @"");
}

#[test]
fn pca() {
    assert_snapshot!(learned(&Pca { whiten: true, ..Pca::new(2) }), @"");
}

#[test]
fn drop() {
    assert_snapshot!(learned(&Drop::new(["x", "plan"])), @"");
}
