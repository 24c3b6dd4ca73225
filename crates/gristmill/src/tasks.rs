//! All tasks of a pipeline file: its stages, and the commands of its `tasks:` section.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gristmill_core::Timestamp;
use gristmill_flow::{
    CommandTask, SpecMistake, Surroundings, Task, UsualSecrets, Warden, wait_for_old_warden,
};
use gristmill_track::RunId;

use crate::check::Checked;
use crate::remote::Address;
use crate::stages::{self, Shared};
use crate::{Error, Home, Result};

/// How long a run that goes on with another waits for the commands of that one to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What helps a run beside this process.
#[derive(Default)]
pub(crate) struct Means {
    /// Ends the commands of the run when this process is killed; without it they go on.
    pub warden: Option<Warden>,
    /// The `gristmill` binary, which measures models in a process of its own.
    pub binary: Option<PathBuf>,
    /// The server that the run is sent to.
    pub server: Option<Address>,
    /// When a version is registered, in place of the present moment.
    pub at: Option<Timestamp>,
}

/// The tasks of a file for the run `run`.
///
/// # Errors
/// None for a file that `check` gave.
pub(crate) fn tasks(
    checked: Checked,
    home: &Home,
    run: RunId,
    mut means: Means,
) -> Result<Vec<Box<dyn Task>>> {
    let mut tasks =
        commands(&checked, home, run, means.warden.take()).map_err(|(task, mistakes)| {
            let words: Vec<&str> =
                mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
            Error::input(words.join("; ")).with_place(format!("task `{task}`"))
        })?;
    let Means { binary, server, at, .. } = means;
    if let Some(mut shared) = Shared::new(checked, home, binary, server)? {
        shared.at = at;
        let stages = stages::tasks(&Arc::new(shared), run);
        // Stages stand first where the order is open.
        tasks = stages.into_iter().chain(tasks).collect();
    }
    Ok(tasks)
}

/// The commands of a file; the first task with mistakes, and these.
fn commands(
    checked: &Checked,
    home: &Home,
    run: RunId,
    warden: Option<Warden>,
) -> Result<Vec<Box<dyn Task>>, TaskMistakes> {
    let surroundings = Arc::new(Surroundings {
        folder: checked.folder.clone(),
        logs: logs(home, run),
        run_id: run.to_string(),
        secrets: Arc::new(UsualSecrets::with_folder(&home.root().join("secrets"))),
        warden,
    });
    let specs = checked.file.tasks.iter();
    let tasks = specs.map(|(name, spec)| {
        let task = CommandTask::new(name, spec.clone(), Arc::clone(&surroundings));
        let task = task.map_err(|mistakes| (name.clone(), mistakes))?;
        Ok(Box::new(task) as Box<dyn Task>)
    });
    tasks.collect()
}

/// A task and the mistakes in it.
type TaskMistakes = (String, Vec<SpecMistake>);

/// The folder of a run's logs.
pub(crate) fn logs(home: &Home, run: RunId) -> PathBuf {
    all_logs(home).join(run.to_string())
}

/// The folder with a folder of logs for each run.
pub(crate) fn all_logs(home: &Home) -> PathBuf {
    home.root().join("logs")
}

/// Starts the process that ends the commands of this run when this process is killed, once the
/// one of an earlier process of the run has done so.
///
/// # Errors
/// When it cannot be started, or the commands of the earlier process do not end.
pub(crate) fn warden(binary: &Path, home: &Home, run: RunId) -> Result<Warden> {
    let lock = home.root().join("locks").join(format!("{run}.warden"));
    if !wait_for_old_warden(&lock, PATIENCE)? {
        return Err(Error::input("commands of the run that was cut short are still at work")
            .with_hint("end them, or wait and run the file again"));
    }
    let mut command = Command::new(binary);
    command.arg("warden");
    Ok(Warden::start(command, &lock)?)
}
