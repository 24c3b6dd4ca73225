//! L-BFGS for objectives with costs on the size of numbers, Σ cⱼ |xⱼ|, which make many of them 0.
//! Method: Andrew and Gao, *Scalable training of L1-regularized log-linear models*, ICML 2007
//! (OWL-QN): each step stays where no number changes its sign, and there the costs are smooth.

use gristmill_core::Result;

use super::design::Rows;
use super::memory::Memory;
use super::objective::{Found, Objective, Slope, Until, cost, slope_with_costs, steepest};
use crate::simd::dot;

/// Halvings of a step before no better point is taken to exist.
const HALVINGS: usize = 40;
const SUFFICIENT_DECREASE: f64 = 1e-4;
/// How far a loss may be off because it is a sum of many rounded terms, relative to its size.
const ROUNDING: f64 = 1e-14;

/// Goes from the start to where no slope, costs included, is too steep.
pub(super) fn minimise(loss: &impl Objective, costs: &[f64], until: Until) -> Result<Found> {
    let mut point = loss.start();
    let mut here = loss.slope(&point, Rows::All)?;
    let mut memory = Memory::default();
    for _ in 0..until.max_iter {
        let slopes = slopes(&here, &point, costs);
        if steepest(&slopes) <= until.tolerance {
            break;
        }
        let direction = downhill(memory.direction(&slopes), &slopes, costs);
        let first = memory.first_length(&slopes);
        let from = From { loss, costs, point: &point, here: &here, slopes: &slopes };
        let Some((next, there)) = from.search(&direction, first)? else {
            if memory.is_empty() {
                break;
            }
            memory.clear();
            continue;
        };
        memory.remember((&point, &here.gradient), (&next, &there.gradient));
        point = next;
        here = there;
    }
    let converged = steepest(&slopes(&here, &point, costs)) <= until.tolerance;
    Ok(Found { point, converged })
}

fn slopes(here: &Slope, point: &[f64], costs: &[f64]) -> Vec<f64> {
    let each = here.gradient.iter().zip(point).zip(costs);
    each.map(|((&g, &x), &c)| slope_with_costs(g, x, c)).collect()
}

/// The direction without the parts that lead uphill where costs have a kink.
fn downhill(mut direction: Vec<f64>, slopes: &[f64], costs: &[f64]) -> Vec<f64> {
    for ((d, slope), cost) in direction.iter_mut().zip(slopes).zip(costs) {
        if *cost > 0.0 && *d * slope >= 0.0 {
            *d = 0.0;
        }
    }
    direction
}

/// Where a line search begins.
struct From<'a, O> {
    loss: &'a O,
    costs: &'a [f64],
    point: &'a [f64],
    here: &'a Slope,
    slopes: &'a [f64],
}

impl<O: Objective> From<'_, O> {
    /// A point along `direction` where loss and costs have fallen enough.
    fn search(&self, direction: &[f64], first: f64) -> Result<Option<(Vec<f64>, Slope)>> {
        if dot(self.slopes, direction) >= 0.0 {
            return Ok(None);
        }
        let before = self.here.value + cost(self.point, self.costs);
        let mut length = first;
        for _ in 0..HALVINGS {
            let next = self.step(direction, length);
            let gain: f64 =
                next.iter().zip(self.point).zip(self.slopes).map(|((n, p), s)| (n - p) * s).sum();
            let there = self.loss.slope(&next, Rows::All)?;
            let value = there.value + cost(&next, self.costs);
            if gain < 0.0 && value <= before + SUFFICIENT_DECREASE * gain + ROUNDING * before.abs()
            {
                return Ok(Some((next, there)));
            }
            length *= 0.5;
        }
        Ok(None)
    }

    /// The point so far along `direction`; a number with a cost that would change its sign stops
    /// at 0.
    fn step(&self, direction: &[f64], length: f64) -> Vec<f64> {
        let numbers = self.point.iter().zip(direction).zip(self.slopes.iter().zip(self.costs));
        numbers
            .map(|((&x, d), (slope, cost))| {
                let next = x + length * d;
                let side = if x != 0.0 { x } else { -slope };
                if *cost > 0.0 && next * side <= 0.0 { 0.0 } else { next }
            })
            .collect()
    }
}
