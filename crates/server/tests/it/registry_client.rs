//! The official client's registry against ours. It needs Python with MLflow.

use std::process::Command;

use crate::house::House;

/// Names the Python that has MLflow.
const PYTHON: &str = "GRISTMILL_MLFLOW_PYTHON";

#[tokio::test]
async fn the_official_registry_client_works_unchanged() {
    let Ok(python) = std::env::var(PYTHON) else {
        println!("skipped: {PYTHON} names no Python that has MLflow");
        return;
    };
    let house = House::open().await;
    let script = format!("{}/tests/it/registry_client.py", env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(python)
        .args([&script, &house.url("")])
        .current_dir(folder.path())
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(done.status.success(), "{}", said.join("\n"));
}
