//! What a mixture learns.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Value, Wire};
use gristmill_core::{DenseMatrix, Error, Frame, Load, Model, Result, Schema, Scores, State, Task};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::center_model::numbered;
use super::em::{Components, Fitted};
use super::shape::{Shape, triangle};
use super::{Covariance, GaussianMixture};
use crate::points::{Points, check_stored};

/// How many rows are answered at once.
const CHUNK: usize = 1024;

/// The components of [`GaussianMixture`].
#[derive(Clone, Debug)]
pub struct GaussianMixtureModel {
    input: Arc<Schema>,
    form: Covariance,
    components: Components,
    likelihood: f64,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    covariance: Covariance,
    log_likelihood: f64,
}

impl GaussianMixtureModel {
    pub(super) const KIND: &'static str = "gaussian_mixture";

    /// A model of what was learned from rows that had been shifted by `center`.
    pub(super) fn new(
        settings: &GaussianMixture,
        input: &Arc<Schema>,
        fitted: Fitted,
        center: &[f64],
    ) -> Self {
        let mut components = fitted.components;
        for mean in components.means.values_mut().chunks_exact_mut(center.len()) {
            mean.iter_mut().zip(center).for_each(|(mean, center)| *mean += center);
        }
        Self {
            input: Arc::clone(input),
            form: settings.covariance,
            components,
            likelihood: fitted.likelihood,
        }
    }

    /// The share of each component.
    pub fn shares(&self) -> &[f64] {
        &self.components.shares
    }

    /// The mean of each component, `[components, columns]` row after row.
    pub fn means(&self) -> &[f64] {
        self.components.means.values()
    }

    /// The mean log-likelihood of a training row, before the last step.
    pub fn log_likelihood(&self) -> f64 {
        self.likelihood
    }

    fn roots(&self) -> Vec<f64> {
        let shapes = self.components.shapes.iter().map(Shape::numbers);
        match self.form {
            Covariance::Spherical => shapes.map(|numbers| numbers[0]).collect(),
            _ => shapes.flatten().copied().collect(),
        }
    }
}

impl Components {
    /// As [`Components::probabilities`], as a graph.
    fn express(&self, graph: &Graph, x: Value) -> Value {
        let means = self.means.iter();
        let logs = means.zip(self.constants()).enumerate().map(|(at, (mean, constant))| {
            let away = graph.subtract(x, graph.row(mean));
            let steps = self.shape(at).express(graph, away);
            let squares = graph.sum(graph.multiply(steps, steps));
            let halved = graph.multiply(squares, graph.number(-0.5));
            graph.add(halved, graph.number(constant))
        });
        graph.softmax(graph.join(&logs.collect::<Vec<_>>()))
    }
}

impl Model for GaussianMixtureModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        Task::Unsupervised
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let points = Points::of(Self::KIND, rows, &self.input)?;
        let (count, total) = (self.components.shares.len(), points.len());
        let chunks: Vec<Vec<f64>> = (0..total.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(total);
                self.components.probabilities(&points, range)
            })
            .collect();
        let mut probabilities = DenseMatrix::zeros(total, count);
        for (at, value) in chunks.into_iter().flatten().enumerate() {
            probabilities.set(at / count, at % count, value);
        }
        Ok(Scores::Probabilities(probabilities))
    }

    fn clusters(&self) -> Option<Vec<String>> {
        Some(numbered(self.components.shares.len()))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        Ok(Answers::Probabilities(self.components.express(graph, graph.matrix(columns))))
    }

    fn state(&self) -> State {
        State::new(&Facts { covariance: self.form, log_likelihood: self.likelihood })
            .with_f64("shares", self.components.shares.clone())
            .with_f64("means", self.means().to_vec())
            .with_f64("roots", self.roots())
    }
}

impl Load for GaussianMixtureModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        check_stored(Self::KIND, input)?;
        let (width, form) = (input.len(), facts.covariance);
        let shares = state.f64s("shares")?;
        let sum: f64 = shares.iter().sum();
        if !shares.iter().all(|share| *share > 0.0) || !(0.999..=1.001).contains(&sum) {
            return Err(Error::damaged("tensor `shares`", "its numbers are no shares"));
        }
        let means = Points::stored("means", state.f64s("means")?, width)?;
        if means.len() != shares.len() {
            return Err(Error::damaged("tensor `means`", "it does not hold one mean a component"));
        }
        let shapes = stored_shapes(state.f64s("roots")?, form, shares.len(), width)?;
        let components = Components { shares: shares.to_vec(), means, shapes };
        Ok(Self { input: Arc::clone(input), form, components, likelihood: facts.log_likelihood })
    }
}

fn stored_shapes(
    roots: &[f64],
    form: Covariance,
    count: usize,
    width: usize,
) -> Result<Vec<Shape>> {
    let (shapes, size) = match form {
        Covariance::Full => (count, triangle(width)),
        Covariance::Tied => (1, triangle(width)),
        Covariance::Diagonal => (count, width),
        Covariance::Spherical => (count, 1),
    };
    let diagonal = |root: &[f64]| match form {
        Covariance::Full | Covariance::Tied => (0..width).all(|at| root[triangle(at) + at] > 0.0),
        Covariance::Diagonal | Covariance::Spherical => root.iter().all(|d| *d > 0.0),
    };
    let fits = Some(roots.len()) == shapes.checked_mul(size)
        && roots.iter().all(|x| x.is_finite())
        && roots.chunks_exact(size).all(diagonal);
    if !fits {
        return Err(Error::damaged("tensor `roots`", "its numbers are no roots of covariances"));
    }
    let shape = |root: &[f64]| match form {
        Covariance::Full | Covariance::Tied => Shape::Triangle(root.to_vec()),
        Covariance::Diagonal => Shape::Deviations(root.to_vec()),
        Covariance::Spherical => Shape::Deviations(vec![root[0]; width]),
    };
    Ok(roots.chunks_exact(size).map(shape).collect())
}
