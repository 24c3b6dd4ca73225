//! What every keeper of runs and models can do.

use async_trait::async_trait;
use gristmill_core::Timestamp;
use serde_json::Value;

use crate::{
    Access, Adoption, Artifact, Author, Batch, DatasetInput, DatasetSummary, Deployment, Due,
    Experiment, ExperimentId, ExperimentQuery, HistoryQuery, Lease, Lifecycle, LoggedModels,
    Metric, ModelLink, Monitoring, NewExperiment, NewRun, Page, Registry, Result, Retention, Run,
    RunId, RunInfo, RunQuery, RunUpdate, Sample, Signal, Snapshot, StoredFile, TaskRecord,
    Webhooks,
};

/// Keeps experiments and runs, and what is to run when; and, as a [`Registry`], models, as
/// [`LoggedModels`] what runs logged of them, as [`Monitoring`] what is found of them, as [`Webhooks`] who is told, as [`Access`] who may, as
/// [`Retention`] what is forgotten; as [`Adoption`] it takes over what another store kept.
///
/// Each call is one transaction: when it returns `Ok`, what it wrote survives the death of the
/// process and every later call sees it; when it returns an error, nothing of it was written.
/// Calls may come from any number of threads and processes at once.
///
/// Errors beside those that a method names: [`TrackError::Invalid`](crate::TrackError::Invalid)
/// for a name, key or value that cannot be stored, and `Home`, `Damaged` or `Newer` when the store
/// itself cannot be used.
#[async_trait]
pub trait Store:
    Registry + LoggedModels + Monitoring + Webhooks + Access + Retention + Adoption
{
    /// The new experiment under the next free number. `Exists` when the name is taken, by a
    /// deleted experiment too.
    async fn create_experiment(&self, new: NewExperiment) -> Result<Experiment>;

    /// The experiment with this number, or `NotFound`.
    async fn experiment(&self, id: ExperimentId) -> Result<Experiment>;

    /// The experiment of this name, in use or deleted, if there is one.
    async fn experiment_named(&self, name: &str) -> Result<Option<Experiment>>;

    /// Experiments, the newest first.
    async fn experiments(
        &self,
        lifecycle: Option<Lifecycle>,
        page: Page,
    ) -> Result<Vec<Experiment>>;

    /// The experiments that match, the newest first where nothing else is said.
    async fn find_experiments(&self, query: &ExperimentQuery) -> Result<Vec<Experiment>>;

    /// Gives an experiment another name. `NotFound`; `Exists` when the name is taken; `Deleted`.
    async fn rename_experiment(&self, id: ExperimentId, name: &str, at: Timestamp) -> Result<()>;

    /// Puts an experiment and its runs away, or takes them back into use. `NotFound`.
    async fn set_experiment_lifecycle(
        &self,
        id: ExperimentId,
        lifecycle: Lifecycle,
        at: Timestamp,
    ) -> Result<()>;

    /// Sets a tag of an experiment. `NotFound`, `Deleted`.
    async fn tag_experiment(
        &self,
        id: ExperimentId,
        key: &str,
        value: &str,
        at: Timestamp,
    ) -> Result<()>;

    /// Takes a tag away from an experiment. `NotFound` for the experiment or the tag, `Deleted`.
    async fn remove_experiment_tag(&self, id: ExperimentId, key: &str, at: Timestamp)
    -> Result<()>;

    /// The new run, with its batch logged. `Exists` when the id is taken; `NotFound` or `Deleted`
    /// for its experiment; `NotFound` for its parent.
    async fn create_run(&self, new: NewRun) -> Result<Run>;

    /// Changes a run and logs the batch of the update, both or neither. One that is `running` again has
    /// no end and no error any more. `NotFound`, `Deleted`; `ParamChanged` as by [`Store::log`].
    async fn update_run(&self, id: RunId, update: RunUpdate) -> Result<RunInfo>;

    /// [`Store::update_run`] as somebody who may have the lease on the run; `Lost` as by
    /// [`Store::record_tasks_as`].
    async fn update_run_as(&self, id: RunId, author: &Author, update: RunUpdate)
    -> Result<RunInfo>;

    /// Puts a run away or takes it back into use. One that is put away stays so since it first was.
    /// `NotFound`.
    async fn set_run_lifecycle(&self, id: RunId, lifecycle: Lifecycle, at: Timestamp)
    -> Result<()>;

    /// Forgets a run that was put away, with all it logged; its artifacts' content stays until it
    /// is collected. `NotFound`; `Invalid` when the run is still in use.
    async fn purge_run(&self, id: RunId) -> Result<()>;

    /// The run with all it logged, or `NotFound`.
    async fn run(&self, id: RunId) -> Result<Run>;

    /// The runs whose id begins with `prefix`, the newest first, at most 10: for short ids on the
    /// command line. An empty prefix matches nothing.
    async fn runs_starting_with(&self, prefix: &str) -> Result<Vec<RunInfo>>;

    /// The runs that match, the latest start first and equal starts by id.
    async fn search_runs(&self, query: &RunQuery) -> Result<Vec<Run>>;

    /// The latest run of a pipeline that is in use, if there is one.
    async fn latest_run(&self, pipeline: &str) -> Result<Option<Run>> {
        let query = RunQuery {
            pipeline: Some(pipeline.into()),
            page: Page { limit: 1, offset: 0 },
            ..RunQuery::default()
        };
        Ok(self.search_runs(&query).await?.pop())
    }

    /// Logs a batch, whole or not at all. `NotFound`, `Deleted`, `ParamChanged`.
    async fn log(&self, id: RunId, batch: Batch) -> Result<()>;

    /// Adds an item to the JSON list that a tag of a run holds; the tag is made if it is not there.
    /// `NotFound`, `Deleted`; `Invalid` when the tag holds something else or grows too long.
    async fn extend_run_tag(&self, id: RunId, key: &str, item: Value) -> Result<()>;

    /// Takes a tag away from a run. `NotFound` for the run or the tag, `Deleted`.
    async fn remove_run_tag(&self, id: RunId, key: &str) -> Result<()>;

    /// All values of a metric by step, then time. `NotFound` for the run; a metric that was never
    /// logged has no values.
    async fn metric_history(&self, id: RunId, key: &str, page: Page) -> Result<Vec<Metric>>;

    /// The values of a metric in some runs, run by run in the order of their ids.
    async fn metric_histories(&self, query: HistoryQuery) -> Result<Vec<(RunId, Metric)>>;

    /// Values of a metric of a run that stand for all of them, by step, then time.
    async fn metric_sample(&self, sample: Sample) -> Result<Vec<Metric>>;

    /// Notes which datasets and logged models a run used or made. A dataset that the run has already
    /// stays as it is. `NotFound`, `Deleted`.
    async fn log_inputs(
        &self,
        id: RunId,
        datasets: Vec<DatasetInput>,
        models: Vec<ModelLink>,
    ) -> Result<()>;

    /// The datasets that runs of these experiments used, at most 1,000.
    async fn dataset_summaries(
        &self,
        experiments: Vec<ExperimentId>,
    ) -> Result<Vec<DatasetSummary>>;

    /// Records tasks of a run; those of a name that is there already are replaced in their place.
    /// `NotFound`, `Deleted`.
    async fn record_tasks(&self, id: RunId, tasks: Vec<TaskRecord>) -> Result<()>;

    /// [`Store::record_tasks`] as somebody who may have the lease on the run, [`Lease::of_run`]. `Lost`
    /// when somebody else has taken that lease, even if its time is over too: whatever this caller
    /// knows about the run may be out of date by now.
    async fn record_tasks_as(
        &self,
        id: RunId,
        author: &Author,
        tasks: Vec<TaskRecord>,
    ) -> Result<()>;

    /// The tasks of a run in the order in which they were first recorded. `NotFound`.
    async fn tasks(&self, id: RunId) -> Result<Vec<TaskRecord>>;

    /// Of the tasks of a run what their cache keys were made of, as JSON text by name; without
    /// tasks that have no key. Much less than [`Store::tasks`] where there are very many.
    /// `NotFound`.
    async fn task_inputs(&self, id: RunId) -> Result<Vec<(String, String)>>;

    /// Records where content of the artifact store stands among a run's artifacts; an equal path
    /// is replaced. `NotFound`, `Deleted`.
    async fn record_artifacts(&self, id: RunId, artifacts: Vec<Artifact>) -> Result<()>;

    /// The artifacts of a run by path. `NotFound`.
    async fn artifacts(&self, id: RunId) -> Result<Vec<Artifact>>;

    /// Takes the artifact at `path` away from a run, or all that stand below it as in a folder; the
    /// content stays until it is collected. `NotFound`, `Deleted` for the run.
    async fn remove_artifacts(&self, id: RunId, path: &str) -> Result<()>;

    /// Keeps a file beside the artifacts of runs; one of an equal path is replaced.
    async fn keep_file(&self, file: StoredFile) -> Result<()>;

    /// The file at this path, if there is one.
    async fn file(&self, path: &str) -> Result<Option<StoredFile>>;

    /// The files below `folder`, or all of them when it is empty, by path.
    async fn files_below(&self, folder: &str) -> Result<Vec<StoredFile>>;

    /// Forgets the file at `path` and all below it; nothing happens when there is none.
    async fn forget_files(&self, path: &str) -> Result<()>;

    /// Takes a lease, or keeps it, until `until`: when nobody has it, when its time was over at
    /// `now`, or when `holder` has it already. Of any number of callers at once, in any number of
    /// processes, exactly one is told `true`.
    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool>;

    /// Keeps a lease until `until`: `false` when `holder` does not have it any more. Unlike
    /// [`Store::acquire_lease`] it takes none, so that whoever was not at hand while its time was
    /// over learns of it, also when the next holder has given it back.
    async fn renew_lease(&self, name: &str, holder: &str, until: Timestamp) -> Result<bool>;

    /// Gives a lease back; one that `holder` does not have stays as it is.
    async fn release_lease(&self, name: &str, holder: &str) -> Result<()>;

    /// The lease of this name, also when its time is over, if somebody took it and did not give it
    /// back.
    async fn lease(&self, name: &str) -> Result<Option<Lease>>;

    /// Puts a deployment in the place of the one of its name, if there was one.
    async fn deploy(&self, deployment: Deployment) -> Result<()>;

    /// Takes a deployment out of use; it stays listed. `NotFound`, with the names that are in use.
    async fn undeploy(&self, name: &str, at: Timestamp) -> Result<()>;

    /// All deployments by name, those out of use too.
    async fn deployments(&self) -> Result<Vec<Deployment>>;

    /// The deployment of this name, in use or not. `NotFound`, with the names that are in use.
    async fn deployment(&self, name: &str) -> Result<Deployment>;

    /// Keeps the text of a deployed file under its hash; one that is kept already stays as it is, but
    /// for its moment. `Invalid` when it is longer than [`MAX_SNAPSHOT_BYTES`](crate::MAX_SNAPSHOT_BYTES).
    async fn keep_snapshot(&self, snapshot: Snapshot) -> Result<()>;

    /// The text of this hash, if it is kept.
    async fn snapshot(&self, digest: &str) -> Result<Option<Snapshot>>;

    /// The hashes of all texts, and since when each is kept.
    async fn snapshots(&self) -> Result<Vec<(String, Timestamp)>>;

    /// Forgets a text that is kept since before `before`; whether there was one.
    async fn forget_snapshot(&self, digest: &str, before: Timestamp) -> Result<bool>;

    /// Takes up an occasion. Of all calls with the same deployment, trigger and key, whenever and
    /// from whichever process they come, exactly one is told `true`.
    async fn claim_due(&self, due: Due) -> Result<bool>;

    /// The occasions of a deployment, those that were due last first.
    async fn dues(&self, deployment: &str, page: Page) -> Result<Vec<Due>>;

    /// The occasion of this sort that was due last, if there was one.
    async fn last_due(&self, deployment: &str, trigger: &str) -> Result<Option<Due>>;

    /// The occasions whose run is not there yet, is running or was interrupted, those that were due
    /// first first. A run that was put away or purged is not waited for.
    async fn open_dues(&self) -> Result<Vec<Due>>;

    /// Raises a signal under the next number, which comes back. Whoever sees a number has seen, or
    /// can see, all those before it.
    async fn raise(&self, name: &str, payload: Value, at: Timestamp) -> Result<u64>;

    /// The first signals after that number, in their order, at most `limit`.
    async fn signals_after(&self, number: u64, limit: u32) -> Result<Vec<Signal>>;
}
