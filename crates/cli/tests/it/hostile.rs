//! Clients that mean no good, or know no better: they are answered with words, others are answered as ever,
//! and the memory of the server stays within bounds.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use gristmill_testkit::parquet::{Kind, Page, ParquetColumn, ParquetFile, nested};
use serde_json::{Value, json};

use crate::daemon::Up;
use crate::sandbox::Sandbox;

/// A server of the customers, and a good body with the answer to it.
struct Served {
    server: Up,
    body: String,
    answer: Value,
}

impl Served {
    fn start() -> Self {
        let sandbox = Sandbox::churn();
        sandbox.json(&["run", "pipeline.yaml"]);
        let mut command = sandbox.command(&["serve", "churn", "--port", "0"]);
        let server = Up::of(command.stderr(Stdio::null()));
        let body = json!({"dataframe_records": [good()]}).to_string();
        let (status, answer) = server.post("/invocations", &body);
        assert_eq!(status, 200, "{answer}");
        Self { server, body, answer }
    }

    /// A good request has its answer.
    #[track_caller]
    fn answers(&self) {
        assert_eq!(self.server.post("/invocations", &self.body), (200, self.answer.clone()));
    }

    /// Sends bytes and keeps the connection.
    fn send(&self, bytes: impl AsRef<[u8]>) -> TcpStream {
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream.write_all(bytes.as_ref()).unwrap();
        stream
    }

    /// Sends bytes, which the server may stop reading, and what it says to them.
    fn ask(&self, bytes: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let _ = stream.write_all(bytes);
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(1..) = stream.read(&mut piece).inspect(|n| answer.extend(&piece[..*n])) {}
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or(0), answer)
    }

    fn post(&self, kind: &str, path: &str, body: &[u8]) -> (u16, String) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.ask(&[head.as_bytes(), body].concat())
    }

    /// A body is refused with a status of the client's fault and these words.
    #[track_caller]
    fn refuses(&self, kind: &str, path: &str, body: &[u8], words: &str) {
        let (status, answer) = self.post(kind, path, body);
        let shown: String = String::from_utf8_lossy(body).chars().take(200).collect();
        assert!((400..500).contains(&status), "{status} to {shown}: {answer}");
        assert!(answer.contains(words), "{shown}: {answer}");
    }

    /// The most memory that the server has had, in MB.
    fn peak(&self) -> u64 {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024
    }
}

/// The first customer of the file.
fn good() -> Value {
    json!({
        "female": 1, "senior_citizen": 0, "partner": 1, "dependents": 0, "tenure": 1, "phone_service": 0,
        "multiple_lines": "No phone service", "internet_service": "DSL", "online_security": "No",
        "online_backup": "Yes", "device_protection": "No", "tech_support": "No", "streaming_tv": "No",
        "streaming_movies": "No", "contract": "Month-to-month", "paperless_billing": 1,
        "payment_method": "Electronic check", "monthly_charges": 29.85, "total_charges": 29.85,
    })
}

const JSON: &str = "application/json";
const PARQUET: &str = "application/vnd.apache.parquet";

#[test]
fn slow_clients_hold_up_nobody_and_end() {
    let served = Served::start();
    let head =
        "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let slow: Vec<TcpStream> = (0..200).map(|at| served.send(&head[..20 + at % 40])).collect();
    let idle: Vec<TcpStream> = (0..500).map(|_| served.send("")).collect();
    let begun = format!("{head}Content-Length: {}\r\n\r\n{{", served.body.len());
    let mut bodies: Vec<TcpStream> = (0..50).map(|_| served.send(&begun)).collect();
    (0..20).for_each(|_| served.answers());
    // A byte now and then is no sign of life: the body as a whole has its time.
    let mut slowest = bodies.pop().unwrap();
    slowest.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    for _ in 0..450 {
        let _ = slowest.write_all(b" ");
        match slowest.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend(&piece[..count]),
            Err(_) if answer.is_empty() => {}
            Err(_) => break,
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("in time"), "{answer}");
    served.answers();
    drop((slow, idle, bodies));
    served.answers();
}

#[test]
fn clients_that_go_away_leave_nothing_behind() {
    let served = Served::start();
    let head = format!(
        "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        served.body.len()
    );
    for at in 0..1_500 {
        let stream = served.send(&head);
        let mut stream = stream;
        let _ = stream.write_all(&served.body.as_bytes()[..at % served.body.len()]);
        let _ = stream.shutdown(if at % 2 == 0 { Shutdown::Both } else { Shutdown::Write });
    }
    served.answers();
    let all = format!("{head}{}", served.body);
    // They do not wait for their answers.
    (0..500).for_each(|_| drop(served.send(&all)));
    served.answers();
    assert!(served.peak() < 400, "{} MB", served.peak());
}

#[test]
fn bodies_that_are_too_long_are_refused_before_they_are_read() {
    let served = Served::start();
    for path in ["/invocations", "/v2/models/churn/infer", "/v1/models/churn:predict"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
        );
        let (status, answer) =
            served.ask(format!("{head}Content-Length: 99999999999\r\n\r\n{{").as_bytes());
        assert!(status == 413 && answer.contains("the body is too long"), "{answer}");
        let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
        let long = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(40));
        // Where it is refused before it was sent the answer may be lost with the connection.
        let (status, answer) = served.ask(long.as_bytes());
        assert!(matches!(status, 413 | 0), "{answer}");
    }
    let (status, _) =
        served.ask(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n");
    assert_eq!(status, 400);
    let long =
        format!("GET /ping HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "a".repeat(100_000));
    assert!(matches!(served.ask(long.as_bytes()).0, 431 | 0));
    served.answers();
    assert!(served.peak() < 400, "{} MB", served.peak());
}

#[test]
fn every_field_of_a_body_may_be_wrong() {
    let served = Served::start();
    let wrong = [
        json!(null),
        json!(true),
        json!(-3),
        json!(1.5),
        json!("a"),
        json!([]),
        json!({}),
        json!([[1]]),
    ];
    let row = good();
    let tensor = json!({"name": "tenure", "shape": [1], "datatype": "INT64", "data": [1]});
    let documents = [
        ("/invocations", json!({"dataframe_records": [row], "params": {"explain": 3}})),
        ("/invocations", json!({"dataframe_split": {"columns": 3, "data": [[1]]}})),
        ("/v1/models/churn:predict", json!({"instances": 3})),
        (
            "/v2/models/churn/infer",
            json!({"inputs": [tensor], "outputs": [{"name": "prediction"}]}),
        ),
    ];
    for (path, document) in &documents {
        let keys: Vec<String> = document.as_object().unwrap().keys().cloned().collect();
        for key in keys {
            for wrong in &wrong {
                let mut document = document.clone();
                document[&key] = wrong.clone();
                let (status, answer) = served.post(JSON, path, document.to_string().as_bytes());
                assert!(status == 200 || (400..500).contains(&status), "{document}: {answer}");
            }
        }
    }
    let tensor_keys = ["name", "shape", "datatype", "data", "parameters"];
    for (key, wrong) in tensor_keys.iter().flat_map(|key| wrong.iter().map(move |w| (key, w))) {
        let mut tensor = tensor.clone();
        tensor[key] = wrong.clone();
        let body = json!({"inputs": [tensor]}).to_string();
        served.refuses(JSON, "/v2/models/churn/infer", body.as_bytes(), "error");
    }
    for key in row.as_object().unwrap().keys() {
        for wrong in [json!([1]), json!({"a": 1})] {
            let mut row = row.clone();
            row[key] = wrong;
            let body = json!({"instances": [row]}).to_string();
            served.refuses(JSON, "/invocations", body.as_bytes(), &format!("column `{key}` holds"));
        }
    }
    served.answers();
}

#[test]
fn what_is_no_json_is_refused_with_words() {
    let served = Served::start();
    let good = served.body.as_str();
    let deep = |open: &str| format!("{{\"instances\": {}", open.repeat(200_000));
    let cases = [
        (good.replace("29.85", "1e400"), "number out of range"),
        (good.replace("29.85", "NaN"), "cannot be read"),
        (good.replace("29.85", "Infinity"), "cannot be read"),
        (good.replace("\"tenure\":1", "\"tenure\":1,\"tenure\":1"), "`tenure` stands twice"),
        (format!("{good}x"), "trailing characters"),
        (deep("["), "holds a list"),
        (deep("{\"a\":"), "cannot be read"),
        (format!("{{\"params\": {}", "[".repeat(200_000)), "invalid type"),
        (format!("{{\"x\": {}", "[".repeat(200_000)), "`x` is unknown"),
        (json!({"inputs": {"a": [1, 2]}}).to_string(), "none of its columns is one of the model's"),
        ("\u{feff}{}".into(), "cannot be read"),
        (String::new(), "EOF while parsing"),
    ];
    for (body, words) in cases {
        served.refuses(JSON, "/invocations", body.as_bytes(), words);
    }
    let mut broken = good.replace("DSL", "D~L").into_bytes();
    let at = broken.iter().position(|byte| *byte == b'~').unwrap();
    broken[at] = 0xff;
    served.refuses(JSON, "/invocations", &broken, "cannot be read");
    for path in ["/v2/models/churn/infer", "/v1/models/churn:predict"] {
        served.refuses(JSON, path, &broken, "error");
        served.refuses(JSON, path, b"{\"id\": \"\xff\"}", "error");
        served.refuses(JSON, path, deep("[").as_bytes(), "error");
    }
    served.refuses("text/csv", "/invocations", b"tenure\n\xff\n", "cannot be read as CSV");
    served.refuses("text/csv", "/invocations", b"tenure,female\n1\n", "cannot be read as CSV");
    served.answers();
    assert!(served.peak() < 400, "{} MB", served.peak());
}

#[test]
fn packed_bodies_are_refused_by_name() {
    let served = Served::start();
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(served.body.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    for path in ["/invocations", "/v2/models/churn/infer", "/v1/models/churn:predict"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        );
        let (status, answer) = served.ask(&[head.as_bytes(), &packed].concat());
        assert!(
            status == 415
                && answer.contains("`Content-Encoding: gzip` is not taken; send the body as it is"),
            "{answer}"
        );
        assert!(answer.to_lowercase().contains("accept-encoding: identity"), "{answer}");
    }
    served.answers();
}

#[test]
fn broken_frames_of_http_2_hold_up_nobody() {
    let served = Served::start();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // A name and a value without any table: `:method POST` and so on.
    let field = |name: &str, value: &str| {
        let (name, value) = (name.as_bytes(), value.as_bytes());
        [&[0, name.len() as u8], name, &[value.len() as u8], value].concat()
    };
    let headers = [
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", "/inference.GRPCInferenceService/ModelInfer"),
        field(":authority", "localhost"),
        field("content-type", "application/grpc"),
    ]
    .concat();
    let frame = |kind: u8, flags: u8, stream: u32, bytes: &[u8]| {
        let length = &(bytes.len() as u32).to_be_bytes()[1..];
        [length, &[kind, flags], &stream.to_be_bytes(), bytes].concat()
    };
    let open = frame(1, 4, 1, &headers);
    let cases: Vec<Vec<u8>> = vec![
        vec![0xff; 64],
        frame(1, 4, 1, &[0xff; 50]),
        frame(1, 4, 0, &headers),
        frame(9, 4, 1, &headers),
        frame(8, 0, 0, &[0; 4]),
        frame(0, 1, 7, b"data of no stream"),
        vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1],
        [open.clone(), frame(0, 1, 1, b"\x00\xff\xff\xff\xffno message")].concat(),
        [open.clone(), frame(0, 1, 1, &[0, 0, 0, 0, 3, 0xff, 0xff, 0xff])].concat(),
        [open.clone(), frame(0, 1, 1, &[])].concat(),
        [open.clone(), frame(3, 0, 1, &[0, 0, 0, 8])].concat(),
        open.repeat(50),
    ];
    for case in &cases {
        let mut stream = served.send([preface.as_slice(), &settings, case].concat());
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut said = [0; 64];
        // Whether it says anything is HTTP/2's own business.
        let _ = stream.read(&mut said);
        served.answers();
    }
    // Opened and reset, over and over.
    let mut rapid = [preface.as_slice(), &settings].concat();
    for stream in (1..20_001).step_by(2) {
        rapid.extend(frame(1, 4, stream, &headers));
        rapid.extend(frame(3, 0, stream, &[0, 0, 0, 8]));
    }
    let mut stream = TcpStream::connect(served.server.address()).unwrap();
    let _ = stream.write_all(&rapid);
    served.answers();
    assert!(served.peak() < 400, "{} MB", served.peak());
}

/// A file whose rows are good but for one column.
fn parquet(pages: Vec<Page>, codec: i64, rows: i64) -> Vec<u8> {
    let column = ParquetColumn { name: "contract", kind: Kind::Text, codec, pages };
    ParquetFile { rows, columns: vec![column] }.bytes()
}

#[test]
fn files_of_parquet_that_would_fill_the_memory_are_refused_in_little_of_it() {
    let served = Served::start();
    let before = served.peak();
    let refuses = |body: &[u8], words: &str| served.refuses(PARQUET, "/invocations", body, words);
    let long = vec![b'a'; 15_000_000];
    let repeated = vec![Page::dictionary(&[&long]), Page::repeated(90_000)];
    refuses(&parquet(repeated, 0, 90_000), "more than 67108864 bytes once they are unpacked");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&vec![0; 64 << 20]).unwrap();
    let member = packer.finish().unwrap();
    // Each unpacks to 64 MiB, all together to gigabytes.
    let bytes = member.repeat(15_000_000 / member.len());
    let lying = |unpacked| Page { bytes: bytes.clone(), unpacked, ..Page::texts(&[b"a"]) };
    refuses(&parquet(vec![lying(100)], 2, 1), "more than the 100 bytes that it says");
    refuses(&parquet(vec![lying(i32::MAX.into())], 2, 1), "more than 67108864 bytes");
    let many = Page { values: i32::MAX.into(), ..Page::dictionary(&[b"a"]) };
    refuses(&parquet(vec![many, Page::repeated(3)], 0, 3), "values, where there can be");
    let claims = vec![Page::dictionary(&[b"a"]), Page::repeated(i32::MAX.into())];
    refuses(&parquet(claims.clone(), 0, 3), "values, where there can be 3");
    refuses(&parquet(claims, 0, i32::MAX.into()), "and a request may have 100000");
    refuses(&nested(100_000), "stand more than 16 deep");
    refuses(b"PAR1\xff\xff\xff\x7fPAR1", "the footer has 2147483647 bytes");
    refuses(b"dataframe", "does not end as such a file does");
    served.answers();
    let grown = served.peak() - before;
    assert!(grown < 250, "{grown} MB more");
}
