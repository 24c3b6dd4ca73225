//! Probabilities that only rise with the score.
//! Method: pool adjacent violators; Barlow, Bartholomew, Bremner and Brunk, *Statistical Inference
//! under Order Restrictions*, Wiley 1972.

use gristmill_core::graph::{Bound, Graph, Value};
use gristmill_core::{Error, Result};

use super::sigmoid::Answer;

/// Steps with straight lines between them: scores in rising order, and the probability of each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Isotonic {
    pub(super) scores: Vec<f64>,
    pub(super) probabilities: Vec<f64>,
}

/// Answers of about the same probability.
#[derive(Clone, Copy, Debug)]
struct Pool {
    first: f64,
    last: f64,
    sum: f64,
    weight: f64,
}

impl Pool {
    fn mean(&self) -> f64 {
        self.sum / self.weight
    }
}

impl Isotonic {
    /// The rising line that is nearest to the answers: Σ weight (p − is_class)² is least.
    ///
    /// # Errors
    /// [`Error::Data`] when no answer weighs anything.
    pub(super) fn fit(answers: &[Answer]) -> Result<Self> {
        let mut sorted: Vec<&Answer> = answers.iter().filter(|a| a.weight > 0.0).collect();
        sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
        let mut pools: Vec<Pool> = Vec::new();
        for answer in sorted {
            let sum = if answer.is_class { answer.weight } else { 0.0 };
            let (score, weight) = (answer.score, answer.weight);
            match pools.last_mut().filter(|pool| pool.first == score) {
                // Equal scores get one probability.
                Some(pool) => (pool.sum, pool.weight) = (pool.sum + sum, pool.weight + weight),
                None => pools.push(Pool { first: score, last: score, sum, weight }),
            }
        }
        let pools = pool(pools);
        if pools.is_empty() {
            return Err(Error::data("there is no row to calibrate with"));
        }
        let (mut scores, mut probabilities) = (Vec::new(), Vec::new());
        for pool in pools {
            scores.push(pool.first);
            probabilities.push(pool.mean().clamp(0.0, 1.0));
            if pool.last > pool.first {
                scores.push(pool.last);
                probabilities.push(pool.mean().clamp(0.0, 1.0));
            }
        }
        Ok(Self { scores, probabilities })
    }

    /// The probability that a score stands for; beyond the learned scores that of the outermost.
    pub(super) fn apply(&self, score: f64) -> f64 {
        let after = self.scores.partition_point(|known| *known < score);
        let last = self.scores.len() - 1;
        if after == 0 || after > last {
            return self.probabilities[after.min(last)];
        }
        let (low, high) = (self.scores[after - 1], self.scores[after]);
        let (from, to) = (self.probabilities[after - 1], self.probabilities[after]);
        (from + (to - from) * ((score - low) / (high - low))).clamp(from, to)
    }

    /// As [`Isotonic::apply`], as a graph.
    pub(super) fn express(&self, graph: &Graph, score: Value) -> Value {
        let last = self.scores.len() - 1;
        if last == 0 {
            return graph.spread(graph.number(self.probabilities[0]));
        }
        let (zero, one) = (graph.number(0.0), graph.number(1.0));
        let below = graph.count_below(score, &self.scores, Bound::Below);
        let after = graph.clamp(below, one, graph.number(last as f64));
        let places = [graph.subtract(after, one), after].map(|place| graph.to_integers(place));
        let [low, high] = places.map(|place| graph.number_at(&self.scores, place));
        let [from, to] = places.map(|place| graph.number_at(&self.probabilities, place));
        let part = graph.divide(graph.subtract(score, low), graph.subtract(high, low));
        let part = graph.clamp(part, zero, one);
        let risen = graph.add(from, graph.multiply(graph.subtract(to, from), part));
        graph.clamp(risen, from, to)
    }
}

/// Joins neighbors that fall until all rise.
fn pool(pools: Vec<Pool>) -> Vec<Pool> {
    let mut done: Vec<Pool> = Vec::with_capacity(pools.len());
    for mut next in pools {
        while let Some(last) = done.last().filter(|last| last.mean() >= next.mean()) {
            next = Pool {
                first: last.first,
                last: next.last,
                sum: last.sum + next.sum,
                weight: last.weight + next.weight,
            };
            done.pop();
        }
        done.push(next);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const N: usize>(pairs: [(f64, f64, f64); N], asked: &[(f64, f64)]) {
        let answer =
            |(score, y, weight): (f64, f64, f64)| Answer { score, is_class: y == 1.0, weight };
        let line = Isotonic::fit(&pairs.map(answer)).unwrap();
        for &(score, expected) in asked {
            let found = line.apply(score);
            assert!((found - expected).abs() < 1e-12, "{score}: {found} is not {expected}");
        }
    }

    #[test] // by hand: scores 2 and 3 violate the order and share 1/2
    fn violators_are_pooled() {
        let pairs = [(1.0, 0.0, 1.0), (2.0, 1.0, 1.0), (3.0, 0.0, 1.0), (4.0, 1.0, 1.0)];
        check(pairs, &[(0.0, 0.0), (1.5, 0.25), (2.0, 0.5), (2.7, 0.5), (3.5, 0.75), (9.0, 1.0)]);
    }

    #[test] // by hand: (3 · 1 + 1 · 0) / 4 at the same score
    fn equal_scores_share_their_weighted_mean() {
        check([(1.0, 1.0, 3.0), (1.0, 0.0, 1.0)], &[(0.0, 0.75), (1.0, 0.75), (2.0, 0.75)]);
    }
}
