//! The store in a SQLite database: `gristmill.db` in the home folder.
//!
//! Readers never wait for the writer nor the writer for them (write-ahead log), and several
//! processes may use one home at once.

mod experiments;
mod fail;
mod history;
mod logging;
mod open;
mod records;
mod registry;
mod runs;
mod search;
mod writer;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use fs_err as fs;
use gristmill_core::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::sync::oneshot;

use self::fail::Fail;
use self::writer::{Work, Writer};
use crate::{
    Artifact, Batch, Durability, Experiment, ExperimentId, Lifecycle, Metric, Model, ModelEvent,
    ModelVersion, NewEvent, NewExperiment, NewRun, NewVersion, Note, Page, Registration, Result,
    Run, RunId, RunInfo, RunQuery, RunUpdate, Store, TaskRecord, TrackError,
};

/// The name of the database in its home.
const FILE: &str = "gristmill.db";
/// Connections that read at the same time at most; each is opened when it is first needed.
const READERS: u32 = 4;

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
    async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        self.writer.write(&self.path, work).await
    }

    /// Runs `work` over one unmoving state of the database.
    async fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send,
    {
        let read = async {
            let mut tx = self.readers.begin().await?;
            let found = work(&mut tx).await?;
            tx.commit().await?;
            Ok::<T, Fail>(found)
        };
        read.await.map_err(|fail| fail.at(&self.path))
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_experiment(&self, new: NewExperiment) -> Result<Experiment> {
        self.write(move |db| Box::pin(async move { experiments::create(db, &new).await })).await
    }

    async fn experiment(&self, id: ExperimentId) -> Result<Experiment> {
        self.read(move |db| Box::pin(experiments::by_id(db, id))).await
    }

    async fn experiment_named(&self, name: &str) -> Result<Option<Experiment>> {
        let name = name.to_string();
        self.read(move |db| Box::pin(async move { experiments::by_name(db, &name).await })).await
    }

    async fn experiments(
        &self,
        lifecycle: Option<Lifecycle>,
        page: Page,
    ) -> Result<Vec<Experiment>> {
        self.read(move |db| Box::pin(experiments::list(db, lifecycle, page))).await
    }

    async fn rename_experiment(&self, id: ExperimentId, name: &str, at: Timestamp) -> Result<()> {
        let name = name.to_string();
        self.write(move |db| Box::pin(async move { experiments::rename(db, id, &name, at).await }))
            .await
    }

    async fn set_experiment_lifecycle(
        &self,
        id: ExperimentId,
        lifecycle: Lifecycle,
        at: Timestamp,
    ) -> Result<()> {
        self.write(move |db| Box::pin(experiments::set_lifecycle(db, id, lifecycle, at))).await
    }

    async fn tag_experiment(
        &self,
        id: ExperimentId,
        key: &str,
        value: &str,
        at: Timestamp,
    ) -> Result<()> {
        let key = key.to_string();
        let value = value.to_string();
        self.write(move |db| {
            Box::pin(async move { experiments::tag(db, id, &key, &value, at).await })
        })
        .await
    }

    async fn create_run(&self, new: NewRun) -> Result<Run> {
        self.write(move |db| Box::pin(async move { runs::create(db, &new).await })).await
    }

    async fn update_run(&self, id: RunId, update: RunUpdate) -> Result<RunInfo> {
        self.write(move |db| Box::pin(async move { runs::update(db, id, &update).await })).await
    }

    async fn set_run_lifecycle(&self, id: RunId, lifecycle: Lifecycle) -> Result<()> {
        self.write(move |db| Box::pin(runs::set_lifecycle(db, id, lifecycle))).await
    }

    async fn purge_run(&self, id: RunId) -> Result<()> {
        self.write(move |db| Box::pin(runs::purge(db, id))).await
    }

    async fn run(&self, id: RunId) -> Result<Run> {
        self.read(move |db| Box::pin(runs::run(db, id))).await
    }

    async fn runs_starting_with(&self, prefix: &str) -> Result<Vec<RunInfo>> {
        let prefix = prefix.to_string();
        self.read(move |db| Box::pin(async move { runs::starting_with(db, &prefix).await })).await
    }

    async fn search_runs(&self, query: &RunQuery) -> Result<Vec<Run>> {
        let query = query.clone();
        self.read(move |db| Box::pin(async move { search::search(db, &query).await })).await
    }

    async fn log(&self, id: RunId, batch: Batch) -> Result<()> {
        self.write(move |db| Box::pin(async move { logging::log(db, id, &batch).await })).await
    }

    async fn remove_run_tag(&self, id: RunId, key: &str) -> Result<()> {
        let key = key.to_string();
        self.write(move |db| Box::pin(async move { logging::remove_tag(db, id, &key).await })).await
    }

    async fn metric_history(&self, id: RunId, key: &str, page: Page) -> Result<Vec<Metric>> {
        let key = key.to_string();
        self.read(move |db| Box::pin(async move { logging::history(db, id, &key, page).await }))
            .await
    }

    async fn record_tasks(&self, id: RunId, tasks: Vec<TaskRecord>) -> Result<()> {
        self.write(move |db| Box::pin(async move { records::record_tasks(db, id, &tasks).await }))
            .await
    }

    async fn tasks(&self, id: RunId) -> Result<Vec<TaskRecord>> {
        self.read(move |db| Box::pin(records::tasks(db, id))).await
    }

    async fn record_artifacts(&self, id: RunId, artifacts: Vec<Artifact>) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move { records::record_artifacts(db, id, &artifacts).await })
        })
        .await
    }

    async fn artifacts(&self, id: RunId) -> Result<Vec<Artifact>> {
        self.read(move |db| Box::pin(records::artifacts(db, id))).await
    }

    async fn ensure_model(&self, name: &str, at: Timestamp) -> Result<Model> {
        let name = name.to_string();
        self.write(move |db| Box::pin(async move { registry::ensure(db, &name, at).await })).await
    }

    async fn model(&self, name: &str) -> Result<Model> {
        let name = name.to_string();
        self.read(move |db| Box::pin(async move { registry::model(db, &name).await })).await
    }

    async fn models(&self, page: Page) -> Result<Vec<Model>> {
        self.read(move |db| Box::pin(registry::models(db, page))).await
    }

    async fn describe_model(&self, name: &str, description: &str, at: Timestamp) -> Result<()> {
        let name = name.to_string();
        let description = description.to_string();
        self.write(move |db| {
            Box::pin(async move { registry::describe(db, &name, &description, at).await })
        })
        .await
    }

    async fn tag_model(&self, name: &str, key: &str, value: &str, at: Timestamp) -> Result<()> {
        let name = name.to_string();
        let key = key.to_string();
        let value = value.to_string();
        self.write(move |db| {
            Box::pin(async move { registry::tag(db, &name, &key, &value, at).await })
        })
        .await
    }

    async fn delete_model(&self, name: &str) -> Result<()> {
        let name = name.to_string();
        self.write(move |db| Box::pin(async move { registry::delete(db, &name).await })).await
    }

    async fn register(&self, new: NewVersion) -> Result<Registration> {
        self.write(move |db| Box::pin(async move { registry::register(db, &new).await })).await
    }

    async fn version(&self, model: &str, version: u32) -> Result<ModelVersion> {
        let model = model.to_string();
        self.read(move |db| Box::pin(async move { registry::version(db, &model, version).await }))
            .await
    }

    async fn versions(&self, model: &str, page: Page) -> Result<Vec<ModelVersion>> {
        let model = model.to_string();
        self.read(move |db| Box::pin(async move { registry::versions(db, &model, page).await }))
            .await
    }

    async fn versions_of_run(&self, id: RunId) -> Result<Vec<ModelVersion>> {
        self.read(move |db| Box::pin(registry::versions_of_run(db, id))).await
    }

    async fn describe_version(
        &self,
        model: &str,
        version: u32,
        description: &str,
        at: Timestamp,
    ) -> Result<()> {
        let model = model.to_string();
        let description = description.to_string();
        self.write(move |db| {
            Box::pin(async move {
                registry::describe_version(db, &model, version, &description, at).await
            })
        })
        .await
    }

    async fn tag_version(&self, model: &str, version: u32, key: &str, value: &str) -> Result<()> {
        let model = model.to_string();
        let key = key.to_string();
        let value = value.to_string();
        self.write(move |db| {
            Box::pin(async move { registry::tag_version(db, &model, version, &key, &value).await })
        })
        .await
    }

    async fn delete_version(&self, model: &str, version: u32, note: Note) -> Result<()> {
        let model = model.to_string();
        self.write(move |db| {
            Box::pin(async move { registry::delete_version(db, &model, version, &note).await })
        })
        .await
    }

    async fn set_alias(
        &self,
        model: &str,
        alias: &str,
        version: u32,
        note: Note,
    ) -> Result<ModelVersion> {
        let model = model.to_string();
        let alias = alias.to_string();
        self.write(move |db| {
            Box::pin(async move { history::set_alias(db, &model, &alias, version, &note).await })
        })
        .await
    }

    async fn remove_alias(&self, model: &str, alias: &str, note: Note) -> Result<()> {
        let model = model.to_string();
        let alias = alias.to_string();
        self.write(move |db| {
            Box::pin(async move { history::remove_alias(db, &model, &alias, &note).await })
        })
        .await
    }

    async fn roll_back(&self, model: &str, alias: &str, note: Note) -> Result<ModelVersion> {
        let model = model.to_string();
        let alias = alias.to_string();
        self.write(move |db| {
            Box::pin(async move { history::roll_back(db, &model, &alias, &note).await })
        })
        .await
    }

    async fn aliased(&self, model: &str, alias: &str) -> Result<ModelVersion> {
        let model = model.to_string();
        let alias = alias.to_string();
        self.read(move |db| Box::pin(async move { history::aliased(db, &model, &alias).await }))
            .await
    }

    async fn newest_version(&self, model: &str) -> Result<ModelVersion> {
        let model = model.to_string();
        self.read(move |db| Box::pin(async move { registry::newest(db, &model).await })).await
    }

    async fn record_event(&self, model: &str, event: NewEvent) -> Result<()> {
        let model = model.to_string();
        self.write(move |db| Box::pin(async move { history::record(db, &model, &event).await }))
            .await
    }

    async fn history(&self, model: &str) -> Result<Vec<ModelEvent>> {
        let model = model.to_string();
        self.read(move |db| Box::pin(async move { history::history(db, &model).await })).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;
    use gristmill_core::ErrorKind;

    async fn run_sql(store: &SqliteStore, sql: &'static str) {
        store
            .write(move |db| {
                Box::pin(async move {
                    sqlx::query(sql).execute(db).await?;
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
