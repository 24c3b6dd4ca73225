//! A file as an answer: whole, some bytes of it, or nothing to whoever has it.
//!
//! What is fetched was written by anybody. It goes out as an attachment of a harmless type, so that
//! no browser shows it as a page of ours.

use std::ops::Range;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};

use super::ask::encoded;
use super::error::{ErrorCode, Refusal};
use crate::house::House;
use crate::ranges::{Send, Wish};
use crate::streams;
use crate::tree::{self, Found, Place};

/// The file at a place, as far as it is wished for; `name` is what it is called in messages.
pub(super) async fn send(
    house: &House,
    place: &Place,
    name: &str,
    wish: &Wish,
) -> Result<Response, Refusal> {
    let (path, size, hash) = match tree::find(house, place).await? {
        Found::File(path, size, hash) => (path, size, hash),
        Found::Folder => return Err(is_folder(name)),
        Found::Nothing => return Err(is_nowhere(name)),
    };
    let tag = format!("\"{hash}\"");
    let (status, range) = match wish.of(size, &tag) {
        Send::Whole => (StatusCode::OK, 0..size),
        Send::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Send::Beyond => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
        Send::Unchanged => {
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
        }
    };
    let body = match wish.is_head {
        true => Body::empty(),
        false => body(path, range.clone(), name).await?,
    };
    let file = name.rsplit('/').next().unwrap_or_default();
    let mut headers = vec![
        (header::CONTENT_TYPE, harmless_type(file).to_string()),
        (header::CONTENT_LENGTH, (range.end - range.start).to_string()),
        (header::CONTENT_DISPOSITION, attachment(file)),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".into()),
        (header::ACCEPT_RANGES, "bytes".into()),
        (header::ETAG, tag),
    ];
    if status == StatusCode::PARTIAL_CONTENT {
        let last = range.end.saturating_sub(1);
        headers.push((header::CONTENT_RANGE, format!("bytes {}-{last}/{size}", range.start)));
    }
    Ok((status, AppendHeaders(headers), body).into_response())
}

async fn body(path: PathBuf, range: Range<u64>, name: &str) -> Result<Body, Refusal> {
    streams::body_of(path, range).await.map_err(|_| {
        Refusal::new(ErrorCode::TemporarilyUnavailable, format!("'{name}' cannot be read now"))
    })
}

/// The refusal of a folder where a file is asked for.
pub(super) fn is_folder(name: &str) -> Refusal {
    Refusal::invalid(format!("Artifact path refers to a directory, not a file: '{name}'"))
}

/// The refusal where there is nothing.
pub(super) fn is_nowhere(name: &str) -> Refusal {
    Refusal::missing(format!("No such artifact: '{name}'"))
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
    let encoded = encoded(file);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

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
