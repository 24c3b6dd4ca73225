//! How much, and for how long: what any one caller may take of the server.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};

/// Connections at once; the next one waits until one of them ends.
pub(crate) const CONNECTIONS: usize = 1024;
/// Requests at once on one connection of HTTP/2.
pub(crate) const STREAMS: u32 = 128;
/// How long the head of a request may take, from the moment the connection is free for it.
pub(crate) const HEAD: Duration = Duration::from_secs(60);
/// The most bytes of all headers together.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;
/// How long a JSON body may take to arrive, and a piece of a file.
pub(crate) const BODY: Duration = Duration::from_secs(30);
/// The most bytes of a JSON body: the datasets of a run, with all that is known of them.
pub(crate) const JSON_BYTES: usize = 32_000_000;
/// The most bytes of rows that a model is asked about.
pub(crate) const ROWS_BYTES: usize = 16_000_000;
/// The most bytes of a webhook.
pub(crate) const HOOK_BYTES: usize = 1_000_000;
/// How long requests that are under way may go on when the server stops.
pub(crate) const FAREWELL: Duration = Duration::from_secs(10);

/// Why a body could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is too long")]
    TooLong,
    #[error("the request did not arrive in time")]
    TooSlow,
    #[error("the request ended early")]
    Broken,
}

/// The whole body, when it is no longer than `most` bytes and comes in time.
pub(crate) async fn read(body: Body, most: usize) -> Result<Bytes, BodyError> {
    let length = http_body::Body::size_hint(&body).lower();
    if length > most as u64 {
        return Err(BodyError::TooLong);
    }
    match tokio::time::timeout(BODY, to_bytes(body, most)).await {
        Err(_) => Err(BodyError::TooSlow),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_limit(&error) => Err(BodyError::TooLong),
        Ok(Err(_)) => Err(BodyError::Broken),
    }
}

/// Whether reading ended because of our own limit: what the error says is the only sign of it.
fn is_limit(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.to_string().contains("length limit") {
            return true;
        }
        source = error.source();
    }
    false
}
