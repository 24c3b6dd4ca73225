//! What a boosted model makes small: losses with their first and second derivatives by the raw
//! score, their best constant, and how leaves answer where a Newton step is not good enough.
//!
//! Sources: Friedman, *Greedy Function Approximation: A Gradient Boosting Machine*, Annals of
//! Statistics 29, 2001, for absolute, Huber and logistic losses; scikit-learn's user guide, section
//! 1.11.1, for Poisson and gamma.

use gristmill_core::graph::{Graph, Value};
use gristmill_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::quantile::{Weighted, quantile};

/// What is made small, resolved for a task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Objective {
    /// −ln of the probability of the true one of two classes; the score is the log-odds.
    Logistic,
    /// −ln of the probability of the true one of several classes; a score for each.
    Softmax { classes: usize },
    /// Half the squared error.
    Squared,
    /// The absolute error.
    Absolute,
    /// Half the squared error up to the `alpha` quantile of absolute errors, linear beyond.
    Huber { alpha: f64 },
    /// The pinball loss, whose best constant is the `alpha` quantile.
    Quantile { alpha: f64 },
    /// exp(score) − y · score; the score is the logarithm of the mean.
    Poisson,
    /// score + y · exp(−score); the score is the logarithm of the mean.
    Gamma,
}

/// The smallest share of a class in the constant that boosting starts from.
const LEAST_SHARE: f64 = 1e-9;

/// How far one leaf may move log-odds. Where a class is rare its curvature is next to nothing, and a
/// Newton step would carry the rows beside it so far that no later tree brings them back.
const MAX_LOG_ODDS: f64 = 4.0;

/// Beyond, an exponential has no finite value.
const MAX_LOGARITHM: f64 = 700.0;

/// Answers and weights of some rows: `target` holds the class, or the number.
pub(crate) struct Known {
    pub(crate) target: Vec<f64>,
    pub(crate) weights: Vec<f64>,
}

impl Known {
    fn mean(&self) -> f64 {
        let sum: f64 = self.target.iter().zip(&self.weights).map(|(y, w)| y * w).sum();
        sum / self.weights.iter().sum::<f64>()
    }

    fn quantile(&self, alpha: f64) -> f64 {
        let rows = self.target.iter().zip(&self.weights);
        quantile(rows.map(|(&value, &weight)| Weighted { value, weight }).collect(), alpha)
    }
}

impl Objective {
    /// How many scores a row has, and trees a round.
    pub(crate) fn outputs(self) -> usize {
        match self {
            Self::Softmax { classes } => classes,
            _ => 1,
        }
    }

    /// Whether the answers of leaves are made of their rows rather than of sums of derivatives.
    pub(crate) fn renews(self) -> bool {
        matches!(self, Self::Absolute | Self::Huber { .. } | Self::Quantile { .. })
    }

    /// Refuses numbers that the loss has no value for.
    pub(crate) fn check_target(self, target: &[f64]) -> Result<()> {
        let (name, wanted, bad) = match self {
            Self::Poisson => ("poisson", "at least 0", target.iter().position(|&y| y < 0.0)),
            Self::Gamma => ("gamma", "above 0", target.iter().position(|&y| y <= 0.0)),
            _ => return Ok(()),
        };
        if let Some(row) = bad {
            return Err(Error::data_hint(
                format!(
                    "the target is {} in row {}; the loss `{name}` needs numbers {wanted}",
                    target[row],
                    row + 1
                ),
                "choose the loss `squared_error`, or leave such rows out with `sql`",
            ));
        }
        if self == Self::Poisson && target.iter().all(|&y| y == 0.0) {
            return Err(Error::data("the target is 0 in every row; there is nothing to learn"));
        }
        Ok(())
    }

    /// The scores that boosting starts from: the best constant.
    pub(crate) fn base(self, known: &Known) -> Vec<f64> {
        match self {
            Self::Logistic => {
                let share = known.mean().clamp(LEAST_SHARE, 1.0 - LEAST_SHARE);
                vec![(share / (1.0 - share)).ln()]
            }
            Self::Softmax { classes } => {
                let mut shares = vec![0.0; classes];
                for (&class, weight) in known.target.iter().zip(&known.weights) {
                    shares[class as usize] += weight;
                }
                let all: f64 = shares.iter().sum();
                shares.iter().map(|share| (share / all).max(LEAST_SHARE).ln()).collect()
            }
            Self::Squared => vec![known.mean()],
            Self::Absolute | Self::Huber { .. } => vec![known.quantile(0.5)],
            Self::Quantile { alpha } => vec![known.quantile(alpha)],
            Self::Poisson | Self::Gamma => vec![known.mean().ln()],
        }
    }

    /// What parts small errors from large ones, for losses that do: the quantile of the absolute
    /// errors.
    pub(crate) fn delta(self, scores: &[f64], known: &Known) -> f64 {
        let Self::Huber { alpha } = self else { return 0.0 };
        let errors = scores.iter().zip(&known.target).map(|(score, y)| (y - score).abs());
        let rows = errors.zip(&known.weights);
        quantile(rows.map(|(value, &weight)| Weighted { value, weight }).collect(), alpha)
    }

    /// First and second derivative by the only score of a row of weight 1.
    #[inline]
    pub(crate) fn derivatives(self, score: f64, target: f64, delta: f64) -> [f64; 2] {
        match self {
            Self::Logistic | Self::Softmax { .. } => {
                let p = sigmoid(score);
                [p - target, p * (1.0 - p)]
            }
            Self::Squared => [score - target, 1.0],
            Self::Absolute => [sign(score - target), 1.0],
            Self::Huber { .. } => [(score - target).clamp(-delta, delta), 1.0],
            Self::Quantile { alpha } => [if score >= target { 1.0 - alpha } else { -alpha }, 1.0],
            Self::Poisson => {
                let mean = exp(score);
                [mean - target, mean]
            }
            Self::Gamma => {
                let ratio = target * exp(-score);
                [1.0 - ratio, ratio]
            }
        }
    }

    /// A Newton step as a leaf may take it: where it would leap, the step to the leaf's own mean.
    pub(crate) fn step(self, newton: f64) -> f64 {
        match self {
            Self::Poisson if newton > 0.0 => newton.ln_1p(),
            Self::Gamma if newton < 0.0 => -(-newton).ln_1p(),
            Self::Logistic | Self::Softmax { .. } => newton.clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS),
            _ => newton,
        }
    }

    /// The best answer of a leaf whose rows are off by `errors`, for losses that renew.
    pub(crate) fn renewed(self, errors: Vec<Weighted>, delta: f64) -> f64 {
        match self {
            Self::Quantile { alpha } => quantile(errors, alpha),
            Self::Huber { .. } => {
                let weight: f64 = errors.iter().map(|e| e.weight).sum();
                let middle = quantile(errors.clone(), 0.5);
                let beyond = |e: &Weighted| e.weight * (e.value - middle).clamp(-delta, delta);
                middle + errors.iter().map(beyond).sum::<f64>() / weight
            }
            _ => quantile(errors, 0.5),
        }
    }

    /// The mean loss of rows with these scores, `[rows, outputs]`.
    pub(crate) fn mean_loss(self, scores: &[f64], known: &Known) -> f64 {
        let delta = self.delta(scores, known);
        let rows = scores.chunks_exact(self.outputs()).zip(&known.target).zip(&known.weights);
        let sum: f64 =
            rows.map(|((scores, &target), weight)| weight * self.loss(scores, target, delta)).sum();
        sum / known.weights.iter().sum::<f64>()
    }

    fn loss(self, scores: &[f64], target: f64, delta: f64) -> f64 {
        let score = scores[0];
        match self {
            Self::Logistic => score.max(0.0) - score * target + (-score.abs()).exp().ln_1p(),
            Self::Softmax { .. } => {
                let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - top).exp()).sum();
                top + sum.ln() - scores[target as usize]
            }
            Self::Squared => (score - target).powi(2) / 2.0,
            Self::Absolute => (score - target).abs(),
            Self::Huber { .. } => {
                let error = (score - target).abs();
                if error <= delta { error * error / 2.0 } else { delta * (error - delta / 2.0) }
            }
            Self::Quantile { alpha } => {
                let error = target - score;
                if error >= 0.0 { alpha * error } else { (alpha - 1.0) * error }
            }
            Self::Poisson => exp(score) - target * score,
            Self::Gamma => score + target * exp(-score),
        }
    }

    /// What a row is answered, written over its scores: the number; or the probabilities, of which
    /// two classes have the first in `answer[0]`.
    pub(crate) fn answer(self, scores: &[f64], answer: &mut [f64]) {
        match self {
            Self::Logistic => {
                let p = sigmoid(scores[0]);
                answer.copy_from_slice(&[1.0 - p, p]);
            }
            Self::Softmax { .. } => softmax(scores, answer),
            Self::Poisson | Self::Gamma => answer[0] = exp(scores[0]),
            _ => answer[0] = scores[0],
        }
    }

    /// As [`Objective::answer`], as a graph.
    pub(crate) fn express(self, graph: &Graph, scores: Value) -> Value {
        match self {
            Self::Logistic => graph.two_classes(graph.logistic(scores)),
            Self::Softmax { .. } => graph.softmax(scores),
            Self::Poisson | Self::Gamma => {
                let most = graph.number(MAX_LOGARITHM);
                graph.exp(graph.clamp(scores, graph.negate(most), most))
            }
            _ => scores,
        }
    }
}

/// exp(score) / Σ exp(scores).
pub(crate) fn softmax(scores: &[f64], shares: &mut [f64]) {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for (share, score) in shares.iter_mut().zip(scores) {
        *share = (score - top).exp();
        sum += *share;
    }
    shares.iter_mut().for_each(|share| *share /= sum);
}

fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

fn exp(score: f64) -> f64 {
    score.clamp(-MAX_LOGARITHM, MAX_LOGARITHM).exp()
}

fn sign(error: f64) -> f64 {
    if error == 0.0 { 0.0 } else { error.signum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Objective; 7] = [
        Objective::Logistic,
        Objective::Squared,
        Objective::Absolute,
        Objective::Huber { alpha: 0.5 },
        Objective::Quantile { alpha: 0.3 },
        Objective::Poisson,
        Objective::Gamma,
    ];

    #[test]
    fn derivatives_are_those_of_the_loss() {
        let step = 1e-5;
        for objective in ALL {
            for (score, target) in [(0.3, 1.0), (-1.2, 1.0), (2.5, 0.4), (0.7, 0.2)] {
                let delta = 0.9;
                let loss = |score| objective.loss(&[score], target, delta);
                let slope = (loss(score + step) - loss(score - step)) / (2.0 * step);
                let [first, _] = objective.derivatives(score, target, delta);
                assert!((first - slope).abs() < 1e-6, "{objective:?}: {first}, not {slope}");
            }
        }
    }

    #[test]
    fn second_derivatives_are_those_of_the_first() {
        let step = 1e-5;
        for objective in [Objective::Logistic, Objective::Squared, Objective::Poisson] {
            let first = |score| objective.derivatives(score, 1.0, 1.0)[0];
            let slope = (first(0.4 + step) - first(0.4 - step)) / (2.0 * step);
            let second = objective.derivatives(0.4, 1.0, 1.0)[1];
            assert!((second - slope).abs() < 1e-6, "{objective:?}: {second}, not {slope}");
        }
    }

    #[test]
    fn no_constant_is_better_than_the_base() {
        let known =
            Known { target: vec![0.0, 1.0, 1.0, 0.0, 1.0], weights: vec![1.0, 2.0, 1.0, 1.0, 0.5] };
        for objective in ALL {
            if objective == Objective::Gamma || matches!(objective, Objective::Huber { .. }) {
                continue;
            }
            let base = objective.base(&known)[0];
            let loss = |score: f64| objective.mean_loss(&[score; 5], &known);
            for other in [base - 0.1, base + 0.1] {
                assert!(loss(base) <= loss(other) + 1e-12, "{objective:?}");
            }
        }
    }

    #[test] // by hand: e, e² and e³ over their sum
    fn softmax_gives_shares() {
        let mut shares = [0.0; 3];
        softmax(&[1001.0, 1002.0, 1003.0], &mut shares);
        let expected = [0.090_030_573, 0.244_728_471, 0.665_240_956];
        shares.iter().zip(expected).for_each(|(s, e)| assert!((s - e).abs() < 1e-9));
    }

    #[test] // a leaf of the mean 1000 where 1 was expected: the logarithm, not 999
    fn steps_do_not_leap() {
        assert_eq!(Objective::Poisson.step(999.0), 1000f64.ln());
        assert_eq!(Objective::Gamma.step(-999.0), -(1000f64.ln()));
        assert_eq!(Objective::Poisson.step(-0.5), -0.5);
        assert_eq!(Objective::Logistic.step(-25_000.0), -4.0);
        assert_eq!(Objective::Softmax { classes: 3 }.step(3.5), 3.5);
    }
}
