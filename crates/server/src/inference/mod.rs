//! Models that answer, in the protocols that people's clients speak. What a body says and what an
//! answer looks like, `gristmill-serve` knows; here stand the routes, the statuses and the headers.

mod batches;
mod desk;
mod grpc;
mod kept;
mod labels;
mod meter;
mod mlflow;
mod outcomes;
mod protocol;
mod shadows;
mod tensorflow;
mod v2;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gristmill_serve::{Chosen, Fleet, Part, Recall, Refusal, Served};
use gristmill_track::{Level, ThingKind};
use serde_json::json;

pub(crate) use self::desk::Desk;
use self::meter::{counter, labels as labels_of};

use crate::access::Caller;
use crate::house::House;
use crate::limits::BodyError;
use crate::monitors;
use crate::ticket::Ticket;

/// Whom everybody may ask whether the server lives and is ready.
pub(crate) const FREE: [&str; 3] = ["/ping", "/v2/health/live", "/v2/health/ready"];

/// Every route.
pub(crate) fn routes() -> Router<Arc<House>> {
    let versioned = "/v2/models/{name}/versions/{version}";
    Router::new()
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .route("/ping", get(mlflow::ping))
        .route("/invocations", post(mlflow::only))
        .route("/models/{name}/invocations", post(mlflow::named))
        .route("/models/{name}/outcomes", post(outcomes::report))
        .route("/api/v1/models/{name}/labels", post(labels::add))
        .route("/v1/models/{name}", get(tensorflow::status).post(tensorflow::current))
        .route("/v1/models/{name}/metadata", get(tensorflow::metadata))
        .route("/v1/models/{name}/versions/{version}", post(tensorflow::versioned))
        .route("/v2", get(v2::server))
        .route("/v2/", get(v2::server))
        .route("/v2/health/live", get(v2::live))
        .route("/v2/health/ready", get(v2::ready))
        .route("/v2/models/{name}", get(v2::metadata))
        .route("/v2/models/{name}/ready", get(v2::is_ready))
        .route("/v2/models/{name}/infer", post(v2::infer))
        .route("/inference.GRPCInferenceService/{method}", post(grpc::call))
        .route(versioned, get(v2::metadata))
        .route(&format!("{versioned}/ready"), get(v2::is_ready))
        .route(&format!("{versioned}/infer"), post(v2::infer))
}

/// Why a request has no answer, before a protocol gives it its form.
#[derive(Debug)]
struct Failure {
    status: StatusCode,
    message: String,
}

impl Failure {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn bug(error: &tokio::task::JoinError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("a bug of ours: {error}"))
    }

    fn unknown(fleet: &Fleet, name: &str, version: Option<&str>) -> Self {
        let names: Vec<String> =
            fleet.list().iter().map(|(served, _)| served.name().to_owned()).collect();
        let of = version.map_or(String::new(), |version| format!(" of version {version}"));
        let known = match names.is_empty() {
            true => "no model is served here".to_owned(),
            false => format!("here are {}", names.join(", ")),
        };
        Self::new(StatusCode::NOT_FOUND, format!("there is no model `{name}`{of}; {known}"))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::Bad(_) => StatusCode::BAD_REQUEST,
            Refusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

/// The model of this name, loaded if need be.
async fn find(house: &House, name: &str, version: Option<&str>) -> Result<Arc<Served>, Failure> {
    if let Some(found) = house.fleet.find(name, version) {
        return Ok(found);
    }
    let found = match house.fleet.has_stock() {
        false => None,
        true => {
            let (fleet, wanted) = (Arc::clone(&house.fleet), name.to_owned());
            let version = version.map(str::to_owned);
            let load = move || fleet.fetch(&wanted, version.as_deref());
            tokio::task::spawn_blocking(load).await.map_err(|error| Failure::bug(&error))??
        }
    };
    found.ok_or_else(|| Failure::unknown(&house.fleet, name, version))
}

/// Refuses a body that is packed, which nobody could know the length of.
fn as_it_is(ticket: &Ticket) -> Result<(), Failure> {
    let refused = |packing| {
        let message = format!("`Content-Encoding: {packing}` is not taken; send the body as it is");
        Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    };
    ticket.packing().map_or(Ok(()), |packing| Err(refused(packing)))
}

/// Who answers a request: the version that its path or its header names, else the one to which its key
/// is drawn.
async fn choose(
    house: &House,
    ticket: &Ticket,
    name: &str,
    version: Option<&str>,
) -> Result<Chosen, Failure> {
    as_it_is(ticket)?;
    let chosen = match version {
        Some(version) => named(find(house, name, Some(version)).await?),
        None => {
            let main = find(house, name, None).await?;
            match ticket.version() {
                Some(wish) => named(wished(house, name, wish).await?),
                None => house.fleet.choose(main, ticket.key()),
            }
        }
    };
    ticket.note(|facts| facts.served = Some(Arc::clone(&chosen.served)));
    Ok(chosen)
}

fn named(served: Arc<Served>) -> Chosen {
    Chosen { served, part: Part::Named, shadow: None }
}

/// The version that a request asks for by its header: `3`, or `@challenger` by an alias.
async fn wished(house: &House, name: &str, wish: &str) -> Result<Arc<Served>, Failure> {
    let Some(alias) = wish.strip_prefix('@') else { return find(house, name, Some(wish)).await };
    let version = house.fleet.routing(name).and_then(|known| known.aliases.get(alias).cloned());
    let version = version.ok_or_else(|| {
        let message = format!("model `{name}` has no alias `{alias}` here");
        Failure::new(StatusCode::NOT_FOUND, message)
    })?;
    find(house, name, Some(&version)).await
}

/// Refuses a caller to whom the model is closed, where the path did not say which model it is.
fn open_to(caller: Option<&Caller>, name: &str) -> Result<(), Failure> {
    let level = caller.map(|caller| caller.level_on(ThingKind::Model, name));
    match level {
        Some(level) if level < Level::Read => {
            Err(Failure::new(StatusCode::FORBIDDEN, format!("you may not ask model `{name}`")))
        }
        _ => Ok(()),
    }
}

/// What the address says of the rows before those that are asked about.
fn recall(request: &Request) -> Result<Recall, Failure> {
    Ok(Recall::of_query(request.uri().query().unwrap_or_default())?)
}

fn json(body: impl Into<Bytes>) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (kind, body.into()).into_response()
}

/// JSON that says why, with the status.
fn said(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = json(body.to_string());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    response
}

/// What the models that are there take and answer, and what is answered about their loops.
async fn openapi(State(house): State<Arc<House>>) -> Response {
    let models = house.fleet.list();
    let models = models.iter().map(|(served, _)| served.as_ref());
    let mut document = gristmill_serve::openapi::document(models, env!("CARGO_PKG_VERSION"));
    monitors::describe(&house, &mut document);
    said(StatusCode::OK, &document)
}

/// What models are asked, which are there, and what could not be told of requests.
fn metrics_text(house: &House) -> String {
    let mut text = house.desk.text();
    let name = "gristmill_model_loaded_bytes";
    let help = "About how many bytes of memory a version takes that is loaded.";
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for loaded in house.fleet.loaded() {
        let labels = labels_of(&loaded.name, &loaded.version);
        let _ = writeln!(text, "{name}{{{labels}}} {}", loaded.bytes);
    }
    let help = "Models and versions that were let go, for want of room or since nobody asked.";
    counter(&mut text, "gristmill_models_let_go_total", help, house.fleet.let_go());
    if let Some(log) = &house.log {
        let help = "Lines of the access log that found no room.";
        counter(&mut text, "gristmill_access_log_dropped_total", help, log.dropped());
    }
    if let Some(exporter) = &house.exporter {
        let (sent, lost) = exporter.counts();
        counter(&mut text, "gristmill_spans_sent_total", "Spans that a collector took.", sent);
        let help = "Spans that found no room, or that a collector did not take.";
        counter(&mut text, "gristmill_spans_lost_total", help, lost);
    }
    if let Some(given_up) = &house.given_up {
        let help = "Steps of loops that an address never took.";
        let name = "gristmill_notices_given_up_total";
        counter(&mut text, name, help, given_up.load(Ordering::Relaxed));
    }
    text.push_str(&kept::text(&house.fleet));
    text
}

/// What models are asked, as Prometheus reads it.
async fn metrics(State(house): State<Arc<House>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let mut text = metrics_text(&house);
    text.push_str(&monitors::metrics(&house).await);
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
