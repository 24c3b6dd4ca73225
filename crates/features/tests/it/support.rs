//! What the tests share.

use gristmill_core::{
    Catalog, Column, FitContext, FittedTransform, Frame, Notes, Result, Seed, Table, Transform,
};
use gristmill_testkit::{shared_csv, table};

pub fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    gristmill_features::register(&mut catalog);
    catalog
}

pub type Fitted = (Box<dyn FittedTransform>, Frame, Vec<String>);

/// What `settings` learn from `rows`, the rows transformed, and the notes.
pub fn try_fit(settings: &dyn Transform, rows: Frame) -> Result<Fitted> {
    let notes = Notes::default();
    let (fitted, rows) = settings.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
    Ok((fitted, rows, notes.all()))
}

#[track_caller]
pub fn fit(settings: &dyn Transform, rows: Frame) -> Fitted {
    try_fit(settings, rows).expect("the rows can be learned from")
}

/// What `fitted` is as its own type.
#[track_caller]
pub fn own<T: FittedTransform>(fitted: &dyn FittedTransform) -> &T {
    fitted.downcast_ref().expect("the type that this transform learns")
}

/// A few rows with everything that is awkward.
pub fn awkward() -> Table {
    table()
        .numbers("x", [Some(1.5), None, Some(-3.0), Some(1e9), Some(0.0), Some(1.5), None])
        .words("plan", [Some("b"), Some("a"), None, Some("b"), Some("10"), Some("9"), Some("")])
        .numbers("constant", [0.1; 7])
        .booleans("yes", [Some(true), None, Some(false), None, Some(true), Some(true), None])
        .integers("code", [3, 1, 2, 3, 10, -1, 3])
        .words("empty", [None::<&str>; 7])
        .numbers("nothing", [None::<f64>; 7])
        .times("when", [Some(0), None, Some(5), Some(6), Some(7), Some(8), Some(9)])
        .booleans("answer", [true, false, true, false, true, false, true])
        .target("answer")
}

/// The same without missing values.
pub fn full() -> Table {
    table()
        .numbers("x", [1.5, 2.5, -3.0, 1e9, 0.0, 1.5, 8.0])
        .words("plan", ["b", "a", "b", "b", "10", "9", ""])
        .numbers("constant", [0.1; 7])
        .booleans("yes", [true, false, true, true, true, false, true])
        .integers("code", [3, 1, 2, 3, 10, -1, 3])
        .build()
}

/// Real rows: IBM's telco customers.
pub fn telco() -> Option<Table> {
    Some(shared_csv("telco.csv")?.with_target("churn").expect("a target"))
}

pub const QUANTITIES: [&str; 3] = ["tenure", "monthly_charges", "total_charges"];

#[track_caller]
pub fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (a, b) in found.iter().zip(expected) {
        let same = a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * b.abs().max(1.0);
        assert!(same, "{found:?} is not {expected:?}");
    }
}

/// The first values of each numeric column.
pub fn row(frame: &Frame, at: usize) -> Vec<f64> {
    (0..frame.schema().len())
        .filter_map(|column| frame.numbers(column).ok())
        .map(|values| values[at])
        .collect()
}

/// How many values are missing, the sum of the others, and that sum with each value times the
/// number of its row, in ten thousands: enough to tell one column from another.
pub fn summary(values: &[f64]) -> [f64; 3] {
    let known = || values.iter().zip(1..).filter(|(v, _)| !v.is_nan());
    let missing = values.iter().filter(|v| v.is_nan()).count();
    let weighted: f64 = known().map(|(v, row)| v * f64::from(row)).sum();
    [missing as f64, known().map(|(v, _)| v).sum(), weighted / 1e4]
}

/// The numbers of the column called `name`, zeros written out.
#[track_caller]
pub fn numbers(frame: &Frame, name: &str) -> Vec<f64> {
    match &frame.columns()[frame.schema().position(name).expect("the column is there")] {
        Column::Numbers(values) => values.clone(),
        Column::Sparse(values) => values.to_dense(),
        other => panic!("`{name}` holds no numbers: {other:?}"),
    }
}

/// Real rows: the traffic of a highway by the hour, some hours twice, some not at all.
pub fn metro() -> Option<Table> {
    shared_csv("metro_traffic.csv")
}

/// Telco's quantities alone.
pub fn telco_quantities() -> Option<Frame> {
    let frame = Frame::from_table(&telco()?).expect("a frame").features();
    Some(quantities_of(frame, &QUANTITIES))
}

/// Real rows: houses in Ames.
pub fn ames() -> Option<Frame> {
    Some(Frame::from_table(&shared_csv("ames.csv")?).expect("a frame"))
}

/// The columns called `names` alone, in the order of `frame`.
pub fn quantities_of(frame: Frame, names: &[&str]) -> Frame {
    let mut at: Vec<usize> =
        names.iter().map(|name| frame.schema().position(name).unwrap()).collect();
    at.sort_unstable();
    frame.select(&at)
}

/// The sum of a column, missing values left out.
#[track_caller]
pub fn column_sum(frame: &Frame, name: &str) -> f64 {
    let at = frame.schema().position(name).expect("the column is there");
    frame.numbers(at).unwrap().iter().filter(|v| !v.is_nan()).sum()
}
