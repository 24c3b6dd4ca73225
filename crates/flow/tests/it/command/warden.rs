//! Commands end when the process that runs them is killed.
//!
//! The test binary runs itself again: as the process that is killed, and as its warden.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gristmill_flow::{
    Cancel, Capacity, Task, TaskStatus, Warden, wait_for_old_warden, warden_main,
};
use serde_json::json;

use super::bench::{bench, lives, timed, wait_for};

/// Makes this binary a warden.
const WARDEN: &str = "GRISTMILL_TEST_WARDEN";
/// Makes this binary a process that runs commands, which write their numbers to this folder.
const PARENT: &str = "GRISTMILL_TEST_PARENT";

fn again(test: &str, variable: &str, value: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env_remove(PARENT).env(variable, value);
    command
}

pub fn start(lock: &Path) -> std::io::Result<Warden> {
    Warden::start(again("command::warden::as_a_warden", WARDEN, lock), lock)
}

#[test]
fn as_a_warden() {
    if std::env::var_os(WARDEN).is_some() {
        let code = warden_main().map_or(1, |()| 0);
        std::process::exit(code);
    }
}

#[test]
fn as_a_parent() {
    let Some(folder) = std::env::var_os(PARENT).map(PathBuf::from) else { return };
    let bench = bench().with_warden(start(&folder.join("lock")).unwrap());
    let run = |script: &str| json!({"run": script, "env": {"F": folder}});
    let tasks: Vec<Box<dyn Task>> = vec![
        Box::new(bench.task("plain", run("sleep 60 & echo $! > $F/a; echo $$ > $F/b; wait"))),
        Box::new(bench.task("deaf", run("trap '' TERM; echo $$ > $F/c; sleep 60; sleep 60"))),
        Box::new(
            bench.task("astray", run("setsid sh -c 'echo $$ > $F/d; exec sleep 60' & sleep 60")),
        ),
    ];
    let plan = gristmill_flow::Plan::new(tasks).unwrap().with_capacity(Capacity::cores(3));
    plan.run(&bench.cache, &(), &Cancel::new());
}

#[test]
fn a_killed_process_takes_its_commands_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock");
    let mut command = again("command::warden::as_a_parent", PARENT, folder.path());
    let mut parent = command.stdout(Stdio::null()).spawn().unwrap();
    let pids: Vec<String> = ["a", "b", "c", "d"].map(|n| wait_for(&folder.path().join(n))).into();
    assert!(pids.iter().all(|pid| lives(pid)));
    assert!(!wait_for_old_warden(&lock, Duration::ZERO).unwrap());
    assert!(start(&lock).unwrap_err().to_string().contains("did not start"));
    parent.kill().unwrap();
    parent.wait().unwrap();
    let (done, took) = timed(|| wait_for_old_warden(&lock, Duration::from_secs(20)).unwrap());
    assert!(done && took < Duration::from_secs(8), "{took:?}");
    let left: Vec<&String> = pids.iter().filter(|pid| lives(pid)).collect();
    assert!(left.is_empty(), "{left:?} of {pids:?}");
}

#[test]
fn an_orderly_end_lets_live_what_was_sent_away_on_purpose() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("deep/lock");
    let bench = bench().with_warden(start(&lock).unwrap());
    let run = "setsid sh -c 'echo $$ > server; exec sleep 3' & while [ ! -s server ]; do sleep 0.01; done";
    let report = bench.run("job", json!({"run": run}));
    assert_eq!(report.status, TaskStatus::Succeeded);
    let server = bench.read("server");
    let (_, took) = timed(|| drop(bench));
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(lives(server.trim()));
    assert!(wait_for_old_warden(&lock, Duration::ZERO).unwrap());
    assert!(start(&lock).is_ok(), "the lock is free again");
}

#[test]
fn what_is_no_warden_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = Warden::start(Command::new("true"), &folder.path().join("lock")).unwrap_err();
    assert!(error.to_string().contains("did not start"), "{error}");
    assert!(wait_for_old_warden(&folder.path().join("none"), Duration::ZERO).unwrap());
}
