//! L-BFGS: curvature guessed from the latest slopes, for points of many numbers.
//! Method: Nocedal and Wright, *Numerical Optimization*, 2nd edition, algorithm 7.5; the line
//! search is Lewis and Overton's bisection for the weak Wolfe conditions (*Math. Program.* 2013).

use std::collections::VecDeque;

use gristmill_core::Result;

use super::cholesky::dot;
use super::logistic_loss::{LogisticLoss, Slope};
use super::newton::steepest;

/// How many of the latest steps are remembered.
const MEMORY: usize = 10;
/// Trials of a line search before no better point is taken to exist.
const TRIALS: usize = 40;
const SUFFICIENT_DECREASE: f64 = 1e-4;
const SUFFICIENT_CURVATURE: f64 = 0.9;
/// How far a loss may be off because it is a sum of many rounded terms, relative to its size.
const ROUNDING: f64 = 1e-12;

/// Where a search ended.
#[derive(Debug)]
pub(super) struct Found {
    /// The best point.
    pub point: Vec<f64>,
    /// Whether its slopes are small enough.
    pub converged: bool,
}

/// A step and how the slope changed along it.
struct Memory {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

/// Goes from 0 to where no slope is above `tolerance`, in at most `max_iter` steps.
pub(super) fn minimise(loss: &LogisticLoss<'_>, max_iter: usize, tolerance: f64) -> Result<Found> {
    let mut point = vec![0.0; loss.size()];
    let mut here = loss.slope(&point)?;
    let mut memory: VecDeque<Memory> = VecDeque::with_capacity(MEMORY);
    for _ in 0..max_iter {
        if steepest(&here.gradient) <= tolerance {
            break;
        }
        let direction = direction(&here.gradient, &memory);
        let first = if memory.is_empty() { 1.0 / norm(&here.gradient).max(1.0) } else { 1.0 };
        let Some((next, there)) = search(loss, &point, &here, &direction, first)? else {
            if memory.is_empty() {
                break;
            }
            memory.clear();
            continue;
        };
        remember(&mut memory, &point, &next, &here, &there);
        point = next;
        here = there;
    }
    let converged = steepest(&here.gradient) <= tolerance;
    Ok(Found { point, converged })
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

/// −H·gradient, where H is the inverse curvature that the memory implies.
fn direction(gradient: &[f64], memory: &VecDeque<Memory>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut weights = Vec::with_capacity(memory.len());
    for m in memory.iter().rev() {
        let weight = dot(&m.step, &q) / m.product;
        q.iter_mut().zip(&m.change).for_each(|(q, c)| *q -= weight * c);
        weights.push(weight);
    }
    if let Some(last) = memory.back() {
        let scale = last.product / dot(&last.change, &last.change);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for (m, weight) in memory.iter().zip(weights.into_iter().rev()) {
        let correction = weight - dot(&m.change, &q) / m.product;
        q.iter_mut().zip(&m.step).for_each(|(q, s)| *q += correction * s);
    }
    q
}

fn remember(
    memory: &mut VecDeque<Memory>,
    point: &[f64],
    next: &[f64],
    here: &Slope,
    there: &Slope,
) {
    let step: Vec<f64> = next.iter().zip(point).map(|(a, b)| a - b).collect();
    let change: Vec<f64> = there.gradient.iter().zip(&here.gradient).map(|(a, b)| a - b).collect();
    let product = dot(&step, &change);
    if product <= f64::EPSILON * norm(&step) * norm(&change) {
        return;
    }
    if memory.len() == MEMORY {
        memory.pop_front();
    }
    memory.push_back(Memory { step, change, product });
}

/// A point along `direction` where the loss has fallen and its slope has flattened enough.
fn search(
    loss: &LogisticLoss<'_>,
    point: &[f64],
    here: &Slope,
    direction: &[f64],
    first: f64,
) -> Result<Option<(Vec<f64>, Slope)>> {
    let downhill = dot(&here.gradient, direction);
    if downhill >= 0.0 {
        return Ok(None);
    }
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    for _ in 0..TRIALS {
        let next: Vec<f64> = point.iter().zip(direction).map(|(p, d)| p + length * d).collect();
        let there = loss.slope(&next)?;
        let slope = dot(&there.gradient, direction);
        if !has_fallen(here, there.value, slope, length, downhill) {
            high = length;
        } else if slope < SUFFICIENT_CURVATURE * downhill {
            low = length;
        } else {
            return Ok(Some((next, there)));
        }
        length = if f64::is_finite(high) { 0.5 * (low + high) } else { 2.0 * low };
    }
    Ok(None)
}

/// Whether the loss has fallen as Armijo's rule asks. Close to the end it falls by less than its
/// own rounding; there its slope, which has more digits, must show that the lowest point was not
/// overshot (the approximate rule of Hager and Zhang, *SIAM J. Optim.* 16, 2005).
fn has_fallen(here: &Slope, value: f64, slope: f64, length: f64, downhill: f64) -> bool {
    let rounding = ROUNDING * here.value.abs();
    value <= here.value + SUFFICIENT_DECREASE * length * downhill
        || (value <= here.value + rounding && slope <= (2.0 * SUFFICIENT_DECREASE - 1.0) * downhill)
}
