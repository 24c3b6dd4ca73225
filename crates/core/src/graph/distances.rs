//! How far rows are from known points.

use super::{Graph, Value};

/// How differences of single columns become a distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The sum of their squares.
    Squares,
    /// The sum of their sizes.
    Sizes,
    /// The greatest size.
    Greatest,
}

impl Graph {
    /// For each row of `a` a column for each of `points`, which stand one after the other: how far
    /// they are from each other. Differences are taken column by column, as exactly as they can be.
    pub fn distances(&self, a: Value, points: &[f64], measure: Measure) -> Value {
        let width = a.width();
        if width == 0 || points.is_empty() || !points.len().is_multiple_of(width) {
            self.mistaken(|| format!("{a:?} was measured from {} numbers", points.len()));
            return self.number(0.0);
        }
        let columns = (0..width).map(|at| {
            let known: Vec<f64> = points.iter().skip(at).step_by(width).copied().collect();
            let difference = self.subtract(self.columns(a, &[at]), self.row(&known));
            match measure {
                Measure::Squares => self.multiply(difference, difference),
                Measure::Sizes | Measure::Greatest => self.absolute(difference),
            }
        });
        let joined = columns.reduce(|sum, next| match measure {
            Measure::Squares | Measure::Sizes => self.add(sum, next),
            Measure::Greatest => self.greater_of(sum, next),
        });
        joined.unwrap_or_else(|| self.number(0.0))
    }
}
