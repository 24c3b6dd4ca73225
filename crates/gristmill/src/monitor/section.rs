//! The `monitor:` section of a pipeline file.

use gristmill_evaluate::Metric;
use gristmill_flow::{SecretName, TimeSpan};
use gristmill_monitor::DriftSettings;
use gristmill_track::ModelVersion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spelled::{Budget, CompareRows, DataPart, Occasion};
use crate::estimate::{Estimable, NAMES};
use crate::file::PipelineFile;
use crate::keeper::Keeper;
use crate::{Error, Kind, Result};

/// The tag of a run that keeps the section as it was, as JSON.
const TAG: &str = "gristmill.monitor";

/// How a model is watched once it answers, and what comes of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorSection {
    /// What later rows are held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<ReferenceSpec>,
    /// How much is judged at a time: rows or time. 1,000 rows, or what `--drift-window` says, where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowSpec>,
    /// When rows count as drifted: what `gristmill drift` goes by where it is not told otherwise.
    pub drift: DriftSettings,
    /// The figure that answers must reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub performance: Option<PerformanceSection>,
    /// When the model is trained anew, and on what. `gristmill up` does it for deployed files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrain: Option<RetrainSection>,
    /// How a new version meets the champion.
    pub compare: CompareSection,
    /// For how long a version is watched after it was promoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchSection>,
    /// Who is told of each step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Notice>,
    /// What is kept of requests to `serve` and `up` where `--log-predictions` does not say it: everything where
    /// labels or logged rows are needed, else nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogSection>,
}

/// What later rows are held against: `training`, or `{window: 7d}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceSpec {
    /// The rows that the version learned from.
    Training,
    /// The rows of so long a time from the first request that the version answered.
    Window(TimeSpan),
}

/// How much is judged at a time: `{rows: 5000}`, or `{time: 1d}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowSpec {
    /// So many rows.
    Rows(u64),
    /// The rows of so long a time.
    Time(TimeSpan),
}

/// The figure that answers must reach.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerformanceSection {
    /// The metric.
    pub metric: String,
    /// It is an alarm when a metric of which more is better is below this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// It is an alarm when a metric of which less is better is above this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// Whether it is estimated as long as there are too few labels.
    #[serde(default)]
    pub estimate: bool,
    /// So many of the latest labelled answers of the champion are scored.
    #[serde(default = "PerformanceSection::usual_rows")]
    pub rows: u64,
    /// Fewer labelled answers than that are not judged.
    #[serde(default = "usual_min_rows")]
    pub min_rows: u64,
}

impl PerformanceSection {
    fn usual_rows() -> u64 {
        1_000
    }

    /// What the figure is held against.
    pub fn threshold(&self) -> Option<f64> {
        self.below.or(self.above)
    }

    /// Whether a figure is on the wrong side.
    pub fn is_alarm(&self, value: f64) -> bool {
        self.below.is_some_and(|below| value < below)
            || self.above.is_some_and(|above| value > above)
    }
}

fn usual_min_rows() -> u64 {
    100
}

/// When the model is trained anew, and on what.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrainSection {
    /// What makes it so.
    pub on: Vec<Occasion>,
    /// How long after the end of one retraining the next may begin.
    #[serde(default = "RetrainSection::usual_cooldown")]
    pub cooldown: TimeSpan,
    /// How many there may be.
    #[serde(default = "RetrainSection::usual_budget")]
    pub budget: Budget,
    /// What it learns from.
    #[serde(default = "RetrainSection::usual_data")]
    pub data: Vec<DataPart>,
    /// Of all these rows only so many of the latest, by the time of the split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<u64>,
    /// How long it may take before it is given up.
    #[serde(default = "RetrainSection::usual_timeout")]
    pub timeout: TimeSpan,
}

impl RetrainSection {
    fn usual_cooldown() -> TimeSpan {
        TimeSpan::from_secs(6 * 3_600)
    }

    fn usual_budget() -> Budget {
        Budget { times: 4, per: 86_400_000_000 }
    }

    fn usual_data() -> Vec<DataPart> {
        vec![DataPart::Source, DataPart::Logged]
    }

    fn usual_timeout() -> TimeSpan {
        TimeSpan::from_secs(6 * 3_600)
    }

    /// Whether requests are learned from.
    pub fn learns_from_log(&self) -> bool {
        self.data.contains(&DataPart::Logged)
    }

    /// So many labels make it so, if any.
    pub fn labels(&self) -> Option<u64> {
        self.on.iter().find_map(|occasion| match occasion {
            Occasion::Labels(labels) => Some(*labels),
            _ => None,
        })
    }
}

/// What a new version must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtLeast {
    /// Better: the whole interval of the difference is.
    #[default]
    Better,
    /// As good: its score is no worse.
    Equal,
}

/// How a new version meets the champion.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompareSection {
    /// The metric that decides; else that of `register.promote`, of `performance`, or the first in `evaluate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// On which rows. `latest 5000` where logged requests are learned from, else `test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<CompareRows>,
    /// What the new version must be.
    pub at_least: AtLeast,
    /// How sure that must be.
    pub confidence: f64,
    /// Columns by whose values the rows are told apart: in none of these parts may the new version be surely worse.
    /// Those of `evaluate.slices` where none are named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<String>,
    /// Whether a person must approve of a better version before it is promoted.
    pub approval: bool,
}

impl Default for CompareSection {
    fn default() -> Self {
        Self {
            metric: None,
            rows: None,
            at_least: AtLeast::Better,
            confidence: 0.95,
            slices: Vec::new(),
            approval: false,
        }
    }
}

/// For how long a version is watched after it was promoted.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchSection {
    /// For how long.
    #[serde(rename = "for")]
    pub length: TimeSpan,
    /// Whether it goes back by itself to the version before when that does better on the same rows.
    #[serde(default = "WatchSection::usual_rollback")]
    pub rollback: bool,
    /// Fewer labelled answers than that are not judged.
    #[serde(default = "usual_min_rows")]
    pub min_rows: u64,
}

impl WatchSection {
    fn usual_rollback() -> bool {
        true
    }
}

/// Somebody who is told of each step.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// The address that is posted to.
    pub webhook: String,
    /// What the messages are signed with: `{secret: NAME}`, found where it is sent, never kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretName>,
}

/// What is kept of requests.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// The share of the requests, above 0 and up to 1.
    pub rate: f64,
    /// Columns that are left out.
    pub redact: Vec<String>,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { rate: 1.0, redact: Vec::new() }
    }
}

impl MonitorSection {
    /// The section as a tag of the run that makes the model.
    pub(crate) fn tag(&self) -> Option<(String, String)> {
        // Settings that were read from a file can be written.
        Some((TAG.into(), serde_json::to_string(self).ok()?))
    }

    /// What is kept of requests to a deployed model: what the section says, or everything where labels or
    /// logged rows are needed; else nothing.
    pub fn log(&self) -> Option<LogSection> {
        let needs_log = self.performance.is_some()
            || self.watch.is_some()
            || self.retrain.as_ref().is_some_and(RetrainSection::learns_from_log);
        self.log.clone().or_else(|| needs_log.then(LogSection::default))
    }

    /// On which rows a new version meets the champion.
    pub fn compare_rows(&self) -> CompareRows {
        let logged = self.retrain.as_ref().is_some_and(RetrainSection::learns_from_log);
        let usual = if logged { CompareRows::Latest(5_000) } else { CompareRows::Test };
        self.compare.rows.unwrap_or(usual)
    }

    /// What makes no sense in the section of this file: path, message, remedy.
    pub(crate) fn mistakes(&self, file: &PipelineFile) -> Vec<(String, String, Option<String>)> {
        let mut found = Mistakes::default();
        found.window(self);
        found.performance(self);
        found.retrain(self, file);
        found.compare(self);
        found.notify(self);
        if let Some(log) = self.log.as_ref().filter(|log| !(log.rate > 0.0 && log.rate <= 1.0)) {
            let hint = "write a share of the requests above 0 and up to 1";
            found.add("log.rate", format!("`rate` is {}", log.rate), hint);
        }
        found.0
    }
}

#[derive(Default)]
struct Mistakes(Vec<(String, String, Option<String>)>);

impl Mistakes {
    fn add(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push((format!("monitor.{path}"), message.into(), Some(hint.into())));
    }

    fn window(&mut self, section: &MonitorSection) {
        let is_nothing = |window: &WindowSpec| match window {
            WindowSpec::Rows(rows) => *rows == 0,
            WindowSpec::Time(time) => time.duration().is_zero(),
        };
        if section.window.as_ref().is_some_and(is_nothing) {
            self.add("window", "a window of nothing is never full", "write `{rows: 5000}`");
        }
        if let Some(ReferenceSpec::Window(time)) = section.reference
            && time.duration().is_zero()
        {
            self.add("reference", "a reference of no time has no rows", "write `{window: 7d}`");
        }
    }

    fn performance(&mut self, section: &MonitorSection) {
        let Some(performance) = &section.performance else { return };
        let metric = match Metric::named(&performance.metric) {
            Ok(metric) => metric,
            Err(error) => {
                let error = Error::from(error);
                let message = error.message;
                return self.add("performance.metric", message, error.hint.unwrap_or_default());
            }
        };
        let (key, wrong) = match metric.greater_is_better() {
            true => ("below", performance.above),
            false => ("above", performance.below),
        };
        let name = metric.name();
        let sense = if metric.greater_is_better() { "more" } else { "less" };
        if wrong.is_some() || performance.threshold().is_none() {
            let message =
                format!("of `{name}` {sense} is better, and no `{key}` says where it is an alarm");
            self.add("performance", message, format!("write `{key}: VALUE`, and nothing else"));
        }
        if performance.estimate && Estimable::named(name).is_none() {
            let known = format!("those that can are {}", NAMES.join(", "));
            self.add("performance.estimate", format!("`{name}` cannot be estimated"), known);
        }
    }

    fn retrain(&mut self, section: &MonitorSection, file: &PipelineFile) {
        let Some(retrain) = &section.retrain else { return };
        if file.register.is_none() {
            let hint = "add `register: {model: NAME}`";
            self.add("retrain", "a model that is not registered cannot be promoted", hint);
        }
        if retrain.on.is_empty() {
            self.add("retrain.on", "nothing starts a retraining", "write `on: [drift]`");
        }
        if retrain.data.is_empty() {
            self.add(
                "retrain.data",
                "there is nothing to learn from",
                "write `data: [source, logged]`",
            );
        }
        let needs_schedule = retrain.on.contains(&Occasion::Schedule) && file.schedule.is_none();
        if needs_schedule {
            let hint = "add `schedule: {cron: \"0 3 * * *\"}` to the file";
            self.add("retrain.on", "`schedule` is named, and the file has none", hint);
        }
        if retrain.on.contains(&Occasion::Performance) && section.performance.is_none() {
            let hint = "add `performance: {metric: ..., below: ...}` to `monitor`";
            self.add("retrain.on", "`performance` is named, and no figure is asked for", hint);
        }
        if retrain.latest.is_some_and(|latest| latest == 0) {
            self.add("retrain.latest", "no rows are left to learn from", "name how many to keep");
        }
    }

    fn compare(&mut self, section: &MonitorSection) {
        let compare = &section.compare;
        if let Some(error) = compare.metric.as_ref().and_then(|name| Metric::named(name).err()) {
            let error = Error::from(error);
            self.add("compare.metric", error.message, error.hint.unwrap_or_default());
        }
        if !(compare.confidence > 0.0 && compare.confidence < 1.0) {
            let found = format!("`confidence` is {}", compare.confidence);
            self.add("compare.confidence", found, "write a share between 0 and 1, such as 0.95");
        }
    }

    fn notify(&mut self, section: &MonitorSection) {
        for (at, notice) in section.notify.iter().enumerate() {
            let is_address = ["https://", "http://"].iter().any(|s| notice.webhook.starts_with(s));
            if !is_address {
                let found = format!("`{}` is no address of a webhook", notice.webhook);
                self.add(&format!("notify.{at}.webhook"), found, "write `https://HOST/PATH`");
            }
        }
    }
}

/// What the pipeline file of a version says of how it is watched; as usual where nobody knows.
///
/// # Errors
/// When the store cannot be asked, or the run holds something else.
pub(crate) fn section_of(keeper: &Keeper, version: &ModelVersion) -> Result<MonitorSection> {
    Ok(given_section(keeper, version)?.unwrap_or_default())
}

/// The same; nothing where the file has no such section, or nobody knows.
///
/// # Errors
/// As [`section_of`].
pub(crate) fn given_section(
    keeper: &Keeper,
    version: &ModelVersion,
) -> Result<Option<MonitorSection>> {
    let Some(run) = version.run else { return Ok(None) };
    let Some(run) = keeper.find_or_none(run)? else { return Ok(None) };
    let Some(json) = run.tags.get(TAG) else { return Ok(None) };
    serde_json::from_str(json).map(Some).map_err(|error| {
        let found = format!("the tag `{TAG}` of the run {} is damaged: {error}", run.info.id);
        Error::new(Kind::Stored, found)
    })
}
