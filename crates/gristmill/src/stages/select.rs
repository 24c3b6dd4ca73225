//! Searches for the steps that the later stages fit.

use std::path::Path;

use gristmill_core::{Table, TargetSpec, Task};
use gristmill_evaluate::{Metric, Parts, Split};
use gristmill_flow::{Digest, TaskContext};
use gristmill_track::RunId;
use serde_json::{Value, json};

use super::evaluate::metrics;
use super::folds::split_of;
use super::{Shared, features, train};
use crate::select::settings::{ModelSection, OneOrMore};
use crate::select::{self, CALIBRATED_BY, FILE, Place, SearchOutcome, Selected, Selection};
use crate::{Error, Result};

pub(super) fn parameters(shared: &Shared) -> Value {
    let file = &shared.checked.file;
    let data = shared.data();
    json!({
        "features": file.features,
        "model": file.model,
        "metrics": super::evaluate::metric_names(shared),
        "required": file.evaluate.require.keys().next(),
        "seed": file.seed,
        "split": data.split,
        "target": data.target,
        "positive": data.positive,
    })
}

pub(super) fn version(shared: &Shared) -> String {
    format!("{} {} {}", select::VERSION, features::version(shared), train::version(shared))
}

/// Rows to choose by.
pub(super) struct Chooser<'a> {
    pub shared: &'a Shared,
    /// These rows and no others.
    pub table: &'a Table,
    /// Equal texts for equal rows.
    pub rows: &'a str,
    pub target: &'a TargetSpec,
    pub run: RunId,
}

impl Chooser<'_> {
    /// The steps that suit the rows best, and how they were found.
    pub fn choose(
        &self,
        context: &TaskContext<'_>,
        tell: &(dyn Fn(u64, Option<u64>, &str) + Sync),
    ) -> Result<(Selected, SearchOutcome)> {
        let shared = self.shared;
        let task = self.target.task();
        let plan = select::plan(&shared.checked, &shared.catalog, self.table)?;
        let (mut metrics, deciding) = self.metrics(plan.settings.metric.as_ref())?;
        let calibrates = plan.finals.is_some() && matches!(task, Task::Classification { .. });
        if calibrates && metrics.iter().all(|metric| metric.name() != CALIBRATED_BY) {
            metrics.push(Metric::named(CALIBRATED_BY)?);
        }
        let split: Split = split_of(shared, task);
        let selection = Selection {
            checked: &shared.checked,
            catalog: &shared.catalog,
            settings: &plan.settings,
            space: &plan.space,
            spelled: &plan.spelled,
            first: plan.first,
            table: self.table,
            rows: self.rows,
            target: self.target,
            split: &split,
            metrics: &metrics,
            deciding,
        };
        let keeper = shared.keeper()?;
        let (run, cancel) = (self.run, context.cancel());
        let place = Place { keeper: &keeper, home: &shared.home, run, cancel, tell };
        let mut selected = selection.run(place)?;
        if let Some(minutes) = plan.finals {
            selected = select::improve(&selection, selected, minutes, place)?;
        }
        let outcome = SearchOutcome::new(&selection, &selected)?;
        Ok((selected, outcome))
    }

    /// The metrics that are computed, and how many of them decide: those that the search names come
    /// first, else the one by which models are judged.
    fn metrics(&self, named: Option<&OneOrMore>) -> Result<(Vec<Metric>, usize)> {
        let usual = metrics(self.shared, self.target.task())?;
        let mut chosen = match named {
            Some(named) => {
                named.names().into_iter().map(Metric::named).collect::<Result<_, _>>()?
            }
            None => Vec::from_iter(super::evaluate::decisive(self.shared, &usual)),
        };
        let deciding = chosen.len();
        for metric in usual {
            if !chosen.iter().any(|m| m.name() == metric.name()) {
                chosen.push(metric);
            }
        }
        Ok((chosen, deciding))
    }
}

pub(super) fn compute(
    shared: &Shared,
    table: &Table,
    parts: &Parts,
    data: &str,
    context: &TaskContext<'_>,
    run: RunId,
) -> Result<Value> {
    // Classes are those of all rows, so that a rare one is known even where it only tests.
    let target = shared.target(table)?;
    let rows = format!("{data} {}", digest(&parts.train));
    let train = table.take(&parts.train)?;
    let chooser = Chooser { shared, table: &train, rows: &rows, target: &target, run };
    let tell = |done, total, said: &str| context.progress_with(done, total, said);
    let (selected, outcome) = chooser.choose(context, &tell)?;
    outcome.notes().into_iter().for_each(|note| context.note(note));
    save(&outcome, context.output_dir())?;
    let best = outcome.trials.get(selected.best);
    let best = best.ok_or_else(|| Error::bug("a trial that is not there"))?;
    Ok(json!({
        "steps": selected.steps,
        "trial": selected.best,
        "trials": selected.trials(),
        "scores": best.scores,
        "figures": best.figures,
    }))
}

/// What tells one choice of rows from another.
pub(super) fn digest(rows: &[u32]) -> Digest {
    let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
    Digest::of(&bytes)
}

fn save(outcome: &SearchOutcome, folder: &Path) -> Result<()> {
    Ok(fs_err::write(folder.join(FILE), outcome.to_json()?)?)
}

/// Whether a file searches for its steps.
pub(super) fn searches(shared: &Shared) -> bool {
    let model = shared.checked.file.model.as_ref();
    matches!(model, Some(ModelSection::Select(_) | ModelSection::Auto(_)))
}
