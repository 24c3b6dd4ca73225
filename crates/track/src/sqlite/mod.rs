//! The store in a SQLite database: `gristmill.db` in the home folder.
//!
//! Readers never wait for the writer nor the writer for them (write-ahead log), and several
//! processes may use one home at once.

mod copy;
mod fail;
mod open;
#[path = "../sql/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "the statements are compiled once for each database")]
mod sql;
mod writer;

use std::path::{Path, PathBuf};

use fs_err as fs;
use sqlx::Sqlite as Database;
use sqlx::SqliteConnection as Connection;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions, SqliteRow as DbRow};
use tokio::sync::oneshot;

use self::SqliteStore as Keeper;
pub use self::copy::Holdings;
use self::fail::told;
use self::open::{LAYOUT_IS_THERE, in_dialect};
use self::sql::Statements;
use self::writer::{Extent, Writer};
use crate::fail::Fail;
use crate::{Durability, Metric, Result, RunId, TrackError};

/// The name of the database in its home.
const FILE: &str = "gristmill.db";
/// Connections that read at the same time at most; each is opened when it is first needed.
const READERS: u32 = 4;
/// What makes one JSON object of the keys and values of many rows.
const OBJECT_OF: &str = "json_group_object";
/// What makes one JSON array of values.
const ARRAY_OF: &str = "json_array";
/// A value of a metric in words that keep every bit of it, with `?` for those of which SQLite's words do
/// not: beyond these bounds its arithmetic of powers of ten is not exact enough, and between them it was
/// seen to be for eight million numbers of any size.
const POINT: &str = "printf('%d %d %d ', step, at, is_nan) || CASE WHEN value = 0 \
    OR abs(value) BETWEEN 1e-80 AND 1e18 THEN printf('%!.17g', value) ELSE '?' END";
/// How a writing transaction begins: with the database to itself from its first statement on.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// The store in a home folder on this machine.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    readers: SqlitePool,
    writer: Writer,
    writer_ended: oneshot::Receiver<()>,
}

impl SqliteStore {
    /// The store of the home folder `home`, which is made if it is not there. What it acknowledges
    /// survives the death of the process.
    ///
    /// # Errors
    /// `Home` when the folder or the database cannot be read and written, `Damaged` when the file
    /// is no database, `Newer` when a newer version of Gristmill wrote it.
    ///
    /// ```
    /// # use gristmill_core::Timestamp;
    /// # use gristmill_track::{Batch, NewRun, RunId, SqliteStore, Store, TrackError};
    /// # let home = tempfile::tempdir().unwrap();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// let store = SqliteStore::open(home.path()).await?;
    /// let (id, now) = (RunId::from_parts(&[b"first"]), Timestamp(1_700_000_000_000_000));
    /// store.create_run(NewRun::new(id, "first", now)).await?;
    /// store.log(id, Batch::default().param("trees", 100).metric("auc", 0.84, 0, now)).await?;
    /// assert_eq!(store.run(id).await?.metrics["auc"].value, 0.84);
    /// # Ok::<(), TrackError>(()) }).unwrap();
    /// ```
    pub async fn open(home: &Path) -> Result<Self> {
        Self::open_with(home, Durability::Process).await
    }

    /// The same, with what acknowledged writes have to survive.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn open_with(home: &Path, durability: Durability) -> Result<Self> {
        fs::create_dir_all(home).map_err(|error| TrackError::io(home, &error))?;
        let path = home.join(FILE);
        let options = open::options(&path, durability);
        let db = open::connect(&path, &options).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options.read_only(true));
        let (writer, writer_ended) = Writer::start(db, path.clone())?;
        Ok(Self { path, readers, writer, writer_ended })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the store when everything in its queue is written, and folds the write-ahead log into
    /// the database. Without it nothing is lost either: the next opening does it.
    pub async fn close(self) {
        let Self { readers, writer, writer_ended, .. } = self;
        readers.close().await;
        drop(writer);
        // It only fails when the writer's thread is gone already, which is what is waited for.
        let _ = writer_ended.await;
    }

    /// Runs `work` in the next commit.
    async fn write<A, T>(&self, args: A, work: Statements<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.writer.write(&self.path, Extent::Transaction, args, work).await
    }

    /// The same for work of which one statement writes.
    async fn write_one<A, T>(&self, args: A, work: Statements<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.writer.write(&self.path, Extent::Statement, args, work).await
    }

    /// Logs metrics in the next commit, together with those of other callers.
    async fn write_metrics(&self, id: RunId, metrics: Vec<Metric>) -> Result<()> {
        self.writer.log(id, metrics).await
    }

    /// Runs `work` over one unmoving state of the database.
    async fn read<A, T>(&self, args: A, work: Statements<A, T>) -> Result<T> {
        let read = async {
            let mut tx = self.readers.begin().await?;
            let found = work(&mut tx, &args).await?;
            tx.commit().await?;
            Ok::<T, Fail>(found)
        };
        read.await.map_err(|fail| told(&self.path, fail))
    }
}

/// Keeps others from the same thing until the transaction ends: a transaction that writes has the
/// whole database to itself here.
async fn hold(_: &mut Connection, _: &str, _: &str) -> Result<(), Fail> {
    Ok(())
}

/// The same, letting in others who only look at it.
async fn share(_: &mut Connection, _: &str, _: &str) -> Result<(), Fail> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, NewRun, RunId, Store};
    use gristmill_core::{ErrorKind, Timestamp};

    async fn run_sql(store: &SqliteStore, sql: &'static str) {
        store
            .write(sql, |db, sql| {
                Box::pin(async move {
                    sqlx::query(*sql).execute(db).await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
    }

    async fn with_run(home: &Path) -> (SqliteStore, RunId) {
        let store = SqliteStore::open(home).await.unwrap();
        let id = RunId::from_parts(&[b"run"]);
        store.create_run(NewRun::new(id, "run", Timestamp(0))).await.unwrap();
        (store, id)
    }

    fn many_metrics() -> Batch {
        (0..20_000).fold(Batch::default(), |batch, step| batch.metric("m", 0.5, step, Timestamp(0)))
    }

    #[tokio::test]
    async fn a_full_disk_leaves_nothing_half_written() {
        let home = tempfile::tempdir().unwrap();
        let (store, id) = with_run(home.path()).await;
        run_sql(&store, "PRAGMA max_page_count = 80").await;
        let error = store.log(id, many_metrics().param("a", 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.hint().unwrap().contains("free some space"), "{error}");
        assert!(store.run(id).await.unwrap().params.is_empty());
        run_sql(&store, "PRAGMA max_page_count = 100000").await;
        store.log(id, many_metrics()).await.unwrap();
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_written_says_so() {
        let home = tempfile::tempdir().unwrap();
        let (store, id) = with_run(home.path()).await;
        run_sql(&store, "PRAGMA query_only = 1").await;
        let error = store.log(id, Batch::default().tag("a", 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.hint().unwrap().contains("make it writable"), "{error}");
    }

    #[tokio::test]
    async fn a_newer_layout_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let (store, _) = with_run(home.path()).await;
        run_sql(&store, "INSERT INTO schema_versions (version) VALUES (99)").await;
        store.close().await;
        let error = SqliteStore::open(home.path()).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stored);
        assert!(error.to_string().contains("layout 99"), "{error}");
        assert!(error.hint().unwrap().contains("upgrade"));
    }

    #[tokio::test]
    async fn a_word_that_makes_no_sense_is_damage() {
        let home = tempfile::tempdir().unwrap();
        let (store, id) = with_run(home.path()).await;
        run_sql(&store, "UPDATE runs SET status = 'asleep'").await;
        let error = store.run(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stored);
        assert!(error.to_string().contains("`status` holds `asleep`"), "{error}");
    }
}
