//! Nights held against nights: the rows of a reference file at the hours and days of those compared.

use std::path::Path;

use gristmill_core::{
    Field, Frame, MISSING_TIME, PhysicalType, Schema, SemanticType, Table, Timestamp,
};
use gristmill_monitor::{Reference, SeasonSettings, SeasonalReference};

use super::Compared;
use super::rows::RowsOf;
use crate::{Error, Result};

/// `schema` with the column that says when a row was.
pub(super) fn with_time(schema: Schema, season: &SeasonSettings) -> Result<Schema> {
    if let Some(at) = schema.find(&season.time) {
        let field = &schema.fields()[at];
        if field.semantic != SemanticType::Datetime {
            let found = format!("column `{}` is {}", season.time, field.semantic);
            return Err(Error::input(found).with_hint("name a column of moments as `time`"));
        }
        return Ok(schema);
    }
    let time = Field::new(&season.time, PhysicalType::Timestamp).meaning(SemanticType::Datetime);
    Ok(Schema::new(schema.fields().iter().cloned().chain([time.nullable(true)]).collect())?)
}

/// When each row was.
pub(super) fn moments(rows: &Table, season: &SeasonSettings) -> Result<Vec<Timestamp>> {
    let at = rows.schema().position(&season.time)?;
    let frame = Frame::from_table(&rows.select(&[at]))?;
    let times = frame.times(0)?;
    if times.contains(&MISSING_TIME) {
        let found = format!("column `{}` has no moment in some rows", season.time);
        return Err(
            Error::input(found).with_hint("give every row its moment, or leave `season` out")
        );
    }
    Ok(times.iter().map(|&micros| Timestamp(micros)).collect())
}

/// What each slot of the season looked like in the rows of the file at `path`, whose columns all
/// together are `all`.
pub(super) fn learned(
    compared: &Compared<'_>,
    path: &Path,
    season: &SeasonSettings,
    all: Reference,
) -> Result<SeasonalReference> {
    let mut reference = SeasonalReference::new(season.by, all);
    RowsOf::unasked(compared, path)
        .each(|part, _| Ok(reference.update(part, &moments(part, season)?)?))?;
    Ok(reference)
}
