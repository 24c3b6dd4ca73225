//! What the steps of a pipeline can do.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::graph::{self, Answers, Graph, Wire};
use crate::{
    ConformalAnswers, Contributions, FitContext, Frame, Result, Role, Schema, Scores, Signature,
    State, Target, Task,
};

/// Settings that can learn to change columns.
///
/// Columns that a transform does not take pass through unchanged and keep their place; columns it
/// makes out of one column stand where that column stood, others at the end.
pub trait Transform: Debug + Send + Sync {
    /// Its name in the catalog, such as `standardize`.
    fn kind(&self) -> &'static str;

    /// The schema that fitting and applying will produce, or why `input` is refused. Reads no rows.
    ///
    /// # Errors
    /// When a column is missing or of the wrong type, or a setting makes no sense.
    fn check(&self, input: &Schema) -> Result<Schema>;

    /// Learns from training rows only, keeps none of them, and gives them back transformed. Equal
    /// rows and seed give an equal result, whatever the number of threads.
    ///
    /// # Errors
    /// As [`Transform::check`], and when the rows do not allow it.
    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)>;

    /// Whether training rows may come with [`crate::Column::Sparse`]; without it they come dense.
    fn takes_sparse(&self) -> bool {
        false
    }

    /// The roles of columns that it goes by where a table has them, without their being named: a
    /// split's group, its time. The pipeline then takes these columns beside the features.
    fn goes_by(&self) -> Vec<Role> {
        Vec::new()
    }
}

/// Which other rows the answer for a row depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// None: a row alone gives the same bits as in any batch.
    RowWise,
    /// Earlier rows of the same group.
    Windowed {
        /// The columns that name the group; none where all rows are one.
        group: Vec<String>,
        /// The column that orders the rows.
        order: String,
        /// Which of the earlier rows.
        depth: Depth,
    },
}

/// How far back a transform looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// At so many rows before.
    Rows(usize),
    /// At the rows of so many microseconds before, however many these are.
    Time(u64),
    /// At all rows before.
    All,
}

/// What a [`Transform`] learned. It never changes.
pub trait FittedTransform: Any + Debug + Send + Sync {
    /// Its name and the columns that it takes and gives.
    fn signature(&self) -> &Signature;

    /// The transform's name in the catalog.
    fn kind(&self) -> &'static str {
        self.signature().kind
    }

    /// The columns that [`FittedTransform::apply`] takes.
    fn input(&self) -> &Arc<Schema> {
        &self.signature().input
    }

    /// The columns that [`FittedTransform::apply`] gives.
    fn output(&self) -> &Arc<Schema> {
        &self.signature().output
    }

    /// Whether rows may come with [`crate::Column::Sparse`]; without it they come dense.
    fn takes_sparse(&self) -> bool {
        false
    }

    /// Which other rows the answer for a row depends on.
    fn scope(&self) -> Scope {
        Scope::RowWise
    }

    /// The rows transformed, in the same order. There is no other way to apply it: one row and a
    /// million take this path.
    ///
    /// # Errors
    /// When a value has no answer and the settings say to refuse it.
    fn apply(&self, rows: Frame) -> Result<Frame>;

    /// What [`FittedTransform::apply`] does, added to `graph`: the columns that it gives for
    /// `columns`, which are those of [`FittedTransform::input`].
    ///
    /// # Errors
    /// [`crate::Error::NoForm`] when `graph` has no operators for it; so unless a step says more.
    fn express(&self, _graph: &Graph, _columns: &[Wire]) -> Result<Vec<Wire>> {
        Err(unwritten(self.kind()))
    }

    /// What to store; [`crate::Load`] reads it back.
    fn state(&self) -> State;
}

/// A step that says nothing of its form.
fn unwritten(kind: &str) -> crate::Error {
    graph::no_form(format!("step `{kind}`"), "nobody has written it down in operators")
}

/// Settings that can learn to predict.
pub trait Estimator: Debug + Send + Sync {
    /// Its name in the catalog, such as `random_forest`.
    fn kind(&self) -> &'static str;

    /// Whether a model can be fitted to such columns and such a target. Reads no rows.
    ///
    /// # Errors
    /// When a column has a type that the model cannot use, the task is not its own, or a setting
    /// makes no sense.
    fn check(&self, input: &Schema, task: Task) -> Result<()>;

    /// Learns to predict `target` from the columns of `train`. Equal rows, settings and seed give
    /// an equal model, whatever the number of threads.
    ///
    /// # Errors
    /// As [`Estimator::check`], and when the rows do not allow it.
    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>>;

    /// Whether it learns without known answers: clusters, outlier scores. Its target is
    /// [`Target::Absent`], whatever columns the table has.
    fn unsupervised(&self) -> bool {
        false
    }

    /// Whether training rows may come with [`crate::Column::Sparse`]; without it they come dense.
    fn takes_sparse(&self) -> bool {
        false
    }

    /// The share of the training rows that the pipeline should hold out and hand over as
    /// [`FitContext::validation`], for early stopping and the like. The transforms before learn
    /// nothing from these rows.
    fn validation_share(&self) -> Option<f64> {
        None
    }
}

/// The answers of a model after some of its steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// How many steps were taken, such as rounds of boosting.
    pub steps: usize,
    /// The answers after them.
    pub scores: Scores,
}

/// What an [`Estimator`] learned. It never changes.
pub trait Model: Any + Debug + Send + Sync {
    /// The estimator's name in the catalog.
    fn kind(&self) -> &'static str;

    /// The columns that [`Model::predict`] takes.
    fn input(&self) -> &Arc<Schema>;

    /// What kind of answer it gives.
    fn task(&self) -> Task;

    /// An answer for each row; a row alone gives the same bits as in any batch.
    ///
    /// # Errors
    /// When a value has no answer, such as a missing one in a linear model.
    fn predict(&self, rows: &Frame) -> Result<Scores>;

    /// How much each column matters to the model, in the order of the input and summing to 1, for
    /// models that know. The formula stands with the model.
    fn importances(&self) -> Option<Vec<f64>> {
        None
    }

    /// What it would answer had it stopped learning earlier, after at most `most` numbers of steps
    /// spread evenly up to all of them, for models that learn step by step.
    fn staged(&self, _rows: &Frame, _most: usize) -> Option<Result<Vec<Stage>>> {
        None
    }

    /// What each column adds to the answer of each row, for models that know it exactly.
    fn explain(&self, _rows: &Frame) -> Option<Result<Contributions>> {
        None
    }

    /// What holds the truth around the answer for each row, on the scale that the model sees, for
    /// models that were made to know it.
    fn conformal(&self, _rows: &Frame) -> Option<Result<ConformalAnswers>> {
        None
    }

    /// The names of the clusters, in the order of the columns of its probabilities; nothing for
    /// models that learned known answers or give outlier scores.
    fn clusters(&self) -> Option<Vec<String>> {
        None
    }

    /// Whether rows may come with [`crate::Column::Sparse`]; without it they come dense.
    fn takes_sparse(&self) -> bool {
        false
    }

    /// What [`Model::predict`] does, added to `graph`: the answers for `columns`, which are those
    /// of [`Model::input`].
    ///
    /// # Errors
    /// As [`FittedTransform::express`].
    fn express(&self, _graph: &Graph, _columns: &[Wire]) -> Result<Answers> {
        Err(unwritten(self.kind()))
    }

    /// What to store; [`crate::Load`] reads it back.
    fn state(&self) -> State;
}

impl dyn FittedTransform {
    /// The transform as its own type, for callers that know it.
    pub fn downcast_ref<T: FittedTransform>(&self) -> Option<&T> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }
}

impl dyn Model {
    /// The model as its own type, for callers that know it.
    pub fn downcast_ref<T: Model>(&self) -> Option<&T> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }
}
