//! One request of HTTP/1.1 on a connection, read strictly and within bounds, and its answer.
//!
//! A connection serves one request and is closed. There is no chunked transfer and no encoding of
//! content: what is posted here is a small JSON object.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use gristmill_core::Clock;
use serde_json::{Value, json};

use crate::clock::SystemClock;

/// The most bytes of the request line and all headers.
const MAX_HEAD: usize = 16 * 1024;
/// The most headers.
const MAX_HEADERS: usize = 100;
/// The most bytes of a body.
pub(crate) const MAX_BODY: usize = 1_000_000;
/// How long one read or write may take.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a whole request may take to arrive, in microseconds.
const PATIENCE: i64 = 20_000_000;

/// A request that has arrived whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// Names in small letters.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A status and a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, body }
    }

    /// A refusal in words.
    pub fn refuse(status: u16, message: &str) -> Self {
        Self::new(status, json!({"error": {"message": message}}))
    }

    /// Writes the answer. A reader that went away is no trouble of ours.
    pub fn send(&self, stream: &mut TcpStream) {
        let body = self.body.to_string();
        let more = if self.status == 401 { "WWW-Authenticate: Bearer\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{more}\
             Connection: close\r\n\r\n",
            self.status,
            reason(self.status),
            body.len()
        );
        let _ = stream
            .set_write_timeout(Some(PAUSE))
            .and_then(|()| stream.write_all(head.as_bytes()))
            .and_then(|()| stream.write_all(body.as_bytes()))
            .and_then(|()| stream.flush());
        drain(stream);
    }
}

/// Takes what the other side has still sent, within bounds: closing over unread bytes would reset
/// the connection, and the answer with it.
fn drain(stream: &mut TcpStream) {
    let mut buffer = [0; 8192];
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    for _ in 0..256 {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

/// The request on this connection; a refusal when it is none, is too big or comes too slowly.
pub(crate) fn read(stream: &mut TcpStream) -> Result<Request, Answer> {
    let slow = |_| Answer::refuse(408, "the request did not arrive in time");
    stream.set_read_timeout(Some(PAUSE)).map_err(slow)?;
    let until = SystemClock.now().0 + PATIENCE;
    let mut bytes = Vec::new();
    let mut more = |bytes: &mut Vec<u8>| {
        if SystemClock.now().0 > until {
            return Err(Answer::refuse(408, "the request did not arrive in time"));
        }
        let mut buffer = [0; 8192];
        match stream.read(&mut buffer).map_err(slow)? {
            0 => Err(Answer::refuse(400, "the request ended early")),
            read => {
                bytes.extend(buffer.iter().take(read));
                Ok(())
            }
        }
    };
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if bytes.len() > MAX_HEAD {
            return Err(Answer::refuse(431, "the headers are longer than 16 KiB"));
        }
        more(&mut bytes)?;
    };
    let body = bytes.split_off(end + 4);
    bytes.truncate(end);
    let (mut request, length) = head(&bytes)?;
    request.body = body;
    while request.body.len() < length {
        more(&mut request.body)?;
    }
    request.body.truncate(length);
    Ok(request)
}

/// The request line and headers, and the length of the body that follows.
fn head(bytes: &[u8]) -> Result<(Request, usize), Answer> {
    let wrong = || Answer::refuse(400, "this is no request of HTTP/1.1");
    let text = std::str::from_utf8(bytes).map_err(|_| wrong())?;
    let mut lines = text.split("\r\n");
    let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, "HTTP/1.1" | "HTTP/1.0"] = first[..] else { return Err(wrong()) };
    if !target.starts_with('/') || text.chars().any(|c| c.is_control() && !"\r\n\t".contains(c)) {
        return Err(wrong());
    }
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(token) || headers.len() == MAX_HEADERS {
            return Err(wrong());
        }
        headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
    }
    let path = target.split(['?', '#']).next().unwrap_or_default().to_string();
    let request = Request { method: method.into(), path, headers, body: Vec::new() };
    let length = length(&request)?;
    Ok((request, length))
}

fn length(request: &Request) -> Result<usize, Answer> {
    if request.header("transfer-encoding").is_some() {
        return Err(Answer::refuse(411, "send the body with its `Content-Length`, not in chunks"));
    }
    let mut given = request.headers.iter().filter(|(name, _)| name == "content-length");
    let Some((_, text)) = given.next() else { return Ok(0) };
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if !digits || given.next().is_some() {
        return Err(Answer::refuse(400, "`Content-Length` is no length"));
    }
    match text.parse() {
        Ok(length) if length <= MAX_BODY => Ok(length),
        _ => Err(Answer::refuse(413, "the body is longer than 1 MB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, &str, usize), u16>) {
        let found = head(text.as_bytes());
        let found = found.as_ref().map(|(r, n)| (r.method.as_str(), r.path.as_str(), *n));
        assert_eq!(found.map_err(|answer| answer.status), expected, "{text}");
    }

    #[test]
    fn a_request_is_read_strictly() {
        check("GET /health HTTP/1.1", Ok(("GET", "/health", 0)));
        check("POST /a?b=c HTTP/1.1\r\nContent-Length: 12", Ok(("POST", "/a", 12)));
        for wrong in [
            "",
            "GET",
            "GET  / HTTP/1.1",
            "GET / HTTP/2",
            "GET http://a/ HTTP/1.1",
            "GET / HTTP/1.1\r\nno header",
            "GET / HTTP/1.1\r\n folded: yes",
            "GET / HTTP/1.1\r\na b: c",
            "GET / HTTP/1.1\r\nContent-Length: -1",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1",
            "GET / HTTP/1.1\r\na: \u{7}",
        ] {
            check(wrong, Err(400));
        }
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", Err(411));
        check("POST / HTTP/1.1\r\nContent-Length: 1000001", Err(413));
        check("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999", Err(413));
    }
}
