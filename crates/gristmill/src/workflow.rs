//! Tasks of a Rust program, run as durably as those of a pipeline file.

use gristmill_flow::{RunReport, Task};
use gristmill_track::RunStatus;

use crate::execution::execute;
use crate::recorder::{Recorder, Subject};
use crate::report::Progress;
use crate::run::RunOptions;
use crate::{Home, Result};

/// A name and the tasks that belong together under it.
///
/// A run that is cut short goes on where it was when the same tasks are run again under the same
/// name in the same home.
///
/// ```
/// use gristmill::flow::{Inputs, Output, Task, TaskContext, TaskError};
/// use gristmill::{Home, RunOptions, Silent, Workflow};
/// use serde_json::{Value, json};
///
/// struct Answer(Vec<String>);
///
/// impl Task for Answer {
///     fn name(&self) -> &str { "answer" }
///     fn needs(&self) -> &[String] { &self.0 }
///     fn version(&self) -> String { "1".into() }
///     fn parameters(&self) -> Value { json!({}) }
///     fn run(&self, _: &Inputs<'_>, _: &TaskContext<'_>) -> Result<Output, TaskError> {
///         Ok(Output::facts(json!({"answer": 42})))
///     }
/// }
///
/// let folder = tempfile::tempdir()?;
/// let workflow = Workflow::new("example", vec![Box::new(Answer(Vec::new()))]);
/// let report = workflow.run(&Home::at(folder.path()), &RunOptions::default(), &Silent)?;
/// assert_eq!(report.tasks[0].facts["answer"], 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Workflow {
    name: String,
    tasks: Vec<Box<dyn Task>>,
}

impl Workflow {
    /// These tasks under this name.
    pub fn new(name: impl Into<String>, tasks: Vec<Box<dyn Task>>) -> Self {
        Self { name: name.into(), tasks }
    }

    /// Runs the tasks, or goes on with the latest run of them if that was cut short. What became
    /// of each comes back; a task that failed is no error.
    ///
    /// # Errors
    /// When the tasks form no plan, or the home cannot keep what becomes of them.
    pub fn run(
        self,
        home: &Home,
        options: &RunOptions,
        progress: &dyn Progress,
    ) -> Result<RunReport> {
        let subject = Subject::tasks(&self.name, &self.tasks);
        let mut recorder = Recorder::start(home, subject, options.start, &options.cancel)?;
        recorder.going_on(progress);
        let report =
            execute(self.tasks, home, &mut recorder, options, &Default::default(), progress);
        let (status, error) = match &report {
            Err(error) => (RunStatus::Failed, Some(error.message.clone())),
            Ok(report) if report.cancelled() => (RunStatus::Cancelled, None),
            Ok(report) => match report.failure() {
                Some((task, error)) => {
                    (RunStatus::Failed, Some(format!("task `{}`: {error}", task.name)))
                }
                None => (RunStatus::Succeeded, None),
            },
        };
        recorder.end(status, None, Default::default(), error)?;
        report
    }
}
