//! Expectations: the contract that the rows of a source must keep.

use std::collections::HashSet;
use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use gristmill_core::{Field, PhysicalType, Schema, SemanticType, Table, nearest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{MICROS_PER_DAY, write_day, write_moment};
use crate::cell::{Spelling, Value};
use crate::{IngestError, Result};

/// How many rows a breach names.
const NAMED_ROWS: usize = 5;

/// What one column must hold. Missing values break no rule but `nulls`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The column.
    pub column: String,
    /// The least value: a number, or a day or moment in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Literal>,
    /// The greatest value: a number, or a day or moment in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Literal>,
    /// How many values may be missing: a count, or a share such as `1%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<Literal>,
    /// The only values there may be.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Literal>>,
    /// Whether all values must differ.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// What the values must mean.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub semantic: Option<SemanticType>,
}

/// A value as a pipeline file spells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Literal {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Anything in quotes.
    Word(String),
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(v) => v.fmt(f),
            Self::Integer(v) => v.fmt(f),
            Self::Number(v) => v.fmt(f),
            Self::Word(v) => v.fmt(f),
        }
    }
}

/// One rule that the data broke.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// The column.
    pub column: String,
    /// The rule and what was found, such as ``holds -3, less than `min` 0``.
    pub found: String,
    /// How many rows break it; 0 when it is not about rows.
    pub count: usize,
    /// The first such rows, counted from 1.
    pub rows: Vec<usize>,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column `{}` {}", self.column, self.found)?;
        let rows: Vec<String> = self.rows.iter().map(ToString::to_string).collect();
        let more = if self.count > rows.len() { ", ..." } else { "" };
        match self.count {
            0 => Ok(()),
            1 => write!(f, " (row {})", rows.join(", ")),
            count => write!(f, " ({count} rows: {}{more})", rows.join(", ")),
        }
    }
}

/// Holds a table to its contract.
///
/// # Errors
/// [`IngestError::Broken`] with every rule that is broken, each with the number of rows and the
/// first of them; as [`Expectation::check`] for a rule that makes no sense.
///
/// ```
/// # use std::sync::Arc;
/// # use gristmill_core::{Field, PhysicalType, Schema, Table};
/// # use gristmill_ingest::{Expectation, check_expectations};
/// # let schema = Schema::new(vec![Field::new("tenure", PhysicalType::Int64)])?;
/// # let table = Table::new(schema, vec![Arc::new(arrow::array::Int64Array::from(vec![1, -3, 2]))])?;
/// let rule: Expectation = serde_json::from_str(r#"{"column": "tenure", "min": 0}"#)?;
/// let error = check_expectations(&[rule], &table).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the data breaks its contract: column `tenure` holds -3, less than `min` 0 (row 2)"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_expectations(expectations: &[Expectation], table: &Table) -> Result<()> {
    let mut breaches = Vec::new();
    for expectation in expectations {
        expectation.check(table.schema())?;
        let at = table.schema().position(&expectation.column)?;
        breaches.extend(expectation.hold(&table.schema().fields()[at], table.column(at)));
    }
    if breaches.is_empty() { Ok(()) } else { Err(IngestError::Broken { breaches }) }
}

impl Expectation {
    /// Whether the rules make sense for such columns. Reads no rows.
    ///
    /// # Errors
    /// [`gristmill_core::Error::MissingColumn`]; a setting error for a bound that the column's values cannot be
    /// compared with, a share that is none, or a rule that says nothing.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        let field = schema.field(&self.column)?;
        for (name, bound) in [("min", &self.min), ("max", &self.max)] {
            let Some(bound) = bound else { continue };
            if number_like(field.physical, bound).is_none() {
                return Err(self.senseless(
                    name,
                    bound,
                    &match field.physical {
                        PhysicalType::Date | PhysicalType::Timestamp => {
                            "a day or moment such as \"2024-12-31\"".to_string()
                        }
                        PhysicalType::Int64 | PhysicalType::Float64 => "a number".to_string(),
                        other => format!("no bound, for a column of {other}"),
                    },
                ));
            }
        }
        if let Some(nulls) = &self.nulls
            && most_nulls(nulls, 1).is_none()
        {
            return Err(self.senseless("nulls", nulls, "a count, or a share such as \"1%\""));
        }
        Ok(())
    }

    fn senseless(&self, rule: &str, found: &Literal, expected: &str) -> IngestError {
        IngestError::setting(
            &format!("expect.{rule}"),
            format!("`{found}` for column `{}`", self.column),
            expected,
        )
    }

    fn hold(&self, field: &Field, column: &ArrayRef) -> Vec<Breach> {
        let broken = [
            self.wrong_type(field),
            self.too_many_missing(column),
            self.too_small(field.physical, column),
            self.too_large(field.physical, column),
            self.not_allowed(field.physical, column),
            self.repeated(column),
        ];
        let breach = |(rows, found): (Vec<usize>, String)| Breach {
            column: self.column.clone(),
            found,
            count: rows.len(),
            rows: rows.iter().take(NAMED_ROWS).map(|row| row + 1).collect(),
        };
        broken.into_iter().flatten().map(breach).collect()
    }

    fn wrong_type(&self, field: &Field) -> Option<(Vec<usize>, String)> {
        let wanted = self.semantic.filter(|&wanted| !means(field, wanted))?;
        Some((Vec::new(), format!("is {}, expected `type` {wanted}", field.semantic)))
    }

    fn too_many_missing(&self, column: &ArrayRef) -> Option<(Vec<usize>, String)> {
        let nulls = self.nulls.as_ref()?;
        let most = most_nulls(nulls, column.len())?;
        let rows: Vec<usize> = (0..column.len()).filter(|&row| column.is_null(row)).collect();
        (rows.len() > most).then(|| (rows, format!("is missing, more often than `nulls` {nulls}")))
    }

    fn too_small(&self, physical: PhysicalType, column: &ArrayRef) -> Option<(Vec<usize>, String)> {
        let min = self.min.as_ref()?;
        let bound = number_like(physical, min)?;
        let rows = rows_where(column, |value| value < bound);
        let first = shown(column, *rows.first()?);
        Some((rows, format!("holds {first}, less than `min` {min}")))
    }

    fn too_large(&self, physical: PhysicalType, column: &ArrayRef) -> Option<(Vec<usize>, String)> {
        let max = self.max.as_ref()?;
        let bound = number_like(physical, max)?;
        let rows = rows_where(column, |value| value > bound);
        let first = shown(column, *rows.first()?);
        Some((rows, format!("holds {first}, more than `max` {max}")))
    }

    fn not_allowed(
        &self,
        physical: PhysicalType,
        column: &ArrayRef,
    ) -> Option<(Vec<usize>, String)> {
        let allowed = self.one_of.as_ref()?;
        let words: HashSet<String> = allowed.iter().map(|v| spelled(physical, v)).collect();
        let rows: Vec<usize> = (0..column.len())
            .filter(|&row| column.is_valid(row) && !words.contains(&shown(column, row)))
            .collect();
        let first = shown(column, *rows.first()?);
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let near = nearest(&first, &allowed).map(|n| format!(" (near `{n}`)")).unwrap_or_default();
        Some((rows, format!("holds `{first}`{near}, not `in` {}", allowed.join(", "))))
    }

    fn repeated(&self, column: &ArrayRef) -> Option<(Vec<usize>, String)> {
        if !self.unique {
            return None;
        }
        let mut seen = HashSet::with_capacity(column.len());
        let rows: Vec<usize> = (0..column.len())
            .filter(|&row| column.is_valid(row) && !seen.insert(shown(column, row)))
            .collect();
        let first = shown(column, *rows.first()?);
        Some((rows, format!("holds `{first}` again, expected `unique`")))
    }
}

/// Whether the values of `field` can be said to be `wanted` without a word about it elsewhere.
fn means(field: &Field, wanted: SemanticType) -> bool {
    field.semantic == wanted
        || (wanted == SemanticType::Categorical && field.semantic == SemanticType::Text)
        || (matches!(wanted, SemanticType::Text | SemanticType::Id)
            && field.physical.can_mean(wanted)
            && field.physical == PhysicalType::Utf8)
        || (wanted == SemanticType::Numeric && field.physical.usual_meaning() == wanted)
}

/// The most values that may be missing out of `rows`.
fn most_nulls(nulls: &Literal, rows: usize) -> Option<usize> {
    match nulls {
        Literal::Integer(count) => usize::try_from(*count).ok(),
        Literal::Word(share) => {
            let percent: f64 = share.strip_suffix('%')?.trim().parse().ok()?;
            (0.0..=100.0).contains(&percent).then(|| (percent / 100.0 * rows as f64) as usize)
        }
        _ => None,
    }
}

/// A bound on the scale on which a column of `physical` is compared.
fn number_like(physical: PhysicalType, bound: &Literal) -> Option<f64> {
    match (physical, bound) {
        (PhysicalType::Int64 | PhysicalType::Float64, Literal::Integer(v)) => Some(*v as f64),
        (PhysicalType::Int64 | PhysicalType::Float64, Literal::Number(v)) => Some(*v),
        (PhysicalType::Date | PhysicalType::Timestamp, Literal::Word(text)) => {
            match Spelling::new(b'.', &[]).read(text.trim().as_bytes()) {
                Value::Day(day) => Some((i64::from(day) * MICROS_PER_DAY) as f64),
                Value::Local(micros) | Value::Zoned(micros) => Some(micros as f64),
                _ => None,
            }
        }
        _ => None,
    }
}

fn rows_where(column: &ArrayRef, breaks: impl Fn(f64) -> bool) -> Vec<usize> {
    (0..column.len())
        .filter(|&row| column.is_valid(row) && number_at(column, row).is_some_and(&breaks))
        .collect()
}

fn number_at(column: &ArrayRef, row: usize) -> Option<f64> {
    if let Some(values) = column.as_primitive_opt::<Float64Type>() {
        return Some(values.value(row));
    }
    if let Some(values) = column.as_primitive_opt::<Int64Type>() {
        return Some(values.value(row) as f64);
    }
    if let Some(values) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        return Some(values.value(row) as f64);
    }
    let days = column.as_primitive_opt::<Date32Type>()?;
    Some((i64::from(days.value(row)) * MICROS_PER_DAY) as f64)
}

/// A value as a person would write it.
fn shown(column: &ArrayRef, row: usize) -> String {
    if let Some(words) = column.as_string_opt::<i32>() {
        return words.value(row).to_string();
    }
    if let Some(values) = column.as_primitive_opt::<Float64Type>() {
        return values.value(row).to_string();
    }
    if let Some(values) = column.as_primitive_opt::<Int64Type>() {
        return values.value(row).to_string();
    }
    if let Some(values) = column.as_boolean_opt() {
        return values.value(row).to_string();
    }
    if let Some(values) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        return write_moment(values.value(row));
    }
    if let Some(values) = column.as_primitive_opt::<Date32Type>() {
        return write_day(values.value(row));
    }
    String::new()
}

/// An allowed value spelled as [`shown`] spells the values of the column.
fn spelled(physical: PhysicalType, value: &Literal) -> String {
    let text = value.to_string();
    if physical == PhysicalType::Timestamp
        && let Some(micros) = number_like(physical, value)
    {
        return write_moment(micros as i64);
    }
    text
}
