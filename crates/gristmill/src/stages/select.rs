//! Searches for the steps that the later stages fit.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use gristmill_core::{Stem, Table, TargetSpec, Task};
use gristmill_evaluate::{Metric, Split};
use gristmill_flow::{Digest, Inputs, TaskContext};
use gristmill_track::RunId;
use serde_json::{Value, json};

use super::evaluate::metrics;
use super::folds::split_of;
use super::{Shared, data_hash, features, parts, prefixes, table, train};
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
    /// What the first steps of all candidates have learned already, for each fold.
    pub begun: &'a [Arc<Stem>],
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
            begun: self.begun,
            table: self.table,
            rows: self.rows,
            target: self.target,
            split: &split,
            metrics: &metrics,
            deciding,
        };
        let keeper = shared.keeper()?;
        let (run, cancel) = (self.run, context.cancel());
        let place = Place {
            keeper: &keeper,
            home: &shared.home,
            run,
            cancel,
            binary: shared.binary.as_deref(),
            folder: context.output_dir(),
            tell,
        };
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
    inputs: &Inputs<'_>,
    context: &TaskContext<'_>,
    run: RunId,
) -> Result<Value> {
    let dealt = dealt(shared, inputs)?;
    let begun = prefixes::gather(shared, &dealt, inputs)?;
    let chooser = Chooser {
        shared,
        table: &dealt.train,
        rows: &dealt.rows,
        target: &dealt.target,
        begun: &begun,
        run,
    };
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

/// The rows to choose by, taken by the first who asks.
#[derive(Default)]
pub(super) struct Deal(OnceLock<Result<Arc<Dealt>>>);

/// The rows to choose by.
pub(super) struct Dealt {
    pub train: Table,
    /// Equal texts for equal rows.
    pub rows: String,
    pub target: TargetSpec,
}

pub(super) fn dealt(shared: &Shared, inputs: &Inputs<'_>) -> Result<Arc<Dealt>> {
    let deal = || -> Result<Arc<Dealt>> {
        let (table, parts) = (table(inputs)?, parts(inputs)?);
        // Classes are those of all rows, so that a rare one is known even where it only tests.
        let target = shared.target(&table)?;
        let rows = format!("{} {}", data_hash(inputs)?, digest(&parts.train));
        Ok(Arc::new(Dealt { train: table.take(&parts.train)?, rows, target }))
    };
    shared.choice.0.get_or_init(deal).clone()
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
