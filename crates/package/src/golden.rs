//! `golden.arrow`: some rows with the answers expected of them, so that a model which loads is
//! known to be the model that was evaluated.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, PrimitiveArray, StringArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use serde::{Deserialize, Serialize};

use gristmill_core::{
    DenseMatrix, Error, FittedPipeline, PhysicalType, Prediction, Schema, Scope, Scores, Table,
    TargetSpec,
};

use crate::arrow_file::{self, Named};
use crate::{PackageError, Result};

/// How many rows are taken from all over the table, and how many more for their missing values.
const SPREAD_ROWS: usize = 48;
const MISSING_ROWS: usize = 16;

/// How far an answer may be from the expected one, in relation to numbers above 1: the order in
/// which another kind of processor adds may show in the last bits, a damaged model shows in more.
const TOLERANCE: f64 = 1e-9;

/// How a loaded model answered the golden rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// With the same bits as when it was saved.
    Exact,
    /// Within 10⁻⁹ of them, as on another kind of processor.
    Within,
}

/// The rows of `rows` that become golden, as `pipeline` takes them.
pub(crate) fn choose(pipeline: &FittedPipeline, rows: &Table) -> Result<Table> {
    let rows = rows.conform(pipeline.input())?;
    if rows.rows() == 0 {
        return Err(Error::data_hint(
            "there are no rows for the model to be verified with",
            "give at least one row that the model can answer",
        )
        .into());
    }
    // A windowed step looks at the rows before, so they stay together.
    if pipeline.steps().iter().any(|s| s.scope() != Scope::RowWise) {
        return Ok(rows.slice(0, SPREAD_ROWS + MISSING_ROWS));
    }
    let count = rows.rows().min(SPREAD_ROWS);
    let mut chosen: Vec<u32> = (0..count).map(|i| (i * rows.rows() / count) as u32).collect();
    let missing = (0..rows.schema().len()).filter_map(|at| first_missing(rows.column(at)));
    chosen.extend(missing.take(MISSING_ROWS));
    chosen.sort_unstable();
    chosen.dedup();
    Ok(rows.take(&chosen)?)
}

fn first_missing(column: &ArrayRef) -> Option<u32> {
    let nulls = column.nulls()?;
    (0..nulls.len()).find(|&row| nulls.is_null(row)).map(|row| row as u32)
}

/// The file for `rows`, which [`choose`] gave, with the answers of `pipeline`.
pub(crate) fn record(pipeline: &FittedPipeline, rows: &Table) -> Result<Vec<u8>> {
    let answers = answer(pipeline, rows)?;
    let columns = columns_of("input", rows).chain(columns_of("expected", &answers));
    Ok(arrow_file::write(columns.collect())?)
}

fn columns_of<'a>(part: &'a str, table: &'a Table) -> impl Iterator<Item = (String, ArrayRef)> {
    let fields = table.schema().fields().iter().enumerate();
    fields.map(move |(at, field)| {
        (format!("{part}.{}", field.name), canonical(table.column(at), field.physical))
    })
}

/// Equal values in equal bytes: what lies under a missing value, or before a slice, is cleared.
fn canonical(array: &ArrayRef, physical: PhysicalType) -> ArrayRef {
    fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> ArrayRef {
        Arc::new(array.as_primitive::<T>().iter().collect::<PrimitiveArray<T>>())
    }
    match physical {
        PhysicalType::Boolean => Arc::new(array.as_boolean().iter().collect::<BooleanArray>()),
        PhysicalType::Utf8 => Arc::new(array.as_string::<i32>().iter().collect::<StringArray>()),
        PhysicalType::Binary => Arc::new(array.as_binary::<i32>().iter().collect::<BinaryArray>()),
        PhysicalType::Int64 => primitive::<Int64Type>(array),
        PhysicalType::Float64 => primitive::<Float64Type>(array),
        PhysicalType::Date => primitive::<Date32Type>(array),
        PhysicalType::Timestamp => primitive::<TimestampMicrosecondType>(array),
    }
}

/// Rows with the answers that the model gave when it was saved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Golden {
    /// The rows, as the model takes them.
    pub rows: Table,
    /// The answers: `prediction`, and for classes `probability_<class>` each.
    pub answers: Table,
}

/// The columns of the answers to such a target.
pub(crate) fn output(target: &TargetSpec) -> Result<Schema> {
    let scores = match &target.labels {
        Some(labels) => Scores::Probabilities(DenseMatrix::zeros(0, labels.len())),
        None => Scores::Values(Vec::new()),
    };
    Ok(Prediction::new(scores, target).to_table()?.schema().clone())
}

fn answer(pipeline: &FittedPipeline, rows: &Table) -> Result<Table> {
    let scores = pipeline.predict_conformed(&rows.conform(pipeline.input())?)?;
    let classes = pipeline.target().labels.as_ref().map(|l| l.len());
    let fits = match (&scores, classes) {
        (Scores::Probabilities(p), Some(classes)) => p.columns() == classes,
        (Scores::Values(_), None) => true,
        _ => false,
    };
    if !fits || scores.rows() != rows.rows() {
        return Err(Error::damaged(
            pipeline.model().kind(),
            "its answers have not the shape of its target",
        )
        .into());
    }
    Ok(Prediction::new(scores, pipeline.target()).to_table()?)
}

/// Holds the answers of `pipeline` against those in `bytes`, found in `file`.
pub(crate) fn replay(
    pipeline: &FittedPipeline,
    bytes: &[u8],
    file: &Path,
) -> Result<(Check, Golden)> {
    let damaged = |found: String| PackageError::damaged(file, found);
    let output = output(pipeline.target())?;
    let named = names(pipeline.input(), &output);
    let mut columns = arrow_file::read(bytes, &named).map_err(damaged)?;
    let expected = columns.split_off(pipeline.input().len());
    let expected = Table::new(output, expected)?;
    if expected.rows() == 0 {
        return Err(damaged("it holds no rows".into()));
    }
    let rows = Table::new(pipeline.input().as_ref().clone(), columns)?;
    let found = match rows.schema().is_empty() {
        true => return Err(damaged("the model takes no columns".into())),
        false => answer(pipeline, &rows).map_err(|e| damaged(e.to_string()))?,
    };
    let check = compare(&expected, &found, file)?;
    Ok((check, Golden { rows, answers: expected }))
}

fn names(input: &Schema, output: &Schema) -> Vec<Named> {
    let named = |part: &str, schema: &Schema| {
        let field = |f: &gristmill_core::Field| (format!("{part}.{}", f.name), f.physical.arrow());
        schema.fields().iter().map(field).collect::<Vec<_>>()
    };
    [named("input", input), named("expected", output)].concat()
}

/// The first column of the answers holds the answer itself, the others the probabilities.
fn compare(expected: &Table, found: &Table, file: &Path) -> Result<Check> {
    let mut check = Check::Exact;
    for (at, field) in expected.schema().fields().iter().enumerate() {
        for row in 0..expected.rows() {
            match agreement(expected, found, at, row) {
                Some(Check::Exact) => {}
                Some(Check::Within) => check = Check::Within,
                None => {
                    return Err(PackageError::Answers {
                        file: file.into(),
                        row: row + 1,
                        column: field.name.clone(),
                        expected: shown(expected.column(at), row),
                        found: shown(found.column(at), row),
                    });
                }
            }
        }
    }
    Ok(check)
}

fn agreement(expected: &Table, found: &Table, at: usize, row: usize) -> Option<Check> {
    let (want, have) = (expected.column(at), found.column(at));
    match (number(want, row), number(have, row)) {
        (Some(want), Some(have)) => close(want, have),
        _ => {
            let (want, have) = (word(want, row)?, word(have, row)?);
            if want == have {
                return Some(Check::Exact);
            }
            // Only where two classes are about equally probable may another one win.
            let probability = |class: &str| {
                let at = expected.schema().find(&format!("probability_{class}"))?;
                number(expected.column(at), row)
            };
            close(probability(want)?, probability(have)?).map(|_| Check::Within)
        }
    }
}

fn close(want: f64, have: f64) -> Option<Check> {
    if want.to_bits() == have.to_bits() {
        return Some(Check::Exact);
    }
    ((want - have).abs() <= TOLERANCE * want.abs().max(1.0)).then_some(Check::Within)
}

fn number(column: &ArrayRef, row: usize) -> Option<f64> {
    let column = column.as_primitive_opt::<Float64Type>()?;
    column.is_valid(row).then(|| column.value(row))
}

fn word(column: &ArrayRef, row: usize) -> Option<&str> {
    let column = column.as_string_opt::<i32>()?;
    column.is_valid(row).then(|| column.value(row))
}

fn shown(column: &ArrayRef, row: usize) -> String {
    match (number(column, row), word(column, row)) {
        (Some(number), _) => number.to_string(),
        (_, Some(word)) => word.to_string(),
        _ => "nothing".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(want: f64, have: f64, expected: Option<Check>) {
        assert_eq!(close(want, have), expected);
    }

    #[test]
    fn equal_bits_are_exact_and_small_differences_within() {
        check(0.25, 0.25, Some(Check::Exact));
        check(f64::NAN, f64::NAN, Some(Check::Exact));
        check(0.0, -0.0, Some(Check::Within));
        check(0.25, 0.25 + 1e-10, Some(Check::Within));
        check(1e12, 1e12 + 100.0, Some(Check::Within));
        check(0.25, 0.25 + 1e-8, None);
        check(1.0, f64::NAN, None);
        check(1.0, f64::INFINITY, None);
    }
}
