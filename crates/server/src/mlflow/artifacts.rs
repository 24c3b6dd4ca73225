//! Artifacts: listed, sent up, fetched and taken away.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use gristmill_track::{ArtifactPath, RunInfo};
use serde::Serialize;
use serde_json::json;

use super::ask::{Ask, decoded};
use super::download::send;
use super::error::{ErrorCode, Refusal};
use super::json::Json;
use super::{Answer, show};
use crate::house::House;
use crate::ranges::Wish;
use crate::streams;
use crate::tree::{self, Entry, Place};

#[derive(Serialize)]
struct FileView {
    path: String,
    is_dir: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
}

/// Entries, each with what stands before its name.
fn views(entries: Vec<Entry>, folder: &str) -> Vec<FileView> {
    let path = |name: String| if folder.is_empty() { name } else { format!("{folder}/{name}") };
    entries
        .into_iter()
        .map(|Entry { name, size }| FileView {
            path: path(name),
            is_dir: size.is_none(),
            file_size: size,
        })
        .collect()
}

/// A path that was sent, as it is kept; nothing when it was empty. What would lead out of the tree,
/// also when it was encoded once more, is refused.
pub(super) fn checked(path: &str) -> Result<String, Refusal> {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    let mut inner = path.to_string();
    for _ in 0..8 {
        let next = decoded(&inner);
        if next == inner {
            break;
        }
        inner = next;
        if inner.starts_with('/') || inner.split(['/', '\\']).any(|part| part == "..") {
            return Err(Refusal::invalid("Invalid path"));
        }
    }
    match ArtifactPath::parse(path) {
        Ok(path) => Ok(path.as_str().into()),
        Err(_) => Err(Refusal::invalid("Invalid path")),
    }
}

pub(super) async fn list_of_run(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let path = checked(ask.fields().text("path")?.unwrap_or_default())?;
    let run = house.store.run(ask.run()?).await?;
    let place = place_in(&run.info, &path)?;
    let files = views(tree::list(&house, &place).await?, &path);
    let mut shown = json!({"root_uri": show::artifact_uri(&run.info)});
    if let (false, Some(fields)) = (files.is_empty(), shown.as_object_mut()) {
        fields.insert("files".into(), json!(files));
    }
    Ok(Json::of(&shown))
}

/// What stands in a folder below a root of ours, such as that of a logged model's artifacts.
pub(super) async fn list_below(house: &House, root: &str, folder: &str) -> Answer {
    let path = checked(folder)?;
    let place = below(house, root, &path).await?;
    let files = views(tree::list(house, &place).await?, &path);
    let mut shown = json!({"root_uri": root});
    if let (false, Some(fields)) = (files.is_empty(), shown.as_object_mut()) {
        fields.insert("files".into(), json!(files));
    }
    Ok(Json::of(&shown))
}

/// The file at a path below a root of ours.
pub(super) async fn send_below(
    house: &House,
    root: &str,
    path: &str,
    wish: &Wish,
) -> Result<Response, Refusal> {
    let path = named(path)?;
    send(house, &below(house, root, &path).await?, &path, wish).await
}

/// The place of a path below a root, which must be one of ours.
async fn below(house: &House, root: &str, path: &str) -> Result<Place, Refusal> {
    let inside = root.strip_prefix("mlflow-artifacts:").ok_or_else(|| {
        Refusal::invalid(format!(
            "The artifacts are at {root}, where clients reach them by themselves."
        ))
    })?;
    let inside = checked(inside.trim_start_matches('/'))?;
    let full = if path.is_empty() { inside } else { format!("{inside}/{path}") };
    Ok(tree::place(house, &full).await?)
}

/// The place of a path among the artifacts of a run.
fn place_in(run: &RunInfo, path: &str) -> Result<Place, Refusal> {
    let Some(location) = &run.artifact_location else { return Ok(Place::Run(run.id, path.into())) };
    let Some(root) = location.strip_prefix("mlflow-artifacts:") else {
        return Err(Refusal::invalid(format!(
            "The artifacts of run {} are at {location}, where clients reach them by themselves.",
            run.id
        )));
    };
    let root = checked(root.trim_start_matches('/'))?;
    Ok(Place::Files(if path.is_empty() { root } else { format!("{root}/{path}") }))
}

pub(super) async fn list(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let path = checked(ask.fields().text("path")?.unwrap_or_default())?;
    let place = tree::place(&house, &path).await?;
    let files = views(tree::list(&house, &place).await?, "");
    Ok(if files.is_empty() { Json::empty() } else { Json::of(&json!({"files": files})) })
}

pub(super) async fn upload(
    State(house): State<Arc<House>>,
    Path(path): Path<String>,
    body: Body,
) -> Answer {
    let path = named(&path)?;
    let content = streams::store(house.artifacts.as_ref(), body).await?;
    let place = tree::place(&house, &path).await?;
    tree::keep(&house, &place, content).await?;
    Ok(Json::empty())
}

pub(super) async fn delete(State(house): State<Arc<House>>, Path(path): Path<String>) -> Answer {
    let place = tree::place(&house, &named(&path)?).await?;
    tree::forget(&house, &place).await?;
    Ok(Json::empty())
}

/// The same, of a path that must not be empty.
pub(super) fn named(path: &str) -> Result<String, Refusal> {
    let path = checked(path)?;
    if path.is_empty() { Err(Refusal::invalid("Invalid path")) } else { Ok(path) }
}

pub(super) async fn download(
    State(house): State<Arc<House>>,
    Path(path): Path<String>,
    wish: Wish,
) -> Result<Response, Refusal> {
    let path = checked(&path)?;
    let place = tree::place(&house, &path).await?;
    send(&house, &place, &path, &wish).await
}

pub(super) async fn get_artifact(
    State(house): State<Arc<House>>,
    wish: Wish,
    ask: Ask,
) -> Result<Response, Refusal> {
    let path = checked(ask.fields().required_text("path")?)?;
    let run = house.store.run(ask.run()?).await?;
    let place = place_in(&run.info, &path)?;
    let root = show::artifact_uri(&run.info);
    let name = format!("{}/{path}", root.trim_start_matches("mlflow-artifacts:/"));
    send(&house, &place, &name, &wish).await
}

pub(super) async fn no_upload_url() -> Refusal {
    unsupported("Presigned upload")
}

pub(super) async fn no_download_url() -> Refusal {
    unsupported("Multipart download")
}

fn unsupported(what: &str) -> Refusal {
    let message = format!("{what} is not supported for the current artifact repository");
    Refusal::new(ErrorCode::NotImplemented, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        assert_eq!(checked(path).ok().as_deref(), expected, "{path}");
    }

    #[test]
    fn no_path_leads_out_of_the_tree() {
        check("a/b.txt", Some("a/b.txt"));
        check("a/", Some("a"));
        check("", Some(""));
        check("100%.txt", Some("100%.txt"));
        for path in [
            "..",
            "../a",
            "a/../b",
            "/etc/passwd",
            "%2e%2e/a",
            "%252e%252e/a",
            "a/%2e%2e%2fb",
            "%2fetc",
            "a\\b",
            "..%5ca",
            "C:/a",
            "file:///etc/passwd",
            "a//b",
            "a\0b",
            "./a",
        ] {
            check(path, None);
        }
    }
}
