//! Fits the transforms to the training rows.

use std::path::Path;
use std::sync::Arc;

use gristmill_core::{
    FitContext, FittedTransform, Frame, Notes, Pipeline, Schema, Table, TargetSpec, row_weights,
};
use gristmill_evaluate::Parts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Shared, frame_file};
use crate::{Error, Result};

/// Raised when equal steps and rows would come out otherwise.
pub(super) const VERSION: u32 = 1;

const ROWS: &str = "rows.arrow";
const ABOUT: &str = "about.json";

/// Fitted transforms with the training rows as the last one leaves them.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub input: Arc<Schema>,
    pub target: TargetSpec,
    pub steps: Vec<Arc<dyn FittedTransform>>,
    pub rows: Frame,
}

/// What is stored of [`Prepared`] besides the steps and the rows.
#[derive(Serialize, Deserialize)]
struct About {
    input: Schema,
    target: TargetSpec,
}

pub(super) fn parameters(shared: &Shared) -> Value {
    let file = &shared.checked.file;
    json!({
        "features": file.features,
        "seed": file.seed,
        "target": shared.data().target,
        "positive": shared.data().positive,
        // Rows that the model wants held out teach the steps nothing.
        "validation": shared.pipeline.estimator().and_then(|e| e.validation_share()),
    })
}

/// The stage's own version with that of each step.
pub(super) fn version(shared: &Shared) -> String {
    let steps = shared.checked.file.features.iter();
    let steps = steps.map(|step| shared.catalog.version(&step.name, &step.settings));
    std::iter::once(VERSION.to_string()).chain(steps).collect::<Vec<_>>().join(" ")
}

pub(super) fn compute(
    pipeline: &Pipeline,
    table: &Table,
    parts: &Parts,
    notes: &Notes,
) -> Result<(Prepared, Value)> {
    // Classes are those of all rows, so that a rare one is known even where it only tests.
    let target = pipeline.target(table)?;
    pipeline.check(table.schema(), target.task())?;
    let input = pipeline.input(table.schema())?;
    let (train, _) = held_out(pipeline, table, parts, &target)?;
    let (answers, weights) = (target.apply(&train)?, row_weights(&train)?);
    let context = FitContext::new(pipeline.root_seed(), notes)
        .with_target(&answers)
        .with_weights(weights.as_deref());
    let frame = Frame::from_table(&train.conform(&input)?)?;
    let (steps, rows) = pipeline.fit_steps(frame, &context)?;
    let rows = rows.features();
    let facts = json!({"columns": rows.schema().len()});
    let steps = steps.into_iter().map(Arc::from).collect();
    Ok((Prepared { input: Arc::new(input), target, steps, rows }, facts))
}

/// The rows to learn from, and those held out for early stopping: the part `validation` of the
/// split, else a share of the training rows when the model asks for one.
pub(super) fn held_out(
    pipeline: &Pipeline,
    table: &Table,
    parts: &Parts,
    target: &TargetSpec,
) -> Result<(Table, Option<Table>)> {
    let train = table.take(&parts.train)?;
    if !parts.validation.is_empty() {
        return Ok((train, Some(table.take(&parts.validation)?)));
    }
    Ok(match pipeline.hold_out(&train, target)? {
        Some((learn, held)) => (learn, Some(held)),
        None => (train, None),
    })
}

pub(super) fn save(shared: &Shared, prepared: &Prepared, folder: &Path) -> Result<()> {
    let about = About { input: (*prepared.input).clone(), target: prepared.target.clone() };
    let about = serde_json::to_vec(&about).map_err(|e| Error::bug(e.to_string()))?;
    fs_err::write(folder.join(ABOUT), about)?;
    frame_file::save(&prepared.rows, &folder.join(ROWS))?;
    Ok(gristmill_package::save_steps(folder, &prepared.steps, &shared.catalog)?)
}

pub(super) fn load(shared: &Shared, folder: &Path) -> Result<Prepared> {
    let about = fs_err::read(folder.join(ABOUT))?;
    let About { input, target } =
        serde_json::from_slice(&about).map_err(|e| Error::bug(format!("stored features: {e}")))?;
    let input = Arc::new(input);
    let steps = gristmill_package::load_steps(folder, &shared.catalog)?;
    let rows = frame_file::load(&folder.join(ROWS))?;
    Ok(Prepared { input, target, steps, rows })
}
