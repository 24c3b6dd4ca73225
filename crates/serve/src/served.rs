//! A model that is ready to answer.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use gristmill_core::{
    Contributions, Frame, FrameInput, Labels, Prediction, Profile, Schema, Scores, Task,
};
use gristmill_package::{Package, PackageInfo};

use crate::history::{History, HistoryFigures, HistoryLimits, Question, Recalled};
use crate::{Refusal, Result};

/// How much one request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many rows it may have.
    pub rows: usize,
    /// How many values all its rows may have together: those of columns that a request leaves out
    /// take room too.
    pub cells: usize,
    /// How much is kept of earlier rows, for models that look at them.
    pub history: HistoryLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 100_000, cells: 8_000_000, history: HistoryLimits::default() }
    }
}

/// A model that is ready to answer.
pub struct Served {
    name: String,
    version: String,
    package: Package,
    input: FrameInput,
    most_rows: usize,
    most_cells: usize,
    history: History,
    companion: Option<Arc<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Served({}, version {})", self.name, self.version)
    }
}

impl Served {
    /// The model of a package, under a name and a version of it.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        package: Package,
        limits: Limits,
    ) -> Self {
        let input = FrameInput::new(package.pipeline.input());
        let most_rows = limits.rows.min(limits.cells / input.schema().len().max(1));
        let history = History::of(&package.pipeline, &input, limits.history);
        let (name, version, most_cells) = (name.into(), version.into(), limits.cells);
        let companion = None;
        Self { name, version, package, input, most_rows, most_cells, history, companion }
    }

    /// The same with what whoever loads it knows of it beside its package, for whoever looks on while it
    /// answers: it is at hand before the first answer, and goes with the model.
    #[must_use]
    pub fn with_companion(self, companion: Arc<dyn Any + Send + Sync>) -> Self {
        Self { companion: Some(companion), ..self }
    }

    /// What is known of it beside its package, if that is of this type.
    pub fn companion<T: 'static>(&self) -> Option<&T> {
        self.companion.as_deref()?.downcast_ref()
    }

    /// The same with the rows that another version has kept, where they fit.
    pub(crate) fn after(self, before: Option<&Self>) -> Self {
        match before {
            Some(before) => Self { history: self.history.after(&before.history), ..self },
            None => self,
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which version of it this is.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What its package says of itself.
    pub fn info(&self) -> &PackageInfo {
        &self.package.info
    }

    /// What its training data looked like.
    pub fn profile(&self) -> &Profile {
        &self.package.profile
    }

    /// About how many bytes of memory it takes: those of its learned numbers and of what it keeps of its
    /// training data's looks, as its package has them. What the allocator and the form in memory add is not
    /// in it.
    pub fn bytes(&self) -> u64 {
        let kept = ["tensors.safetensors", "profile.json"];
        let files = self.package.info.files.iter();
        files.filter(|file| kept.contains(&file.name.as_str())).map(|file| file.bytes).sum()
    }

    /// The columns that it takes.
    pub fn schema(&self) -> &Schema {
        self.input.schema()
    }

    /// What its classes are called; nothing where it answers with numbers.
    pub fn labels(&self) -> Option<&Labels> {
        match self.package.pipeline.target().task() {
            Task::Classification { .. } => self.package.pipeline.target().labels.as_deref(),
            Task::Regression | Task::Unsupervised => None,
        }
    }

    pub(crate) fn input(&self) -> &FrameInput {
        &self.input
    }

    /// How many rows one request may have.
    pub fn most_rows(&self) -> usize {
        self.most_rows
    }

    /// How much is kept of earlier rows; nothing where none are.
    pub fn history(&self) -> Option<HistoryFigures> {
        self.history.figures()
    }

    /// Whether the model looks at other rows than the one that it is asked about.
    pub fn is_windowed(&self) -> bool {
        self.package.pipeline.is_windowed()
    }

    /// An answer for each row that is asked about, as `gristmill predict` gives it to a file in which the
    /// rows of its history stand before it.
    ///
    /// # Errors
    /// As the model's steps refuse values; [`Refusal::Bad`] when the answer would have to go by rows that are
    /// not known.
    pub fn answer(&self, question: Question) -> Result<Answers> {
        let Recalled { rows, asked, keep } = self.history.recall(question, self.most_cells)?;
        let pipeline = &self.package.pipeline;
        let scores = match asked.len() == rows.rows() {
            true => pipeline.predict_frame(rows)?,
            false => self.scores(self.seen(rows, asked)?)?,
        };
        keep.keep();
        Ok(Answers { prediction: Prediction::new(scores, pipeline.target()), explained: None })
    }

    /// The same, with what each column that the model sees adds to the answer.
    ///
    /// # Errors
    /// As [`Served::answer`]; [`Refusal::Bad`] when the model cannot say it.
    pub fn explain(&self, question: Question) -> Result<Answers> {
        let Recalled { rows, asked, keep } = self.history.recall(question, self.most_cells)?;
        let seen = self.seen(rows, asked)?;
        let explained = Some(self.explained(&seen)?);
        let scores = self.scores(seen)?;
        keep.keep();
        let prediction = Prediction::new(scores, self.package.pipeline.target());
        Ok(Answers { prediction, explained })
    }

    /// Some of the rows as the model sees them.
    fn seen(&self, rows: Frame, asked: Range<usize>) -> Result<Frame> {
        Ok(self.package.pipeline.transform_frame(rows)?.features().slice(asked))
    }

    fn scores(&self, seen: Frame) -> Result<Scores> {
        let model = self.package.pipeline.model();
        let seen = if model.takes_sparse() { seen } else { seen.dense()? };
        Ok(model.predict(&seen)?)
    }

    fn explained(&self, seen: &Frame) -> Result<Explained> {
        let model = self.package.pipeline.model();
        let contributions = model.explain(&seen.clone().dense()?).ok_or_else(|| {
            let (name, kind) = (&self.name, model.kind());
            Refusal::bad(format!(
                "model `{name}` cannot explain its answers: `{kind}` has no contributions"
            ))
        })??;
        Ok(Explained { columns: model.input().names(), contributions })
    }
}

/// The answers to the rows of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// The answers.
    pub prediction: Prediction,
    /// What each column adds to them, where that was asked for.
    pub explained: Option<Explained>,
}

/// What each column that a model sees adds to its answers, on the scale of its raw score.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// What the columns are called, as the last transform leaves them.
    pub columns: Vec<String>,
    /// How much each adds.
    pub contributions: Contributions,
}

impl Answers {
    /// How many rows were answered.
    pub fn rows(&self) -> usize {
        self.prediction.rows()
    }
}
