//! The answers of a runtime, held against those of the package.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use gristmill_core::graph::{Kind, Program};
use gristmill_core::{Table, TargetSpec};
use serde_json::Value;

use super::runtime::Answered;
use crate::{Error, Kind as ErrorKind, Result};

/// How far an answer may be from the package's, in relation to numbers above 1. Both compute with
/// 64-bit floats, but add in other orders and have other exponentials and logarithms.
pub const TOLERANCE: f64 = 1e-9;

/// Two answers to compare: where they stand, and what they are.
struct Pair<'a> {
    output: &'a str,
    row: usize,
    wanted: f64,
    found: Option<f64>,
}

impl Pair<'_> {
    fn difference(&self) -> Result<f64> {
        let found = self.found.unwrap_or(f64::NAN);
        let difference = (self.wanted - found).abs() / self.wanted.abs().max(1.0);
        if difference <= TOLERANCE {
            return Ok(difference);
        }
        Err(refused(self.output, self.row, &self.wanted.to_string(), &found.to_string()))
    }
}

fn refused(output: &str, row: usize, wanted: &str, found: &str) -> Error {
    let message = format!(
        "the ONNX model answers {found} in `{output}` for golden row {}, and the package {wanted}",
        row + 1
    );
    Error::new(ErrorKind::Bug, message).with_hint(
        "nothing was written; unless several neighbours are equally far (docs/onnx.md), this is a \
         bug in Gristmill or in the runtime: please report it",
    )
}

/// The largest difference between `expected`, the table of the package's answers, and what was
/// answered.
///
/// # Errors
/// When an answer is not there or differs by more than [`TOLERANCE`]; a class may differ where two
/// are about equally probable.
pub(super) fn hold(
    expected: &Table,
    target: &TargetSpec,
    program: &Program,
    answered: &Answered,
) -> Result<f64> {
    let label = &program.outputs[0];
    let mut largest: f64 = 0.0;
    if label.kind == Kind::Numbers {
        for row in 0..expected.rows() {
            let found = cell(answered, &label.name, row, 0)?.as_f64();
            let wanted = number(expected, 0, row)?;
            let pair = Pair { output: &label.name, row, wanted, found };
            largest = largest.max(pair.difference()?);
        }
        return Ok(largest);
    }
    let names = target.labels.as_ref().map_or(&[][..], |labels| labels.names());
    let shares = &program.outputs[1].name;
    for row in 0..expected.rows() {
        for class in 0..names.len() {
            let found = cell(answered, shares, row, class)?.as_f64();
            let wanted = number(expected, class + 1, row)?;
            let pair = Pair { output: shares, row, wanted, found };
            largest = largest.max(pair.difference()?);
        }
        let found = cell(answered, &label.name, row, 0)?.as_str().unwrap_or_default();
        let wanted = expected.column(0).as_string::<i32>().value(row);
        if found != wanted && !about_equal(expected, names, row, [found, wanted])? {
            return Err(refused(&label.name, row, wanted, found));
        }
    }
    Ok(largest)
}

/// Whether two classes are about equally probable.
fn about_equal(expected: &Table, names: &[String], row: usize, pair: [&str; 2]) -> Result<bool> {
    let share = |word: &str| match names.iter().position(|name| name == word) {
        Some(class) => number(expected, class + 1, row).map(Some),
        None => Ok(None),
    };
    Ok(match (share(pair[0])?, share(pair[1])?) {
        (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE,
        _ => false,
    })
}

fn number(table: &Table, column: usize, row: usize) -> Result<f64> {
    table
        .column(column)
        .as_primitive_opt::<Float64Type>()
        .filter(|numbers| row < numbers.len())
        .map(|numbers| numbers.value(row))
        .ok_or_else(|| Error::bug("the golden answers have another form"))
}

fn cell<'a>(answered: &'a Answered, output: &str, row: usize, column: usize) -> Result<&'a Value> {
    let rows = answered.answers.get(output);
    rows.and_then(|rows| rows.get(row)?.get(column)).ok_or_else(|| {
        Error::bug(format!("the runtime gave no answer in `{output}` for row {}", row + 1))
    })
}
