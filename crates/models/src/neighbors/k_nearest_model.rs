//! What nearest neighbors learn: the training rows, ready to be searched.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Value, Wire};
use gristmill_core::{DenseMatrix, Error, Frame, Load, Model, Result, Schema, Scores, State, Task};
use serde::{Deserialize, Serialize};

use super::{Found, KNearest, NeighborWeights, Search};
use crate::points::{Points, check_stored};

/// The training rows of [`KNearest`] with their answers.
#[derive(Clone, Debug)]
pub struct KNearestModel {
    settings: KNearest,
    input: Arc<Schema>,
    search: Search,
    answers: TrainingAnswers,
    /// What each training row weighs; nothing when all weigh 1.
    weights: Option<Vec<f64>>,
}

/// The known answers of the training rows.
#[derive(Clone, Debug)]
pub(super) enum TrainingAnswers {
    Classes { codes: Vec<u32>, classes: usize },
    Numbers(Vec<f64>),
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    settings: KNearest,
    task: Task,
    weighted: bool,
}

impl KNearestModel {
    pub(super) const KIND: &'static str = "k_nearest";

    /// A model of points that the metric has prepared.
    pub(super) fn new(
        settings: &KNearest,
        input: &Arc<Schema>,
        points: Points,
        answers: TrainingAnswers,
        weights: Option<Vec<f64>>,
    ) -> Self {
        Self {
            settings: settings.clone(),
            input: Arc::clone(input),
            search: Search::new(points, settings.metric, settings.algorithm),
            answers,
            weights,
        }
    }

    /// How many training rows it holds.
    pub fn rows(&self) -> usize {
        self.search.points().len()
    }

    /// What each neighbor of the query at this position counts; the sum is above 0.
    fn votes(&self, found: &Found, query: usize, votes: &mut Vec<f64>) {
        let range = query * found.k..(query + 1) * found.k;
        let distances = &found.distances[range.clone()];
        votes.clear();
        match self.settings.weights {
            NeighborWeights::Uniform => votes.resize(found.k, 1.0),
            NeighborWeights::Distance => {
                // In units of the nearest one, so that no share can be infinite.
                let nearest = distances[0];
                let share = |&d: &f64| match nearest == 0.0 {
                    true => f64::from(u8::from(d == 0.0)),
                    false => nearest / d,
                };
                votes.extend(distances.iter().map(share));
            }
        }
        if let Some(weights) = &self.weights {
            let largest = found.rows[range.clone()]
                .iter()
                .fold(0.0, |largest: f64, &row| largest.max(weights[row as usize]));
            let rows = &found.rows[range];
            votes.iter_mut().zip(rows).for_each(|(v, &row)| *v *= weights[row as usize] / largest);
        }
    }

    /// As [`KNearestModel::votes`], as a graph.
    fn express_votes(&self, graph: &Graph, distances: Value, places: Value) -> Value {
        let one = graph.number(1.0);
        let votes = match self.settings.weights {
            NeighborWeights::Uniform => {
                let present = graph.equal(distances, distances);
                graph.choose(present, one, graph.number(f64::NAN))
            }
            NeighborWeights::Distance => {
                let zero = graph.number(0.0);
                let nearest = graph.columns(distances, &[0]);
                let touches = graph.to_numbers(graph.equal(distances, zero));
                let shares = graph.divide(nearest, distances);
                graph.choose(graph.equal(nearest, zero), touches, shares)
            }
        };
        let Some(weights) = &self.weights else { return votes };
        let weights = graph.number_at(weights, places);
        graph.multiply(votes, graph.divide(weights, graph.greatest(weights)))
    }
}

impl Model for KNearestModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        match self.answers {
            TrainingAnswers::Classes { classes, .. } => Task::Classification { classes },
            TrainingAnswers::Numbers(_) => Task::Regression,
        }
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let queries = Points::of(Self::KIND, rows, &self.input)?;
        let queries = self.settings.metric.prepare(queries)?;
        let found = self.search.nearest(&queries, self.settings.neighbors);
        let mut votes = Vec::with_capacity(found.k);
        match &self.answers {
            TrainingAnswers::Classes { codes, classes } => {
                let mut shares = DenseMatrix::zeros(rows.rows(), *classes);
                for (query, near) in found.rows.chunks_exact(found.k).enumerate() {
                    self.votes(&found, query, &mut votes);
                    let all: f64 = votes.iter().sum();
                    for (&row, vote) in near.iter().zip(&votes) {
                        let class = codes[row as usize] as usize;
                        shares.set(query, class, shares.get(query, class) + vote);
                    }
                    for class in 0..*classes {
                        shares.set(query, class, (shares.get(query, class) / all).min(1.0));
                    }
                }
                Ok(Scores::Probabilities(shares))
            }
            TrainingAnswers::Numbers(values) => {
                let answers = found.rows.chunks_exact(found.k).enumerate().map(|(query, near)| {
                    self.votes(&found, query, &mut votes);
                    let all: f64 = votes.iter().sum();
                    let terms =
                        near.iter().zip(&votes).map(|(&row, vote)| values[row as usize] * vote);
                    terms.sum::<f64>() / all
                });
                Ok(Scores::Values(answers.collect()))
            }
        }
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let x = graph.matrix(columns);
        let (distances, places) = self.search.express(graph, x, self.settings.neighbors);
        let votes = self.express_votes(graph, distances, places);
        let all = graph.sum(votes);
        Ok(match &self.answers {
            TrainingAnswers::Classes { codes, classes } => {
                let codes: Vec<f64> = codes.iter().map(|&code| f64::from(code)).collect();
                let found = graph.number_at(&codes, places);
                let shares = (0..*classes).map(|class| {
                    let own = graph.to_numbers(graph.equal(found, graph.number(class as f64)));
                    graph.divide(graph.sum(graph.multiply(own, votes)), all)
                });
                Answers::Probabilities(graph.join(&shares.collect::<Vec<_>>()))
            }
            TrainingAnswers::Numbers(values) => {
                let found = graph.number_at(values, places);
                let sum = graph.sum(graph.multiply(found, votes));
                Answers::Values(graph.divide(sum, all))
            }
        })
    }

    fn state(&self) -> State {
        let facts = Facts {
            settings: self.settings.clone(),
            task: self.task(),
            weighted: self.weights.is_some(),
        };
        let mut state =
            State::new(&facts).with_f64("points", self.search.points().values().to_vec());
        if let Some(weights) = &self.weights {
            state = state.with_f64("weights", weights.clone());
        }
        match &self.answers {
            TrainingAnswers::Classes { codes, .. } => state.with_u32("classes", codes.clone()),
            TrainingAnswers::Numbers(values) => state.with_f64("values", values.clone()),
        }
    }
}

impl Load for KNearestModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        check_stored(Self::KIND, input)?;
        let points = Points::stored("points", state.f64s("points")?, input.len())?;
        let rows = points.len();
        if !(1..=rows).contains(&facts.settings.neighbors) || u32::try_from(rows).is_err() {
            return Err(Error::damaged("model `k_nearest`", "its rows do not fit its neighbors"));
        }
        let answers = match facts.task {
            Task::Classification { classes } => {
                let codes = state.u32s("classes")?;
                fits("classes", codes, rows, |code| (*code as usize) < classes)?;
                TrainingAnswers::Classes { codes: codes.to_vec(), classes }
            }
            Task::Regression => {
                let values = state.f64s("values")?;
                fits("values", values, rows, |value| value.is_finite())?;
                TrainingAnswers::Numbers(values.to_vec())
            }
            Task::Unsupervised => {
                return Err(Error::damaged("model `k_nearest`", "it has no answers"));
            }
        };
        let weights = match facts.weighted {
            true => {
                let weights = state.f64s("weights")?;
                fits("weights", weights, rows, |w| w.is_finite() && *w > 0.0)?;
                Some(weights.to_vec())
            }
            false => None,
        };
        Ok(Self::new(&facts.settings, input, points, answers, weights))
    }
}

fn fits<T>(name: &str, values: &[T], rows: usize, possible: impl Fn(&T) -> bool) -> Result<()> {
    if values.len() == rows && values.iter().all(possible) {
        return Ok(());
    }
    Err(Error::damaged(format!("tensor `{name}`"), "it does not hold one fitting number a row"))
}
