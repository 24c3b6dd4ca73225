//! What estimators of neighbours, clusters and ensembles learn from the same rows. When one of these
//! hashes changes on purpose, raise the `VERSION` of the estimator: what is in caches and models was
//! learned differently.

use std::fmt::Write;

use gristmill_core::{Catalog, FitContext, Frame, Notes, Seed, State, Target, TensorData};
use gristmill_testkit::table;
use serde_json::{Value, json};

use crate::support::classes;

const ROWS: usize = 120;

/// Three clouds of points that touch each other.
fn points() -> (Frame, Vec<u32>) {
    let mut random = Seed(17).random();
    let codes: Vec<u32> = (0..ROWS).map(|_| random.below(3) as u32).collect();
    let mut around = |step: f64| -> Vec<f64> {
        codes.iter().map(|&code| step * f64::from(code) + random.normal()).collect()
    };
    let (a, b, c) = (around(3.0), around(-2.0), around(0.0));
    (table().numbers("a", a).numbers("b", b).numbers("c", c).frame(), codes)
}

/// The facts and the tensors in words: numbers to 9 digits, on which every processor agrees.
fn words(state: &State) -> String {
    let mut text = rounded(&state.facts).to_string();
    for (name, tensor) in &state.tensors {
        let values: Vec<f64> = match &tensor.data {
            TensorData::F64(v) => v.clone(),
            TensorData::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            TensorData::I64(v) => v.iter().map(|&x| x as f64).collect(),
            TensorData::U32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            TensorData::U16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            TensorData::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
        };
        let values: Vec<String> = values.iter().map(|&value| digits(value)).collect();
        write!(text, "\\n{name} {:?} {}", tensor.shape, values.join(" ")).unwrap();
    }
    text
}

fn digits(value: f64) -> String {
    if value.abs() < 1e-9 { "0".into() } else { format!("{value:.8e}") }
}

/// Facts may hold numbers too.
fn rounded(facts: &Value) -> Value {
    match facts {
        Value::Number(number) if number.is_f64() => {
            Value::from(digits(number.as_f64().unwrap_or_default()))
        }
        Value::Array(items) => items.iter().map(rounded).collect(),
        Value::Object(entries) => {
            Value::Object(entries.iter().map(|(k, v)| (k.clone(), rounded(v))).collect())
        }
        other => other.clone(),
    }
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Its name, the version that the catalog has for it, and the hash of what it learns.
fn learned(name: &str, settings: Value, target: &Target) -> (String, u32, u64) {
    let mut catalog = Catalog::new();
    gristmill_models::register(&mut catalog);
    let estimator = catalog.build_estimator(name, &settings).expect("the settings are known");
    let notes = Notes::default();
    let context = FitContext::new(Seed(5), &notes).with_target(target);
    let model = estimator.fit(&points().0, target, &context).expect("the rows can be learned from");
    (name.to_string(), catalog.estimators()[name].version, hash(&words(&model.state())))
}

#[track_caller]
fn check<const N: usize>(found: [(String, u32, u64); N], expected: [(&str, u32, u64); N]) {
    assert_eq!(found, expected.map(|(name, version, hash)| (name.to_string(), version, hash)));
}

fn three() -> Target {
    classes(&points().1)
}

fn two() -> Target {
    classes(&points().1.iter().map(|&code| code.min(1)).collect::<Vec<_>>())
}

fn numbers() -> Target {
    let (rows, codes) = points();
    let a = rows.numbers(0).expect("a column of numbers");
    Target::Numbers(a.iter().zip(codes).map(|(a, code)| a * 2.0 + f64::from(code)).collect())
}

#[test]
fn neighbours() {
    let found = [
        learned("k_nearest", json!({}), &three()),
        learned("k_nearest", json!({"weights": "distance"}), &numbers()),
        learned("local_outlier_factor", json!({}), &Target::Absent(ROWS)),
    ];
    check(
        found,
        [
            ("k_nearest", 1, 14994318231920875594),
            ("k_nearest", 1, 8781860247194228642),
            ("local_outlier_factor", 1, 9942499911859759781),
        ],
    );
}

#[test]
fn clusters() {
    let none = Target::Absent(ROWS);
    let found = [
        learned("k_means", json!({"clusters": 3}), &none),
        learned("mini_batch_k_means", json!({"clusters": 3, "batch_rows": 40}), &none),
        learned("dbscan", json!({"eps": 1.2}), &none),
        learned("gaussian_mixture", json!({"components": 3}), &none),
    ];
    let expected = [
        ("k_means", 2, 4956045945045974205),
        ("mini_batch_k_means", 2, 9956838552061817413),
        ("dbscan", 1, 12721584672014232995),
        ("gaussian_mixture", 1, 6334414596488381926),
    ];
    check(found, expected);
}

#[test]
fn ensembles() {
    let ridge = json!({"ridge": {}});
    let logistic = json!({"logistic_regression": {"tolerance": 1e-9}});
    let tree = json!({"decision_tree": {"max_depth": 2}});
    let with = |model: &Value, method: &str| json!({"model": model, "method": method});
    let found = [
        learned("ada_boost", json!({"estimators": 5}), &three()),
        learned("bagging", json!({"model": tree, "estimators": 4}), &two()),
        learned("calibration", with(&tree, "sigmoid"), &two()),
        learned("calibration", with(&tree, "isotonic"), &two()),
        learned("conformal", json!({"model": ridge}), &numbers()),
        learned("resample", with(&logistic, "under"), &two()),
        learned("resample", with(&logistic, "smote"), &two()),
        learned("stacking", json!({"models": [ridge, {"k_nearest": {}}]}), &numbers()),
        learned("threshold", json!({"model": logistic}), &two()),
        learned("voting", json!({"models": [logistic, tree]}), &three()),
    ];
    let expected = [
        ("ada_boost", 1, 18163901354061573185),
        ("bagging", 1, 16077940363823384022),
        ("calibration", 1, 1917032304024766839),
        ("calibration", 1, 3810347486743999395),
        ("conformal", 1, 2994026157262725931),
        ("resample", 1, 4417910442595067963),
        ("resample", 1, 8218788218958936218),
        ("stacking", 1, 10959839638360107802),
        ("threshold", 1, 10381467079311214475),
        ("voting", 1, 18106028731596843941),
    ];
    check(found, expected);
}
