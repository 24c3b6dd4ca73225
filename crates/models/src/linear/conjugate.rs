//! Least squares of many columns, without products of pairs: conjugate gradients.
//!
//! Makes Σ wᵢ (yᵢ − xᵢ·w)² + α Σ wⱼ² small in variables scaled by 1/√(W σⱼ² + α), in which all
//! columns are about equally steep. Started at 0 it arrives at the shortest of many solutions.
//! Method: Björck, *Numerical Methods for Least Squares Problems*, algorithm 7.4.1 (CGLS).

use gristmill_core::Result;

use super::design::{Block, Design, Rows};
use super::memory::norm;
use crate::simd::{add_scaled, dot};

/// Steps before the search is given up; each halves the error or better on columns that are not
/// nearly combinations of others.
const MAX_STEPS: usize = 2000;
/// How much smaller than at the start the slopes become.
const TOLERANCE: f64 = 1e-11;

/// What was found, for standardised columns that are centred.
#[derive(Debug)]
pub(super) struct Shortest {
    /// One weight a standardised column.
    pub weights: Vec<f64>,
    /// Whether the slopes became small enough.
    pub converged: bool,
}

/// The least squares solution for y − `center`; `penalties` is α on each standardised weight.
pub(super) fn solve(
    design: &Design<'_>,
    y: &[f64],
    center: f64,
    penalties: &[f64],
) -> Result<Shortest> {
    let system = System::new(design, penalties);
    let mut x = vec![0.0; design.width()];
    let mut left: Vec<f64> = y.iter().map(|y| y - center).collect();
    let mut left_below = vec![0.0; design.width()];
    let mut slopes = system.transposed(&left, &left_below)?;
    let mut direction = slopes.clone();
    let mut steep = dot(&slopes, &slopes);
    let enough = TOLERANCE * norm(&slopes);
    for _ in 0..MAX_STEPS {
        if steep.sqrt() <= enough {
            return Ok(Shortest { weights: system.unscaled(x), converged: true });
        }
        let (image, below) = system.times(&direction)?;
        let length = steep / (weighted_square(design, &image)? + dot(&below, &below));
        add_scaled(&mut x, length, &direction);
        add_scaled(&mut left, -length, &image);
        add_scaled(&mut left_below, -length, &below);
        slopes = system.transposed(&left, &left_below)?;
        let next = dot(&slopes, &slopes);
        let turn = next / steep;
        direction.iter_mut().zip(&slopes).for_each(|(d, s)| *d = s + turn * *d);
        steep = next;
    }
    Ok(Shortest { weights: system.unscaled(x), converged: false })
}

fn weighted_square(design: &Design<'_>, values: &[f64]) -> Result<f64> {
    design.sum(|row| design.weight(row) * values[row] * values[row])
}

/// The centred columns, scaled, above a diagonal of the roots of the penalties.
struct System<'a> {
    design: &'a Design<'a>,
    scales: Vec<f64>,
    roots: Vec<f64>,
    /// The mean of each standardised column.
    means: Vec<f64>,
}

impl<'a> System<'a> {
    fn new(design: &'a Design<'a>, penalties: &[f64]) -> Self {
        let constant = |at: usize| design.deviations()[at] <= 0.0;
        let scales: Vec<f64> =
            (0..design.width())
                .map(|at| {
                    if constant(at) { 0.0 } else { (design.total() + penalties[at]).sqrt().recip() }
                })
                .collect();
        let roots = penalties.iter().zip(&scales).map(|(p, s)| p.sqrt() * s).collect();
        let mean = |at: usize| {
            let shift = design.means()[at] - design.centers()[at];
            if constant(at) || !design.intercept() { 0.0 } else { shift / design.deviations()[at] }
        };
        let means = (0..design.width()).map(mean).collect();
        Self { design, scales, roots, means }
    }

    fn unscaled(&self, x: Vec<f64>) -> Vec<f64> {
        x.iter().zip(&self.scales).map(|(x, s)| x * s).collect()
    }

    /// The product with `x`: a number for each row, and one for each penalty.
    fn times(&self, x: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
        let weights: Vec<f64> = x.iter().zip(&self.scales).map(|(x, s)| x * s).collect();
        let shift = dot(&weights, &self.means);
        let image = self.design.fold(
            Rows::All,
            self.design.rows(),
            Vec::new,
            |image: &mut Vec<f64>, block: &Block<'_>| {
                let from = image.len();
                image.resize(from + block.rows.len(), -shift);
                block.add_scores(&weights, &mut image[from..]);
            },
            |image, later| image.extend(later),
        )?;
        Ok((image, self.roots.iter().zip(x).map(|(r, x)| r * x).collect()))
    }

    /// The transposed product, with the weight of each row in it.
    fn transposed(&self, left: &[f64], below: &[f64]) -> Result<Vec<f64>> {
        let p = self.design.width();
        let (mut slopes, total, _) = self.design.fold(
            Rows::All,
            p,
            || (vec![0.0; p], 0.0, Vec::new()),
            |(slopes, total, weighted), block: &Block<'_>| {
                weighted.clear();
                weighted.extend(block.rows.clone().map(|r| self.design.weight(r) * left[r]));
                *total += weighted.iter().sum::<f64>();
                block.add_slopes(weighted, slopes);
            },
            |(slopes, total, _), (more, more_total, _)| {
                slopes.iter_mut().zip(more).for_each(|(a, b)| *a += b);
                *total += more_total;
            },
        )?;
        for (at, slope) in slopes.iter_mut().enumerate() {
            *slope =
                self.scales[at] * (*slope - self.means[at] * total) + self.roots[at] * below[at];
        }
        Ok(slopes)
    }
}
