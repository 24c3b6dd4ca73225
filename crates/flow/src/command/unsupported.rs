//! Commands on systems without Unix processes: a clear refusal.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::CommandTask;
use crate::{Fault, Inputs, Output, TaskContext, TaskError};

const WORDS: &str =
    "commands as tasks are not supported on this system, only on Linux and other Unix systems";

/// Refuses.
pub(super) fn execute(
    _task: &CommandTask,
    _inputs: &Inputs<'_>,
    _context: &TaskContext<'_>,
) -> Result<Output, TaskError> {
    Err(TaskError::new(Fault::Machine, WORDS))
}

/// Ends the commands of a run whose process was killed; not on this system.
#[derive(Clone, Debug)]
pub struct Warden(std::convert::Infallible);

impl Warden {
    /// Starts a warden.
    ///
    /// # Errors
    /// Always, on this system.
    pub fn start(_command: Command, _lock: &Path) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, WORDS))
    }
}

/// Waits until the warden of an earlier process has done its work; there is none on this system.
///
/// # Errors
/// Never, on this system.
pub fn wait_for_old_warden(_lock: &Path, _patience: Duration) -> io::Result<bool> {
    Ok(true)
}

/// What a warden's process does.
///
/// # Errors
/// Always, on this system.
pub fn warden_main() -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, WORDS))
}
