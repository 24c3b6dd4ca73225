//! The user's own commands as tasks of a plan.
//!
//! [`TaskSpec`] is what a pipeline file says, [`CommandTask`] the task made of it. A command runs
//! in a group of processes of its own and leaves none behind, its output goes to a log of
//! bounded size with its secrets blotted out, and a [`Warden`] ends what runs when the engine
//! itself is killed.

mod byte_size;
mod capture;
mod check;
#[cfg(unix)]
mod ending;
mod environment;
#[cfg(unix)]
mod execute;
#[cfg(unix)]
mod exit;
mod facts;
#[cfg(unix)]
mod group;
mod log;
mod moment;
#[cfg(unix)]
mod oom;
mod outputs;
#[cfg(target_os = "linux")]
mod proc;
#[cfg(unix)]
mod process;
mod reads;
mod redact;
mod secret;
mod shell;
mod spec;
mod surroundings;
mod task;
mod template;
mod time_span;
mod tree;
#[cfg(not(unix))]
mod unsupported;
#[cfg(unix)]
mod warden;
#[cfg(unix)]
mod watch;

#[cfg(not(unix))]
use unsupported as execute;

pub use byte_size::ByteSize;
pub use check::SpecMistake;
pub use log::{TaskLog, task_logs};
pub use secret::{Secret, Secrets, UsualSecrets};
pub use spec::{
    CacheRule, Foreach, Given, Pool, RetryBlock, RetrySpec, Run, SecretName, TaskSpec, Variable,
};
pub use surroundings::Surroundings;
pub use task::CommandTask;
pub use time_span::TimeSpan;
#[cfg(not(unix))]
pub use unsupported::{Warden, wait_for_old_warden, warden_main};
#[cfg(unix)]
pub use warden::{Warden, wait_for_old_warden};
#[cfg(unix)]
pub use watch::warden_main;
