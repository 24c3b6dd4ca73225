//! What gradient boosting learns.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Contributions, Frame, Load, Model, Result, Schema, Scores, Stage, State, Task,
};

use super::super::forest::by_columns;
use super::super::grove::Grove;
use super::loss::Objective;

/// What [`crate::GradientBoosting`] learns: trees whose answers add up.
///
/// The raw score of a row is the base plus the answers of the trees, in their order. Two classes
/// have one score, the log-odds of the second; more classes have one each, of which softmax makes
/// probabilities; numbers are the score itself, or its exponential for Poisson and gamma losses.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedBoosting {
    pub(super) objective: Objective,
    pub(super) task: Task,
    pub(super) grove: Grove,
    /// The scores before any tree.
    pub(super) base: Vec<f64>,
    pub(super) importances: Vec<f64>,
}

impl FittedBoosting {
    /// How many rounds of boosting the model keeps.
    pub fn rounds(&self) -> usize {
        self.grove.trees.len() / self.base.len()
    }

    /// How many splits all trees have together.
    pub fn splits(&self) -> usize {
        self.grove.splits()
    }

    /// The raw scores, `[rows, scores]`, row by row.
    ///
    /// # Errors
    /// When the rows have other columns.
    pub fn raw_scores(&self, rows: &Frame) -> Result<Vec<f64>> {
        let mut scores = self.grove.sums(rows)?;
        for scores in scores.chunks_exact_mut(self.base.len()) {
            scores.iter_mut().zip(&self.base).for_each(|(score, base)| *score += base);
        }
        Ok(scores)
    }

    /// The answers that raw scores stand for.
    fn answers(&self, scores: &[f64]) -> Scores {
        let rows = scores.len() / self.base.len();
        let width = match self.task {
            Task::Classification { classes } => classes,
            Task::Regression | Task::Unsupervised => 1,
        };
        let mut answers = vec![0.0; rows * width];
        let pairs = scores.chunks_exact(self.base.len()).zip(answers.chunks_exact_mut(width));
        pairs.for_each(|(scores, answer)| self.objective.answer(scores, answer));
        match self.task {
            Task::Classification { classes } => {
                Scores::Probabilities(by_columns(rows, classes, &answers))
            }
            Task::Regression | Task::Unsupervised => Scores::Values(answers),
        }
    }

    /// The answers after at most `most` numbers of rounds, each with the trees since the one before.
    fn stages(&self, rows: &Frame, most: usize) -> Result<Vec<Stage>> {
        let (rounds, outputs) = (self.rounds(), self.base.len());
        let most = most.min(rounds);
        let mut scores = self.base.repeat(rows.rows());
        let mut stages = Vec::with_capacity(most);
        let mut before = 0;
        for steps in (1..=most).map(|stage| rounds * stage / most) {
            let trees = self.grove.trees[before * outputs..steps * outputs].to_vec();
            let part = self.grove.with_trees(trees);
            let added = part.sums(rows)?;
            scores.iter_mut().zip(added).for_each(|(score, more)| *score += more);
            stages.push(Stage { steps, scores: self.answers(&scores) });
            before = steps;
        }
        Ok(stages)
    }
}

impl Model for FittedBoosting {
    fn kind(&self) -> &'static str {
        "gradient_boosting"
    }

    fn input(&self) -> &Arc<Schema> {
        &self.grove.input
    }

    fn task(&self) -> Task {
        self.task
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        Ok(self.answers(&self.raw_scores(rows)?))
    }

    /// After rounds of boosting.
    fn staged(&self, rows: &Frame, most: usize) -> Option<Result<Vec<Stage>>> {
        Some(self.stages(rows, most))
    }

    /// Each column's share of the sum of the gains of all splits.
    fn importances(&self) -> Option<Vec<f64>> {
        Some(self.importances.clone())
    }

    /// Shapley values of the raw scores.
    fn explain(&self, rows: &Frame) -> Option<Result<Contributions>> {
        let explained = self.grove.explain(rows, 1.0);
        Some(explained.map(|mut explained| {
            explained.base.iter_mut().zip(&self.base).for_each(|(sum, base)| *sum += base);
            explained
        }))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let sums = self.grove.express_sums(graph, columns)?;
        let scores = graph.add(sums, graph.row(&self.base));
        let answers = self.objective.express(graph, scores);
        Ok(match self.task {
            Task::Classification { .. } => Answers::Probabilities(answers),
            Task::Regression | Task::Unsupervised => Answers::Values(answers),
        })
    }

    fn state(&self) -> State {
        super::stored::write(self)
    }
}

impl Load for FittedBoosting {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        super::stored::read(state, input)
    }
}
