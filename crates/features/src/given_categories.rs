//! Categories that a pipeline file gives for a column, spelled as words, numbers, true or false.

use std::collections::BTreeMap;

use gristmill_core::{Error, Result, Schema};
use serde::{Deserialize, Deserializer};

use crate::simple_imputer::FillValue;

/// The categories in order, by column.
pub(crate) type Given = BTreeMap<String, Vec<String>>;

/// Lists of categories as a pipeline file spells them.
pub(crate) fn lists<'de, D: Deserializer<'de>>(input: D) -> Result<Given, D::Error> {
    let columns = BTreeMap::<String, Vec<FillValue>>::deserialize(input)?;
    let words = |values: Vec<FillValue>| values.iter().map(FillValue::to_string).collect();
    Ok(columns.into_iter().map(|(column, values)| (column, words(values))).collect())
}

/// One category a column, as a pipeline file spells them.
pub(crate) fn words<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let columns = BTreeMap::<String, FillValue>::deserialize(input)?;
    Ok(columns.into_iter().map(|(column, value)| (column, value.to_string())).collect())
}

/// Refuses lists for columns that are not `taken`, and lists with a category twice.
pub(crate) fn check(given: &Given, taken: &[String], input: &Schema) -> Result<()> {
    for (column, words) in given {
        check_taken("categories", column, taken, input)?;
        let twice = words.iter().enumerate().find(|(at, w)| words[..*at].contains(w));
        if let Some((_, word)) = twice {
            return Err(Error::setting(
                "categories",
                format!("`{word}` twice for `{column}`"),
                "each category once",
            ));
        }
    }
    Ok(())
}

/// Refuses what `setting` says of a column that is not taken, unless the columns are not all known
/// yet.
pub(crate) fn check_taken(
    setting: &str,
    column: &String,
    taken: &[String],
    input: &Schema,
) -> Result<()> {
    if taken.contains(column) || input.fields().iter().any(|f| f.expands) {
        return Ok(());
    }
    Err(Error::setting(
        setting,
        format!("given for `{column}`"),
        format!("lists for the columns that are taken: {}", taken.join(", ")),
    ))
}
