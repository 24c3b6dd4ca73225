//! What is told of requests: a line each in the access log, and spans for a collector of OpenTelemetry.

mod access_log;
mod exporter;
mod otlp;
mod trace;

use axum::http::{Method, StatusCode};
use gristmill_core::Timestamp;

pub use self::access_log::AccessLog;
pub(crate) use self::access_log::{Line, Log, moment};
pub(crate) use self::exporter::Exporter;
pub use self::exporter::TraceSettings;
use self::otlp::{Attribute, Kind, Span};
pub(crate) use self::trace::Parent;
use crate::Ids;
use crate::ticket::Facts;

/// A request that was answered.
pub(crate) struct Seen<'a> {
    pub id: &'a str,
    pub method: &'a Method,
    pub path: &'a str,
    pub parent: Option<Parent>,
    pub begun: Timestamp,
    pub ended: Timestamp,
    pub status: StatusCode,
    pub facts: &'a Facts,
}

/// The spans of a question to a model: the whole of it, and its waiting, reading and computing. None where
/// nobody records it, or it asked no model.
pub(crate) fn spans(seen: &Seen<'_>, exporter: &Exporter, ids: &dyn Ids) -> Vec<Span> {
    let Some(served) = &seen.facts.served else { return Vec::new() };
    let trace = match seen.parent {
        Some(Parent { sampled: false, .. }) => return Vec::new(),
        Some(parent) => parent.trace,
        None => match ids.next() {
            Some(trace) if exporter.samples(trace) => trace,
            _ => return Vec::new(),
        },
    };
    let Some(id) = span_id(ids) else { return Vec::new() };
    let text = |text: &str| Attribute::Text(text.to_owned());
    let mut attributes = vec![
        ("http.request.method", text(seen.method.as_str())),
        ("url.path", text(seen.path)),
        ("http.response.status_code", Attribute::Whole(seen.status.as_u16().into())),
        ("gristmill.request_id", text(seen.id)),
        ("gristmill.model", text(served.name())),
        ("gristmill.version", text(served.version())),
    ];
    if let Some(rows) = seen.facts.rows {
        attributes.push(("gristmill.rows", Attribute::Whole(rows as i64)));
    }
    let whole = Span {
        trace,
        id,
        parent: seen.parent.map(|parent| parent.span),
        name: format!("{} {}", seen.method, served.name()),
        kind: Kind::Server,
        start: seen.begun.0,
        end: seen.ended.0,
        attributes,
        failed: seen.status.is_server_error(),
    };
    let phases = seen.facts.phases.iter().filter_map(|phase| {
        Some(Span {
            trace,
            id: span_id(ids)?,
            parent: Some(id),
            name: phase.name.as_str().into(),
            kind: Kind::Internal,
            start: phase.start.0,
            end: phase.end.0,
            attributes: Vec::new(),
            failed: false,
        })
    });
    std::iter::once(whole.clone()).chain(phases).collect()
}

/// The id of a span: never 0, which is none.
fn span_id(ids: &dyn Ids) -> Option<[u8; 8]> {
    let drawn = ids.next()?;
    let id: [u8; 8] = drawn.get(..8)?.try_into().ok()?;
    (id != [0; 8]).then_some(id)
}
