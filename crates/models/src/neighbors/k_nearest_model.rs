//! What nearest neighbors learn: the training rows, ready to be searched.

use std::sync::Arc;

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
    answers: Answers,
    /// What each training row weighs; nothing when all weigh 1.
    weights: Option<Vec<f64>>,
}

/// The known answers of the training rows.
#[derive(Clone, Debug)]
pub(super) enum Answers {
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
        answers: Answers,
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
            Answers::Classes { classes, .. } => Task::Classification { classes },
            Answers::Numbers(_) => Task::Regression,
        }
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let queries = Points::of(Self::KIND, rows, &self.input)?;
        let queries = self.settings.metric.prepare(queries)?;
        let found = self.search.nearest(&queries, self.settings.neighbors);
        let mut votes = Vec::with_capacity(found.k);
        match &self.answers {
            Answers::Classes { codes, classes } => {
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
            Answers::Numbers(values) => {
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
            Answers::Classes { codes, .. } => state.with_u32("classes", codes.clone()),
            Answers::Numbers(values) => state.with_f64("values", values.clone()),
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
                Answers::Classes { codes: codes.to_vec(), classes }
            }
            Task::Regression => {
                let values = state.f64s("values")?;
                fits("values", values, rows, |value| value.is_finite())?;
                Answers::Numbers(values.to_vec())
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
