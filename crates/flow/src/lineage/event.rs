//! An event of a run, as OpenLineage spells it.

use serde::Serialize;

use super::dataset::{LineageDataset, Told};
use super::facet::{
    ErrorMessageRunFacet, Facet, JobTypeJobFacet, NominalTimeRunFacet, ParentRunFacet,
    ProcessingEngineRunFacet,
};
use super::{PRODUCER, SPEC};
use crate::TaskStatus;

/// What happened to a run. Each has one `Start`, and one of `Complete`, `Fail` and `Abort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LineageState {
    /// It began.
    Start,
    /// It goes on, and there is more to tell.
    Running,
    /// It gave a result.
    Complete,
    /// It went wrong.
    Fail,
    /// It was stopped.
    Abort,
}

impl From<TaskStatus> for LineageState {
    /// How a task ended. A skipped one never began, and needs no event at all.
    fn from(status: TaskStatus) -> Self {
        match status {
            TaskStatus::Succeeded => Self::Complete,
            TaskStatus::Failed => Self::Fail,
            TaskStatus::Skipped | TaskStatus::Cancelled => Self::Abort,
        }
    }
}

/// An event of a run; it becomes JSON by [`serde`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineageEvent {
    event_type: LineageState,
    event_time: String,
    run: Run,
    job: Job,
    inputs: Vec<Told>,
    outputs: Vec<Told>,
    producer: &'static str,
    #[serde(rename = "schemaURL")]
    schema: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) run_id: String,
    pub(super) facets: RunFacets,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunFacets {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<Facet<ParentRunFacet>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nominal_time: Option<Facet<NominalTimeRunFacet>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_message: Option<Facet<ErrorMessageRunFacet>>,
    #[serde(rename = "processing_engine")]
    pub(super) processing_engine: Facet<ProcessingEngineRunFacet>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Job {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) facets: JobFacets,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobFacets {
    pub(super) job_type: Facet<JobTypeJobFacet>,
}

impl LineageEvent {
    pub(super) fn new(state: LineageState, time: String, run: Run, job: Job) -> Self {
        Self {
            event_type: state,
            event_time: time,
            run,
            job,
            inputs: Vec::new(),
            outputs: Vec::new(),
            producer: PRODUCER,
            schema: SPEC,
        }
    }

    /// The same event with what was read.
    #[must_use]
    pub fn reading(mut self, datasets: &[LineageDataset]) -> Self {
        self.inputs = datasets.iter().map(Told::input).collect();
        self
    }

    /// The same event with what was written.
    #[must_use]
    pub fn writing(mut self, datasets: &[LineageDataset]) -> Self {
        self.outputs = datasets.iter().map(Told::output).collect();
        self
    }

    /// The same event with what went wrong.
    #[must_use]
    pub fn because(mut self, message: impl Into<String>) -> Self {
        let facet = ErrorMessageRunFacet { message: message.into(), programming_language: "RUST" };
        self.run.facets.error_message = Some(facet.into());
        self
    }
}
