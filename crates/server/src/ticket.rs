//! What is known of a request from its first byte to its last: its id, and who answered it.
//!
//! Each answer carries its request's id, so that what becomes of it can be told by that id later.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use gristmill_serve::Served;
use gristmill_track::MAX_REQUEST_ID_CHARS;

use crate::Ids;
use crate::house::House;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Which version answered; in a request, which version is to answer.
const VERSION: HeaderName = HeaderName::from_static("x-gristmill-version");
/// Whom a request is about: requests with one key go to one version.
const KEY: HeaderName = HeaderName::from_static("x-gristmill-key");

/// What is known of a request.
#[derive(Clone, Default)]
pub(crate) struct Ticket(Arc<Known>);

#[derive(Default)]
struct Known {
    id: String,
    key: Option<String>,
    version: Option<String>,
    facts: Mutex<Facts>,
}

/// What comes to be known while a request is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The model that answers.
    pub served: Option<Arc<Served>>,
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
        Self(Arc::new(Known { id, key, version, facts: Mutex::default() }))
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
        note(&mut self.0.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is known by now.
    pub fn facts(&self) -> Facts {
        self.0.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives a request its ticket, and its answer the id and the version that answered.
pub(crate) async fn ticketed(
    State(house): State<Arc<House>>,
    mut request: Request,
    next: Next,
) -> Response {
    let ticket = Ticket::new(request.headers(), &*house.ids);
    request.extensions_mut().insert(ticket.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(ticket.id()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(served) = ticket.facts().served
        && let Ok(version) = HeaderValue::from_str(served.version())
    {
        headers.insert(VERSION, version);
    }
    response
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
