//! The content of artifacts on its way in: a file, or a folder as one stream.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use gristmill_track::{ContentHash, TrackError, Unpacking};
use serde_json::json;

use super::run_id;
use crate::house::House;
use crate::mlflow::{Answer, ErrorCode, Json, Refusal};
use crate::streams;

pub(super) async fn file(
    State(house): State<Arc<House>>,
    Path((id, hash)): Path<(String, String)>,
    body: Body,
) -> Answer {
    let hash = wanted(&house, &id, &hash).await?;
    let content = streams::store(house.artifacts.as_ref(), body).await?;
    if content.hash != hash {
        let found = content.hash;
        return Err(Refusal::invalid(format!("the content has hash {found}, expected {hash}")));
    }
    Ok(Json::of(&json!({"size": content.size})))
}

pub(super) async fn folder(
    State(house): State<Arc<House>>,
    Path((id, hash)): Path<(String, String)>,
    mut body: Body,
) -> Answer {
    let hash = wanted(&house, &id, &hash).await?;
    let draft = house.ids.next().ok_or_else(|| {
        Refusal::new(ErrorCode::TemporarilyUnavailable, "no name can be had for a draft")
    })?;
    let draft: String = draft.iter().map(|byte| format!("{byte:02x}")).collect();
    let root = house.scratch.join(format!("gristmill-sent-{draft}"));
    let mut unpacking = away(move || Unpacking::begin(root)).await?;
    while let Some(piece) = streams::next_piece(&mut body).await? {
        unpacking = away(move || {
            unpacking.write(&piece)?;
            Ok(unpacking)
        })
        .await?;
    }
    let content = unpacking.finish(house.artifacts.as_ref(), hash).await?;
    Ok(Json::of(&json!({"size": content.size})))
}

/// The hash under which content of a run is to be stored.
async fn wanted(house: &House, id: &str, hash: &str) -> Result<ContentHash, Refusal> {
    let hash = hash.parse::<ContentHash>()?;
    house.store.run(run_id(id)?).await?;
    Ok(hash)
}

/// Does work that waits for the disk where it holds nobody up.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TrackError> + Send + 'static,
) -> Result<T, TrackError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| TrackError::Bug(format!("work on files ended early: {error}")))?
}
