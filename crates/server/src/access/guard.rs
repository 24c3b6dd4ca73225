//! The guard before every route: who asks, how often, and whether they may.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gristmill_core::Timestamp;
use gristmill_track::{AuditLine, Level, Outcome};
use serde_json::{Map, Value};

use super::caller::{Caller, Peer};
use super::links::Linked;
use super::need::{Need, Record, need};
use super::things::{Thing, things};
use crate::house::House;
use crate::inference;
use crate::limits;
use crate::mlflow::{ErrorCode, Refusal, from_query, object};
use crate::ticket::Ticket;

/// Paths that everybody may ask: whether the server lives says nothing of what it holds.
pub(crate) fn is_free(path: &str) -> bool {
    ["/health", "/version"].contains(&path) || inference::FREE.contains(&path)
}

/// Lets a request in when its caller may do what it asks for.
pub(crate) async fn guard(house: &House, mut request: Request, next: Next) -> Response {
    if is_free(request.uri().path()) {
        return next.run(request).await;
    }
    let now = house.now();
    if let Some(by) = house.links.holder(request.method(), request.uri(), now) {
        if !house.keys.is_open() && !house.rates.take(&by, now) {
            return too_often().into_response();
        }
        request.extensions_mut().insert(Linked);
        return next.run(request).await;
    }
    let visit = Visit {
        origin: request.extensions().get::<Peer>().copied(),
        method: request.method().clone(),
        uri: request.uri().clone(),
    };
    let caller = match identify(house, &visit, request.headers(), now).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    Ticket::of(&request).note(|facts| facts.caller.clone_from(&caller.name));
    match admit(house, &visit, &caller, request).await {
        Err(refusal) => refusal.into_response(),
        Ok((mut request, need, thing)) => {
            request.extensions_mut().insert(caller.clone());
            let answer = next.run(request).await;
            if need.record == Record::Kept {
                let outcome = match answer.status().is_success() {
                    true => Outcome::Allowed,
                    false => Outcome::Failed,
                };
                visit.record(house, &caller.name, thing, outcome).await;
            }
            answer
        }
    }
}

/// What of a request is put on record.
struct Visit {
    origin: Option<Peer>,
    method: Method,
    uri: Uri,
}

impl Visit {
    fn path(&self) -> &str {
        self.uri.path()
    }

    /// Where it comes from; empty where that is not known.
    fn origin(&self) -> String {
        self.origin.map(|peer| peer.0.to_string()).unwrap_or_default()
    }

    async fn record(&self, house: &House, who: &str, thing: String, outcome: Outcome) {
        let line = AuditLine {
            at: house.now(),
            who: who.into(),
            origin: self.origin(),
            did: format!("{} {}", self.method, self.path()),
            thing,
            outcome,
        };
        house.recorder.record(line).await;
    }
}

/// Who asks; whoever guesses tokens is slowed down.
async fn identify(
    house: &House,
    visit: &Visit,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    match house.keys.caller(&*house.store, headers, now).await {
        Ok(caller) if house.keys.is_open() || house.rates.take(&caller.name, now) => Ok(caller),
        Ok(_) => Err(too_often()),
        Err(_) if !house.guesses.take(&visit.origin(), now) => Err(too_often()),
        Err(refusal) => {
            visit.record(house, "", String::new(), Outcome::Refused).await;
            Err(refusal)
        }
    }
}

fn too_often() -> Refusal {
    Refusal::new(ErrorCode::RequestLimitExceeded, "this is asked too often; wait a moment")
}

/// Whether the caller may do it. What it needs comes back, with the thing that it is about.
async fn admit(
    house: &House,
    visit: &Visit,
    caller: &Caller,
    request: Request,
) -> Result<(Request, Need, String), Refusal> {
    let need = need(&visit.method, visit.path());
    if caller.roles.is_empty() && need.record == Record::None {
        return match caller.scope >= need.level {
            true => Ok((request, need, String::new())),
            false => Err(refuse(house, visit, caller, need, String::new()).await),
        };
    }
    let (request, fields) = opened(request).await?;
    let about = match caller.roles.is_empty() {
        true => Vec::new(),
        false => things(house, visit.path(), &fields).await?,
    };
    let thing = named(visit.path(), &fields);
    match level(caller, &about) >= need.level {
        true => Ok((request, need, thing)),
        false => Err(refuse(house, visit, caller, need, thing).await),
    }
}

/// What may be done with all of the things together.
fn level(caller: &Caller, about: &[Thing]) -> Level {
    let levels = about.iter().map(|(kind, name)| caller.level_on(*kind, name));
    levels.min().unwrap_or(caller.scope)
}

async fn refuse(
    house: &House,
    visit: &Visit,
    caller: &Caller,
    need: Need,
    thing: String,
) -> Refusal {
    visit.record(house, &caller.name, thing, Outcome::Refused).await;
    let (who, level) = (&caller.name, need.level);
    let message = format!("`{who}` may not do this: it needs the right `{level}`");
    Refusal::new(ErrorCode::PermissionDenied, message)
}

/// The request with the fields that its route will read: those of the query of a `GET`, or of a
/// JSON body. What is sent in the other place counts neither here nor there.
async fn opened(request: Request) -> Result<(Request, Map<String, Value>), Refusal> {
    let query = request.uri().query().unwrap_or_default();
    if matches!(*request.method(), Method::GET | Method::HEAD) && !query.is_empty() {
        let fields = from_query(query);
        return Ok((request, fields));
    }
    // A file that is sent up is about the place in its path.
    if request.method() == Method::PUT {
        return Ok((request, Map::new()));
    }
    let (parts, body) = request.into_parts();
    let bytes = limits::read(body, limits::JSON_BYTES).await?;
    // What is no object is refused by the route, in MLflow's words.
    let fields = object(&bytes).unwrap_or_default();
    Ok((Request::from_parts(parts, Body::from(bytes)), fields))
}

/// The thing that a request names, for the record: in its path, where that is our own, and fields.
fn named(path: &str, fields: &Map<String, Value>) -> String {
    let own = path.strip_prefix("/api/v1/").map(|own| format!("path={own}"));
    let parts = ["name", "version", "alias", "experiment_id", "run_id", "key", "stage"];
    let said = parts.iter().filter_map(|part| Some((part, fields.get(*part)?.as_str()?)));
    let said = said.map(|(part, text)| format!("{part}={text}"));
    own.into_iter().chain(said).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_record_names_what_was_changed_and_no_secret() {
        let sent = json!({"name": "churn", "version": "3", "secret": "sesame", "value": "x"});
        let Value::Object(fields) = sent else { panic!("no object") };
        assert_eq!(named("/api/2.0/mlflow/a", &fields), "name=churn version=3");
        let own = named("/api/v1/models/churn/aliases/champion", &Map::new());
        assert_eq!(own, "path=models/churn/aliases/champion");
    }
}
