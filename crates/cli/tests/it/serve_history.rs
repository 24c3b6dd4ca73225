//! A model that looks at earlier rows, as a team calls it: for each new event.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::daemon::{Up, wait};
use crate::sandbox::Sandbox;

/// Engines with a model that looks back over their cycles.
fn engines() -> Sandbox {
    let sandbox = Sandbox::new();
    let example =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/maintenance");
    fs_err::copy(example.join("engines.csv"), sandbox.path("engines.csv")).unwrap();
    let pipeline = fs_err::read_to_string(example.join("pipeline.yaml")).unwrap();
    let pipeline =
        pipeline.replace("trees: 150", "trees: 10").replace("  cross_validate: {folds: 5}\n", "");
    sandbox.write("pipeline.yaml", pipeline.replace("  require: {roc_auc: 0.98}\n", ""));
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox
}

fn serve(sandbox: &Sandbox) -> Up {
    let mut command = sandbox.command(&["serve", "maintenance", "--port", "0"]);
    Up::of(command.stderr(Stdio::null()))
}

/// The cycles of some engines in the order of time, as a file and row by row.
fn cycles(sandbox: &Sandbox, engines: &[&str], count: usize) -> (String, Vec<Value>) {
    let text = fs_err::read_to_string(sandbox.path("engines.csv")).unwrap();
    let lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let mut lines: Vec<Vec<&str>> = lines.filter(|line| engines.contains(&line[0])).collect();
    lines.sort_by_key(|line| line[1].parse::<u32>().unwrap());
    lines.truncate(count);
    let (mut file, mut rows) = (String::from("unit,cycle,sensor\n"), Vec::new());
    for line in lines {
        file += &format!("{},{},{}\n", line[0], line[1], line[2]);
        let number = |at: usize| line[at].parse::<f64>().unwrap();
        rows.push(json!({"unit": line[0], "cycle": number(1), "sensor": number(2)}));
    }
    (file, rows)
}

fn predicted(sandbox: &Sandbox, file: &str) -> Vec<Value> {
    sandbox.write("asked.csv", file);
    let answers = sandbox.json(&["predict", "maintenance", "--input", "asked.csv"]);
    answers.as_array().unwrap().clone()
}

/// The answers to some rows, and what else the body says.
#[track_caller]
fn ask(server: &Up, body: Value) -> Vec<Value> {
    let mut body = body;
    body["params"]["probabilities"] = json!(true);
    let (status, answer) = server.post("/invocations", &body.to_string());
    assert_eq!(status, 200, "{answer}");
    answer["predictions"].as_array().unwrap().clone()
}

#[test]
fn each_event_is_answered_as_predict_answers_it_in_a_file() {
    let sandbox = engines();
    let (file, rows) = cycles(&sandbox, &["7", "12"], 300);
    let expected = predicted(&sandbox, &file);
    let server = serve(&sandbox);
    for (row, expected) in rows.iter().zip(&expected) {
        for _ in 0..2 {
            let found = ask(&server, json!({"dataframe_records": [row]}));
            assert_eq!(found, std::slice::from_ref(expected), "{row}");
        }
    }
    let metrics = server.call("GET /metrics HTTP/1.1\r\n\r\n").1;
    let metrics = metrics.as_str().unwrap();
    // Of each engine up to 9 + 29 + 59 rows before the last one are kept, and 64 for what comes late.
    for line in ["gristmill_history_groups{", "gristmill_history_bytes{"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    let kept = r#"gristmill_history_rows{model="maintenance",version="1"} 300"#;
    assert!(metrics.contains(kept), "{metrics}");
    // The buffer is memory: who starts anew tells the server what was before, or sends it along.
    assert_eq!(server.end(), Some(0));
    let server = serve(&sandbox);
    let (before, last) = rows.split_at(299);
    let alone = ask(&server, json!({"instances": last, "params": {"history": "request"}}));
    assert_ne!(alone, expected[299..]);
    let along = ask(&server, json!({"instances": last, "history": before}));
    assert_eq!(along, expected[299..]);
    let told = json!({"history": before, "params": {"history": "buffer"}});
    assert_eq!(ask(&server, told), Vec::<Value>::new());
    assert_eq!(ask(&server, json!({"instances": last})), expected[299..]);
}

#[test]
fn every_protocol_over_http_takes_a_history() {
    let sandbox = engines();
    let (file, rows) = cycles(&sandbox, &["3"], 80);
    let expected = &predicted(&sandbox, &file)[79];
    let server = serve(&sandbox);
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    let tensor = |name: &str, datatype: &str| json!({"name": name, "shape": [80], "datatype": datatype, "data": column(name)});
    let body = json!({
        "parameters": {"history_rows": 79},
        "inputs": [tensor("unit", "BYTES"), tensor("cycle", "FP64"), tensor("sensor", "FP64")],
    });
    let (status, answer) = server.post("/v2/models/maintenance/infer", &body.to_string());
    assert_eq!(
        (status, &answer["outputs"][0]["data"]),
        (200, &json!([expected["prediction"]])),
        "{answer}"
    );
    assert_eq!(answer["outputs"][1]["shape"], json!([1, 2]));
    let body = json!({"instances": rows}).to_string();
    let path = "/v1/models/maintenance:predict?history_rows=79";
    let (status, answer) = server.post(path, &body);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["predictions"][0]["prediction"], expected["prediction"]);
    let asked = |kind: &str, query: &str, body: &str| {
        server.call(&format!(
            "POST /invocations?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    };
    let answer = asked("text/csv", "history_rows=79", &file);
    assert_eq!(answer, (200, json!({"predictions": [expected["prediction"]]})));
    let (status, answer) = asked("text/csv", "history=all", &file);
    assert!(status == 400 && answer["message"].as_str().unwrap().contains("`buffer` or `request`"));
}

#[test]
fn rows_that_were_kept_go_over_to_the_next_version() {
    let sandbox = engines();
    let (file, rows) = cycles(&sandbox, &["7"], 100);
    let server = serve(&sandbox);
    ask(&server, json!({"instances": rows[..99]}));
    let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", pipeline.replace("trees: 10", "trees: 12"));
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox.json(&["models", "promote", "maintenance/2", "--to", "champion"]);
    wait("the other version", || {
        let (_, answer) = server.call("GET /v2/models/maintenance HTTP/1.1\r\n\r\n");
        answer["versions"] == json!(["2"])
    });
    let expected = predicted(&sandbox, &file);
    assert_eq!(ask(&server, json!({"instances": rows[99..]})), expected[99..]);
}
