//! A model that is replaced over and over, and a server that dies, while clients ask.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::Up;
use crate::sandbox::Sandbox;

/// How many clients ask.
const CLIENTS: usize = 4;

/// Two versions of a model, rows, and what each version answers to them.
struct Versions {
    sandbox: Sandbox,
    rows: Vec<Value>,
    answers: BTreeMap<String, Value>,
}

impl Versions {
    fn new() -> Self {
        let sandbox = Sandbox::churn();
        sandbox.json(&["run", "pipeline.yaml"]);
        let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
        sandbox.write("pipeline.yaml", pipeline.replace("c: 1.0", "c: 0.01"));
        sandbox.json(&["run", "pipeline.yaml"]);
        let text = fs_err::read_to_string(sandbox.path("customers.csv")).unwrap();
        let lines: Vec<&str> = text.lines().take(6).collect();
        let names: Vec<&str> = lines[0].split(',').collect();
        let row = |line: &&str| {
            let values = line.split(',').map(|word| match word.parse::<f64>() {
                Ok(number) => json!(number),
                Err(_) => json!(word),
            });
            names.iter().map(|name| (*name).to_owned()).zip(values).collect()
        };
        let rows = lines[1..].iter().map(row).map(Value::Object).collect();
        sandbox.write("asked.csv", lines.join("\n"));
        let answers = ["1", "2"].map(|version| {
            let reference = format!("churn/{version}");
            (version.to_owned(), sandbox.json(&["predict", &reference, "--input", "asked.csv"]))
        });
        assert_ne!(answers[0].1, answers[1].1);
        let versions = Self { sandbox, rows, answers: answers.into_iter().collect() };
        versions.promote("1");
        versions
    }

    fn promote(&self, version: &str) {
        self.sandbox.json(&["models", "promote", &format!("churn/{version}"), "--to", "champion"]);
    }

    fn serve(&self, port: u16) -> Up {
        let mut command = self.sandbox.command(&["serve", "churn", "--port", &port.to_string()]);
        Up::of(command.stderr(Stdio::null()))
    }

    /// Asks until it is to stop, by both protocols in turn.
    fn keep_asking(&self, address: &str, stop: &AtomicBool) -> Counts {
        let tensors = json!({"inputs": self.tensors()}).to_string();
        let records =
            json!({"dataframe_records": self.rows, "params": {"probabilities": true}}).to_string();
        let mut counts = Counts::default();
        while !stop.load(Ordering::Relaxed) {
            match post(address, "/v2/models/churn/infer", &tensors) {
                None => counts.lost += 1,
                Some((200, answer)) => counts.add(self.version_of_tensors(&answer)),
                Some(_) => counts.failed += 1,
            }
            match post(address, "/invocations", &records) {
                None => counts.lost += 1,
                Some((200, answer)) => {
                    let is = |version: &&String| self.answers[*version] == answer["predictions"];
                    counts.add(self.answers.keys().find(is).cloned());
                }
                Some(_) => counts.failed += 1,
            }
        }
        counts
    }

    /// The version that an answer names, if all of it is that version's.
    fn version_of_tensors(&self, answer: &Value) -> Option<String> {
        let version = answer["model_version"].as_str()?;
        let rows = self.answers.get(version)?.as_array()?;
        let words: Vec<&Value> = rows.iter().map(|row| &row["prediction"]).collect();
        let probabilities =
            rows.iter().flat_map(|row| [&row["probability_No"], &row["probability_Yes"]]);
        let same = answer["outputs"][0]["data"] == json!(words)
            && answer["outputs"][1]["data"] == json!(probabilities.collect::<Vec<_>>());
        same.then(|| version.to_owned())
    }

    fn tensors(&self) -> Vec<Value> {
        let names = self.rows[0].as_object().unwrap().keys();
        let tensor = |name: &String| {
            let data: Vec<&Value> = self.rows.iter().map(|row| &row[name]).collect();
            let datatype = if data[0].is_string() { "BYTES" } else { "FP64" };
            json!({"name": name, "shape": [data.len()], "datatype": datatype, "data": data})
        };
        names.map(tensor).collect()
    }
}

/// What came of asking.
#[derive(Debug, Default)]
struct Counts {
    /// How often each version answered.
    answered: BTreeMap<String, u64>,
    /// Answers that are no version's, or not of the one that they name.
    wrong: u64,
    /// Answers that say that there is none.
    failed: u64,
    /// Requests without any answer.
    lost: u64,
}

impl Counts {
    fn add(&mut self, version: Option<String>) {
        match version {
            Some(version) => *self.answered.entry(version).or_default() += 1,
            None => self.wrong += 1,
        }
    }

    fn sum(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |mut sum, one| {
            for (version, count) in one.answered {
                *sum.answered.entry(version).or_default() += count;
            }
            sum.wrong += one.wrong;
            sum.failed += one.failed;
            sum.lost += one.lost;
            sum
        })
    }
}

/// The status and the body; nothing where the server is gone.
fn post(address: &str, path: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n")?.1;
    Some((status, serde_json::from_str(body).ok()?))
}

/// How long the alias moves: `GRISTMILL_SWAP_SECONDS` says it for whoever wants to know.
fn seconds() -> u64 {
    let given = std::env::var("GRISTMILL_SWAP_SECONDS");
    given.ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(5)
}

#[test]
fn no_answer_is_wrong_mixed_or_lost_while_the_alias_moves_every_second() {
    let versions = Versions::new();
    let server = versions.serve(0);
    let stop = AtomicBool::new(false);
    let counts = std::thread::scope(|scope| {
        let ask = || versions.keep_asking(server.address(), &stop);
        let askers: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        for turn in 0..seconds() {
            std::thread::sleep(Duration::from_secs(1));
            versions.promote(if turn % 2 == 0 { "2" } else { "1" });
        }
        stop.store(true, Ordering::Relaxed);
        Counts::sum(askers.into_iter().map(|asker| asker.join().unwrap()))
    });
    eprintln!("{} moves: {counts:?}", seconds());
    assert_eq!((counts.wrong, counts.failed, counts.lost), (0, 0, 0), "{counts:?}");
    assert_eq!(counts.answered.len(), 2, "{counts:?}");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn a_server_that_is_killed_under_load_answers_as_before_once_it_is_back() {
    let versions = Versions::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut server = versions.serve(port);
    let stop = AtomicBool::new(false);
    let (counts, server) = std::thread::scope(|scope| {
        let ask = || versions.keep_asking(&address, &stop);
        let askers: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(700));
            server.kill();
            server = versions.serve(port);
        }
        std::thread::sleep(Duration::from_millis(700));
        stop.store(true, Ordering::Relaxed);
        (Counts::sum(askers.into_iter().map(|asker| asker.join().unwrap())), server)
    });
    // While it is gone nobody answers; what is answered is what was answered before.
    assert_eq!((counts.wrong, counts.failed), (0, 0), "{counts:?}");
    assert_eq!(counts.answered.keys().collect::<Vec<_>>(), ["1"], "{counts:?}");
    assert!(counts.lost > 0, "{counts:?}");
    let body = json!({"inputs": versions.tensors()}).to_string();
    assert_eq!(server.post("/v2/models/churn/infer", &body).1["model_version"], "1");
}
