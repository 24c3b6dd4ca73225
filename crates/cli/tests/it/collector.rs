//! A collector of spans that dies with its test: what it is sent, and one that never answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;

/// What a collector was sent: the head of each request, and its body.
pub struct Collector {
    pub url: String,
    pub sent: Receiver<(String, Value)>,
}

impl Collector {
    /// One that takes everything.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (told, sent) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let told = told.clone();
                std::thread::spawn(move || take(stream.unwrap(), &told));
            }
        });
        Self { url, sent }
    }

    /// The address of one that takes connections and never answers.
    pub fn that_hangs() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                held.push(stream);
            }
        });
        url
    }
}

fn take(stream: TcpStream, told: &Sender<(String, Value)>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
        });
        let mut body = vec![0; length.unwrap()];
        reader.read_exact(&mut body).unwrap();
        // The test may have ended.
        let _ = told.send((head, serde_json::from_slice(&body).unwrap()));
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        reader.get_mut().write_all(answer).unwrap();
    }
}
