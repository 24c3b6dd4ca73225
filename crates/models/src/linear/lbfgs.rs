//! L-BFGS: curvature guessed from the latest slopes, for points of many numbers.
//! Method: Nocedal and Wright, *Numerical Optimization*, 2nd edition, algorithm 7.5; the line
//! search is Lewis and Overton's bisection for the weak Wolfe conditions (*Math. Program.* 2013).

use gristmill_core::Result;

use super::cholesky::Positive;
use super::design::Rows;
use super::memory::Memory;
use super::objective::{Found, Objective, Slope, Until, steepest};
use crate::simd::dot;

/// Trials of a line search before no better point is taken to exist.
const TRIALS: usize = 40;
const SUFFICIENT_DECREASE: f64 = 1e-4;
const SUFFICIENT_CURVATURE: f64 = 0.9;
/// How far a loss may be off because it is a sum of many rounded terms, relative to its size.
const ROUNDING: f64 = 1e-12;

/// Goes from the start to where no slope is too steep.
pub(super) fn minimise(loss: &impl Objective, until: Until) -> Result<Found> {
    minimise_from(loss, loss.start(), None, until)
}

/// As [`minimise`], from `point` on and with a curvature to believe before any step is done.
pub(super) fn minimise_from(
    loss: &impl Objective,
    mut point: Vec<f64>,
    curvature: Option<Positive>,
    until: Until,
) -> Result<Found> {
    let Until { max_iter, tolerance } = until;
    let mut here = loss.slope(&point, Rows::All)?;
    let mut memory = Memory::of(curvature);
    for _ in 0..max_iter {
        if steepest(&here.gradient) <= tolerance {
            break;
        }
        let direction = memory.direction(&here.gradient);
        let first = memory.first_length(&here.gradient);
        let Some((next, there)) = search(loss, &point, &here, &direction, first)? else {
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
    let converged = steepest(&here.gradient) <= tolerance;
    Ok(Found { point, converged })
}

/// A point along `direction` where the loss has fallen and its slope has flattened enough.
fn search(
    loss: &impl Objective,
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
        let there = loss.slope(&next, Rows::All)?;
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
