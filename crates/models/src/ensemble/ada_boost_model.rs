//! What boosting by weights learns.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Value, Wire};
use gristmill_core::{
    Catalog, DenseMatrix, Error, Frame, LoadWith, Model, Result, Schema, Scores, State,
    StoredModel, Task,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::learning::answers;
use super::members::{Members, require};

/// The models of [`super::AdaBoost`], and how much each counts.
#[derive(Debug)]
pub struct AdaBoostModel {
    pub(super) input: Arc<Schema>,
    pub(super) task: Task,
    pub(super) counts: Vec<f64>,
    pub(super) members: Members,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    task: Task,
    models: Vec<StoredModel>,
}

/// The most probable class of a row, the first of them on a tie.
pub(super) fn found_class(probabilities: &DenseMatrix, row: usize) -> u32 {
    let p = |class: usize| probabilities.get(row, class);
    let classes = 1..probabilities.columns();
    classes.fold(0, |best, class| if p(class) > p(best) { class } else { best }) as u32
}

impl AdaBoostModel {
    pub(super) const KIND: &'static str = "ada_boost";

    fn classes(&self, all: &[DenseMatrix], rows: usize, classes: usize) -> DenseMatrix {
        let others = classes as f64 - 1.0;
        let sum: f64 = self.counts.iter().sum();
        let mut probabilities = DenseMatrix::zeros(rows, classes);
        let mut scores = vec![0.0; classes];
        for row in 0..rows {
            scores.fill(0.0);
            for (answers, count) in all.iter().zip(&self.counts) {
                let found = found_class(answers, row) as usize;
                for (class, score) in scores.iter_mut().enumerate() {
                    let says = if class == found { 1.0 } else { -1.0 / others };
                    *score += says * (count / sum);
                }
            }
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            scores.iter_mut().for_each(|score| *score = ((*score - largest) / others).exp());
            let whole: f64 = scores.iter().sum();
            let shares = scores.iter().enumerate();
            shares.for_each(|(class, score)| probabilities.set(row, class, score / whole));
        }
        probabilities
    }

    /// The answer that half of the counts lie up to.
    fn median(&self, all: &[DenseMatrix], row: usize) -> f64 {
        let mut found: Vec<(f64, f64)> =
            all.iter().zip(&self.counts).map(|(a, &count)| (a.get(row, 0), count)).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        let half = found.iter().map(|(_, count)| count).sum::<f64>() / 2.0;
        let mut sum = 0.0;
        for &(value, count) in &found {
            sum += count;
            if sum >= half {
                return value;
            }
        }
        found.last().map_or(0.0, |(value, _)| *value)
    }
}

impl AdaBoostModel {
    /// As [`AdaBoostModel::classes`], as a graph.
    fn express_classes(&self, graph: &Graph, members: &[Value], classes: usize) -> Value {
        let others = classes as f64 - 1.0;
        let sum: f64 = self.counts.iter().sum();
        let (no, step) = (graph.number(-1.0 / others), graph.number(1.0 + 1.0 / others));
        let mut scores = graph.number(0.0);
        for (answers, count) in members.iter().zip(&self.counts) {
            let found = graph.one_hot(graph.place_of_greatest(*answers), classes);
            let says = graph.add(no, graph.multiply(found, step));
            scores = graph.add(scores, graph.multiply(says, graph.number(count / sum)));
        }
        graph.softmax(graph.divide(scores, graph.number(others)))
    }

    /// As [`AdaBoostModel::median`], as a graph.
    fn express_median(&self, graph: &Graph, members: &[Value]) -> Value {
        let (sorted, places) = graph.least_ones(graph.join(members), members.len());
        let sums = graph.running_sum(graph.number_at(&self.counts, places));
        let half = graph.number(self.counts.iter().sum::<f64>() / 2.0);
        let reached = graph.to_numbers(graph.at_most(half, sums));
        graph.element_at(sorted, graph.place_of_greatest(reached))
    }
}

impl Model for AdaBoostModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        self.task
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let members = self.members.0.par_iter();
        let all: Vec<DenseMatrix> =
            members.map(|model| answers(model.predict(rows)?)).collect::<Result<_>>()?;
        Ok(match self.task {
            Task::Classification { classes } => {
                Scores::Probabilities(self.classes(&all, rows.rows(), classes))
            }
            Task::Regression | Task::Unsupervised => {
                Scores::Values((0..rows.rows()).map(|row| self.median(&all, row)).collect())
            }
        })
    }

    /// The mean of the importances of the models by how much they count, when all know.
    fn importances(&self) -> Option<Vec<f64>> {
        let mut mean = vec![0.0; self.input.len()];
        for (model, count) in self.members.0.iter().zip(&self.counts) {
            let own = model.importances()?;
            mean.iter_mut().zip(own).for_each(|(mean, own)| *mean += own * count);
        }
        // A model that splits nothing has importances of 0.
        let sum: f64 = mean.iter().sum();
        (sum > 0.0).then(|| mean.into_iter().map(|value| value / sum).collect())
    }

    fn takes_sparse(&self) -> bool {
        self.members.takes_sparse()
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let members = self.members.0.iter().map(|m| Ok(m.express(graph, columns)?.value()));
        let members = members.collect::<Result<Vec<Value>>>()?;
        Ok(match self.task {
            Task::Classification { classes } => {
                Answers::Probabilities(self.express_classes(graph, &members, classes))
            }
            Task::Regression | Task::Unsupervised => {
                Answers::Values(self.express_median(graph, &members))
            }
        })
    }

    fn state(&self) -> State {
        let facts = Facts { task: self.task, models: self.members.facts() };
        self.members.put(State::new(&facts).with_f64("counts", self.counts.clone()))
    }
}

impl LoadWith for AdaBoostModel {
    fn load_with(state: &State, input: &Arc<Schema>, catalog: &Catalog) -> Result<Self> {
        let Facts { task, models } = state.facts()?;
        let members = Members::load(&models, state, catalog)?;
        members.0.iter().try_for_each(|model| require(model.as_ref(), input, task))?;
        let counts = state.f64s("counts")?.to_vec();
        let sum: f64 = counts.iter().sum();
        let possible = counts.len() == members.0.len()
            && counts.iter().all(|count| *count >= 0.0)
            && sum > 0.0
            && sum.is_finite();
        let fewest = !matches!(task, Task::Classification { classes: 0 | 1 });
        if !possible || !fewest {
            return Err(Error::damaged("tensor `counts`", "it does not hold one count a model"));
        }
        Ok(Self { input: Arc::clone(input), task, counts, members })
    }
}
