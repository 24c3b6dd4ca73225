//! Files that clients send up in parts: each part at an address of its own, which is valid for a day.
//!
//! The parts wait on this machine until the client says that all have come; then they become one
//! file, which is stored like any other. A part's tag is the hash of its bytes.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use gristmill_core::Timestamp;
use gristmill_track::ContentHash;
use serde_json::{Value, json};

use super::Answer;
use super::artifacts::named;
use super::ask::{Ask, Fields};
use super::error::{ErrorCode, Refusal};
use super::json::Json;
use crate::access::{Caller, Linked};
use crate::base::Base;
use crate::house::House;
use crate::{streams, tree};

/// The most parts of one file, as S3 has it.
const MOST: i64 = 10_000;
/// How long a part can be sent, and how long parts wait for the others.
pub(crate) const VALID_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// Where parts are sent to.
const ROOT: &str = "/api/2.0/mlflow-artifacts/mpu/part";

/// An upload, as both sides know it.
struct Upload {
    /// The path of the file among all artifacts.
    path: String,
    /// How many parts it has.
    parts: usize,
    /// What its parts are kept by: nobody finds them who knows another id or another path.
    key: ContentHash,
}

impl Upload {
    fn new(path: String, id: &str) -> Result<Self, Refusal> {
        let parts = id.rsplit_once('-').and_then(|(_, parts)| parts.parse().ok());
        let parts = parts.ok_or_else(|| Refusal::invalid("Invalid upload_id"))?;
        let key = ContentHash::of(format!("{id}\n{path}").as_bytes());
        Ok(Self { path, parts, key })
    }

    /// The one that a request names.
    fn asked(folder: &str, fields: Fields<'_>) -> Result<Self, Refusal> {
        Self::new(file(folder, fields)?, fields.required_text("upload_id")?)
    }
}

/// The path of the file that a client sends: its own name for it, in the folder that it asks for.
fn file(folder: &str, fields: Fields<'_>) -> Result<String, Refusal> {
    let local = fields.required_text("path")?;
    let name = local.rsplit(['/', '\\']).next().unwrap_or_default();
    named(&format!("{}/{}", named(folder)?, named(name)?))
}

/// Begins an upload, and says where each part is to be sent.
pub(super) async fn create(
    State(house): State<Arc<House>>,
    Path(folder): Path<String>,
    caller: Caller,
    base: Base,
    ask: Ask,
) -> Answer {
    let fields = ask.fields();
    let parts = fields.whole("num_parts")?.unwrap_or(1);
    if !(0..=MOST).contains(&parts) {
        return Err(Refusal::invalid(format!("num_parts is {parts}, expected 0 to {MOST}")));
    }
    let path = file(&folder, fields)?;
    let Some(chance) = house.ids.next() else { return Err(no_chance()) };
    let id: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = format!("{id}-{parts}");
    let upload = Upload::new(path, &id)?;
    house.artifacts.uploads().begin(upload.key).await?;
    let until = Timestamp(house.now().0.saturating_add(VALID_MICROS));
    let credential = |number: i64| {
        let path = format!("{ROOT}/{}/{number}", upload.key);
        let link = house.links.link(&Method::PUT, &path, &caller.name, until);
        json!({"url": format!("{}{link}", base.0), "part_number": number, "headers": {}})
    };
    let credentials: Vec<Value> = (1..=parts).map(credential).collect();
    Ok(Json::of(&json!({"upload_id": id, "credentials": credentials})))
}

/// Takes a part in, at an address that [`create`] gave out.
pub(super) async fn part(
    State(house): State<Arc<House>>,
    _: Linked,
    Path((upload, number)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Refusal> {
    let (Ok(upload), Ok(number)) = (upload.parse::<ContentHash>(), number.parse::<u32>()) else {
        return Err(Refusal::invalid("Invalid part"));
    };
    let part = streams::store_part(&house.artifacts.uploads(), upload, number, body).await?;
    Ok([(header::ETAG, format!("\"{}\"", part.hash))].into_response())
}

/// Makes the parts one file.
pub(super) async fn complete(
    State(house): State<Arc<House>>,
    Path(folder): Path<String>,
    ask: Ask,
) -> Answer {
    let fields = ask.fields();
    let upload = Upload::asked(&folder, fields)?;
    let tags = tags(fields.items("parts")?)?;
    if tags.len() != upload.parts {
        let (found, expected) = (tags.len(), upload.parts);
        return Err(Refusal::invalid(format!("{found} parts are named, expected {expected}")));
    }
    let uploads = house.artifacts.uploads();
    let content = uploads.join(upload.key, &tags, house.artifacts.draft()).await?;
    let place = tree::place(&house, &upload.path).await?;
    tree::keep(&house, &place, content).await?;
    uploads.end(upload.key).await?;
    Ok(Json::empty())
}

/// The tags of all parts, in their order: the first is part 1, and none is left out.
fn tags(parts: &[Value]) -> Result<Vec<ContentHash>, Refusal> {
    let mut tags = Vec::with_capacity(parts.len());
    for (expected, part) in (1..).zip(parts) {
        let fields = Fields::within(part, "parts.")?;
        let number = fields.required_whole("part_number")?;
        if number != expected {
            let message = format!("part {number} stands where part {expected} is expected");
            return Err(Refusal::invalid(message));
        }
        let tag = fields.required_text("etag")?.trim().trim_matches('"');
        tags.push(
            tag.parse()
                .map_err(|_| Refusal::invalid(format!("'{tag}' is no etag of part {number}")))?,
        );
    }
    Ok(tags)
}

/// Gives an upload up.
pub(super) async fn abort(
    State(house): State<Arc<House>>,
    Path(folder): Path<String>,
    ask: Ask,
) -> Answer {
    let upload = Upload::asked(&folder, ask.fields())?;
    house.artifacts.uploads().end(upload.key).await?;
    Ok(Json::empty())
}

fn no_chance() -> Refusal {
    let message = "no new id can be had from the system now";
    Refusal::new(ErrorCode::TemporarilyUnavailable, message)
}
