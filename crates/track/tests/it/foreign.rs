//! Databases of MLflow's that are read as they lie there: of an older version, and while somebody
//! writes to them.

use std::path::{Path, PathBuf};

use fs_err as fs;
use gristmill_core::{ErrorKind, Timestamp};
use gristmill_track::{Lifecycle, MlflowDatabase, RunStatus, Stage};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection};

use crate::block_on;

const RUN: &str = "0123456789abcdef0123456789abcdef";

/// The tables as MLflow 1.0 to 2.0 had them, as far as they are read: no moments of experiments, no
/// metric that is no number, no aliases, datasets and logged models.
const OLD: &str = "
    CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name VARCHAR(256),
        artifact_location VARCHAR(256), lifecycle_stage VARCHAR(32));
    CREATE TABLE runs (run_uuid VARCHAR(32) PRIMARY KEY, name VARCHAR(250), user_id VARCHAR(256),
        status VARCHAR(9), start_time BIGINT, end_time BIGINT, lifecycle_stage VARCHAR(20),
        artifact_uri VARCHAR(200), experiment_id INTEGER);
    CREATE TABLE metrics (key VARCHAR(250), value FLOAT, timestamp BIGINT, run_uuid VARCHAR(32));
    CREATE TABLE params (key VARCHAR(250), value VARCHAR(250), run_uuid VARCHAR(32));
    CREATE TABLE tags (key VARCHAR(250), value VARCHAR(5000), run_uuid VARCHAR(32));
    CREATE TABLE registered_models (name VARCHAR(256) PRIMARY KEY, creation_time BIGINT);
    CREATE TABLE model_versions (name VARCHAR(256), version INTEGER, creation_time BIGINT,
        current_stage VARCHAR(20), source VARCHAR(500), run_id VARCHAR(32), status VARCHAR(20));
    INSERT INTO experiments VALUES (3, 'old', '/mlruns/3', 'deleted');
    INSERT INTO runs VALUES
        ('0123456789abcdef0123456789abcdef', 'r', 'u', 'FINISHED', 5, 6, 'active', '/a', 3),
        ('no id', 'r', 'u', 'FINISHED', 5, 6, 'active', '/a', 3);
    INSERT INTO metrics VALUES ('m', 0.5, 7, '0123456789abcdef0123456789abcdef');
    INSERT INTO params VALUES ('p', 'v', '0123456789abcdef0123456789abcdef'),
        ('long', printf('%7000s', 'v'), '0123456789abcdef0123456789abcdef');
    INSERT INTO registered_models VALUES ('churn', 9);
    INSERT INTO model_versions VALUES ('churn', 1, 9, 'Staging', 's', 'r', 'READY'),
        ('churn', 2, 9, 'Deleted_Internal', 's', 'r', 'READY');";

async fn write(path: &Path, mode: SqliteJournalMode, sql: &'static str) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut db = options.journal_mode(mode).connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
    db
}

/// The files of a folder with their bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    files
}

async fn reads_all(path: &Path) {
    let database = MlflowDatabase::open(path).await.unwrap();
    let mut left_out = Vec::new();
    let experiments = database.experiments(&mut left_out).await.unwrap();
    assert_eq!(
        (experiments[0].name.as_str(), experiments[0].lifecycle),
        ("old", Lifecycle::Deleted)
    );
    let (runs, last) = database.runs_after("", &mut left_out).await.unwrap().unwrap();
    assert_eq!((runs.len(), last.as_str()), (1, "no id"));
    let run = database.run_data(runs[0].clone(), &mut left_out).await.unwrap();
    assert_eq!((run.info.id.to_string().as_str(), run.info.status), (RUN, RunStatus::Succeeded));
    assert_eq!((run.info.started, run.params["p"].as_str()), (Timestamp(5000), "v"));
    let found = database.metrics_after(run.info.id, 0, &mut left_out).await.unwrap();
    let (metrics, place) = found.unwrap();
    assert_eq!((metrics[0].value, metrics[0].step, metrics[0].at), (0.5, 0, Timestamp(7000)));
    assert_eq!(database.metrics_after(run.info.id, place, &mut left_out).await.unwrap(), None);
    assert_eq!(database.logged_models_after("", &mut left_out).await.unwrap(), None);
    let model = database.registered_model("churn", &mut left_out).await.unwrap().unwrap();
    assert_eq!((model.versions.len(), model.last_version), (1, 2));
    assert_eq!(model.versions[0].stage, Stage::Staging);
    let told: Vec<&str> = left_out.iter().map(|left_out| left_out.why.as_str()).collect();
    assert_eq!(
        told,
        [
            "a run id is `no id`, expected 32 lower-case hex digits",
            "`value` is longer than 6000 characters, expected at most that",
        ]
    );
    assert!(!database.was_changed().unwrap());
}

#[test]
fn a_database_of_an_older_version_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    block_on(async {
        write(&path, SqliteJournalMode::Delete, OLD).await.close().await.unwrap();
        let before = files(folder.path());
        reads_all(&path).await;
        assert!(files(folder.path()) == before, "the folder changed");
    });
}

#[test]
fn one_with_a_log_is_read_and_nothing_is_made_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    block_on(async {
        write(&path, SqliteJournalMode::Wal, OLD).await.close().await.unwrap();
        let before = files(folder.path());
        assert_eq!(before.len(), 1);
        reads_all(&path).await;
        assert!(files(folder.path()) == before, "the folder changed");
    });
}

#[test]
fn what_is_still_in_the_log_of_a_writer_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    block_on(async {
        let mut writer = write(&path, SqliteJournalMode::Wal, OLD).await;
        let before = fs::read(&path).unwrap();
        reads_all(&path).await;
        assert!(fs::read(&path).unwrap() == before, "the log was folded in");
        let sql = "INSERT INTO params VALUES ('later', '1', 'x')";
        sqlx::query(sql).execute(&mut writer).await.unwrap();
        writer.close().await.unwrap();
    });
}

#[test]
fn a_writer_that_comes_meanwhile_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    block_on(async {
        write(&path, SqliteJournalMode::Wal, OLD).await.close().await.unwrap();
        let database = MlflowDatabase::open(&path).await.unwrap();
        let writer = write(&path, SqliteJournalMode::Wal, "DELETE FROM params").await;
        assert!(database.was_changed().unwrap());
        writer.close().await.unwrap();
        assert!(database.was_changed().unwrap());
    });
}

#[track_caller]
fn refused(sql: &'static str, said: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    block_on(async {
        write(&path, SqliteJournalMode::Delete, sql).await.close().await.unwrap();
        let error = MlflowDatabase::open(&path).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    });
}

#[test]
fn a_database_of_somebody_else_is_refused() {
    refused("CREATE TABLE a (b)", "a database without a table `experiments` of MLflow's");
    // A view could be anything, and go on for ever.
    let view = "CREATE TABLE experiments (experiment_id); CREATE VIEW runs AS SELECT 1 AS run_uuid";
    refused(view, "a database without a table `runs` of MLflow's");
}

#[test]
fn ids_that_no_order_can_be_followed_by_are_left_out_and_hide_nothing() {
    const ODD: &str = "CREATE TABLE experiments (experiment_id INTEGER, name TEXT);
        INSERT INTO experiments VALUES (0, 'Default');
        CREATE TABLE runs (run_uuid TEXT, experiment_id INTEGER, start_time INTEGER);
        INSERT INTO runs VALUES (printf('%.*c', 100, 'a'), 0, 1), (x'ff', 0, 1), (NULL, 0, 1),
            ('é', 0, 1), (printf('%.*c', 100, '~'), 0, 1),
            ('ffffffffffffffffffffffffffffffff', 0, 5);";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    block_on(async {
        write(&path, SqliteJournalMode::Delete, ODD).await.close().await.unwrap();
        let database = MlflowDatabase::open(&path).await.unwrap();
        let (mut left_out, mut after, mut found) = (Vec::new(), String::new(), Vec::new());
        while let Some((runs, last)) = database.runs_after(&after, &mut left_out).await.unwrap() {
            found.extend(runs);
            assert!(last > after, "the same page again");
            after = last;
        }
        assert_eq!(found.len(), 1);
        let told: Vec<&str> = left_out.iter().map(|left_out| left_out.what.as_str()).collect();
        assert_eq!(told, ["5 rows of `runs`"]);
    });
}
