//! Least squares, with or without a penalty, by the normal equations of standardised columns.
//!
//! (XᵀWX + αI) w = XᵀW y is taken apart by a Cholesky decomposition that reveals the rank, so
//! collinear columns share their weight (the shortest solution in standardised units) instead of
//! blowing up. Squaring the columns loses half of the digits; refining the solution by what is
//! left of y wins them back where columns are close to collinear (Björck, *Numerical Methods for Least Squares Problems*, 2.9.3). Many
//! columns have too many pairs; they take conjugate gradients, see [`super::conjugate`].

use gristmill_core::Result;

use super::cholesky::{RankRevealing, Symmetric};
use super::conjugate;
use super::design::{Block, Design, Rows};
use super::gram::add_gram;
use super::linear_regression::mean;

/// How often the solution is refined by its residuals.
const REFINEMENTS: usize = 2;

/// What was found, on the scale of the data.
#[derive(Debug)]
pub(super) struct Solution {
    /// One weight a column.
    pub weights: Vec<f64>,
    /// The constant; 0 without one.
    pub intercept: f64,
    /// How many columns are neither constant nor a combination of others, where pairs of columns
    /// were looked at.
    pub rank: Option<usize>,
    /// Whether it is exact up to rounding.
    pub converged: bool,
}

/// The weights w and the intercept b that make Σ wᵢ (yᵢ − xᵢ·w − b)² + `alpha` Σ wⱼ² smallest.
pub(super) fn solve(design: &Design<'_>, y: &[f64], alpha: f64) -> Result<Solution> {
    let center = mean(design, y)?;
    let penalties: Vec<f64> = design.penalties().iter().map(|p| p * alpha).collect();
    if !design.is_narrow() {
        let found = conjugate::solve(design, y, center, &penalties)?;
        let (weights, intercept) = design.restore_centred(&found.weights, center);
        return Ok(Solution { weights, intercept, rank: None, converged: found.converged });
    }
    let (mut gram, mut right) = normal_equations(design, y, center)?;
    let constant = |at: usize| design.deviations()[at] <= 0.0;
    for (at, &penalty) in penalties.iter().enumerate().filter(|(at, _)| !constant(*at)) {
        gram.add(at, at, penalty);
    }
    let scales: Vec<f64> = (0..gram.size())
        .map(|at| gram.get(at, at).sqrt())
        .map(|d| if d > 0.0 { 1.0 / d } else { 0.0 })
        .collect();
    let factor = RankRevealing::new(&unit_diagonal(&gram, &scales));
    let mut weights = vec![0.0; design.width()];
    for refinement in 0..=REFINEMENTS {
        if refinement > 0 {
            right = gradient(design, y, center, &weights)?;
        }
        for (at, value) in right.iter_mut().enumerate() {
            *value = (*value - penalties[at] * weights[at]) * scales[at];
        }
        let step = factor.solve(&right);
        weights.iter_mut().zip(step.iter().zip(&scales)).for_each(|(w, (d, s))| *w += d * s);
        if factor.is_sharp() {
            break;
        }
    }
    let (weights, intercept) = design.restore(&weights, center);
    Ok(Solution { weights, intercept, rank: Some(factor.rank()), converged: true })
}

fn unit_diagonal(gram: &Symmetric, scales: &[f64]) -> Symmetric {
    let mut scaled = Symmetric::zeros(gram.size());
    for row in 0..gram.size() {
        for column in 0..=row {
            scaled.add(row, column, gram.get(row, column) * scales[row] * scales[column]);
        }
    }
    scaled
}

/// XᵀWX and XᵀW (y − center) of the standardised columns.
pub(super) fn normal_equations(
    design: &Design<'_>,
    y: &[f64],
    center: f64,
) -> Result<(Symmetric, Vec<f64>)> {
    let p = design.width();
    let (gram, right, _) = design.fold(
        Rows::All,
        p * (p + 1) / 2,
        || (Symmetric::zeros(p), vec![0.0; p], [const { Vec::new() }; 2]),
        |(gram, right, [weights, scratch]), block: &Block<'_>| {
            weights.clear();
            weights.extend(block.rows.clone().map(|row| design.weight(row)));
            add_gram(gram, block, p, weights, scratch);
            weights.iter_mut().zip(block.rows.clone()).for_each(|(w, row)| *w *= y[row] - center);
            block.add_slopes(weights, right);
        },
        |(gram, right, _), (more_gram, more_right, _)| {
            gram.add_all(&more_gram);
            right.iter_mut().zip(more_right).for_each(|(a, b)| *a += b);
        },
    )?;
    Ok((gram, right))
}

/// XᵀW (y − center − X w) of the standardised columns.
fn gradient(design: &Design<'_>, y: &[f64], center: f64, weights: &[f64]) -> Result<Vec<f64>> {
    let p = design.width();
    let downwards: Vec<f64> = weights.iter().map(|w| -w).collect();
    let (sums, _) = design.fold(
        Rows::All,
        p,
        || (vec![0.0; p], Vec::new()),
        |(sums, left), block: &Block<'_>| {
            left.clear();
            left.extend(block.rows.clone().map(|row| y[row] - center));
            block.add_scores(&downwards, left);
            left.iter_mut().zip(block.rows.clone()).for_each(|(l, r)| *l *= design.weight(r));
            block.add_slopes(left, sums);
        },
        |(left, _), (right, _)| left.iter_mut().zip(right).for_each(|(a, b)| *a += b),
    )?;
    Ok(sums)
}
