//! Backups: taken while a home is written, restored whole or not at all, and refused when anybody
//! touched them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{Up, signal, wait};
use crate::sandbox::Sandbox;

/// The churn example after a run.
fn trained() -> Sandbox {
    let sandbox = Sandbox::churn();
    let said = sandbox.run(&["run", "pipeline.yaml", "--quiet"]);
    assert_eq!(said.code, 0, "{}", said.err);
    sandbox
}

/// What a home knows of models and runs.
fn known(sandbox: &Sandbox, home: &str) -> Value {
    let ask = |what: &[&str]| sandbox.json(&[what, &["--home", home]].concat());
    let mut models = ask(&["models", "show", "churn"]);
    for version in models.as_array_mut().unwrap() {
        version.as_object_mut().unwrap().remove("path");
    }
    json!([models, ask(&["models", "history", "churn"]), ask(&["runs", "list"])])
}

/// Restoring this into a home that is not there is refused with these words, and makes none.
#[track_caller]
fn refused(sandbox: &Sandbox, backup: &str, words: &str) {
    let said = sandbox.run(&["restore", backup, "--home", "new/home"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.err.contains(words), "`{words}` is not in:\n{}", said.err);
    assert!(!said.err.contains("panicked"), "{}", said.err);
    let left: Vec<_> = match fs_err::read_dir(sandbox.path("new")) {
        Ok(entries) => entries.map(|entry| entry.unwrap().file_name()).collect(),
        Err(_) => Vec::new(),
    };
    assert!(left.is_empty(), "{left:?} is left");
}

/// The files of a folder backup that hold content.
fn contents(folder: &Path) -> Vec<PathBuf> {
    let shards = fs_err::read_dir(folder.join("content")).unwrap();
    let files = shards.flat_map(|shard| fs_err::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_home_comes_back_whole_at_another_place() {
    for backup in ["saved", "saved.tar"] {
        let sandbox = trained();
        let before = known(&sandbox, ".gristmill");
        let said = sandbox.json(&["backup", backup]);
        assert_eq!((&said["counts"]["runs"], &said["counts"]["versions"]), (&json!(1), &json!(1)));
        assert_eq!(said["missing"], json!([]));
        fs_err::remove_dir_all(sandbox.path(".gristmill")).unwrap();
        let restored = sandbox.json(&["restore", backup, "--home", "elsewhere/home"]);
        assert_eq!(restored["counts"], said["counts"]);
        assert_eq!(known(&sandbox, "elsewhere/home"), before);
        let asked = ["predict", "churn", "--input", "customers.csv", "--home", "elsewhere/home"];
        let answers = sandbox.run(&asked);
        assert_eq!(answers.code, 0, "{}", answers.err);
        let report = sandbox.run(&["report", "latest", "--home", "elsewhere/home"]);
        assert_eq!(report.code, 0, "{}", report.err);
        // A run meets the version that was restored.
        let again = sandbox.json(&["run", "pipeline.yaml", "--home", "elsewhere/home"]);
        assert_eq!(again["model"]["version"], 1);
    }
}

#[test]
fn what_a_folder_has_is_not_copied_again_and_what_is_over_goes() {
    let sandbox = trained();
    let first = sandbox.json(&["backup", "saved"]);
    let second = sandbox.json(&["backup", "saved"]);
    assert!(first["copied"].as_u64().unwrap() > 5, "{first}");
    assert!(second["copied"].as_u64().unwrap() <= 1, "nothing but the database: {second}");
    assert_eq!(second["files"], first["files"]);
    sandbox.json(&["run", "pipeline.yaml", "--set", "model.logistic_regression.c=0.5"]);
    let third = sandbox.json(&["backup", "saved"]);
    assert!(third["copied_bytes"].as_u64().unwrap() < third["bytes"].as_u64().unwrap());
    let files = contents(&sandbox.path("saved")).len() as u64;
    assert!(files <= third["files"].as_u64().unwrap(), "an earlier database is left");
    sandbox.json(&["restore", "saved", "--home", "other"]);
    assert_eq!(known(&sandbox, "other"), known(&sandbox, ".gristmill"));
}

#[test]
fn a_home_that_has_something_stays_unless_told_and_its_secrets_stay_anyway() {
    let sandbox = trained();
    sandbox.json(&["backup", "saved.tar"]);
    fs_err::create_dir(sandbox.path(".gristmill/secrets")).unwrap();
    sandbox.write(".gristmill/secrets/key", "s3cret");
    sandbox.json(&["run", "pipeline.yaml", "--set", "model.logistic_regression.c=0.5"]);
    let newer = known(&sandbox, ".gristmill");
    let said = sandbox.run(&["restore", "saved.tar"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("has something in it") && said.err.contains("--replace"),
        "{}",
        said.err
    );
    assert_eq!(known(&sandbox, ".gristmill"), newer);

    let restored = sandbox.json(&["restore", "saved.tar", "--replace"]);
    assert_eq!(sandbox.json(&["runs", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(fs_err::read(sandbox.path(".gristmill/secrets/key")).unwrap(), b"s3cret");
    let aside = restored["aside"].as_str().unwrap();
    let runs = sandbox.json(&["runs", "list", "--home", aside]);
    assert_eq!(runs.as_array().unwrap().len(), 2);
    let archive = fs_err::read(sandbox.path("saved.tar")).unwrap();
    assert!(!archive.windows(6).any(|bytes| bytes == b"s3cret"));
}

#[test]
fn a_home_at_work_is_left_alone_and_it_is_said_who_works() {
    let sandbox = trained();
    sandbox.json(&["backup", "saved"]);
    let up = Up::start(&sandbox);
    wait("its lead", || {
        !fs_err::read(sandbox.path(".gristmill/locks/up")).unwrap_or_default().is_empty()
    });
    let said = sandbox.run(&["restore", "saved", "--replace"]);
    let who = format!("`gristmill up` (process {})", up.id());
    assert!(said.code == 1 && said.err.contains(&who), "{}", said.err);
    assert_eq!(up.end(), Some(0));

    let work = json!({"name": "work", "tasks": {"a": {"run": "touch begun; exec sleep 60"}}});
    sandbox.write("work.yaml", work.to_string());
    let mut command = sandbox.command(&["run", "work.yaml", "--quiet"]);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait("the run", || sandbox.path("begun").exists());
    let id = sandbox.json(&["runs", "list"])[0]["run_id"].as_str().unwrap().to_string();
    let said = sandbox.run(&["restore", "saved", "--replace"]);
    assert!(said.code == 1 && said.err.contains(&format!("run {id}")), "{}", said.err);
    // A backup is taken meanwhile, and its run is one that was cut short.
    sandbox.json(&["backup", "amid"]);
    signal("-INT", run.id());
    run.wait().unwrap();
    sandbox.json(&["restore", "amid", "--home", "other"]);
    sandbox.write("work.yaml", work.to_string().replace("exec sleep 60", "true"));
    assert_eq!(sandbox.run(&["run", "work.yaml", "--home", "other", "--quiet"]).code, 0);
    sandbox.json(&["restore", "saved", "--replace"]);
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_made_of_it() {
    let sandbox = trained();
    sandbox.json(&["backup", "saved"]);
    sandbox.json(&["backup", "saved.tar"]);
    for file in contents(&sandbox.path("saved")) {
        let whole = fs_err::read(&file).unwrap();
        let mut turned = whole.clone();
        let middle = turned.len() / 2;
        turned[middle] ^= 1;
        fs_err::write(&file, &turned).unwrap();
        refused(&sandbox, "saved", "are not those that were saved");
        fs_err::write(&file, &whole[..whole.len() - 1]).unwrap();
        refused(&sandbox, "saved", "are not those that were saved");
        fs_err::remove_file(&file).unwrap();
        refused(&sandbox, "saved", "is not in it");
        fs_err::write(&file, &whole).unwrap();
    }
    let whole = fs_err::read(sandbox.path("saved.tar")).unwrap();
    for part in [0, 1, 511, 512, 513, 1024, 3000, whole.len() / 2, whole.len() - 1500] {
        sandbox.write("saved.tar", &whole[..part]);
        refused(&sandbox, "saved.tar", "cannot be used");
    }
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut turned = whole.clone();
        turned[at] ^= 0x10;
        sandbox.write("saved.tar", &turned);
        let said = sandbox.run(&["restore", "saved.tar", "--home", "new/home"]);
        // What fills blocks up says nothing.
        assert!(said.code == 1 || (said.code == 0 && whole[at] == 0), "{at}: {}", said.err);
        assert!(!said.err.contains("panicked"), "{}", said.err);
        let _ = fs_err::remove_dir_all(sandbox.path("new"));
    }
    sandbox.write("notes.tar", "these are notes");
    refused(&sandbox, "notes.tar", "cannot be used");
    refused(&sandbox, "nowhere", "there is no backup");
    refused(&sandbox, ".", "no `backup.json`");
}

/// Writes another manifest in the place of that of a backup.
fn change(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let path = sandbox.path("saved/backup.json");
    let mut manifest: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs_err::write(path, manifest.to_string()).unwrap();
}

#[test]
fn a_strangers_backup_reaches_nothing_outside() {
    let sandbox = trained();
    let anew = || {
        let _ = fs_err::remove_dir_all(sandbox.path("saved"));
        sandbox.json(&["backup", "saved"]);
    };
    for path in ["../../evil", "/tmp/evil", "secrets/evil", "logs/../../evil", "locks/up"] {
        anew();
        change(&sandbox, |manifest| manifest["files"][0]["path"] = json!(path));
        refused(&sandbox, "saved", "cannot be used");
    }
    assert!(!sandbox.path("evil").exists());
    anew();
    change(&sandbox, |manifest| manifest["rows"]["runs"] = json!(7));
    refused(&sandbox, "saved", "does not hold what its manifest says");
    anew();
    change(&sandbox, |manifest| {
        manifest["files"]
            .as_array_mut()
            .unwrap()
            .retain(|file| !file["path"].as_str().unwrap().contains("/golden.arrow"));
    });
    refused(&sandbox, "saved", "is damaged");
    anew();
    let content = contents(&sandbox.path("saved")).remove(0);
    fs_err::rename(&content, sandbox.path("there")).unwrap();
    std::os::unix::fs::symlink(sandbox.path("there"), &content).unwrap();
    refused(&sandbox, "saved", "is not in it");
}

#[test]
fn a_place_with_other_things_is_no_place_for_a_backup() {
    let sandbox = trained();
    fs_err::create_dir(sandbox.path("photos")).unwrap();
    sandbox.write("photos/cat.jpg", "cat");
    sandbox.write("photos.tar", "cats");
    for (place, words) in [
        ("photos", "holds `cat.jpg`"),
        ("photos.tar", "is there and is no backup"),
        ("photos/cat.jpg", "is there and is no backup"),
        (".gristmill/saved", "lies within the home"),
    ] {
        let said = sandbox.run(&["backup", place]);
        assert!(said.code == 1 && said.err.contains(words), "{place}: {}", said.err);
    }
    assert_eq!(fs_err::read(sandbox.path("photos/cat.jpg")).unwrap(), b"cat");
    assert_eq!(fs_err::read(sandbox.path("photos.tar")).unwrap(), b"cats");
    let nowhere = sandbox.run(&["backup", "saved", "--home", "nowhere"]);
    assert!(nowhere.code == 1 && nowhere.err.contains("is no home"), "{}", nowhere.err);
    assert!(!sandbox.path("nowhere").exists() && !sandbox.path("saved").exists());
    let mut command = sandbox.command(&["backup", "saved"]);
    let shared =
        command.env("GRISTMILL_DATABASE_URL", "postgres://u@127.0.0.1:1/d").output().unwrap();
    let said = String::from_utf8_lossy(&shared.stderr).into_owned();
    assert!(shared.status.code() == Some(1) && said.contains("pg_dump"), "{said}");
}

#[test]
fn what_the_home_has_lost_is_named_and_the_rest_is_saved() {
    let sandbox = trained();
    let artifacts = sandbox.path(".gristmill/artifacts");
    let shards: Vec<_> = fs_err::read_dir(&artifacts)
        .unwrap()
        .map(|shard| shard.unwrap())
        .filter(|shard| shard.file_name().len() == 2)
        .flat_map(|shard| fs_err::read_dir(shard.path()).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    fs_err::remove_file(&shards[0]).unwrap();
    let lost = shards[0].file_name().unwrap().to_str().unwrap();
    let said = sandbox.run(&["backup", "saved"]);
    assert!(said.code == 1 && said.err.contains(lost), "{}", said.err);
    let restored = sandbox.json(&["restore", "saved", "--home", "other"]);
    assert!(restored["missing"][0].as_str().unwrap().starts_with(lost), "{restored}");
}

#[test]
fn a_backup_that_is_killed_leaves_the_one_before() {
    let sandbox = trained();
    for backup in ["saved", "saved.tar"] {
        sandbox.json(&["backup", backup]);
        for millis in [0, 2, 5, 10, 20, 40] {
            let c = format!("model.logistic_regression.c=0.{}", millis + 100);
            sandbox.json(&["run", "pipeline.yaml", "--set", &c]);
            let mut command = sandbox.command(&["backup", backup]);
            let mut taking = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(millis));
            taking.kill().unwrap();
            taking.wait().unwrap();
            sandbox.json(&["restore", backup, "--home", "other"]);
            fs_err::remove_dir_all(sandbox.path("other")).unwrap();
        }
        sandbox.json(&["backup", backup]);
        sandbox.json(&["restore", backup, "--home", "other"]);
        assert_eq!(known(&sandbox, "other"), known(&sandbox, ".gristmill"));
        fs_err::remove_dir_all(sandbox.path("other")).unwrap();
    }
    let left = Sandbox::names(&sandbox.path("."));
    let over = left.iter().filter(|name| name.starts_with(".saved") || name.starts_with(".other"));
    assert_eq!(over.count(), 0, "{left:?}");
}

#[test]
fn a_restore_that_is_killed_leaves_no_half_home() {
    let sandbox = trained();
    sandbox.json(&["backup", "saved"]);
    let expected = known(&sandbox, ".gristmill");
    for millis in [0, 2, 5, 10, 20, 30, 50] {
        let mut command = sandbox.command(&["restore", "saved", "--home", "other"]);
        let mut making = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        making.kill().unwrap();
        making.wait().unwrap();
        if sandbox.path("other").exists() {
            assert_eq!(known(&sandbox, "other"), expected);
            fs_err::remove_dir_all(sandbox.path("other")).unwrap();
        }
    }
    sandbox.json(&["restore", "saved", "--home", "other"]);
    assert_eq!(known(&sandbox, "other"), expected);
}

/// Asks a server for something that it must answer.
#[track_caller]
fn done(up: &Up, path: &str, body: &Value) -> Value {
    let (status, answer) = up.post(&format!("/api/2.0/mlflow{path}"), &body.to_string());
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

fn put(up: &Up, run: &str, name: &str, text: &str) {
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{name}");
    let head = format!("PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}", text.len());
    let (status, answer) = up.call(&format!("{head}\r\n\r\n{text}"));
    assert_eq!(status, 200, "{answer}");
}

/// How much of what a writer logs was acknowledged.
#[derive(Default)]
struct Acknowledged {
    metrics: AtomicUsize,
    artifacts: AtomicUsize,
    enough: AtomicBool,
}

fn write(up: &Up, run: &str, acknowledged: &Acknowledged) {
    for step in 0.. {
        if acknowledged.enough.load(Ordering::SeqCst) {
            return;
        }
        let metric =
            json!({"run_id": run, "key": "m", "value": step, "step": step, "timestamp": 1});
        done(up, "/runs/log-metric", &metric);
        std::thread::sleep(Duration::from_millis(2));
        acknowledged.metrics.store(step + 1, Ordering::SeqCst);
        if step % 5 == 0 {
            put(up, run, &format!("{}.txt", step / 5), &format!("text {step}"));
            acknowledged.artifacts.store(step / 5 + 1, Ordering::SeqCst);
        }
    }
}

/// A restored home holds what was acknowledged before its backup began. Of the artifacts the last are
/// fetched, since a restore compares them all with their hashes.
fn holds(sandbox: &Sandbox, home: &str, run: &str, metrics: usize, artifacts: usize) {
    let mut command = sandbox.command(&["up", "--port", "0", "--home", home]);
    let up = Up::of(command.stderr(Stdio::null()));
    let path = "/api/2.0/mlflow/metrics/get-history";
    let ask = format!("GET {path}?run_id={run}&metric_key=m HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    let found = up.call(&ask).1["metrics"].as_array().map_or(0, Vec::len);
    assert!(found >= metrics, "{found} of {metrics} metrics");
    for n in artifacts.saturating_sub(20)..artifacts {
        let path = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{n}.txt");
        let (status, text) = up.call(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        assert_eq!((status, text), (200, json!(format!("text {}", n * 5))));
    }
}

#[test]
fn every_backup_of_a_home_that_is_written_holds_what_was_acknowledged_before_it() {
    let sandbox = Sandbox::new();
    let up = Arc::new(Up::start(&sandbox));
    let made = done(&up, "/runs/create", &json!({"experiment_id": "0"}));
    let run = made["run"]["info"]["run_id"].as_str().unwrap().to_string();
    let acknowledged = Arc::new(Acknowledged::default());
    let writer = std::thread::spawn({
        let (up, run, acknowledged) = (Arc::clone(&up), run.clone(), Arc::clone(&acknowledged));
        move || write(&up, &run, &acknowledged)
    });
    for n in 0..8 {
        let before = acknowledged.metrics.load(Ordering::SeqCst);
        let artifacts = acknowledged.artifacts.load(Ordering::SeqCst);
        let backup = if n % 2 == 0 { "saved" } else { "saved.tar" };
        let said = sandbox.json(&["backup", backup]);
        assert_eq!(said["missing"], json!([]));
        let home = format!("home-{n}");
        sandbox.json(&["restore", backup, "--home", &home]);
        holds(&sandbox, &home, &run, before, artifacts);
        wait("more", || acknowledged.metrics.load(Ordering::SeqCst) > before + 10);
    }
    acknowledged.enough.store(true, Ordering::SeqCst);
    writer.join().unwrap();
}

#[test] // the file was put together by Python's `tarfile` over a home that layout 6 left
fn a_backup_of_an_older_layout_is_brought_to_ours() {
    let sandbox = Sandbox::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/backup_layout_6.tar");
    let restored = sandbox.json(&["restore", file.to_str().unwrap()]);
    assert_eq!((&restored["layout"], &restored["counts"]["runs"]), (&json!(6), &json!(2)));
    let run = &sandbox.json(&["runs", "list"])[0];
    assert_eq!((&run["metrics"]["auc"], run["pipeline"].as_str()), (&json!(0.7), Some("kept")));
    let served = sandbox.json(&["models", "served", "old", "champion"]);
    assert_eq!(served["move"]["version"], 1);
    let saved = sandbox.json(&["backup", "saved"]);
    assert!(saved["layout"].as_i64().unwrap() > 6, "{saved}");
}
