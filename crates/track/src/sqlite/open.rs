//! Opening a home's database: connection settings, and the steps from an older layout to this one.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::fail::{is_busy, told};
use super::{Connection, sql};
use crate::migrations::MIGRATIONS;
use crate::{Durability, Result, TrackError};

/// How long a write waits for another process that is writing.
const BUSY: Duration = Duration::from_secs(30);
/// How often, and with what pause, switching to the write-ahead log is tried while others do it too.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// How much of the database each connection keeps in memory: 8 MB, in SQLite's words.
const CACHE: &str = "-8000";
/// How many rows of an answer may be ready before they are taken.
const ROWS_AHEAD: usize = 1024;

/// 1 when a version of Gristmill has been here.
pub(super) const LAYOUT_IS_THERE: &str =
    "SELECT count(*) FROM sqlite_master WHERE name = 'schema_versions'";

/// A step of the layout in SQLite's words, in which it is written.
pub(super) fn in_dialect(sql: &'static str) -> &'static str {
    sql
}

/// How readers and the writer connect.
pub(super) fn options(path: &Path, durability: Durability) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .synchronous(match durability {
            Durability::Process => SqliteSynchronous::Normal,
            Durability::Power => SqliteSynchronous::Full,
        })
        // Rows come over from a thread of the driver's: few and large steps take it the least time.
        .row_buffer_size(ROWS_AHEAD)
        .pragma("cache_size", CACHE)
        // As Postgres has it: `LIKE` goes by the letters as they are.
        .pragma("case_sensitive_like", "1")
        .disable_statement_logging()
}

/// The writer's connection to a database of the current layout, made or upgraded if need be.
pub(super) async fn connect(path: &Path, options: &SqliteConnectOptions) -> Result<Connection> {
    let options = options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let mut db = patiently(&options).await.map_err(|error| told(path, error.into()))?;
    upgrade(&mut db, path).await?;
    Ok(db)
}

/// Connects. SQLite gives up at once, without its usual patience, when two processes turn on the
/// write-ahead log of one new database together: so wait here.
async fn patiently(options: &SqliteConnectOptions) -> Result<Connection, sqlx::Error> {
    let mut tries = 0;
    loop {
        match options.connect().await {
            Err(error) if is_busy(&error) && tries < TRIES => {
                tries += 1;
                // A plain sleep: a caller's runtime need not have a timer.
                std::thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
}

async fn upgrade(db: &mut Connection, path: &Path) -> Result<()> {
    let found = sql::layout::upgrade(db).await.map_err(|fail| told(path, fail))?;
    let known = MIGRATIONS.len() as i64;
    if found > known { Err(TrackError::Newer { path: path.into(), found, known }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use gristmill_core::Timestamp;
    use sqlx::Connection as _;

    use super::*;
    use crate::{
        Deployment, Registry, Retention, RunId, SqliteStore, Stage, Store, TaskRecord, TaskStatus,
    };

    /// A home as layout 1 left it, with a run and a task.
    async fn filled_layout_1(home: &Path, run: RunId) {
        let options = options(&home.join("gristmill.db"), Durability::Process);
        let mut db = options.create_if_missing(true).connect().await.unwrap();
        let filled = format!(
            "CREATE TABLE schema_versions (version BIGINT NOT NULL PRIMARY KEY);
             INSERT INTO schema_versions (version) VALUES (1);
             INSERT INTO runs (id, experiment_id, name, status, lifecycle, started)
             VALUES ('{run}', 0, 'old', 'running', 'active', 5);
             INSERT INTO tasks (run_id, name, position, status, cached, attempts, inputs)
             VALUES ('{run}', 'split', 1, 'pending', 0, 0, 'null'),
                    ('{run}', 'ingest', 0, 'succeeded', 1, 0, '{{\"a\": 1}}');"
        );
        sqlx::raw_sql(MIGRATIONS[0]).execute(&mut db).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(filled)).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_filled_home_of_layout_1_is_upgraded() {
        let home = tempfile::tempdir().unwrap();
        let run = RunId::from_parts(&[b"old"]);
        filled_layout_1(home.path(), run).await;
        let store = SqliteStore::open(home.path()).await.unwrap();
        let ingest = TaskRecord {
            cached: true,
            inputs: serde_json::json!({"a": 1}),
            ..TaskRecord::new("ingest", TaskStatus::Succeeded)
        };
        let split = TaskRecord::new("split", TaskStatus::Pending);
        assert_eq!(store.tasks(run).await.unwrap(), [ingest.clone(), split.clone()]);
        let train = TaskRecord { needs: vec!["split".into()], ..split.clone() };
        let train = TaskRecord { name: "train".into(), ..train };
        store.record_tasks(run, vec![train.clone()]).await.unwrap();
        assert_eq!(store.tasks(run).await.unwrap(), [ingest, split, train]);
    }

    #[tokio::test]
    async fn a_filled_home_of_layout_3_is_upgraded() {
        let home = tempfile::tempdir().unwrap();
        let options = options(&home.path().join("gristmill.db"), Durability::Process);
        let mut db = options.create_if_missing(true).connect().await.unwrap();
        for step in &MIGRATIONS[..3] {
            sqlx::raw_sql(*step).execute(&mut db).await.unwrap();
        }
        let filled = "CREATE TABLE schema_versions (version BIGINT NOT NULL PRIMARY KEY);
             INSERT INTO schema_versions (version) VALUES (1), (2), (3);
             INSERT INTO deployments (name, folder, file, settings, digest, deployed)
             VALUES ('churn', 'artifacts/d1', 'd1', 'null', 'd1', 5);
             INSERT INTO models (name, created, updated, description, last_version)
             VALUES ('churn', 5, 6, '', 1);
             INSERT INTO model_versions
             (model, version, run_id, path, digest, metrics, created, description, status)
             VALUES ('churn', 1, NULL, 'models/churn', 'd1', 'null', 6, '', 'ready');
             INSERT INTO runs (id, experiment_id, name, status, lifecycle, started)
             VALUES ('0123456789abcdef0123456789abcdef', 0, 'old', 'failed', 'deleted', 5);";
        sqlx::raw_sql(filled).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
        let store = SqliteStore::open(home.path()).await.unwrap();
        let churn = Deployment::new("churn", "artifacts/d1", "d1", "d1", Timestamp(5));
        assert_eq!(store.deployments().await.unwrap(), [churn]);
        assert_eq!(store.snapshot("d1").await.unwrap(), None);
        let version = store.version("churn", 1).await.unwrap();
        assert_eq!((version.updated, version.stage), (Timestamp(6), Stage::None));
        // Nobody knows since when: so it counts from when it is first looked at.
        assert_eq!(store.put_away(Timestamp(8), Timestamp(9)).await.unwrap().runs, []);
        store.note_put_away(Timestamp(9)).await.unwrap();
        let away = store.put_away(Timestamp(9), Timestamp(99)).await.unwrap();
        assert_eq!((away.runs.len(), away.runs[0].since), (1, Timestamp(9)));
    }

    /// A home as layout 4 left it: a text that is deployed, a run with what it logged, and a version.
    const LAYOUT_4: &str = "CREATE TABLE schema_versions (version BIGINT NOT NULL PRIMARY KEY);
        INSERT INTO schema_versions (version) VALUES (1), (2), (3), (4);
        INSERT INTO snapshots (digest, text, since) VALUES ('d1', 'name: churn', 4);
        INSERT INTO experiments (id, name, lifecycle, created, updated)
        VALUES (1, 'churn', 'active', 5, 5);
        INSERT INTO runs (id, experiment_id, name, status, lifecycle, started, kind, pipeline)
        VALUES ('000102030405060708090a0b0c0d0e0f', 1, 'churn', 'succeeded', 'active', 5,
        'pipeline', 'churn');
        INSERT INTO metrics (run_id, key, step, at, value, is_nan)
        VALUES ('000102030405060708090a0b0c0d0e0f', 'test.auc', 0, 6, 0.5, 0);
        INSERT INTO latest_metrics (run_id, key, step, at, value, is_nan)
        VALUES ('000102030405060708090a0b0c0d0e0f', 'test.auc', 0, 6, 0.5, 0);
        INSERT INTO models (name, created, updated, description, last_version)
        VALUES ('churn', 5, 6, '', 1);
        INSERT INTO model_versions
        (model, version, run_id, path, digest, metrics, created, description, status)
        VALUES ('churn', 1, '000102030405060708090a0b0c0d0e0f', 'models/churn', 'd1', 'null', 6,
        '', 'ready');
        INSERT INTO model_aliases (model, alias, version) VALUES ('churn', 'champion', 1);";

    #[tokio::test]
    async fn a_filled_home_of_layout_4_is_upgraded() {
        let home = tempfile::tempdir().unwrap();
        let options = options(&home.path().join("gristmill.db"), Durability::Process);
        let mut db = options.create_if_missing(true).connect().await.unwrap();
        for step in &MIGRATIONS[..4] {
            sqlx::raw_sql(*step).execute(&mut db).await.unwrap();
        }
        sqlx::raw_sql(LAYOUT_4).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
        let store = SqliteStore::open(home.path()).await.unwrap();
        let text = store.snapshot("d1").await.unwrap().unwrap().text;
        assert_eq!(text, "name: churn");
        let run = store.latest_run("churn").await.unwrap().unwrap();
        assert_eq!((run.metrics["test.auc"].value, run.info.user.clone()), (0.5, None));
        store.log(run.info.id, crate::Batch::default().tag("a", "b")).await.unwrap();
        let champion = store.aliased("churn", "champion").await.unwrap();
        assert_eq!((champion.run, champion.gate), (Some(run.info.id), crate::Gate::None));
        assert_eq!(champion.logged_model, None);
    }
}
