//! What a run says when it ends: the object of `run --json`.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
pub use gristmill_evaluate::FoldScores;
use serde::{Deserialize, Serialize};

use crate::comparison::Comparison;
use crate::remote::SentLine;
use crate::select::Steps;
use crate::trials::TrialLine;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Every task is done.
    Succeeded,
    /// A gate refused the model; nothing was registered.
    Refused,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// The run in the store.
    pub run_id: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// How it ended.
    pub status: RunStatus,
    /// Seconds on the clock.
    pub seconds: f64,
    /// The scores, when there is a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// What a search found, in words, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The registered version, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<RegisteredModel>,
    /// How that version met the one that held the alias, when they met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// The tasks in the order in which they ran.
    pub tasks: Vec<TaskLine>,
    /// Each metric that missed what the file requires, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gate: Vec<String>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Whether it is on the server that it was to be sent to, when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<SentLine>,
}

/// Scores by part and metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// On the rows that trained the model.
    pub train: BTreeMap<String, f64>,
    /// On the rows that were held out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub test: BTreeMap<String, f64>,
    /// Over the folds of cross-validation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cv: BTreeMap<String, FoldScores>,
}

/// A version in the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisteredModel {
    /// The model's name.
    pub name: String,
    /// The version's number, from 1 on.
    pub version: u32,
    /// The aliases that it holds.
    pub aliases: Vec<String>,
    /// Where its package stands, absolute.
    pub path: String,
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskLine {
    /// The task.
    pub name: String,
    /// `succeeded`, `failed`, `skipped` or `cancelled`; `pending` or `running` before that.
    pub status: String,
    /// Whether its result was taken from the cache.
    pub cached: bool,
    /// How often it was tried.
    pub attempts: u32,
    /// Seconds on the clock.
    pub seconds: f64,
    /// The tasks that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Why it was skipped or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Hears how a run goes on; the binary draws its progress from it.
pub trait Progress: Sync {
    /// The run has this many tasks.
    fn planned(&self, _tasks: usize) {}
    /// The run has so many tasks more than was known.
    fn more(&self, _tasks: usize) {}
    /// A task has begun.
    fn started(&self, task: &str);
    /// A task has come this far, of how much if that is known; `said` is what else there is to say.
    fn advanced(&self, _task: &str, _done: u64, _total: Option<u64>, _said: &str) {}
    /// A person should know this.
    fn note(&self, message: &str);
    /// A task has ended.
    fn finished(&self, task: &TaskLine);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _: &str) {}
    fn note(&self, _: &str) {}
    fn finished(&self, _: &TaskLine) {}
}

/// One run as `runs list` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run_id: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// How it ended, or `running`.
    pub status: String,
    /// When it began.
    pub started: Timestamp,
    /// Seconds on the clock, once it has ended.
    pub seconds: Option<f64>,
    /// The latest value of each metric.
    pub metrics: BTreeMap<String, f64>,
}

/// One run as `runs show` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDetails {
    /// What the list says of it.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// Settings by path.
    pub params: BTreeMap<String, String>,
    /// Where it came from: commit, data, environment.
    pub tags: BTreeMap<String, String>,
    /// What became of its tasks.
    pub tasks: Vec<TaskLine>,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The metrics by which its search chose, the first most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deciding: Vec<String>,
    /// The trials of its search, the best first; those that an earlier run of the same search did too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<TrialLine>,
    /// Of a trial: the run that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<PartOf>,
    /// Of a trial: what it fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Steps>,
    /// [`steps`](Self::steps) as the text of a pipeline file.
    #[serde(skip)]
    pub steps_text: Option<String>,
}

/// The run that a trial is a part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartOf {
    /// The run.
    pub run_id: String,
    /// Its pipeline.
    pub pipeline: String,
    /// The number of the trial in its search.
    pub trial: Option<usize>,
}

/// One run as `runs list --tree` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunBranch {
    /// The run.
    #[serde(flatten)]
    pub run: RunSummary,
    /// The metrics by which its search chose, the first most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deciding: Vec<String>,
    /// The best trials of its search.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<TrialLine>,
    /// How many trials more there are.
    pub more_trials: usize,
}

/// What `runs delete` deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeletedRun {
    /// The run.
    pub deleted: String,
    /// How many trials went with it.
    pub trials: usize,
}
