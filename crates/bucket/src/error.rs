//! What a store refused, in words that show no secret.

use std::error::Error as _;

/// The result of everything that is asked of a store.
pub type Result<T, E = BucketError> = std::result::Result<T, E>;

/// The most of what a store said that is passed on.
const MAX_SAID: usize = 300;
/// Where machines at AWS find their role, if they have one.
const ROLES: &str = "169.254.169.254";
/// Variables whose values no message shows.
const SECRETS: [&str; 2] = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct BucketError {
    /// What could not be done, of what, and what the store said.
    pub what: String,
    /// What would do.
    pub hint: String,
    /// What kind of failure it is.
    pub failure: Failure,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no object of this key. Whether the bucket is there is not always known.
    Missing,
    /// It is no address, or the environment names no store.
    Address,
    /// The store refused, failed, or was not reached.
    Store,
}

impl BucketError {
    pub(crate) fn address(what: impl Into<String>, hint: &str) -> Self {
        Self { what: what.into(), hint: hint.into(), failure: Failure::Address }
    }

    /// What a store's refusal means, when `thing` was to be `done`: listed, read, written.
    pub(crate) fn refused(thing: &str, done: &str, error: &object_store::Error) -> Self {
        let whole = error.to_string();
        let said = said(error);
        let code = said.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let is_missing = matches!(error, object_store::Error::NotFound { .. });
        let failure = match is_missing && code != "NoSuchBucket" {
            true => Failure::Missing,
            false => Failure::Store,
        };
        let (said, hint) = if whole.contains(ROLES) {
            (
                "no credentials were found".to_string(),
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true",
            )
        } else if said.contains("scheme is not allowed") {
            (
                "AWS_ENDPOINT_URL is an address without TLS".to_string(),
                "set AWS_ALLOW_HTTP=true if that is meant",
            )
        } else {
            let hint = hint(code, error);
            (said, hint)
        };
        Self { what: format!("`{thing}` cannot be {done}: {said}"), hint: hint.into(), failure }
    }
}

/// What would do about a refusal.
fn hint(code: &str, error: &object_store::Error) -> &'static str {
    match (code, error) {
        ("NoSuchBucket", _) => "check the name of the bucket, AWS_REGION and AWS_ENDPOINT_URL",
        ("AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken", _)
        | (_, object_store::Error::PermissionDenied { .. })
        | (_, object_store::Error::Unauthenticated { .. }) => {
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they are allowed to do"
        }
        (_, object_store::Error::InvalidPath { .. }) => {
            "no key may have empty parts, `.` or `..`: name more of the key before the first `*`"
        }
        _ => "is the store reachable? Check AWS_ENDPOINT_URL, AWS_REGION and other AWS_ variables",
    }
}

/// The core of what a store said: one line of bounded length without secrets.
fn said(error: &object_store::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        said = found.to_string();
        cause = found.source();
    }
    if let Some(code) = within(&said, "Code") {
        let message = within(&said, "Message").map(|m| format!(": {m}")).unwrap_or_default();
        let status = status(&said).map(|status| format!(" ({status})")).unwrap_or_default();
        said = format!("{code}{message}{status}");
    }
    for secret in SECRETS.iter().filter_map(|name| std::env::var(name).ok()) {
        if !secret.is_empty() {
            said = said.replace(&secret, "***");
        }
    }
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches(':').chars().take(MAX_SAID).collect()
}

/// The text of an element of a store's answer.
fn within(said: &str, name: &str) -> Option<String> {
    let (_, rest) = said.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(text, _)| text.to_string())
}

/// The status that a store answered with, as `403 Forbidden`.
fn status(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("status code: ")?;
    rest.split_once(':').map(|(status, _)| status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(body: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: body.into() }
    }

    #[track_caller]
    fn check(body: &str, said: &str, remedy: &str) {
        let error = BucketError::refused("s3://lake/a", "written", &answered(body));
        assert_eq!(error.what, format!("`s3://lake/a` cannot be written: {said}"));
        assert!(error.hint.contains(remedy), "{}", error.hint);
    }

    #[test]
    fn the_words_of_the_store_come_through_with_their_status() {
        let body = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>AccessDenied\
                    </Code><Message>Access Denied</Message></Error>";
        check(body, "AccessDenied: Access Denied (403 Forbidden)", "AWS_SECRET_ACCESS_KEY");
        let body = "status code: 404 Not Found: <Code>NoSuchBucket</Code>";
        check(body, "NoSuchBucket (404 Not Found)", "the name of the bucket");
        check("URL scheme is not allowed", "AWS_ENDPOINT_URL is an address without TLS", "HTTP");
        check("at 169.254.169.254", "no credentials were found", "AWS_SKIP_SIGNATURE");
        check("went\n away", "went away", "reachable");
    }

    #[test]
    fn only_a_missing_object_is_missing() {
        let missing = |body: &str| {
            let error =
                object_store::Error::NotFound { path: "a".into(), source: body.to_string().into() };
            BucketError::refused("a", "read", &error).failure
        };
        assert_eq!(missing("<Code>NoSuchKey</Code>"), Failure::Missing);
        assert_eq!(missing("<Code>NoSuchBucket</Code>"), Failure::Store);
    }
}
