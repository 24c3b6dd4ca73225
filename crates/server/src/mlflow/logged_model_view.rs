//! Logged models as MLflow's clients read them.

use gristmill_track::{LoggedModel, LoggedModelStatus, Measured};
use serde::Serialize;

use super::json::Number;
use super::show::{Pair, millis, pairs};

/// MLflow's words for how far a logged model got; their places are its numbers.
pub(super) const STATUSES: [(&str, LoggedModelStatus); 4] = [
    ("LOGGED_MODEL_STATUS_UNSPECIFIED", LoggedModelStatus::Unspecified),
    ("LOGGED_MODEL_PENDING", LoggedModelStatus::Pending),
    ("LOGGED_MODEL_READY", LoggedModelStatus::Ready),
    ("LOGGED_MODEL_UPLOAD_FAILED", LoggedModelStatus::Failed),
];

/// A logged model.
#[derive(Serialize)]
pub(super) struct LoggedModelView<'a> {
    info: InfoView<'a>,
    data: DataView<'a>,
}

#[derive(Serialize)]
struct InfoView<'a> {
    model_id: &'a str,
    experiment_id: String,
    name: &'a str,
    creation_timestamp_ms: i64,
    last_updated_timestamp_ms: i64,
    artifact_uri: String,
    status: &'static str,
    model_type: &'a str,
    source_run_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
}

#[derive(Serialize)]
struct DataView<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<Pair<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MeasuredView<'a>>,
}

#[derive(Serialize)]
struct MeasuredView<'a> {
    key: &'a str,
    value: Number,
    timestamp: i64,
    step: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset_digest: Option<&'a str>,
    model_id: &'a str,
    run_id: String,
}

/// A logged model as it is shown.
pub(super) fn model(model: &LoggedModel, artifact_uri: String) -> LoggedModelView<'_> {
    let status = STATUSES.iter().find(|(_, status)| *status == model.status);
    LoggedModelView {
        info: InfoView {
            model_id: &model.id,
            experiment_id: model.experiment.to_string(),
            name: &model.name,
            creation_timestamp_ms: millis(model.created),
            last_updated_timestamp_ms: millis(model.updated),
            artifact_uri,
            status: status.map_or("LOGGED_MODEL_STATUS_UNSPECIFIED", |(word, _)| word),
            model_type: model.model_type.as_deref().unwrap_or_default(),
            source_run_id: model.run.map(|run| run.to_string()).unwrap_or_default(),
            status_message: model.status_message.as_deref(),
            tags: pairs(&model.tags),
        },
        data: DataView {
            params: pairs(&model.params),
            metrics: model.metrics.iter().map(|of| measured(&model.id, of)).collect(),
        },
    }
}

fn measured<'a>(model: &'a str, of: &'a Measured) -> MeasuredView<'a> {
    let dataset = of.dataset.as_ref();
    MeasuredView {
        key: &of.metric.key,
        value: Number(of.metric.value),
        timestamp: millis(of.metric.at),
        step: of.metric.step,
        dataset_name: dataset.map(|(name, _)| name.as_str()),
        dataset_digest: dataset.map(|(_, digest)| digest.as_str()),
        model_id: model,
        run_id: of.run.to_string(),
    }
}
