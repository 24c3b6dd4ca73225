//! What linear models and their like ask of their columns: numbers, all of them present.

use gristmill_core::{Error, FitContext, Frame, Result, Schema, SemanticType};

use super::design::{Constant, Design};
use super::values::{Values, check_weights};

/// Refuses columns that are not numbers, and a table without columns.
///
/// # Errors
/// [`Error::WrongType`] with the transform that helps; [`Error::Data`] without columns.
pub(crate) fn check(input: &Schema) -> Result<()> {
    if input.is_empty() {
        return Err(Error::data_hint(
            "there is no column to learn from",
            "leave some columns beside the target, its group and its time",
        ));
    }
    input.fields().iter().try_for_each(|field| {
        let remedy = match field.semantic {
            SemanticType::Numeric | SemanticType::Boolean => return Ok(()),
            SemanticType::Categorical => "add `one_hot` before the model",
            SemanticType::Datetime => {
                "add `datetime` before the model, or leave the column out with `drop`"
            }
            SemanticType::Text => {
                "add `tfidf` before the model, or leave the column out with `drop`"
            }
            SemanticType::Image => {
                "add `pixels` before the model, or leave the column out with `drop`"
            }
            SemanticType::Id => "leave the column out with `drop`",
        };
        Err(Error::WrongType {
            name: field.name.clone(),
            found: field.semantic,
            expected: "numeric or boolean",
            hint: Some(remedy.into()),
        })
    })
}

/// As [`check`], for the columns of a stored model.
///
/// # Errors
/// [`Error::Damaged`].
pub(crate) fn check_stored(input: &Schema) -> Result<()> {
    check(input).map_err(|e| Error::damaged("stored model", e.to_string()))
}

/// Training rows as solvers see them.
///
/// # Errors
/// [`Error::Data`] when there is no row, a value is missing or too large to be squared, or the row
/// weights are not all positive or 0 with some above it.
pub(crate) fn design<'a>(
    train: &'a Frame,
    answers: usize,
    context: &FitContext<'a>,
    constant: Constant,
) -> Result<Design<'a>> {
    let rows = train.rows();
    if rows == 0 {
        return Err(Error::data("there is no row to learn from"));
    }
    if answers != rows {
        return Err(Error::Bug(format!("{rows} rows were given {answers} answers")));
    }
    check_weights(context.weights, rows)?;
    let columns: Vec<Values<'_>> =
        (0..train.schema().len()).map(|at| Values::of(train, at)).collect::<Result<_>>()?;
    let design = Design::new(columns, context.weights, rows, constant)?;
    let Some(at) = design.deviations().iter().position(|d| !d.is_finite()) else {
        return Ok(design);
    };
    // A missing value leaves no deviation; looking for one costs a pass only when there is none.
    numbers(train, train.schema())?;
    Err(Error::data_hint(
        format!(
            "column `{}` holds numbers too large for the model",
            train.schema().fields()[at].name
        ),
        "divide them with `derive` before the model, or leave the column out with `drop`",
    ))
}

/// The columns of `rows` as numbers, when they are those of `wanted` and none is missing.
///
/// # Errors
/// [`Error::MissingColumn`] and [`Error::Bug`] when the columns are others; [`Error::Data`] naming
/// column and row, counted from 1 within `rows`, where a value is missing or infinite.
pub(crate) fn numbers<'a>(rows: &'a Frame, wanted: &Schema) -> Result<Vec<Values<'a>>> {
    for (at, field) in wanted.fields().iter().enumerate() {
        if rows.schema().position(&field.name)? != at {
            return Err(Error::Bug(format!("column `{}` is not in its place", field.name)));
        }
    }
    if rows.schema().len() != wanted.len() {
        return Err(Error::Bug("a model was given more columns than it takes".into()));
    }
    (0..wanted.len()).map(|at| finite(rows, at)).collect()
}

/// Refuses scores of rows whose values are so large that sums overflow.
///
/// # Errors
/// [`Error::Data`] naming the row, counted from 1, of the first score that is not `fine`.
pub(super) fn refuse_overflow(scores: &[f64], fine: impl Fn(f64) -> bool) -> Result<()> {
    let Some(row) = scores.iter().position(|score| !fine(*score)) else { return Ok(()) };
    Err(Error::data_hint(
        format!("the values of row {} are too large for the model: their sum overflows", row + 1),
        "correct the values, or cut them with `clip` before the model",
    ))
}

fn finite(rows: &Frame, at: usize) -> Result<Values<'_>> {
    let values = Values::of(rows, at)?;
    let Some((row, value)) = values.not_finite() else { return Ok(values) };
    let name = &rows.schema().fields()[at].name;
    if value.is_nan() {
        return Err(Error::data_hint(
            format!("column `{name}` has no value in row {}, and the model needs one", row + 1),
            format!("add `impute: {{columns: {name}}}` before the model"),
        ));
    }
    Err(Error::data_hint(
        format!("column `{name}` is infinite in row {}", row + 1),
        "correct the value, or cut it with `derive` before the model",
    ))
}
