//! What Gristmill made, for other systems: a pipeline file as a DAG, each of whose tasks calls
//! `gristmill task`, and a model as an ONNX file.
//!
//! Order, retries, pools and schedules become those of that system; the work, the cache and the
//! record of the run stay here.

mod airflow;
mod kubeflow;
mod onnx;

use std::path::Path;

use gristmill_flow::{Plan, TaskSpec};
use gristmill_track::RunId;

pub use airflow::{AirflowPlace, airflow};
pub use kubeflow::{KubeflowPlace, kubeflow};
pub use onnx::{
    ONNX_PYTHON, OnnxExport, OnnxPort, OnnxVerified, TOLERANCE, WITHOUT_FORM, WithoutForm,
    hold_onnx, onnx, onnx_bytes,
};

use crate::check::{Checked, check};
use crate::execution::planned;
use crate::tasks::{Means, tasks};
use crate::{Error, Home, Result};

/// The exit code of `gristmill task` for a task that is skipped, unless it is told another.
pub const SKIPPED: u8 = 99;

/// The text of a DAG, and what it cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The file.
    pub text: String,
    /// What a person should know or do.
    pub notes: Vec<String>,
}

/// A pipeline file as another system sees it.
struct Subject {
    checked: Checked,
    steps: Vec<Step>,
    settings: Vec<String>,
}

/// A task of the DAG.
struct Step {
    name: String,
    /// The tasks that must have ended before.
    waits: Vec<String>,
    /// Whether it has a condition, which Gristmill decides.
    conditional: bool,
    /// Whether its condition asks how a task ended.
    by_status: bool,
    /// What the file says of it, unless it is a stage.
    spec: Option<TaskSpec>,
}

impl Subject {
    fn read(file: &Path, settings: &[String]) -> Result<Self> {
        let checked = check(file, settings)?;
        if let Some(wrong) = settings.iter().find(|setting| setting.contains('{')) {
            return Err(Error::input(format!("`--set {wrong}` cannot stand in an export"))
                .with_hint("write it into the file: a brace means something to the other system"));
        }
        let nowhere = Home::at("");
        let plan = tasks(checked.clone(), &nowhere, RunId::from_bytes([0; 16]), Means::default())?;
        let steps = steps(&planned(plan)?, &checked);
        Ok(Self { checked, steps, settings: settings.to_vec() })
    }

    fn name(&self) -> &str {
        &self.checked.file.name
    }

    /// A name for the last task that no other has.
    fn last(&self) -> String {
        let mut name = "finish".to_owned();
        while self.steps.iter().any(|step| step.name == name) {
            name.push_str("_run");
        }
        name
    }

    /// `--set` and its value, for each setting.
    fn set_words(&self) -> Vec<String> {
        self.settings.iter().flat_map(|s| ["--set".to_owned(), s.clone()]).collect()
    }
}

fn steps(plan: &Plan, checked: &Checked) -> Vec<Step> {
    let steps = plan.tasks().map(|task| {
        let waits = plan.waits_for(task.name()).unwrap_or_default();
        Step {
            name: task.name().to_owned(),
            waits: waits.into_iter().map(Into::into).collect(),
            conditional: task.when().is_some(),
            by_status: task.when().is_some_and(|when| !when.statuses().is_empty()),
            spec: checked.file.tasks.get(task.name()).cloned(),
        }
    });
    steps.collect()
}
