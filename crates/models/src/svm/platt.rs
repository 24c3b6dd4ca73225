//! Probabilities out of margins.
//!
//! For a pair of classes p = 1/(1 + e^(A f + B)), with A and B of the greatest likelihood for margins
//! f of rows that were held out; targets keep off 0 and 1. Method: Platt, *Advances in Large Margin
//! Classifiers* 1999, with the search of Lin, Lin and Weng, *Machine Learning* 68 (2007). Pairs
//! become one distribution by the second method of Wu, Lin and Weng, *Journal of Machine Learning
//! Research* 5 (2004).

use crate::linear::two_probabilities;

/// A and B.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sigmoid {
    pub slope: f64,
    pub shift: f64,
}

impl Sigmoid {
    /// The probability of the class with positive margins, and that of the other.
    pub fn at(self, margin: f64) -> (f64, f64) {
        two_probabilities(-(self.slope * margin + self.shift))
    }

    /// The curve for these margins; `sides` says which are of the class with positive ones, and
    /// `weights` how much each counts.
    pub fn learn(margins: &[f64], sides: &[bool], weights: &[f64]) -> Self {
        const STEPS: usize = 100;
        const HALVINGS: usize = 34;
        let rows = Rows::new(margins, sides, weights);
        let mut here = Self { slope: 0.0, shift: rows.start };
        let mut value = rows.loss(here);
        for _ in 0..STEPS {
            let (gradient, [aa, ab, bb]) = rows.curvature(here);
            if gradient.0.abs() < 1e-5 && gradient.1.abs() < 1e-5 {
                break;
            }
            let determinant = aa * bb - ab * ab;
            let slope = -(bb * gradient.0 - ab * gradient.1) / determinant;
            let shift = -(aa * gradient.1 - ab * gradient.0) / determinant;
            let promise = gradient.0 * slope + gradient.1 * shift;
            let mut length = 1.0;
            let found = (0..HALVINGS).find_map(|_| {
                let next =
                    Self { slope: here.slope + length * slope, shift: here.shift + length * shift };
                let reached = rows.loss(next);
                let enough = reached < value + 1e-4 * length * promise;
                length *= 0.5;
                enough.then_some((next, reached))
            });
            let Some((next, reached)) = found else { break };
            (here, value) = (next, reached);
        }
        here
    }
}

struct Rows<'a> {
    margins: &'a [f64],
    goals: Vec<f64>,
    weights: &'a [f64],
    start: f64,
}

impl<'a> Rows<'a> {
    fn new(margins: &'a [f64], sides: &[bool], weights: &'a [f64]) -> Self {
        let of = |side| {
            let rows = sides.iter().zip(weights).filter(|(s, _)| **s == side);
            rows.map(|(_, w)| w).sum::<f64>()
        };
        let (positive, negative) = (of(true), of(false));
        let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
        let goals = sides.iter().map(|side| if *side { high } else { low }).collect();
        Self { margins, goals, weights, start: ((negative + 1.0) / (positive + 1.0)).ln() }
    }

    fn each(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let rows = self.margins.iter().zip(&self.goals).zip(self.weights);
        rows.map(|((margin, goal), weight)| (*margin, *goal, *weight))
    }

    fn loss(&self, at: Sigmoid) -> f64 {
        let row = |(margin, goal, weight): (f64, f64, f64)| {
            let z = at.slope * margin + at.shift;
            weight * (goal * z - z.min(0.0) + (-z.abs()).exp().ln_1p())
        };
        self.each().map(row).sum()
    }

    /// The slopes by A and B, and the curvature, which is kept off 0.
    fn curvature(&self, at: Sigmoid) -> ((f64, f64), [f64; 3]) {
        const LEAST: f64 = 1e-12;
        let (mut gradient, mut bends) = ((0.0, 0.0), [LEAST, 0.0, LEAST]);
        for (margin, goal, weight) in self.each() {
            let (p, q) = at.at(margin);
            let bend = weight * p * q;
            bends[0] += margin * margin * bend;
            bends[1] += margin * bend;
            bends[2] += bend;
            let slope = weight * (goal - p);
            gradient.0 += margin * slope;
            gradient.1 += slope;
        }
        (gradient, bends)
    }
}

/// The distribution over `classes` that agrees best with `pairs`, where `pairs[i * classes + j]` is
/// the probability of class i against class j.
pub(super) fn couple(pairs: &[f64], classes: usize) -> Vec<f64> {
    let at = |i: usize, j: usize| pairs[i * classes + j];
    let coefficient = |i: usize, j: usize| {
        if i == j {
            return (0..classes).filter(|&k| k != i).map(|k| at(k, i) * at(k, i)).sum();
        }
        -at(j, i) * at(i, j)
    };
    let q: Vec<f64> =
        (0..classes * classes).map(|c| coefficient(c / classes, c % classes)).collect();
    let mut p = vec![1.0 / classes as f64; classes];
    for _ in 0..classes.max(100) {
        let product = |row: &[f64]| row.iter().zip(&p).map(|(a, b)| a * b).sum();
        let mut images: Vec<f64> = q.chunks(classes).map(product).collect();
        let mut whole: f64 = images.iter().zip(&p).map(|(a, b)| a * b).sum();
        let worst = images.iter().fold(0.0_f64, |m, image| m.max((image - whole).abs()));
        if worst < 0.005 / classes as f64 {
            break;
        }
        for class in 0..classes {
            let own = q[class * classes + class];
            let step = (whole - images[class]) / own;
            p[class] += step;
            let scale = 1.0 + step;
            whole = (whole + step * (step * own + 2.0 * images[class])) / (scale * scale);
            for other in 0..classes {
                images[other] = (images[other] + step * q[class * classes + other]) / scale;
                p[other] /= scale;
            }
        }
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: without margins only the shift remains, ln((n₋ + 1)/(n₊ + 1)) for goals 4/5, 1/3
    fn margins_that_tell_nothing_give_the_share_of_the_class() {
        let curve = Sigmoid::learn(&[0.0; 4], &[true, true, true, false], &[1.0; 4]);
        let expected: f64 = (3.0 * 0.8 + 1.0 / 3.0) / 4.0;
        assert!((curve.at(0.0).0 - expected).abs() < 1e-5, "{curve:?}");
    }

    #[test] // by hand: p = (1/2, 1/3, 1/6) gives pairs 3/5, 3/4, 2/3
    fn pairs_of_a_distribution_give_it_back() {
        let p = [0.5, 1.0 / 3.0, 1.0 / 6.0];
        let pairs: Vec<f64> = (0..9).map(|at| p[at / 3] / (p[at / 3] + p[at % 3])).collect();
        let found = couple(&pairs, 3);
        found.iter().zip(p).for_each(|(f, e)| assert!((f - e).abs() < 0.003, "{found:?}"));
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
