//! Addresses from which a client fetches a file in pieces: in the bucket that keeps it, or here.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::Method;
use gristmill_core::Timestamp;
use serde_json::json;

use super::Answer;
use super::artifacts::named;
use super::download::{is_folder, is_nowhere};
use super::json::Json;
use crate::access::Caller;
use crate::base::Base;
use crate::house::House;
use crate::tree::{self, Found};

/// How long an address is valid, as a stock server has it.
const VALID: Duration = Duration::from_secs(300);
/// Where files are fetched.
const ROOT: &str = "/api/2.0/mlflow-artifacts/artifacts";

/// An address of a file for a few minutes, which asks for no token, and the size of the file.
pub(super) async fn download(
    State(house): State<Arc<House>>,
    Path(path): Path<String>,
    caller: Caller,
    base: Base,
) -> Answer {
    let path = named(&path)?;
    let place = tree::place(&house, &path).await?;
    if let Some(content) = tree::stored_file(&house, &place).await?
        && let Some(url) = house.artifacts.link(&content, VALID).await?
    {
        return Ok(Json::of(&json!({"url": url, "headers": {}, "file_size": content.size})));
    }
    let size = match tree::find(&house, &place).await? {
        Found::File(_, size, _) => size,
        Found::Folder => return Err(is_folder(&path)),
        Found::Nothing => return Err(is_nowhere(&path)),
    };
    let until = Timestamp(house.now().0.saturating_add(VALID.as_micros() as i64));
    let link = house.links.link(&Method::GET, &format!("{ROOT}/{path}"), &caller.name, until);
    Ok(Json::of(&json!({"url": format!("{}{link}", base.0), "headers": {}, "file_size": size})))
}
