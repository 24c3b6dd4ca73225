//! Tasks in the order of their needs, with a cache of what each gave.

mod alone;
mod board;
mod cache;
mod digest;
mod files;
mod handover;
mod journal;
mod key;
mod manifest;
mod observe;
mod perform;
mod plan;
mod policy;
mod preview;
mod report;
mod room;
mod roster;
mod run;
mod session;
mod task;
mod usage;

pub use cache::{Cache, CacheError};
pub use digest::{Digest, canonical_json};
pub use files::FileDigests;
pub use handover::{Inputs, Output, TaskContext};
pub use journal::{Earlier, EarlierResult, Journal, JournalError};
pub use key::{KeyParts, Previous, explain};
pub use manifest::FileRecord;
pub use observe::{Cancel, Clock, Event, Observer};
pub use plan::{Plan, PlanError};
pub use policy::{Capacity, Demand, Retries};
pub use preview::{Planned, PlannedStatus};
pub use report::{RunReport, TaskReport, TaskStatus};
pub use task::{Caching, Fault, Input, Task, TaskError};
pub use usage::Kept;
