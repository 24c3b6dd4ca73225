//! `gristmill run --changed`: of many files those that have something to do.

use std::process::Command;

use serde_json::Value;

use crate::sandbox::Sandbox;

const KEEPS: &str = "name: keeps
tasks:
  copy: {run: cp in.txt out.txt, inputs: [in.txt], outputs: [out.txt]}
";
const ALWAYS: &str = "name: always
tasks:
  send: {run: cat sent.txt >> sent.log, inputs: [sent.txt]}
";

pub fn git(sandbox: &Sandbox, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    let mut git = Command::new("git");
    git.args(identity).args(arguments).current_dir(sandbox.path(""));
    let output = git.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Two pipelines in a repository whose default branch is `main`, with a branch checked out.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    fs_err::create_dir_all(sandbox.path("p/deep")).unwrap();
    sandbox.write("p/deep/keeps.yaml", KEEPS);
    sandbox.write("p/always.yaml", ALWAYS);
    sandbox.write("p/deep/in.txt", "1");
    sandbox.write("p/sent.txt", "1\n");
    sandbox.write(".gitignore", ".gristmill\n*.log\n");
    git(&sandbox, &["init", "-q", "-b", "main"]);
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "-qm", "First"]);
    git(&sandbox, &["switch", "-qc", "work"]);
    sandbox
}

/// What `run --changed` does with the two files, in the order of their names.
#[track_caller]
fn check(sandbox: &Sandbox, more: &[&str], code: i32, expected: [(&str, &str); 2]) {
    let said = sandbox.run(&[&["run", "--changed", "p", "--json"], more].concat());
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    let lines: Value = serde_json::from_str(&said.out).unwrap();
    for (at, (status, why)) in expected.into_iter().enumerate() {
        assert_eq!(lines[at]["status"], status, "{lines}");
        assert!(lines[at]["why"].as_str().unwrap().contains(why), "{lines}");
    }
    assert!(lines[0]["file"].as_str().unwrap().ends_with("always.yaml"));
}

const QUIET: [(&str, &str); 2] =
    [("unchanged", "no input changed since main"), ("unchanged", "nothing changed")];

#[test]
fn content_decides_and_git_where_nothing_is_kept() {
    let sandbox = sandbox();
    let first = "it has not run before";
    check(&sandbox, &[], 0, [("succeeded", first), ("succeeded", first)]);
    check(&sandbox, &[], 0, QUIET);
    sandbox.write("p/deep/in.txt", "2");
    check(&sandbox, &[], 0, [QUIET[0], ("succeeded", "`in.txt` changed")]);
    check(&sandbox, &[], 0, QUIET);
    sandbox.write("p/deep/keeps.yaml", format!("# a comment means nothing\n{KEEPS}"));
    check(&sandbox, &[], 0, QUIET);
    sandbox.write("p/sent.txt", "2\n");
    let sent = ("succeeded", "`sent.txt` changed since main");
    check(&sandbox, &[], 0, [sent, QUIET[1]]);
    git(&sandbox, &["commit", "-qam", "Second"]);
    check(&sandbox, &[], 0, [sent, QUIET[1]]);
    check(&sandbox, &["--since", "HEAD"], 0, [("unchanged", "since HEAD"), QUIET[1]]);
}

#[test]
fn a_file_that_fails_keeps_no_other_from_running_and_is_due_again() {
    let sandbox = sandbox();
    let broken = ALWAYS.replace("cat sent.txt", "cat nothing.txt");
    sandbox.write("p/always.yaml", &broken);
    let first = "it has not run before";
    check(&sandbox, &[], 1, [("failed", first), ("succeeded", first)]);
    check(&sandbox, &[], 1, [("failed", "its last run failed"), QUIET[1]]);
    sandbox.write("p/always.yaml", broken.replace("tasks:", "taks:\ntasks:"));
    let said = sandbox.run(&["run", "--changed", "p"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("`taks`"), "{}", said.err);
    assert!(said.out.contains("unchanged"), "{}", said.out);
}

#[test]
fn a_gate_that_refused_is_asked_again_and_has_its_exit_code() {
    let sandbox = Sandbox::churn();
    let run = ["run", "--changed", "pipeline.yaml", "--set", "evaluate.require.roc_auc=0.99"];
    for why in ["it has not run before", "its last run was refused by the gate"] {
        let said = sandbox.run(&run);
        assert_eq!(said.code, 3, "{}", said.err);
        assert!(said.out.contains(why), "{}", said.out);
    }
}

#[test]
fn many_files_are_checked_and_planned_at_once() {
    let sandbox = sandbox();
    let said = sandbox.run(&["check", "p"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.out.lines().count(), 2, "{}", said.out);
    let plans = sandbox.json(&["plan", "p"]);
    assert_eq!(plans[1]["tasks"][0]["what"], "run", "{plans}");
    let said = sandbox.run(&["run", "p/always.yaml", "p/deep/keeps.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = sandbox.run(&["run", "--changed", "p", "--since", "nowhere"]);
    assert!(said.err.contains("git knows no commit `nowhere`"), "{}", said.err);
    fs_err::create_dir(sandbox.path("empty")).unwrap();
    let said = sandbox.run(&["run", "--changed", "empty"]);
    assert!(said.err.contains("there is no pipeline file below empty"), "{}", said.err);
}
