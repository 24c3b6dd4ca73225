//! Fits the estimator and makes the model package.

use std::path::Path;
use std::sync::Arc;

use gristmill_core::{FitContext, FittedPipeline, Notes, Profile, Seed, Table};
use gristmill_evaluate::Parts;
use serde_json::{Value, json};

use super::Shared;
use super::features::Prepared;
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
    let name = shared.checked.file.model.as_ref().map_or("", |m| m.name.as_str());
    let version = shared.catalog.estimators().get(name).map_or(0, |entry| entry.version);
    format!("{VERSION} {name}@{version} package@{}", gristmill_package::FORMAT_VERSION)
}

pub(super) fn compute(
    shared: &Shared,
    table: &Table,
    parts: &Parts,
    prepared: &Prepared,
    notes: &Notes,
    folder: &Path,
) -> Result<(FittedPipeline, Value)> {
    let train = table.take(&parts.train)?;
    let answers = prepared.target.apply(&train)?;
    let context = FitContext::new(Seed(shared.checked.file.seed), notes).with_target(&answers);
    let model = shared.pipeline.fit_model(&prepared.rows, &context)?;
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
