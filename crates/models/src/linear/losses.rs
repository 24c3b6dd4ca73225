//! The losses of single scores: what each costs, how steep it is and how it bends.

use super::row_loss::{RowLoss, Terms};

/// −ln p(y) for p = 1/(1 + e⁻ᶻ): logistic regression of two classes.
#[derive(Debug)]
pub(super) struct Logistic<'a> {
    /// 1 for the second class, 0 for the first.
    pub codes: &'a [u32],
}

impl RowLoss for Logistic<'_> {
    fn at(&self, row: usize, score: f64) -> Terms {
        let second = self.codes[row] == 1;
        let small = (-score.abs()).exp();
        let (p, q) = from_tail(score, small);
        // −ln p(y) = ln(1 + e^−z) for the second class, ln(1 + e^z) for the first.
        let margin = if second { score } else { -score };
        let value = small.ln_1p() + (-margin).max(0.0);
        Terms { value, slope: if second { -q } else { p }, bend: p * q }
    }

    fn typical_bend(&self, score: f64) -> f64 {
        let (p, q) = two_probabilities(score);
        p * q
    }
}

/// Half of the unit deviance of Poisson's distribution, up to a constant, for μ = eᶻ: μ − y z.
#[derive(Debug)]
pub(super) struct Poisson<'a>(pub &'a [f64]);

impl RowLoss for Poisson<'_> {
    fn at(&self, row: usize, score: f64) -> Terms {
        let (y, mean) = (self.0[row], score.exp());
        Terms { value: mean - y * score, slope: mean - y, bend: mean }
    }

    fn typical_bend(&self, score: f64) -> f64 {
        score.exp()
    }
}

/// Half of the unit deviance of the gamma distribution, up to a constant, for μ = eᶻ: y/μ + z.
#[derive(Debug)]
pub(super) struct Gamma<'a>(pub &'a [f64]);

impl RowLoss for Gamma<'_> {
    fn at(&self, row: usize, score: f64) -> Terms {
        let ratio = self.0[row] * (-score).exp();
        Terms { value: ratio + score, slope: 1.0 - ratio, bend: ratio }
    }

    fn typical_bend(&self, _: f64) -> f64 {
        1.0
    }
}

/// max(0, 1 − s z)², where s is 1 in one class and −1 in all others: support vectors.
#[derive(Debug)]
pub(super) struct SquaredHinge<'a> {
    /// The class of each row.
    pub codes: &'a [u32],
    /// The class that scores above 0.
    pub class: u32,
}

impl RowLoss for SquaredHinge<'_> {
    fn at(&self, row: usize, score: f64) -> Terms {
        let side = if self.codes[row] == self.class { 1.0 } else { -1.0 };
        let short = 1.0 - side * score;
        if short <= 0.0 {
            return Terms { value: 0.0, slope: 0.0, bend: 0.0 };
        }
        Terms { value: short * short, slope: -2.0 * side * short, bend: 2.0 }
    }

    fn typical_bend(&self, _: f64) -> f64 {
        2.0
    }
}

/// max(0, |y − z| − ε)²: support vectors of numbers.
#[derive(Debug)]
pub(super) struct SquaredTube<'a> {
    /// y.
    pub answers: &'a [f64],
    /// ε.
    pub epsilon: f64,
}

impl RowLoss for SquaredTube<'_> {
    fn at(&self, row: usize, score: f64) -> Terms {
        let off = score - self.answers[row];
        let beyond = off.abs() - self.epsilon;
        if beyond <= 0.0 {
            return Terms { value: 0.0, slope: 0.0, bend: 0.0 };
        }
        Terms { value: beyond * beyond, slope: 2.0 * beyond * off.signum(), bend: 2.0 }
    }

    fn typical_bend(&self, _: f64) -> f64 {
        2.0
    }
}

/// The probabilities of the second and the first of two classes, exact in both tails.
pub(crate) fn two_probabilities(score: f64) -> (f64, f64) {
    from_tail(score, (-score.abs()).exp())
}

/// [`two_probabilities`] where e^−|z| is known.
fn from_tail(score: f64, small: f64) -> (f64, f64) {
    let (large, small) = (1.0 / (1.0 + small), small / (1.0 + small));
    if score >= 0.0 { (large, small) } else { (small, large) }
}

/// Turns the scores of one row, which stand `stride` apart from `at` on, into probabilities, and
/// gives back ln Σ eᶻ.
pub(crate) fn softmax(scores: &mut [f64], at: usize, stride: usize) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Slope and curvature against differences of values and slopes.
    #[track_caller]
    fn check(loss: &impl RowLoss, score: f64) {
        let h = 1e-5;
        let (before, here, after) =
            (loss.at(0, score - h), loss.at(0, score), loss.at(0, score + h));
        assert!((here.slope - (after.value - before.value) / (2.0 * h)).abs() < 1e-6, "{here:?}");
        assert!((here.bend - (after.slope - before.slope) / (2.0 * h)).abs() < 1e-6, "{here:?}");
    }

    #[test]
    fn slopes_and_curvatures_are_those_of_the_values() {
        for score in [-3.0, -0.4, 0.3, 2.5] {
            check(&Logistic { codes: &[1] }, score);
            check(&Logistic { codes: &[0] }, score);
            check(&Poisson(&[2.0]), score);
            check(&Gamma(&[2.0]), score);
            check(&SquaredHinge { codes: &[0], class: 0 }, score);
            check(&SquaredHinge { codes: &[1], class: 0 }, score);
            check(&SquaredTube { answers: &[0.5], epsilon: 0.3 }, score);
        }
    }
}
