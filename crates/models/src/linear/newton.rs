//! Newton's method with a line search: few, exact steps where the curvature is cheap to know.
//! For logistic regression this is iteratively reweighted least squares.
//!
//! Among many rows the curvature is the costly part, and a sample knows it almost as well: the
//! search goes to the least loss of the sample first, and from there on by the slopes of all rows,
//! with the sample's curvature as what L-BFGS believes at first. Method: Nocedal and Wright,
//! *Numerical Optimization*, 2nd edition, 3.3; Byrd, Chin, Neveitt and Nocedal, *SIAM Journal on
//! Optimization* 21 (2011), for the sample.

use gristmill_core::Result;

use super::cholesky::{Positive, Symmetric};
use super::design::Rows;
use super::lbfgs;
use super::objective::{Curved, Found, Slope, Until, near, steepest};
use crate::simd::dot;

/// Halvings of a step before no better point is taken to exist.
const HALVINGS: usize = 40;

/// How far below the tolerance the slopes end after the sample's curvature was believed: each
/// step there wins a digit or more, where one of Newton's doubles them.
const MARGIN: f64 = 1e-3;

/// Goes from the start to where no slope is too steep.
pub(super) fn minimise(loss: &impl Curved, until: Until) -> Result<Found> {
    if !loss.has_sample() {
        return descend(loss, loss.start(), Rows::All, until);
    }
    let near = near(descend(loss, loss.start(), Rows::Sample, until.rough())?, loss);
    let (_, hessian) = loss.curvature(&near, Rows::Sample)?;
    let fine = Until { tolerance: until.tolerance * MARGIN, ..until };
    let found = lbfgs::minimise_from(loss, near, Positive::damped(hessian), fine)?;
    if found.converged {
        return Ok(found);
    }
    descend(loss, found.point, Rows::All, until)
}

/// Goes from `point` to where no slope by these rows is too steep.
fn descend(loss: &impl Curved, mut point: Vec<f64>, rows: Rows, until: Until) -> Result<Found> {
    let Until { max_iter, tolerance } = until;
    let (mut here, mut hessian) = loss.curvature(&point, rows)?;
    for _ in 0..max_iter {
        let steepness = steepest(&here.gradient);
        if steepness == 0.0 {
            return Ok(Found { point, converged: true });
        }
        let step = step(hessian, &here.gradient);
        let whole: Vec<f64> = point.iter().zip(&step).map(|(p, s)| p - s).collect();
        // The step squares the error, so after it the slopes are far below the tolerance.
        let last = steepness <= tolerance;
        if last && has_fallen(&here, loss.slope(&whole, rows)?.value, &step, 1.0) {
            return Ok(Found { point: whole, converged: true });
        }
        let (there, next_hessian) = loss.curvature(&whole, rows)?;
        if has_fallen(&here, there.value, &step, 1.0) {
            (point, here, hessian) = (whole, there, next_hessian);
            continue;
        }
        let Some(next) = shorten(loss, &point, &step, &here, rows)? else {
            return Ok(Found { point, converged: last });
        };
        (here, hessian) = loss.curvature(&next, rows)?;
        point = next;
    }
    Ok(Found { point, converged: steepest(&here.gradient) <= tolerance })
}

/// Newton's step, uphill; the slopes themselves where the curvature is not finite.
fn step(hessian: Symmetric, gradient: &[f64]) -> Vec<f64> {
    Positive::damped(hessian).map_or_else(|| gradient.to_vec(), |factor| factor.solve(gradient))
}

/// Whether the loss has fallen as Armijo's rule asks after `length` times `step` downhill.
fn has_fallen(here: &Slope, reached: f64, step: &[f64], length: f64) -> bool {
    let promise = dot(&here.gradient, step);
    // Close to the end the promised gain is below the rounding of the loss itself.
    reached <= here.value - 1e-4 * length * promise + 1e-15 * here.value.abs()
}

/// The first of the points `point` − half of `step`, a quarter, ... where the loss has fallen.
fn shorten(
    loss: &impl Curved,
    point: &[f64],
    step: &[f64],
    here: &Slope,
    rows: Rows,
) -> Result<Option<Vec<f64>>> {
    let mut length = 0.5;
    for _ in 0..HALVINGS {
        let next: Vec<f64> = point.iter().zip(step).map(|(p, s)| p - length * s).collect();
        if has_fallen(here, loss.slope(&next, rows)?.value, step, length) {
            return Ok(Some(next));
        }
        length *= 0.5;
    }
    Ok(None)
}
