//! Cross-validation as tasks: `evaluate` is spread out into one task a fold, each of which refits
//! the whole pipeline and keeps its answers for the rows that it did not learn from.
//!
//! A fold stands on the rows alone, not on the model of the run, and keeps answers rather than
//! scores: another metric scores them anew and refits nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use gristmill_core::{
    Column, DenseMatrix, Error as CoreError, Field, Frame, Notes, Pipeline, Prediction, Schema,
    Scores, Seed, Table, TargetSpec, Task as Goal,
};
use gristmill_evaluate::{CrossValidation, Fold, Folds, Metric, Shares, Split, score_fitted};
use gristmill_flow::{Inputs, Output, Task, TaskContext, TaskError};
use gristmill_track::RunId;
use serde_json::{Value, json};

use super::evaluate::{metric_names, metrics};
use super::{Shared, data_hash, features, frame_file, select, table, task_error, train};
use crate::report::FoldScores;
use crate::{Error, Result};

/// Raised when equal rows and settings would be answered otherwise in a fold.
const VERSION: u32 = 1;

const FILE: &str = "answers.arrow";

/// The rows of each fold, dealt by the first who asks.
#[derive(Default)]
pub(super) struct Deal(OnceLock<Result<Arc<Dealt>>>);

/// What all folds of a run have in common.
struct Dealt {
    target: TargetSpec,
    folds: Vec<Fold>,
}

impl Deal {
    fn of(&self, shared: &Shared, settings: &Folds, table: &Table) -> Result<Arc<Dealt>> {
        self.0.get_or_init(|| deal(shared, settings, table).map(Arc::new)).clone()
    }
}

fn deal(shared: &Shared, settings: &Folds, table: &Table) -> Result<Dealt> {
    let target = shared.target(table)?;
    let known = target.apply(table)?;
    let seed = Seed(shared.checked.file.seed).named("folds");
    let folds = settings.parts(&split_of(shared, target.task()), table, Some(&known), seed)?;
    Ok(Dealt { target, folds })
}

/// How folds are dealt: as the file splits, else by class where there are classes.
pub(super) fn split_of(shared: &Shared, task: Goal) -> Split {
    // The share does not matter to folds, only the kind does.
    let shares = Shares::test(0.2);
    shared.data().split.clone().unwrap_or(match task {
        Goal::Classification { .. } => Split::Stratified(shares),
        Goal::Regression | Goal::Unsupervised => Split::Random(shares),
    })
}

/// The tasks of the folds; nothing when the file asks for none.
///
/// # Errors
/// When the rows are at hand and cannot be dealt, which is better said once than by every fold.
pub(super) fn tasks(
    shared: &Arc<Shared>,
    inputs: &Inputs<'_>,
    run: RunId,
) -> Result<Option<Vec<Box<dyn Task>>>> {
    let Some(settings) = shared.checked.file.evaluate.cross_validate else { return Ok(None) };
    if let Some(table) = inputs.value::<Table>("ingest") {
        shared.deal.of(shared, &settings, &table)?;
    }
    let count = settings.folds.saturating_mul(settings.repeats);
    let task = |at| -> Box<dyn Task> {
        let (name, needs) = (name(at), vec!["ingest".to_owned()]);
        Box::new(FoldTask { name, needs, at, settings, shared: Arc::clone(shared), run })
    };
    Ok(Some((0..count).map(task).collect()))
}

fn name(at: usize) -> String {
    format!("evaluate[{at}]")
}

/// One fold of one run.
struct FoldTask {
    name: String,
    needs: Vec<String>,
    at: usize,
    settings: Folds,
    shared: Arc<Shared>,
    run: RunId,
}

impl Task for FoldTask {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn kind(&self) -> &str {
        "fold"
    }

    fn version(&self) -> String {
        format!("{VERSION} {} {}", features::version(&self.shared), train::version(&self.shared))
    }

    fn parameters(&self) -> Value {
        let (file, data) = (&self.shared.checked.file, self.shared.data());
        let mut decides = json!({
            "folds": self.settings,
            "fold": self.at,
            "split": data.split,
            "target": data.target,
            "positive": data.positive,
            "features": file.features,
            "model": file.model,
            "seed": file.seed,
        });
        if data.target.is_none() || select::searches(&self.shared) {
            decides["metrics"] = json!(metric_names(&self.shared));
        }
        if select::searches(&self.shared) {
            decides["required"] = json!(file.evaluate.require.keys().next());
        }
        decides
    }

    fn run(&self, inputs: &Inputs<'_>, context: &TaskContext<'_>) -> Result<Output, TaskError> {
        let chosen = self.chosen(inputs, context).map_err(task_error)?;
        // One pool serves folds and models, so that together they take no more than the machine.
        let output = rayon::scope(|_| self.refit(&chosen, inputs, context.output_dir()));
        output.map_err(task_error)
    }
}

impl FoldTask {
    /// The pipeline of the file. One that is searched for is searched for anew, by the rows of this
    /// fold alone: a score of the whole selection counts what choosing brings.
    fn chosen(&self, inputs: &Inputs<'_>, context: &TaskContext<'_>) -> Result<Arc<Pipeline>> {
        let shared = &*self.shared;
        if !select::searches(shared) {
            return Ok(Arc::clone(&shared.pipeline));
        }
        let table = table(inputs)?;
        let dealt = shared.deal.of(shared, &self.settings, &table)?;
        let fold = dealt.fold(self.at)?;
        let rows = format!("{} {}", data_hash(inputs)?, select::digest(&fold.train));
        let (train, target, run) = (table.take(&fold.train)?, &dealt.target, self.run);
        let chooser =
            select::Chooser { shared, table: &train, rows: &rows, target, begun: &[], run };
        let tell = |done, total, said: &str| context.progress_with(done, total, said);
        let (selected, _) = chooser.choose(context, &tell)?;
        Ok(Arc::new(shared.checked.pipeline_of(&shared.catalog, &selected.steps)?))
    }

    fn refit(&self, pipeline: &Pipeline, inputs: &Inputs<'_>, folder: &Path) -> Result<Output> {
        let (shared, table, notes) = (&*self.shared, table(inputs)?, Notes::default());
        let dealt = shared.deal.of(shared, &self.settings, &table)?;
        let (fold, target) = (dealt.fold(self.at)?, &dealt.target);
        let in_fold = |error| dealt.failed(self.at, error);
        let fitted = fold.fit(pipeline, &table, target, &notes).map_err(in_fold)?;
        if target.task() == Goal::Unsupervised {
            let metrics = metrics(shared, target.task())?;
            let test = table.take(&fold.test)?;
            let scores = score_fitted(&metrics, &fitted, &test).map_err(in_fold)?;
            return Ok(Output::facts(json!({"scores": scores, "notes": notes.all()})));
        }
        let answers = fold.answers(&fitted, &table).map_err(in_fold)?;
        save(&answers, folder)?;
        Ok(Output::facts(json!({"notes": notes.all()})).with_value(answers))
    }
}

impl Dealt {
    fn fold(&self, at: usize) -> Result<&Fold> {
        let found = self.folds.len();
        self.folds.get(at).ok_or_else(|| Error::bug(format!("fold {at} of {found}")))
    }

    fn failed(&self, at: usize, error: CoreError) -> CoreError {
        CoreError::Fold { fold: at + 1, folds: self.folds.len(), source: Box::new(error) }
    }

    /// The scores of a fold, out of what its task gave.
    fn score(
        &self,
        at: usize,
        metrics: &[Metric],
        table: &Table,
        inputs: &Inputs<'_>,
    ) -> Result<BTreeMap<String, f64>> {
        let (fold, name) = (self.fold(at)?, name(at));
        if self.target.task() == Goal::Unsupervised {
            let scores = inputs.facts(&name)?["scores"].clone();
            return serde_json::from_value(scores)
                .map_err(|e| Error::bug(format!("stored scores of a fold: {e}")));
        }
        let load = |folder: &Path| load(folder, &self.target).map_err(task_error);
        let answers = inputs.value_or_load(&name, load)?;
        let scores = fold.score(metrics, table, &self.target, &answers);
        Ok(scores.map_err(|error| self.failed(at, error))?)
    }
}

/// The metrics over all folds, and what a person should know of what they learned.
pub(super) fn gather(
    shared: &Shared,
    metrics: &[Metric],
    table: &Table,
    inputs: &Inputs<'_>,
) -> Result<(BTreeMap<String, FoldScores>, Vec<String>)> {
    let Some(settings) = shared.checked.file.evaluate.cross_validate else {
        return Ok(Default::default());
    };
    let dealt = shared.deal.of(shared, &settings, table)?;
    let count = dealt.folds.len();
    let scores = (0..count).map(|at| dealt.score(at, metrics, table, inputs));
    let scores = CrossValidation::of(&scores.collect::<Result<Vec<_>>>()?).scores;
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    for at in 0..count {
        let notes = inputs.facts(&name(at))?["notes"].as_array();
        for note in notes.into_iter().flatten().filter_map(Value::as_str) {
            *said.entry(note.to_owned()).or_default() += 1;
        }
    }
    let notes =
        said.into_iter().map(|(note, folds)| format!("in {folds} of {count} folds: {note}"));
    Ok((scores, notes.collect()))
}

fn save(answers: &Prediction, folder: &Path) -> Result<()> {
    let (columns, rows) = match answers {
        Prediction::Numbers(values) => (vec![values.clone()], values.len()),
        Prediction::Classes { probabilities, .. } => {
            let columns = (0..probabilities.columns()).map(|c| probabilities.column(c).to_vec());
            (columns.collect(), probabilities.rows())
        }
    };
    let fields = (0..columns.len()).map(|at| Field::number(at.to_string()));
    let schema = Arc::new(Schema::new(fields.collect())?);
    let columns = columns.into_iter().map(Column::Numbers).collect();
    frame_file::save(&Frame::new(schema, columns, rows)?, &folder.join(FILE))
}

fn load(folder: &Path, target: &TargetSpec) -> Result<Prediction> {
    let frame = frame_file::load(&folder.join(FILE))?;
    let mut values = Vec::with_capacity(frame.rows() * frame.columns().len());
    for column in frame.columns() {
        match column {
            Column::Numbers(column) => values.extend_from_slice(column),
            _ => return Err(Error::bug("stored answers of a fold are no numbers")),
        }
    }
    Ok(match target.task() {
        Goal::Classification { .. } => {
            let (rows, classes) = (frame.rows(), frame.columns().len());
            let probabilities = DenseMatrix::from_columns(rows, classes, values)?;
            Prediction::new(Scores::Probabilities(probabilities), target)
        }
        Goal::Regression | Goal::Unsupervised => Prediction::Numbers(values),
    })
}
