//! From the text of a pipeline file to settings that fit each other and the data: all mistakes at
//! once, each with its place.

mod judge;
mod ranges;

use std::path::{Path, PathBuf};

use gristmill_core::{Catalog, EstimatorSpec, Notes, Pipeline, Table, TransformSpec};
use gristmill_flow::{Document, Mistake, Plan, PlanError, render};
use gristmill_track::RunId;

use self::judge::Judge;
use crate::catalog::catalog;
use crate::file::{self, PipelineFile};
use crate::select::settings::ModelSection;
use crate::select::spelled::{self, Steps};
use crate::tasks::Means;
use crate::trigger::occasion_mistakes;
use crate::{Error, Home, Result, data, stages, tasks};

/// A pipeline file without mistakes.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its sections.
    pub file: PipelineFile,
    /// The folder that its paths are relative to.
    pub folder: PathBuf,
    /// What is no mistake, and still worth a thought.
    pub notes: Vec<String>,
}

impl Checked {
    /// The rows that the `data` section asks for; `notes` hears what a person should know of them.
    ///
    /// # Errors
    /// When there is no such section, a source cannot be read, or an expectation is broken.
    pub fn table(&self, notes: &Notes) -> Result<Table> {
        let data = self.file.data.as_ref();
        let data = data.ok_or_else(|| {
            Error::input("the file has no data").with_hint("add a `data:` section")
        })?;
        data::read(data, &self.folder, notes)
    }

    /// The stages that a run of it goes through.
    pub fn stages(&self) -> Vec<&'static str> {
        stages_of(&self.file)
    }

    /// The steps of the file put together, nothing learned yet.
    ///
    /// # Errors
    /// None for a file that [`check`] gave.
    pub fn pipeline(&self, catalog: &Catalog) -> Result<Pipeline> {
        match &self.file.model {
            None => self.put_together(catalog, &self.file.features, None),
            Some(ModelSection::Estimator(model)) => {
                self.put_together(catalog, &self.file.features, Some(model))
            }
            // Which steps it will be is not known yet; what is to be predicted is.
            Some(ModelSection::Select(select)) => {
                let any = spelled::any(&self.file.features, &select.candidates)?;
                self.put_together(catalog, &[], Some(&any.model))
            }
            Some(ModelSection::Auto(_)) => self.put_together(catalog, &[], None),
        }
    }

    /// These steps put together for the data of the file, nothing learned yet.
    pub(crate) fn pipeline_of(&self, catalog: &Catalog, steps: &Steps) -> Result<Pipeline> {
        self.put_together(catalog, &steps.features, Some(&steps.model))
    }

    /// As [`Checked::pipeline_of`], with any model or none.
    pub(crate) fn put_together(
        &self,
        catalog: &Catalog,
        features: &[TransformSpec],
        model: Option<&EstimatorSpec>,
    ) -> Result<Pipeline> {
        let mut pipeline = Pipeline::new().seed(self.file.seed);
        for step in features {
            pipeline = pipeline.then_boxed(step.build(catalog)?);
        }
        if let Some(model) = model {
            pipeline = pipeline.model_boxed(model.build(catalog)?);
        }
        if let Some(data) = &self.file.data {
            if let Some(positive) = &data.positive {
                pipeline = pipeline.positive(positive);
            }
            if let Some(target) = &data.target {
                pipeline = pipeline.target_transform(target.transform());
            }
        }
        Ok(pipeline)
    }
}

fn stages_of(file: &PipelineFile) -> Vec<&'static str> {
    let mut stages = Vec::new();
    if let Some(data) = &file.data {
        stages.push("ingest");
        if data.split.is_some() || file.model.is_some() {
            stages.push("split");
        }
    }
    if matches!(file.model, Some(ModelSection::Select(_) | ModelSection::Auto(_))) {
        stages.push("select");
    }
    if file.model.is_some() {
        stages.extend(["features", "train", "evaluate"]);
    }
    if file.register.is_some() {
        stages.push("register");
    }
    stages
}

/// What keeps the tasks of a file from forming a plan, beyond each by itself: a circle, a condition
/// over what nobody gives.
fn circles(document: &Document, checked: &Checked) -> Vec<Mistake> {
    if checked.file.tasks.is_empty() {
        return Vec::new();
    }
    let nowhere = Home::at("");
    let tasks =
        match tasks::tasks(checked.clone(), &nowhere, RunId::from_bytes([0; 16]), Means::default())
        {
            Ok(tasks) => tasks,
            Err(error) => {
                return vec![document.mistake("tasks", error.message).maybe_hint(error.hint)];
            }
        };
    let errors = Plan::new(tasks).err().unwrap_or_default();
    let mistake = |error: &PlanError| {
        let setting = match error {
            PlanError::UnknownName { .. } => ".when",
            _ => ".needs",
        };
        let path = match error.task() {
            stage if stages::is_stage(stage) => "data.needs".to_string(),
            task => format!("tasks.{task}{setting}"),
        };
        document.mistake(&path, error.to_string()).with_hint(error.hint())
    };
    errors.iter().map(mistake).collect()
}

/// Reads a pipeline file, with `settings` such as `data.split.test=0.3` in place of what it says,
/// and holds it against its format and a look at the data: the footer of Parquet, or the header and
/// a bounded sample.
///
/// # Errors
/// All mistakes together, drawn with their lines.
pub fn check(path: &Path, settings: &[String]) -> Result<Checked> {
    check_in(path, settings, path.parent().unwrap_or(Path::new("")))
}

/// As [`check`], with paths relative to `folder` in place of the folder of the file.
pub(crate) fn check_in(path: &Path, settings: &[String], folder: &Path) -> Result<Checked> {
    let document = read(path, settings)?;
    let folder = folder.to_path_buf();
    let mistakes = ranges::mistakes(&document, &file::schema(&catalog()));
    let mut judge = Judge { document: &document, mistakes, notes: Vec::new() };
    if !judge.mistakes.is_empty() {
        judge.data_alone(&folder);
        return Err(drawn(judge.mistakes));
    }
    let file: PipelineFile = serde_json::from_value(document.root().to_json())
        .map_err(|e| drawn(vec![document.mistake("", e.to_string())]))?;
    judge.name(&file);
    judge.sections(&file);
    judge.tasks(&file, &folder);
    judge.metrics(&file);
    judge.monitor(&file);
    for (path, message, hint) in occasion_mistakes(&file) {
        judge.blame(&path, message, hint);
    }
    if let Some(data) = &file.data {
        judge.data(&file, data, &folder);
    } else {
        judge.steps(&file, None);
    }
    let checked = Checked { file, folder, notes: judge.notes };
    if judge.mistakes.is_empty() {
        judge.mistakes = circles(&document, &checked);
    }
    if judge.mistakes.is_empty() { Ok(checked) } else { Err(drawn(judge.mistakes)) }
}

/// The text of a pipeline file as a tree whose values know their places.
fn read(path: &Path, settings: &[String]) -> Result<Document> {
    let settings = assignments(settings)?;
    Document::load(path, &settings).map_err(drawn)
}

/// The paths and values of `--set`.
pub(crate) fn assignments(settings: &[String]) -> Result<Vec<(String, String)>> {
    settings.iter().map(|setting| assignment(setting)).collect()
}

fn assignment(text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() => Ok((path.into(), value.into())),
        _ => Err(Error::input(format!("`--set {text}` is no assignment"))
            .with_hint("write `--set PATH=VALUE`, such as `--set data.split.test=0.3`")),
    }
}

/// Mistakes as one error: the first in words, all of them drawn.
pub(crate) fn drawn(mistakes: Vec<Mistake>) -> Error {
    let text = render(&mistakes);
    let more = mistakes.len().saturating_sub(1);
    let mut error = match mistakes.into_iter().next() {
        None => Error::bug("a file was refused without a mistake"),
        Some(first) => {
            let mut error = Error::input(first.message);
            error.hint = first.hint;
            error.with_place(match first.line {
                0 => first.file,
                line => format!("{}, line {line}", first.file),
            })
        }
    };
    if more > 0 {
        error.message.push_str(&format!(" (and {more} more mistakes)"));
    }
    error.drawn = Some(text);
    error
}
