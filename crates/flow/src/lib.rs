//! A pipeline file becomes a checked plan, and the plan a cached run.
//!
//! Four parts, each usable alone, and none that knows a model or a table:
//!
//! - [`Document`] reads YAML and JSON as a tree in which every value remembers its file and line;
//! - [`validate()`] holds that tree against a JSON Schema and says all [`Mistake`]s at once;
//! - [`Plan`] runs [`Task`]s in the order of their needs and takes from the [`Cache`] what is
//!   already known, with a sentence that says why;
//! - [`CommandTask`] is the task that runs a command of the user's.
//!
//! Nothing here reads a clock: time comes from a [`Clock`] that the caller brings. Only the wait for
//! a process goes by the machine's own time.

mod command;
mod condition;
mod document;
mod draw;
mod engine;
mod lineage;
mod mistake;
mod nearest;
mod schedule;
mod validate;

pub use command::{
    ByteSize, CacheRule, CommandTask, Foreach, Given, Pool, RetryBlock, RetrySpec, Run, Secret,
    SecretName, Secrets, SpecMistake, Surroundings, TaskLog, TaskSpec, TimeSpan, UsualSecrets,
    Variable, Warden, task_logs, wait_for_old_warden, warden_main,
};
pub use condition::{Condition, ConditionError};
pub use document::{Document, Entry, Node, NodeKind, Source, Span};
pub use draw::{DrawNode, DrawSigns, DrawState, DrawStyle, draw_plan};
pub use engine::{
    Cache, CacheError, Caching, Cancel, Capacity, Clock, Demand, Digest, Earlier, EarlierResult,
    Event, Fault, FileDigests, FileRecord, Input, Inputs, Journal, JournalError, Kept, KeyParts,
    Observer, Output, Plan, PlanError, Planned, PlannedStatus, Previous, Retries, RunReport, Task,
    TaskContext, TaskError, TaskReport, TaskStatus, canonical_json, explain,
};
pub use lineage::{
    Emit, EmitError, Lineage, LineageDataset, LineageEvent, LineageFile, LineageState,
};
pub use mistake::{Mistake, render};
pub use schedule::{
    CatchUp, ClockNote, Due, Schedule, ScheduleError, ScheduleSpec, ScheduleSpecs, due,
};
pub use validate::validate;
