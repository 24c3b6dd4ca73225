//! The basis splines of one column: piecewise polynomials over knots.
//! Method: de Boor, *A Practical Guide to Splines*, 1978; the values by the recurrence of Cox and de
//! Boor as in Piegl and Tiller, *The NURBS Book*, 1997, A2.2.

use crate::spline::Extrapolation;

/// Basis splines of one degree over the knots of one column.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    degree: usize,
    extrapolation: Extrapolation,
    /// The knots within the training values, rising; the first and the last differ.
    base: Vec<f64>,
    /// The same with `degree` more on either side.
    knots: Vec<f64>,
}

impl Basis {
    /// The splines over `base`, which has at least two knots, and more than `degree` of them where
    /// the splines are periodic.
    pub(crate) fn new(base: Vec<f64>, degree: usize, extrapolation: Extrapolation) -> Self {
        let knots = extended(&base, degree, extrapolation);
        Self { degree, extrapolation, base, knots }
    }

    /// How many splines there are over this many knots.
    pub(crate) fn count(knots: usize, degree: usize, extrapolation: Extrapolation) -> usize {
        match extrapolation {
            Extrapolation::Periodic => knots - 1,
            _ => knots + degree - 1,
        }
    }

    /// The knots within the training values.
    pub(crate) fn base(&self) -> &[f64] {
        &self.base
    }

    fn ends(&self) -> (f64, f64) {
        (self.base[0], self.base[self.base.len() - 1])
    }

    /// Whether `value` is beyond the knots.
    pub(crate) fn is_beyond(&self, value: f64) -> bool {
        let (least, most) = self.ends();
        value < least || value > most
    }

    /// Hands over the splines that are not 0 at `value`, each with its number.
    pub(crate) fn evaluate(
        &self,
        value: f64,
        scratch: &mut Scratch,
        mut put: impl FnMut(usize, f64),
    ) {
        let (least, most) = self.ends();
        let place = match self.extrapolation {
            Extrapolation::Periodic => least + (value - least).rem_euclid(most - least),
            Extrapolation::Continue | Extrapolation::Error => value,
            Extrapolation::Constant | Extrapolation::Linear => value.clamp(least, most),
        };
        let span = self.span(place);
        self.values(span, place, self.degree, scratch);
        let linear = self.extrapolation == Extrapolation::Linear && place != value;
        if linear && self.degree > 0 {
            self.add_slopes(span, place, value - place, scratch);
        }
        let first = span - self.degree;
        let count = Self::count(self.base.len(), self.degree, self.extrapolation);
        for (i, &spline) in scratch.values[..=self.degree].iter().enumerate() {
            put((first + i) % count, spline);
        }
    }

    /// The number of the knot from which on `place` lies, with the next one above it.
    fn span(&self, place: f64) -> usize {
        let last = self.base.len() - 2;
        let upto = self.base.partition_point(|knot| *knot <= place);
        let mut span = upto.saturating_sub(1).min(last);
        while span > 0 && self.base[span] == self.base[span + 1] {
            span -= 1;
        }
        while span < last && self.base[span] == self.base[span + 1] {
            span += 1;
        }
        span + self.degree
    }

    /// The values at `place` of the `degree + 1` splines of this degree that are not 0 in `span`.
    fn values(&self, span: usize, place: f64, degree: usize, scratch: &mut Scratch) {
        let (knots, values) = (&self.knots, &mut scratch.values);
        values[0] = 1.0;
        for d in 1..=degree {
            let mut saved = 0.0;
            for r in 0..d {
                let (above, below) = (knots[span + r + 1], knots[span + 1 + r - d]);
                let share = values[r] / (above - below);
                values[r] = saved + (above - place) * share;
                saved = (place - below) * share;
            }
            values[d] = saved;
        }
    }

    /// Adds `way` times the slope at `place` to each of the splines.
    fn add_slopes(&self, span: usize, place: f64, way: f64, scratch: &mut Scratch) {
        let degree = self.degree;
        let own = scratch.values;
        self.values(span, place, degree - 1, scratch);
        let lower = scratch.values;
        scratch.values = own;
        // Spline i of a degree is made of splines i and i + 1 of the degree below.
        let part = |i: usize| {
            let knot = span + i - degree;
            lower[i - 1] / (self.knots[knot + degree] - self.knots[knot])
        };
        for i in 0..=degree {
            let left = if i > 0 { part(i) } else { 0.0 };
            let right = if i < degree { part(i + 1) } else { 0.0 };
            scratch.values[i] += way * degree as f64 * (left - right);
        }
    }
}

/// Room for the values of a few splines.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scratch {
    values: [f64; MOST_DEGREE + 1],
}

/// The greatest degree of a spline.
pub(crate) const MOST_DEGREE: usize = 9;

fn extended(base: &[f64], degree: usize, extrapolation: Extrapolation) -> Vec<f64> {
    let last = base.len() - 1;
    let (least, most) = (base[0], base[last]);
    let steps = 1..=degree;
    let (before, after): (Vec<f64>, Vec<f64>) = if extrapolation == Extrapolation::Periodic {
        let period = most - least;
        let before = steps.clone().rev().map(|i| base[last - i] - period).collect();
        (before, steps.map(|i| base[i] + period).collect())
    } else {
        let (first, final_) = (base[1] - least, most - base[last - 1]);
        let before = steps.clone().rev().map(|i| least - i as f64 * first).collect();
        (before, steps.map(|i| most + i as f64 * final_).collect())
    };
    [&before, base, &after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(basis: &Basis, value: f64) -> Vec<f64> {
        let count = Basis::count(basis.base.len(), basis.degree, basis.extrapolation);
        let mut all = vec![0.0; count];
        basis.evaluate(value, &mut Scratch::default(), |i, v| all[i] += v);
        all
    }

    #[test] // by hand: the cubic spline over whole numbers is 1/6, 4/6, 1/6 at its knots
    fn cubic_splines_have_their_known_values() {
        let basis = Basis::new(vec![0.0, 1.0, 2.0], 3, Extrapolation::Constant);
        for (a, b) in values(&basis, 1.0).iter().zip([0.0, 1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0, 0.0]) {
            assert!((a - b).abs() < 1e-15);
        }
    }

    #[test]
    fn splines_sum_to_one_wherever_they_are_asked() {
        use Extrapolation::*;
        for extrapolation in [Constant, Linear, Continue, Periodic] {
            for degree in 0..=4 {
                let knots = vec![0.0, 0.0, 0.5, 2.0, 2.0, 3.0];
                let basis = Basis::new(knots, degree, extrapolation);
                for value in [-1.0, 0.0, 0.3, 2.0, 2.5, 3.0, 4.5] {
                    let sum: f64 = values(&basis, value).iter().sum();
                    assert!((sum - 1.0).abs() < 1e-12, "{extrapolation:?} {degree} {value} {sum}");
                }
            }
        }
    }
}
