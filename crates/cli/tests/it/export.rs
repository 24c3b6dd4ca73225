//! `gristmill export`, held against the real Airflow and the real SDK of Kubeflow Pipelines.

use std::process::Command;

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::task::{NIGHTLY, check_ran_once, sandbox};

/// A Python that has `package`: the one that the variable names, else the usual one.
fn python_with(package: &str, variable: &str) -> Option<String> {
    let python = std::env::var(variable).unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", &format!("import {package}")]).output();
    if has.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("skipped: {python} has no {package}; name one that has in {variable}");
    None
}

#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}\n{err}");
    said
}

#[test]
fn airflow_runs_every_task_once_and_the_run_ends() {
    let Some(python) = python_with("airflow", "GRISTMILL_AIRFLOW_PYTHON") else { return };
    let sandbox = sandbox();
    fs_err::create_dir_all(sandbox.path("airflow/dags")).unwrap();
    let said = sandbox.json(&["export", "airflow", "p.yaml", "-o", "airflow/dags/nightly.py"]);
    assert!(said["notes"][0].as_str().unwrap().contains("airflow pools set disk 2"), "{said}");
    let airflow = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command
            .args(["-m", "airflow"])
            .args(arguments)
            .current_dir(sandbox.path("airflow"))
            .env("AIRFLOW_HOME", sandbox.path("airflow"))
            .env("AIRFLOW__CORE__DAGS_FOLDER", sandbox.path("airflow/dags"))
            .env("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
            .env("GRISTMILL_BINARY", env!("CARGO_BIN_EXE_gristmill"))
            .env_remove("GRISTMILL_HOME");
        command
    };
    succeeds(&mut airflow(&["db", "migrate"]));
    let said = succeeds(&mut airflow(&["dags", "test", "nightly"]));
    assert!(said.contains("Skipping task"), "`rare-case` is skipped in Airflow too: {said}");
    check_ran_once(&sandbox);
    let tags = sandbox.json(&["runs", "show", "latest"])["tags"].clone();
    assert!(tags["gristmill.outer_run"].as_str().unwrap().starts_with("manual__"), "{tags}");
}

#[test]
fn a_dag_says_what_the_file_says() {
    let sandbox = sandbox();
    let said =
        sandbox.run(&["export", "airflow", "p.yaml", "--path", "/srv/p.yaml", "--home", "h"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for line in [
        "    airflow pools set disk 2 nightly\n",
        "FILE = \"/srv/p.yaml\"\n",
        "    \"nightly\",\n",
        "    schedule=None,\n",
        "max_retry_delay=timedelta(seconds=300)",
        "execution_timeout=timedelta(seconds=130)",
        "left = task(\"left\", retries=0, pool=\"disk\", priority_weight=3)\n",
        "rare_case = task(\"rare-case\", trigger_rule=\"all_done\", retries=0)\n",
        "    [left, right] >> join\n",
        "    finish = task(\"finish\", what=\"--finish\", trigger_rule=\"all_done\", retries=0)\n",
    ] {
        assert!(said.out.contains(line), "{line:?} is not in\n{}", said.out);
    }
    let again =
        sandbox.run(&["export", "airflow", "p.yaml", "--path", "/srv/p.yaml", "--home", "h"]);
    assert_eq!(said.out, again.out);
}

/// Loads the file by the SDK, and prints each container's command in an order that its DAG allows.
const KUBEFLOW: &str = include_str!("kubeflow.py");

#[test]
fn kubeflow_takes_the_pipeline_and_its_containers_run_every_task_once() {
    let Some(python) = python_with("kfp", "GRISTMILL_KFP_PYTHON") else { return };
    let sandbox = sandbox();
    let folder = sandbox.path("").to_string_lossy().into_owned();
    let (home, file) = (format!("{folder}.gristmill"), format!("{folder}p.yaml"));
    let place = ["--image", "example.org/nightly:1", "--path", &file, "--mount", &home];
    let written = ["-o", "pipeline.yaml", "--claim", "gristmill"];
    let said =
        sandbox.json(&[&["export", "kubeflow", "p.yaml"], &place[..], &written[..]].concat());
    assert_eq!(said["notes"].as_array().unwrap().len(), 0, "{said}");
    let listed =
        succeeds(Command::new(&python).args(["-c", KUBEFLOW]).arg(sandbox.path("pipeline.yaml")));
    let listed: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    let containers = listed["containers"].as_array().unwrap();
    let names: Vec<&str> = containers.iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    assert_eq!((names[0], names[6]), ("fetch", "finish"));
    assert_eq!(listed["needs"]["join"], serde_json::json!(["left", "right"]));
    assert_eq!(listed["retries"]["fetch"], 2);
    for container in containers {
        let words: Vec<&str> =
            container["call"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
        assert_eq!(words[0], "gristmill");
        let said = sandbox.run(&words[1..]);
        assert_eq!(said.code, 0, "{words:?}: {}{}", said.out, said.err);
    }
    check_ran_once(&sandbox);
}

#[test]
fn a_kubeflow_pipeline_asks_for_what_the_file_asks_for() {
    let sandbox = Sandbox::new();
    let secret = "env: {COLOUR: red, TOKEN: {secret: API_TOKEN}}";
    sandbox.write("p.yaml", NIGHTLY.replace("env: {COLOUR: red}", secret));
    let export = ["export", "kubeflow", "p.yaml", "--image", "img:1"];
    let said = sandbox.run(&export);
    assert!(said.err.contains("no volume is mounted at /gristmill"), "{}", said.err);
    assert!(said.err.contains("`left` needs the secret `API_TOKEN`"), "{}", said.err);
    let said = sandbox.run(&[&export[..], &["--claim", "home", "--secret", "keys"]].concat());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    for line in [
        "resourceCpuRequest: '2'",
        "resourceMemoryRequest: '1Gi'",
        "maxRetryCount: 2",
        "defaultValue: /pipeline/p.yaml",
        "envVar: API_TOKEN",
        "secretName: keys",
        "mountPath: /gristmill",
    ] {
        assert!(said.out.contains(line), "{line:?} is not in\n{}", said.out);
    }
    let said =
        sandbox.run(&["export", "kubeflow", "p.yaml", "--image", "i", "--set", "name={{x}}"]);
    assert_eq!(said.code, 1);
}
