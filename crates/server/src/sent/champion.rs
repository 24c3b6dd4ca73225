//! The version that an alias names, for a new one elsewhere to be compared with: what is known of it,
//! and its package.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use gristmill_track::{ArtifactKind, Content, ModelVersion, TrackError};
use serde_json::{Value, json};

use crate::house::House;
use crate::mlflow::{Answer, Json, Refusal};
use crate::streams;

pub(super) async fn champion(
    State(house): State<Arc<House>>,
    Path((name, alias)): Path<(String, String)>,
) -> Answer {
    let version = match house.store.aliased(&name, &alias).await {
        Ok(version) => version,
        Err(TrackError::NotFound { .. }) => return Ok(Json::of(&json!({"version": null}))),
        Err(error) => return Err(error.into()),
    };
    let run = match version.run {
        Some(run) => known(house.store.run(run).await)?,
        None => None,
    };
    let run = run.map_or(Value::Null, |run| json!({"params": run.params, "tags": run.tags}));
    // Where it stands on this machine's disk is nobody's business.
    let version = ModelVersion { path: String::new(), ..version };
    Ok(Json::of(&json!({"version": version, "run": run})))
}

pub(super) async fn package(
    State(house): State<Arc<House>>,
    Path((name, number)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let number = number.parse().map_err(|_| {
        Refusal::missing(format!("`{name}` has no version `{number}`: a version is a number"))
    })?;
    let version = house.store.version(&name, number).await?;
    let content = content(&house, &version).await?.ok_or_else(|| {
        Refusal::missing(format!("version {number} of `{name}` has no package on this server"))
    })?;
    let root = house.artifacts.local_path(content.hash).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_string()),
        (header::ETAG, format!("\"{}\"", content.hash)),
    ];
    Ok((headers, Body::new(streams::packed(root))).into_response())
}

/// The package of a version that a pipeline registered.
async fn content(house: &House, version: &ModelVersion) -> Result<Option<Content>, TrackError> {
    let (None, Some(run)) = (&version.source, version.run) else { return Ok(None) };
    let artifacts = known(house.store.artifacts(run).await)?.unwrap_or_default();
    let package = artifacts.into_iter().find(|artifact| artifact.path.as_str() == "model");
    Ok(package.map(|package| package.content).filter(|c| c.kind == ArtifactKind::Folder))
}

/// What was found, if anything was.
fn known<T>(found: Result<T, TrackError>) -> Result<Option<T>, TrackError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(TrackError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
