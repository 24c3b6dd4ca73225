//! What all candidates of a search have in common, as tasks: `select` is spread out into one task a
//! fold, which fits the transforms up to the first in which something is to be chosen. So another
//! search over the same rows finds them in the cache.

use std::path::Path;
use std::sync::Arc;

use gristmill_core::{Notes, Pipeline, Seed, Stem};
use gristmill_evaluate::{Fold, Folds};
use gristmill_flow::{Inputs, Output, Task, TaskContext, TaskError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::folds::split_of;
use super::select::{Dealt, dealt};
use super::{Shared, features, frame_file, task_error};
use crate::select::{ModelSection, fixed};
use crate::{Error, Result};

/// Raised when equal rows and steps would be left otherwise.
const VERSION: u32 = 1;

/// More rows than take so many bytes in all folds are not kept: fitting them again costs less than
/// the disk.
const MOST_BYTES: u64 = 1 << 29;

const ROWS: &str = "rows.arrow";
const ASKED: &str = "asked.arrow";
const ABOUT: &str = "about.json";

/// What is stored of a stem besides the steps and the rows.
#[derive(Serialize, Deserialize)]
struct About {
    among: bool,
}

/// How the folds of the search of this file are dealt, where its candidates begin alike.
fn settings(shared: &Shared) -> Option<Folds> {
    let file = &shared.checked.file;
    match &file.model {
        Some(ModelSection::Select(select)) if !fixed(&file.features).is_empty() => {
            Some(select.cross_validate)
        }
        _ => None,
    }
}

/// The transforms that all candidates begin with.
fn pipeline(shared: &Shared) -> Result<Pipeline> {
    let features = fixed(&shared.checked.file.features);
    shared.checked.put_together(&shared.catalog, features, None)
}

fn folds(shared: &Shared, settings: &Folds, dealt: &Dealt) -> Result<Vec<Fold>> {
    let split = split_of(shared, dealt.target.task());
    let known = dealt.target.apply(&dealt.train)?;
    let seed = Seed(shared.checked.file.seed).named("folds");
    Ok(settings.parts(&split, &dealt.train, Some(&known), seed)?)
}

fn name(at: usize) -> String {
    format!("select[{at}]")
}

fn count(settings: &Folds) -> usize {
    settings.folds.saturating_mul(settings.repeats)
}

/// Whether the rows of all folds are few enough to be kept.
fn are_few(inputs: &Inputs<'_>, settings: &Folds) -> Result<bool> {
    let facts = inputs.facts("ingest")?;
    let of = |name: &str| facts[name].as_u64().unwrap_or_default();
    let bytes = of("rows").saturating_mul(of("columns")).saturating_mul(8);
    Ok(bytes.saturating_mul(count(settings) as u64) <= MOST_BYTES)
}

/// The tasks of the folds; nothing where candidates have nothing in common, or too many rows.
pub(super) fn tasks(
    shared: &Arc<Shared>,
    inputs: &Inputs<'_>,
) -> Result<Option<Vec<Box<dyn Task>>>> {
    let Some(settings) = settings(shared) else { return Ok(None) };
    if !are_few(inputs, &settings)? {
        return Ok(None);
    }
    let task = |at| -> Box<dyn Task> {
        let needs = vec!["ingest".to_owned(), "split".to_owned()];
        Box::new(PrefixTask { name: name(at), needs, at, settings, shared: Arc::clone(shared) })
    };
    Ok(Some((0..count(&settings)).map(task).collect()))
}

/// One fold of one run.
struct PrefixTask {
    name: String,
    needs: Vec<String>,
    at: usize,
    settings: Folds,
    shared: Arc<Shared>,
}

impl Task for PrefixTask {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn kind(&self) -> &str {
        "prefix"
    }

    fn version(&self) -> String {
        format!("{VERSION} {}", features::version(&self.shared))
    }

    fn parameters(&self) -> Value {
        let (file, data) = (&self.shared.checked.file, self.shared.data());
        json!({
            "folds": self.settings,
            "fold": self.at,
            "split": data.split,
            "target": data.target,
            "positive": data.positive,
            "features": fixed(&file.features),
            "seed": file.seed,
        })
    }

    fn run(&self, inputs: &Inputs<'_>, context: &TaskContext<'_>) -> Result<Output, TaskError> {
        let output = rayon::scope(|_| self.fit(inputs, context));
        output.map_err(task_error)
    }
}

impl PrefixTask {
    fn fit(&self, inputs: &Inputs<'_>, context: &TaskContext<'_>) -> Result<Output> {
        let (shared, notes) = (&*self.shared, Notes::default());
        let dealt = dealt(shared, inputs)?;
        let pipeline = pipeline(shared)?;
        let root = self.root(&pipeline, &dealt)?;
        let grow = |stem: Stem, _| stem.grow(&pipeline, &notes);
        let stem = (0..pipeline.steps().len()).try_fold(root, grow)?;
        save(shared, &stem, context.output_dir())?;
        // What there is to note the stage `features` notes of the steps that win.
        Ok(Output::none().with_value(stem))
    }

    fn root(&self, pipeline: &Pipeline, dealt: &Dealt) -> Result<Stem> {
        root(&self.shared, &self.settings, pipeline, dealt, self.at)
    }
}

fn root(
    shared: &Shared,
    settings: &Folds,
    pipeline: &Pipeline,
    dealt: &Dealt,
    at: usize,
) -> Result<Stem> {
    let folds = folds(shared, settings, dealt)?;
    let fold = folds.get(at).ok_or_else(|| Error::bug(format!("fold {at} of {}", folds.len())))?;
    Ok(Stem::new(pipeline, &dealt.train, &dealt.target, &fold.train, &fold.test)?)
}

/// What the tasks gave, in the order of the folds; nothing where there were none.
pub(super) fn gather(
    shared: &Shared,
    dealt: &Dealt,
    inputs: &Inputs<'_>,
) -> Result<Vec<Arc<Stem>>> {
    let Some(settings) = settings(shared) else { return Ok(Vec::new()) };
    if !are_few(inputs, &settings)? {
        return Ok(Vec::new());
    }
    let pipeline = pipeline(shared)?;
    let stem = |at| {
        let load = |folder: &Path| -> Result<Stem, TaskError> {
            let root = root(shared, &settings, &pipeline, dealt, at).map_err(task_error)?;
            load(shared, root, folder).map_err(task_error)
        };
        Ok(inputs.value_or_load(&name(at), load)?)
    };
    (0..count(&settings)).map(stem).collect()
}

fn save(shared: &Shared, stem: &Stem, folder: &Path) -> Result<()> {
    let (rows, asked, among) = stem.frames();
    let about = serde_json::to_vec(&About { among }).map_err(|e| Error::bug(e.to_string()))?;
    fs_err::write(folder.join(ABOUT), about)?;
    frame_file::save(rows, &folder.join(ROWS))?;
    frame_file::save(asked, &folder.join(ASKED))?;
    Ok(gristmill_package::save_steps(folder, stem.steps(), &shared.catalog)?)
}

fn load(shared: &Shared, root: Stem, folder: &Path) -> Result<Stem> {
    let about = fs_err::read(folder.join(ABOUT))?;
    let About { among } =
        serde_json::from_slice(&about).map_err(|e| Error::bug(format!("a stored stem: {e}")))?;
    let rows = frame_file::load(&folder.join(ROWS))?;
    let asked = frame_file::load(&folder.join(ASKED))?;
    let steps = gristmill_package::load_steps(folder, &shared.catalog)?;
    Ok(root.with_steps(steps, (rows, asked, among))?)
}
