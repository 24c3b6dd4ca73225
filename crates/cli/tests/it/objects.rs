//! Objects that arrive in a store, held against moto's server, which answers as S3 does.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use gristmill_testkit::s3::{S3, SECRET};
use serde_json::Value;

use crate::daemon::{Up, lines, wait};
use crate::sandbox::Sandbox;

/// A store with a bucket.
fn lake() -> Option<S3> {
    let store = S3::start()?;
    store.put("/lake", b"");
    Some(store)
}

/// A command that finds a store at `address`.
pub fn at(address: &str, sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(arguments);
    command.envs(S3::variables(address));
    command
}

fn write_pipeline(sandbox: &Sandbox, pattern: &str) {
    sandbox.write(
        "p.yaml",
        format!(
            "name: p\nparams: {{arrived_file: none}}\ntriggers: [{{file: '{pattern}'}}]\ntasks:\n  \
             work:\n    run: \"echo '${{arrived_file}}' >> arrived.txt; cat $GRISTMILL_PAYLOAD >> \
             told.jsonl; echo >> told.jsonl\"\n"
        ),
    );
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_object_that_arrives_runs_its_pipeline_once_for_each_content() {
    let Some(store) = lake() else { return };
    let sandbox = Sandbox::new();
    store.put("/lake/incoming/old.csv", b"a\n1\n");
    write_pipeline(&sandbox, "s3://lake/incoming/*.csv");
    let deployed = at(store.address(), &sandbox, &["deploy", "p.yaml"]).output().unwrap();
    assert!(deployed.status.success(), "{}", err(&deployed));
    let up = || Up::of(at(store.address(), &sandbox, &["up", "--port", "0"]).stderr(Stdio::null()));
    let arrived = || lines(&sandbox, "arrived.txt");
    let first = up();
    store.put("/lake/incoming/deep/no.csv", b"a\n1\n");
    store.put("/lake/incoming/no.txt", b"a\n1\n");
    store.put("/lake/incoming/new,%20%231.csv", b"a\n2\n");
    wait("a run", || !arrived().is_empty() && !lines(&sandbox, "told.jsonl").is_empty());
    let told: Value = serde_json::from_str(&lines(&sandbox, "told.jsonl")[0]).unwrap();
    assert_eq!(
        (&told["file"], &told["size"]),
        (&"s3://lake/incoming/new, #1.csv".into(), &4.into())
    );
    assert!(told["modified"].as_i64().unwrap() > 1_700_000_000_000_000, "{told}");
    first.kill();
    let second = up();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(arrived(), ["s3://lake/incoming/new, #1.csv"]);
    store.put("/lake/incoming/old.csv", b"a\n3\n");
    wait("a second run", || arrived().len() == 2);
    assert_eq!(arrived()[1], "s3://lake/incoming/old.csv");
    assert_eq!(second.end(), Some(0));
    assert_eq!(sandbox.json(&["runs", "list"]).as_array().unwrap().len(), 2);
}

#[test]
fn a_store_that_cannot_be_asked_refuses_a_deployment_and_shows_no_secret() {
    let sandbox = Sandbox::new();
    write_pipeline(&sandbox, "s3://lake/incoming/*.csv");
    let refused = |command: &mut Command| {
        let output = command.output().unwrap();
        let said = err(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("hint:") && !said.contains(SECRET), "{said}");
        assert!(said.contains("at: the trigger `file s3://lake/incoming/*.csv`"), "{said}");
        said
    };
    let away = S3::nowhere();
    let said = refused(&mut at(&away, &sandbox, &["deploy", "p.yaml"]));
    assert!(said.contains("Connection refused"), "{said}");
    let said = refused(at(&away, &sandbox, &["deploy", "p.yaml"]).env_remove("AWS_ALLOW_HTTP"));
    assert!(said.contains("set AWS_ALLOW_HTTP=true"), "{said}");
    let Some(store) = lake() else { return };
    write_pipeline(&sandbox, "s3://pond/incoming/*.csv");
    let output = at(store.address(), &sandbox, &["deploy", "p.yaml"]).output().unwrap();
    let said = err(&output);
    assert!(
        said.contains("NoSuchBucket") && said.contains("check the name of the bucket"),
        "{said}"
    );
}
