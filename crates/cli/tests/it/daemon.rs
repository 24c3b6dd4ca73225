//! A `gristmill up` that dies with its test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::sandbox::Sandbox;

pub struct Up {
    process: Child,
    address: String,
}

impl Up {
    pub fn start(sandbox: &Sandbox) -> Self {
        let mut command = sandbox.command(&["up", "--port", "0"]);
        Self::of(command.stderr(Stdio::null()))
    }

    /// The one that this command starts, once it listens.
    pub fn of(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect(&line).to_string();
        Self { process, address }
    }

    /// As `kill -9`.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// As `kill -9` of it and of every run that it started: of the machine, as others see it.
    pub fn kill_with_runs(self) {
        let runs = self.runs();
        self.kill();
        for run in runs {
            // It may have ended meanwhile.
            signal("-KILL", run);
        }
    }

    /// The processes of the runs that it started and that have not ended.
    pub fn runs(&self) -> Vec<u32> {
        let stat = |entry: fs_err::DirEntry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs_err::read_to_string(entry.path().join("stat")).ok()?;
            // `pid (name) state parent`, and a name may hold anything.
            let parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            (parent == self.process.id()).then_some(pid)
        };
        fs_err::read_dir("/proc").unwrap().filter_map(|entry| stat(entry.ok()?)).collect()
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// As a service manager ends it; the exit code comes back.
    pub fn end(mut self) -> Option<i32> {
        assert!(signal("-TERM", self.process.id()));
        self.process.wait().unwrap().code()
    }

    /// The exit code, once it has ended by itself or by a signal that it was sent.
    pub fn ended(mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }

    pub fn call(&self, request: &str) -> (u16, Value) {
        let (status, _, body) = self.answer(request);
        (status, body)
    }

    /// The same with the head of the answer.
    pub fn answer(&self, request: &str) -> (u16, String, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // The answer ends where the connection does.
        let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).expect(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, head.into(), serde_json::from_str(body).unwrap_or_else(|_| body.into()))
    }

    pub fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let (status, _, body) = self.send("POST", path, &[], body);
        (status, body)
    }

    /// Sends JSON with these headers; the head of the answer comes with it.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, Value) {
        let headers: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.answer(&format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             {headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a signal, by the name that `kill` knows it by; whether there was such a process.
pub fn signal(name: &str, process: u32) -> bool {
    let mut command = Command::new("kill");
    let sent = command.args([name, &process.to_string()]).stderr(Stdio::null()).status();
    sent.unwrap().success()
}

/// The lines of a file of a sandbox, none where there is no such file.
pub fn lines(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let text = fs_err::read_to_string(sandbox.path(name)).unwrap_or_default();
    text.lines().map(String::from).collect()
}

#[track_caller]
pub fn wait(what: &str, done: impl Fn() -> bool) {
    for _ in 0..400 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not come");
}
