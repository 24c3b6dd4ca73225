//! Artifacts in a bucket: runs, models, reports, and what MLflow's clients keep.

use std::process::{Command, Output, Stdio};

use gristmill_testkit::postgres::Postgres;
use gristmill_testkit::s3::{S3, SECRET};
use serde_json::Value;

use crate::daemon::Up;
use crate::objects::at;
use crate::sandbox::Sandbox;

const PREDICT: [&str; 4] = ["predict", "churn", "--input", "customers.csv"];

/// Homes that keep their artifacts in one place.
struct Lake {
    server: S3,
    address: String,
    database: Option<String>,
}

impl Lake {
    fn new(bucket: &str) -> Option<Self> {
        let server = S3::start()?;
        server.put(&format!("/{bucket}"), b"");
        Some(Self { server, address: format!("s3://{bucket}/team/runs"), database: None })
    }

    /// A command of a home that is told nothing of the bucket.
    fn untold(&self, sandbox: &Sandbox, arguments: &[&str]) -> Command {
        let mut command = at(self.server.address(), sandbox, arguments);
        if let Some(url) = &self.database {
            command.env("GRISTMILL_DATABASE_URL", url);
        }
        command
    }

    fn command(&self, sandbox: &Sandbox, arguments: &[&str]) -> Command {
        let mut command = self.untold(sandbox, arguments);
        command.env("GRISTMILL_ARTIFACTS", &self.address);
        command
    }

    #[track_caller]
    fn done(&self, sandbox: &Sandbox, arguments: &[&str]) -> Output {
        let output = self.command(sandbox, arguments).output().unwrap();
        assert!(output.status.success(), "{}", err(&output));
        output
    }

    #[track_caller]
    fn json(&self, sandbox: &Sandbox, arguments: &[&str]) -> Value {
        let output = self.done(sandbox, &[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, sandbox: &Sandbox, arguments: &[&str]) -> String {
        let output = self.command(sandbox, arguments).output().unwrap();
        let said = err(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("hint:") && !said.contains(SECRET), "{said}");
        said
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_home_keeps_its_artifacts_in_the_bucket_and_nothing_else_changes() {
    let Some(lake) = Lake::new("one-home") else { return };
    let sandbox = Sandbox::churn();
    let alone = Sandbox::churn();
    let first = lake.json(&sandbox, &["run", "pipeline.yaml"]);
    let path = first["model"]["path"].as_str().unwrap();
    assert!(path.starts_with("s3://one-home/team/runs/folders/"), "{path}");
    assert!(!sandbox.path(".gristmill/artifacts").exists(), "nothing is kept in the home");
    let expected = alone.json(&["run", "pipeline.yaml"]);
    assert_eq!(first["metrics"], expected["metrics"]);
    let answers = lake.done(&sandbox, &PREDICT).stdout;
    let copies = sandbox.path(".gristmill/copies");
    assert!(copies.exists());
    assert_eq!(answers, alone.command(&PREDICT).output().unwrap().stdout);
    // The copies answer when the bucket is away; without them it answers.
    let mut away = lake.command(&sandbox, &PREDICT);
    away.env("AWS_ENDPOINT_URL", format!("http://{}", S3::nowhere()));
    assert_eq!(away.output().unwrap().stdout, answers);
    fs_err::remove_dir_all(&copies).unwrap();
    assert_eq!(lake.done(&sandbox, &PREDICT).stdout, answers);
    lake.done(&sandbox, &["report", "latest", "--output", "report.html"]);
    assert!(fs_err::read_to_string(sandbox.path("report.html")).unwrap().contains("churn"));
    // What is needed stays, and what belonged to a deleted run goes once it is old.
    let kept = lake.server.keys("one-home").len();
    let gone = lake.json(&sandbox, &["gc"]);
    assert_eq!(gone["artifacts"]["removed"], 0, "{gone}");
    assert_eq!(lake.server.keys("one-home").len(), kept);
    let said = lake.server.keys("one-home").join(" ");
    assert!(said.contains("team/runs/owners/") && said.contains("manifest.json"), "{said}");
}

#[test]
fn what_a_home_had_before_is_still_found() {
    let Some(lake) = Lake::new("had-before") else { return };
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let answers = sandbox.command(&PREDICT).output().unwrap().stdout;
    assert_eq!(lake.done(&sandbox, &PREDICT).stdout, answers);
    lake.done(&sandbox, &["report", "latest", "--output", "report.html"]);
    assert_eq!(lake.server.keys("had-before"), [""; 0]);
}

#[test]
fn one_home_trains_and_another_predicts_by_a_database_and_a_bucket_that_both_share() {
    let (Some(mut lake), Some(server)) = (Lake::new("two-homes"), Postgres::shared()) else {
        return;
    };
    lake.database = Some(server.new_database("shared_bucket"));
    let (one, two) = (Sandbox::churn(), Sandbox::churn());
    lake.json(&one, &["run", "pipeline.yaml"]);
    let answers = lake.done(&one, &PREDICT).stdout;
    assert!(answers.len() > 1_000);
    assert_eq!(lake.done(&two, &PREDICT).stdout, answers, "bit for bit");
    // The other home trains the very same, and then a challenger of the one that it never had.
    lake.json(&two, &["run", "pipeline.yaml"]);
    let run = lake.json(&two, &["run", "forest.yaml"]);
    assert!(run["model"]["version"].as_u64() >= Some(1), "{run}");
    assert_eq!(lake.json(&two, &["gc"])["artifacts"]["removed"], 0, "both have one database");
    // A machine that does not know the bucket says what would do.
    let three = Sandbox::churn();
    let output = lake.untold(&three, &PREDICT).output().unwrap();
    let said = err(&output);
    assert!(said.contains("s3://two-homes/team/runs/folders/"), "{said}");
    assert!(said.contains("set GRISTMILL_ARTIFACTS"), "{said}");
}

#[test]
fn nothing_is_tidied_up_where_another_database_keeps_things_too() {
    let Some(lake) = Lake::new("two-databases") else { return };
    let (one, two) = (Sandbox::churn(), Sandbox::churn());
    for sandbox in [&one, &two] {
        lake.json(sandbox, &["run", "pipeline.yaml"]);
    }
    let said = lake.refused(&one, &["gc"]);
    let other = two.path(".gristmill").display().to_string();
    assert!(said.contains(&other) && said.contains("a place of its own"), "{said}");
    one.json(&["gc"]);
}

#[test]
fn a_bucket_that_is_away_or_damaged_is_said_and_nothing_is_half_written() {
    let Some(mut lake) = Lake::new("trouble") else { return };
    let sandbox = Sandbox::churn();
    let run = lake.json(&sandbox, &["run", "pipeline.yaml"]);
    fs_err::remove_dir_all(sandbox.path(".gristmill/copies")).unwrap();
    let place = run["model"]["path"].as_str().unwrap().strip_prefix("s3:/").unwrap();
    lake.server.put(&format!("{place}/0"), b"something else");
    let output = lake.command(&sandbox, &PREDICT).output().unwrap();
    let said = err(&output);
    assert!(!output.status.success() && output.stdout.is_empty(), "{said}");
    assert!(said.contains(&format!("s3:/{place}/0")) && said.contains("is damaged"), "{said}");
    lake.address = "s3://no-such-bucket/a".into();
    let said = lake.refused(&sandbox, &["run", "pipeline.yaml", "--set", "seed=5"]);
    assert!(said.contains("NoSuchBucket") && said.contains("the name of the bucket"), "{said}");
    assert_eq!(lake.json(&sandbox, &["runs", "list"]).as_array().unwrap().len(), 1);
    for (wrong, told) in [("gs://bucket/a", "s3://"), ("s3://x", "the name of the bucket")] {
        lake.address = wrong.into();
        let output = lake.command(&sandbox, &["runs", "list"]).output().unwrap();
        let said = err(&output);
        assert!(output.status.code() == Some(1) && said.contains(told), "{said}");
    }
}

#[test]
fn mlflows_clients_keep_things_in_the_bucket_through_the_server() {
    let Some(lake) = Lake::new("by-mlflow") else { return };
    let sandbox = Sandbox::new();
    // By the option of `mlflow server`, and by the variable.
    let option = ["up", "--port", "0", "--artifacts-destination", &lake.address];
    let told = lake.untold(&sandbox, &option);
    let variable = lake.command(&sandbox, &["up", "--port", "0"]);
    for mut command in [told, variable] {
        let up = Up::of(command.stderr(Stdio::null()));
        let (status, made) = up.post("/api/2.0/mlflow/runs/create", "{\"experiment_id\": \"0\"}");
        assert_eq!(status, 200, "{made}");
        let id = made["run"]["info"]["run_id"].as_str().unwrap();
        let file = format!("/api/2.0/mlflow-artifacts/artifacts/0/{id}/artifacts/a.txt");
        let put =
            format!("PUT {file} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(up.call(&put).0, 200);
        let get = format!("GET {file} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        assert_eq!(up.call(&get).1, "hello");
        assert_eq!(lake.server.keys("by-mlflow").len(), 2, "the file, once, and whose it is");
        assert!(!sandbox.path(".gristmill/artifacts").exists());
    }
    let mut command = lake.command(&sandbox, &["up", "--port", "0"]);
    let up = Up::of(command.stderr(Stdio::null()));
    let Ok(python) = std::env::var("GRISTMILL_MLFLOW_PYTHON") else {
        eprintln!("skipped: GRISTMILL_MLFLOW_PYTHON names no Python that has MLflow");
        return;
    };
    for script in ["pieces.py", "client.py"] {
        let script = format!("{}/../server/tests/it/{script}", env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(&python);
        command.arg(script).arg(up.url()).current_dir(folder.path());
        let done = command.env("MLFLOW_DISABLE_TELEMETRY", "true").output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), err(&done));
        assert!(done.status.success(), "{said}");
    }
}
