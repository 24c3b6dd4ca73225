//! Newton's method with a line search: few, exact steps where the curvature is cheap to know.
//! For logistic regression this is iteratively reweighted least squares.

use gristmill_core::Result;

use super::cholesky::{Symmetric, solve_positive};
use super::objective::{self, Curved, Found, Until, steepest};

/// Halvings of a step before no better point is taken to exist.
const HALVINGS: usize = 40;

/// Goes from the start to where no slope is too steep.
pub(super) fn minimise(loss: &impl Curved, until: Until) -> Result<Found> {
    let Until { max_iter, tolerance } = until;
    let mut point = loss.start();
    for _ in 0..max_iter {
        let (here, hessian) = loss.curvature(&point)?;
        let steepest = steepest(&here.gradient);
        if steepest == 0.0 {
            return Ok(Found { point, converged: true });
        }
        let step = solve_damped(hessian, &here.gradient);
        let Some(next) = descend(loss, &point, &step, here.value, &here.gradient)? else {
            return Ok(Found { point, converged: steepest <= tolerance });
        };
        point = next;
        // The step squares the error, so after it the slopes are far below the tolerance.
        if steepest <= tolerance {
            return Ok(Found { point, converged: true });
        }
    }
    let end = loss.slope(&point)?;
    Ok(Found { point, converged: objective::steepest(&end.gradient) <= tolerance })
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

/// The first of the points `point` − `step`, half of it, a quarter, ... where the loss is smaller
/// as Armijo's rule asks.
fn descend(
    loss: &impl Curved,
    point: &[f64],
    step: &[f64],
    value: f64,
    gradient: &[f64],
) -> Result<Option<Vec<f64>>> {
    let promise: f64 = gradient.iter().zip(step).map(|(g, s)| g * s).sum();
    let mut length = 1.0;
    for _ in 0..HALVINGS {
        let next: Vec<f64> = point.iter().zip(step).map(|(p, s)| p - length * s).collect();
        let reached = loss.slope(&next)?.value;
        // Close to the end the promised gain is below the rounding of the loss itself.
        if reached <= value - 1e-4 * length * promise + 1e-15 * value.abs() {
            return Ok(Some(next));
        }
        length *= 0.5;
    }
    Ok(None)
}
