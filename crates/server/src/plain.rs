//! Whether the server lives, and which version it is.

/// The answer of `/health`.
pub(crate) async fn health() -> &'static str {
    "OK"
}

/// The answer of `/version`.
pub(crate) async fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
