//! The trait in SQL: which statements answer which call.

use async_trait::async_trait;
use gristmill_core::Timestamp;
use serde_json::Value;

use super::{
    Keeper, Statements, deployments, dues, experiments, files, histories, inputs, leases, logged,
    logging, records, runs, search, signals, snapshots,
};
use crate::{
    Artifact, Author, Batch, DatasetInput, DatasetSummary, Deployment, Due, Experiment,
    ExperimentId, ExperimentQuery, HistoryQuery, Lease, Lifecycle, Metric, ModelLink,
    NewExperiment, NewRun, Page, Result, Run, RunId, RunInfo, RunQuery, RunUpdate, Sample, Signal,
    Snapshot, Store, StoredFile, TaskRecord,
};

/// From so many runs on what they logged is read over two connections side by side. Each run is whole, but one that
/// is changed meanwhile shows what it was changed to, as a search a moment later would.
const MANY_RUNS: u32 = 64;
/// How many of them are read at once: while these become runs, the others are read.
const TOGETHER: usize = 50;

impl Keeper {
    /// The runs that are there with what they logged, in the same order.
    async fn some_runs(&self, ids: &[RunId]) -> Result<Vec<Run>> {
        let mut runs = Vec::with_capacity(ids.len());
        for ids in ids.chunks(TOGETHER) {
            let read = self.read(ids.to_vec(), |db, ids| Box::pin(logged::runs(db, ids)));
            runs.extend(read.await?);
        }
        Ok(runs)
    }
}

#[async_trait]
impl Store for Keeper {
    async fn create_experiment(&self, new: NewExperiment) -> Result<Experiment> {
        self.write(new, |db, new| Box::pin(experiments::create(db, new))).await
    }

    async fn experiment(&self, id: ExperimentId) -> Result<Experiment> {
        self.read(id, |db, id| Box::pin(experiments::by_id(db, *id))).await
    }

    async fn experiment_named(&self, name: &str) -> Result<Option<Experiment>> {
        self.read(name.to_string(), |db, name| Box::pin(experiments::by_name(db, name))).await
    }

    async fn experiments(
        &self,
        lifecycle: Option<Lifecycle>,
        page: Page,
    ) -> Result<Vec<Experiment>> {
        self.read((lifecycle, page), |db, (lifecycle, page)| {
            Box::pin(experiments::list(db, *lifecycle, *page))
        })
        .await
    }

    async fn find_experiments(&self, query: &ExperimentQuery) -> Result<Vec<Experiment>> {
        self.read(query.clone(), |db, query| Box::pin(experiments::find(db, query))).await
    }

    async fn rename_experiment(&self, id: ExperimentId, name: &str, at: Timestamp) -> Result<()> {
        self.write((id, name.to_string(), at), |db, (id, name, at)| {
            Box::pin(experiments::rename(db, *id, name, *at))
        })
        .await
    }

    async fn set_experiment_lifecycle(
        &self,
        id: ExperimentId,
        lifecycle: Lifecycle,
        at: Timestamp,
    ) -> Result<()> {
        self.write((id, lifecycle, at), |db, (id, lifecycle, at)| {
            Box::pin(experiments::set_lifecycle(db, *id, *lifecycle, *at))
        })
        .await
    }

    async fn tag_experiment(
        &self,
        id: ExperimentId,
        key: &str,
        value: &str,
        at: Timestamp,
    ) -> Result<()> {
        self.write((id, key.to_string(), value.to_string(), at), |db, (id, key, value, at)| {
            Box::pin(experiments::tag(db, *id, key, value, *at))
        })
        .await
    }

    async fn remove_experiment_tag(
        &self,
        id: ExperimentId,
        key: &str,
        at: Timestamp,
    ) -> Result<()> {
        self.write((id, key.to_string(), at), |db, (id, key, at)| {
            Box::pin(experiments::remove_tag(db, *id, key, *at))
        })
        .await
    }

    async fn create_run(&self, new: NewRun) -> Result<Run> {
        self.write(new, |db, new| Box::pin(runs::create(db, new))).await
    }

    async fn update_run(&self, id: RunId, update: RunUpdate) -> Result<RunInfo> {
        self.write((id, update), |db, (id, update)| Box::pin(runs::update(db, *id, update))).await
    }

    async fn update_run_as(
        &self,
        id: RunId,
        author: &Author,
        update: RunUpdate,
    ) -> Result<RunInfo> {
        self.write((id, author.clone(), update), |db, (id, author, update)| {
            Box::pin(runs::update_as(db, *id, author, update))
        })
        .await
    }

    async fn set_run_lifecycle(
        &self,
        id: RunId,
        lifecycle: Lifecycle,
        at: Timestamp,
    ) -> Result<()> {
        self.write((id, lifecycle, at), |db, (id, lifecycle, at)| {
            Box::pin(runs::set_lifecycle(db, *id, *lifecycle, *at))
        })
        .await
    }

    async fn purge_run(&self, id: RunId) -> Result<()> {
        self.write(id, |db, id| Box::pin(runs::purge(db, *id))).await
    }

    async fn run(&self, id: RunId) -> Result<Run> {
        self.read(id, |db, id| Box::pin(runs::run(db, *id))).await
    }

    async fn runs_starting_with(&self, prefix: &str) -> Result<Vec<RunInfo>> {
        self.read(prefix.to_string(), |db, prefix| Box::pin(runs::starting_with(db, prefix))).await
    }

    async fn search_runs(&self, query: &RunQuery) -> Result<Vec<Run>> {
        if query.page.limit < MANY_RUNS {
            return self.read(query.clone(), |db, query| Box::pin(search::search(db, query))).await;
        }
        let found =
            self.read(query.clone(), |db, query| Box::pin(search::search_ids(db, query))).await?;
        let (first, second) = found.split_at(found.len() / 2);
        let (mut runs, more) = tokio::try_join!(self.some_runs(first), self.some_runs(second))?;
        runs.extend(more);
        Ok(runs)
    }

    async fn log(&self, id: RunId, batch: Batch) -> Result<()> {
        // Most of what is logged is metrics alone, and that by many callers at once.
        if batch.params.is_empty() && batch.tags.is_empty() && batch.model_metrics.is_empty() {
            return self.write_metrics(id, batch.metrics).await;
        }
        self.write((id, batch), |db, (id, batch)| Box::pin(logging::log(db, *id, batch))).await
    }

    async fn extend_run_tag(&self, id: RunId, key: &str, item: Value) -> Result<()> {
        self.write((id, key.to_string(), item), |db, (id, key, item)| {
            Box::pin(logging::extend_tag(db, *id, key, item))
        })
        .await
    }

    async fn remove_run_tag(&self, id: RunId, key: &str) -> Result<()> {
        self.write((id, key.to_string()), |db, (id, key)| {
            Box::pin(logging::remove_tag(db, *id, key))
        })
        .await
    }

    async fn metric_history(&self, id: RunId, key: &str, page: Page) -> Result<Vec<Metric>> {
        self.read((id, key.to_string(), page), |db, (id, key, page)| {
            Box::pin(logging::history(db, *id, key, *page))
        })
        .await
    }

    async fn metric_histories(&self, query: HistoryQuery) -> Result<Vec<(RunId, Metric)>> {
        self.read(query, |db, query| Box::pin(histories::of_runs(db, query))).await
    }

    async fn metric_sample(&self, sample: Sample) -> Result<Vec<Metric>> {
        self.read(sample, |db, sample| Box::pin(histories::sample(db, sample))).await
    }

    async fn log_inputs(
        &self,
        id: RunId,
        datasets: Vec<DatasetInput>,
        models: Vec<ModelLink>,
    ) -> Result<()> {
        self.write((id, datasets, models), |db, (id, datasets, models)| {
            Box::pin(inputs::log(db, *id, datasets, models))
        })
        .await
    }

    async fn dataset_summaries(
        &self,
        experiments: Vec<ExperimentId>,
    ) -> Result<Vec<DatasetSummary>> {
        self.read(experiments, |db, experiments| Box::pin(inputs::summaries(db, experiments))).await
    }

    async fn record_tasks(&self, id: RunId, tasks: Vec<TaskRecord>) -> Result<()> {
        let work: Statements<(RunId, Vec<TaskRecord>), ()> =
            |db, (id, tasks)| Box::pin(records::record_tasks(db, *id, tasks));
        match tasks.len() <= records::ROWS {
            true => self.write_one((id, tasks), work).await,
            false => self.write((id, tasks), work).await,
        }
    }

    async fn record_tasks_as(
        &self,
        id: RunId,
        author: &Author,
        tasks: Vec<TaskRecord>,
    ) -> Result<()> {
        self.write((id, author.clone(), tasks), |db, (id, author, tasks)| {
            Box::pin(records::record_tasks_as(db, *id, author, tasks))
        })
        .await
    }

    async fn tasks(&self, id: RunId) -> Result<Vec<TaskRecord>> {
        self.read(id, |db, id| Box::pin(records::tasks(db, *id))).await
    }

    async fn task_inputs(&self, id: RunId) -> Result<Vec<(String, String)>> {
        self.read(id, |db, id| Box::pin(records::task_inputs(db, *id))).await
    }

    async fn record_artifacts(&self, id: RunId, artifacts: Vec<Artifact>) -> Result<()> {
        self.write((id, artifacts), |db, (id, artifacts)| {
            Box::pin(records::record_artifacts(db, *id, artifacts))
        })
        .await
    }

    async fn artifacts(&self, id: RunId) -> Result<Vec<Artifact>> {
        self.read(id, |db, id| Box::pin(records::artifacts(db, *id))).await
    }

    async fn remove_artifacts(&self, id: RunId, path: &str) -> Result<()> {
        self.write((id, path.to_string()), |db, (id, path)| {
            Box::pin(records::remove_artifacts(db, *id, path))
        })
        .await
    }

    async fn keep_file(&self, file: StoredFile) -> Result<()> {
        self.write(file, |db, file| Box::pin(files::keep(db, file))).await
    }

    async fn file(&self, path: &str) -> Result<Option<StoredFile>> {
        self.read(path.to_string(), |db, path| Box::pin(files::find(db, path))).await
    }

    async fn files_below(&self, folder: &str) -> Result<Vec<StoredFile>> {
        self.read(folder.to_string(), |db, folder| Box::pin(files::below(db, folder))).await
    }

    async fn forget_files(&self, path: &str) -> Result<()> {
        self.write(path.to_string(), |db, path| Box::pin(files::forget(db, path))).await
    }

    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool> {
        let wanted = Lease { name: name.into(), holder: holder.into(), until };
        self.write((wanted, now), |db, (wanted, now)| Box::pin(leases::acquire(db, wanted, *now)))
            .await
    }

    async fn renew_lease(&self, name: &str, holder: &str, until: Timestamp) -> Result<bool> {
        let wanted = Lease { name: name.into(), holder: holder.into(), until };
        self.write(wanted, |db, wanted| Box::pin(leases::renew(db, wanted))).await
    }

    async fn release_lease(&self, name: &str, holder: &str) -> Result<()> {
        self.write((name.to_string(), holder.to_string()), |db, (name, holder)| {
            Box::pin(leases::release(db, name, holder))
        })
        .await
    }

    async fn lease(&self, name: &str) -> Result<Option<Lease>> {
        self.read(name.to_string(), |db, name| Box::pin(leases::find(db, name))).await
    }

    async fn deploy(&self, deployment: Deployment) -> Result<()> {
        self.write(deployment, |db, deployment| Box::pin(deployments::deploy(db, deployment))).await
    }

    async fn undeploy(&self, name: &str, at: Timestamp) -> Result<()> {
        self.write((name.to_string(), at), |db, (name, at)| {
            Box::pin(deployments::undeploy(db, name, *at))
        })
        .await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>> {
        self.read((), |db, ()| Box::pin(deployments::list(db))).await
    }

    async fn deployment(&self, name: &str) -> Result<Deployment> {
        self.read(name.to_string(), |db, name| Box::pin(deployments::by_name(db, name))).await
    }

    async fn keep_snapshot(&self, snapshot: Snapshot) -> Result<()> {
        self.write(snapshot, |db, snapshot| Box::pin(snapshots::keep(db, snapshot))).await
    }

    async fn snapshot(&self, digest: &str) -> Result<Option<Snapshot>> {
        self.read(digest.to_string(), |db, digest| Box::pin(snapshots::find(db, digest))).await
    }

    async fn snapshots(&self) -> Result<Vec<(String, Timestamp)>> {
        self.read((), |db, ()| Box::pin(snapshots::list(db))).await
    }

    async fn forget_snapshot(&self, digest: &str, before: Timestamp) -> Result<bool> {
        self.write((digest.to_string(), before), |db, (digest, before)| {
            Box::pin(snapshots::forget(db, digest, *before))
        })
        .await
    }

    async fn claim_due(&self, due: Due) -> Result<bool> {
        self.write(due, |db, due| Box::pin(dues::claim(db, due))).await
    }

    async fn dues(&self, deployment: &str, page: Page) -> Result<Vec<Due>> {
        self.read((deployment.to_string(), page), |db, (deployment, page)| {
            Box::pin(dues::list(db, deployment, *page))
        })
        .await
    }

    async fn last_due(&self, deployment: &str, trigger: &str) -> Result<Option<Due>> {
        self.read((deployment.to_string(), trigger.to_string()), |db, (deployment, trigger)| {
            Box::pin(dues::last(db, deployment, trigger))
        })
        .await
    }

    async fn open_dues(&self) -> Result<Vec<Due>> {
        self.read((), |db, ()| Box::pin(dues::open(db))).await
    }

    async fn raise(&self, name: &str, payload: Value, at: Timestamp) -> Result<u64> {
        self.write((name.to_string(), payload, at), |db, (name, payload, at)| {
            Box::pin(signals::raise(db, name, payload, *at))
        })
        .await
    }

    async fn signals_after(&self, number: u64, limit: u32) -> Result<Vec<Signal>> {
        self.read((number, limit), |db, (number, limit)| {
            Box::pin(signals::after(db, *number, *limit))
        })
        .await
    }
}
