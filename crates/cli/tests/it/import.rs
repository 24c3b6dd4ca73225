//! Stores of MLflow's taken over: whole ones that its client made, and broken ones made by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::daemon::Up;
use crate::sandbox::Sandbox;

const PYTHON: &str = "GRISTMILL_MLFLOW_PYTHON";
const RUN: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";

/// Runs a script of this folder with the Python that has MLflow; nothing when there is none.
fn python(script: &str, arguments: &[&str]) -> Option<()> {
    let Ok(python) = std::env::var(PYTHON) else {
        println!("skipped: {PYTHON} names no Python that has MLflow");
        return None;
    };
    let script = format!("{}/tests/it/{script}", env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(python)
        .arg(script)
        .args(arguments)
        .current_dir(folder.path())
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .env("MLFLOW_ALLOW_FILE_STORE", "true")
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(done.status.success(), "{}", said.join("\n"));
    println!("{}", said[0]);
    Some(())
}

/// Every file below a folder with its bytes.
fn all_files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(all_files(&entry.path())),
            false => drop(found.insert(entry.path(), fs_err::read(entry.path()).unwrap())),
        }
    }
    found
}

/// A store made by the client is taken over whole, twice, and asked by the client again.
fn comes_over_whole(uri: &str, store: &str) {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("source");
    fs_err::create_dir(&folder).unwrap();
    let place = folder.display().to_string();
    let uri = uri.replace("FOLDER", &place);
    if python("import_make.py", &[&uri, &place]).is_none() {
        return;
    }
    let before = all_files(&folder);
    let path = format!("source/{store}");
    let would = sandbox.json(&["import", "mlflow", &path, "--dry-run"]);
    let first = sandbox.json(&["import", "mlflow", &path]);
    assert_eq!(first["status"], "complete", "{first:#}");
    assert_eq!(first["runs"], json!({"taken": 7, "there": 0, "differing": 0}));
    for key in
        ["experiments", "runs", "metrics", "artifacts", "logged_models", "models", "versions"]
    {
        assert_eq!(would[key], first[key], "{key}");
    }
    let again = sandbox.json(&["import", "mlflow", &path]);
    assert_eq!(again["runs"], json!({"taken": 0, "there": 7, "differing": 0}), "{again:#}");
    assert_eq!(again["models"], json!({"taken": 0, "there": 4, "differing": 0}), "{again:#}");
    assert_eq!((&again["metrics"], &again["artifacts"]["files"]), (&json!(0), &json!(0)));
    assert!(all_files(&folder) == before, "the source changed");

    let up = Up::start(&sandbox);
    python("import_compare.py", &[&uri, &format!("http://{}", up.address())]);
    up.kill();
    let shown = sandbox.json(&["runs", "list", "--limit", "100"]);
    let names: Vec<_> = shown.as_array().unwrap().iter().map(|run| &run["pipeline"]).collect();
    assert!(names.contains(&&json!("first 🦀")) && !names.contains(&&json!("child")), "{names:?}");
    let history = sandbox.json(&["models", "history", "churn"]);
    assert!(history.to_string().contains("imported from MLflow"), "{history}");
}

#[test]
fn a_folder_of_mlflow_comes_over_whole() {
    comes_over_whole("file://FOLDER/mlruns", "mlruns");
}

#[test]
fn a_database_of_mlflow_comes_over_whole() {
    comes_over_whole("sqlite:///FOLDER/mlflow.db", "mlflow.db");
}

/// Writes files of a store by their paths.
fn store(sandbox: &Sandbox, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = sandbox.path("mlruns").join(path.replace("RUN", RUN).replace("OTHER", OTHER));
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text.replace("RUN", RUN).replace("OTHER", OTHER)).unwrap();
    }
}

const EXPERIMENT: &str = "experiment_id: '7'\nname: seven\nlifecycle_stage: active\n";
const META: &str = "run_id: RUN\nexperiment_id: '7'\nstatus: 3\nstart_time: 1\nend_time: 2\n\
                    run_name: good\nartifact_uri: ''\nlifecycle_stage: active\n";

/// An experiment with one run.
const GOOD: [(&str, &str); 3] =
    [("7/meta.yaml", EXPERIMENT), ("7/RUN/meta.yaml", META), ("7/RUN/params/lr", "0.1")];

/// Imports `mlruns` and says what became of it; it must end with this code.
#[track_caller]
fn import(sandbox: &Sandbox, code: i32) -> Value {
    let said = sandbox.run(&["import", "mlflow", "mlruns", "--json"]);
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).unwrap()
}

/// A good run beside something bad: the run comes over, and what is bad is named with its reason.
#[track_caller]
fn leaves_out(bad: &[(&str, &str)], what: &str, why: &str) {
    let sandbox = Sandbox::new();
    store(&sandbox, &GOOD);
    store(&sandbox, bad);
    left_out(&sandbox, what, why);
}

#[track_caller]
fn left_out(sandbox: &Sandbox, what: &str, why: &str) {
    let report = import(sandbox, 1);
    assert_eq!((&report["status"], &report["runs"]["taken"]), (&json!("incomplete"), &json!(1)));
    let told = report["left_out"].as_array().unwrap();
    let text = |thing: &Value, key: &str| thing[key].as_str().unwrap().to_string();
    let named = told.iter().any(|t| text(t, "what").contains(what) && text(t, "why").contains(why));
    assert!(named, "{told:#?}");
    let shown = sandbox.json(&["runs", "show", RUN]);
    assert_eq!(shown["params"]["lr"], "0.1");
    let again = import(sandbox, 1);
    assert_eq!((&again["runs"]["taken"], &again["runs"]["there"]), (&json!(0), &json!(1)));
}

#[test]
fn a_broken_run_costs_itself_alone() {
    leaves_out(&[("7/OTHER/meta.yaml", "run_id: [")], OTHER, "`meta.yaml`, line ");
    leaves_out(&[("7/OTHER/meta.yaml", "run_id: RUN\n")], OTHER, "that of run");
    leaves_out(&[("7/OTHER/params/a", "1")], OTHER, "`meta.yaml`: it cannot be read");
    leaves_out(
        &[("7/not-an-id/meta.yaml", "status: 3\n")],
        "not-an-id",
        "32 lower-case hex digits",
    );
    leaves_out(&[("7/OTHER/meta.yaml", "status: 9\n")], OTHER, "expected 1 to 5");
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
                e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    leaves_out(&[("7/OTHER/meta.yaml", bomb)], OTHER, "more than 200000 values");
}

#[test]
fn a_broken_experiment_costs_itself_alone() {
    leaves_out(&[("8/meta.yaml", "name: eight\nexperiment_id: '9'\n")], "/8`", "experiment 9");
    leaves_out(&[("9/OTHER/meta.yaml", "run_id: OTHER\n")], "/9`", "it cannot be read");
    let twice = "experiment_id: '7'\nname: again\n";
    leaves_out(&[(".trash/7/meta.yaml", twice)], "/7`", "in use and in the trash");
}

#[test]
fn a_bad_line_of_a_metric_costs_itself_alone() {
    let long = format!("1 1.0 0\n{}\n2 2.0 1\nabsurd\n", "9".repeat(100_000));
    let bad = [("7/RUN/metrics/loss", long.as_str())];
    leaves_out(&bad, "metrics/loss", "line 2: longer than 4000 bytes, and 1 more lines");
    let long = "k".repeat(200);
    let path = format!("7/RUN/metrics/{long}/{long}");
    leaves_out(&[(&path, "1 1 0\n")], RUN, "401 characters long");
}

#[test]
fn a_value_that_is_too_long_costs_itself_alone() {
    let long = "v".repeat(6001);
    leaves_out(&[("7/RUN/params/long", &long)], RUN, "6001 characters long, expected at most 6000");
    let huge = "v".repeat(100_000);
    leaves_out(&[("7/RUN/tags/huge", &huge)], "tags/huge", "100000 bytes, expected at most 32000");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let sandbox = Sandbox::new();
    store(&sandbox, &GOOD);
    store(&sandbox, &[("7/RUN/artifacts/a.txt", "a")]);
    sandbox.write("secret", "secret");
    for link in ["artifacts/secret.txt", "params/secret"] {
        let link = sandbox.path(&format!("mlruns/7/{RUN}/{link}"));
        std::os::unix::fs::symlink(sandbox.path("secret"), link).unwrap();
    }
    left_out(&sandbox, "artifacts/secret.txt", "links are not followed");
    let shown = sandbox.json(&["runs", "show", RUN]);
    assert_eq!(shown["params"], json!({"lr": "0.1"}));
    let kept = all_files(&sandbox.path(".gristmill/artifacts"));
    assert_eq!(kept.into_values().collect::<Vec<_>>(), [b"a".to_vec()]);
}

#[test]
fn artifacts_outside_of_the_store_come_when_that_is_said() {
    let sandbox = Sandbox::new();
    fs_err::create_dir_all(sandbox.path("else/where")).unwrap();
    sandbox.write("else/where/a.txt", "a");
    let place = sandbox.path("else/where").display().to_string();
    let meta = META.replace("artifact_uri: ''", &format!("artifact_uri: {place}"));
    store(&sandbox, &[("7/meta.yaml", EXPERIMENT), ("7/RUN/meta.yaml", &meta)]);
    store(&sandbox, &[("7/RUN/params/lr", "0.1")]);
    left_out(&sandbox, RUN, "outside of the source; allow that by `--artifacts DIR`");
    let with = ["import", "mlflow", "mlruns", "--artifacts", "else"];
    let would = sandbox.json(&[&with[..], &["--dry-run"]].concat());
    let late = sandbox.json(&with);
    let fresh = sandbox.json(&[&["--home", "h"], &with[..]].concat());
    let exactly = ["--home", "i", "import", "mlflow", "mlruns", "--artifacts", "else/where"];
    for report in [would, late, fresh, sandbox.json(&exactly)] {
        assert_eq!(report["artifacts"], json!({"files": 1, "bytes": 1}), "{report:#}");
    }
    sandbox.write("else/where/a.txt", "other");
    let said = sandbox.run(&[&with[..], &["--json"]].concat());
    let why = "the size of artifact `a.txt` is `1` here and `5` there";
    assert!(said.code == 1 && said.out.contains(why), "{}", said.out);
}

#[test]
fn a_run_of_that_id_with_other_content_stays_as_it_is() {
    let sandbox = Sandbox::new();
    store(&sandbox, &GOOD);
    import(&sandbox, 0);
    store(&sandbox, &[("7/RUN/params/lr", "0.2")]);
    let report = import(&sandbox, 1);
    let differing = json!([{"what": format!("run {RUN}"),
                            "why": "param `lr` is `0.1` here and `0.2` there"}]);
    assert_eq!(report["differing"], differing);
    assert_eq!(sandbox.json(&["runs", "show", RUN])["params"]["lr"], "0.1");
}

#[test]
fn a_history_with_one_value_more_is_another() {
    let sandbox = Sandbox::new();
    store(&sandbox, &GOOD);
    store(&sandbox, &[("7/RUN/metrics/m", "1 1 1\n1 1 1\n9 2 9\n")]);
    assert_eq!(import(&sandbox, 0)["metrics"], 3);
    assert_eq!(import(&sandbox, 0)["runs"]["there"], 1, "an equal line counts once");
    store(&sandbox, &[("7/RUN/metrics/m", "1 1 1\n2 nan 2\n9 2 9\n")]);
    let report = import(&sandbox, 1);
    let why = "the number of values of metric `m` is `2` here and `3` there";
    assert_eq!(report["differing"][0]["why"], why);
}

#[test]
fn artifacts_that_are_gone_are_spoken_of_once() {
    let sandbox = Sandbox::new();
    let meta = |run: &str| {
        let place = format!("artifact_uri: /gone/mlruns/7/{run}/artifacts");
        META.replace("RUN", run).replace("artifact_uri: ''", &place)
    };
    store(&sandbox, &[("7/meta.yaml", EXPERIMENT), ("7/RUN/meta.yaml", &meta(RUN))]);
    store(&sandbox, &[("7/OTHER/meta.yaml", &meta(OTHER))]);
    let notes = import(&sandbox, 0)["notes"].clone();
    let said = "2 runs and logged models had their artifacts in `/gone/mlruns`, which is not there";
    let notes = notes.as_array().unwrap();
    assert!(notes.len() == 1 && notes[0].as_str().unwrap().starts_with(said), "{notes:?}");
}

#[test]
fn a_version_may_name_a_run_that_is_gone() {
    let sandbox = Sandbox::new();
    store(&sandbox, &GOOD);
    let version = "name: m\nversion: 2\nrun_id: OTHER\nsource: /gone/7/OTHER/artifacts/model\n\
                   current_stage: None\nstatus: READY\n";
    let files = [
        ("models/m/meta.yaml", "name: m\n"),
        ("models/m/version-2/meta.yaml", version),
        ("models/m/aliases/champion", "2"),
        ("models/m/aliases/lost", "5"),
    ];
    store(&sandbox, &files);
    left_out(&sandbox, "version 2 of registered model `m`", "those of no run or model");
    left_out_again(&sandbox, "version `5` not found");
    let shown = sandbox.json(&["models", "show", "m"]);
    assert!(shown.to_string().contains("champion"), "{shown}");
}

#[track_caller]
fn left_out_again(sandbox: &Sandbox, why: &str) {
    let report = import(sandbox, 1);
    assert!(report["left_out"].to_string().contains(why), "{report:#}");
}

#[test]
fn a_number_that_is_taken_gives_way_to_the_next() {
    let sandbox = Sandbox::new();
    store(&sandbox, &[("7/meta.yaml", EXPERIMENT), ("7/RUN/meta.yaml", META)]);
    import(&sandbox, 0);
    fs_err::remove_dir_all(sandbox.path("mlruns")).unwrap();
    let other = "experiment_id: '7'\nname: another\n";
    let meta = META.replace("RUN", "OTHER");
    store(&sandbox, &[("7/meta.yaml", other), ("7/OTHER/meta.yaml", &meta)]);
    let report = import(&sandbox, 0);
    assert_eq!(report["notes"], json!(["experiment `another` has the number 8 here, not 7"]));
    assert_eq!(import(&sandbox, 0)["runs"]["there"], 1);
}

#[test]
fn what_is_no_store_is_refused() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("empty")).unwrap();
    sandbox.write("text.db", "no database at all, but long enough to have a header");
    for (path, said) in [
        ("empty", "is no store of MLflow's"),
        ("text.db", "no SQLite database"),
        ("gone", "No such file"),
        ("postgresql://u:secret@h/d", "`postgresql://...` is no store that can be imported"),
    ] {
        let refused = sandbox.run(&["import", "mlflow", path]);
        assert_eq!(refused.code, 1, "{path}: {}", refused.err);
        assert!(refused.err.contains(said) && !refused.err.contains("secret"), "{}", refused.err);
    }
    assert!(!sandbox.path(".gristmill").exists());
}

#[test]
fn a_dry_run_makes_nothing() {
    let sandbox = Sandbox::new();
    store(&sandbox, &[("7/meta.yaml", EXPERIMENT), ("7/RUN/meta.yaml", META)]);
    store(&sandbox, &[("7/RUN/metrics/m", "1 1\n2 2 2\n"), ("7/RUN/artifacts/a", "abc")]);
    let would = sandbox.json(&["import", "mlflow", "mlruns", "--dry-run"]);
    assert_eq!(
        (&would["metrics"], &would["artifacts"]),
        (&json!(2), &json!({"files": 1, "bytes": 3}))
    );
    assert!(!sandbox.path(".gristmill").exists());
}

#[cfg(unix)]
#[test]
fn a_store_comes_over_into_a_database_that_machines_share() {
    let Some(server) = gristmill_testkit::postgres::Postgres::shared() else { return };
    let url = server.new_database("imported");
    let sandbox = Sandbox::new();
    store(&sandbox, &GOOD);
    let files = [
        ("7/RUN/metrics/m", "1 nan 1\n2 -inf 2\n"),
        ("7/RUN/artifacts/a/b.txt", "b"),
        ("7/models/m-1/meta.yaml", "model_id: m-1\nname: line\nstatus: 2\n"),
        ("7/models/m-1/metrics/auc", "1 0.5 1 RUN d 1\n"),
        ("7/models/m-1/artifacts/w", "weights"),
        ("models/m/meta.yaml", "name: m\n"),
        ("models/m/version-3/meta.yaml", "version: 3\nsource: models:/m-1\nrun_id: RUN\n"),
        ("models/m/aliases/champion", "3"),
    ];
    store(&sandbox, &files);
    for (taken, there) in [(1, 0), (0, 1)] {
        let mut command = sandbox.command(&["import", "mlflow", "mlruns", "--json"]);
        let output = command.env("GRISTMILL_DATABASE_URL", &url).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["status"], "complete", "{report:#}");
        for key in ["experiments", "logged_models", "models"] {
            let found = json!({"taken": taken, "there": there, "differing": 0});
            assert_eq!(report[key], found, "{key}: {report:#}");
        }
    }
    assert!(!sandbox.path(".gristmill/gristmill.db").exists());
}

/// A store with so many runs that an import of it can be killed in the middle.
fn many(sandbox: &Sandbox, runs: usize) {
    store(sandbox, &[("7/meta.yaml", EXPERIMENT)]);
    let values: String = (0..300).map(|step| format!("{step} {step}.5 {step}\n")).collect();
    for run in 0..runs {
        let id = format!("{run:032x}");
        let folder = sandbox.path(&format!("mlruns/7/{id}"));
        fs_err::create_dir_all(folder.join("metrics")).unwrap();
        fs_err::create_dir_all(folder.join("artifacts")).unwrap();
        fs_err::write(folder.join("meta.yaml"), META.replace("RUN", &id)).unwrap();
        fs_err::write(folder.join("metrics/loss"), &values).unwrap();
        fs_err::write(folder.join("artifacts/a.txt"), &id).unwrap();
    }
}

#[test]
fn a_second_import_completes_one_that_was_killed() {
    let sandbox = Sandbox::new();
    const RUNS: usize = 150;
    many(&sandbox, RUNS);
    for pause in [150, 300, 60] {
        let mut killed = sandbox.command(&["import", "mlflow", "mlruns"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        killed.kill().unwrap();
        killed.wait().unwrap();
    }
    let report = import(&sandbox, 0);
    let count = |name: &str| report["runs"][name].as_u64().unwrap();
    assert_eq!((count("taken") + count("there"), count("differing")), (RUNS as u64, 0));
    assert_eq!(import(&sandbox, 0)["runs"]["there"], RUNS);
    let fresh = sandbox.json(&["--home", "fresh", "import", "mlflow", "mlruns"]);
    assert_eq!(fresh["metrics"], 300 * RUNS);
    let list = |home: &str| sandbox.json(&["--home", home, "runs", "list", "--limit", "1000"]);
    assert_eq!(list(".gristmill"), list("fresh"));
}
