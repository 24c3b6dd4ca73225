//! What is known of a request from its first byte to its last: its id, and who answered it.
//!
//! Each answer carries its request's id, so that what becomes of it can be told by that id later.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::Response;
use gristmill_core::{Clock, Timestamp};
use gristmill_serve::Served;
use gristmill_track::MAX_REQUEST_ID_CHARS;
use http_body::Body as _;

use crate::Ids;
use crate::access::Peer;
use crate::house::House;
use crate::observe::{self, Line, Parent, Seen};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Which version answered; in a request, which version is to answer.
const VERSION: HeaderName = HeaderName::from_static("x-gristmill-version");
/// Whom a request is about: requests with one key go to one version.
const KEY: HeaderName = HeaderName::from_static("x-gristmill-key");

/// In which trace a request was sent: https://www.w3.org/TR/trace-context/.
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// What is known of a request.
#[derive(Clone, Default)]
pub(crate) struct Ticket(Arc<Known>);

#[derive(Default)]
struct Known {
    id: String,
    key: Option<String>,
    version: Option<String>,
    packing: Option<String>,
    facts: Mutex<Facts>,
}

/// What comes to be known while a request is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The name of the caller's token.
    pub caller: String,
    /// The model that answers.
    pub served: Option<Arc<Served>>,
    /// How many rows it was asked about.
    pub rows: Option<usize>,
    /// How many requests were answered together, this one among them; 0 while none was.
    pub together: usize,
    /// What was done when.
    pub phases: Vec<Phase>,
}

/// A part of the work on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phase {
    pub name: PhaseName,
    pub start: Timestamp,
    pub end: Timestamp,
}

/// What is done in a part of the work on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PhaseName {
    /// It waits for its turn.
    Queue,
    /// Its rows are read.
    Parse,
    /// The model answers, and the answer is written.
    Compute,
}

impl PhaseName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Parse => "parse",
            Self::Compute => "compute",
        }
    }
}

impl Facts {
    /// How many microseconds a part of the work took; 0 where there was none.
    pub fn micros(&self, name: PhaseName) -> u64 {
        let phases = self.phases.iter().filter(|phase| phase.name == name);
        phases.map(|phase| phase.end.0.saturating_sub(phase.start.0).max(0) as u64).sum()
    }
}

impl Ticket {
    /// That of a request; an empty one where nobody gave it any, which the outermost layer does.
    pub fn of(request: &Request) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_default()
    }

    fn new(headers: &HeaderMap, ids: &dyn Ids) -> Self {
        let text = |name: &HeaderName| {
            let text = headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let given = text(&REQUEST_ID).filter(|id| id.len() <= MAX_REQUEST_ID_CHARS);
        let id = given.or_else(|| ids.next().map(hex)).unwrap_or_default();
        let (key, version) = (text(&KEY), text(&VERSION));
        let packing = headers.get(header::CONTENT_ENCODING);
        let packing = packing.map(|packing| String::from_utf8_lossy(packing.as_bytes()));
        let packing = packing.filter(|packing| packing != "identity").map(Cow::into_owned);
        Self(Arc::new(Known { id, key, version, packing, facts: Mutex::default() }))
    }

    /// What the request is called: as its caller says, else by chance.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// What decides which version answers: whom the request is about, else what it is called.
    pub fn key(&self) -> &str {
        self.0.key.as_deref().unwrap_or(&self.0.id)
    }

    /// The version that the request asks for by its header, as a number or `@alias`.
    pub fn version(&self) -> Option<&str> {
        self.0.version.as_deref()
    }

    /// Notes what came to be known.
    pub fn note(&self, note: impl FnOnce(&mut Facts)) {
        note(&mut self.facts());
    }

    /// Does a part of the work, and notes how long it took.
    pub fn timed<T>(&self, name: PhaseName, clock: &dyn Clock, work: impl FnOnce() -> T) -> T {
        let start = clock.now();
        let done = work();
        self.took(name, start, clock.now());
        done
    }

    /// Notes how long a part of the work took.
    pub fn took(&self, name: PhaseName, start: Timestamp, end: Timestamp) {
        self.note(|facts| facts.phases.push(Phase { name, start, end }));
    }

    /// What is known by now, for as long as nobody else is to note anything.
    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the body is packed, where it is not as it is.
    pub fn packing(&self) -> Option<&str> {
        self.0.packing.as_deref()
    }
}

/// The bytes as hexadecimal digits.
fn hex(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)]);
    bytes.into_iter().flat_map(digits).map(char::from).collect()
}

/// A request that is under way.
pub(crate) struct UnderWay {
    ticket: Ticket,
    /// What is told of it, where there is anybody to be told.
    visit: Option<Visit>,
}

impl UnderWay {
    /// Gives a request its ticket.
    pub fn begin(house: &House, request: &mut Request) -> Self {
        let ticket = Ticket::new(request.headers(), &*house.ids);
        request.extensions_mut().insert(ticket.clone());
        let is_told = house.log.is_some() || house.exporter.is_some();
        Self { ticket, visit: is_told.then(|| Visit::of(request, house.now())) }
    }

    /// Tells of the request, and gives its answer the id and the version that answered.
    pub fn end(self, house: &House, response: &mut Response) {
        let facts = self.ticket.facts();
        if let Some(visit) = self.visit {
            tell(house, &self.ticket, visit, response, &facts);
        }
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(self.ticket.id()) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some(served) = &facts.served
            && let Ok(version) = HeaderValue::from_str(served.version())
        {
            headers.insert(VERSION, version);
        }
    }
}

/// What of a request is told.
struct Visit {
    begun: Timestamp,
    method: Method,
    uri: Uri,
    remote: Option<IpAddr>,
    bytes: Option<u64>,
    parent: Option<Parent>,
}

impl Visit {
    fn of(request: &Request, begun: Timestamp) -> Self {
        let headers = request.headers();
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            begun,
            method: request.method().clone(),
            uri: request.uri().clone(),
            remote: request.extensions().get::<Peer>().map(|peer| peer.0),
            bytes: text(&header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            parent: text(&TRACE_PARENT).and_then(Parent::parse),
        }
    }
}

/// Tells the log and the collector of a request, where there are any.
fn tell(house: &House, ticket: &Ticket, visit: Visit, response: &Response, facts: &Facts) {
    let Visit { begun, method, uri, remote, bytes, parent } = visit;
    let (ended, status) = (house.now(), response.status());
    if let Some(exporter) = &house.exporter {
        let (id, path) = (ticket.id(), uri.path());
        let method = &method;
        let seen = Seen { id, method, path, parent, begun, ended, status, facts };
        let spans = observe::spans(&seen, exporter, &*house.ids);
        if !spans.is_empty() {
            exporter.hand_over(spans);
        }
    }
    if let Some(log) = &house.log {
        let served = facts.served.as_ref();
        log.tell(Line {
            time: observe::moment(begun),
            request_id: ticket.id().to_owned(),
            caller: facts.caller.clone(),
            remote,
            method: method.to_string(),
            path: uri.path().to_owned(),
            model: served.map(|served| served.name().to_owned()),
            version: served.map(|served| served.version().to_owned()),
            rows: facts.rows,
            status: status.as_u16(),
            micros: ended.0.saturating_sub(begun.0).max(0) as u64,
            queue_micros: facts.micros(PhaseName::Queue),
            compute_micros: facts.micros(PhaseName::Parse) + facts.micros(PhaseName::Compute),
            bytes_in: bytes,
            bytes_out: response.body().size_hint().exact(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Ids for Sevens {
        fn next(&self) -> Option<[u8; 16]> {
            Some([7; 16])
        }
    }

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], id: &str, key: &str, version: Option<&str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let ticket = Ticket::new(&map, &Sevens);
        assert_eq!(
            (ticket.id(), ticket.key(), ticket.version()),
            (id, key, version),
            "{headers:?}"
        );
    }

    #[test]
    fn a_request_is_called_as_its_caller_says_else_by_chance() {
        let made = "07".repeat(16);
        check(&[], &made, &made, None);
        check(&[("x-request-id", "order 7")], "order 7", "order 7", None);
        check(&[("x-request-id", " ")], &made, &made, None);
        check(&[("x-request-id", "ä")], &made, &made, None);
        let long = "x".repeat(MAX_REQUEST_ID_CHARS + 1);
        check(&[("x-request-id", &long)], &made, &made, None);
        check(&[("x-request-id", &long[1..])], &long[1..], &long[1..], None);
    }

    #[test]
    fn a_key_goes_before_the_id_and_a_version_is_asked_for() {
        let headers = [("x-request-id", "a"), ("x-gristmill-key", "customer 7")];
        check(&headers, "a", "customer 7", None);
        let headers = [("x-request-id", "a"), ("x-gristmill-version", "@challenger")];
        check(&headers, "a", "a", Some("@challenger"));
    }
}
