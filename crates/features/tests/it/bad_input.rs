//! Every transform of the catalog meets the rows that nobody should give.

use gristmill_testkit::conformance;
use serde_json::{Value, json};

use crate::support::catalog;

/// Settings that take the columns of the suite and keep a million rows quick.
fn settings(name: &str) -> Value {
    match name {
        "drop" => json!({"columns": "w"}),
        "derive" => json!({"sum": "x + z"}),
        "ordinal" | "one_hot" | "target_encode" | "frequency_encode" | "hash" => {
            json!({"columns": "w"})
        }
        "count_words" | "tfidf" | "hash_text" => json!({"columns": ["w"]}),
        "datetime" => json!({"columns": "t"}),
        "lag" | "difference" => json!({"columns": "x", "group": "g", "order": "t"}),
        "rolling" => json!({"columns": "x", "group": "g", "order": "t", "window": 3}),
        "time_since" => json!({"group": "g", "order": "t"}),
        "clip" => json!({"columns": "numeric", "lower": -1, "upper": 1}),
        "pca" | "truncated_svd" | "random_projection" => {
            json!({"columns": "numeric", "components": 1})
        }
        "cluster_distance" => json!({"columns": "numeric", "clusters": 2}),
        "select" => json!({"columns": "numeric", "method": {"k_best": {"features": 1}}}),
        _ => json!({"columns": "numeric"}),
    }
}

/// Every transform whose place in the catalog is `part` of two.
#[track_caller]
fn check(part: usize) {
    let catalog = catalog();
    // The suite has no images; what is none meets `pixels` in its own tests.
    let names = catalog.transforms().keys().filter(|name| **name != "pixels");
    for name in names.skip(part).step_by(2) {
        conformance::transform_on_bad_input(&catalog, name, &settings(name));
    }
}

#[test]
fn one_half_of_the_transforms_takes_or_refuses_bad_rows() {
    check(0);
}

#[test]
fn the_other_half_of_the_transforms_takes_or_refuses_bad_rows() {
    check(1);
}
