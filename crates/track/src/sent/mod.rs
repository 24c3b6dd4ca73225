//! A run as it is sent from the store of one home to that of a server: whole or in parts, once or
//! many times over. Whatever is sent again changes nothing, so a sender may be cut short anywhere.

mod model;
mod read;
mod receive;

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Artifact, ContentHash, DatasetInput, Metric, RunId, RunStatus, TaskRecord};

pub use model::{ReceivedAlias, ReceivedModel, SentModel, SentPromotion};
pub use receive::Received;

/// The form in which runs are sent; a server refuses one that it does not know.
pub const SENT_FORMAT: u32 = 1;

/// A run, or a part of what it logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentRun {
    /// [`SENT_FORMAT`].
    pub format: u32,
    /// The name of its experiment, which is made where it is not there.
    pub experiment_name: String,
    /// A name for people.
    pub name: String,
    /// How far it got.
    pub status: RunStatus,
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
    /// The run that it is a part of, which was sent before.
    pub parent: Option<RunId>,
    /// Who started it.
    pub user: Option<String>,
    /// Its params.
    pub params: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Values of its metrics.
    pub metrics: Vec<SentMetric>,
    /// The datasets that it used.
    pub datasets: Vec<DatasetInput>,
    /// Its tasks.
    pub tasks: Vec<TaskRecord>,
}

/// A value of a metric in JSON, which has no word for NaN and the infinities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentMetric {
    key: String,
    value: SentNumber,
    step: i64,
    at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum SentNumber {
    Number(f64),
    Word(NoNumber),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum NoNumber {
    NaN,
    Infinity,
    #[serde(rename = "-Infinity")]
    MinusInfinity,
}

impl From<Metric> for SentMetric {
    fn from(metric: Metric) -> Self {
        let value = match metric.value {
            value if value.is_nan() => SentNumber::Word(NoNumber::NaN),
            f64::INFINITY => SentNumber::Word(NoNumber::Infinity),
            f64::NEG_INFINITY => SentNumber::Word(NoNumber::MinusInfinity),
            value => SentNumber::Number(value),
        };
        Self { key: metric.key, value, step: metric.step, at: metric.at }
    }
}

impl From<SentMetric> for Metric {
    fn from(metric: SentMetric) -> Self {
        let value = match metric.value {
            SentNumber::Number(value) => value,
            SentNumber::Word(NoNumber::NaN) => f64::NAN,
            SentNumber::Word(NoNumber::Infinity) => f64::INFINITY,
            SentNumber::Word(NoNumber::MinusInfinity) => f64::NEG_INFINITY,
        };
        Self { key: metric.key, value, step: metric.step, at: metric.at }
    }
}

/// The artifacts of a run, whose content is sent by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentArtifacts {
    /// [`SENT_FORMAT`].
    pub format: u32,
    /// What stands where.
    pub artifacts: Vec<Artifact>,
}

/// Of the artifacts that were named the content that is not there yet; when none is missing, they
/// are the run's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MissingContent {
    /// The hashes.
    pub missing: Vec<ContentHash>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_no_number_arrives_as_it_was() {
        for value in [0.1, -0.0, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let metric = Metric { key: "m".into(), value, step: 3, at: Timestamp(4) };
            let json = serde_json::to_string(&SentMetric::from(metric.clone())).unwrap();
            let back: Metric = serde_json::from_str::<SentMetric>(&json).unwrap().into();
            assert_eq!(back.value.to_bits(), value.to_bits(), "{json}");
        }
    }
}
