//! What solvers make small, and what they need to know of it.

use gristmill_core::Result;

use super::cholesky::Symmetric;
use super::design::Rows;

/// A smooth function of many numbers, convex.
pub(super) trait Objective {
    /// Where a search begins.
    fn start(&self) -> Vec<f64>;

    /// The value at `point` and its slope, by these rows.
    fn slope(&self, point: &[f64], rows: Rows) -> Result<Slope>;
}

/// An [`Objective`] of few numbers, whose curvature is cheap to know.
pub(super) trait Curved: Objective {
    /// The value at `point`, its slope and its curvature, by these rows.
    fn curvature(&self, point: &[f64], rows: Rows) -> Result<(Slope, Symmetric)>;

    /// Whether there are so many rows that a sample of them is worth looking at first.
    fn has_sample(&self) -> bool;
}

/// The value at a point and its slope.
#[derive(Clone, Debug)]
pub(super) struct Slope {
    /// F.
    pub value: f64,
    /// ∂F for each number of the point.
    pub gradient: Vec<f64>,
}

/// Where a search ended.
#[derive(Debug)]
pub(super) struct Found {
    /// The best point.
    pub point: Vec<f64>,
    /// Whether its slopes are small enough.
    pub converged: bool,
}

/// When a search ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// After so many steps.
    pub max_iter: usize,
    /// When no slope is above this.
    pub tolerance: f64,
}

impl Until {
    /// The end of a search by a sample of the rows, which differs from all of them by more than a
    /// finer search would win.
    pub fn rough(self) -> Self {
        Self { tolerance: self.tolerance.max(1e-3), ..self }
    }
}

/// Where a search by a sample ended; the start instead where it lost its way.
pub(super) fn near(found: Found, loss: &impl Objective) -> Vec<f64> {
    if found.point.iter().all(|x| x.is_finite()) { found.point } else { loss.start() }
}

/// The largest slope, whatever its sign.
pub(super) fn steepest(gradient: &[f64]) -> f64 {
    gradient.iter().fold(0.0, |m, g| m.max(g.abs()))
}

/// The slope of F + Σ `costs`ⱼ |xⱼ| in the direction in which it falls most; where x is 0 and
/// neither direction falls, 0.
pub(super) fn slope_with_costs(gradient: f64, x: f64, cost: f64) -> f64 {
    if x != 0.0 {
        return gradient + cost * x.signum();
    }
    (gradient - cost).max(0.0) + (gradient + cost).min(0.0)
}

/// Σ `costs`ⱼ |xⱼ|.
pub(super) fn cost(point: &[f64], costs: &[f64]) -> f64 {
    point.iter().zip(costs).map(|(x, c)| c * x.abs()).sum()
}
