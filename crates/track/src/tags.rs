//! Well-known tag keys. Those that MLflow has keep its spelling, so that its clients show them.

/// The git commit of the pipeline's folder.
pub const GIT_COMMIT: &str = "mlflow.source.git.commit";
/// The git branch of the pipeline's folder.
pub const GIT_BRANCH: &str = "mlflow.source.git.branch";
/// `true` when files under git differed from the commit.
pub const GIT_DIRTY: &str = "gristmill.git.dirty";
/// The pipeline file that was run.
pub const SOURCE_NAME: &str = "mlflow.source.name";
/// How the run was started, in MLflow's words: `LOCAL`, `JOB`.
pub const SOURCE_TYPE: &str = "mlflow.source.type";
/// Who started the run.
pub const USER: &str = "mlflow.user";
/// The run's display name.
pub const RUN_NAME: &str = "mlflow.runName";
/// The run that this one is a part of.
pub const PARENT_RUN: &str = "mlflow.parentRunId";
/// What a dataset was used for.
pub const DATASET_CONTEXT: &str = "mlflow.data.context";
/// The models that a run logged, as a JSON list.
pub const LOGGED_MODELS: &str = "mlflow.log-model.history";
/// A note in Markdown.
pub const NOTE: &str = "mlflow.note.content";
/// The version of Gristmill that did the work.
pub const ENGINE_VERSION: &str = "gristmill.engine.version";
/// The seed that every random choice derives from.
pub const SEED: &str = "gristmill.seed";
/// The hash of the table that came out of ingest.
pub const DATA_HASH: &str = "gristmill.data.hash";
/// The hash of the pipeline file with everything it includes.
pub const PIPELINE_HASH: &str = "gristmill.pipeline.hash";
/// What another system calls the run whose tasks it starts one by one.
pub const OUTER_RUN: &str = "gristmill.outer_run";
/// The operating system and its version.
pub const OS: &str = "gristmill.environment.os";
/// The processor's architecture and model.
pub const CPU: &str = "gristmill.environment.cpu";
/// Which instructions for many numbers at once the processor has.
pub const FEATURES: &str = "gristmill.environment.features";
/// How many threads the run was given.
pub const THREADS: &str = "gristmill.environment.threads";
/// The machine's name.
pub const HOST: &str = "gristmill.environment.host";
/// The deployment that a run is of.
pub const DEPLOYMENT: &str = "gristmill.deployment";
/// What made a run due: its schedule, a trigger, `backfill`.
pub const TRIGGER: &str = "gristmill.trigger";
/// The moment that a run is for, where nobody started it by hand.
pub const SCHEDULED: &str = "gristmill.scheduled";
/// The search that a trial is part of: runs of equal files on equal rows share it.
pub const SEARCH: &str = "gristmill.search";
/// Which of the trials of its search a run is, from 0.
pub const TRIAL: &str = "gristmill.trial";
/// The point that a trial tries, as JSON.
pub const TRIAL_POINT: &str = "gristmill.trial.point";
/// The steps that a trial fits, as JSON.
pub const TRIAL_STEPS: &str = "gristmill.trial.steps";
/// What became of a trial, as JSON; a long text goes on in `gristmill.trial.record.1` and so on.
pub const TRIAL_RECORD: &str = "gristmill.trial.record";
/// The server that a run was sent to.
pub const SENT_TO: &str = "gristmill.sent.to";
/// What a run's version is called on the server that it was sent to: `churn/7`.
pub const SENT_VERSION: &str = "gristmill.sent.version";
/// On a server: who sent the run from a home of their own, where its process is.
pub const SENT_BY: &str = "gristmill.sent.by";
/// `true` on a model that is a prompt.
pub const IS_PROMPT: &str = "mlflow.prompt.is_prompt";
