//! What the commands of one run share.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Secrets, Warden};

/// What the commands of one run share.
#[derive(Clone)]
pub struct Surroundings {
    /// The folder of the pipeline file, below which all paths are meant.
    pub folder: PathBuf,
    /// The folder for the logs of this run. It is made when it is needed.
    pub logs: PathBuf,
    /// The run, as commands and messages name it.
    pub run_id: String,
    /// Where secrets are kept.
    pub secrets: Arc<dyn Secrets>,
    /// Who ends the commands if this process is killed. Without one they go on then.
    pub warden: Option<Warden>,
}

impl Surroundings {
    /// The working folder of a task.
    pub(super) fn place(&self, folder: Option<&str>) -> io::Result<PathBuf> {
        let place = self.folder.join(folder.unwrap_or_default());
        // The parent of `pipeline.yaml` is the empty path: here.
        if place.as_os_str().is_empty() {
            std::env::current_dir()
        } else {
            std::path::absolute(place)
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, logs, run_id, .. } = self;
        f.debug_struct("Surroundings")
            .field("folder", folder)
            .field("logs", logs)
            .field("run_id", run_id)
            .finish_non_exhaustive()
    }
}
