//! Runs: what was started, what it logged, how it ended, and how to find it again.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DatasetInput, ExperimentId, Filter, Lifecycle, ModelLink, Order, RunId};

words! {
    /// How far a run got.
    RunStatus {
        /// At work, or its process died and nobody noticed yet.
        Running = "running",
        /// Not begun yet, as a client said.
        Scheduled = "scheduled",
        /// Done.
        Succeeded = "succeeded",
        /// It ended with an error.
        Failed = "failed",
        /// Stopped by a person.
        Cancelled = "cancelled",
        /// A gate refused the model.
        Refused = "refused",
        /// Its process died before it ended; it can be resumed.
        Interrupted = "interrupted",
    }
}

impl RunStatus {
    /// MLflow's word for it. It has fewer: a run that a gate refused failed, and one that was cut
    /// short was killed.
    pub fn in_mlflow(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Scheduled => "SCHEDULED",
            Self::Succeeded => "FINISHED",
            Self::Failed | Self::Refused => "FAILED",
            Self::Cancelled | Self::Interrupted => "KILLED",
        }
    }

    /// What MLflow's word stands for; nothing when it is none of its words.
    pub fn from_mlflow(word: &str) -> Option<Self> {
        match word {
            "RUNNING" => Some(Self::Running),
            "SCHEDULED" => Some(Self::Scheduled),
            "FINISHED" => Some(Self::Succeeded),
            "FAILED" => Some(Self::Failed),
            "KILLED" => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// What a new run is made of. Its status starts as running.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// Its id, chosen by the caller.
    pub id: RunId,
    /// The experiment that it belongs to.
    pub experiment: ExperimentId,
    /// A name for people.
    pub name: String,
    /// When it started.
    pub started: Timestamp,
    /// What sort of run it is: `pipeline`, `trial`, or a word of the caller's.
    pub kind: Option<String>,
    /// The name of the pipeline.
    pub pipeline: Option<String>,
    /// The pipeline file.
    pub source: Option<String>,
    /// The run that it is a part of.
    pub parent: Option<RunId>,
    /// Who started it.
    pub user: Option<String>,
    /// What is logged together with it.
    pub batch: Batch,
}

impl NewRun {
    /// A run of the default experiment with nothing logged yet.
    pub fn new(id: RunId, name: impl Into<String>, started: Timestamp) -> Self {
        Self {
            id,
            experiment: ExperimentId::DEFAULT,
            name: name.into(),
            started,
            kind: None,
            pipeline: None,
            source: None,
            parent: None,
            user: None,
            batch: Batch::default(),
        }
    }
}

/// What is known of a run beside what it logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Its id.
    pub id: RunId,
    /// The experiment that it belongs to.
    pub experiment: ExperimentId,
    /// A name for people.
    pub name: String,
    /// How far it got.
    pub status: RunStatus,
    /// In use or put away.
    pub lifecycle: Lifecycle,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What sort of run it is.
    pub kind: Option<String>,
    /// The name of the pipeline.
    pub pipeline: Option<String>,
    /// The pipeline file.
    pub source: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// The run that it is a part of.
    pub parent: Option<RunId>,
    /// Who started it.
    pub user: Option<String>,
    /// Where its artifacts are, when not in the store's own place.
    pub artifact_location: Option<String>,
}

/// A run with everything it logged; of each metric the latest value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What is known beside what it logged.
    pub info: RunInfo,
    /// Its params.
    pub params: BTreeMap<String, String>,
    /// Of each metric the value with the greatest step, then the latest time.
    pub metrics: BTreeMap<String, Metric>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The datasets that it used.
    #[serde(default)]
    pub datasets: Vec<DatasetInput>,
    /// The logged models that it used or made.
    #[serde(default)]
    pub models: Vec<ModelLink>,
}

/// What changes in a run; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunUpdate {
    /// How far it got.
    pub status: Option<RunStatus>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// A name for people.
    pub name: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// What it logs in the same go.
    pub batch: Batch,
}

impl RunUpdate {
    /// The end of a run.
    pub fn ended(status: RunStatus, at: Timestamp) -> Self {
        Self { status: Some(status), ended: Some(at), ..Self::default() }
    }
}

/// One value of a metric. NaN and the infinities are values like others and come back as they went in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name, such as `test.roc_auc`.
    pub key: String,
    /// Its value.
    pub value: f64,
    /// The step of training that it belongs to; 0 where there are no steps.
    pub step: i64,
    /// When it was measured.
    pub at: Timestamp,
}

/// A value of a metric that says something about a logged model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelMetric {
    /// The logged model's id.
    pub model: String,
    /// The value.
    pub metric: Metric,
    /// The name and the digest of the dataset that it was measured on.
    pub dataset: Option<(String, String)>,
}

/// What is logged in one go: all of it or, when something is refused, nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Values of metrics, in any order; one that is stored already is not stored twice.
    pub metrics: Vec<Metric>,
    /// Params; a param never changes.
    pub params: BTreeMap<String, String>,
    /// Tags; a later value takes the place of an earlier one.
    pub tags: BTreeMap<String, String>,
    /// Which of the metrics say something about logged models.
    pub model_metrics: Vec<ModelMetric>,
}

impl Batch {
    /// The batch with one more metric.
    #[must_use]
    pub fn metric(mut self, key: impl Into<String>, value: f64, step: i64, at: Timestamp) -> Self {
        self.metrics.push(Metric { key: key.into(), value, step, at });
        self
    }

    /// The batch with one more param.
    #[must_use]
    pub fn param(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.params.insert(key.into(), value.to_string());
        self
    }

    /// The batch with one more tag.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.tags.insert(key.into(), value.to_string());
        self
    }
}

/// Which part of a long answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many at most.
    pub limit: u32,
    /// How many to pass over first.
    pub offset: u64,
}

impl Page {
    /// The offset as a database counts.
    pub(crate) fn skipped(self) -> i64 {
        i64::try_from(self.offset).unwrap_or(i64::MAX)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 100, offset: 0 }
    }
}

/// Which runs are wanted. An empty list and `None` leave that question open.
#[derive(Clone, Debug, PartialEq)]
pub struct RunQuery {
    /// Runs of one of these experiments.
    pub experiments: Vec<ExperimentId>,
    /// Runs of this pipeline.
    pub pipeline: Option<String>,
    /// Runs with one of these statuses.
    pub statuses: Vec<RunStatus>,
    /// In use or put away.
    pub lifecycle: Option<Lifecycle>,
    /// By the run that they are a part of.
    pub parent: Parent,
    /// Runs for which all of this holds.
    pub conditions: Vec<Condition>,
    /// The same, as clients ask for it.
    pub filter: Filter,
    /// By what they are sorted; then, and where nothing is said, the latest start first.
    pub order: Vec<Order>,
    /// Which part of the answer.
    pub page: Page,
}

impl Default for RunQuery {
    /// The newest 100 runs that are in use.
    fn default() -> Self {
        Self {
            experiments: Vec::new(),
            pipeline: None,
            statuses: Vec::new(),
            lifecycle: Some(Lifecycle::Active),
            parent: Parent::Any,
            conditions: Vec::new(),
            filter: Filter::default(),
            order: Vec::new(),
            page: Page::default(),
        }
    }
}

/// Which runs are wanted, by the run that they are a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parent {
    /// Parts and whole runs.
    #[default]
    Any,
    /// Runs that are no part of another.
    None,
    /// The parts of this run.
    Of(RunId),
}

/// What must hold for something that a run logged. A run that did not log it never matches.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The latest value of a metric against a number; NaN matches nothing but `NotEqual`.
    Metric(String, Comparison, f64),
    /// A param against a text, letter by letter.
    Param(String, Comparison, String),
    /// A tag against a text, letter by letter.
    Tag(String, Comparison, String),
}

words! {
    /// How two values are compared.
    Comparison {
        /// They are equal.
        Equal = "=",
        /// They differ.
        NotEqual = "!=",
        /// The logged one is smaller.
        Less = "<",
        /// The logged one is smaller or equal.
        AtMost = "<=",
        /// The logged one is greater.
        Greater = ">",
        /// The logged one is greater or equal.
        AtLeast = ">=",
    }
}
