//! The latest steps of a search and the curvature that they imply.
//! Method: Nocedal and Wright, *Numerical Optimization*, 2nd edition, algorithm 7.4.

use std::collections::VecDeque;

use crate::simd::dot;

/// How many steps are remembered.
const STEPS: usize = 10;

/// The latest steps.
#[derive(Debug, Default)]
pub(super) struct Memory(VecDeque<Step>);

/// A step and how the slope changed along it.
#[derive(Debug)]
struct Step {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

impl Memory {
    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// −H·`gradient`, where H is the inverse curvature that the steps imply.
    pub fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut weights = Vec::with_capacity(self.0.len());
        for m in self.0.iter().rev() {
            let weight = dot(&m.step, &q) / m.product;
            q.iter_mut().zip(&m.change).for_each(|(q, c)| *q -= weight * c);
            weights.push(weight);
        }
        if let Some(last) = self.0.back() {
            let scale = last.product / dot(&last.change, &last.change);
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for (m, weight) in self.0.iter().zip(weights.into_iter().rev()) {
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
        if self.0.len() == STEPS {
            self.0.pop_front();
        }
        self.0.push_back(Step { step, change, product });
    }
}

/// √Σ vᵢ².
pub(super) fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}
