//! Experiments, runs and metrics as MLflow's clients read them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use gristmill_track::{
    DatasetInput, Experiment, Metric, ModelLink, ModelRole, Run, RunInfo, tags as keys,
};
use serde::Serialize;

use super::json::Number;

/// Milliseconds since 1970.
pub(super) fn millis(moment: Timestamp) -> i64 {
    moment.0.div_euclid(1000)
}

/// A key and a value.
#[derive(Serialize)]
pub(super) struct Pair<'a> {
    key: &'a str,
    value: Cow<'a, str>,
}

pub(super) fn pairs(map: &BTreeMap<String, String>) -> Vec<Pair<'_>> {
    map.iter().map(|(key, value)| Pair { key, value: value.into() }).collect()
}

/// An experiment.
#[derive(Serialize)]
pub(super) struct ExperimentView<'a> {
    experiment_id: String,
    name: &'a str,
    artifact_location: String,
    lifecycle_stage: &'static str,
    last_update_time: i64,
    creation_time: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
    workspace: &'static str,
}

/// An experiment as it is shown.
pub(super) fn experiment(experiment: &Experiment) -> ExperimentView<'_> {
    let own = format!("mlflow-artifacts:/{}", experiment.id);
    ExperimentView {
        experiment_id: experiment.id.to_string(),
        name: &experiment.name,
        artifact_location: experiment.artifact_location.clone().unwrap_or(own),
        lifecycle_stage: experiment.lifecycle.as_str(),
        last_update_time: millis(experiment.updated),
        creation_time: millis(experiment.created),
        tags: pairs(&experiment.tags),
        workspace: "default",
    }
}

/// A run with all it logged.
#[derive(Serialize)]
pub(super) struct RunView<'a> {
    info: InfoView<'a>,
    data: DataView<'a>,
    inputs: InputsView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<OutputsView<'a>>,
}

/// What is known of a run beside what it logged.
#[derive(Serialize)]
pub(super) struct InfoView<'a> {
    run_id: String,
    run_uuid: String,
    run_name: &'a str,
    experiment_id: String,
    user_id: &'a str,
    status: &'static str,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    artifact_uri: String,
    lifecycle_stage: &'static str,
}

#[derive(Serialize)]
struct DataView<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<Pair<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
}

#[derive(Serialize)]
struct InputsView<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dataset_inputs: Vec<DatasetInputView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_inputs: Vec<ModelInputView<'a>>,
}

#[derive(Serialize)]
struct DatasetInputView<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
    dataset: DatasetView<'a>,
}

#[derive(Serialize)]
struct DatasetView<'a> {
    name: &'a str,
    digest: &'a str,
    source_type: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
}

#[derive(Serialize)]
struct ModelInputView<'a> {
    model_id: &'a str,
}

#[derive(Serialize)]
struct OutputsView<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_outputs: Vec<ModelOutputView<'a>>,
}

#[derive(Serialize)]
struct ModelOutputView<'a> {
    model_id: &'a str,
    step: i64,
}

/// A value of a metric.
#[derive(Serialize)]
pub(super) struct MetricView<'a> {
    key: &'a str,
    value: Number,
    timestamp: i64,
    step: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
}

/// A value of a metric, as it is shown among its run's.
pub(super) fn metric(metric: &Metric) -> MetricView<'_> {
    MetricView {
        key: &metric.key,
        value: Number(metric.value),
        timestamp: millis(metric.at),
        step: metric.step,
        run_id: None,
    }
}

/// The same where many runs stand together.
pub(super) fn metric_of<'a>(run: &impl ToString, value: &'a Metric) -> MetricView<'a> {
    MetricView { run_id: Some(run.to_string()), ..metric(value) }
}

/// A run as it is shown.
pub(super) fn run(run: &Run) -> RunView<'_> {
    let user = run.info.user.as_deref().or_else(|| run.tags.get(keys::USER).map(String::as_str));
    RunView {
        info: info(&run.info, user.unwrap_or_default()),
        data: DataView {
            metrics: run.metrics.values().map(metric).collect(),
            params: pairs(&run.params),
            tags: tags(run),
        },
        inputs: InputsView {
            dataset_inputs: run.datasets.iter().map(dataset_input).collect(),
            model_inputs: models(run, ModelRole::Input)
                .map(|link| ModelInputView { model_id: &link.model })
                .collect(),
        },
        outputs: Some(OutputsView {
            model_outputs: models(run, ModelRole::Output)
                .map(|link| ModelOutputView { model_id: &link.model, step: link.step })
                .collect(),
        }),
    }
}

/// A run that has just begun, and can have made nothing.
pub(super) fn new_run(begun: &Run) -> RunView<'_> {
    RunView { outputs: None, ..run(begun) }
}

/// The root of a run's artifacts.
pub(super) fn artifact_uri(info: &RunInfo) -> String {
    let own = || format!("mlflow-artifacts:/{}/{}/artifacts", info.experiment, info.id);
    info.artifact_location.clone().unwrap_or_else(own)
}

/// What is known of a run beside what it logged.
pub(super) fn info<'a>(info: &'a RunInfo, user: &'a str) -> InfoView<'a> {
    InfoView {
        run_id: info.id.to_string(),
        run_uuid: info.id.to_string(),
        run_name: &info.name,
        experiment_id: info.experiment.to_string(),
        user_id: user,
        status: info.status.in_mlflow(),
        start_time: millis(info.started),
        end_time: info.ended.map(millis),
        artifact_uri: artifact_uri(info),
        lifecycle_stage: info.lifecycle.as_str(),
    }
}

/// The tags of a run. What clients keep in tags and Gristmill's own runs know otherwise is there too.
fn tags(run: &Run) -> Vec<Pair<'_>> {
    let mut tags = pairs(&run.tags);
    if run.info.kind.is_none() {
        return tags;
    }
    let known = [
        (keys::RUN_NAME, Some(Cow::from(&run.info.name))),
        (keys::SOURCE_NAME, run.info.source.as_deref().map(Cow::from)),
        (keys::PARENT_RUN, run.info.parent.map(|parent| parent.to_string().into())),
    ];
    for (key, value) in known {
        if let Some(value) = value.filter(|_| !run.tags.contains_key(key)) {
            tags.push(Pair { key, value });
        }
    }
    tags
}

fn models(run: &Run, role: ModelRole) -> impl Iterator<Item = &ModelLink> {
    run.models.iter().filter(move |link| link.role == role)
}

fn dataset_input(input: &DatasetInput) -> DatasetInputView<'_> {
    let dataset = &input.dataset;
    DatasetInputView {
        tags: pairs(&input.tags),
        dataset: DatasetView {
            name: &dataset.name,
            digest: &dataset.digest,
            source_type: &dataset.source_type,
            source: &dataset.source,
            schema: dataset.schema.as_deref(),
            profile: dataset.profile.as_deref(),
        },
    }
}
