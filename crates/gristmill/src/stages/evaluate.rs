//! Scores the fitted pipeline on the rows that trained it, on those held out, and over folds.

use std::collections::BTreeMap;

use gristmill_core::{FittedPipeline, Pipeline, Seed, Table, Task};
use gristmill_evaluate::{Metric, Severity};
use gristmill_flow::{Inputs, TaskContext};
use serde_json::{Value, json};

use super::folds::{gather, split_of};
use super::score::scores;
use super::{Shared, parts, table, train};
use crate::Result;
use crate::estimate;
use crate::evaluation::{self, Again, Look};
use crate::report::Metrics;

/// Raised when equal models and rows would be scored otherwise.
pub(super) const VERSION: u32 = 3;

pub(super) fn parameters(shared: &Shared) -> Value {
    let file = &shared.checked.file;
    let evaluate = &file.evaluate;
    let mut decides = json!({
        "metrics": metric_names(shared),
        "cross_validate": evaluate.cross_validate,
        "slices": evaluate.slices,
        "explain": evaluate.explain,
        "required": evaluate.require.keys().next(),
        "seed": file.seed,
    });
    // A learning curve refits everything, so what is refitted decides it.
    if evaluate.cross_validate.is_some() {
        decides["learning_curve"] = json!(evaluate.learning_curve);
        decides["split"] = json!(shared.data().split);
        decides["features"] = json!(file.features);
        decides["model"] = json!(file.model);
    }
    if estimates(shared) {
        decides["held_out"] = json!(true);
    }
    decides
}

/// Whether rows are to be kept that say later how good answers probably are.
fn estimates(shared: &Shared) -> bool {
    let monitor = shared.checked.file.monitor.as_ref();
    monitor.and_then(|monitor| monitor.performance.as_ref()).is_some_and(|asked| asked.estimate)
}

/// Keeps test rows with what is answered to them, where the file asks for estimates.
fn keep_held_out(
    shared: &Shared,
    fitted: &FittedPipeline,
    table: &Table,
    rows: &[u32],
    context: &TaskContext<'_>,
) -> Result<()> {
    if !estimates(shared) || fitted.target().task() == Task::Unsupervised {
        return Ok(());
    }
    if rows.is_empty() {
        context.note("no rows are held out by `data.split`, so `performance` cannot be estimated");
        return Ok(());
    }
    let kept = estimate::draw(fitted, table, rows, Seed(shared.checked.file.seed))?;
    let path = context.output_dir().join(estimate::NAME);
    fs_err::create_dir_all(path.parent().unwrap_or(context.output_dir()))?;
    Ok(gristmill_ingest::write(&kept, &path)?)
}

/// The names in the file with those that the gate needs.
pub(super) fn metric_names(shared: &Shared) -> Vec<&str> {
    let evaluate = &shared.checked.file.evaluate;
    let mut names: Vec<&str> = evaluate.metrics.iter().map(String::as_str).collect();
    for required in evaluate.require.keys() {
        if !names.contains(&required.as_str()) {
            names.push(required);
        }
    }
    names
}

/// The metrics that a run computes: those of the file, or the usual ones of the task.
pub(super) fn metrics(shared: &Shared, task: Task) -> Result<Vec<Metric>> {
    let evaluate = &shared.checked.file.evaluate;
    let mut chosen: Vec<Metric> =
        if evaluate.metrics.is_empty() { Metric::defaults(task) } else { Vec::new() };
    for name in metric_names(shared) {
        let metric = Metric::named(name)?;
        if !chosen.iter().any(|m| m.name() == metric.name()) {
            chosen.push(metric);
        }
    }
    Ok(chosen)
}

/// The metric by which models are judged: the first that is required, else the first of all.
pub(super) fn decisive(shared: &Shared, metrics: &[Metric]) -> Option<Metric> {
    let required = shared.checked.file.evaluate.require.keys().next();
    metrics
        .iter()
        .find(|m| Some(m.name()) == required.map(String::as_str))
        .or(metrics.first())
        .copied()
}

pub(super) fn compute(
    shared: &Shared,
    pipeline: &Pipeline,
    fitted: &FittedPipeline,
    inputs: &Inputs<'_>,
    context: &TaskContext<'_>,
) -> Result<Value> {
    let (table, parts) = (&*table(inputs)?, &*parts(inputs)?);
    let profile = train::profile(inputs.folder("train")?)?;
    let target = fitted.target();
    let metrics = metrics(shared, target.task())?;
    let train = scores(fitted, target, table, &parts.train, &metrics)?;
    let test = match parts.test.as_slice() {
        [] => BTreeMap::new(),
        rows => scores(fitted, target, table, rows, &metrics)?,
    };
    let (cv, said) = gather(shared, &metrics, table, inputs)?;
    said.into_iter().for_each(|note| context.note(note));
    let found = Metrics { train, test, cv };
    let look = Look {
        fitted,
        table,
        parts,
        metrics: &metrics,
        decides: decisive(shared, &metrics),
        slices: &shared.checked.file.evaluate.slices,
        explain: shared.checked.file.evaluate.explain,
        seed: Seed(shared.checked.file.seed).named("evaluation"),
    };
    let evaluate = &shared.checked.file.evaluate;
    let split = split_of(shared, target.task());
    let again = evaluate.cross_validate.as_ref().map(|_| Again {
        pipeline,
        settings: &evaluate.learning_curve,
        split: &split,
    });
    let evaluation = evaluation::look(&look, &found, Some(profile), again.as_ref())?;
    fs_err::write(context.output_dir().join(evaluation::FILE), evaluation.to_json()?)?;
    keep_held_out(shared, fitted, table, &parts.test, context)?;
    for finding in &evaluation.findings {
        if finding.severity == Severity::Warning {
            context.note(format!("{}; {}", finding.evidence, finding.remedy));
        }
    }
    Ok(json!({ "metrics": found }))
}
