//! Linear models as the first format stored them, without the means of their columns, still answer.
//! The packages were written by hand after that format, with the numbers of models of 24 rows.

use std::path::Path;

use arrow::array::{ArrayRef, Float64Array};
use gristmill_core::{FittedPipeline, Frame, Prediction, Schema, Table};

fn load(name: &str) -> FittedPipeline {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artifacts/first_linear");
    gristmill_package::load(&folder.join(name), &gristmill::catalog()).unwrap().pipeline
}

fn rows() -> Table {
    let column =
        |values: [f64; 3]| -> ArrayRef { std::sync::Arc::new(Float64Array::from(values.to_vec())) };
    let fields = ["tenure", "charges"].map(gristmill_core::Field::number);
    let columns = vec![column([1.0, 30.0, 60.0]), column([100.0, 50.0, 25.5])];
    Table::new(Schema::new(fields.to_vec()).unwrap(), columns).unwrap()
}

/// Answers are there, contributions are not: nobody noted down the means.
#[track_caller]
fn check(name: &str, expected: [f64; 3]) {
    let model = load(name);
    let found = match model.predict(&rows()).unwrap() {
        Prediction::Numbers(values) => values,
        Prediction::Classes { probabilities, .. } => probabilities.column(1).to_vec(),
    };
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9 * expected.abs(), "{found} is not {expected}");
    }
    let frame = Frame::from_table(&rows()).unwrap();
    assert!(model.model().explain(&frame).is_none());
    assert!(!model.model().state().tensors.contains_key("means"));
}

#[test] // by hand: −9.044585269597 + 3.155771865204 tenure + 2.069530442513 charges
fn a_ridge_of_the_first_format_answers() {
    check("ridge", [201.06423084692602, 189.1050928121722, 233.07475292670856]);
}

#[test] // by hand: 1 / (1 + exp(0.234806673427 + 0.110428982790 tenure − 0.083079076874 charges))
fn a_logistic_regression_of_the_first_format_answers() {
    check("logistic", [0.9996518998011694, 0.6470912251959913, 0.00864553475379157]);
}
