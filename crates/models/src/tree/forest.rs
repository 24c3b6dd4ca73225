//! What trees and forests come to: columns into codes, codes down the trees, answers averaged.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Contributions, DenseMatrix, Frame, Load, Model, Result, Schema, Scores, State, Task,
};
use serde::{Deserialize, Serialize};

use super::grove::Grove;

/// Which estimator made a forest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ForestKind {
    DecisionTree,
    RandomForest,
    ExtraTrees,
}

impl ForestKind {
    /// The estimator's name in the catalog.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DecisionTree => "decision_tree",
            Self::RandomForest => "random_forest",
            Self::ExtraTrees => "extra_trees",
        }
    }
}

/// What [`crate::DecisionTree`], [`crate::RandomForest`] and [`crate::ExtraTrees`] learn: one tree or
/// many.
///
/// The answer for a row is the mean of the answers of the trees, in their order: of class
/// probabilities, or of numbers. A row that lacks a value, or has a category that training did not
/// see, goes to the side of each split that was learned for missing values.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedForest {
    pub(super) kind: ForestKind,
    pub(super) task: Task,
    pub(super) grove: Grove,
    pub(super) importances: Vec<f64>,
}

impl FittedForest {
    /// How many trees there are.
    pub fn trees(&self) -> usize {
        self.grove.trees.len()
    }

    /// How many splits all trees have together.
    pub fn splits(&self) -> usize {
        self.grove.splits()
    }
}

/// How many numbers an answer has.
pub(super) fn width(task: Task) -> usize {
    match task {
        Task::Classification { classes } => classes,
        Task::Regression | Task::Unsupervised => 1,
    }
}

impl Model for FittedForest {
    fn kind(&self) -> &'static str {
        self.kind.name()
    }

    fn input(&self) -> &Arc<Schema> {
        &self.grove.input
    }

    fn task(&self) -> Task {
        self.task
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let mut answers = self.grove.sums(rows)?;
        let trees = self.trees() as f64;
        answers.iter_mut().for_each(|sum| *sum /= trees);
        match self.task {
            Task::Regression | Task::Unsupervised => Ok(Scores::Values(answers)),
            Task::Classification { classes } => {
                Ok(Scores::Probabilities(by_columns(rows.rows(), classes, &answers)))
            }
        }
    }

    /// Mean decrease in impurity: for each tree a column's share of the decrease, weighted by rows,
    /// over all splits; then the mean over the trees (Breiman, *Random Forests*, 2001). It favours
    /// columns with many different values.
    fn importances(&self) -> Option<Vec<f64>> {
        Some(self.importances.clone())
    }

    /// Shapley values of the number, or of the probability of each class, of two classes of the
    /// second alone.
    fn explain(&self, rows: &Frame) -> Option<Result<Contributions>> {
        let explained = self.grove.explain(rows, 1.0 / self.trees() as f64);
        Some(explained.map(|mut explained| {
            if explained.base.len() == 2 {
                explained.base.remove(0);
                explained.values.remove(0);
            }
            explained
        }))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let sums = self.grove.express_sums(graph, columns)?;
        let means = graph.divide(sums, graph.number(self.trees() as f64));
        Ok(match self.task {
            Task::Classification { .. } => Answers::Probabilities(means),
            Task::Regression | Task::Unsupervised => Answers::Values(means),
        })
    }

    fn state(&self) -> State {
        super::stored::write(self)
    }
}

/// A matrix of numbers that stand row by row.
pub(super) fn by_columns(rows: usize, columns: usize, values: &[f64]) -> DenseMatrix {
    let mut matrix = DenseMatrix::zeros(rows, columns);
    for at in 0..columns {
        let values = values.iter().skip(at).step_by(columns);
        matrix.column_mut(at).iter_mut().zip(values).for_each(|(to, from)| *to = *from);
    }
    matrix
}

impl Load for FittedForest {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        super::stored::read(state, input)
    }
}
