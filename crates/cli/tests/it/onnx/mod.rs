//! Models as ONNX files, answered by onnxruntime and held against Gristmill's own answers.

mod cases;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use gristmill::catalog;
use gristmill::export::{ONNX_PYTHON, WITHOUT_FORM, hold_onnx, onnx_bytes};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::cases::{Case, Target, features, models, rows, step, transforms};
use crate::sandbox::Sandbox;

/// The Python with onnxruntime, if one is named.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os(ONNX_PYTHON).filter(|python| !python.is_empty());
    if python.is_none() {
        eprintln!("skipped: {ONNX_PYTHON} names no Python with onnxruntime and onnx");
    }
    python.map(Into::into)
}

/// Writes each case's model into a folder and holds its answers against Gristmill's.
fn check_all(cases: Vec<(String, Case)>) {
    let Some(python) = python() else { return };
    let folder = TempDir::new().unwrap();
    let failed: Vec<String> = std::thread::scope(|scope| {
        let half = cases.len().div_ceil(2);
        let threads: Vec<_> = cases
            .chunks(half)
            .map(|cases| scope.spawn(|| check_some(cases, folder.path(), &python)))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    check_files(folder.path(), &python);
}

fn check_some(cases: &[(String, Case)], folder: &Path, python: &Path) -> Vec<String> {
    let hold = |(name, case): &(String, Case)| {
        let file = folder.join(format!("{name}.onnx"));
        let asked = rows(90, 2, Target::None);
        let held = case.fit().and_then(|fitted| hold_onnx(&fitted, &asked, &file, python));
        held.err().map(|error| format!("{name}: {error}"))
    };
    cases.iter().filter_map(hold).collect()
}

/// Every file in the folder, by ONNX's own checker.
fn check_files(folder: &Path, python: &Path) {
    const CHECK: &str = include_str!("check.py");
    let said = Command::new(python).args(["-c", CHECK]).arg(folder).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn every_transform_answers_in_onnxruntime_as_here() {
    check_all(transforms());
}

#[test]
fn every_model_answers_in_onnxruntime_as_here() {
    check_all(models());
}

#[test]
fn thousands_of_rows_go_the_same_way_down_the_trees() {
    let Some(python) = python() else { return };
    let folder = TempDir::new().unwrap();
    let model = json!({"gradient_boosting": {"trees": 40}});
    let case = Case { features: features("any"), model, target: Target::Three };
    let asked = rows(6_000, 3, Target::None);
    let file = folder.path().join("many.onnx");
    let held = hold_onnx(&case.fit().unwrap(), &asked, &file, &python).unwrap();
    assert_eq!(held.rows, 6_000);
}

#[test]
fn every_step_of_the_catalog_is_exported_or_said_to_have_no_form() {
    let tested: BTreeSet<String> =
        transforms().iter().chain(&models()).flat_map(|(_, case)| case.names()).collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/onnx.md");
    let page = fs_err::read_to_string(page).unwrap();
    let catalog = catalog();
    for kind in catalog.transforms().keys().chain(catalog.estimators().keys()) {
        let without = WITHOUT_FORM.iter().find(|without| without.kind == *kind);
        assert_ne!(tested.contains(*kind), without.is_some(), "`{kind}` is tested, or has no form");
        if let Some(without) = without {
            let line = format!("| `{kind}` | {} |", without.reason);
            assert!(page.contains(&line), "docs/onnx.md lacks {line}");
        }
    }
    for without in WITHOUT_FORM {
        assert!(catalog.transforms().contains_key(without.kind), "`{}`", without.kind);
    }
}

#[track_caller]
fn check_refused(case: &Case, expected: &str) {
    let error = onnx_bytes(&case.fit().unwrap(), "model").unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_has_no_form_is_said_by_name() {
    check_refused(
        &step(json!([{"hash": {"columns": ["w"], "features": 4}}])),
        "step `hash` has no form in ONNX",
    );
    let lagged = json!([{"lag": {"columns": ["x"], "order": "t"}}, {"drop": "datetime"}]);
    let case = Case { features: lagged, model: json!({"decision_tree": {}}), target: Target::Two };
    check_refused(&case, "step `lag` has no form in ONNX: it looks at earlier rows");
    check_refused(&step(json!([{"derive": {"low": "LOWER(w)"}}])), "in the derived column `low`");
    let of = |target, model| Case { features: features("numbers"), model, target };
    let svm = json!({"svm": {"probability": "platt"}});
    check_refused(&of(Target::Three, svm), "`svm` of more than two classes");
    let dummy = json!({"dummy": {"strategy": "stratified"}});
    check_refused(&of(Target::Two, dummy), "`dummy` with `strategy: stratified`");
}

/// A model of the churn example in a home of its own.
fn churn() -> Sandbox {
    let sandbox = Sandbox::churn();
    let said = sandbox.run(&["run", "pipeline.yaml"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    sandbox
}

#[test]
fn a_registered_model_is_verified_and_written() {
    let Some(python) = python() else { return };
    let sandbox = churn();
    let python = python.to_string_lossy();
    let said = sandbox.json(&["export", "onnx", "churn", "--verify-with", &python]);
    assert_eq!(said["path"], "churn.onnx");
    assert_eq!(said["opsets"], json!({"ai.onnx": 21, "ai.onnx.ml": 5}));
    assert_eq!(
        said["outputs"][0],
        json!({"name": "label", "element": "string", "shape": ["rows", 1]})
    );
    assert_eq!(said["outputs"][1]["shape"], json!(["rows", 2]));
    assert_eq!(said["inputs"].as_array().unwrap().len(), 19);
    let verified = &said["verified"];
    assert!(verified["rows"].as_u64().unwrap() > 10, "{said}");
    assert!(verified["largest_difference"].as_f64().unwrap() <= 1e-9, "{said}");
    assert!(verified["runtime"].as_str().unwrap().starts_with("onnxruntime "), "{said}");
    let written = said["bytes"].as_u64().unwrap();
    assert_eq!(fs_err::metadata(sandbox.path("churn.onnx")).unwrap().len(), written);
    check_files(&sandbox.path(""), Path::new(&*python));
}

#[test]
fn the_examples_with_forests_and_boosting_answer_in_onnxruntime_as_here() {
    let Some(python) = python() else { return };
    let python = python.to_string_lossy();
    let sandbox = Sandbox::churn();
    let prices = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/prices");
    fs_err::copy(prices.join("houses.csv"), sandbox.path("houses.csv")).unwrap();
    fs_err::copy(prices.join("pipeline.yaml"), sandbox.path("prices.yaml")).unwrap();
    let few = ["--set", "model.gradient_boosting.trees=60", "--set", "evaluate.require.r2=0.3"];
    for (run, model) in [
        (vec!["run", "forest.yaml", "--set", "model.random_forest.trees=30"], "churn-forest"),
        ([&["run", "prices.yaml"], &few[..]].concat(), "prices"),
    ] {
        let said = sandbox.run(&run);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let said = sandbox.json(&["export", "onnx", model, "--verify-with", &python]);
        assert!(said["verified"]["largest_difference"].as_f64().unwrap() <= 1e-9, "{said}");
    }
}

#[test]
fn without_a_runtime_the_file_is_said_not_to_be_verified() {
    let sandbox = churn();
    let out = ["export", "onnx", "churn@champion", "-o", "out.onnx", "--verify-with", ""];
    let said = sandbox.run(&out);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("not verified: no onnxruntime"), "{}", said.out);
    let first = fs_err::read(sandbox.path("out.onnx")).unwrap();
    assert_eq!(sandbox.json(&out)["verified"], Value::Null);
    assert_eq!(fs_err::read(sandbox.path("out.onnx")).unwrap(), first, "equal models, equal bytes");
}

#[test]
fn nothing_is_written_where_a_runtime_cannot_answer_or_answers_otherwise() {
    let sandbox = churn();
    let export = |python: &str| sandbox.run(&["export", "onnx", "churn", "--verify-with", python]);
    let said = export("no-such-python");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("`no-such-python` cannot be run"), "{}", said.err);
    let liar = r#"#!/bin/sh
printf '{"runtime": "liar 1", "answers": {"label": [["No"]], "probabilities": [[0.5, 0.5]]}}'
"#;
    sandbox.write("liar", liar);
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(sandbox.path("liar"), permissions).unwrap();
    let said = export("./liar");
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.contains("the ONNX model answers 0.5 in `probabilities` for golden row 1"),
        "{}",
        said.err
    );
    let left: Vec<String> = Sandbox::names(&sandbox.path(""));
    assert!(!left.iter().any(|name| name.contains("onnx")), "{left:?}");
}
