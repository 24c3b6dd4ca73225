//! The loss of logistic regression of more than two classes, with its slopes.
//!
//! For standardised columns x, weights uₖ and constants bₖ, and with L the weighted mean over the
//! rows of −ln pᵢ(yᵢ), p = softmax(x·u + b): F = L + ½ Σ λⱼ uₖⱼ².

use gristmill_core::Result;

use super::design::{Block, Design, Rows};
use super::losses::softmax;
use super::many_columns::Steepness;
use super::objective::{Objective, Slope};

/// What is to be made small. A point is, class after class, the weights of the columns and then
/// the constant; constants stay 0 when none are learned.
#[derive(Debug)]
pub(super) struct SoftmaxLoss<'a> {
    design: &'a Design<'a>,
    /// The class of each row.
    codes: &'a [u32],
    classes: usize,
    /// wᵢ, with the weights of classes in it.
    weights: Vec<f64>,
    /// λⱼ of each column.
    penalties: Vec<f64>,
}

impl<'a> SoftmaxLoss<'a> {
    /// The loss with the penalty ½ `penalty` Σ w² on the scale of the data.
    pub fn new(
        design: &'a Design<'a>,
        codes: &'a [u32],
        classes: usize,
        weights: Vec<f64>,
        penalty: f64,
    ) -> Self {
        let penalties = design.penalties().iter().map(|p| p * penalty).collect();
        Self { design, codes, classes, weights, penalties }
    }

    /// What a search among many columns should know.
    pub fn steepness<'c>(&self, costs: &'c [f64]) -> Steepness<'c> {
        let mut one = self.penalties.clone();
        one.push(0.0);
        let share = 1.0 / self.classes as f64;
        Steepness { penalties: one.repeat(self.classes), bend: share * (1.0 - share), costs }
    }

    fn size(&self) -> usize {
        self.classes * self.stride()
    }

    fn stride(&self) -> usize {
        self.design.width() + 1
    }

    fn add_slope(&self, point: &[f64], block: &Block<'_>, sums: &mut Sums) {
        let rows = block.rows.len();
        sums.left.clear();
        for class in point.chunks(self.stride()) {
            let (weights, constant) = class.split_at(self.design.width());
            let from = sums.left.len();
            sums.left.resize(from + rows, constant.iter().sum());
            block.add_scores(weights, &mut sums.left[from..]);
        }
        self.residuals(block, sums);
        for (class, gradient) in sums.gradient.chunks_mut(self.stride()).enumerate() {
            let left = &sums.left[class * rows..(class + 1) * rows];
            block.add_slopes(left, gradient);
            if self.design.intercept() {
                gradient[self.design.width()] += left.iter().sum::<f64>();
            }
        }
    }

    /// Turns scores into wᵢ (pᵢ − yᵢ).
    fn residuals(&self, block: &Block<'_>, sums: &mut Sums) {
        let rows = block.rows.len();
        for (at, row) in block.rows.clone().enumerate() {
            let own = self.codes[row] as usize * rows + at;
            let (weight, score) = (self.weights[row], sums.left[own]);
            let log_sum = softmax(&mut sums.left, at, rows);
            sums.loss += weight * (log_sum - score);
            sums.total += weight;
            sums.left[own] -= 1.0;
            (0..self.classes).for_each(|class| sums.left[class * rows + at] *= weight);
        }
    }
}

impl Objective for SoftmaxLoss<'_> {
    fn start(&self) -> Vec<f64> {
        vec![0.0; self.size()]
    }

    fn slope(&self, point: &[f64], rows: Rows) -> Result<Slope> {
        let mut sums = self.design.fold(
            rows,
            self.size(),
            || Sums { loss: 0.0, total: 0.0, gradient: vec![0.0; self.size()], left: Vec::new() },
            |sums, block| self.add_slope(point, block, sums),
            |sums, later| {
                sums.loss += later.loss;
                sums.total += later.total;
                sums.gradient.iter_mut().zip(later.gradient).for_each(|(a, b)| *a += b);
            },
        )?;
        let mut value = sums.loss / sums.total;
        sums.gradient.iter_mut().for_each(|g| *g /= sums.total);
        let slopes = sums.gradient.chunks_mut(self.stride());
        for (weights, slopes) in point.chunks(self.stride()).zip(slopes) {
            for ((u, g), l) in weights.iter().zip(slopes).zip(&self.penalties) {
                value += 0.5 * l * u * u;
                *g += l * u;
            }
        }
        Ok(Slope { value, gradient: sums.gradient })
    }
}

/// What is added up over the rows.
#[derive(Debug)]
struct Sums {
    loss: f64,
    total: f64,
    gradient: Vec<f64>,
    left: Vec<f64>,
}
