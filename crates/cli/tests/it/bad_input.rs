//! What a user gets wrong, and the line that they read then: the thing, what was found, what would
//! do; exit code 1, and nothing half-written.

use std::fmt::Write as _;

use crate::sandbox::Sandbox;

/// Sixty rows of two numbers and a target, with `more` behind them.
fn rows(more: &str) -> String {
    let mut text = String::from("a,b,y\n");
    for i in 0..60 {
        let _ = writeln!(text, "{i},{},{}", i * 2, if i % 3 == 0 { "no" } else { "yes" });
    }
    text + more
}

const FILE: &str = "name: t
data:
  source: rows.csv
  target: y
  split: {test: 0.2, stratify: true}
model:
  logistic_regression: {}
register: {model: m}
";

/// Running `file` over `rows` is refused with a message that holds all of `words`.
#[track_caller]
fn check(rows: impl AsRef<[u8]>, file: &str, words: &[&str]) {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", rows);
    sandbox.write("p.yaml", file);
    let said = sandbox.run(&["run", "p.yaml", "--quiet"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    for word in words {
        assert!(said.err.contains(word), "`{word}` is not in:\n{}", said.err);
    }
    assert!(said.out.is_empty(), "{}", said.out);
    assert!(!said.err.contains("panicked"), "{}", said.err);
    assert_eq!(sandbox.json(&["models"]).as_array().unwrap().len(), 0);
}

#[track_caller]
fn check_rows(rows: impl AsRef<[u8]>, words: &[&str]) {
    check(rows, FILE, words);
}

#[test]
fn a_missing_file_is_named_with_the_nearest() {
    check(
        rows(""),
        &FILE.replace("rows.csv", "rwos.csv"),
        &["rwos.csv", "does not exist", "rows.csv"],
    );
}

#[test]
fn an_empty_file_is_refused() {
    check_rows("", &["rows.csv", "empty"]);
}

#[test]
fn a_header_without_rows_is_refused() {
    check_rows("a,b,y\n", &["has a header and no rows"]);
}

#[test]
fn a_short_row_is_named_by_its_line() {
    check_rows(rows("1,2\n"), &["line 62", "2 values where the header has 3", "bad_rows: skip"]);
}

#[test]
fn short_rows_may_be_skipped_and_are_counted() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", rows("1,2\n"));
    sandbox.write("p.yaml", FILE.replace("rows.csv", "{path: rows.csv, bad_rows: skip}"));
    let said = sandbox.run(&["run", "p.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("note:") && said.err.contains("62"), "{}", said.err);
}

#[test]
fn another_encoding_is_named_by_line_and_byte() {
    let mut bytes = rows("").into_bytes();
    bytes.extend_from_slice(b"1,2,y\xffs\n");
    check_rows(bytes, &["line 62", "0xFF", "UTF-8"]);
}

#[test]
fn column_names_must_differ_and_exist() {
    check_rows(rows("").replace("a,b,y", "a,a,y"), &["column name `a` appears twice"]);
    check_rows(rows("").replace("a,b,y", "a,,y"), &["column 2 of 3 has no name"]);
}

#[test]
fn a_target_must_be_there_differ_and_have_two_rows_a_class() {
    check(
        rows(""),
        &FILE.replace("target: y", "target: yy"),
        &["column `yy` not found", "did you mean `y`?"],
    );
    check_rows(rows("").replace("no", "yes"), &["target `y` has the same value in every row"]);
    check_rows(rows("").replace("no", "yes") + "1,2,no\n", &["the class `no` in one row only"]);
}

#[test]
fn too_few_rows_for_folds_are_counted() {
    let file = format!("{FILE}evaluate: {{cross_validate: {{folds: 500}}}}\n");
    check(rows(""), &file, &["500 folds", "60"]);
}

#[test]
fn an_infinite_number_is_named_by_its_line() {
    check_rows(rows("inf,2,yes\n"), &["line 62", "column `a`", "infinite"]);
}

#[test]
fn tabs_are_called_tabs() {
    check(rows(""), &FILE.replace("  source", "\tsource"), &["line 3", "tab"]);
}

#[test]
fn a_header_of_a_million_columns_is_refused() {
    let header: Vec<String> = (0..1_000_000).map(|i| format!("c{i}")).collect();
    check_rows(header.join(",") + "\n1\n", &["columns", "100000"]);
}

#[test]
fn a_broken_contract_names_rows() {
    let file = FILE.replace("  target", "  expect: [{column: a, max: 50}]\n  target");
    check(rows(""), &file, &["column `a` holds 51, more than `max` 50", "9 rows"]);
}

#[test]
fn a_gate_without_test_rows_does_not_pass() {
    let text = rows("").replace("a,b,y", "a,b,y,part").replace("yes\n", "yes,train\n");
    let text = text.replace("no\n", "no,train\n");
    let file = FILE.replace("{test: 0.2, stratify: true}", "{column: part}");
    check(text, &format!("{file}evaluate: {{require: {{accuracy: 0.1}}}}\n"), &["test", "hint:"]);
}

#[test]
fn what_makes_no_sense_of_how_a_model_is_watched_is_refused() {
    let watched = |what: &str| format!("{FILE}monitor: {{{what}}}\n");
    for (what, said) in [
        ("window: {rows: 0}", ["a window of nothing is never full", "hint:"]),
        ("retrain: {on: []}", ["nothing starts a retraining", "hint:"]),
        ("retrain: {on: [schedule]}", ["`schedule` is named, and the file has none", "hint:"]),
        ("retrain: {on: [performance]}", ["no figure is asked for", "hint:"]),
        ("retrain: {on: [weather]}", ["`weather`", "monitor"]),
        ("performance: {metric: roc_auc, above: 0.8}", ["more is better", "below: VALUE"]),
        ("performance: {metric: rock, below: 0.8}", ["`rock`", "hint:"]),
        ("compare: {confidence: 2}", ["`confidence` is 2", "hint:"]),
        ("notify: [{webhook: somewhere}]", ["no address of a webhook", "https://"]),
        ("log: {rate: 3}", ["`rate` is 3", "hint:"]),
    ] {
        check(rows(""), &watched(what), &said);
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_with_place_and_remedy() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", rows(""));
    sandbox.write(
        "p.yaml",
        "name: t\nsed: 1\ndata:\n  source: rows.csv\n  target: yy\nfeatures:\n  - standardise: {}\nmodel:\n  random_forest: {tree: 10}\n",
    );
    let said = sandbox.run(&["check", "p.yaml"]);
    assert_eq!(said.code, 1);
    let expected = "\
error: unknown key `sed`
  at: p.yaml, line 2
   2 | sed: 1
     | ^^^
hint: did you mean `seed`?

error: unknown key `standardise` in `features[0]`
  at: p.yaml, line 7
   7 |   - standardise: {}
     |     ^^^^^^^^^^^
hint: did you mean `standardize`?

error: unknown key `tree` in `model.random_forest`
  at: p.yaml, line 9
   9 |   random_forest: {tree: 10}
     |                   ^^^^
hint: did you mean `trees`?

error: column `yy` not found; the table has a, b, y
  at: p.yaml, line 5
   5 |   target: yy
     |           ^^
hint: did you mean `y`?
";
    assert_eq!(said.err, expected);
}

#[test]
fn a_failure_with_json_is_one_object_and_keeps_the_code() {
    let sandbox = Sandbox::new();
    let said = sandbox.run(&["run", "absent.yaml", "--json"]);
    assert_eq!(said.code, 1);
    let failed: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["kind"], "input");
    assert!(failed["error"]["at"].as_str().unwrap().contains("absent.yaml"), "{failed:#}");
}

/// Asking the model of `FILE` for `input` is refused with these words.
#[track_caller]
fn check_predict(input: &str, words: &[&str]) {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", rows(""));
    sandbox.write("p.yaml", FILE);
    sandbox.json(&["run", "p.yaml"]);
    sandbox.write("input.csv", input);
    let said = sandbox.run(&["predict", "m", "-i", "input.csv", "-o", "out.csv"]);
    assert_eq!(said.code, 1, "{}", said.out);
    for word in words {
        assert!(said.err.contains(word), "`{word}` is not in:\n{}", said.err);
    }
    assert!(!sandbox.path("out.csv").exists());
}

#[test]
fn rows_to_predict_must_have_the_columns_of_training() {
    check_predict("a\n1\n", &["column `b` not found"]);
    check_predict("a,b\n1,x\n", &["column `b` holds `x`", "line 2"]);
    check_predict("a,b\n1.5,2\n", &["column `a` holds `1.5`", "whole number"]);
    check_predict("a,b\n,2\n", &["column `a` is missing in row 1"]);
}

#[test]
fn an_unknown_model_is_answered_with_the_nearest() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", rows(""));
    sandbox.write("p.yaml", FILE.replace("model: m", "model: churners"));
    sandbox.json(&["run", "p.yaml"]);
    let said = sandbox.run(&["predict", "churner", "-i", "rows.csv"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("did you mean `churners`?"), "{}", said.err);
}

#[test]
fn a_home_that_cannot_be_written_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", rows(""));
    sandbox.write("p.yaml", FILE);
    sandbox.write("home", "a file, not a folder");
    let said = sandbox.run(&["run", "p.yaml", "--home", "home"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("home"), "{}", said.err);
}

#[test]
fn awkward_columns_are_handled_and_told() {
    let sandbox = Sandbox::new();
    let mut text = String::from("a,b,empty,w,y\n");
    for i in 0..20_500 {
        let _ = writeln!(text, "{i},7,,w{},{}", i % 10_000, if i % 3 == 0 { "no" } else { "yes" });
    }
    sandbox.write("rows.csv", text);
    let steps = "features:\n  - standardize: {}\n  - one_hot: {}\nmodel";
    sandbox.write("p.yaml", FILE.replace("model:\n", &format!("{steps}:\n")));
    let said = sandbox.run(&["run", "p.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("`empty` is empty"), "{}", said.err);
    assert!(said.err.contains("infrequent"), "{}", said.err);
}

#[test]
fn rows_beyond_the_memory_that_is_allowed_are_refused_before_they_are_read() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", rows(""));
    sandbox.write("p.yaml", FILE);
    let said = sandbox.run(&["run", "p.yaml", "--quiet", "--memory", "100B"]);
    assert_eq!(said.code, 1, "{}", said.err);
    for word in ["rows.csv", "more than the 100 B of --memory", "hint: raise --memory"] {
        assert!(said.err.contains(word), "`{word}` is not in:\n{}", said.err);
    }
    assert_eq!(sandbox.run(&["run", "p.yaml", "--quiet", "--memory", "1GB"]).code, 0);
}

#[test]
fn a_device_that_is_not_there_is_refused() {
    let said = Sandbox::new().run(&["models", "--device", "cuda"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("cuda") && said.err.contains("cpu"), "{}", said.err);
}

#[test]
fn a_usage_mistake_with_json_is_one_object_too() {
    let said = Sandbox::new().run(&["rnu", "p.yaml", "--json"]);
    assert_eq!(said.code, 1);
    let failed: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"]["message"].as_str().unwrap().contains("rnu"), "{failed:#}");
}
