//! The latest steps of a search and the curvature that they imply.
//! Method: Nocedal and Wright, *Numerical Optimization*, 2nd edition, algorithm 7.4.

use std::collections::VecDeque;

use super::cholesky::Positive;
use crate::simd::dot;

/// How many steps are remembered.
const STEPS: usize = 10;

/// The latest steps.
#[derive(Debug, Default)]
pub(super) struct Memory {
    steps: VecDeque<Step>,
    /// The curvature that is believed before any step.
    curvature: Option<Positive>,
}

/// A step and how the slope changed along it.
#[derive(Debug)]
struct Step {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

impl Memory {
    /// No steps, and a curvature to believe before there are any.
    pub fn of(curvature: Option<Positive>) -> Self {
        Self { steps: VecDeque::new(), curvature }
    }

    /// Whether no step is remembered.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Forgets all steps.
    pub fn clear(&mut self) {
        self.steps.clear();
    }

    /// How much of [`Memory::direction`] to try first: all of it, unless nothing is known of the
    /// curvature.
    pub fn first_length(&self, gradient: &[f64]) -> f64 {
        let unknown = self.is_empty() && self.curvature.is_none();
        if unknown { 1.0 / norm(gradient).max(1.0) } else { 1.0 }
    }

    /// −H·`gradient`, where H is the inverse curvature that the steps imply.
    pub fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut weights = Vec::with_capacity(self.steps.len());
        for m in self.steps.iter().rev() {
            let weight = dot(&m.step, &q) / m.product;
            q.iter_mut().zip(&m.change).for_each(|(q, c)| *q -= weight * c);
            weights.push(weight);
        }
        if let Some(curvature) = &self.curvature {
            q = curvature.solve(&q);
        } else if let Some(last) = self.steps.back() {
            let scale = last.product / dot(&last.change, &last.change);
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for (m, weight) in self.steps.iter().zip(weights.into_iter().rev()) {
            let correction = weight - dot(&m.change, &q) / m.product;
            q.iter_mut().zip(&m.step).for_each(|(q, s)| *q += correction * s);
        }
        q
    }

    /// Adds the step between two points, each with its slope, unless it tells no curvature.
    pub fn remember(&mut self, here: (&[f64], &[f64]), there: (&[f64], &[f64])) {
        let difference =
            |to: &[f64], from: &[f64]| to.iter().zip(from).map(|(a, b)| a - b).collect();
        let step: Vec<f64> = difference(there.0, here.0);
        let change: Vec<f64> = difference(there.1, here.1);
        let product = dot(&step, &change);
        if product <= f64::EPSILON * norm(&step) * norm(&change) {
            return;
        }
        if self.steps.len() == STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(Step { step, change, product });
    }
}

/// √Σ vᵢ².
pub(super) fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}
