//! What logistic regression learns.

use std::sync::Arc;

use gristmill_core::{DenseMatrix, Error, Frame, Load, Model, Result, Schema, Scores, State, Task};
use serde::{Deserialize, Serialize};

use super::columns;
use super::logistic_loss::{softmax, two_probabilities};
use super::regression_model::{linear_sum, shares, stored};

/// Weights and a constant for the second of two classes, or for each of more classes.
#[derive(Clone, Debug)]
pub struct LogisticModel {
    input: Arc<Schema>,
    classes: usize,
    /// `[scores, columns]`, row after row.
    weights: Vec<f64>,
    /// One a score; −∞ for a class without training rows.
    intercepts: Vec<f64>,
    deviations: Vec<f64>,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
struct Facts {
    classes: usize,
}

impl LogisticModel {
    pub(super) const KIND: &'static str = "logistic_regression";

    pub(super) fn new(
        input: &Arc<Schema>,
        classes: usize,
        weights: Vec<f64>,
        intercepts: Vec<f64>,
        deviations: Vec<f64>,
    ) -> Self {
        Self { input: Arc::clone(input), classes, weights, intercepts, deviations }
    }

    /// The weights, `[scores, columns]` row after row: one score for two classes, else one a class.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The constant of each score.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    fn scores(classes: usize) -> usize {
        if classes == 2 { 1 } else { classes }
    }
}

impl Model for LogisticModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        Task::Classification { classes: self.classes }
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let columns = columns::numbers(rows, &self.input)?;
        let n = rows.rows();
        let mut values = Vec::with_capacity(n * self.classes);
        for (weights, &intercept) in self.weights.chunks(self.input.len()).zip(&self.intercepts) {
            values.extend(linear_sum(&columns, n, weights, intercept));
        }
        if self.classes == 2 {
            let (second, first): (Vec<f64>, Vec<f64>) =
                values.into_iter().map(two_probabilities).unzip();
            values = first;
            values.extend(second);
        } else {
            (0..n).for_each(|row| {
                softmax(&mut values, row, n);
            });
        }
        Ok(Scores::Probabilities(DenseMatrix::from_columns(n, self.classes, values)?))
    }

    /// Σ |w| over the scores, times the standard deviation of the column in training, divided by
    /// the sum of these.
    fn importances(&self) -> Option<Vec<f64>> {
        let mut sizes = vec![0.0; self.input.len()];
        for weights in self.weights.chunks(self.input.len()) {
            let terms = weights.iter().zip(&self.deviations).map(|(w, d)| w.abs() * d);
            sizes.iter_mut().zip(terms).for_each(|(size, term)| *size += term);
        }
        shares(sizes)
    }

    fn state(&self) -> State {
        State::new(&Facts { classes: self.classes })
            .with_f64("weights", self.weights.clone())
            .with_f64("intercepts", self.intercepts.clone())
            .with_f64("deviations", self.deviations.clone())
    }
}

impl Load for LogisticModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { classes } = state.facts()?;
        columns::check_stored(input)?;
        let scores = Self::scores(classes);
        let size = scores.checked_mul(input.len()).filter(|_| classes >= 2).ok_or_else(|| {
            Error::damaged("logistic regression", format!("it has {classes} classes"))
        })?;
        Ok(Self::new(
            input,
            classes,
            stored(state, "weights", size)?,
            stored_intercepts(state, scores)?,
            stored(state, "deviations", input.len())?,
        ))
    }
}

/// As [`stored`], but all except one may be −∞, which stands for a class without training rows.
fn stored_intercepts(state: &State, scores: usize) -> Result<Vec<f64>> {
    let values = state.f64s("intercepts")?;
    let possible = |v: &f64| v.is_finite() || (*v == f64::NEG_INFINITY && scores > 1);
    if values.len() != scores
        || !values.iter().all(possible)
        || !values.iter().any(|v| v.is_finite())
    {
        return Err(Error::damaged("tensor `intercepts`", "it does not hold one number a score"));
    }
    Ok(values.to_vec())
}
