//! The registry's memory on the command line: moves, rules, and what served when.

use serde_json::json;

use crate::sandbox::{Said, Sandbox};

/// A model with two versions, of which the second is the champion.
fn two_versions() -> Sandbox {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml", "--set", "model.logistic_regression.c=0.0001"]);
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox
}

fn as_person(sandbox: &Sandbox, name: &str, arguments: &[&str]) -> Said {
    let output = sandbox.command(arguments).env("USER", name).output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn an_alias_is_moved_by_name_and_the_history_says_by_whom_and_why() {
    let sandbox = two_versions();
    let moves: [&[&str]; 3] = [
        &["models", "promote", "churn/1", "--to", "blue", "--why", "a try"],
        &["models", "alias", "churn", "blue", "2", "--why", "better"],
        &["models", "rollback", "churn", "blue", "--why", "worse live"],
    ];
    for arguments in moves {
        let said = as_person(&sandbox, "ada", arguments);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    // As it always was written.
    assert_eq!(sandbox.json(&["models", "promote", "churn", "2", "green"])["version"], 2);
    let history = sandbox.run(&["models", "history", "churn"]).out;
    for line in [
        "version 1 alias set `blue` by ada: a try",
        "version 2 alias set `blue` (before: version 1) by ada: better",
        "version 1 rolled back `blue` (before: version 2) by ada: worse live",
    ] {
        assert!(history.contains(line), "`{line}` is not in:\n{history}");
    }
    for (wrong, words) in [
        (&["models", "promote", "churn", "--to", "blue"][..], "names no version"),
        (&["models", "promote", "churn/1"], "no alias is named"),
        (&["models", "promote", "churn/9", "--to", "blue"], "`churn/9` not found"),
        (&["models", "rollback", "churn", "nobody"], "not found"),
    ] {
        let said = sandbox.run(wrong);
        assert!(said.code == 1 && said.err.contains(words), "{wrong:?}: {}", said.err);
    }
}

#[test]
fn what_an_alias_named_at_a_moment_is_told() {
    let sandbox = two_versions();
    let now = sandbox.json(&["models", "served", "churn", "champion"]);
    assert_eq!(now["move"]["version"], 2);
    let first = now["move"]["note"]["at"].as_i64().unwrap();
    let early = sandbox.json(&["models", "served", "churn", "champion", "--at", "2001-01-01"]);
    assert!(early["move"].is_null() && first > 0);
    let said = sandbox.run(&["models", "served", "churn", "champion"]);
    assert!(said.out.contains("version 2 alias set `champion`"), "{}", said.out);
    let said = sandbox.run(&["models", "served", "churn", "champion", "--at", "2001-01-01"]);
    assert!(said.out.contains("named no version"), "{}", said.out);
    let odd = sandbox.run(&["models", "served", "churn", "champion", "--at", "yesterday"]);
    assert!(odd.code == 1 && odd.err.contains("2026-01-31T12:00:00Z"), "{}", odd.err);
}

#[test]
fn a_move_that_a_rule_does_not_allow_exits_as_a_gate_does() {
    let sandbox = two_versions();
    let rule = ["models", "rule", "churn", "champion"];
    let none = sandbox.run(&rule);
    assert!(none.out.contains("needs nothing"), "{}", none.out);
    let laid = sandbox.json(&[&rule[..], &["--by", "ada", "--why", "she knows"]].concat());
    assert_eq!(laid["approvals"], json!([{"by": "ada"}]));
    for arguments in [
        &["models", "alias", "churn", "champion", "1"][..],
        &["models", "promote", "churn/1", "--to", "champion"],
        &["models", "rollback", "churn", "champion"],
    ] {
        let said = as_person(&sandbox, "bob", arguments);
        assert_eq!(said.code, 3, "{}", said.err);
        assert!(said.err.contains("needs `ada` to move it"), "{}", said.err);
    }
    let moved = as_person(&sandbox, "ada", &["models", "rollback", "churn", "champion"]);
    assert_eq!(moved.code, 0, "{}", moved.err);
    let gate = sandbox.json(&[&rule[..], &["--passed-gate"]].concat());
    assert_eq!(gate["approvals"], json!(["passed_gate"]));
    let both = sandbox.run(&[&rule[..], &["--none", "--by", "ada"]].concat());
    assert_eq!(both.code, 1);
    assert_eq!(sandbox.json(&[&rule[..], &["--none"]].concat())["approvals"], json!([]));
    let free = as_person(&sandbox, "bob", &["models", "alias", "churn", "champion", "2"]);
    assert_eq!(free.code, 0, "{}", free.err);
}
