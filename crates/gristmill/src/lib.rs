//! Pipelines from data to a registered model: the library's face.
//!
//! [`prelude`] is what a Rust program needs for the classic flow. The functions here are what the
//! commands do: [`init`](init()), [`check`](check()), [`plan`](plan()), [`run`](run()), [`runs`], [`models`],
//! [`predict`](predict()), [`why`](why()). The stages of a pipeline file and their wiring as tasks
//! stand in `stages/`.

mod alive;
mod backfill;
mod backup;
mod card;
mod catalog;
mod changed;
mod check;
mod clock;
mod comparison;
mod data;
mod deploy;
mod drift;
mod duel;
mod environment;
mod error;
mod estimate;
mod evaluation;
mod events;
mod execution;
pub mod export;
pub mod file;
mod forget;
mod gc;
mod home;
mod import;
mod init;
mod job;
mod journal;
mod keeper;
mod keepsakes;
mod lease;
mod look;
mod machine;
pub mod models;
pub mod monitor;
mod one_task;
mod page;
mod paste;
mod predict;
pub mod predictions;
pub mod prelude;
mod recorder;
mod remote;
pub mod replay;
mod report;
mod run;
pub mod runs;
pub mod select;
pub mod serve;
mod snapshot;
mod sql;
mod stages;
mod tasks;
pub mod tokens;
mod trail;
mod trials;
mod trigger;
pub mod up;
mod upkeep;
mod why;
mod workflow;
mod yaml;

pub use backfill::{Backfill, BackfillReport, DoneBefore, FailedMoment, backfill};
pub use backup::{BackupReport, Occupied, RestoreReport, backup, restore};
pub use catalog::catalog;
pub use changed::{Changes, Standing, pipeline_files};
pub use check::{Checked, check};
pub use clock::SystemClock;
pub use comparison::{Comparison, Contender, PairedDifference};
pub use deploy::{Deployed, DeploymentLine, Undeployed, deploy, deployments, undeploy};
pub use drift::{AnswersDrift, Drift, DriftChanges, drift};
pub use error::{Error, Kind, Result};
pub use events::{Raised, raise};
pub use forget::{Forget, Forgotten, KeptLine};
pub use gc::{GcAction, GcCount, GcOptions, GcReport, gc};
pub use gristmill_core::Selector;
pub use gristmill_core::Timestamp;
pub use gristmill_flow::{self as flow, Cancel};
pub use gristmill_monitor::estimate::Estimate;
pub use gristmill_monitor::multivariate::MultivariateDrift;
pub use gristmill_monitor::statistics::Correction;
pub use gristmill_monitor::{
    ColumnDrift, DriftReport, DriftSettings, DriftTest, MultivariateMethod, Rate as DriftRate,
    Reason as DriftReason, Season, SeasonSettings, TogetherDrift, VectorDrift,
};
pub use gristmill_track::RunId;
pub use home::{ARTIFACTS, DATABASE_URL, Home};
pub use import::{
    Copied, ImportOptions, ImportReport, ImportStatus, LeftOut, NotTaken, Tally, import_mlflow,
};
pub use init::init;
pub use one_task::{TaskCall, TaskOutcome, finish_run, run_task};
pub use page::{ModelPage, Page, model_report, report};
pub use predict::{Answers, predict};
pub use recorder::Start;
pub use remote::{AliasLine, SendOptions, SendReport, SentLine, forget, send};
pub use report::{
    DeletedRun, FoldScores, Metrics, PartOf, Progress, RegisteredModel, RunBranch, RunDetails,
    RunReport, RunStatus, RunSummary, Silent, TaskLine,
};
pub use run::{PlannedTask, RunOptions, plan, run};
pub use runs::{moment, moment_words};
pub use sql::sql;
pub use trail::Tell;
pub use trials::TrialLine;
pub use trigger::TriggerSpec;
pub use why::{Reason, why};
pub use workflow::Workflow;

/// The JSON Schema of a pipeline file.
pub fn schema() -> serde_json::Value {
    file::schema(&catalog())
}

pub use gristmill_ingest::limit_memory;

/// Sets the size of the pool that folds, trees and columns are computed in; call it once, before
/// anything is computed.
///
/// # Errors
/// When something has been computed already.
pub fn limit_threads(threads: usize) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|e| Error::bug(format!("the number of threads cannot be set: {e}")))
}
