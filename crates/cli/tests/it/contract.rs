//! What servers promise is what they do: the OpenAPI document, and the requests of the READMEs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::daemon::Up;
use crate::sandbox::Sandbox;

/// A sandbox with all files of an example.
fn example(name: &str) -> (Sandbox, PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let sandbox = Sandbox::new();
    for file in Sandbox::names(&folder) {
        fs_err::copy(folder.join(&file), sandbox.path(&file)).unwrap();
    }
    (sandbox, folder)
}

#[test]
fn whatever_schemathesis_thinks_of_is_answered_as_the_document_says() {
    let Some(python) = std::env::var_os("GRISTMILL_CONTRACT_PYTHON") else {
        eprintln!("skipped: GRISTMILL_CONTRACT_PYTHON names no Python with schemathesis");
        return;
    };
    let (sandbox, _) = example("churn");
    sandbox.json(&["run", "pipeline.yaml"]);
    let mut command = sandbox.command(&["serve", "churn", "--port", "0"]);
    let server = Up::of(command.stderr(Stdio::null()));
    let document = format!("{}/openapi.json", server.url());
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let mut command = Command::new(python);
    command.args(["-m", "schemathesis.cli", "run", &document, "--checks", checks, "--seed", "1"]);
    command.args(["--max-examples", "10", "--max-time", "60", "--no-color"]);
    command.args(["--phases", "examples,coverage,fuzzing"]).current_dir(sandbox.path(""));
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("17 selected / 17 total"), "{said}");
}

/// Runs the requests of a README as they stand there, against a server that is started as it says, and holds
/// the answers against those of `predict`.
#[track_caller]
fn check(name: &str) {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let (sandbox, folder) = example(name);
    sandbox.json(&["run", "pipeline.yaml"]);
    let readme = fs_err::read_to_string(folder.join("README.md")).unwrap();
    let serve = readme.lines().find_map(|line| line.strip_prefix("    gristmill serve ")).unwrap();
    let mut command = sandbox.command(&["serve", serve, "--port", "0"]);
    let server = Up::of(command.stderr(Stdio::null()));
    let blocks: Vec<&str> = readme.split("```sh\n").skip(1).collect();
    let requests = blocks.iter().filter_map(|block| block.split("```").next());
    let requests: Vec<&str> = requests.filter(|block| block.starts_with("curl ")).collect();
    assert!(!requests.is_empty(), "{readme}");
    for request in requests {
        let command = request.replace("127.0.0.1:8080", server.address());
        assert_ne!(command, request);
        let said = Command::new("sh").args(["-c", &command]).output().unwrap();
        let answer: Value = serde_json::from_slice(&said.stdout).expect(request);
        let body = request.split_once("-d '").unwrap().1.split_once('\'').unwrap().0;
        let body: Value = serde_json::from_str(body).unwrap();
        let rows = body["dataframe_records"].as_array().unwrap();
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        sandbox.write("rows.jsonl", lines);
        let expected = sandbox.json(&["predict", name, "--input", "rows.jsonl"]);
        let expected = match body["params"]["probabilities"] == json!(true) {
            true => expected,
            false => {
                expected.as_array().unwrap().iter().map(|row| row["prediction"].clone()).collect()
            }
        };
        assert_eq!(answer["predictions"], expected, "{request}");
    }
}

#[test]
fn the_requests_of_churn_are_answered() {
    check("churn");
}

#[test]
fn the_requests_of_maintenance_are_answered() {
    check("maintenance");
}
