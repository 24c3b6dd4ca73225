//! Slow, broken and many callers, and the end of a server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::house::House;

fn answer(house: &House, request: &str) -> String {
    let mut stream = TcpStream::connect(house.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A refusal may come with a reset, when not all was read.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let house = House::open().await;
    for request in ["nonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nno header\r\n\r\n"] {
        let answer = answer(&house, request);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{request}: {answer}");
    }
    let long =
        format!("GET /health HTTP/1.1\r\nHost: localhost\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    let refused = answer(&house, &long);
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431"), "{refused}");
    assert_eq!(house.send("GET", "/health", &[], Vec::new()).await.status, 200);
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_waited_for() {
    let house = House::open().await;
    let head = "POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n";
    assert!(answer(&house, head).starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn many_idle_callers_keep_nobody_out() {
    let house = House::open().await;
    let idle: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(house.address()).unwrap()).collect();
    assert_eq!(house.send("GET", "/health", &[], Vec::new()).await.status, 200);
    drop(idle);
}

#[tokio::test]
async fn a_stopped_server_is_gone_at_once_when_nothing_is_under_way() {
    let house = House::open().await;
    assert_eq!(house.send("GET", "/health", &[], Vec::new()).await.status, 200);
    let address = house.address();
    house.stop();
    assert!(TcpStream::connect(address).is_err());
}
