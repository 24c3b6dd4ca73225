//! Which crate may know which: the map in ARCHITECTURE.md, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each room with the rooms it may know, in the order that data flows.
const ROOMS: &[(&str, &[&str])] = &[
    ("gristmill-core", &[]),
    ("gristmill-bucket", &[]),
    ("gristmill-ingest", &["gristmill-bucket", "gristmill-core"]),
    ("gristmill-features", &["gristmill-core"]),
    ("gristmill-models", &["gristmill-core"]),
    ("gristmill-evaluate", &["gristmill-core"]),
    ("gristmill-monitor", &["gristmill-core"]),
    ("gristmill-package", &["gristmill-core"]),
    ("gristmill-onnx", &["gristmill-core"]),
    ("gristmill-track", &["gristmill-bucket", "gristmill-core"]),
    ("gristmill-flow", &[]),
    ("gristmill-view", &[]),
    ("gristmill-serve", &["gristmill-core", "gristmill-package"]),
    ("gristmill-server", &["gristmill-core", "gristmill-serve", "gristmill-track"]),
    (
        "gristmill",
        &[
            "gristmill-core",
            "gristmill-ingest",
            "gristmill-features",
            "gristmill-models",
            "gristmill-evaluate",
            "gristmill-monitor",
            "gristmill-package",
            "gristmill-onnx",
            "gristmill-serve",
            "gristmill-track",
            "gristmill-flow",
            "gristmill-view",
        ],
    ),
    ("gristmill-cli", &["gristmill", "gristmill-server", "gristmill-view"]),
    ("gristmill-testkit", &["gristmill-core"]),
];

/// Heavy friends and the rooms that may name them.
const HEAVY: &[(&str, &[&str])] = &[
    ("datafusion", &["gristmill-ingest"]),
    ("object_store", &["gristmill-bucket"]),
    ("parquet", &["gristmill-ingest"]),
    ("reqwest", &["gristmill", "gristmill-server"]),
    ("sqlx", &["gristmill-track"]),
    ("axum", &["gristmill-server"]),
    ("clap", &["gristmill-cli"]),
    ("anyhow", &["gristmill-cli"]),
    ("granit-parser", &["gristmill-flow"]),
    ("faer", &["gristmill-features"]),
    ("png", &["gristmill-core"]),
    ("zune-jpeg", &["gristmill-core"]),
];

/// The dependencies of each member that reach the binary, by name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let packages = metadata["packages"].as_array().expect("there are packages");
    packages
        .iter()
        .map(|package| {
            let needs = package["dependencies"].as_array().expect("a list");
            let normal = needs.iter().filter(|d| d["kind"].is_null()).map(|d| text(&d["name"]));
            (text(&package["name"]), normal.collect())
        })
        .collect()
}

#[test]
fn every_room_knows_only_the_rooms_it_may() {
    let found = dependencies();
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    let members: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(members, rooms, "a member has no line in ROOMS, or the other way round");
    for (room, allowed) in ROOMS {
        for need in found[*room].iter().filter(|n| rooms.contains(n.as_str())) {
            assert!(allowed.contains(&need.as_str()), "{room} must not know {need}");
        }
    }
}

#[test]
fn a_heavy_friend_is_named_where_it_may_be() {
    for (room, needs) in dependencies() {
        for (friend, owners) in HEAVY {
            let may = owners.contains(&room.as_str());
            assert!(!needs.contains(*friend) || may, "{room} must not name {friend}");
        }
    }
}

/// Name, version and features of everything that this call of `cargo tree` lists.
fn features(arguments: &[&str]) -> BTreeMap<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none", "--format", "{p}|{f}"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = lines.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once('|'));
    lines.map(|(package, features)| (package.into(), features.into())).collect()
}

#[test] // otherwise most of the dependencies are compiled twice, which takes twice as long
fn the_tests_build_every_dependency_as_the_binary_does() {
    let binary = features(&["--edges", "normal,build"]);
    let tests = features(&["--workspace", "--edges", "normal,build,dev"]);
    let others: Vec<String> = binary
        .iter()
        .filter(|(package, features)| tests.get(*package) != Some(*features))
        .map(|(package, features)| format!("{package}: {features} and {:?}", tests.get(package)))
        .collect();
    assert!(others.is_empty(), "features differ:\n{}", others.join("\n"));
}
