//! Filling by predictions from other columns: what was learned, and how rows are filled.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Value, Wire};
use gristmill_core::{FittedTransform, Frame, Load, Result, Schema, Signature, State};
use serde::{Deserialize, Serialize};

use crate::filled::Filled;
use crate::ridge::Line;
use crate::taken;

pub(crate) const KIND: &str = "iterative_impute";

/// The numbers of a [`FittedIterativeImputer`].
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    /// For each column what is filled in first.
    pub(crate) means: Vec<f64>,
    /// For each column the least value of training.
    pub(crate) lows: Vec<f64>,
    /// For each column the greatest value of training.
    pub(crate) highs: Vec<f64>,
    /// Which column is predicted by which line, in the order of the rounds.
    pub(crate) steps: Vec<(usize, Line)>,
}

/// What [`crate::IterativeImputer`] learned: the lines of all rounds.
#[derive(Clone, Debug)]
pub struct FittedIterativeImputer {
    filled: Filled,
    learned: Learned,
}

pub(crate) fn fitted(filled: Filled, learned: Learned) -> FittedIterativeImputer {
    FittedIterativeImputer { filled, learned }
}

/// What `line` predicts for a row, within `low..=high`.
pub(crate) fn predict(line: &Line, row: impl Iterator<Item = f64>, low: f64, high: f64) -> f64 {
    let sum = line.weights.iter().zip(row).fold(line.intercept, |sum, (w, v)| sum + w * v);
    sum.max(low).min(high)
}

impl FittedIterativeImputer {
    /// The columns that are filled, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.filled.taken.columns
    }

    /// The columns that are left out, because training saw no value of them.
    pub fn dropped(&self) -> &[String] {
        &self.filled.dropped
    }

    /// How many rounds there were.
    pub fn rounds(&self) -> usize {
        self.learned.steps.len() / self.columns().len().max(1)
    }

    fn fill(&self, row: &mut [f64]) {
        let missing: Vec<bool> = row.iter().map(|v| v.is_nan()).collect();
        for (value, mean) in row.iter_mut().zip(&self.learned.means).filter(|(v, _)| v.is_nan()) {
            *value = *mean;
        }
        for (at, line) in self.learned.steps.iter().filter(|(at, _)| missing[*at]) {
            let (low, high) = (self.learned.lows[*at], self.learned.highs[*at]);
            row[*at] = predict(line, row.iter().copied(), low, high);
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    dropped: Vec<String>,
}

impl FittedTransform for FittedIterativeImputer {
    fn signature(&self) -> &Signature {
        &self.filled.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.filled.apply(rows, || (), |row, ()| self.fill(row))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let positions = &self.filled.taken.positions;
        let x = graph.taken(columns, positions);
        let missing = graph.is_missing(x);
        let learned = &self.learned;
        let start = graph.choose(missing, graph.row(&learned.means), x);
        let mut row: Vec<Value> =
            start.wires().into_iter().map(|wire| graph.single(wire)).collect();
        for (at, line) in &learned.steps {
            let sum = graph.times(graph.join(&row), &line.weights, 1);
            let sum = graph.add(sum, graph.number(line.intercept));
            let (low, high) = (graph.number(learned.lows[*at]), graph.number(learned.highs[*at]));
            let found = graph.clamp(sum, low, high);
            row[*at] = graph.choose(graph.columns(missing, &[*at]), found, row[*at]);
        }
        let filled = graph.join(&row);
        Ok(self.filled.express(&graph.changed(columns, positions, |_| filled)))
    }

    fn state(&self) -> State {
        let facts = Facts {
            columns: self.filled.taken.columns.clone(),
            dropped: self.filled.dropped.clone(),
        };
        let learned = &self.learned;
        let lines = || learned.steps.iter().map(|(_, line)| line);
        let mut state = State::new(&facts)
            .with_f64("means", learned.means.clone())
            .with_f64("lows", learned.lows.clone())
            .with_f64("highs", learned.highs.clone())
            .with_u32("steps", learned.steps.iter().map(|(at, _)| *at as u32).collect())
            .with_f64("intercepts", lines().map(|l| l.intercept).collect());
        let weights = lines().flat_map(|l| l.weights.iter().copied()).collect();
        let weights = taken::tensor(weights, learned.steps.len(), learned.means.len());
        state.tensors.insert("weights".into(), weights);
        state
    }
}

impl Load for FittedIterativeImputer {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, dropped } = state.facts()?;
        let filled = Filled::load(KIND, &columns, &dropped, input)?;
        let means = filled.finite(state, "means")?;
        let (lows, highs) = (filled.finite(state, "lows")?, filled.finite(state, "highs")?);
        let (at, intercepts) = (state.u32s("steps")?, state.f64s("intercepts")?);
        let (weights, lines, columns) = taken::matrix(KIND, state, "weights")?;
        let width = means.len();
        let damaged = |found: &str| Err(filled.taken.damaged(found));
        if [intercepts.len(), lines] != [at.len(); 2] || columns != width {
            return damaged("its lines, weights and intercepts are not equally many");
        }
        if at.iter().any(|at| *at as usize >= width) {
            return damaged("a line predicts a column that there is not");
        }
        if weights.iter().chain(intercepts).any(|v| !v.is_finite()) {
            return damaged("a line is not finite");
        }
        let lines = at.iter().zip(intercepts).zip(weights.chunks(width.max(1)));
        let steps = lines
            .map(|((at, intercept), weights)| {
                (*at as usize, Line { weights: weights.to_vec(), intercept: *intercept })
            })
            .collect();
        Ok(fitted(filled, Learned { means, lows, highs, steps }))
    }
}
