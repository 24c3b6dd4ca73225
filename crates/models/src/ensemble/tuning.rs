//! The threshold that is best for a metric on known answers.

use gristmill_core::{Error, Result};

use super::threshold::{Costs, ThresholdMetric};

/// The best threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tuned {
    /// Rows with a probability of the second class above it count as that class; between 0 and 1.
    pub(super) threshold: f64,
}

/// Finds the threshold of the probability of the second class that is best when the classes are
/// `codes` and the metric speaks of the class `positive`.
///
/// # Errors
/// [`Error::Data`] when the rows that weigh something are of one class.
pub(super) fn tune(
    metric: ThresholdMetric,
    probabilities: &[f64],
    codes: &[u32],
    positive: usize,
    weight: impl Fn(usize) -> f64,
) -> Result<Tuned> {
    let mut rows: Vec<usize> = (0..codes.len()).filter(|&row| weight(row) > 0.0).collect();
    rows.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    let mut tally = Tally::new(rows.iter().map(|&row| (codes[row] as usize, weight(row))));
    if tally.missed.iter().any(|missed| *missed <= 0.0) {
        return Err(Error::data_hint(
            "the training rows have one class only",
            "give rows of both classes, or split with `stratify: true`",
        ));
    }
    let mut best: Option<(f64, f64)> = None;
    // One threshold above all probabilities, then one below each different one of them.
    for at in 0..=rows.len() {
        if at > 0 {
            tally.take(codes[rows[at - 1]] as usize, weight(rows[at - 1]));
        }
        let above = if at > 0 { probabilities[rows[at - 1]] } else { 1.0 };
        let below = rows.get(at).map_or(0.0, |&row| probabilities[row]);
        let middle = below + (above - below) / 2.0;
        if above > below && middle > 0.0 && middle < 1.0 {
            let value = tally.value(metric, positive);
            let nearer = |to: f64| (middle - 0.5).abs() < (to - 0.5).abs();
            let better = |&(best, at): &(f64, f64)| value > best || (value == best && nearer(at));
            if best.as_ref().is_none_or(better) {
                best = Some((value, middle));
            }
        }
    }
    // All rows may have probability 0 or 1: then nothing divides them but the middle.
    Ok(Tuned { threshold: best.map_or(0.5, |(_, threshold)| threshold) })
}

/// Weights by class: of rows that count as the second class, and of rows that do not.
struct Tally {
    taken: [f64; 2],
    missed: [f64; 2],
}

impl Tally {
    fn new(rows: impl Iterator<Item = (usize, f64)>) -> Self {
        let mut missed = [0.0; 2];
        rows.for_each(|(class, weight)| missed[class] += weight);
        Self { taken: [0.0; 2], missed }
    }

    fn take(&mut self, class: usize, weight: f64) {
        self.taken[class] += weight;
        self.missed[class] -= weight;
    }

    /// The metric; more is better.
    fn value(&self, metric: ThresholdMetric, positive: usize) -> f64 {
        // What counts as the positive class: the taken rows, or the others.
        let (called, rest) = match positive {
            1 => (&self.taken, &self.missed),
            _ => (&self.missed, &self.taken),
        };
        let negative = 1 - positive;
        match metric {
            ThresholdMetric::BalancedAccuracy | ThresholdMetric::Youden => {
                let second = self.taken[1] / (self.taken[1] + self.missed[1]);
                let first = self.missed[0] / (self.taken[0] + self.missed[0]);
                (first + second) / 2.0
            }
            ThresholdMetric::F1 => {
                let both = 2.0 * called[positive];
                let whole = both + called[negative] + rest[positive];
                if whole > 0.0 { both / whole } else { 0.0 }
            }
            ThresholdMetric::Cost(Costs { false_positive, false_negative }) => {
                -(called[negative] * false_positive + rest[positive] * false_negative)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: [f64; 6] = [0.1, 0.2, 0.3, 0.4, 0.6, 0.9];
    const CODES: [u32; 6] = [0, 0, 1, 0, 1, 1];

    #[track_caller]
    fn check(metric: ThresholdMetric, positive: usize, expected: f64) {
        let found = tune(metric, &P, &CODES, positive, |_| 1.0).unwrap();
        assert!((found.threshold - expected).abs() < 1e-15, "{found:?}");
    }

    #[test] // by hand: above 0.5 two of three and no mistake; above 0.25 all three and one mistake
    fn balanced_accuracy_takes_the_nearer_to_a_half_of_two_equals() {
        check(ThresholdMetric::BalancedAccuracy, 1, 0.5);
        check(ThresholdMetric::Youden, 0, 0.5);
    }

    #[test] // by hand: F1 is 6/7 above 0.25 and 4/5 above 0.5
    fn f1_finds_all_positives() {
        check(ThresholdMetric::F1, 1, 0.25);
    }

    #[test] // by hand: of class 0, below 0.5 all three and one mistake: 6/7; below 0.25 only 4/5
    fn f1_of_the_first_class_looks_the_other_way() {
        check(ThresholdMetric::F1, 0, 0.5);
    }

    #[test] // by hand: a missed positive costs 5, so one mistake at 0.4 is cheaper
    fn costs_move_the_threshold() {
        let costs = |false_positive, false_negative| {
            ThresholdMetric::Cost(Costs { false_positive, false_negative })
        };
        check(costs(1.0, 5.0), 1, 0.25);
        check(costs(5.0, 1.0), 1, 0.5);
    }

    #[test]
    fn one_class_is_refused() {
        assert!(tune(ThresholdMetric::F1, &[0.5, 0.6], &[1, 1], 1, |_| 1.0).is_err());
    }
}
