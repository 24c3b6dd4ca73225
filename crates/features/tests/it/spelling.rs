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
    // A pipeline file's schema describes each step in the place of these.
    let specs = ["EstimatorSpec", "TransformSpec"];
    for (name, schema) in generator.definitions().iter().filter(|d| !specs.contains(&d.0.as_str()))
    {
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
    check("robust", json!({"quantile_range": [10, 90], "unit_variance": true}));
    check("max_abs", json!({"columns": "w_*"}));
    check("normalize", json!({"norm": "l1"}));
    check("quantile", json!({"quantiles": 100, "output": "normal"}));
    check("power", json!({"method": "box_cox", "standardize": false}));
    check("clip", json!({"lower": 0}));
    check("clip", json!({"quantiles": [0.01, 0.99]}));
    check("log", json!({"columns": "price", "offset": 0}));
    check("bin", json!({"bins": 4, "strategy": "k_means", "output": "one_hot"}));
    check("polynomial", json!({"degree": 3, "terms": "interactions"}));
    check("spline", json!({"knots": 25, "extrapolation": "periodic", "include_bias": false}));
    check("truncated_svd", json!({"columns": "w_*", "components": 100}));
    check("random_projection", json!({"components": 50, "method": "sparse"}));
    check("cluster_distance", json!({"clusters": 4, "max_iter": 100, "tolerance": 0}));
    check("knn_impute", json!({"neighbors": 3, "weights": "distance"}));
    check("iterative_impute", json!({"max_iter": 20, "alpha": 1}));
    check("select", json!({"columns": "all", "method": {"variance": {"threshold": 0.1}}}));
    check("select", json!({"method": {"k_best": {"score": "chi2", "features": 100}}}));
    check("drop", json!(["a", "b"]));
    check("drop", json!({"columns": {"except": ["a"]}}));
}

#[test]
fn encoders_windows_and_texts_are_spelled_so() {
    check("one_hot", json!({"drop": {"contract": "Two year"}, "sparse": "always"}));
    check("one_hot", json!({"categories": {"size": ["S", 2, true]}}));
    check("ordinal", json!({"unknown": -1, "missing_code": -2, "min_frequency": 5}));
    check("target_encode", json!({"columns": ["city"], "smoothing": "auto"}));
    check("target_encode", json!({"smoothing": 20, "folds": 10, "training_rows": "as_later"}));
    check("frequency_encode", json!({"measure": "count"}));
    check("hash", json!({"columns": ["city", "plan"], "features": 256, "sign": "positive"}));
    check("datetime", json!({"parts": ["year", "week"], "cyclic": ["hour", "day_of_year"]}));
    check("lag", json!({"columns": ["sold"], "lags": [1, 7], "group": "shop", "order": "day"}));
    check("difference", json!({"columns": ["sold"], "form": "relative", "order": "day"}));
    check("rolling", json!({"columns": ["sold"], "window": 7, "functions": ["mean", "slope"]}));
    check("rolling", json!({"window": "24h", "current": "excluded", "min_periods": 3}));
    check("time_since", json!({"condition": "rain > 0", "unit": "hours", "name": "dry"}));
    check("count_words", json!({"columns": ["review"], "max_features": 500}));
    check("tfidf", json!({"columns": ["review"], "ngrams": [1, 2]}));
    check("tfidf", json!({"min_frequency": 2, "max_frequency": 0.9, "stop_words": ["the"]}));
    check("tfidf", json!({"analyzer": "char_wb", "case": "keep", "idf": "plain", "norm": "l1"}));
    check("hash_text", json!({"columns": ["review"], "features": 1024, "norm": "none"}));
    check("pixels", json!({"columns": "image", "width": 8, "height": 8, "colors": "rgb"}));
}
