//! Scores of a fitted pipeline on rows whose answers are known.

use std::collections::BTreeMap;

use gristmill_core::{FittedPipeline, Table, TargetSpec};
use gristmill_evaluate::Metric;

use crate::Result;

/// Each metric of `fitted` on the rows of `table`.
pub(crate) fn scores(
    fitted: &FittedPipeline,
    target: &TargetSpec,
    table: &Table,
    metrics: &[Metric],
) -> Result<BTreeMap<String, f64>> {
    let known = target.apply(table)?;
    let predicted = fitted.predict(table)?;
    metrics
        .iter()
        .map(|m| Ok((m.name().to_string(), m.compute(target, &known, &predicted)?)))
        .collect()
}
