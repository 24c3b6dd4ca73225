//! Fits the estimator and makes the model package.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use gristmill_core::{
    Answered, FitContext, FittedPipeline, Notes, Pipeline, Profile, Schema, Table, Validation,
    row_weights,
};
use gristmill_evaluate::Parts;
use serde_json::{Value, json};

use super::Shared;
use super::features::{Prepared, held_out};
use crate::Result;
use crate::select::ModelSection;

/// Raised when equal rows and settings would make another package.
pub(super) const VERSION: u32 = 3;

/// How many rows are kept with the answers expected of them.
const GOLDEN_ROWS: usize = 32;

/// How many columns of answers are profiled: the class and the probability of each of up to 20.
const MOST_ANSWERS: usize = 21;

/// The folder of the package in the stage's result.
pub(super) const PACKAGE: &str = "package";

pub(super) fn parameters(shared: &Shared) -> Value {
    let file = &shared.checked.file;
    let mut parameters = json!({ "model": file.model, "seed": file.seed });
    if let Some(settings) = file.monitor.as_ref().and_then(|m| m.drift.embeddings.as_ref()) {
        // The package keeps what these columns are like together.
        parameters["embeddings"] = json!(settings.columns);
    }
    parameters
}

pub(super) fn version(shared: &Shared) -> String {
    let catalog = &shared.catalog;
    let model = match &shared.checked.file.model {
        None => String::new(),
        Some(ModelSection::Estimator(model)) => catalog.version(&model.name, &model.settings),
        Some(ModelSection::Select(select)) => catalog.version("", &json!(select.candidates)),
        // It may come upon any step.
        Some(ModelSection::Auto(_)) => {
            let transforms = catalog.transforms().keys();
            let all = transforms.chain(catalog.estimators().keys());
            all.map(|name| catalog.version(name, &Value::Null)).collect::<Vec<_>>().join(" ")
        }
    };
    format!("{VERSION} {model} package@{}", gristmill_package::FORMAT_VERSION)
}

/// What there is to learn from.
pub(super) struct Rows<'a> {
    pub table: &'a Table,
    pub parts: &'a Parts,
    pub prepared: &'a Prepared,
}

pub(super) fn compute(
    shared: &Shared,
    pipeline: &Pipeline,
    rows: &Rows<'_>,
    notes: &Notes,
    folder: &Path,
) -> Result<(FittedPipeline, Value)> {
    let prepared = rows.prepared;
    let (train, held) = held_out(pipeline, rows.table, rows.parts, &prepared.target)?;
    let (answers, weights) = (prepared.target.apply(&train)?, row_weights(&train)?);
    let (input, steps, target) = (&prepared.input, &prepared.steps, &prepared.target);
    let held = held.map(|held| Validation::of(&held, input, steps, target)).transpose()?;
    let context = FitContext::new(pipeline.root_seed(), notes)
        .with_target(&answers)
        .with_weights(weights.as_deref())
        .with_validation(held.as_ref());
    let model = pipeline.fit_model(Cow::Borrowed(&prepared.rows), &context)?;
    let fitted = FittedPipeline::new(
        Arc::clone(&prepared.input),
        prepared.steps.iter().map(Arc::clone),
        model,
        prepared.target.clone(),
    )?;
    let profile = with_answers(learned(shared, &train, &prepared.input)?, &fitted, rows)?;
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

/// What the rows look like, and the columns that the file calls embeddings together.
fn learned(shared: &Shared, train: &Table, input: &Schema) -> Result<Profile> {
    let profile = Profile::learn(train)?;
    let monitor = shared.checked.file.monitor.as_ref();
    let together = monitor.map(|monitor| monitor.drift.together(input)).transpose()?.flatten();
    Ok(match together {
        Some(columns) => profile.with_together(columns, train)?,
        None => profile,
    })
}

/// The profile with what the model answers: to the test rows where there are any, since a model may be
/// surer of rows that it learned from than it ever will be again.
fn with_answers(profile: Profile, fitted: &FittedPipeline, rows: &Rows<'_>) -> Result<Profile> {
    let (answered, of) = match rows.parts.test.as_slice() {
        [] => (Answered::Training, rows.parts.train.as_slice()),
        test => (Answered::HeldOut, test),
    };
    let answers = fitted.predict_rows(rows.table, of)?.to_table()?;
    let kept: Vec<usize> = (0..answers.schema().len()).collect();
    // Of many classes the word that is answered says enough.
    let answers = answers.select(if kept.len() > MOST_ANSWERS { &kept[..1] } else { &kept });
    Ok(profile.with_answers(answered, &answers)?)
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
