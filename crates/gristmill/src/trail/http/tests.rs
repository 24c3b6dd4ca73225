use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use gristmill_flow::{Lineage, LineageState};

use super::*;

const TOKEN: &str = "a-secret-of-ours";
const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn event() -> LineageEvent {
    Lineage::new("laptop", "churn", "1").run(LineageState::Start, 0)
}

fn server(address: &str, patience: u64, queue: usize) -> Server {
    let bounds = Bounds { patience: Duration::from_millis(patience), queue };
    Server::open(address, Some(TOKEN), bounds).unwrap()
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

/// Reads a request whole, and gives its head.
fn request(stream: &TcpStream) -> String {
    let (mut reader, mut head, mut length) = (BufReader::new(stream), String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head
}

#[test]
fn a_server_is_sent_the_event_and_the_token() {
    let (listener, address) = listen();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = request(&stream);
        stream.write_all(CREATED.as_bytes()).unwrap();
        head
    });
    let server = server(&format!("{address}/?key=hidden"), 5000, 10);
    server.emit(&event()).unwrap();
    server.finish().unwrap();
    let head = heard.join().unwrap();
    assert!(head.starts_with("POST /api/v1/lineage?key=hidden HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains(&format!("authorization: bearer {TOKEN}\r\n")), "{head}");
    assert!(server.emit(&event()).is_err(), "it is at its end");
}

#[test]
fn a_server_that_hangs_is_waited_for_once_and_what_is_lost_is_counted() {
    // The system takes the connections in, and nobody answers.
    let (_listener, address) = listen();
    let server = server(&address, 200, 10);
    let said: Vec<String> =
        (0..50).filter_map(|_| server.emit(&event()).err()).map(|e| e.to_string()).collect();
    let expected =
        format!("a lineage event was not passed on: {address} did not answer within 200ms");
    assert_eq!(said, [expected]);
    let error = server.finish().unwrap_err();
    assert_eq!(error.events, 49, "{error}");
    assert!(error.to_string().starts_with("49 lineage events were not passed on: "), "{error}");
}

#[test]
fn a_server_that_is_itself_again_gets_what_waited() {
    let (listener, address) = listen();
    let (end, ended) = sync_channel::<()>(0);
    let heard = std::thread::spawn(move || {
        let silent = listener.accept().unwrap();
        ended.recv().unwrap_err();
        let answered = (0..20).map(|_| {
            let (mut stream, _) = listener.accept().unwrap();
            request(&stream);
            stream.write_all(CREATED.as_bytes()).unwrap();
        });
        let answered = answered.count();
        drop(silent);
        answered
    });
    let server = server(&address, 1000, 100);
    assert!(server.emit(&event()).is_err());
    for _ in 0..20 {
        server.emit(&event()).unwrap();
    }
    drop(end);
    server.finish().unwrap();
    assert_eq!(heard.join().unwrap(), 20);
}

#[test]
fn a_redirect_is_not_followed_and_the_token_is_shown_to_nobody() {
    let (listener, address) = listen();
    let (elsewhere, other) = listen();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        request(&stream);
        let moved = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: {other}/x?{TOKEN}\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(moved.as_bytes()).unwrap();
        other
    });
    let server = server(&address, 5000, 10);
    let said = server.emit(&event()).unwrap_err().to_string();
    let other = answering.join().unwrap();
    assert!(said.ends_with(&format!("and points to `{other}/x`; name that address")), "{said}");
    assert!(!said.contains(TOKEN), "{said}");
    elsewhere.set_nonblocking(true).unwrap();
    assert!(elsewhere.accept().is_err(), "nobody came");
}

#[test]
fn what_is_no_address_is_refused_with_a_remedy_and_shows_no_secret() {
    let refused = |address: &str, token: Option<&str>| {
        let error = Server::open(address, token, Bounds::default()).err().unwrap();
        assert!(error.hint.is_some(), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        error.message
    };
    assert_eq!(refused("ftp://host", None), "lineage cannot be sent by `ftp`");
    assert!(refused("https://", None).contains("is none"));
    assert!(refused("https://me:secret@host", None).contains("a password"));
    assert!(refused("http://host", Some("secret\nline")).contains("OPENLINEAGE_API_KEY"));
}
