//! What trees and forests come to: columns into codes, codes down the trees, answers averaged.

use std::ops::Range;
use std::sync::Arc;

use gristmill_core::{DenseMatrix, Error, Frame, Load, Model, Result, Schema, Scores, State, Task};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bins::{self, ColumnBins};
use super::nodes::Tree;

/// Which estimator made a forest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ForestKind {
    DecisionTree,
    RandomForest,
}

impl ForestKind {
    /// The estimator's name in the catalog.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DecisionTree => "decision_tree",
            Self::RandomForest => "random_forest",
        }
    }
}

/// What [`crate::DecisionTree`] and [`crate::RandomForest`] learn: one tree or many.
///
/// The answer for a row is the mean of the answers of the trees, in their order: of class
/// probabilities, or of numbers. A row that lacks a value, or has a category that training did not
/// see, goes to the side of each split that was learned for missing values.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedForest {
    pub(super) kind: ForestKind,
    pub(super) input: Arc<Schema>,
    pub(super) task: Task,
    pub(super) bins: Vec<ColumnBins>,
    pub(super) trees: Vec<Tree>,
    pub(super) importances: Vec<f64>,
}

/// How many codes a thread keeps at hand while it walks the trees.
const BLOCK_CODES: usize = 1 << 17;

impl FittedForest {
    /// How many trees there are.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// How many splits all trees have together.
    pub fn splits(&self) -> usize {
        self.trees.iter().map(|t| t.nodes.len()).sum()
    }

    /// How many numbers an answer has.
    pub(super) fn width(&self) -> usize {
        match self.task {
            Task::Classification { classes } => classes,
            Task::Regression | Task::Unsupervised => 1,
        }
    }

    /// The answers for the rows in `range`, `[rows, width]`.
    fn answer(&self, rows: &Frame, range: Range<usize>) -> Result<Vec<f64>> {
        let width = self.width();
        let mut sums = vec![0.0; range.len() * width];
        let codes = bins::encode_rows(&self.bins, rows, range)?;
        for tree in &self.trees {
            tree.add_answers(&codes, self.bins.len(), width, &mut sums);
        }
        let trees = self.trees.len() as f64;
        sums.iter_mut().for_each(|sum| *sum /= trees);
        Ok(sums)
    }
}

impl Model for FittedForest {
    fn kind(&self) -> &'static str {
        self.kind.name()
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        self.task
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        if rows.columns().len() != self.bins.len() {
            return Err(Error::Bug(format!(
                "a model of {} columns was given {}",
                self.bins.len(),
                rows.columns().len()
            )));
        }
        let block = (BLOCK_CODES / self.bins.len().max(1)).clamp(64, 4096);
        let blocks: Vec<Vec<f64>> = (0..rows.rows().div_ceil(block))
            .into_par_iter()
            .map(|b| self.answer(rows, b * block..((b + 1) * block).min(rows.rows())))
            .collect::<Result<_>>()?;
        match self.task {
            Task::Regression | Task::Unsupervised => Ok(Scores::Values(blocks.concat())),
            Task::Classification { classes } => {
                let mut probabilities = DenseMatrix::zeros(rows.rows(), classes);
                for class in 0..classes {
                    let answers = blocks.iter().flat_map(|b| b.iter().skip(class).step_by(classes));
                    let column = probabilities.column_mut(class).iter_mut();
                    column.zip(answers).for_each(|(to, from)| *to = *from);
                }
                Ok(Scores::Probabilities(probabilities))
            }
        }
    }

    /// Mean decrease in impurity: for each tree a column's share of the decrease, weighted by rows,
    /// over all splits; then the mean over the trees (Breiman, *Random Forests*, 2001). It favours
    /// columns with many different values.
    fn importances(&self) -> Option<Vec<f64>> {
        Some(self.importances.clone())
    }

    fn state(&self) -> State {
        super::stored::write(self)
    }
}

impl Load for FittedForest {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        super::stored::read(state, input)
    }
}
