//! By which name the server may be called, and from which page.
//!
//! A page of another site can make a browser of this machine send requests here. It cannot choose
//! the headers `Host`, `Origin` and `Sec-Fetch-Site`, so these are held against our own names:
//! the first against names that were bound anew to our address, the others against forged requests.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use crate::Access;
use crate::access::is_free;
use crate::mlflow::{ErrorCode, Refusal};

/// What requests are held against.
pub(crate) struct Gate {
    /// The names under which browsers may call; nothing where a token is asked for, which no page of
    /// another site can send.
    hosts: Option<Vec<String>>,
}

impl Gate {
    pub fn new(access: &Access, hosts: &[String]) -> Self {
        let names = || hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { hosts: (*access == Access::Loopback).then(names) }
    }

    /// Refuses a request that a page of another site may have had sent.
    pub fn admit(&self, request: &Request) -> Result<(), Refusal> {
        match is_free(request.uri().path()) {
            true => Ok(()),
            false => self.check(request.method(), request.headers()),
        }
    }

    fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = text(headers, &header::HOST).unwrap_or_default();
        if self.hosts.as_ref().is_some_and(|hosts| !knows(hosts, host)) {
            return Err(Refusal::new(ErrorCode::PermissionDenied, INVALID_HOST));
        }
        if !method.is_safe() && is_from_elsewhere(headers, host) {
            return Err(Refusal::new(ErrorCode::PermissionDenied, CROSS_ORIGIN));
        }
        Ok(())
    }
}

/// Whether a browser may call us by this name; without one it was no browser.
fn knows(hosts: &[String], host: &str) -> bool {
    let name = without_port(host).to_ascii_lowercase();
    let plain = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = plain.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    host.is_empty() || name == "localhost" || is_loopback || hosts.contains(&name)
}

const INVALID_HOST: &str = "Invalid Host header - possible DNS rebinding attack detected";
const CROSS_ORIGIN: &str = "Cross-origin request blocked";

/// Puts on an answer what keeps browsers from making more of it.
pub(crate) fn protect(response: &mut Response) {
    let needs_token = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if needs_token {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_from_elsewhere(headers: &HeaderMap, host: &str) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if matches!(site, Some("cross-site" | "same-site")) {
        return true;
    }
    match headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        None => false,
        Some(Ok(origin)) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            !authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        }
        Some(Err(_)) => true,
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(access: &Access, method: Method, headers: &[(&str, &str)], expected: Option<&str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let gate = Gate::new(access, &["gristmill.lan".into()]);
        let found = gate.check(&method, &map).err();
        assert_eq!(found.as_ref().map(Refusal::message), expected, "{headers:?}");
    }

    #[test]
    fn a_name_that_is_not_ours_is_refused() {
        for host in ["localhost:5000", "127.0.0.1", "[::1]:80", "127.9.9.9:1", "Gristmill.lan", ""]
        {
            check(&Access::Loopback, Method::GET, &[("host", host)], None);
        }
        for host in
            ["evil.example", "evil.example:5000", "localhost.evil.example", "10.0.0.1", "::"]
        {
            check(&Access::Loopback, Method::GET, &[("host", host)], Some(INVALID_HOST));
        }
    }

    #[test]
    fn another_page_may_change_nothing() {
        let from = |origin| [("host", "localhost:5000"), ("origin", origin)];
        check(&Access::Loopback, Method::POST, &from("http://localhost:5000"), None);
        check(&Access::Loopback, Method::GET, &from("http://evil.example"), None);
        for origin in ["http://evil.example", "http://localhost:3000", "null", "localhost:5000"] {
            check(&Access::Loopback, Method::POST, &from(origin), Some(CROSS_ORIGIN));
        }
        let forged = [("host", "localhost"), ("sec-fetch-site", "cross-site")];
        check(&Access::Loopback, Method::DELETE, &forged, Some(CROSS_ORIGIN));
    }

    #[test]
    fn where_a_token_is_asked_for_any_name_will_do() {
        let access = Access::Token("sesame".into());
        check(&access, Method::POST, &[("host", "evil.example")], None);
        let forged = [("host", "a"), ("origin", "http://evil.example")];
        check(&access, Method::POST, &forged, Some(CROSS_ORIGIN));
    }
}
