//! What linear regression and ridge learn.

use std::sync::Arc;

use gristmill_core::{Error, Frame, Load, Model, Result, Schema, Scores, State, Task};
use serde::{Deserialize, Serialize};

use super::columns;

/// A weight for each column and a constant: ŷ = b + Σ wⱼ xⱼ, added in the order of the columns.
#[derive(Clone, Debug)]
pub struct LinearModel {
    kind: &'static str,
    input: Arc<Schema>,
    weights: Vec<f64>,
    intercept: f64,
    deviations: Vec<f64>,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
struct Facts {
    kind: String,
}

impl LinearModel {
    pub(super) const LEAST_SQUARES: &'static str = "linear_regression";
    pub(super) const RIDGE: &'static str = "ridge";

    pub(super) fn new(
        kind: &'static str,
        input: &Arc<Schema>,
        weights: Vec<f64>,
        intercept: f64,
        deviations: Vec<f64>,
    ) -> Self {
        Self { kind, input: Arc::clone(input), weights, intercept, deviations }
    }

    /// The weight of each column, in the order of the input.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The constant; 0 when none was learned.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }
}

impl Model for LinearModel {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        Task::Regression
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let columns = columns::numbers(rows, &self.input)?;
        Ok(Scores::Values(linear_sum(&columns, rows.rows(), &self.weights, self.intercept)))
    }

    /// |wⱼ| times the standard deviation of the column in training, divided by the sum of these.
    fn importances(&self) -> Option<Vec<f64>> {
        shares(self.weights.iter().zip(&self.deviations).map(|(w, d)| w.abs() * d).collect())
    }

    fn state(&self) -> State {
        State::new(&Facts { kind: self.kind.into() })
            .with_f64("weights", self.weights.clone())
            .with_f64("intercept", vec![self.intercept])
            .with_f64("deviations", self.deviations.clone())
    }
}

impl Load for LinearModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let kind = [Self::LEAST_SQUARES, Self::RIDGE]
            .into_iter()
            .find(|k| *k == facts.kind)
            .ok_or_else(|| Error::damaged("linear model", format!("it is a `{}`", facts.kind)))?;
        columns::check_stored(input)?;
        let weights = stored(state, "weights", input.len())?;
        let intercept = stored(state, "intercept", 1)?.iter().sum();
        let deviations = stored(state, "deviations", input.len())?;
        Ok(Self::new(kind, input, weights, intercept, deviations))
    }
}

/// The finite numbers of a stored tensor of this length.
pub(super) fn stored(state: &State, name: &str, length: usize) -> Result<Vec<f64>> {
    let values = state.f64s(name)?;
    if values.len() != length {
        return Err(Error::damaged(
            format!("tensor `{name}`"),
            format!("it holds {} numbers, not {length}", values.len()),
        ));
    }
    if !values.iter().all(|v| v.is_finite()) {
        return Err(Error::damaged(
            format!("tensor `{name}`"),
            "it holds what is no finite number",
        ));
    }
    Ok(values.to_vec())
}

/// `intercept` + Σ wⱼ xⱼ for each row: always column after column, so that a row alone gives the
/// bits that it gives in a batch.
pub(super) fn linear_sum(
    columns: &[&[f64]],
    rows: usize,
    weights: &[f64],
    intercept: f64,
) -> Vec<f64> {
    let mut sums = vec![intercept; rows];
    for (column, &weight) in columns.iter().zip(weights) {
        sums.iter_mut().zip(*column).for_each(|(sum, x)| *sum += weight * x);
    }
    sums
}

/// Each value as its share of the sum; equal shares when all are 0.
pub(super) fn shares(values: Vec<f64>) -> Option<Vec<f64>> {
    let sum: f64 = values.iter().sum();
    if sum > 0.0 && sum.is_finite() {
        return Some(values.iter().map(|v| v / sum).collect());
    }
    let equal = 1.0 / values.len().max(1) as f64;
    Some(vec![equal; values.len()])
}
