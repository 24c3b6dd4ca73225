//! Objects that arrive in a store, held against moto's server, which answers as S3 does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::daemon::{Up, lines, wait};
use crate::sandbox::Sandbox;

const SECRET: &str = "a-secret-of-ours";

/// A store that dies with its test.
struct Store {
    process: Child,
    address: String,
}

impl Store {
    /// Nothing where no Python has moto's server.
    fn start() -> Option<Self> {
        let python = std::env::var("GRISTMILL_S3_PYTHON").unwrap_or_else(|_| "python3".into());
        let has = Command::new(&python).args(["-c", "import moto.server, flask"]).output();
        if !has.is_ok_and(|output| output.status.success()) {
            eprintln!(
                "skipped: {python} has no moto[server]; name one that has in GRISTMILL_S3_PYTHON"
            );
            return None;
        }
        let address = free_address();
        let port = address.rsplit_once(':').unwrap().1;
        let process = Command::new(&python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", port])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let store = Self { process, address };
        wait("the store", || TcpStream::connect(&store.address).is_ok());
        store.put("/lake", "");
        Some(store)
    }

    /// Puts a bucket or an object, as somebody: nobody may put one again. Signatures are not checked.
    fn put(&self, path: &str, body: &str) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=us/20260101/us-east-1/s3/aws4_request, \
             SignedHeaders=host, Signature=0\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address of this machine where nobody listens.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A command that finds a store at `address`.
fn at(address: &str, sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(arguments);
    command
        .env("AWS_ENDPOINT_URL", format!("http://{address}"))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "us")
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    command
}

fn write_pipeline(sandbox: &Sandbox, pattern: &str) {
    sandbox.write(
        "p.yaml",
        format!(
            "name: p\nparams: {{arrived_file: none}}\ntriggers: [{{file: '{pattern}'}}]\ntasks:\n  \
             work:\n    run: \"echo '${{arrived_file}}' >> arrived.txt; cat $GRISTMILL_PAYLOAD >> \
             told.jsonl; echo >> told.jsonl\"\n"
        ),
    );
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_object_that_arrives_runs_its_pipeline_once_for_each_content() {
    let Some(store) = Store::start() else { return };
    let sandbox = Sandbox::new();
    store.put("/lake/incoming/old.csv", "a\n1\n");
    write_pipeline(&sandbox, "s3://lake/incoming/*.csv");
    let deployed = at(&store.address, &sandbox, &["deploy", "p.yaml"]).output().unwrap();
    assert!(deployed.status.success(), "{}", err(&deployed));
    let up = || Up::of(at(&store.address, &sandbox, &["up", "--port", "0"]).stderr(Stdio::null()));
    let arrived = || lines(&sandbox, "arrived.txt");
    let first = up();
    store.put("/lake/incoming/deep/no.csv", "a\n1\n");
    store.put("/lake/incoming/no.txt", "a\n1\n");
    store.put("/lake/incoming/new,%20%231.csv", "a\n2\n");
    wait("a run", || !arrived().is_empty());
    let told: Value = serde_json::from_str(&lines(&sandbox, "told.jsonl")[0]).unwrap();
    assert_eq!(
        (&told["file"], &told["size"]),
        (&"s3://lake/incoming/new, #1.csv".into(), &4.into())
    );
    assert!(told["modified"].as_i64().unwrap() > 1_700_000_000_000_000, "{told}");
    first.kill();
    let second = up();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(arrived(), ["s3://lake/incoming/new, #1.csv"]);
    store.put("/lake/incoming/old.csv", "a\n3\n");
    wait("a second run", || arrived().len() == 2);
    assert_eq!(arrived()[1], "s3://lake/incoming/old.csv");
    assert_eq!(second.end(), Some(0));
    assert_eq!(sandbox.json(&["runs", "list"]).as_array().unwrap().len(), 2);
}

#[test]
fn a_store_that_cannot_be_asked_refuses_a_deployment_and_shows_no_secret() {
    let sandbox = Sandbox::new();
    write_pipeline(&sandbox, "s3://lake/incoming/*.csv");
    let refused = |command: &mut Command| {
        let output = command.output().unwrap();
        let said = err(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("hint:") && !said.contains(SECRET), "{said}");
        assert!(said.contains("at: the trigger `file s3://lake/incoming/*.csv`"), "{said}");
        said
    };
    let away = free_address();
    let said = refused(&mut at(&away, &sandbox, &["deploy", "p.yaml"]));
    assert!(said.contains("Connection refused"), "{said}");
    let said = refused(at(&away, &sandbox, &["deploy", "p.yaml"]).env_remove("AWS_ALLOW_HTTP"));
    assert!(said.contains("set AWS_ALLOW_HTTP=true"), "{said}");
    let Some(store) = Store::start() else { return };
    write_pipeline(&sandbox, "s3://pond/incoming/*.csv");
    let output = at(&store.address, &sandbox, &["deploy", "p.yaml"]).output().unwrap();
    let said = err(&output);
    assert!(
        said.contains("NoSuchBucket") && said.contains("check the name of the bucket"),
        "{said}"
    );
}
