//! Fits the estimator and makes the model package.

use std::path::Path;
use std::sync::Arc;

use gristmill_core::{
    FitContext, FittedPipeline, Notes, Profile, Seed, Table, Validation, row_weights,
};
use gristmill_evaluate::Parts;
use serde_json::{Value, json};

use super::Shared;
use super::features::{Prepared, held_out};
use crate::Result;

/// Raised when equal rows and settings would make another package.
pub(super) const VERSION: u32 = 1;

/// How many rows are kept with the answers expected of them.
const GOLDEN_ROWS: usize = 32;

/// The folder of the package in the stage's result.
pub(super) const PACKAGE: &str = "package";

pub(super) fn parameters(shared: &Shared) -> Value {
    let file = &shared.checked.file;
    json!({ "model": file.model, "seed": file.seed })
}

pub(super) fn version(shared: &Shared) -> String {
    let model = shared.checked.file.model.as_ref();
    let model = model.map(|m| shared.catalog.version(&m.name, &m.settings)).unwrap_or_default();
    format!("{VERSION} {model} package@{}", gristmill_package::FORMAT_VERSION)
}

pub(super) fn compute(
    shared: &Shared,
    table: &Table,
    parts: &Parts,
    prepared: &Prepared,
    notes: &Notes,
    folder: &Path,
) -> Result<(FittedPipeline, Value)> {
    let (train, held) = held_out(shared, table, parts, &prepared.target)?;
    let (answers, weights) = (prepared.target.apply(&train)?, row_weights(&train)?);
    let (input, steps, target) = (&prepared.input, &prepared.steps, &prepared.target);
    let held = held.map(|held| Validation::of(&held, input, steps, target)).transpose()?;
    let context = FitContext::new(Seed(shared.checked.file.seed), notes)
        .with_target(&answers)
        .with_weights(weights.as_deref())
        .with_validation(held.as_ref());
    let model = shared.pipeline.fit_model(prepared.rows.clone(), &context)?;
    let fitted = FittedPipeline::new(
        Arc::clone(&prepared.input),
        prepared.steps.iter().map(Arc::clone),
        model,
        prepared.target.clone(),
    )?;
    let profile = Profile::learn(&train)?;
    let golden = train.take(&golden_rows(&train))?;
    let saved = gristmill_package::save(
        &folder.join(PACKAGE),
        &fitted,
        &shared.catalog,
        &profile,
        &golden,
    )?;
    let facts = json!({"digest": saved.digest.to_string()});
    Ok((fitted, facts))
}

/// Rows spread over the table, and the first ones with a missing value.
fn golden_rows(table: &Table) -> Vec<u32> {
    let rows = table.rows();
    let spread = (0..GOLDEN_ROWS.min(rows)).map(|i| (i * rows / GOLDEN_ROWS.min(rows)) as u32);
    let mut chosen: Vec<u32> = spread.collect();
    for at in 0..table.schema().len() {
        let column = table.column(at);
        if column.null_count() > 0 {
            chosen.extend((0..rows).find(|&row| column.is_null(row)).map(|row| row as u32));
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

pub(super) fn load(shared: &Shared, folder: &Path) -> Result<FittedPipeline> {
    Ok(gristmill_package::load(&folder.join(PACKAGE), &shared.catalog)?.pipeline)
}

/// What the training rows looked like, out of the package in the stage's result.
pub(super) fn profile(folder: &Path) -> Result<Profile> {
    Ok(Profile::from_json(&fs_err::read(folder.join(PACKAGE).join("profile.json"))?)?)
}
