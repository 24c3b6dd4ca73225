//! What is particular to the store in a Postgres database: the server, its words, its locks.

use std::sync::Arc;

use gristmill_core::{ErrorKind, Timestamp};
use gristmill_testkit::postgres::{PASSWORD, Postgres};
use gristmill_track::*;
use sqlx::{Connection, PgConnection};

use crate::{block_on, conformance};

/// The address of a new database; nothing where there is no Postgres.
fn database(name: &str) -> Option<String> {
    Postgres::shared().map(|server| server.new_database(name))
}

fn open(url: &str) -> PostgresStore {
    block_on(PostgresStore::open(url)).unwrap()
}

async fn run_sql(url: &str, sql: &'static str) {
    let mut db = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

#[test]
fn it_does_what_every_store_must() {
    let Some(url) = database("conformance") else { return };
    let store = open(&url);
    block_on(conformance::store(&store));
    block_on(store.close()).unwrap();
}

#[test]
fn many_callers_of_two_stores_agree() {
    let Some(url) = database("races") else { return };
    conformance::races::all([Arc::new(open(&url)), Arc::new(open(&url))]);
}

#[test]
fn many_stores_make_the_tables_of_one_database() {
    let Some(url) = database("opened_at_once") else { return };
    std::thread::scope(|scope| {
        let stores: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&url))).collect();
        for store in stores {
            let store = store.join().unwrap();
            let runs = block_on(store.search_runs(&RunQuery::default())).unwrap();
            assert_eq!(runs, []);
        }
    });
}

#[test]
fn a_chosen_address_is_opened() {
    let Some(url) = database("chosen") else { return };
    let home = tempfile::tempdir().unwrap();
    block_on(async {
        let store = open_store(home.path(), Some(&url)).await.unwrap();
        store.raise("here", serde_json::Value::Null, Timestamp(0)).await.unwrap();
        assert!(!home.path().join("gristmill.db").exists());
        let beside = open_store(home.path(), Some("")).await.unwrap();
        assert_eq!(beside.signals_after(0, 10).await.unwrap(), []);
        let again = open_store(home.path(), Some(&url)).await.unwrap();
        assert_eq!(again.signals_after(0, 10).await.unwrap().len(), 1);
    });
}

#[test]
fn connections_that_were_cut_are_replaced() {
    let Some(url) = database("cut") else { return };
    let store = open(&url);
    block_on(async {
        store.raise("before", serde_json::Value::Null, Timestamp(0)).await.unwrap();
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = 'cut' AND pid <> pg_backend_pid()";
        run_sql(&url, cut).await;
        assert_eq!(store.signals_after(0, 10).await.unwrap().len(), 1);
        store.raise("after", serde_json::Value::Null, Timestamp(0)).await.unwrap();
    });
}

#[track_caller]
fn refused(url: &str, kind: ErrorKind, said: &str, hint: &str) {
    let error = block_on(PostgresStore::open(url)).map(|_| "a store").unwrap_err();
    let all = format!("{error} {:?} {error:?}", error.hint());
    assert!(!all.contains(PASSWORD), "the password is shown");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(said), "{error}");
    assert!(error.hint().unwrap_or_default().contains(hint), "{error}: {:?}", error.hint());
}

#[test]
fn a_wrong_address_says_what_would_do() {
    for (url, said) in [
        (format!("mysql://user:{PASSWORD}@host/db"), "of the scheme `mysql`"),
        (format!("user:{PASSWORD}@host/db"), "without a scheme"),
        (format!("postgres://user:{PASSWORD}@host:{PASSWORD}/db"), "unreadable"),
        (format!("postgres://user:{PASSWORD}@host/db?sslmode={PASSWORD}"), "unreadable"),
    ] {
        refused(&url, ErrorKind::Input, said, "");
        refused(&url, ErrorKind::Input, "postgres://USER:PASSWORD@HOST:PORT/DATABASE", "");
    }
}

#[test]
fn a_server_that_is_away_says_so() {
    // Port 1 is never a database.
    let url = format!("postgres://user:{PASSWORD}@127.0.0.1:1/db");
    refused(&url, ErrorKind::Input, "`postgres://user@127.0.0.1:1/db`", "start the server");
    refused(&url, ErrorKind::Input, "refused", "start the server");
}

#[test]
fn a_server_that_refuses_says_why() {
    let Some(server) = Postgres::shared() else { return };
    let missing = server.address("missing");
    refused(&missing, ErrorKind::Input, "\"missing\" does not exist", "createdb");
    let wrong = missing.replace(PASSWORD, "wrong");
    refused(&wrong, ErrorKind::Input, "password authentication failed", "the password in");
    let secure = format!("{missing}?sslmode=require");
    refused(&secure, ErrorKind::Input, "no secure connection", "sslmode");
}

#[test]
fn a_database_that_cannot_be_written_says_so() {
    let Some(url) = database("no_rights") else { return };
    let role = "CREATE ROLE guest LOGIN PASSWORD 'sesame-4711'; \
                REVOKE CREATE ON SCHEMA public FROM public";
    block_on(run_sql(&url, role));
    let guest = url.replace("gristmill:", "guest:");
    refused(&guest, ErrorKind::Input, "permission denied", "GRANT CREATE");
}

#[test]
fn a_newer_layout_is_refused() {
    let Some(url) = database("newer") else { return };
    drop(open(&url));
    block_on(run_sql(&url, "INSERT INTO schema_versions (version) VALUES (99)"));
    refused(&url, ErrorKind::Stored, "layout 99", "upgrade");
}

/// What made layout 3.
const LAYOUT_3: [&str; 3] = [
    include_str!("../../migrations/0001_start.sql"),
    include_str!("../../migrations/0002_tasks.sql"),
    include_str!("../../migrations/0003_deployments.sql"),
];

#[test]
fn a_filled_database_of_layout_3_is_upgraded() {
    let Some(url) = database("layout_3") else { return };
    LAYOUT_3.iter().for_each(|step| block_on(run_sql(&url, step)));
    let filled = "CREATE TABLE schema_versions (version BIGINT NOT NULL PRIMARY KEY);
         INSERT INTO schema_versions (version) VALUES (1), (2), (3);
         INSERT INTO deployments (name, folder, file, settings, digest, deployed)
         VALUES ('churn', 'artifacts/d1', 'd1', 'null', 'd1', 1);
         INSERT INTO models (name, created, updated, description, last_version)
         VALUES ('churn', 5, 6, '', 1);
         INSERT INTO model_versions
         (model, version, run_id, path, digest, metrics, created, description, status)
         VALUES ('churn', 1, NULL, 'models/churn', 'd1', 'null', 6, '', 'ready');
         INSERT INTO runs (id, experiment_id, name, status, lifecycle, started)
         VALUES ('0123456789abcdef0123456789abcdef', 0, 'old', 'failed', 'deleted', 5);";
    block_on(run_sql(&url, filled));
    let deployed = Deployment::new("churn", "artifacts/d1", "d1", "d1", Timestamp(1));
    std::thread::scope(|scope| {
        let stores: Vec<_> = (0..4).map(|_| scope.spawn(|| open(&url))).collect();
        stores.into_iter().for_each(|store| drop(store.join().unwrap()));
    });
    let store = open(&url);
    block_on(async {
        assert_eq!(store.deployments().await.unwrap(), [deployed]);
        assert_eq!(store.snapshot("d1").await.unwrap(), None);
        let version = store.version("churn", 1).await.unwrap();
        assert_eq!((version.updated, version.stage), (Timestamp(6), Stage::None));
        let away = store.put_away(Timestamp(9), Timestamp(9)).await.unwrap();
        assert_eq!((away.runs.len(), away.runs[0].since), (1, Timestamp(9)));
        let since = Timestamp(2);
        let kept = Snapshot { digest: "d1".into(), text: "{}".into(), since };
        store.keep_snapshot(kept).await.unwrap();
        assert_eq!(store.snapshots().await.unwrap(), [("d1".to_string(), since)]);
    });
}

/// What a database of layout 4 may hold: a text that is deployed, a run with what it logged, and a
/// version.
const FILLED_4: &str = "CREATE TABLE schema_versions (version BIGINT NOT NULL PRIMARY KEY);
    INSERT INTO schema_versions (version) VALUES (1), (2), (3), (4);
    INSERT INTO snapshots (digest, text, since) VALUES ('d1', 'name: churn', 4);
    INSERT INTO runs (id, experiment_id, name, status, lifecycle, started, kind, pipeline)
    VALUES ('000102030405060708090a0b0c0d0e0f', 0, 'churn', 'succeeded', 'active', 5,
    'pipeline', 'churn');
    INSERT INTO metrics (run_id, key, step, at, value, is_nan)
    VALUES ('000102030405060708090a0b0c0d0e0f', 'test.auc', 0, 6, 0.5, 0);
    INSERT INTO latest_metrics (run_id, key, step, at, value, is_nan)
    VALUES ('000102030405060708090a0b0c0d0e0f', 'test.auc', 0, 6, 0.5, 0);
    INSERT INTO models (name, created, updated, description, last_version)
    VALUES ('churn', 5, 6, '', 1);
    INSERT INTO model_versions
    (model, version, run_id, path, digest, metrics, created, description, status)
    VALUES ('churn', 1, '000102030405060708090a0b0c0d0e0f', 'models/churn', 'd1', 'null', 6, '',
    'ready');
    INSERT INTO model_aliases (model, alias, version) VALUES ('churn', 'champion', 1);";

#[test]
fn a_filled_database_of_layout_4_is_upgraded() {
    let Some(url) = database("layout_4") else { return };
    LAYOUT_3.iter().for_each(|step| block_on(run_sql(&url, step)));
    block_on(run_sql(&url, include_str!("../../migrations/0004_snapshots.sql")));
    block_on(run_sql(&url, FILLED_4));
    let store = open(&url);
    block_on(async {
        assert_eq!(store.snapshot("d1").await.unwrap().unwrap().text, "name: churn");
        let run = store.latest_run("churn").await.unwrap().unwrap();
        assert_eq!((run.metrics["test.auc"].value, run.info.user.clone()), (0.5, None));
        store.log(run.info.id, Batch::default().tag("a", "b")).await.unwrap();
        let champion = store.aliased("churn", "champion").await.unwrap();
        assert_eq!((champion.run, champion.gate), (Some(run.info.id), Gate::None));
    });
}

/// Otherwise the database's language would order names and compare params: `a` before `B`.
#[test]
fn every_text_goes_by_its_bytes() {
    let Some(url) = database("ordered") else { return };
    drop(open(&url));
    let sql = "SELECT table_name || '.' || column_name FROM information_schema.columns \
               WHERE table_schema = 'public' AND data_type = 'text' \
               AND collation_name IS DISTINCT FROM 'C'";
    let others: Vec<String> = block_on(async {
        let mut db = PgConnection::connect(&url).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut db).await.unwrap()
    });
    assert_eq!(others, Vec::<String>::new());
}
