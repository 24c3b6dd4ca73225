//! What linear models of classes learn.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{
    Contributions, DenseMatrix, Error, Frame, Load, Model, Result, Schema, Scores, State, Task,
};
use serde::{Deserialize, Serialize};

use super::columns;
use super::contributions::contributions;
use super::design::Design;
use super::losses::{softmax, two_probabilities};
use super::regression_model::{FORMAT, first_format, linear_sum, shares, stored, stored_means};

/// Weights and a constant for the second of two classes, or for each of more classes. The
/// probability of the second of two classes is 1/(1 + e⁻ᶻ), of more classes softmax z. For
/// `linear_svm` these are squashed margins, in the right order but not calibrated.
#[derive(Clone, Debug)]
pub struct LogisticModel {
    kind: &'static str,
    input: Arc<Schema>,
    classes: usize,
    /// `[scores, columns]`, row after row.
    weights: Vec<f64>,
    /// One a score; −∞ for a class without training rows.
    intercepts: Vec<f64>,
    deviations: Vec<f64>,
    /// Absent in models of the first format.
    means: Option<Vec<f64>>,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
struct Facts {
    #[serde(default = "logistic_regression")]
    kind: String,
    classes: usize,
    /// From 2 on the kind and the means of the columns are stored as well.
    #[serde(default = "first_format")]
    format: u32,
}

fn logistic_regression() -> String {
    LogisticModel::LOGISTIC.into()
}

impl LogisticModel {
    pub(super) const LOGISTIC: &'static str = "logistic_regression";
    pub(super) const SUPPORT_VECTORS: &'static str = "linear_svm";
    pub(crate) const MULTINOMIAL_BAYES: &'static str = "multinomial_naive_bayes";

    /// Weights and constants of each score on the scale of the data.
    pub(crate) fn new(
        kind: &'static str,
        input: &Arc<Schema>,
        classes: usize,
        scores: (Vec<f64>, Vec<f64>),
        design: &Design<'_>,
    ) -> Self {
        Self {
            kind,
            input: Arc::clone(input),
            classes,
            weights: scores.0,
            intercepts: scores.1,
            deviations: design.spreads(),
            means: Some(design.means().to_vec()),
        }
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
        self.kind
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
            let scores = linear_sum(&columns, n, weights, intercept);
            // A class without training rows scores −∞ for every row.
            columns::refuse_overflow(&scores, |z| z < f64::INFINITY)?;
            values.extend(scores);
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

    /// wⱼ (xⱼ − x̄ⱼ) on each score; base is the score at the means of training. Nothing for models
    /// that were stored before means were.
    fn explain(&self, rows: &Frame) -> Option<Result<Contributions>> {
        let means = self.means.as_ref()?;
        Some(columns::numbers(rows, &self.input).and_then(|columns| {
            contributions(&columns, rows.rows(), &self.weights, &self.intercepts, means)
        }))
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let scores = Self::scores(self.classes);
        let by_column: Vec<f64> = (0..self.input.len())
            .flat_map(|at| self.weights.chunks(self.input.len()).map(move |weights| weights[at]))
            .collect();
        let sums = graph.times(graph.matrix(columns), &by_column, scores);
        let sums = graph.add(sums, graph.row(&self.intercepts));
        Ok(Answers::Probabilities(match self.classes {
            2 => graph.join(&[graph.logistic(graph.negate(sums)), graph.logistic(sums)]),
            _ => graph.softmax(sums),
        }))
    }

    fn state(&self) -> State {
        let format = if self.means.is_some() { FORMAT } else { first_format() };
        let state = State::new(&Facts { kind: self.kind.into(), classes: self.classes, format })
            .with_f64("weights", self.weights.clone())
            .with_f64("intercepts", self.intercepts.clone())
            .with_f64("deviations", self.deviations.clone());
        match &self.means {
            Some(means) => state.with_f64("means", means.clone()),
            None => state,
        }
    }
}

impl Load for LogisticModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { kind, classes, format } = state.facts()?;
        let kind = [Self::LOGISTIC, Self::SUPPORT_VECTORS, Self::MULTINOMIAL_BAYES]
            .into_iter()
            .find(|k| *k == kind)
            .ok_or_else(|| Error::damaged("linear model", format!("it is a `{kind}`")))?;
        columns::check_stored(input)?;
        let scores = Self::scores(classes);
        let size = scores
            .checked_mul(input.len())
            .filter(|_| classes >= 2)
            .ok_or_else(|| Error::damaged("linear model", format!("it has {classes} classes")))?;
        Ok(Self {
            kind,
            input: Arc::clone(input),
            classes,
            weights: stored(state, "weights", size)?,
            intercepts: stored_intercepts(state, scores)?,
            deviations: stored(state, "deviations", input.len())?,
            means: stored_means(state, format, input.len())?,
        })
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
