//! Every transform runs through the suite that all of them share, on awkward and on real rows.

use gristmill_core::{
    FittedTransform, Frame, Learn, Learner, Notes, Rows, Selector, Table, Transform,
};
use gristmill_features::*;
use gristmill_testkit::conformance;
use serde::Serialize;

use crate::support::{awkward, catalog, full, telco};

#[track_caller]
fn check(settings: impl Transform + Serialize, table: Table) {
    conformance::transform(&catalog(), settings, &table);
}

#[track_caller]
fn check_telco(settings: impl Transform + Serialize) {
    if let Some(table) = telco() {
        check(settings, table);
    }
}

#[test]
fn impute() {
    use ImputeStrategy::*;
    let words = Selector::from(["x", "plan", "yes", "code", "empty", "nothing"]);
    for strategy in [Median, Mean] {
        let columns = Selector::from(["numeric", "boolean"]);
        for indicator in [false, true] {
            let columns = columns.clone();
            check(SimpleImputer { columns, strategy, indicator, ..Default::default() }, awkward());
        }
    }
    for indicator in [false, true] {
        let columns = words.clone();
        let strategy = MostFrequent;
        check(SimpleImputer { columns, strategy, indicator, ..Default::default() }, awkward());
    }
    let constant = |columns: &str, fill_value| SimpleImputer {
        columns: columns.into(),
        strategy: Constant,
        fill_value: Some(fill_value),
        indicator: true,
    };
    check(constant("categorical", FillValue::Word("none".into())), awkward());
    check(constant("numeric", FillValue::Number(-1.0)), awkward());
    check(constant("boolean", FillValue::Truth(true)), awkward());
    check_telco(SimpleImputer { indicator: true, ..Default::default() });
}

#[test]
fn standardize() {
    check(StandardScaler::default(), awkward());
    check(StandardScaler { center: false, ..Default::default() }, awkward());
    check(StandardScaler { columns: ["x", "yes"].into(), ..Default::default() }, awkward());
    check_telco(StandardScaler::default());
}

#[test]
fn min_max() {
    check(MinMaxScaler::default(), awkward());
    check(MinMaxScaler { range: [-2.0, 0.5], clip: true, ..Default::default() }, awkward());
    check_telco(MinMaxScaler::default());
}

#[test]
fn one_hot() {
    check(OneHotEncoder::default(), awkward());
    let columns = Selector::from(["plan", "code", "yes", "empty"]);
    for drop in [DropCategory::None, DropCategory::First, DropCategory::IfBinary] {
        for unknown in [Unknown::Ignore, Unknown::Error, Unknown::Infrequent] {
            for max_categories in [None, Some(3)] {
                let settings = OneHotEncoder {
                    columns: columns.clone(),
                    unknown,
                    drop: drop.clone(),
                    min_frequency: Some(Frequency::Share(0.2)),
                    max_categories,
                    ..Default::default()
                };
                check(settings, awkward());
            }
        }
    }
    check_telco(OneHotEncoder {
        min_frequency: Some(Frequency::Count(1600)),
        ..Default::default()
    });
}

#[test]
fn ordinal() {
    check(OrdinalEncoder::default(), awkward());
    let unknown = UnknownCode::Missing;
    let order = ["b", "a", "10"].map(String::from).to_vec();
    let categories = [("plan".to_string(), order)].into();
    check(OrdinalEncoder { unknown, categories, ..Default::default() }, awkward());
    check(OrdinalEncoder { columns: ["code", "yes"].into(), ..Default::default() }, awkward());
    check_telco(OrdinalEncoder::default());
}

#[test]
fn pca() {
    check(Pca::default(), full());
    check(Pca { whiten: true, ..Pca::new(2) }, full());
    check(Pca { columns: ["code", "yes"].into(), ..Default::default() }, full());
    let components = Components::Share(0.9);
    check(Pca { components, prefix: "direction".into(), ..Default::default() }, full());
    let columns = Selector::from(["tenure", "monthly_charges", "senior_citizen"]);
    check_telco(Pca { columns, ..Pca::new(2) });
}

#[test]
fn drop() {
    check(Drop::new(["x", "when"]), awkward());
    check(Drop::new("all"), awkward());
    check_telco(Drop::new("*charges"));
}

#[test]
fn one_row_is_enough() {
    let rows = || gristmill_testkit::table().numbers("x", [3.0]).words("plan", ["a"]).build();
    check(SimpleImputer::default(), rows());
    check(StandardScaler::default(), rows());
    check(MinMaxScaler::default(), rows());
    check(OneHotEncoder::default(), rows());
    check(OrdinalEncoder::default(), rows());
    check(Pca::default(), rows());
    check(Drop::new("x"), rows());
}

/// What was learned from the first rows is stored, read back, and merged with the rest.
#[track_caller]
fn check_stored<L: Learn>(settings: &L) {
    let rows = Frame::from_table(&full()).expect("a frame");
    let learner = |range| {
        let mut learner = settings.learner(rows.schema()).expect("the columns are accepted");
        let rows = Rows { frame: &rows, range, target: None, weights: None };
        learner.update(&rows).expect("the rows are accepted");
        learner
    };
    let fitted = |mut first: L::Learner| {
        first.merge(learner(3..7)).expect("the rest can be merged");
        first.finish(rows.schema(), &Notes::default()).expect("something was learned").state()
    };
    let stored = serde_json::to_string(&learner(0..3)).expect("a learner can be stored");
    let read = serde_json::from_str(&stored).expect("a learner can be read back");
    assert_eq!(fitted(read), fitted(learner(0..3)));
}

#[test]
fn learners_can_be_stored() {
    use ImputeStrategy::*;
    for strategy in [Median, Mean, MostFrequent] {
        check_stored(&SimpleImputer { strategy, ..Default::default() });
    }
    check_stored(&StandardScaler::default());
    check_stored(&MinMaxScaler::default());
    check_stored(&OneHotEncoder { columns: ["plan", "yes"].into(), ..Default::default() });
    check_stored(&OrdinalEncoder::default());
    check_stored(&Pca::default());
}
