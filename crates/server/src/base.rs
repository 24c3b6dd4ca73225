//! By which address a caller reaches the server, as the request itself says.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

/// The header by which a proxy says whether it was called over TLS.
const PROTO: &str = "x-forwarded-proto";

/// What addresses that are given to a caller begin with, such as `http://127.0.0.1:5000`. It is of
/// use to that caller alone, so whatever its request says of it may be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base(pub String);

impl<S: Sync> FromRequestParts<S> for Base {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = parts.uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| text(header::HOST.as_str())).unwrap_or("127.0.0.1");
        let scheme = match text(PROTO) {
            Some(proto) if proto.trim().eq_ignore_ascii_case("https") => "https",
            _ => "http",
        };
        Ok(Self(format!("{scheme}://{host}")))
    }
}
