//! Runs, metrics, artifacts and the model registry: what happened, when, and which model serves.
//!
//! Start with [`Store`], the trait that every command and server speaks, and [`SqliteStore`], the
//! one that lives in the home folder, or [`PostgresStore`], which many machines share;
//! [`open_store`] chooses. Big things stand beside it in an [`ArtifactStore`], each once
//! under the hash of its content, in a folder or a bucket ([`open_artifacts`]); the store keeps which
//! run put it where.
//!
//! Nothing here reads a clock or draws an id: times and ids come in as arguments. No database type
//! leaves this crate.

#[macro_use]
mod words;

mod access;
mod adoption;
mod artifact;
mod check;
mod deployment;
mod due;
mod durability;
mod error;
mod experiment;
mod fail;
mod file;
mod filter;
mod foreign;
mod history;
mod id;
mod inputs;
mod label;
mod lease;
mod logged_model;
mod logged_package;
mod migrations;
mod model;
mod monitoring;
mod open;
mod postgres;
mod registry;
mod retention;
mod rule;
mod run;
mod sent;
mod signal;
mod sqlite;
mod store;
pub mod tags;
mod task;
mod traffic;
mod webhook;

pub use access::{Access, AuditLine, AuditQuery, Level, NewToken, Outcome, Role, ThingKind, Token};
pub use adoption::{AdoptedModel, Adoption, BEING_ADOPTED};
pub use artifact::{
    Artifact, ArtifactKind, ArtifactPath, ArtifactStore, BucketArtifacts, Content, Draft,
    LocalArtifacts, PackedFile, Part, Stored, Unpacking, Uploads, artifacts_folder, open_artifacts,
    pack, packed_files,
};
pub use check::{
    MAX_ALIAS_CHARS, MAX_EXPERIMENT_TAG_CHARS, MAX_KEY_CHARS, MAX_MODEL_TAG_CHARS, MAX_NAME_CHARS,
    MAX_PARAM_CHARS, MAX_SNAPSHOT_BYTES, MAX_TAG_CHARS,
};
pub use deployment::{Deployment, Snapshot};
pub use due::Due;
pub use durability::Durability;
pub use error::{Result, TrackError};
pub use experiment::{Experiment, ExperimentId, ExperimentQuery, Lifecycle, NewExperiment};
pub use file::StoredFile;
pub use filter::{
    Clause, Field, FieldKind, Filter, FilterError, Operand, Operator, Order, Searchable,
};
pub use foreign::{ForeignModel, LeftOut, MlflowDatabase, NotTaken};
pub use history::{HistoryOrder, HistoryQuery, Sample};
pub use id::{ContentHash, RunId};
pub use inputs::{Dataset, DatasetInput, DatasetSummary, ModelLink, ModelRole};
pub use label::{Label, LabelsAdded, MAX_PREDICTION_ID_CHARS};
pub use lease::{Author, Lease};
pub use logged_model::{
    DatasetRef, LoggedModel, LoggedModelQuery, LoggedModelStatus, LoggedModels, Measured,
    NewLoggedModel,
};
pub use logged_package::LoggedPackage;
pub use model::{
    Gate, Model, ModelEvent, ModelQuery, ModelVersion, NewEvent, NewModel, NewVersion, Note,
    Others, Registration, Stage, VersionQuery, VersionStatus, WhatHappened,
};
pub use monitoring::{
    Finding, FindingKind, LoopAct, LoopStanding, LoopStep, Monitoring, NewFinding,
};
pub use open::open_store;
pub use postgres::{PostgresStore, database_name};
pub use registry::Registry;
pub use retention::{Away, PutAway, Retention};
pub use rule::{AliasRule, Approval};
pub use run::{
    Batch, Comparison, Condition, Metric, ModelMetric, NewRun, Page, Parent, Run, RunInfo,
    RunQuery, RunStatus, RunUpdate,
};
pub use sent::{
    MissingContent, Received, ReceivedAlias, ReceivedModel, SENT_FORMAT, SentArtifacts, SentMetric,
    SentModel, SentPromotion, SentRun,
};
pub use signal::Signal;
pub use sqlite::{Holdings, SqliteStore};
pub use store::Store;
pub use task::{TaskRecord, TaskStatus};
pub use traffic::{
    AbTest, Arm, ArmTotals, CHAMPION, Canary, MAX_REQUEST_ID_CHARS, PredictionOutcome, StartedTest,
    TestTotals, Traffic, TrafficPlan, VersionRef,
};
pub use webhook::{
    Delivery, Secret, Untold, Webhook, WebhookEvent, WebhookStatus, WebhookUpdate, Webhooks,
};
