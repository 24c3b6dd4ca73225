//! The stages of a pipeline file as tasks of the flow engine: what each needs, what decides its
//! result, and how results travel between them.
//!
//! A stage's work stands in its own file as plain functions; here they are wired. Results go to
//! later stages of the same run in memory, and to other runs through the folder of the cache.

mod challenge;
mod evaluate;
mod features;
mod folds;
mod frame_file;
mod ingest;
mod prefixes;
mod register;
mod score;
mod select;
mod split;
mod train;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::{
    Catalog, Clock, FittedPipeline, Notes, Pipeline, Table, TargetSpec, Timestamp,
};
use gristmill_evaluate::Parts;
use gristmill_flow::{
    Caching, Digest, Fault, FileDigests, Input, Inputs, Output, Task, TaskContext, TaskError,
};
use gristmill_ingest::{ImageSource, SourceSpec};
use gristmill_track::RunId;
use serde_json::{Value, json};

use self::challenge::CommonRows;
use crate::check::Checked;
use crate::clock::SystemClock;
use crate::file::DataSection;
use crate::keeper::Keeper;
use crate::remote::Address;
use crate::report::Metrics;
use crate::select::Steps;
use crate::{Error, Home, Kind, Result};

pub(crate) use register::gate;
pub(crate) use score::scores;

/// What all stages of one run know.
pub(crate) struct Shared {
    pub checked: Checked,
    pub catalog: Catalog,
    /// What stands in the file; where that is a search, nothing but what is to be predicted.
    pub pipeline: Arc<Pipeline>,
    pub home: Home,
    /// The `gristmill` binary, where one is known.
    pub binary: Option<PathBuf>,
    /// The server that the run is sent to.
    pub server: Option<Address>,
    pub data: DataSection,
    /// When a version is registered, in place of the present moment.
    pub at: Option<Timestamp>,
    deal: folds::Deal,
    choice: select::Deal,
}

impl Shared {
    /// What stages of `checked` need, when it has data for them.
    pub fn new(
        checked: Checked,
        home: &Home,
        binary: Option<PathBuf>,
        server: Option<Address>,
    ) -> Result<Option<Self>> {
        let Some(data) = checked.file.data.clone() else { return Ok(None) };
        let catalog = crate::catalog();
        let pipeline = Arc::new(checked.pipeline(&catalog)?);
        let (deal, choice) = (folds::Deal::default(), select::Deal::default());
        let home = home.clone();
        let at = None;
        Ok(Some(Self { checked, catalog, pipeline, home, binary, server, data, at, deal, choice }))
    }

    fn data(&self) -> &DataSection {
        &self.data
    }

    fn now(&self) -> Timestamp {
        self.at.unwrap_or_else(|| SystemClock.now())
    }

    /// What is to be predicted.
    fn target(&self, table: &Table) -> Result<TargetSpec> {
        Ok(self.pipeline.target(table)?)
    }

    /// The pipeline that is fitted: that of the file, or of the steps that its search found.
    fn chosen(&self, inputs: &Inputs<'_>) -> Result<Arc<Pipeline>> {
        if !select::searches(self) {
            return Ok(Arc::clone(&self.pipeline));
        }
        let steps = Steps::from_facts(inputs.facts("select")?)?;
        Ok(Arc::new(self.checked.pipeline_of(&self.catalog, &steps)?))
    }

    fn keeper(&self) -> Result<Keeper> {
        Keeper::open(&self.home)
    }
}

/// Which stage a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ingest,
    Split,
    Select,
    Features,
    Train,
    Evaluate,
    Register,
}

/// The stages by the names that a pipeline file and its runs call them.
const STAGES: [(&str, Stage, &[&str]); 7] = [
    ("ingest", Stage::Ingest, &[]),
    ("split", Stage::Split, &["ingest"]),
    ("select", Stage::Select, &["ingest", "split"]),
    ("features", Stage::Features, &["ingest", "split", "select"]),
    ("train", Stage::Train, &["ingest", "split", "select", "features"]),
    ("evaluate", Stage::Evaluate, &["ingest", "split", "select", "train"]),
    (REGISTER, Stage::Register, &["ingest", "split", "train", "evaluate"]),
];

/// The stage that registers the model.
pub(crate) const REGISTER: &str = "register";

/// Whether a stage has this name, which no other task may have then.
pub(crate) fn is_stage(name: &str) -> bool {
    STAGES.iter().any(|(stage, ..)| *stage == name)
}

/// One stage of one run.
struct StageTask {
    name: &'static str,
    stage: Stage,
    needs: Vec<String>,
    shared: Arc<Shared>,
    run: RunId,
}

/// The tasks of the stages that the file has sections for.
pub(crate) fn tasks(shared: &Arc<Shared>, run: RunId) -> Vec<Box<dyn Task>> {
    let wanted = shared.checked.stages();
    STAGES
        .iter()
        .filter(|(name, ..)| wanted.contains(name))
        .map(|&(name, stage, needs)| -> Box<dyn Task> {
            let needs = needs.iter().filter(|need| wanted.contains(need));
            let mut needs: Vec<String> = needs.map(ToString::to_string).collect();
            if stage == Stage::Ingest {
                needs.extend(shared.data().needs.iter().cloned());
            }
            Box::new(StageTask { name, stage, needs, shared: Arc::clone(shared), run })
        })
        .collect()
}

impl Task for StageTask {
    fn name(&self) -> &str {
        self.name
    }

    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn version(&self) -> String {
        match self.stage {
            Stage::Ingest => ingest::VERSION.to_string(),
            Stage::Split => split::VERSION.to_string(),
            Stage::Select => select::version(&self.shared),
            Stage::Features => features::version(&self.shared),
            Stage::Train => train::version(&self.shared),
            // A learning curve refits the steps, whose versions are those of the stages before.
            Stage::Evaluate => format!("{} {}", evaluate::VERSION, features::version(&self.shared)),
            Stage::Register => register::VERSION.to_string(),
        }
    }

    fn parameters(&self) -> Value {
        match self.stage {
            Stage::Ingest => ingest::parameters(&self.shared),
            Stage::Split => split::parameters(&self.shared),
            Stage::Select => select::parameters(&self.shared),
            Stage::Features => features::parameters(&self.shared),
            Stage::Train => train::parameters(&self.shared),
            Stage::Evaluate => evaluate::parameters(&self.shared),
            Stage::Register => json!({
                "register": self.shared.checked.file.register,
                "require": self.shared.checked.file.evaluate.require,
            }),
        }
    }

    fn inputs(&self, files: &FileDigests) -> Result<Vec<Input>, TaskError> {
        match self.stage {
            Stage::Ingest => self.sources(files),
            _ => Ok(Vec::new()),
        }
    }

    fn common_fields(&self) -> &[&str] {
        match self.stage {
            Stage::Evaluate => &["metrics"],
            _ => &[],
        }
    }

    fn caching(&self) -> Caching {
        match self.stage {
            // The registry may have changed since; what it holds already is not done again.
            Stage::Register => Caching::Never,
            _ => Caching::Reuse,
        }
    }

    fn spread(&self, inputs: &Inputs<'_>) -> Result<Option<Vec<Box<dyn Task>>>, TaskError> {
        match self.stage {
            Stage::Select => prefixes::tasks(&self.shared, inputs).map_err(task_error),
            Stage::Evaluate => folds::tasks(&self.shared, inputs, self.run).map_err(task_error),
            _ => Ok(None),
        }
    }

    fn run(&self, inputs: &Inputs<'_>, context: &TaskContext<'_>) -> Result<Output, TaskError> {
        let notes = Notes::default();
        let output = self.work(inputs, context, &notes);
        for note in notes.all() {
            context.note(note);
        }
        output.map_err(task_error)
    }
}

/// A folder of images as one input: which files it has in which folders, and what they hold.
fn folder_of(
    images: &ImageSource,
    paths: &[PathBuf],
    files: &FileDigests,
) -> Result<Input, TaskError> {
    let mut all = String::new();
    for path in paths {
        let class = path.parent().map(file_name).unwrap_or_default();
        all.push_str(&format!("{class:?} {:?} {}\n", file_name(path), files.digest(path)?));
    }
    Ok(Input { name: images.images.clone(), digest: Digest::of(all.as_bytes()) })
}

impl StageTask {
    /// The files of all sources by content.
    fn sources(&self, files: &FileDigests) -> Result<Vec<Input>, TaskError> {
        let data = self.shared.data();
        let folder = &self.shared.checked.folder;
        let mut inputs = Vec::new();
        let append = data.append.iter().map(|spec| ("append", spec, String::new()));
        for (name, spec, _) in data.named_sources().chain(append) {
            let paths = gristmill_ingest::files(spec, folder).map_err(|e| task_error(e.into()))?;
            if let SourceSpec::Images(images) = spec {
                inputs.push(folder_of(images, &paths, files)?);
                continue;
            }
            for path in paths {
                let file = file_name(&path);
                let is_only = data.sources.is_empty() && name != "append";
                let shown = if is_only { file } else { format!("{name}: {file}") };
                inputs.push(files.input(&shown, &path)?);
            }
        }
        Ok(inputs)
    }

    fn work(
        &self,
        inputs: &Inputs<'_>,
        context: &TaskContext<'_>,
        notes: &Notes,
    ) -> Result<Output> {
        let shared = &*self.shared;
        let folder = context.output_dir();
        match self.stage {
            Stage::Ingest => {
                let (table, facts) = ingest::compute(shared, notes)?;
                ingest::save(&table, folder)?;
                Ok(Output::facts(facts).with_value(table))
            }
            Stage::Split => {
                let (parts, facts) = split::compute(shared, &*table(inputs)?)?;
                split::save(&parts, folder)?;
                Ok(Output::facts(facts).with_value(parts))
            }
            Stage::Select => Ok(Output::facts(select::compute(shared, inputs, context, self.run)?)),
            Stage::Features => {
                let (table, parts, chosen) =
                    (table(inputs)?, parts(inputs)?, shared.chosen(inputs)?);
                let (prepared, facts) = features::compute(&chosen, &table, &parts, notes)?;
                features::save(shared, &prepared, folder)?;
                Ok(Output::facts(facts).with_value(prepared))
            }
            Stage::Train => {
                let (table, parts) = (table(inputs)?, parts(inputs)?);
                let prepared = value(inputs, "features", |f| features::load(shared, f))?;
                let chosen = shared.chosen(inputs)?;
                let rows = train::Rows { table: &table, parts: &parts, prepared: &prepared };
                let (fitted, facts) = train::compute(shared, &chosen, &rows, notes, folder)?;
                Ok(Output::facts(facts).with_value(fitted))
            }
            Stage::Evaluate => {
                let (fitted, chosen) = (fitted(shared, inputs)?, shared.chosen(inputs)?);
                let facts = evaluate::compute(shared, &chosen, &fitted, inputs, context)?;
                Ok(Output::facts(facts))
            }
            Stage::Register => self.register(inputs, notes),
        }
    }

    fn register(&self, inputs: &Inputs<'_>, notes: &Notes) -> Result<Output> {
        let file = &self.shared.checked.file;
        let section =
            file.register.as_ref().ok_or_else(|| Error::bug("a stage without its section"))?;
        let metrics = metrics(inputs.facts("evaluate")?)?;
        let missed = gate(&file.evaluate.require, &metrics)?;
        if !missed.is_empty() {
            return Err(Error::new(Kind::Refused, missed.join("; ")));
        }
        let digest = inputs.facts("train")?["digest"].as_str().unwrap_or_default();
        let package = inputs.folder("train")?.join(train::PACKAGE);
        let evaluated = inputs.folder("evaluate").ok().map(Path::to_path_buf);
        let metrics = &metrics;
        let candidate = register::Candidate { package, evaluated, digest, metrics, run: self.run };
        let hash = data_hash(inputs)?;
        let common = || -> Result<CommonRows> {
            let (table, parts) = (table(inputs)?, parts(inputs)?);
            let learned = parts.test.is_empty();
            let rows = if learned { &parts.train } else { &parts.test };
            Ok(CommonRows { table, rows: rows.clone(), hash: hash.clone(), learned })
        };
        let registered = register::register(&self.shared, section, &candidate, &common, notes)?;
        if let Some(refused) = registered.comparison.as_ref().filter(|c| !c.promoted) {
            notes.add(refused.note());
        }
        Ok(Output::facts(register::facts(&registered)))
    }
}

/// What tells the rows of one table from those of another.
fn data_hash(inputs: &Inputs<'_>) -> Result<String> {
    Ok(inputs.facts("ingest")?["hash"].as_str().unwrap_or_default().to_string())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// What `evaluate` found, out of its facts.
pub(crate) fn metrics(facts: &Value) -> Result<Metrics> {
    serde_json::from_value(facts["metrics"].clone())
        .map_err(|e| Error::bug(format!("stored metrics: {e}")))
}

fn table(inputs: &Inputs<'_>) -> Result<Arc<Table>> {
    value(inputs, "ingest", ingest::load)
}

fn parts(inputs: &Inputs<'_>) -> Result<Arc<Parts>> {
    value(inputs, "split", split::load)
}

/// What the stages `ingest` and `split` of a run left in these folders of the cache.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn table_and_parts(ingest: &Path, split: &Path) -> Result<(Table, Parts)> {
    Ok((ingest::load(ingest)?, split::load(split)?))
}

fn fitted(shared: &Shared, inputs: &Inputs<'_>) -> Result<Arc<FittedPipeline>> {
    value(inputs, "train", |folder| train::load(shared, folder))
}

fn value<T: Send + Sync + 'static>(
    inputs: &Inputs<'_>,
    task: &str,
    load: impl FnOnce(&Path) -> Result<T>,
) -> Result<Arc<T>> {
    Ok(inputs.value_or_load(task, |folder| load(folder).map_err(task_error))?)
}

fn task_error(error: Error) -> TaskError {
    let fault = match error.kind {
        Kind::Input | Kind::Stored => Fault::Input,
        Kind::Refused => Fault::Refused,
        Kind::Cancelled => Fault::Cancelled,
        Kind::Bug => Fault::Bug,
    };
    let hint = error.hint.clone();
    let failed = TaskError::new(fault, error.message);
    match hint {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}

impl From<&TaskError> for Error {
    fn from(error: &TaskError) -> Self {
        let kind = match error.fault {
            Fault::Refused => Kind::Refused,
            Fault::Cancelled => Kind::Cancelled,
            Fault::Bug => Kind::Bug,
            _ => Kind::Input,
        };
        Self { hint: error.hint.clone(), ..Self::new(kind, error.message.clone()) }
    }
}

impl From<TaskError> for Error {
    fn from(error: TaskError) -> Self {
        Self::from(&error)
    }
}
