//! Newton's method for objectives with costs on the size of numbers, Σ cⱼ |xⱼ|: each step solves
//! the quadratic that loss and slopes imply, costs included, by coordinate descent. Among many rows it begins at the end of a search by a
//! sample of them.
//! Method: Lee, Sun and Saunders, *SIAM Journal on Optimization* 24 (2014).

use gristmill_core::Result;

use super::design::Rows;
use super::objective::{Curved, Found, Slope, Until, cost, near, slope_with_costs};
use super::quadratic::Quadratic;

/// Halvings of a step before no better point is taken to exist.
const HALVINGS: usize = 40;
/// Sweeps of coordinate descent in one step.
const SWEEPS: usize = 200;

/// Goes from the start to where no slope, costs included, is too steep.
pub(super) fn minimise(loss: &impl Curved, costs: &[f64], until: Until) -> Result<Found> {
    let start = loss.start();
    if !loss.has_sample() {
        return descend(loss, costs, start, Rows::All, until);
    }
    let near = near(descend(loss, costs, start, Rows::Sample, until.rough())?, loss);
    descend(loss, costs, near, Rows::All, until)
}

/// Goes from `point` to where no slope by these rows, costs included, is too steep.
fn descend(
    loss: &impl Curved,
    costs: &[f64],
    mut point: Vec<f64>,
    rows: Rows,
    until: Until,
) -> Result<Found> {
    for _ in 0..until.max_iter {
        let (here, hessian) = loss.curvature(&point, rows)?;
        let steepness = steepness(&here, &point, costs);
        if steepness == 0.0 {
            return Ok(Found { point, converged: true });
        }
        // H(x + d) − (Hx − g) = 0 where there are no costs.
        let zeros = vec![0.0; point.len()];
        let moved = Quadratic::new(&hessian, &zeros, zeros.clone()).from(&point);
        let linear: Vec<f64> =
            moved.left().iter().zip(&here.gradient).map(|(left, g)| -left - g).collect();
        let mut quadratic = Quadratic::new(&hessian, &linear, costs.to_vec()).from(&point);
        quadratic.settle(SWEEPS, (1e-3 * steepness).min(1e-3 * until.tolerance.sqrt()));
        let Some(next) = line(loss, costs, &point, quadratic.point(), &here, rows)? else {
            return Ok(Found { point, converged: steepness <= until.tolerance });
        };
        point = next;
        // The step squares the error, so after it the slopes are far below the tolerance.
        if steepness <= until.tolerance {
            return Ok(Found { point, converged: true });
        }
    }
    let end = loss.slope(&point, rows)?;
    Ok(Found { converged: steepness(&end, &point, costs) <= until.tolerance, point })
}

fn steepness(here: &Slope, point: &[f64], costs: &[f64]) -> f64 {
    let each = here.gradient.iter().zip(point).zip(costs);
    each.fold(0.0, |m, ((&g, &x), &c)| m.max(slope_with_costs(g, x, c).abs()))
}

/// The first of the points at `goal`, half way, a quarter, ... where loss and costs have fallen
/// as Armijo's rule asks.
fn line(
    loss: &impl Curved,
    costs: &[f64],
    point: &[f64],
    goal: &[f64],
    here: &Slope,
    rows: Rows,
) -> Result<Option<Vec<f64>>> {
    let before = here.value + cost(point, costs);
    let slope: f64 =
        here.gradient.iter().zip(goal.iter().zip(point)).map(|(g, (n, p))| g * (n - p)).sum();
    let promise = slope + cost(goal, costs) - cost(point, costs);
    let mut length = 1.0;
    for _ in 0..HALVINGS {
        let next: Vec<f64> = point.iter().zip(goal).map(|(p, n)| p + length * (n - p)).collect();
        let next = if length == 1.0 { goal.to_vec() } else { next };
        let reached = loss.slope(&next, rows)?.value + cost(&next, costs);
        // Close to the end the promised gain is below the rounding of the loss itself.
        if reached <= before + 1e-4 * length * promise + 1e-15 * before.abs() {
            return Ok(Some(next));
        }
        length *= 0.5;
    }
    Ok(None)
}
