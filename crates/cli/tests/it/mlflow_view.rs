//! Runs of pipelines as MLflow's own client sees them: nothing that a run knows of itself is missing.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::daemon::Up;
use crate::sandbox::Sandbox;

/// Names the Python that has MLflow.
const PYTHON: &str = "GRISTMILL_MLFLOW_PYTHON";

/// Runs a script beside this file with these arguments; whether there is a Python to run it.
pub fn script(sandbox: &Sandbox, name: &str, arguments: &[&str]) -> bool {
    let Ok(python) = std::env::var(PYTHON) else {
        println!("skipped: {PYTHON} names no Python that has MLflow");
        return false;
    };
    let done = Command::new(python)
        .arg(format!("{}/tests/it/{name}", env!("CARGO_MANIFEST_DIR")))
        .args(arguments)
        .current_dir(sandbox.path(""))
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(done.status.success(), "{}", said.join("\n"));
    true
}

/// Makes the sandbox a work tree with one commit, which comes back.
fn committed(sandbox: &Sandbox) -> String {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=ada", "-c", "user.email=ada@example.org"]).args(arguments);
        let output = command.current_dir(sandbox.path("")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    };
    git(&["init", "--quiet", "--initial-branch", "main"]);
    git(&["add", "pipeline.yaml", "customers.csv"]);
    git(&["commit", "--quiet", "--message", "Begin"]);
    git(&["rev-parse", "HEAD"])
}

fn run(sandbox: &Sandbox, file: &str) -> String {
    let mut command = sandbox.command(&["run", file, "--json"]);
    let output = command.env("LOGNAME", "ada").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["run_id"].as_str().unwrap().to_string()
}

/// A search over few rows, whose candidates learn in rounds.
fn search() -> Value {
    json!({
        "name": "search",
        "data": {
            "source": "customers.csv",
            "sql": "SELECT tenure, monthly_charges, churn FROM source LIMIT 600",
            "target": "churn",
            "positive": "Yes",
            "split": {"test": 0.25, "stratify": true},
        },
        "features": [{"impute": {"columns": "numeric", "strategy": "median"}}],
        "model": {"select": {
            "candidates": [{"gradient_boosting": {"trees": 20, "learning_rate": {"log_uniform": [0.05, 0.3]}}}],
            "search": {"tpe": {"trials": 4}},
            "metric": "roc_auc",
            "cross_validate": {"folds": 3},
        }},
        "evaluate": {"metrics": ["roc_auc"], "explain": {"rows": 0}},
    })
}

#[test]
fn the_client_sees_all_that_a_run_knows_of_itself() {
    let sandbox = Sandbox::churn();
    let text = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox
        .write("pipeline.yaml", format!("{text}\ntasks: {{say: {{run: \"echo said aloud\"}}}}\n"));
    let commit = committed(&sandbox);
    sandbox.write("search.yaml", search().to_string());
    let (run, searched) = (run(&sandbox, "pipeline.yaml"), run(&sandbox, "search.yaml"));
    let mut command = sandbox.command(&["up", "--port", "0"]);
    let up = Up::of(command.stderr(Stdio::null()));
    let data = sandbox.path("customers.csv").display().to_string();
    let version = env!("CARGO_PKG_VERSION");
    script(&sandbox, "mlflow_view.py", &[&up.url(), &run, &searched, &commit, version, &data]);
}
