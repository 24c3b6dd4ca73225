//! A model that is ready to answer.

use gristmill_core::{Contributions, Frame, FrameInput, Labels, Prediction, Schema, Task};
use gristmill_package::{Package, PackageInfo};

use crate::{Refusal, Result};

/// How much one request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many rows it may have.
    pub rows: usize,
    /// How many values all its rows may have together: those of columns that a request leaves out
    /// take room too.
    pub cells: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 100_000, cells: 8_000_000 }
    }
}

/// A model that is ready to answer.
pub struct Served {
    name: String,
    version: String,
    package: Package,
    input: FrameInput,
    most_rows: usize,
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
        Self { name: name.into(), version: version.into(), package, input, most_rows }
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

    /// Whether it answers a row alike in whatever company it comes: no step looks at other rows.
    pub fn is_row_wise(&self) -> bool {
        !self.package.pipeline.is_windowed()
    }

    pub(crate) fn input(&self) -> &FrameInput {
        &self.input
    }

    pub(crate) fn most_rows(&self) -> usize {
        self.most_rows
    }

    /// An answer for each row, as `gristmill predict` gives it.
    ///
    /// # Errors
    /// As the model's steps refuse values.
    pub fn answer(&self, rows: Frame) -> Result<Answers> {
        let pipeline = &self.package.pipeline;
        let scores = pipeline.predict_frame(rows)?;
        Ok(Answers { prediction: Prediction::new(scores, pipeline.target()), explained: None })
    }

    /// The same, with what each column that the model sees adds to the answer.
    ///
    /// # Errors
    /// As [`Served::answer`]; [`Refusal::Bad`] when the model cannot say it.
    pub fn explain(&self, rows: Frame) -> Result<Answers> {
        let model = self.package.pipeline.model();
        let seen = self.package.pipeline.transform_frame(rows.clone())?.features();
        let contributions = model.explain(&seen.dense()?).ok_or_else(|| {
            let (name, kind) = (&self.name, model.kind());
            Refusal::bad(format!(
                "model `{name}` cannot explain its answers: `{kind}` has no contributions"
            ))
        })??;
        let columns = model.input().names();
        let explained = Some(Explained { columns, contributions });
        Ok(Answers { explained, ..self.answer(rows)? })
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
