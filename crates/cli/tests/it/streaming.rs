//! Sensor rows of engines in the order of time, as a fleet sends them, with a model that is trained anew while
//! they come.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::Up;
use crate::sandbox::Sandbox;

/// One row of an engine.
struct Cycle {
    unit: u32,
    cycle: u32,
    sensor: f64,
    left: u32,
}

/// The engines that the first version has not seen.
fn stream(sandbox: &Sandbox) -> BTreeMap<u32, Vec<Cycle>> {
    let text = fs_err::read_to_string(sandbox.path("engines.csv")).unwrap();
    let mut by_cycle: BTreeMap<u32, Vec<Cycle>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split(',').collect();
        let whole = |at: usize| words[at].parse::<u32>().unwrap();
        let row = Cycle {
            unit: whole(0),
            cycle: whole(1),
            sensor: words[2].parse().unwrap(),
            left: whole(4),
        };
        if row.unit > 20 {
            by_cycle.entry(row.cycle).or_default().push(row);
        }
    }
    by_cycle
}

#[test]
fn a_fleet_is_watched_and_its_model_trained_anew_while_it_flies() {
    let sandbox = Sandbox::new();
    let example =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/maintenance");
    for name in ["engines.csv", "pipeline.yaml", "watched.yaml"] {
        fs_err::copy(example.join(name), sandbox.path(name)).unwrap();
    }
    let set = ["--set", "monitor.retrain.cooldown=1s"];
    sandbox.json(&[&["run", "watched.yaml"], &set[..]].concat());
    sandbox.json(&[&["deploy", "watched.yaml"], &set[..]].concat());
    let mut command = sandbox.command(&["up", "--port", "0", "--log-predictions"]);
    let server = Up::of(command.stderr(Stdio::null()));
    let mut flown: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (cycle, rows) in stream(&sandbox) {
        send(&server, cycle, &rows, &mut flown);
        // A fleet takes its time; here as much as a loop needs to be a part of it.
        std::thread::sleep(Duration::from_millis(if cycle > 130 { 100 } else { 5 }));
    }
    let history = settled(&sandbox);
    let of = |what: &str| history.iter().filter(|line| line.contains(what)).count();
    assert!(of(" retraining by monitor: ") >= 1, "{history:#?}");
    let told = of("alias set `champion` (before") + of("refused by monitor") + of("rolled back");
    assert!(told >= 1, "each retraining has an outcome: {history:#?}");
    assert_eq!(of("could not be compared"), 0, "{history:#?}");
    assert_eq!(server.end(), Some(0));
    let scores = sandbox.json(&["labels", "show", "fleet", "--rows", "20000"]);
    assert!(scores["labelled"].as_u64().unwrap() > 12_000, "{scores}");
}

/// Asks about a cycle of all engines that still fly, and labels those that have failed in it.
fn send(server: &Up, cycle: u32, rows: &[Cycle], flown: &mut BTreeMap<u32, Vec<String>>) {
    let record = |row: &Cycle| json!({"unit": row.unit.to_string(), "cycle": row.cycle, "sensor": row.sensor});
    let records: Vec<Value> = rows.iter().map(record).collect();
    let id = format!("cycle-{cycle}");
    let body = json!({"dataframe_records": records}).to_string();
    let headers = [("X-Request-Id", id.as_str())];
    let (status, _, answer) = server.send("POST", "/models/fleet/invocations", &headers, &body);
    assert_eq!(status, 200, "{answer}");
    let mut labels = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let name = if rows.len() == 1 { id.clone() } else { format!("{id}/{}", at + 1) };
        let of_unit = flown.entry(row.unit).or_default();
        of_unit.push(name);
        if row.left == 0 {
            let last = of_unit.len();
            labels.extend(of_unit.iter().enumerate().map(|(at, name)| {
                let label = if last - 1 - at <= 30 { "yes" } else { "no" };
                json!({"id": name, "label": label})
            }));
        }
    }
    if !labels.is_empty() {
        let (status, said) = server.post("/api/v1/models/fleet/labels", &json!(labels).to_string());
        assert_eq!(status, 200, "{said}");
    }
}

/// The history once no retraining is under way any more.
fn settled(sandbox: &Sandbox) -> Vec<String> {
    let read = || -> Vec<String> {
        let lines = sandbox.json(&["models", "history", "fleet"]);
        let words = |line: &Value| line["words"].as_str().unwrap().to_owned();
        lines.as_array().unwrap().iter().map(words).collect()
    };
    for _ in 0..120 {
        let lines = read();
        let at = |what: &str| lines.iter().rposition(|line| line.contains(what));
        let outcome =
            ["alias set `champion` (before", "refused by", "retraining ended", "rolled back"];
        let ended = outcome.iter().filter_map(|what| at(what)).max();
        if at(" retraining by").is_some_and(|begun| ended.is_some_and(|ended| ended > begun)) {
            return lines;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("no retraining came to an end: {:#?}", read());
}
