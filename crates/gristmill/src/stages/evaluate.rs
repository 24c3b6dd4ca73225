//! Scores the fitted pipeline on the rows that trained it, on those held out, and over folds.

use std::collections::BTreeMap;

use gristmill_core::{FittedPipeline, Profile, Seed, Table, Task};
use gristmill_evaluate::{Metric, Parts, Severity, Shares, Split, cross_validate};
use gristmill_flow::TaskContext;
use serde_json::{Value, json};

use super::Shared;
use super::score::scores;
use crate::Result;
use crate::evaluation::{self, Again, Look};
use crate::report::{FoldScores, Metrics};

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
    // Folds refit everything, so what is refitted decides their scores.
    if evaluate.cross_validate.is_some() {
        decides["learning_curve"] = json!(evaluate.learning_curve);
        decides["split"] = json!(shared.data().split);
        decides["features"] = json!(file.features);
        decides["model"] = json!(file.model);
    }
    decides
}

/// The names in the file with those that the gate needs.
fn metric_names(shared: &Shared) -> Vec<&str> {
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
pub(super) fn metrics(shared: &Shared, fitted: &FittedPipeline) -> Result<Vec<Metric>> {
    let evaluate = &shared.checked.file.evaluate;
    let task = fitted.target().task();
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
fn decisive(shared: &Shared, metrics: &[Metric]) -> Option<Metric> {
    let required = shared.checked.file.evaluate.require.keys().next();
    metrics
        .iter()
        .find(|m| Some(m.name()) == required.map(String::as_str))
        .or(metrics.first())
        .copied()
}

pub(super) fn compute(
    shared: &Shared,
    table: &Table,
    parts: &Parts,
    fitted: &FittedPipeline,
    profile: Profile,
    context: &TaskContext<'_>,
) -> Result<Value> {
    let target = fitted.target();
    let metrics = metrics(shared, fitted)?;
    let train = scores(fitted, target, table, &parts.train, &metrics)?;
    let test = match parts.test.as_slice() {
        [] => BTreeMap::new(),
        rows => scores(fitted, target, table, rows, &metrics)?,
    };
    let found = Metrics { train, test, cv: folds(shared, table, fitted, &metrics, context)? };
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
    let split = split_of(shared, fitted);
    let again = evaluate.cross_validate.as_ref().map(|_| Again {
        pipeline: &shared.pipeline,
        settings: &evaluate.learning_curve,
        split: &split,
    });
    let evaluation = evaluation::look(&look, &found, Some(profile), again.as_ref())?;
    fs_err::write(context.output_dir().join(evaluation::FILE), evaluation.to_json()?)?;
    for finding in &evaluation.findings {
        if finding.severity == Severity::Warning {
            context.note(format!("{}; {}", finding.evidence, finding.remedy));
        }
    }
    Ok(json!({ "metrics": found }))
}

fn folds(
    shared: &Shared,
    table: &Table,
    fitted: &FittedPipeline,
    metrics: &[Metric],
    context: &TaskContext<'_>,
) -> Result<BTreeMap<String, FoldScores>> {
    let Some(folds) = &shared.checked.file.evaluate.cross_validate else {
        return Ok(BTreeMap::new());
    };
    let target = fitted.target();
    let known = target.apply(table)?;
    let seed = Seed(shared.checked.file.seed).named("folds");
    let parts = folds.parts(&split_of(shared, fitted), table, Some(&known), seed)?;
    let total = Some(parts.len() as u64);
    let on_fold = |done: usize| context.progress(done as u64, total);
    let found = cross_validate(&shared.pipeline, table, target, &parts, metrics, &on_fold)?;
    Ok(found
        .scores
        .into_iter()
        .map(|(name, s)| (name, FoldScores { mean: s.mean, std: s.std, folds: s.folds }))
        .collect())
}

/// How folds are dealt: as the file splits, else by class where there are classes.
fn split_of(shared: &Shared, fitted: &FittedPipeline) -> Split {
    // The share does not matter to folds, only the kind does.
    let shares = Shares::test(0.2);
    shared.data().split.clone().unwrap_or(match fitted.target().task() {
        Task::Classification { .. } => Split::Stratified(shares),
        Task::Regression | Task::Unsupervised => Split::Random(shares),
    })
}
