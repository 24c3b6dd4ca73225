//! The official client, and a stock server beside ours. Both need Python with MLflow.

use std::process::Command;

use crate::house::House;

/// Names the Python that has MLflow.
const PYTHON: &str = "GRISTMILL_MLFLOW_PYTHON";

/// Runs a script with these arguments; it says what is wrong and ends with another code than 0.
pub fn run(script: &str, args: &[String]) {
    let Ok(python) = std::env::var(PYTHON) else {
        println!("skipped: {PYTHON} names no Python that has MLflow");
        return;
    };
    let script = format!("{}/tests/it/{script}", env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(python)
        .arg(script)
        .args(args)
        .current_dir(folder.path())
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(done.status.success(), "{}", said.join("\n"));
    println!("{}", said[0]);
}

#[tokio::test]
async fn the_official_client_works_unchanged() {
    let house = House::open().await;
    run("client.py", &[house.url("")]);
}

#[tokio::test]
async fn answers_are_those_of_a_stock_server() {
    let house = House::open().await;
    run("differential.py", &[house.url("")]);
}
