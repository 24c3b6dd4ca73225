//! Probabilities bent by a logistic curve.
//! Method: Platt, *Probabilistic Outputs for Support Vector Machines*, 1999, solved as in Lin, Lin
//! and Weng, *A Note on Platt's Probabilistic Outputs*, Machine Learning 68 (2007).

use gristmill_core::{Error, Result};

/// p = 1 / (1 + e^−(slope · x + constant)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sigmoid {
    pub(super) slope: f64,
    pub(super) constant: f64,
}

/// One answer to learn from: its score, whether it is of the class, and what it weighs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) score: f64,
    pub(super) is_class: bool,
    pub(super) weight: f64,
}

const MAX_ITER: usize = 100;

/// The solver stops once no slope of the loss, as a share of all weights, is above this.
const TOLERANCE: f64 = 1e-10;

/// Keeps the curvature invertible where all scores are equal.
const RIDGE: f64 = 1e-12;

impl Sigmoid {
    /// The curve of the greatest likelihood and its loss, with Platt's targets: (n₊ + 1) / (n₊ + 2) for the class
    /// and 1 / (n₋ + 2) for the rest, where n are weights.
    ///
    /// # Errors
    /// [`Error::Data`] when no answer weighs anything.
    pub(super) fn fit(answers: &[Answer]) -> Result<(Self, f64)> {
        let weigh = |is: bool| -> f64 {
            answers.iter().filter(|a| a.is_class == is).map(|a| a.weight).sum()
        };
        let (of_class, of_rest) = (weigh(true), weigh(false));
        if of_class + of_rest <= 0.0 {
            return Err(Error::data("there is no row to calibrate with"));
        }
        let targets = [1.0 / (of_rest + 2.0), (of_class + 1.0) / (of_class + 2.0)];
        let problem = Problem { answers, targets, all: of_class + of_rest };
        // Start without a slope, at the share of the class.
        let constant = ((of_class + 1.0) / (of_rest + 1.0)).ln();
        Ok(problem.minimise(Self { slope: 0.0, constant }))
    }

    /// The probability that a score stands for.
    pub(super) fn apply(&self, score: f64) -> f64 {
        let x = self.slope * score + self.constant;
        if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
    }
}

struct Problem<'a> {
    answers: &'a [Answer],
    targets: [f64; 2],
    all: f64,
}

impl Problem<'_> {
    /// Newton's method with halved steps.
    fn minimise(&self, mut curve: Sigmoid) -> (Sigmoid, f64) {
        let mut loss = self.loss(&curve);
        for _ in 0..MAX_ITER {
            let (gradient, [a, b, c]) = self.slopes(&curve);
            if gradient.iter().all(|g| g.abs() <= TOLERANCE) {
                break;
            }
            let determinant = a * c - b * b;
            let step = [
                (c * gradient[0] - b * gradient[1]) / determinant,
                (a * gradient[1] - b * gradient[0]) / determinant,
            ];
            let mut share = 1.0;
            let better = loop {
                let next = Sigmoid {
                    slope: curve.slope - share * step[0],
                    constant: curve.constant - share * step[1],
                };
                let found = self.loss(&next);
                if found < loss {
                    break Some((next, found));
                }
                share /= 2.0;
                if share < 1e-10 {
                    break None;
                }
            };
            let Some(better) = better else { break };
            (curve, loss) = better;
        }
        (curve, loss)
    }

    fn target(&self, answer: &Answer) -> f64 {
        self.targets[usize::from(answer.is_class)]
    }

    /// The mean of −t ln p − (1 − t) ln (1 − p).
    fn loss(&self, curve: &Sigmoid) -> f64 {
        let term = |answer: &Answer| {
            let x = curve.slope * answer.score + curve.constant;
            // ln(1 + eˣ) − t x without a large exponential.
            let log = x.max(0.0) + (-x.abs()).exp().ln_1p();
            answer.weight * (log - self.target(answer) * x)
        };
        self.answers.iter().map(term).sum::<f64>() / self.all
    }

    /// The slopes of the loss by slope and constant, and its curvature.
    fn slopes(&self, curve: &Sigmoid) -> ([f64; 2], [f64; 3]) {
        let (mut gradient, mut curvature) = ([0.0; 2], [RIDGE, 0.0, RIDGE]);
        for answer in self.answers {
            let p = curve.apply(answer.score);
            let weight = answer.weight / self.all;
            let (first, second) = (weight * (p - self.target(answer)), weight * p * (1.0 - p));
            gradient[0] += first * answer.score;
            gradient[1] += first;
            curvature[0] += second * answer.score * answer.score;
            curvature[1] += second * answer.score;
            curvature[2] += second;
        }
        (gradient, curvature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pairs: &[(f64, bool)]) -> Vec<Answer> {
        let answer = |&(score, is_class)| Answer { score, is_class, weight: 1.0 };
        pairs.iter().map(answer).collect()
    }

    #[test] // scikit-learn 1.9.1, _SigmoidCalibration: a_ = -0.548652801733, b_ = 0.390853201729
    fn a_curve_agrees_with_scikit_learn() {
        let pairs = [
            (-2.0, false),
            (-1.0, false),
            (-0.5, true),
            (0.0, false),
            (0.5, false),
            (1.0, true),
            (1.5, true),
            (2.0, false),
            (2.5, true),
            (3.0, true),
        ];
        let (curve, _) = Sigmoid::fit(&answers(&pairs)).unwrap();
        assert!((curve.slope - 0.548652801733).abs() < 1e-4, "{curve:?}");
        assert!((curve.constant + 0.390853201729).abs() < 1e-4, "{curve:?}");
    }

    #[test] // by hand: 3 of 4, smoothed: t = 4/5 for three and 1/3 for one
    fn equal_scores_get_the_share_of_the_class() {
        let (curve, _) = Sigmoid::fit(&answers(&[(1.0, true); 3])).unwrap();
        assert!((curve.apply(1.0) - 0.8).abs() < 1e-6);
        let pairs = [(1.0, true), (1.0, true), (1.0, true), (1.0, false)];
        let (curve, _) = Sigmoid::fit(&answers(&pairs)).unwrap();
        assert!((curve.apply(1.0) - (3.0 * 0.8 + 1.0 / 3.0) / 4.0).abs() < 1e-6);
    }

    #[test]
    fn separable_scores_stay_finite() {
        let (curve, _) = Sigmoid::fit(&answers(&[(-1.0, false), (1.0, true)])).unwrap();
        assert!(curve.slope.is_finite() && curve.apply(1.0) < 1.0);
    }
}
