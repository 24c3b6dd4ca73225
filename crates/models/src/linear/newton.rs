//! Newton's method with a line search: few, exact steps where the curvature is cheap to know.
//! For logistic regression this is iteratively reweighted least squares.

use gristmill_core::Result;

use super::cholesky::{Symmetric, solve_positive};
use super::objective::{Curved, Found, Slope, Until, steepest};
use crate::simd::dot;

/// Halvings of a step before no better point is taken to exist.
const HALVINGS: usize = 40;

/// Goes from the start to where no slope is too steep.
pub(super) fn minimise(loss: &impl Curved, until: Until) -> Result<Found> {
    let Until { max_iter, tolerance } = until;
    let mut point = loss.start();
    let (mut here, mut hessian) = loss.curvature(&point)?;
    for _ in 0..max_iter {
        let steepness = steepest(&here.gradient);
        if steepness == 0.0 {
            return Ok(Found { point, converged: true });
        }
        let step = solve_damped(hessian, &here.gradient);
        let whole: Vec<f64> = point.iter().zip(&step).map(|(p, s)| p - s).collect();
        // The step squares the error, so after it the slopes are far below the tolerance.
        let last = steepness <= tolerance;
        if last && has_fallen(&here, loss.slope(&whole)?.value, &step, 1.0) {
            return Ok(Found { point: whole, converged: true });
        }
        let (there, next_hessian) = loss.curvature(&whole)?;
        if has_fallen(&here, there.value, &step, 1.0) {
            (point, here, hessian) = (whole, there, next_hessian);
            continue;
        }
        let Some(next) = descend(loss, &point, &step, &here)? else {
            return Ok(Found { point, converged: last });
        };
        (here, hessian) = loss.curvature(&next)?;
        point = next;
    }
    Ok(Found { point, converged: steepest(&here.gradient) <= tolerance })
}

/// Solves for Newton's step, adding to the diagonal until the curvature is positive.
pub(super) fn solve_damped(mut hessian: Symmetric, gradient: &[f64]) -> Vec<f64> {
    let size = hessian.size();
    let trace: f64 = (0..size).map(|i| hessian.get(i, i)).sum();
    let mut damping = 1e-12 * (trace / size as f64).max(1e-12);
    loop {
        if let Some(step) = solve_positive(&hessian, gradient) {
            return step;
        }
        if !damping.is_finite() {
            return gradient.to_vec();
        }
        (0..size).for_each(|i| hessian.add(i, i, damping));
        damping *= 100.0;
    }
}

/// Whether the loss has fallen as Armijo's rule asks after `length` times `step` downhill.
fn has_fallen(here: &Slope, reached: f64, step: &[f64], length: f64) -> bool {
    let promise = dot(&here.gradient, step);
    // Close to the end the promised gain is below the rounding of the loss itself.
    reached <= here.value - 1e-4 * length * promise + 1e-15 * here.value.abs()
}

/// The first of the points `point` − half of `step`, a quarter, ... where the loss has fallen.
fn descend(
    loss: &impl Curved,
    point: &[f64],
    step: &[f64],
    here: &Slope,
) -> Result<Option<Vec<f64>>> {
    let mut length = 0.5;
    for _ in 0..HALVINGS {
        let next: Vec<f64> = point.iter().zip(step).map(|(p, s)| p - length * s).collect();
        if has_fallen(here, loss.slope(&next)?.value, step, length) {
            return Ok(Some(next));
        }
        length *= 0.5;
    }
    Ok(None)
}
