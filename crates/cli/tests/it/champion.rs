//! A new version and the one that holds its alias: which of them is better, how sure that is, and
//! what is written down about it.

use serde_json::Value;

use crate::sandbox::Sandbox;

const WORSE: &str = "model.logistic_regression.c=0.0001";

/// The comparison of the second run, after a first one with `set`.
#[track_caller]
fn met(sandbox: &Sandbox, first: &[&str], second: &[&str]) -> Value {
    let run = |more: &[&str]| sandbox.json(&[&["run", "pipeline.yaml"][..], more].concat());
    assert!(run(first)["comparison"].is_null(), "nobody held the alias before");
    run(second)
}

#[test]
fn a_better_challenger_takes_the_alias_and_it_is_written_down_how_sure_that_is() {
    let sandbox = Sandbox::churn();
    let report = met(&sandbox, &["--set", WORSE], &[]);
    let found = &report["comparison"];
    assert_eq!(report["model"]["aliases"][0], "champion");
    assert_eq!((&found["promoted"], &found["metric"]), (&true.into(), &"roc_auc".into()));
    assert_eq!(
        (&found["challenger"]["version"], &found["champion"]["version"]),
        (&2.into(), &1.into())
    );
    let number = |value: &Value| value.as_f64().unwrap();
    let difference = number(&found["challenger"]["score"]) - number(&found["champion"]["score"]);
    assert!((difference - number(&found["difference"]["value"])).abs() < 1e-12, "{found:#}");
    assert!(number(&found["difference"]["low"]) > 0.0, "{found:#}");
    assert!(number(&found["difference"]["p_value"]) < 0.05, "{found:#}");
    assert!(found["caveat"].is_null(), "both were trained on the same rows");

    let history = sandbox.run(&["models", "history", "churn"]).out;
    let last = history.lines().last().unwrap();
    assert!(last.contains("`champion`") && last.contains("95 % interval"), "{history}");
    sandbox.json(&["report", "latest", "-o", "report.html"]);
    let page = fs_err::read_to_string(sandbox.path("report.html")).unwrap();
    assert!(page.contains("Version 2 took `champion` from version 1"));

    let other = Sandbox::churn();
    assert_eq!(&met(&other, &["--set", WORSE], &["--threads", "1"])["comparison"], found);
}

#[test]
fn the_verdict_is_printed() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml", "--set", WORSE]);
    let said = sandbox.run(&["run", "pipeline.yaml"]);
    assert!(
        said.out.contains("version 2 took `champion` from version 1: `roc_auc`"),
        "{}",
        said.out
    );
}

#[test]
fn a_challenger_with_equal_answers_takes_nothing() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let text = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox
        .write("pipeline.yaml", text.replace("drop: if_binary", "drop: if_binary, unknown: error"));
    let report = sandbox.json(&["run", "pipeline.yaml"]);
    let found = &report["comparison"];
    assert_eq!(report["model"]["version"], 2);
    assert_eq!(found["promoted"], false);
    assert_eq!(
        (&found["difference"]["value"], &found["difference"]["p_value"]),
        (&0.0.into(), &1.0.into())
    );
    let history = sandbox.run(&["models", "history", "churn"]).out;
    assert!(history.lines().last().unwrap().contains("refused"), "{history}");
}

#[test]
fn with_a_confidence_a_difference_that_may_be_chance_moves_nothing() {
    for [first, second] in [["0.9", "1.0"], ["1.0", "0.9"]] {
        let sandbox = Sandbox::churn();
        let c = |value: &str| format!("model.logistic_regression.c={value}");
        let sure = ["--set", "register.promote.confidence=0.95"];
        let (first, second) = (c(first), c(second));
        let report = met(&sandbox, &["--set", &first], &["--set", &second, sure[0], sure[1]]);
        assert_eq!(report["comparison"]["promoted"], false, "{report:#}");
    }
}

#[test]
fn a_champion_whose_column_is_gone_keeps_the_alias_and_it_is_said_why() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let text = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write(
        "pipeline.yaml",
        text.replace("  target: churn", "  target: churn\n  drop: [contract]"),
    );
    let report = sandbox.json(&["run", "pipeline.yaml"]);
    let reason = report["comparison"]["reason"].as_str().unwrap();
    assert!(reason.contains("version 1 cannot answer these rows: column `contract`"), "{reason}");
    assert!(reason.contains("gristmill models promote churn 2 champion"), "{reason}");
    assert!(report["notes"].to_string().contains("was not promoted"), "{report:#}");
    let history = sandbox.run(&["models", "history", "churn"]).out;
    assert!(history.lines().last().unwrap().contains("column `contract`"), "{history}");
}

#[test]
fn a_champion_that_predicts_something_else_is_not_compared() {
    let sandbox = Sandbox::churn();
    sandbox.json(&["run", "pipeline.yaml"]);
    let text = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let other = text.replace(
        "  target: churn\n  positive: \"Yes\"",
        "  target: tech_support\n  positive: \"Yes\"",
    );
    sandbox.write(
        "pipeline.yaml",
        other.replace("require: {roc_auc: 0.80}", "require: {roc_auc: 0.5}"),
    );
    let report = sandbox.json(&["run", "pipeline.yaml"]);
    let reason = report["comparison"]["reason"].as_str().unwrap();
    assert!(reason.contains("it predicts the classes of `churn`"), "{reason}");
}

/// Machines whose wear grows with each reading; a champion saw less of each.
fn machines() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rows = "machine,hour,heat,wear\n".to_string();
    for machine in 0..15 {
        for hour in 0..20 {
            let noise = f64::from((machine * 7 + hour * 13) % 11) - 5.0;
            let heat = f64::from(machine) + f64::from(hour) + noise;
            rows.push_str(&format!("m{machine},{hour},{heat},{}\n", machine + hour));
        }
    }
    sandbox.write("wear.csv", rows);
    sandbox.write(
        "pipeline.yaml",
        "name: wear\n\
         data:\n  source: wear.csv\n  target: wear\n  split: {test: 0.4, group: machine}\n\
         features:\n  - rolling: {columns: heat, order: hour, window: 3}\n\
         model:\n  ridge: {}\n\
         register: {model: wear, promote: {alias: champion, when: better}}\n",
    );
    sandbox
}

#[test]
fn machines_are_drawn_whole_and_windows_go_by_them() {
    let sandbox = machines();
    let report = met(&sandbox, &["--set", "model.ridge.alpha=100000"], &[]);
    assert_eq!(report["comparison"]["promoted"], true, "{report:#}");
    assert_eq!(report["comparison"]["difference"]["groups"], 6, "{report:#}");
    let note = "`rolling` names no group and goes by `machine`";
    for said in [
        report["notes"].to_string(),
        sandbox.json(&["check", "pipeline.yaml"])["notes"].to_string(),
    ] {
        assert!(said.contains(note), "{said}");
    }
}

#[test]
fn a_query_that_cannot_be_repeated_is_noted() {
    let sandbox = machines();
    let text = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let sql =
        "  sql: SELECT *, random() AS luck FROM source WHERE now() > '2020-01-01'\n  target: wear";
    sandbox.write("pipeline.yaml", text.replace("  target: wear", sql));
    let said = [sandbox.json(&["check", "pipeline.yaml"]), sandbox.json(&["run", "pipeline.yaml"])];
    for notes in said.map(|said| said["notes"].to_string()) {
        assert!(notes.contains("`now()`, `random()`"), "{notes}");
        assert!(notes.contains("`sql` makes `luck`"), "{notes}");
    }
}
