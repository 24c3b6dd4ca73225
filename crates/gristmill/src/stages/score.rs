//! Scores of a fitted pipeline on rows whose answers are known.

use std::collections::BTreeMap;

use gristmill_core::{FittedPipeline, Table, TargetSpec, Task};
use gristmill_evaluate::{Metric, score_fitted};

use crate::Result;

/// Each metric of `fitted` on these rows of `table`.
pub(crate) fn scores(
    fitted: &FittedPipeline,
    target: &TargetSpec,
    table: &Table,
    rows: &[u32],
    metrics: &[Metric],
) -> Result<BTreeMap<String, f64>> {
    if target.task() == Task::Unsupervised {
        return Ok(score_fitted(metrics, fitted, &table.take(rows)?)?);
    }
    let known = target.apply(&table.take(rows)?)?;
    let predicted = fitted.predict_rows(table, rows)?;
    metrics
        .iter()
        .map(|m| Ok((m.name().to_string(), m.compute(target, &known, &predicted)?)))
        .collect()
}
