//! How a pipeline file spells the settings.

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use crate::support::catalog;

#[test]
fn every_setting_is_described() {
    let mut generator = SchemaGenerator::default();
    for entry in catalog().transforms().values() {
        (entry.describe)(&mut generator);
    }
    for (name, schema) in generator.definitions() {
        assert!(schema["description"].is_string(), "{name} is not described");
        for (setting, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "`{setting}` of {name} is not described");
        }
    }
}

#[track_caller]
fn check(kind: &str, settings: Value) {
    catalog().build_transform(kind, &settings).expect("this is how it is spelled");
}

#[test]
fn settings_are_spelled_as_in_the_readme() {
    check("impute", json!({"columns": "numeric", "strategy": "median"}));
    check("impute", json!({"strategy": "constant", "fill_value": 0, "indicator": true}));
    check("standardize", json!(null));
    check("standardize", json!({"columns": ["tenure", "*_charges"], "center": false}));
    check("min_max", json!({"range": [-1, 1], "clip": true}));
    check("one_hot", json!({"columns": ["contract"], "min_frequency": 0.01}));
    check("one_hot", json!({"unknown": "infrequent", "drop": "if_binary", "max_categories": null}));
    check("ordinal", json!({"categories": {"size": ["S", "M"]}, "unknown": "missing"}));
    check("pca", json!({"columns": "all", "components": 5}));
    check("pca", json!({"components": 0.95, "whiten": true}));
    check("pca", json!({"components": "all"}));
    check("drop", json!(["a", "b"]));
    check("drop", json!({"columns": {"except": ["a"]}}));
}
