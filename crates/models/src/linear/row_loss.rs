//! Losses that are a sum over rows of a function of one score, plus a penalty.
//!
//! For standardised columns x, weights u and a constant b, F = Σ wᵢ ℓᵢ(xᵢ·u + b) / Σ wᵢ + ½ Σ λⱼ uⱼ².
//! Logistic regression of two classes, Poisson and gamma regression and the squared losses of
//! support vector machines have this form.

use std::fmt::Debug;

use gristmill_core::Result;

use super::cholesky::Symmetric;
use super::design::{Block, Constant, Design, Rows};
use super::gram::add_gram;
use super::many_columns::Steepness;
use super::objective::{Curved, Objective, Slope};
use crate::simd::dot;

/// ℓᵢ of a family of losses.
pub(super) trait RowLoss: Debug + Sync {
    /// Value, slope and curvature for the row at this score.
    fn at(&self, row: usize, score: f64) -> Terms;

    /// About what the mean of ℓ″ is where all rows score `score`; above 0.
    fn typical_bend(&self, score: f64) -> f64;
}

/// A function of one number at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// ℓ.
    pub value: f64,
    /// ℓ′.
    pub slope: f64,
    /// ℓ″.
    pub bend: f64,
}

/// What is to be made small. A point is the weights of the columns and then the constant, which
/// stays 0 when none is learned.
#[derive(Debug)]
pub(super) struct SingleLoss<'a, L> {
    design: &'a Design<'a>,
    loss: L,
    /// wᵢ, with the weights of classes in it.
    weights: Vec<f64>,
    /// λ of each column and of the constant.
    penalties: Vec<f64>,
    start: f64,
}

impl<'a, L: RowLoss> SingleLoss<'a, L> {
    /// The loss with the penalty ½ `penalty` Σ w² on the scale of the data. The search begins at
    /// the constant `start`.
    pub fn new(
        design: &'a Design<'a>,
        loss: L,
        weights: Vec<f64>,
        penalty: f64,
        start: f64,
    ) -> Self {
        let mut penalties: Vec<f64> = design.penalties().iter().map(|p| p * penalty).collect();
        penalties.push(if design.constant() == Constant::Penalised { penalty } else { 0.0 });
        Self { design, loss, weights, penalties, start }
    }

    /// What a search among many columns should know.
    pub fn steepness<'c>(&self, costs: &'c [f64]) -> Steepness<'c> {
        let bend = self.loss.typical_bend(self.start);
        Steepness { penalties: self.penalties.clone(), bend, costs }
    }

    fn size(&self) -> usize {
        self.design.width() + 1
    }

    fn finish(&self, point: &[f64], sums: Sums) -> Slope {
        let mut value = sums.loss / sums.total;
        let mut gradient = sums.gradient;
        for ((u, g), l) in point.iter().zip(&mut gradient).zip(&self.penalties) {
            value += 0.5 * l * u * u;
            *g = *g / sums.total + l * u;
        }
        Slope { value, gradient }
    }

    /// Leaves wᵢ ℓ″ in `sums.bends`.
    fn add_slope(&self, point: &[f64], block: &Block<'_>, sums: &mut Sums) {
        let (weights, constant) = point.split_at(self.design.width());
        sums.left.clear();
        sums.left.resize(block.rows.len(), constant.iter().sum());
        sums.bends.clear();
        block.add_scores(weights, &mut sums.left);
        for (score, row) in sums.left.iter_mut().zip(block.rows.clone()) {
            let (weight, terms) = (self.weights[row], self.loss.at(row, *score));
            // A row that does not count must not bring in what overflows.
            let weighted = |term: f64| if weight > 0.0 { weight * term } else { 0.0 };
            sums.loss += weighted(terms.value);
            sums.total += weight;
            sums.bends.push(weighted(terms.bend));
            *score = weighted(terms.slope);
        }
        block.add_slopes(&sums.left, &mut sums.gradient);
        if self.design.intercept() {
            sums.gradient[self.design.width()] += sums.left.iter().sum::<f64>();
        }
    }

    fn add_curvature(
        &self,
        block: &Block<'_>,
        sums: &Sums,
        hessian: &mut Symmetric,
        scratch: &mut Vec<f64>,
    ) {
        let p = self.design.width();
        add_gram(hessian, block, p, &sums.bends, scratch);
        if self.design.intercept() {
            (0..p).for_each(|at| hessian.add(p, at, dot(&sums.bends, block.column(at))));
            hessian.add(p, p, sums.bends.iter().sum());
        }
    }
}

impl<L: RowLoss> Objective for SingleLoss<'_, L> {
    fn start(&self) -> Vec<f64> {
        let mut point = vec![0.0; self.size()];
        if self.design.intercept() {
            point[self.design.width()] = self.start;
        }
        point
    }

    fn slope(&self, point: &[f64], rows: Rows) -> Result<Slope> {
        let sums = self.design.fold(
            rows,
            self.size(),
            || Sums::new(self.size()),
            |sums, block| self.add_slope(point, block, sums),
            Sums::merge,
        )?;
        Ok(self.finish(point, sums))
    }
}

impl<L: RowLoss> Curved for SingleLoss<'_, L> {
    fn curvature(&self, point: &[f64], rows: Rows) -> Result<(Slope, Symmetric)> {
        let n = self.size();
        let (sums, mut hessian, _) = self.design.fold(
            rows,
            n * (n + 1) / 2,
            || (Sums::new(n), Symmetric::zeros(n), Vec::new()),
            |(sums, hessian, scratch), block| {
                self.add_slope(point, block, sums);
                self.add_curvature(block, sums, hessian, scratch);
            },
            |(sums, hessian, _), (more_sums, more_hessian, _)| {
                sums.merge(more_sums);
                hessian.add_all(&more_hessian);
            },
        )?;
        hessian.scale(1.0 / sums.total);
        self.penalties.iter().enumerate().for_each(|(at, l)| hessian.add(at, at, *l));
        if !self.design.intercept() {
            // No row says anything of the constant; any curvature keeps it where it is.
            hessian.add(n - 1, n - 1, 1.0);
        }
        Ok((self.finish(point, sums), hessian))
    }

    fn has_sample(&self) -> bool {
        self.design.has_sample()
    }
}

/// What is added up over the rows.
#[derive(Debug)]
struct Sums {
    loss: f64,
    /// Σ wᵢ.
    total: f64,
    gradient: Vec<f64>,
    left: Vec<f64>,
    bends: Vec<f64>,
}

impl Sums {
    fn new(size: usize) -> Self {
        Self {
            loss: 0.0,
            total: 0.0,
            gradient: vec![0.0; size],
            left: Vec::new(),
            bends: Vec::new(),
        }
    }

    fn merge(&mut self, later: Self) {
        self.loss += later.loss;
        self.total += later.total;
        self.gradient.iter_mut().zip(later.gradient).for_each(|(a, b)| *a += b);
    }
}
