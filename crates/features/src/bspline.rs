//! The basis splines of one column: piecewise polynomials over knots.
//! Method: de Boor, *A Practical Guide to Splines*, 1978; the values by the recurrence of Cox and de
//! Boor as in Piegl and Tiller, *The NURBS Book*, 1997, A2.2.

use gristmill_core::graph::{Bound, Graph, Value};

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
        self.span_after(self.base.partition_point(|knot| *knot <= place))
    }

    /// The span of a place that `upto` of the inner knots do not exceed.
    fn span_after(&self, upto: usize) -> usize {
        let last = self.base.len() - 2;
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

/// A place on the spans of a [`Basis`], as a graph.
struct Places<'a> {
    graph: &'a Graph,
    /// The place itself.
    place: Value,
    /// Which span it is in, as a number of knots that it reaches.
    upto: Value,
    /// The span for each such number.
    spans: Vec<usize>,
}

impl Places<'_> {
    /// The knot that stands `after` the span's last one, or before it.
    fn knot(&self, basis: &Basis, after: usize, before: usize) -> Value {
        let knots: Vec<f64> = self.spans.iter().map(|s| basis.knots[s + after - before]).collect();
        self.graph.number_at(&knots, self.upto)
    }
}

impl Basis {
    /// All splines of each number in `x`, a column each.
    pub(crate) fn express(&self, graph: &Graph, x: Value) -> Value {
        let place = self.express_place(graph, x);
        let upto = graph.to_integers(graph.count_below(place, &self.base, Bound::UpTo));
        let spans = (0..=self.base.len()).map(|upto| self.span_after(upto)).collect();
        let places = Places { graph, place, upto, spans };
        let mut values = self.express_values(&places, self.degree);
        if self.extrapolation == Extrapolation::Linear && self.degree > 0 {
            self.express_slopes(&places, graph.subtract(x, place), &mut values);
        }
        let count = Self::count(self.base.len(), self.degree, self.extrapolation);
        let mut splines = graph.number(0.0);
        for (i, value) in values.into_iter().enumerate() {
            let own = places.spans.iter().flat_map(|span| {
                let own = (span - self.degree + i) % count;
                (0..count).map(move |at| f64::from(u8::from(at == own)))
            });
            let own = graph.row_at(&own.collect::<Vec<f64>>(), count, upto);
            splines = graph.add(splines, graph.multiply(value, own));
        }
        graph.choose(graph.is_missing(x), x, splines)
    }

    fn express_place(&self, graph: &Graph, x: Value) -> Value {
        let (least, most) = self.ends();
        match self.extrapolation {
            Extrapolation::Periodic => {
                let (least, period) = (graph.number(least), graph.number(most - least));
                let past = graph.remainder(graph.subtract(x, least), period);
                let negative = graph.less(past, graph.number(0.0));
                let past = graph.choose(negative, graph.add(past, period), past);
                graph.add(least, past)
            }
            Extrapolation::Continue | Extrapolation::Error => x,
            Extrapolation::Constant | Extrapolation::Linear => {
                graph.clamp(x, graph.number(least), graph.number(most))
            }
        }
    }

    /// As [`Basis::values`].
    fn express_values(&self, at: &Places<'_>, degree: usize) -> Vec<Value> {
        let graph = at.graph;
        let mut values = vec![graph.number(1.0)];
        for d in 1..=degree {
            let mut saved = graph.number(0.0);
            for (r, value) in values.iter_mut().enumerate() {
                let (above, below) = (at.knot(self, r + 1, 0), at.knot(self, r + 1, d));
                let share = graph.divide(*value, graph.subtract(above, below));
                let rising = graph.multiply(graph.subtract(above, at.place), share);
                *value = graph.add(saved, rising);
                saved = graph.multiply(graph.subtract(at.place, below), share);
            }
            values.push(saved);
        }
        values
    }

    /// As [`Basis::add_slopes`].
    fn express_slopes(&self, at: &Places<'_>, way: Value, values: &mut [Value]) {
        let (graph, degree) = (at.graph, self.degree);
        let lower = self.express_values(at, degree - 1);
        let part = |i: usize| {
            let length = graph.subtract(at.knot(self, i, 0), at.knot(self, i, degree));
            graph.divide(lower[i - 1], length)
        };
        let way = graph.multiply(way, graph.number(degree as f64));
        for (i, value) in values.iter_mut().enumerate() {
            let left = if i > 0 { part(i) } else { graph.number(0.0) };
            let right = if i < degree { part(i + 1) } else { graph.number(0.0) };
            let slope = graph.multiply(way, graph.subtract(left, right));
            *value = graph.add(*value, slope);
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
