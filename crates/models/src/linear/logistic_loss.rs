//! The loss that logistic regression makes small, with its slopes.
//!
//! For standardised columns x, weights u and constants b, and with L the mean over the rows of
//! −wᵢ ln pᵢ(yᵢ): F = L + ½ Σ λⱼ uⱼ². One class is left out when there are two (p = 1/(1 + e⁻ᶻ)),
//! none when there are more (p = softmax z).

use gristmill_core::Result;

use super::cholesky::{Symmetric, dot};
use super::design::{Block, Design, add_gram};

/// What is to be made small. A point is, class after class, the weights of the columns and then
/// the constant; the constant stays 0 without an intercept.
#[derive(Debug)]
pub(super) struct LogisticLoss<'a> {
    design: &'a Design<'a>,
    /// The class of each row.
    codes: &'a [u32],
    /// 2 classes have one score, more have one each.
    classes: usize,
    /// The weight of the rows of each class.
    class_weights: Vec<f64>,
    /// λⱼ of each column.
    penalties: Vec<f64>,
    total: f64,
}

/// The loss at a point and its slope.
#[derive(Clone, Debug)]
pub(super) struct Slope {
    /// F.
    pub value: f64,
    /// ∂F for each number of the point.
    pub gradient: Vec<f64>,
}

impl<'a> LogisticLoss<'a> {
    /// The loss with the penalty 1/(2 `c`) Σ w² on the scale of the data, divided by the sum of
    /// the row weights.
    pub fn new(
        design: &'a Design<'a>,
        codes: &'a [u32],
        class_weights: Vec<f64>,
        c: f64,
    ) -> Result<Self> {
        let classes = class_weights.len();
        let total = design.sum(|row| {
            design.weight(row) * class_weights.get(codes[row] as usize).unwrap_or(&0.0)
        })?;
        let penalties = design.penalties().iter().map(|p| p / (c * total)).collect();
        Ok(Self { design, codes, classes, class_weights, penalties, total })
    }

    /// How many scores a row gets.
    pub fn scores(&self) -> usize {
        if self.classes == 2 { 1 } else { self.classes }
    }

    /// How many numbers a point has.
    pub fn size(&self) -> usize {
        self.scores() * self.stride()
    }

    fn stride(&self) -> usize {
        self.design.width() + 1
    }

    /// The loss at `point` and its slope.
    pub fn slope(&self, point: &[f64]) -> Result<Slope> {
        let sums = self.design.fold(
            self.size(),
            || Sums::new(self.size()),
            |sums, block| self.add_slope(point, block, sums),
            Sums::merge,
        )?;
        Ok(self.finish(point, sums.loss, sums.gradient))
    }

    /// The loss at `point`, its slope and its curvature; for two classes only.
    pub fn curvature(&self, point: &[f64]) -> Result<(Slope, Symmetric)> {
        let n = self.stride();
        let (sums, mut hessian, _) = self.design.fold(
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
        hessian.scale(1.0 / self.total);
        self.penalties.iter().enumerate().for_each(|(at, l)| hessian.add(at, at, *l));
        if !self.design.intercept() {
            // No row says anything of the constant; any curvature keeps it where it is.
            hessian.add(n - 1, n - 1, 1.0);
        }
        Ok((self.finish(point, sums.loss, sums.gradient), hessian))
    }

    fn finish(&self, point: &[f64], loss: f64, mut gradient: Vec<f64>) -> Slope {
        let mut value = loss / self.total;
        gradient.iter_mut().for_each(|g| *g /= self.total);
        for (weights, slopes) in point.chunks(self.stride()).zip(gradient.chunks_mut(self.stride()))
        {
            for ((u, g), l) in weights.iter().zip(slopes).zip(&self.penalties) {
                value += 0.5 * l * u * u;
                *g += l * u;
            }
        }
        Slope { value, gradient }
    }

    /// Leaves wᵢ (pᵢ − yᵢ) in `sums.left`, and for two classes wᵢ pᵢ (1 − pᵢ) in `sums.bends`.
    fn add_slope(&self, point: &[f64], block: &Block<'_>, sums: &mut Sums) {
        let rows = block.rows.len();
        self.score(point, block, &mut sums.left);
        if self.classes == 2 {
            self.residuals_of_two(block, sums);
        } else {
            self.residuals_of_many(block, sums);
        }
        for (class, gradient) in sums.gradient.chunks_mut(self.stride()).enumerate() {
            let left = &sums.left[class * rows..(class + 1) * rows];
            for (at, slope) in gradient.iter_mut().enumerate() {
                if at < self.design.width() {
                    *slope += dot(left, block.column(at));
                } else if self.design.intercept() {
                    *slope += left.iter().sum::<f64>();
                }
            }
        }
    }

    /// The scores of the rows of a block, class after class.
    fn score(&self, point: &[f64], block: &Block<'_>, scores: &mut Vec<f64>) {
        let rows = block.rows.len();
        scores.clear();
        for weights in point.chunks(self.stride()) {
            let from = scores.len();
            scores.resize(from + rows, weights.last().copied().unwrap_or_default());
            let class = &mut scores[from..];
            for (at, weight) in weights.iter().take(self.design.width()).enumerate() {
                class.iter_mut().zip(block.column(at)).for_each(|(s, x)| *s += weight * x);
            }
        }
    }

    fn residuals_of_two(&self, block: &Block<'_>, sums: &mut Sums) {
        sums.bends.clear();
        for (z, row) in sums.left.iter_mut().zip(block.rows.clone()) {
            let code = self.codes[row];
            let weight = self.row_weight(row, code);
            let (p, q) = two_probabilities(*z);
            // −ln p(y) = ln(1 + e^−z) for the second class, ln(1 + e^z) for the first.
            let margin = if code == 1 { *z } else { -*z };
            sums.loss += weight * ((-margin.abs()).exp().ln_1p() + (-margin).max(0.0));
            sums.bends.push(weight * p * q);
            *z = weight * if code == 1 { -q } else { p };
        }
    }

    fn residuals_of_many(&self, block: &Block<'_>, sums: &mut Sums) {
        let rows = block.rows.len();
        for (at, row) in block.rows.clone().enumerate() {
            let code = self.codes[row];
            let weight = self.row_weight(row, code);
            let own = sums.left[code as usize * rows + at];
            let log_sum = softmax(&mut sums.left, at, rows);
            sums.loss += weight * (log_sum - own);
            for class in 0..self.classes {
                let y = f64::from(u8::from(class == code as usize));
                let p = &mut sums.left[class * rows + at];
                *p = weight * (*p - y);
            }
        }
    }

    fn row_weight(&self, row: usize, code: u32) -> f64 {
        self.design.weight(row) * self.class_weights[code as usize]
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

/// The probabilities of the second and the first of two classes, exact in both tails.
pub(super) fn two_probabilities(score: f64) -> (f64, f64) {
    let small = (-score.abs()).exp();
    let (large, small) = (1.0 / (1.0 + small), small / (1.0 + small));
    if score >= 0.0 { (large, small) } else { (small, large) }
}

/// Turns the scores of one row, which stand `stride` apart from `at` on, into probabilities, and
/// gives back ln Σ eᶻ.
pub(super) fn softmax(scores: &mut [f64], at: usize, stride: usize) -> f64 {
    let places = || (at..scores.len()).step_by(stride);
    let largest = places().map(|i| scores[i]).fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for i in places() {
        scores[i] = (scores[i] - largest).exp();
        sum += scores[i];
    }
    for i in (at..scores.len()).step_by(stride) {
        scores[i] /= sum;
    }
    largest + sum.ln()
}

/// What is added up over the rows.
#[derive(Debug)]
struct Sums {
    loss: f64,
    gradient: Vec<f64>,
    left: Vec<f64>,
    bends: Vec<f64>,
}

impl Sums {
    fn new(size: usize) -> Self {
        Self { loss: 0.0, gradient: vec![0.0; size], left: Vec::new(), bends: Vec::new() }
    }

    fn merge(&mut self, later: Self) {
        self.loss += later.loss;
        self.gradient.iter_mut().zip(later.gradient).for_each(|(a, b)| *a += b);
    }
}
