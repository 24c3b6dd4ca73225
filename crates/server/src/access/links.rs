//! Addresses that open one thing for a time to whoever has them, without a token. Uploads in parts
//! and downloads in pieces need them: MLflow's clients send no token along with those.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use gristmill_core::Timestamp;
use ring::hmac;

use crate::mlflow::{ErrorCode, Refusal, decoded, encoded, from_query};

/// Makes and knows addresses that open something for a time.
pub(crate) struct Links {
    key: hmac::Key,
}

/// That a request came by such an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linked;

impl Links {
    /// Addresses that are known by this secret alone.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// The path by which `method` can be asked of `path` until that moment, on behalf of `by`.
    pub(crate) fn link(&self, method: &Method, path: &str, by: &str, until: Timestamp) -> String {
        let until = until.0 / 1_000_000;
        let tag = hmac::sign(&self.key, &signed(method, path, by, until));
        let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let path: Vec<String> = path.split('/').map(encoded).collect();
        format!("{}?by={}&until={until}&signature={signature}", path.join("/"), encoded(by))
    }

    /// On whose behalf a request comes, when it comes by an address of ours that is still valid.
    pub(super) fn holder(&self, method: &Method, uri: &Uri, now: Timestamp) -> Option<String> {
        let fields = from_query(uri.query()?);
        let field = |name: &str| fields.get(name)?.as_str();
        let (by, until) = (field("by")?, field("until")?.parse::<i64>().ok()?);
        let signature = bytes(field("signature")?)?;
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let text = signed(method, &decoded(uri.path()), by, until);
        let is_ours = hmac::verify(&self.key, &text, &signature).is_ok();
        (is_ours && now.0 / 1_000_000 <= until).then(|| by.to_string())
    }
}

/// What the signature is of, so that no two addresses have the same text.
fn signed(method: &Method, path: &str, by: &str, until: i64) -> Vec<u8> {
    let mut text = Vec::new();
    for part in [method.as_str(), path, by, &until.to_string()] {
        text.extend((part.len() as u64).to_le_bytes());
        text.extend(part.as_bytes());
    }
    text
}

/// The bytes that hexadecimal digits write.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2));
    let byte = |pair: Option<&str>| u8::from_str_radix(pair?, 16).ok();
    if is_hex { pairs.map(byte).collect() } else { None }
}

impl<S: Sync> FromRequestParts<S> for Linked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().copied().ok_or_else(|| {
            let message = "this address is none that the server gave out, or no longer valid";
            Refusal::new(ErrorCode::PermissionDenied, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp(60_000_000);

    fn links() -> Links {
        Links::new(b"secret")
    }

    #[track_caller]
    fn check(method: Method, link: &str, now: i64, expected: Option<&str>) {
        let uri: Uri = link.parse().unwrap();
        let holder = links().holder(&method, &uri, Timestamp(now * 1_000_000));
        assert_eq!(holder.as_deref(), expected, "{method} {link}");
    }

    #[test]
    fn an_address_opens_what_it_is_for_until_it_is_over() {
        let link = links().link(&Method::GET, "/a/größe 1%.txt", "ci & me", LATER);
        check(Method::GET, &link, 0, Some("ci & me"));
        check(Method::HEAD, &link, 60, Some("ci & me"));
        check(Method::GET, &link, 61, None);
        check(Method::PUT, &link, 0, None);
    }

    #[test]
    fn an_address_that_was_changed_opens_nothing() {
        let link = links().link(&Method::PUT, "/a/1", "ci", LATER);
        check(Method::PUT, &link, 0, Some("ci"));
        for (from, to) in
            [("/a/1", "/a/2"), ("by=ci", "by=me"), ("until=60", "until=61"), ("signature=", "x=")]
        {
            check(Method::PUT, &link.replace(from, to), 0, None);
        }
        let other = Links::new(b"another").link(&Method::PUT, "/a/1", "ci", LATER);
        check(Method::PUT, &other, 0, None);
        check(Method::PUT, "/a/1?by=ci&until=60&signature=%C3%A4", 0, None);
    }
}
