//! How much each row counts.

use crate::{Error, Frame, Result, Role, SemanticType, Table};

/// The weights of the rows of `table`, out of its column with the role of weight; nothing when
/// there is no such column.
///
/// # Errors
/// [`Error::Data`] when a weight is missing, negative or infinite, or all are 0;
/// [`Error::WrongType`] when the column is not numeric.
pub fn row_weights(table: &Table) -> Result<Option<Vec<f64>>> {
    let Some(field) = table.schema().with_role(Role::Weight) else { return Ok(None) };
    if field.semantic != SemanticType::Numeric {
        return Err(Error::WrongType {
            name: field.name.clone(),
            found: field.semantic,
            expected: "numeric",
            hint: Some("weights are numbers from 0 on".into()),
        });
    }
    let at = table.schema().position(&field.name)?;
    let frame = Frame::from_table(&table.select(&[at]))?;
    let weights = frame.numbers(0)?.to_vec();
    if let Some(row) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
        return Err(Error::data_hint(
            format!("weight `{}` is {} in row {}", field.name, weights[row], row + 1),
            "give each row a weight of 0 or more",
        ));
    }
    if !weights.is_empty() && weights.iter().all(|&w| w == 0.0) {
        return Err(Error::data_hint(
            format!("weight `{}` is 0 in every row", field.name),
            "give some rows a weight above 0",
        ));
    }
    Ok(Some(weights))
}
