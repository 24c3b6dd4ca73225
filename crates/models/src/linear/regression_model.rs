//! What linear models of numbers learn.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Contributions, Error, Frame, Load, Model, Result, Schema, Scores, State, Task,
};
use serde::{Deserialize, Serialize};

use super::columns;
use super::contributions::contributions;
use super::design::Design;
use super::values::Values;

/// A weight for each column and a constant: the score z = b + Σ wⱼ xⱼ, added in the order of the
/// columns, is the answer; for `poisson_regression` and `gamma_regression` eᶻ is, at most the
/// largest finite number.
#[derive(Clone, Debug)]
pub struct LinearModel {
    kind: &'static str,
    input: Arc<Schema>,
    weights: Vec<f64>,
    intercept: f64,
    deviations: Vec<f64>,
    /// Absent in models of the first format.
    means: Option<Vec<f64>>,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
struct Facts {
    kind: String,
    /// From 2 on the means of the columns are stored as well.
    #[serde(default = "first_format")]
    format: u32,
}

pub(super) fn first_format() -> u32 {
    1
}

/// What is written today.
pub(super) const FORMAT: u32 = 2;

impl LinearModel {
    pub(super) const LEAST_SQUARES: &'static str = "linear_regression";
    pub(super) const RIDGE: &'static str = "ridge";
    pub(super) const LASSO: &'static str = "lasso";
    pub(super) const ELASTIC_NET: &'static str = "elastic_net";
    pub(super) const POISSON: &'static str = "poisson_regression";
    pub(super) const GAMMA: &'static str = "gamma_regression";
    pub(super) const SUPPORT_VECTORS: &'static str = "linear_svm";

    const KINDS: [&'static str; 7] = [
        Self::LEAST_SQUARES,
        Self::RIDGE,
        Self::LASSO,
        Self::ELASTIC_NET,
        Self::POISSON,
        Self::GAMMA,
        Self::SUPPORT_VECTORS,
    ];

    pub(super) fn new(
        kind: &'static str,
        input: &Arc<Schema>,
        weights: Vec<f64>,
        intercept: f64,
        design: &Design<'_>,
    ) -> Self {
        Self {
            kind,
            input: Arc::clone(input),
            weights,
            intercept,
            deviations: design.spreads(),
            means: Some(design.means().to_vec()),
        }
    }

    /// The weight of each column, in the order of the input.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The constant; 0 when none was learned.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    fn answers_exponentials(&self) -> bool {
        self.kind == Self::POISSON || self.kind == Self::GAMMA
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
        let mut scores = linear_sum(&columns, rows.rows(), &self.weights, self.intercept);
        columns::refuse_overflow(&scores, f64::is_finite)?;
        if self.answers_exponentials() {
            scores.iter_mut().for_each(|z| *z = z.exp().min(f64::MAX));
        }
        Ok(Scores::Values(scores))
    }

    /// |wⱼ| times the standard deviation of the column in training, divided by the sum of these.
    fn importances(&self) -> Option<Vec<f64>> {
        shares(self.weights.iter().zip(&self.deviations).map(|(w, d)| w.abs() * d).collect())
    }

    /// wⱼ (xⱼ − x̄ⱼ) on the score; base is the score at the means of training. Nothing for models
    /// that were stored before means were.
    fn explain(&self, rows: &Frame) -> Option<Result<Contributions>> {
        let means = self.means.as_ref()?;
        Some(columns::numbers(rows, &self.input).and_then(|columns| {
            contributions(&columns, rows.rows(), &self.weights, &[self.intercept], means)
        }))
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let sum = graph.times(graph.matrix(columns), &self.weights, 1);
        let sum = graph.add(sum, graph.number(self.intercept));
        Ok(Answers::Values(match self.answers_exponentials() {
            true => {
                let power = graph.exp(sum);
                let most = graph.number(f64::MAX);
                graph.choose(graph.less(most, power), most, power)
            }
            false => sum,
        }))
    }

    fn state(&self) -> State {
        let format = if self.means.is_some() { FORMAT } else { first_format() };
        let state = State::new(&Facts { kind: self.kind.into(), format })
            .with_f64("weights", self.weights.clone())
            .with_f64("intercept", vec![self.intercept])
            .with_f64("deviations", self.deviations.clone());
        match &self.means {
            Some(means) => state.with_f64("means", means.clone()),
            None => state,
        }
    }
}

impl Load for LinearModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let kind = Self::KINDS
            .into_iter()
            .find(|k| *k == facts.kind)
            .ok_or_else(|| Error::damaged("linear model", format!("it is a `{}`", facts.kind)))?;
        columns::check_stored(input)?;
        Ok(Self {
            kind,
            input: Arc::clone(input),
            weights: stored(state, "weights", input.len())?,
            intercept: stored(state, "intercept", 1)?.iter().sum(),
            deviations: stored(state, "deviations", input.len())?,
            means: stored_means(state, facts.format, input.len())?,
        })
    }
}

/// The means of the columns, which the first format lacks.
pub(super) fn stored_means(state: &State, format: u32, length: usize) -> Result<Option<Vec<f64>>> {
    match format {
        1 => Ok(None),
        FORMAT => stored(state, "means", length).map(Some),
        newer => Err(Error::damaged("linear model", format!("it has the unknown format {newer}"))),
    }
}

/// The finite numbers of a stored tensor of this length.
pub(crate) fn stored(state: &State, name: &str, length: usize) -> Result<Vec<f64>> {
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
pub(crate) fn linear_sum(
    columns: &[Values<'_>],
    rows: usize,
    weights: &[f64],
    intercept: f64,
) -> Vec<f64> {
    let mut sums = vec![intercept; rows];
    for (column, &weight) in columns.iter().zip(weights) {
        column.add_scaled(weight, &mut sums);
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
