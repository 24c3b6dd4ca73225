//! What a report says: a head, and sections of blocks.

use serde::{Deserialize, Serialize};

use super::value::{Fact, Value};
use crate::chart::{Bin, Figure};

/// A page: what it is about, the figures that matter most, and sections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Report {
    /// What it is about, such as the name of the pipeline.
    pub title: String,
    /// What kind of page it is, such as `Run report`.
    pub kind: String,
    /// The outcome in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The few figures that matter most.
    pub headlines: Vec<Headline>,
    /// When, by whom, from what.
    pub facts: Vec<Fact>,
    /// Everything else.
    pub sections: Vec<Section>,
}

impl Report {
    /// A report without content.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), kind: "Run report".to_string(), ..Self::default() }
    }
}

/// A figure that matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headline {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// What to hold it against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A part of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    /// What it is about, in a word or two.
    pub title: String,
    /// What is to be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
    /// Its content.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section without content.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The same with a sentence under its title.
    pub fn led(self, lead: impl Into<String>) -> Self {
        Self { lead: Some(lead.into()), ..self }
    }

    /// The same with a block more.
    pub fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// What the blocks below it are about.
    Title(String),
    /// A paragraph.
    Text(String),
    /// Named values: parameters, environment, hashes.
    Facts(Vec<Fact>),
    /// Metrics of training, test and folds.
    Metrics(Vec<MetricRow>),
    /// What was noticed.
    Findings(Vec<Finding>),
    /// Charts.
    Figures(Vec<Figure>),
    /// What the data looked like, column by column.
    Columns(Vec<ColumnSummary>),
    /// Any other table.
    Table(Table),
    /// What happened, in the order in which it is to be read.
    Events(Vec<Event>),
    /// Text as it stands in a file, such as the pipeline.
    Code(String),
}

/// A metric with its scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricRow {
    /// The metric.
    pub name: String,
    /// Its score on the rows that trained the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<Score>,
    /// Its score on rows held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Score>,
    /// Its score over folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_validated: Option<CrossValidated>,
    /// What was required of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

/// A score, with an interval where known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// The score.
    pub value: f64,
    /// Its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

impl From<f64> for Score {
    fn from(value: f64) -> Self {
        Self { value, interval: None }
    }
}

/// A score over folds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossValidated {
    /// The mean.
    pub mean: f64,
    /// The standard deviation between folds.
    pub deviation: f64,
    /// How many folds there were.
    pub folds: u64,
}

/// What was required of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// In words, such as `at least 0.80`.
    pub wanted: String,
    /// Whether it was met.
    pub verdict: Verdict,
}

/// Whether something required was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was.
    Met,
    /// It was not.
    Missed,
}

/// Something noticed in the data or the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What it is.
    pub title: String,
    /// What was found and what would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is as it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Worth a look.
    Warning,
    /// To be mended.
    Problem,
}

/// What the values of a column looked like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// What it holds, such as `number` or `category`.
    pub kind: String,
    /// What it is for, such as `target`; features need no word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// How many rows there are.
    pub rows: u64,
    /// How many of them have no value.
    pub missing: u64,
    /// How many different values there are, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// Further figures: mean, median, range.
    pub facts: Vec<Fact>,
    /// A small picture.
    pub sketch: Sketch,
}

/// A small picture of a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sketch {
    /// Nothing.
    #[default]
    None,
    /// A histogram.
    Bins(Vec<Bin>),
    /// The most frequent words with their counts.
    Words(Vec<(String, u64)>),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in microseconds since 1970-01-01 in UTC.
    pub at: i64,
    /// What, in a word or two.
    pub what: String,
    /// How good or bad that is.
    pub level: Level,
    /// To what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// By whom.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What it stands on, which opens when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// What something stands on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// What it is, such as `comparison`.
    pub name: String,
    /// Its figures.
    pub facts: Vec<Fact>,
    /// More of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
}

/// A table of values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}
