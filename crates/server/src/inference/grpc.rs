//! The Open Inference Protocol over gRPC: its framing, its statuses, and which method is asked.
//!
//! A call is one message behind a mark and its length, and so is its answer, with the status in trailers.
//! Source: *gRPC over HTTP2*, the protocol's description; status codes as in google.rpc.Code.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gristmill_serve::v2::{Metadata, grpc};
use gristmill_serve::{Answers, Question, Refusal, Served};
use http_body::Frame;

use super::protocol::Protocol;
use super::{Failure, choose, find, open_to};
use crate::access::Caller;
use crate::house::House;
use crate::limits;
use crate::ticket::Ticket;

/// What stands before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Answers the method that the path names.
pub(super) async fn call(
    State(house): State<Arc<House>>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    match called(&house, &method, request).await {
        Ok(message) => answered(&message),
        Err(failure) => refused(&failure),
    }
}

async fn called(house: &House, method: &str, request: Request) -> Result<Vec<u8>, Failure> {
    if method == "ModelInfer" {
        return infer(house, request).await;
    }
    let caller = request.extensions().get::<Caller>().cloned();
    let body = limits::read(request.into_body(), limits::HEAD_BYTES).await?;
    let message = message(&body)?;
    match method {
        "ServerLive" => Ok(grpc::answer(true)),
        "ServerReady" => Ok(grpc::answer(house.is_ready())),
        "ServerMetadata" => Ok(grpc::server("gristmill", env!("CARGO_PKG_VERSION"))),
        "ModelReady" => {
            let named = grpc::named(&message)?;
            Ok(grpc::answer(find(house, &named.name, named.version.as_deref()).await.is_ok()))
        }
        "ModelMetadata" => {
            let named = grpc::named(&message)?;
            let served = find(house, &named.name, named.version.as_deref()).await?;
            open_to(caller.as_ref(), served.name())?;
            Ok(grpc::metadata(&Metadata::of(&served, vec![served.version().to_owned()])))
        }
        _ => {
            Err(Failure::new(StatusCode::NOT_IMPLEMENTED, format!("there is no method `{method}`")))
        }
    }
}

async fn infer(house: &House, request: Request) -> Result<Vec<u8>, Failure> {
    let ticket = Ticket::of(&request);
    let caller = request.extensions().get::<Caller>().cloned();
    let body = limits::read(request.into_body(), limits::ROWS_BYTES).await?;
    let asked = grpc::Request::read(message(&body)?)?;
    let named = asked.model();
    open_to(caller.as_ref(), &named.name)?;
    let chosen = choose(house, &ticket, &named.name, named.version.as_deref()).await?;
    house.desk.answer_read(&ticket, chosen, body, ModelInfer(asked)).await
}

/// A question in the protocol's gRPC form: its message was read to know whom it asks.
struct ModelInfer(grpc::Request);

impl Protocol for ModelInfer {
    type More = grpc::Asked;
    type Answer = Vec<u8>;

    fn read(&self, served: &Served, _: &[u8]) -> Result<(Question, grpc::Asked), Refusal> {
        self.0.rows(served)
    }

    fn is_plain(&self, asked: &grpc::Asked) -> bool {
        !asked.explains()
    }

    fn answer(
        &self,
        served: &Served,
        rows: Question,
        asked: &grpc::Asked,
    ) -> Result<Answers, Refusal> {
        asked.answers(served, rows)
    }

    fn write(
        &self,
        served: &Served,
        answers: &Answers,
        asked: grpc::Asked,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(grpc::write(served, answers, &asked))
    }
}

/// The only message of a call.
fn message(body: &Bytes) -> Result<Bytes, Failure> {
    let refuse = |status, message: &str| Err(Failure::new(status, message));
    match body.get(..PREFIX) {
        Some([0, length @ ..]) => {
            let length: [u8; 4] = length.try_into().unwrap_or_default();
            match u32::from_be_bytes(length) as usize == body.len() - PREFIX {
                true => Ok(body.slice(PREFIX..)),
                false => {
                    refuse(StatusCode::BAD_REQUEST, "a call is one message of the length it says")
                }
            }
        }
        Some(_) => refuse(StatusCode::NOT_IMPLEMENTED, "send messages that are not compressed"),
        None => refuse(StatusCode::BAD_REQUEST, "there is no message"),
    }
}

fn answered(message: &[u8]) -> Response {
    let mut framed = Vec::with_capacity(PREFIX + message.len());
    framed.push(0);
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Framed { message: Some(framed.into()), trailers: Some(trailers) };
    ([(header::CONTENT_TYPE, HeaderValue::from_static(KIND))], Body::new(body)).into_response()
}

const KIND: &str = "application/grpc";

/// A status without a message stands in the headers.
fn refused(failure: &Failure) -> Response {
    let code = match failure.status {
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => 3,
        StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => 4,
        StatusCode::NOT_FOUND => 5,
        StatusCode::FORBIDDEN => 7,
        StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::NOT_IMPLEMENTED => 12,
        _ => 13,
    };
    let mut response =
        ([(header::CONTENT_TYPE, HeaderValue::from_static(KIND))], ()).into_response();
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(code));
    if let Ok(message) = HeaderValue::try_from(escaped(&failure.message)) {
        headers.insert("grpc-message", message);
    }
    response
}

/// Whatever is no printable ASCII is percent-encoded.
fn escaped(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b'%' => text.push_str("%25"),
            b' '..=b'~' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// A message and the trailers behind it.
struct Framed {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl http_body::Body for Framed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let message = self.message.take().map(Frame::data);
        Poll::Ready(message.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_one_whole_message() {
        let check = |body: &[u8], expected: Result<&[u8], StatusCode>| {
            let found = message(&Bytes::copy_from_slice(body)).map_err(|failure| failure.status);
            assert_eq!(found.as_deref().map_err(|status| *status), expected, "{body:?}");
        };
        check(&[0, 0, 0, 0, 2, 8, 1], Ok(&[8, 1]));
        check(&[0, 0, 0, 0, 0], Ok(&[]));
        check(&[0, 0, 0, 0, 3, 8, 1], Err(StatusCode::BAD_REQUEST));
        check(&[0, 255, 255, 255, 255, 1], Err(StatusCode::BAD_REQUEST));
        check(&[1, 0, 0, 0, 0], Err(StatusCode::NOT_IMPLEMENTED));
        check(&[0, 0], Err(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn messages_are_printable() {
        assert_eq!(escaped("50 % of `ä`\n"), "50 %25 of `%C3%A4`%0A");
    }
}
