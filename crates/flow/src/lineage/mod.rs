//! What a run read and wrote, told to other systems in the words of OpenLineage 2-0-2
//! (<https://openlineage.io/spec/2-0-2/OpenLineage.json>).
//!
//! A pipeline is a job, and so is each of its tasks, named `pipeline.task`; a run of the pipeline
//! is the parent of its tasks' runs. Equal names give equal ids, so that an event that is sent
//! again is the same event.

mod dataset;
mod emit;
mod event;
mod facet;

use jiff::Timestamp;
use serde_json::json;

pub use dataset::LineageDataset;
pub use emit::{Emit, EmitError, LineageFile};
use event::{Job, JobFacets, Run, RunFacets};
pub use event::{LineageEvent, LineageState};
use facet::{
    Facet, Id, JobTypeJobFacet, Named, NominalTimeRunFacet, ParentRunFacet,
    ProcessingEngineRunFacet, Root,
};

/// Who says so: a package URL, which is a URI.
const PRODUCER: &str = concat!("pkg:cargo/gristmill@", env!("CARGO_PKG_VERSION"));
/// RFC 3339 knows no years before it.
const YEAR_0: Timestamp = Timestamp::constant(-62_167_219_200, 0);
/// The schema of an event.
const SPEC: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// A run of a pipeline, from which the events of it and of its tasks are made.
///
/// ```
/// # use gristmill_flow::{Lineage, LineageDataset, LineageState};
/// let run = Lineage::new("gristmill", "churn", "0198a2");
/// let rows = LineageDataset { rows: Some(7043), ..LineageDataset::at("/data/customers.csv") };
/// let event = run.task("ingest", LineageState::Complete, 1_748_772_000_000_000).reading(&[rows]);
/// let json = serde_json::to_value(&event).unwrap();
/// assert_eq!(json["job"]["name"], "churn.ingest");
/// assert_eq!(json["eventTime"], "2025-06-01T10:00:00Z");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Lineage {
    namespace: String,
    pipeline: String,
    run: String,
    nominal: Option<NominalTimeRunFacet>,
}

impl Lineage {
    /// The run `run` of `pipeline`. The namespace tells installations apart that send to the
    /// same place: the name of the machine or of the team.
    pub fn new(
        namespace: impl Into<String>,
        pipeline: impl Into<String>,
        run: impl Into<String>,
    ) -> Self {
        let (namespace, pipeline, run) = (namespace.into(), pipeline.into(), run.into());
        Self { namespace, pipeline, run, nominal: None }
    }

    /// The same run as one that was planned for a moment, and the moment after it if there is
    /// one, in microseconds since 1970-01-01T00:00Z.
    #[must_use]
    pub fn scheduled(mut self, moment: i64, next: Option<i64>) -> Self {
        self.nominal = Some(NominalTimeRunFacet {
            nominal_start_time: written(moment),
            nominal_end_time: next.map(written),
        });
        self
    }

    /// An event of the run itself, at a moment in microseconds.
    pub fn run(&self, state: LineageState, at: i64) -> LineageEvent {
        self.event(None, state, at)
    }

    /// An event of a task of the run. All tries of a task are one run of it.
    pub fn task(&self, task: &str, state: LineageState, at: i64) -> LineageEvent {
        self.event(Some(task), state, at)
    }

    /// The id of the run, or of a task's run, in other systems: a UUID of version 8, made by
    /// hashing the names.
    pub fn id(&self, task: Option<&str>) -> String {
        let names = json!(["gristmill run", self.namespace, self.pipeline, self.run, task]);
        let digest = blake3::hash(names.to_string().as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_bytes()[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = format!("{:032x}", u128::from_be_bytes(bytes));
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        parts.join("-")
    }

    fn event(&self, task: Option<&str>, state: LineageState, at: i64) -> LineageEvent {
        let Named { namespace, name } = self.job(task);
        let engine =
            ProcessingEngineRunFacet { version: env!("CARGO_PKG_VERSION"), name: "gristmill" };
        let job_type = JobTypeJobFacet {
            processing_type: "BATCH",
            integration: "GRISTMILL",
            job_type: if task.is_some() { "TASK" } else { "PIPELINE" },
        };
        let facets = RunFacets {
            parent: task.map(|_| self.parent()),
            nominal_time: self.nominal.clone().map(Facet::from),
            error_message: None,
            processing_engine: engine.into(),
        };
        let job = Job { namespace, name, facets: JobFacets { job_type: job_type.into() } };
        LineageEvent::new(state, written(at), Run { run_id: self.id(task), facets }, job)
    }

    fn parent(&self) -> Facet<ParentRunFacet> {
        let (run, job) = (Id { run_id: self.id(None) }, self.job(None));
        let root = Root { run: run.clone(), job: job.clone() };
        ParentRunFacet { run, job, root }.into()
    }

    fn job(&self, task: Option<&str>) -> Named {
        let name = match task {
            Some(task) => format!("{}.{task}", self.pipeline),
            None => self.pipeline.clone(),
        };
        Named { namespace: self.namespace.clone(), name }
    }
}

/// A moment as RFC 3339 has it. What lies beyond its years is held at their end.
fn written(micros: i64) -> String {
    let end = if micros < 0 { YEAR_0 } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).ok().filter(|t| *t >= YEAR_0).unwrap_or(end).to_string()
}

#[cfg(test)]
mod tests;
