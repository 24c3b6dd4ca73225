//! What stands in the columns of a row, checked.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use sqlx::Row;

use super::DbRow;
use crate::fail::Fail;

/// A column of text that must be one of an enum's words.
pub(super) fn word<T>(
    row: &DbRow,
    column: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, Fail> {
    parsed(column, row.try_get(column)?, parse)
}

/// The text of a column, which must be one of an enum's words.
pub(super) fn parsed<T>(
    column: &str,
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, Fail> {
    parse(text).ok_or_else(|| Fail::Damaged(format!("column `{column}` holds `{text}`")))
}

/// A column of text or nothing that must parse when it is there.
pub(super) fn optional<T: std::str::FromStr>(row: &DbRow, column: &str) -> Result<Option<T>, Fail> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| {
        text.parse().map_err(|_| Fail::Damaged(format!("column `{column}` holds `{text}`")))
    })
    .transpose()
}

/// A column of text or nothing that must be one of an enum's words when it is there.
pub(super) fn optional_word<T>(
    row: &DbRow,
    column: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Fail> {
    match row.try_get::<Option<&str>, _>(column)? {
        Some(_) => word(row, column, parse).map(Some),
        None => Ok(None),
    }
}

/// A count or a version number, which is never negative.
pub(super) fn count<T: TryFrom<i64>>(row: &DbRow, column: &str) -> Result<T, Fail> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| Fail::Damaged(format!("column `{column}` holds {number}")))
}

/// A column of JSON.
pub(super) fn json<T: DeserializeOwned>(row: &DbRow, column: &str) -> Result<T, Fail> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text)
        .map_err(|error| Fail::Damaged(format!("column `{column}` holds other JSON: {error}")))
}

/// Rows of `key` and `value` by key.
pub(super) fn pairs(rows: &[DbRow]) -> Result<BTreeMap<String, String>, Fail> {
    rows.iter().map(|row| Ok((row.try_get("key")?, row.try_get("value")?))).collect()
}
