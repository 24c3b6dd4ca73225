//! Least squares with costs on the size of weights, by one weight at a time.
//!
//! For standardised columns x and with W = Σ wᵢ, makes Σ wᵢ (yᵢ − xᵢ·u)²/(2W) + Σ cⱼ |uⱼ| + ½ Σ λⱼ uⱼ²
//! small: uⱼ = S(Σ wᵢ xᵢⱼ rᵢ/W + uⱼ, cⱼ)/(1 + λⱼ), where r is what is left of y. Few columns work on
//! products of pairs, many on the rows. The duality gap says how far from the end the search can
//! be at most. Method: Friedman, Hastie and Tibshirani, *Journal of Statistical Software* 33 (2010).

use gristmill_core::Result;

use super::design::Design;
use super::least_squares;
use super::objective::{Found, Until};
use super::quadratic::{Quadratic, Which, soft_threshold};
use super::values::Values;
use crate::simd::{Simd, Work, dot, wide};

/// Sweeps through the weights that are not 0 after each one through all.
const ACTIVE_SWEEPS: usize = 10;

/// A change of this share of the root of Σ w y²/W is rounding.
const ROUNDING: f64 = 1e-13;

/// What is to be made small, on the scale of standardised columns.
#[derive(Debug)]
pub(super) struct Costs {
    /// cⱼ.
    pub absolute: Vec<f64>,
    /// λⱼ.
    pub squared: Vec<f64>,
}

/// The weights of the standardised columns for y − `center`. The tolerance is on the duality gap
/// as a share of Σ wᵢ (yᵢ − center)²/W.
pub(super) fn minimise(
    design: &Design<'_>,
    y: &[f64],
    center: f64,
    costs: Costs,
    until: Until,
) -> Result<Found> {
    if design.is_narrow() {
        return Ok(search(Pairs::new(design, y, center, costs)?, until));
    }
    Ok(search(Residuals::new(design, y, center, costs)?, until))
}

/// A search that goes through weights one by one.
trait Descent {
    /// Goes once through the weights; gives the largest change.
    fn sweep(&mut self, which: Which) -> f64;
    /// What the duality gap is made of.
    fn gap(&self) -> Gap;
    /// The weights reached so far.
    fn point(&self) -> &[f64];
}

fn search(mut descent: impl Descent, until: Until) -> Found {
    let mut sweeps = 0;
    while sweeps < until.max_iter {
        let first = descent.sweep(Which::All);
        sweeps += 1;
        let gap = descent.gap();
        if gap.size() <= until.tolerance * gap.answers || first <= ROUNDING * gap.answers.sqrt() {
            return Found { point: descent.point().to_vec(), converged: true };
        }
        for _ in 0..ACTIVE_SWEEPS.min(until.max_iter - sweeps) {
            sweeps += 1;
            if descent.sweep(Which::Active) <= 1e-3 * first {
                break;
            }
        }
    }
    Found { point: descent.point().to_vec(), converged: false }
}

/// What the duality gap is made of, each divided by W.
#[derive(Debug)]
struct Gap {
    /// Σ w y².
    answers: f64,
    /// Σ w r².
    left: f64,
    /// Σ w r y.
    agreement: f64,
    /// Σ c |u|.
    absolute: f64,
    /// Σ λ u².
    squared: f64,
    /// The largest |Σ w x r/W − λ u|/c.
    steepest: f64,
}

impl Gap {
    fn new(costs: &Costs, point: &[f64], slopes: impl Iterator<Item = f64>) -> Self {
        let ratio = |(slope, cost): (f64, &f64)| slope.abs() / cost;
        Self {
            answers: 0.0,
            left: 0.0,
            agreement: 0.0,
            absolute: point.iter().zip(&costs.absolute).map(|(u, c)| c * u.abs()).sum(),
            squared: point.iter().zip(&costs.squared).map(|(u, l)| l * u * u).sum(),
            steepest: slopes.zip(&costs.absolute).map(ratio).fold(0.0, f64::max),
        }
    }

    fn size(&self) -> f64 {
        let factor = if self.steepest > 1.0 { 1.0 / self.steepest } else { 1.0 };
        let both = 0.5 * (1.0 + factor * factor);
        both * self.left - factor * self.agreement + self.absolute + both * self.squared
    }
}

/// Few columns: everything is in the products of pairs.
struct Pairs {
    quadratic: Quadratic,
    linear: Vec<f64>,
    costs: Costs,
    answers: f64,
}

impl Pairs {
    fn new(design: &Design<'_>, y: &[f64], center: f64, costs: Costs) -> Result<Self> {
        let (mut gram, mut linear) = least_squares::normal_equations(design, y, center)?;
        gram.scale(1.0 / design.total());
        for (at, &squared) in costs.squared.iter().enumerate() {
            // A constant column keeps its zeros, and so its weight 0.
            gram.add(at, at, if design.deviations()[at] > 0.0 { squared } else { 0.0 });
        }
        linear.iter_mut().for_each(|q| *q /= design.total());
        let quadratic = Quadratic::new(&gram, &linear, costs.absolute.clone());
        let answers = answers(design, y, center)?;
        Ok(Self { quadratic, linear, costs, answers })
    }
}

impl Descent for Pairs {
    fn sweep(&mut self, which: Which) -> f64 {
        self.quadratic.sweep(which)
    }

    fn gap(&self) -> Gap {
        let (u, left) = (self.quadratic.point(), self.quadratic.left());
        let gap = Gap::new(&self.costs, u, left.iter().copied());
        let agreement = self.answers - dot(u, &self.linear);
        Gap {
            answers: self.answers,
            left: agreement - dot(u, left) - gap.squared,
            agreement,
            ..gap
        }
    }

    fn point(&self) -> &[f64] {
        self.quadratic.point()
    }
}

/// Many columns: what is left of y is kept row by row. Columns are centred without touching their
/// zeros: the shift that all rows share is kept apart, and Σ w r stays 0.
struct Residuals<'a> {
    design: &'a Design<'a>,
    y: &'a [f64],
    center: f64,
    costs: Costs,
    point: Vec<f64>,
    /// r without the shift.
    left: Vec<f64>,
    shift: f64,
    answers: f64,
}

impl<'a> Residuals<'a> {
    fn new(design: &'a Design<'a>, y: &'a [f64], center: f64, costs: Costs) -> Result<Self> {
        let left = y.iter().map(|y| y - center).collect();
        let answers = answers(design, y, center)?;
        let point = vec![0.0; design.width()];
        Ok(Self { design, y, center, costs, point, left, shift: 0.0, answers })
    }

    /// Σ w x r/W for a standardised column.
    fn slope(&self, at: usize) -> f64 {
        let design = self.design;
        let sum = match design.columns()[at] {
            Values::Dense(values) => self.centred_product(values, self.center_of(at)),
            Values::Sparse(numbers) => {
                let kept = numbers.rows().iter().zip(numbers.values());
                let product: f64 = kept
                    .map(|(&row, x)| design.weight(row as usize) * x * self.left[row as usize])
                    .sum();
                product + self.shift * design.means()[at] * design.total()
            }
        };
        sum / (design.deviations()[at] * design.total())
    }

    fn centred_product(&self, values: &[f64], center: f64) -> f64 {
        if self.design.is_weighted() {
            let rows = values.iter().zip(&self.left).enumerate();
            return rows.map(|(row, (x, r))| self.design.weight(row) * (x - center) * r).sum();
        }
        wide(CentredProduct, (values, center, &self.left))
    }

    /// The mean that a column is shifted by, which does not depend on how it is kept.
    fn center_of(&self, at: usize) -> f64 {
        if self.design.intercept() { self.design.means()[at] } else { 0.0 }
    }

    fn change(&mut self, at: usize, next: f64) {
        let step = (next - self.point[at]) / self.design.deviations()[at];
        self.point[at] = next;
        let center = self.center_of(at);
        match self.design.columns()[at] {
            Values::Dense(values) => {
                wide(SubtractCentred, (&mut self.left, step, values, center));
            }
            Values::Sparse(numbers) => {
                for (&row, x) in numbers.rows().iter().zip(numbers.values()) {
                    self.left[row as usize] -= step * x;
                }
                self.shift += step * center;
            }
        }
    }
}

/// Σ (x − center) r, added in eight lanes.
struct CentredProduct;

impl Work<(&[f64], f64, &[f64])> for CentredProduct {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(_: S, (values, center, left): (&[f64], f64, &[f64])) -> f64 {
        const LANES: usize = 8;
        let mut sums = [0.0; LANES];
        let (chunks, tail) = values.as_chunks::<LANES>();
        let (left, left_tail) = left.as_chunks::<LANES>();
        for (x, r) in chunks.iter().zip(left) {
            for lane in 0..LANES {
                sums[lane] += (x[lane] - center) * r[lane];
            }
        }
        let tail: f64 = tail.iter().zip(left_tail).map(|(x, r)| (x - center) * r).sum();
        sums.iter().sum::<f64>() + tail
    }
}

struct SubtractCentred;

impl Work<(&mut [f64], f64, &[f64], f64)> for SubtractCentred {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(_: S, (left, step, values, center): (&mut [f64], f64, &[f64], f64)) {
        left.iter_mut().zip(values).for_each(|(r, x)| *r -= step * (x - center));
    }
}

impl Descent for Residuals<'_> {
    fn sweep(&mut self, which: Which) -> f64 {
        let mut largest = 0.0_f64;
        for at in 0..self.point.len() {
            let u = self.point[at];
            if self.design.deviations()[at] <= 0.0 || (which == Which::Active && u == 0.0) {
                continue;
            }
            let pull = soft_threshold(self.slope(at) + u, self.costs.absolute[at]);
            let next = pull / (1.0 + self.costs.squared[at]);
            if next != u {
                largest = largest.max((next - u).abs());
                self.change(at, next);
            }
        }
        largest
    }

    fn gap(&self) -> Gap {
        let slopes = (0..self.point.len()).map(|at| {
            let used = self.design.deviations()[at] > 0.0;
            if used { self.slope(at) - self.costs.squared[at] * self.point[at] } else { 0.0 }
        });
        let (mut left, mut agreement) = (0.0, 0.0);
        for (row, (r, y)) in self.left.iter().zip(self.y).enumerate() {
            let (weight, r) = (self.design.weight(row), r + self.shift);
            left += weight * r * r;
            agreement += weight * r * (y - self.center);
        }
        let total = self.design.total();
        let gap = Gap::new(&self.costs, &self.point, slopes);
        Gap { answers: self.answers, left: left / total, agreement: agreement / total, ..gap }
    }

    fn point(&self) -> &[f64] {
        &self.point
    }
}

/// Σ w (y − center)²/W.
fn answers(design: &Design<'_>, y: &[f64], center: f64) -> Result<f64> {
    let square = |row: usize| design.weight(row) * (y[row] - center) * (y[row] - center);
    Ok(design.sum(square)? / design.total())
}
