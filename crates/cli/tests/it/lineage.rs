//! Lineage of a run to a server with TLS, as its users set one up.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::sandbox::Sandbox;

const TOKEN: &str = "a-token-of-ours";

/// A server whose certificate nobody but its own file vouches for.
struct Server {
    process: Child,
    heard: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Server {
    /// Nothing where there is no `openssl` or no `python3`.
    fn start(sandbox: &Sandbox) -> Option<Self> {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2"])
            .args(["-subj", "/CN=gristmill-test", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .current_dir(sandbox.path(""))
            .output();
        if !made.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there is no `openssl` that makes a certificate");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lineage_server.py");
        let process = Command::new("python3")
            .arg(script)
            .args([sandbox.path("cert.pem"), sandbox.path("key.pem")])
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut process) = process else {
            eprintln!("skipped: there is no `python3`");
            return None;
        };
        let mut heard = BufReader::new(process.stdout.take().unwrap());
        let mut port = String::new();
        heard.read_line(&mut port).unwrap();
        let address = format!("https://127.0.0.1:{}", port.trim());
        Some(Self { process, heard, address })
    }

    /// What it was sent, a line each.
    fn heard(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let Self { heard, .. } = &mut self;
        heard.lines().map(Result::unwrap).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn lineage_goes_over_tls_to_a_server_that_is_trusted_and_to_no_other() {
    let sandbox = Sandbox::new();
    let tasks = json!({"a": {"run": "true"}});
    sandbox.write("work.yaml", json!({"name": "work", "tasks": tasks}).to_string());
    let Some(server) = Server::start(&sandbox) else { return };
    let run = |trusted: &str| {
        let mut command = sandbox.command(&["run", "work.yaml", "--lineage", &server.address]);
        command.env("OPENLINEAGE_API_KEY", TOKEN).env("SSL_CERT_FILE", sandbox.path(trusted));
        command.env_remove("SSL_CERT_DIR");
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(!said.contains(TOKEN), "{said}");
        said
    };
    let said = run("cert.pem");
    assert!(!said.contains("lineage"), "{said}");
    sandbox.write("nobody.pem", "");
    let said = run("nobody.pem");
    let expected = format!("the certificate of {} is not trusted (UnknownIssuer)", server.address);
    assert!(said.contains(&expected) && said.contains("in SSL_CERT_FILE"), "{said}");
    let expected = ["START", "START", "COMPLETE", "COMPLETE"]
        .map(|event| format!("/api/v1/lineage Bearer {TOKEN} {event}"));
    assert_eq!(server.heard(), expected);
}
