//! A model that may depend on what is asked.

use gristmill_core::{Estimator, Task};

/// One model for every task, or one for each.
#[derive(Debug)]
pub enum ByTask {
    /// The same for every task.
    Given(Box<dyn Estimator>),
    /// One for each task.
    Each {
        /// For classes.
        classes: Box<dyn Estimator>,
        /// For numbers.
        numbers: Box<dyn Estimator>,
    },
}

impl ByTask {
    /// The model for a task.
    pub fn for_task(&self, task: Task) -> &dyn Estimator {
        match (self, task) {
            (Self::Given(model), _) => model.as_ref(),
            (Self::Each { numbers, .. }, Task::Regression) => numbers.as_ref(),
            (Self::Each { classes, .. }, _) => classes.as_ref(),
        }
    }

    /// All models that there are.
    pub fn all(&self) -> Vec<&dyn Estimator> {
        match self {
            Self::Given(model) => vec![model.as_ref()],
            Self::Each { classes, numbers } => vec![classes.as_ref(), numbers.as_ref()],
        }
    }
}
