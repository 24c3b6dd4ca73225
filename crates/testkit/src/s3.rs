//! A private store that answers as S3 does, for the tests of one process: moto's server.
//!
//! It listens on 127.0.0.1 alone and keeps everything in memory. A shell keeps watch over it: when the
//! pipe between them closes, because the value is dropped or the test process ends, the shell ends
//! the server.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// A word that no message may show.
pub const SECRET: &str = "a-secret-of-ours";
/// How often, and after what pause, it is asked whether the server is ready.
const TRIES: u32 = 600;
const PAUSE: Duration = Duration::from_millis(50);
/// Who asks. Nobody's requests are known by heart, so signatures are not checked.
const SOMEBODY: &str = "AWS4-HMAC-SHA256 Credential=us/20260101/us-east-1/s3/aws4_request, \
                        SignedHeaders=host, Signature=0";

/// Ends the server `$@` when the pipe on the standard input closes.
const WATCH: &str = r#"
"$@" </dev/null >/dev/null 2>&1 & pid=$!
read -r _
kill -KILL "$pid"
"#;

/// A store that lives as long as this value.
#[derive(Debug)]
pub struct S3 {
    address: String,
    /// Its standard input is the pipe.
    _watch: Child,
}

impl S3 {
    /// A new, empty store. Where no Python has moto's server there is none, and that is said on
    /// stderr; GRISTMILL_S3_PYTHON names the Python that has it.
    pub fn start() -> Option<Self> {
        let python = std::env::var("GRISTMILL_S3_PYTHON").unwrap_or_else(|_| "python3".into());
        let has = Command::new(&python).args(["-c", "import moto.server, flask"]).output();
        if !has.is_ok_and(|output| output.status.success()) {
            eprintln!(
                "skipped: {python} has no moto[server]; name one that has in GRISTMILL_S3_PYTHON"
            );
            return None;
        }
        let address = Self::nowhere();
        let port = address.rsplit_once(':').unwrap().1;
        let watch = Command::new("/bin/sh")
            .args([
                "-c",
                WATCH,
                "watch",
                &python,
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                port,
            ])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let store = Self { address, _watch: watch };
        for _ in 0..TRIES {
            if TcpStream::connect(&store.address).is_ok() {
                return Some(store);
            }
            std::thread::sleep(PAUSE);
        }
        panic!("moto's server did not come");
    }

    /// The store of this process, started by whoever asks first.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<S3>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// An address of this machine where nobody listens.
    pub fn nowhere() -> String {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The variables by which a program finds a store at `address`, host and port.
    pub fn variables(address: &str) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{address}")),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "us".into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.into()),
        ]
    }

    /// Makes a bucket, or puts an object: `path` is `/bucket` or `/bucket/key`.
    pub fn put(&self, path: &str, body: &[u8]) {
        let (status, answer) = self.ask("PUT", path, body);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }

    /// The bytes of an object, if there is one.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        let (status, body) = self.ask("GET", path, b"");
        (status == 200).then_some(body)
    }

    /// Takes an object away.
    pub fn remove(&self, path: &str) {
        self.ask("DELETE", path, b"");
    }

    /// The keys in a bucket, in their order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.named(&format!("/{bucket}?list-type=2"), "Key")
    }

    /// The keys of objects in a bucket of which some pieces came, and nobody finished or gave them up.
    pub fn unfinished(&self, bucket: &str) -> Vec<String> {
        self.named(&format!("/{bucket}?uploads"), "Key")
    }

    fn named(&self, path: &str, name: &str) -> Vec<String> {
        let (status, body) = self.ask("GET", path, b"");
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, 200, "{text}");
        let begin = format!("<{name}>");
        let parts = text.split(begin.as_str()).skip(1);
        parts.map(|part| part.split('<').next().unwrap_or_default().to_string()).collect()
    }

    /// Asks as somebody.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\
             Authorization: {SOMEBODY}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(answer.get(..end).unwrap()).into_owned();
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect(&head);
        (status, answer.split_off(end + 4))
    }
}
