//! Models and their versions as MLflow's clients read them.

use std::collections::BTreeMap;

use gristmill_track::{Model, ModelVersion, VersionStatus};
use serde::Serialize;

use super::show::{Pair, millis, pairs};

/// A registered model.
#[derive(Serialize)]
pub(super) struct ModelView<'a> {
    name: &'a str,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    latest_versions: Vec<VersionView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<AliasView<'a>>,
}

#[derive(Serialize)]
struct AliasView<'a> {
    alias: &'a str,
    version: String,
}

/// A version of a registered model.
#[derive(Serialize)]
pub(super) struct VersionView<'a> {
    name: &'a str,
    version: String,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_id: &'a str,
    current_stage: &'static str,
    description: &'a str,
    source: String,
    run_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<&'a str>,
    run_link: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    aliases: &'a [String],
}

/// A model as it is shown, with the newest version of each of its stages.
pub(super) fn model<'a>(model: &'a Model, newest: &'a [ModelVersion]) -> ModelView<'a> {
    let own = newest.iter().filter(|version| version.model == model.name);
    ModelView {
        name: &model.name,
        creation_timestamp: millis(model.created),
        last_updated_timestamp: millis(model.updated),
        description: &model.description,
        latest_versions: own.map(listed).collect(),
        tags: pairs(&model.tags),
        aliases: aliases(&model.aliases),
    }
}

fn aliases(aliases: &BTreeMap<String, u32>) -> Vec<AliasView<'_>> {
    let shown = aliases.iter();
    shown.map(|(alias, version)| AliasView { alias, version: version.to_string() }).collect()
}

/// A version as it is shown among others: MLflow names no aliases there.
pub(super) fn listed(version: &ModelVersion) -> VersionView<'_> {
    VersionView { aliases: &[], ..self::version(version) }
}

/// A version as it is shown.
pub(super) fn version(version: &ModelVersion) -> VersionView<'_> {
    VersionView {
        name: &version.model,
        version: version.version.to_string(),
        creation_timestamp: millis(version.created),
        last_updated_timestamp: millis(version.updated),
        user_id: &version.who,
        current_stage: version.stage.as_str(),
        description: &version.description,
        source: source(version),
        run_id: version.run.map(|run| run.to_string()).unwrap_or_default(),
        status: match version.status {
            VersionStatus::Pending => "PENDING_REGISTRATION",
            VersionStatus::Failed => "FAILED_REGISTRATION",
            _ => "READY",
        },
        status_message: version.status_message.as_deref(),
        run_link: version.run_link.as_deref().unwrap_or_default(),
        tags: pairs(&version.tags),
        aliases: &version.aliases,
    }
}

/// Where a version comes from. A pipeline's package stands among the artifacts of its run; where it
/// stands on this machine's disk is nobody's business.
pub(crate) fn source(version: &ModelVersion) -> String {
    match (&version.source, version.run) {
        (Some(source), _) => source.clone(),
        (None, Some(run)) => format!("runs:/{run}/model"),
        (None, None) => String::new(),
    }
}
