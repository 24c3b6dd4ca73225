//! Artifacts: listed, sent up, fetched and taken away.
//!
//! What is fetched was written by anybody. It goes out as an attachment of a harmless type, so that
//! no browser shows it as a page of ours.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use gristmill_track::{ArtifactPath, RunInfo};
use serde::Serialize;
use serde_json::json;

use super::ask::{Ask, decoded};
use super::error::{ErrorCode, Refusal};
use super::json::Json;
use super::{Answer, show};
use crate::house::House;
use crate::streams;
use crate::tree::{self, Entry, Found, Place};

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
fn checked(path: &str) -> Result<String, Refusal> {
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
pub(super) async fn send_below(house: &House, root: &str, path: &str) -> Result<Response, Refusal> {
    let path = named(path)?;
    send(house, &below(house, root, &path).await?, &path).await
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

fn named(path: &str) -> Result<String, Refusal> {
    let path = checked(path)?;
    if path.is_empty() { Err(Refusal::invalid("Invalid path")) } else { Ok(path) }
}

pub(super) async fn download(
    State(house): State<Arc<House>>,
    Path(path): Path<String>,
) -> Result<Response, Refusal> {
    let path = checked(&path)?;
    let place = tree::place(&house, &path).await?;
    send(&house, &place, &path).await
}

pub(super) async fn get_artifact(
    State(house): State<Arc<House>>,
    ask: Ask,
) -> Result<Response, Refusal> {
    let path = checked(ask.fields().required_text("path")?)?;
    let run = house.store.run(ask.run()?).await?;
    let place = place_in(&run.info, &path)?;
    let root = show::artifact_uri(&run.info);
    let name = format!("{}/{path}", root.trim_start_matches("mlflow-artifacts:/"));
    send(&house, &place, &name).await
}

/// The file at a place; `name` is what it is called in messages.
async fn send(house: &House, place: &Place, name: &str) -> Result<Response, Refusal> {
    let (path, size, hash) = match tree::find(house, place).await? {
        Found::File(path, size, hash) => (path, size, hash),
        Found::Folder => {
            let message = format!("Artifact path refers to a directory, not a file: '{name}'");
            return Err(Refusal::invalid(message));
        }
        Found::Nothing => return Err(Refusal::missing(format!("No such artifact: '{name}'"))),
    };
    let body = streams::body_of(path, size).await.map_err(|_| {
        Refusal::new(ErrorCode::TemporarilyUnavailable, format!("'{name}' cannot be read now"))
    })?;
    let file = name.rsplit('/').next().unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, harmless_type(file).to_string()),
        (header::CONTENT_DISPOSITION, attachment(file)),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".into()),
        (header::ETAG, format!("\"{hash}\"")),
    ];
    Ok((headers, body).into_response())
}

/// What a file is by its ending. Whatever a browser would run (HTML, SVG, XML, scripts) is plain text.
fn harmless_type(file: &str) -> &'static str {
    let ending = file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("pdf") => "application/pdf",
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some(
            "txt" | "log" | "md" | "yaml" | "yml" | "toml" | "cfg" | "conf" | "ini" | "py" | "r"
            | "rs" | "sql" | "tsv" | "html" | "htm" | "xhtml" | "xht" | "svg" | "xml" | "js"
            | "mjs" | "css" | "sh",
        ) => "text/plain; charset=utf-8",
        _ if file == "MLmodel" || file == "MLproject" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The header that makes a browser store a file under its name. Source: RFC 6266 and RFC 8187.
fn attachment(file: &str) -> String {
    let plain: String = file
        .chars()
        .map(|c| if c.is_ascii_graphic() && !"\"\\%;".contains(c) || c == ' ' { c } else { '_' })
        .collect();
    if plain == file {
        return format!("attachment; filename=\"{plain}\"");
    }
    let mut encoded = String::new();
    for byte in file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// Uploads in parts go straight to an object store, and this server has its artifacts at hand.
pub(super) async fn no_parts() -> Refusal {
    unsupported("Multipart upload")
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

    #[test]
    fn what_a_browser_would_run_is_plain_text() {
        for file in ["a.html", "A.HTML", "b.svg", "c.xml", "d.js", "e.htm"] {
            assert_eq!(harmless_type(file), "text/plain; charset=utf-8");
        }
        assert_eq!(harmless_type("a.html.unknown"), "application/octet-stream");
    }

    #[test]
    fn names_of_files_break_no_header() {
        assert_eq!(attachment("a b.txt"), "attachment; filename=\"a b.txt\"");
        assert_eq!(
            attachment("ü\"\r\n.txt"),
            "attachment; filename=\"____.txt\"; filename*=UTF-8''%C3%BC%22%0D%0A.txt"
        );
    }
}
