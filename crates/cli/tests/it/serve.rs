//! Models that answer over HTTP, as real processes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::daemon::{Up, wait};
use crate::sandbox::Sandbox;

/// A sandbox with a registered model of the customers.
pub fn trained() -> Sandbox {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox
}

fn serve(sandbox: &Sandbox, models: &[&str]) -> Up {
    let mut command = sandbox.command(&["serve", "--port", "0"]);
    Up::of(command.args(models).stderr(Stdio::null()))
}

/// The first customers of the file, without what is to be predicted.
pub fn customers(sandbox: &Sandbox, count: usize) -> (Vec<Value>, String) {
    let text = fs_err::read_to_string(sandbox.path("customers.csv")).unwrap();
    let lines: Vec<&str> = text.lines().take(count + 1).collect();
    let names: Vec<&str> = lines[0].split(',').collect();
    let number = |word: &str| match word.parse::<f64>() {
        _ if word.is_empty() => Value::Null,
        Ok(number) if word.contains('.') => json!(number),
        Ok(number) => json!(number as i64),
        Err(_) => json!(word),
    };
    let object = |line: &&str| {
        let values = line.split(',').map(number);
        names.iter().zip(values).skip(1).map(|(n, v)| ((*n).to_string(), v)).collect()
    };
    let rows = lines[1..].iter().map(object).map(Value::Object).collect();
    (rows, lines.join("\n") + "\n")
}

/// What `gristmill predict` answers to the customers in a file.
fn predicted(sandbox: &Sandbox, csv: &str) -> Vec<Value> {
    sandbox.write("asked.csv", csv);
    let answers = sandbox.json(&["predict", "churn", "--input", "asked.csv"]);
    answers.as_array().unwrap().clone()
}

#[test]
fn every_protocol_answers_what_predict_answers() {
    let sandbox = trained();
    let (rows, csv) = customers(&sandbox, 200);
    let expected = predicted(&sandbox, &csv);
    let words: Vec<&Value> = expected.iter().map(|row| &row["prediction"]).collect();
    let server = serve(&sandbox, &["churn"]);
    let ask = |path: &str, body: Value| {
        let (status, answer) = server.post(path, &body.to_string());
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    };
    let all = json!({"dataframe_records": rows, "params": {"probabilities": true}});
    assert_eq!(ask("/invocations", all.clone())["predictions"], json!(expected));
    assert_eq!(ask("/models/churn/invocations", all)["predictions"], json!(expected));
    let plain = ask("/invocations", json!({"instances": rows}));
    assert_eq!(plain["predictions"], json!(words));
    let tensorflow = ask("/v1/models/churn:predict", json!({"instances": rows}));
    for (answer, expected) in tensorflow["predictions"].as_array().unwrap().iter().zip(&expected) {
        let both = [&expected["probability_No"], &expected["probability_Yes"]];
        assert_eq!(
            (&answer["prediction"], &answer["probabilities"]),
            (&expected["prediction"], &json!(both))
        );
    }
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    let metadata = server.call("GET /v2/models/churn HTTP/1.1\r\n\r\n").1;
    let tensors = metadata["inputs"].as_array().unwrap().iter().map(|input| {
        let name = input["name"].as_str().unwrap();
        let data = match input["datatype"].as_str().unwrap() {
            "BYTES" => {
                column(name).iter().map(|v| json!(v.to_string().trim_matches('"'))).collect()
            }
            _ => column(name),
        };
        json!({"name": name, "shape": [rows.len()], "datatype": input["datatype"], "data": data})
    });
    let tensors: Vec<Value> = tensors.collect();
    let answer = ask("/v2/models/churn/infer", json!({"id": "a", "inputs": tensors}));
    assert_eq!((&answer["id"], &answer["model_version"]), (&json!("a"), &json!("1")));
    assert_eq!(answer["outputs"][0]["data"], json!(words));
    assert_eq!(answer["outputs"][1]["shape"], json!([rows.len(), 2]));
    let flat: Vec<&Value> =
        expected.iter().flat_map(|row| [&row["probability_No"], &row["probability_Yes"]]).collect();
    assert_eq!(answer["outputs"][1]["data"], json!(flat));
    let csv = format!(
        "POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\n\
         Content-Length: {}\r\n\r\n{csv}",
        csv.len()
    );
    assert_eq!(server.call(&csv).1["predictions"], json!(words));
    assert_eq!(server.end(), Some(0));
}

#[test]
fn what_cannot_be_answered_is_said_in_the_words_of_each_protocol() {
    let sandbox = trained();
    let server = serve(&sandbox, &["churn"]);
    let check = |path: &str, body: &str, status: u16, key: &str, words: &str| {
        let (found, answer) = server.post(path, body);
        let said = answer[key].as_str().unwrap_or_default();
        assert!(found == status && said.contains(words), "{path}: {found} {answer}");
    };
    check("/v2/models/chrun/infer", "{}", 404, "error", "no model `chrun`; here are churn");
    check("/v2/models/churn/versions/9/infer", "{}", 404, "error", "of version 9");
    check("/v2/models/churn/infer", "{}", 400, "error", "missing field `inputs`");
    check("/v2/models/churn/infer", r#"{"inputs": []}"#, 400, "error", "there are no inputs");
    let one = r#"{"inputs": [{"name": "tenure", "shape": [1], "datatype": "INT64", "data": [3]}]}"#;
    check(
        "/v2/models/churn/infer",
        one,
        400,
        "error",
        "column `female` not found; the table has tenure",
    );
    check("/v1/models/churn:predict", "{}", 400, "error", "there are no rows");
    check("/v1/models/churn:explain", "{}", 404, "error", "ask for `NAME:predict`");
    check("/invocations", r#"{"instances": [{}]}"#, 400, "message", "`female` is missing in row 1");
    check("/models/x/invocations", "{}", 404, "message", "no model `x`");
    let long = "POST /invocations HTTP/1.1\r\nContent-Type: application/json\r\n\
                Content-Length: 16000001\r\n\r\n";
    assert_eq!(server.call(long).0, 413);
    let form = "POST /invocations HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(server.call(form).0, 415);
    assert_eq!(server.call("GET /v2/health/ready HTTP/1.1\r\n\r\n").0, 200);
    assert_eq!(server.call("GET /ping HTTP/1.1\r\n\r\n").0, 200);
    let tracking =
        server.call("GET /api/2.0/mlflow/experiments/get?experiment_id=0 HTTP/1.1\r\n\r\n");
    assert_eq!(tracking.0, 404, "only models are served");
}

#[test]
fn a_model_follows_its_alias_without_a_failed_or_mixed_answer() {
    let sandbox = trained();
    let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", pipeline.replace("c: 1.0", "c: 0.01"));
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox.json(&["models", "promote", "churn/1", "--to", "champion"]);
    let (rows, _) = customers(&sandbox, 3);
    let server = serve(&sandbox, &["churn"]);
    let body = json!({"inputs": tensors(&rows)}).to_string();
    let ask = || {
        let (status, answer) = server.post("/v2/models/churn/infer", &body);
        assert_eq!(status, 200, "{answer}");
        (answer["model_version"].clone(), answer["outputs"][1]["data"].clone())
    };
    let first = ask();
    assert_eq!(first.0, "1");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = || {
            let mut seen = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                seen.push(ask());
            }
            seen
        };
        let askers = [scope.spawn(asking), scope.spawn(asking)];
        for turn in 0..4 {
            let version = if turn % 2 == 0 { "churn/2" } else { "churn/1" };
            sandbox.json(&["models", "promote", version, "--to", "champion"]);
            wait("the other version", || ask().0 == version[6..]);
        }
        stop.store(true, Ordering::Relaxed);
        let seen: Vec<(Value, Value)> =
            askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect();
        let second = seen.iter().find(|(version, _)| version == "2").unwrap().clone();
        assert_ne!(first.1, second.1);
        assert!(seen.iter().all(|answer| *answer == first || *answer == second), "no mixed answer");
    });
}

pub fn tensors(rows: &[Value]) -> Vec<Value> {
    let names = rows[0].as_object().unwrap().keys();
    let tensor = |name: &String| {
        let data: Vec<&Value> = rows.iter().map(|row| &row[name]).collect();
        let (datatype, data) = match data[0] {
            Value::String(_) => ("BYTES", json!(data)),
            _ if name == "senior_citizen" => {
                ("BYTES", data.iter().map(|v| json!(v.to_string())).collect())
            }
            _ => ("FP64", json!(data)),
        };
        json!({"name": name, "shape": [rows.len(), 1], "datatype": datatype, "data": data})
    };
    names.map(tensor).collect()
}

#[test]
fn a_package_that_turns_bad_on_disk_does_not_trouble_who_serves_it() {
    let sandbox = trained();
    let shown = sandbox.json(&["models", "show", "churn"]);
    let path = shown[0]["path"].as_str().unwrap().to_string();
    let server = serve(&sandbox, &["churn"]);
    let (rows, _) = customers(&sandbox, 1);
    let body = json!({"instances": rows}).to_string();
    let before = server.post("/invocations", &body);
    fs_err::write(Path::new(&path).join("tensors.safetensors"), "no tensors").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1200));
    assert_eq!(server.post("/invocations", &body), before);
    let mut again = sandbox.command(&["serve", "churn", "--port", "0"]);
    let said = again.output().unwrap();
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("tensors.safetensors"), "{said}");
}

#[test]
fn up_serves_what_is_registered_and_a_package_is_served_by_its_folder() {
    let sandbox = trained();
    let (rows, _) = customers(&sandbox, 2);
    let body = json!({"instances": rows}).to_string();
    let up = Up::start(&sandbox);
    let (status, answer) = up.post("/models/churn/invocations", &body);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(up.post("/models/none/invocations", &body).0, 404);
    assert_eq!(up.call("GET /v2/health/ready HTTP/1.1\r\n\r\n").0, 200);
    let path = sandbox.json(&["models", "show", "churn"])[0]["path"].as_str().unwrap().to_string();
    let server = serve(&sandbox, &[&path]);
    assert_eq!(server.post("/invocations", &body), (200, answer));
}

#[test]
fn clients_of_other_projects_get_the_answers() {
    let Some(python) = std::env::var_os("GRISTMILL_SERVING_PYTHON") else {
        eprintln!("skipped: GRISTMILL_SERVING_PYTHON names no Python with tritonclient and kserve");
        return;
    };
    let sandbox = trained();
    let (rows, csv) = customers(&sandbox, 50);
    let expected = predicted(&sandbox, &csv);
    let server = serve(&sandbox, &["churn"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/serve_clients.py");
    let asked = json!({"url": server.url(), "rows": rows, "expected": expected});
    sandbox.write("asked.json", asked.to_string());
    for client in ["triton", "triton_grpc", "kserve", "mlflow", "parquet", "broken_grpc"] {
        let mut command = Command::new(&python);
        let done =
            command.arg(&script).arg(sandbox.path("asked.json")).arg(client).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{client}: {said}");
    }
}

#[test]
fn a_name_in_a_path_is_no_reference_to_another_version() {
    let sandbox = trained();
    let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", pipeline.replace("c: 1.0", "c: 0.01"));
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox.json(&["models", "promote", "churn/1", "--to", "champion"]);
    sandbox.json(&["models", "promote", "churn/2", "--to", "staging"]);
    let (rows, _) = customers(&sandbox, 1);
    let body = json!({"inputs": tensors(&rows)}).to_string();
    let up = Up::start(&sandbox);
    let version = |path: &str| up.post(path, &body).1["model_version"].clone();
    assert_eq!(version("/v2/models/churn/infer"), "1");
    for name in ["churn@staging", "churn%2F2", "churn%40staging"] {
        assert_eq!(up.post(&format!("/v2/models/{name}/infer"), &body).0, 404, "{name}");
        assert_eq!(version("/v2/models/churn/infer"), "1", "after {name}");
    }
    assert_eq!(version("/v2/models/churn/versions/2/infer"), "2");
    assert_eq!(version("/v2/models/churn/infer"), "1", "another version answers who names it");
    assert_eq!(up.post("/v2/models/churn/versions/x/infer", &body).0, 404);
}
