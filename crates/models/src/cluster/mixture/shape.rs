//! The form of a bell curve: a root of its covariance, and how unlikely rows are under it.

use gristmill_core::graph::{Graph, Value};
use gristmill_core::{Error, Result};

use super::blocks::BLOCK;

/// A root of a covariance.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// The lower triangle L with L Lᵀ = Σ, row after row.
    Triangle(Vec<f64>),
    /// The deviation of each column.
    Deviations(Vec<f64>),
}

impl Shape {
    /// The shape of a covariance, given as its lower triangle row after row.
    ///
    /// # Errors
    /// [`Error::Data`] when it is singular as far as 64-bit floats can tell.
    pub(super) fn of_covariance(mut lower: Vec<f64>, width: usize) -> Result<Self> {
        for row in 0..width {
            let start = triangle(row);
            for column in 0..=row {
                let other = triangle(column);
                let done: f64 = (0..column).map(|k| lower[start + k] * lower[other + k]).sum();
                let rest = lower[start + column] - done;
                lower[start + column] = match column < row {
                    true => rest / lower[other + column],
                    false => rest.sqrt(),
                };
            }
            if !(lower[start + row].is_finite() && lower[start + row] > 0.0) {
                return Err(singular());
            }
        }
        Ok(Self::Triangle(lower))
    }

    /// The shape of columns that do not hang together.
    ///
    /// # Errors
    /// As [`Shape::of_covariance`].
    pub(super) fn of_variances(variances: Vec<f64>) -> Result<Self> {
        let deviations: Vec<f64> = variances.into_iter().map(f64::sqrt).collect();
        match deviations.iter().all(|d| d.is_finite() && *d > 0.0) {
            true => Ok(Self::Deviations(deviations)),
            false => Err(singular()),
        }
    }

    /// The numbers that make it.
    pub(super) fn numbers(&self) -> &[f64] {
        match self {
            Self::Triangle(numbers) | Self::Deviations(numbers) => numbers,
        }
    }

    /// The logarithm of the root of the covariance's determinant.
    pub(super) fn log_size(&self, width: usize) -> f64 {
        match self {
            Self::Deviations(deviations) => deviations.iter().map(|d| d.ln()).sum(),
            Self::Triangle(lower) => (0..width).map(|at| lower[triangle(at) + at].ln()).sum(),
        }
    }

    /// L⁻¹ times each row of differences in a graph, L being the root.
    pub(super) fn express(&self, graph: &Graph, differences: Value) -> Value {
        let lower = match self {
            Self::Deviations(deviations) => {
                return graph.divide(differences, graph.row(deviations));
            }
            Self::Triangle(lower) => lower,
        };
        let mut solved: Vec<Value> = Vec::with_capacity(differences.width());
        for at in 0..differences.width() {
            let row = &lower[triangle(at)..triangle(at + 1)];
            let mut own = graph.columns(differences, &[at]);
            if !solved.is_empty() {
                own = graph.subtract(own, graph.times(graph.join(&solved), &row[..at], 1));
            }
            solved.push(graph.divide(own, graph.number(row[at])));
        }
        graph.join(&solved)
    }

    /// Σ yⱼ² with L y = x − mean for each row of a block, whose differences are `differences`;
    /// `solved` is room for y.
    #[inline(always)]
    pub(super) fn distances(
        &self,
        differences: &[f64],
        solved: &mut [f64],
        sums: &mut [f64; BLOCK],
    ) {
        *sums = [0.0; BLOCK];
        match self {
            Self::Deviations(deviations) => {
                for (column, deviation) in differences.chunks_exact(BLOCK).zip(deviations) {
                    for (sum, x) in sums.iter_mut().zip(column) {
                        let y = x / deviation;
                        *sum += y * y;
                    }
                }
            }
            Self::Triangle(lower) => {
                for (at, column) in differences.chunks_exact(BLOCK).enumerate() {
                    let row = &lower[triangle(at)..triangle(at + 1)];
                    let (before, rest) = solved.split_at_mut(at * BLOCK);
                    let own = &mut rest[..BLOCK];
                    own.copy_from_slice(column);
                    for (y, &factor) in before.chunks_exact(BLOCK).zip(row) {
                        own.iter_mut().zip(y).for_each(|(own, y)| *own -= factor * y);
                    }
                    let last = 1.0 / row[at];
                    for (sum, own) in sums.iter_mut().zip(own) {
                        *own *= last;
                        *sum += *own * *own;
                    }
                }
            }
        }
    }
}

/// Where a row of a lower triangle starts.
pub(super) fn triangle(row: usize) -> usize {
    row * (row + 1) / 2
}

fn singular() -> Error {
    Error::data_hint(
        "a component of `gaussian_mixture` has no extent in some direction",
        "raise `regularization`, standardise the columns, or ask for fewer `components` or a \
         simpler `covariance`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: [[4, 2], [2, 5]] has the root [[2, 0], [1, 2]]
    fn a_covariance_has_its_root() {
        let shape = Shape::of_covariance(vec![4.0, 2.0, 5.0], 2).unwrap();
        assert_eq!(shape.numbers(), [2.0, 1.0, 2.0]);
        assert_eq!(shape.log_size(2), 4.0_f64.ln());
    }

    #[test] // by hand: y = (3 / 2, (4 − 1.5) / 2)
    fn distances_are_in_units_of_the_curve() {
        let shape = Shape::of_covariance(vec![4.0, 2.0, 5.0], 2).unwrap();
        let mut differences = vec![0.0; 2 * BLOCK];
        (differences[7], differences[BLOCK + 7]) = (3.0, 4.0);
        let (mut solved, mut sums) = (vec![0.0; 2 * BLOCK], [0.0; BLOCK]);
        shape.distances(&differences, &mut solved, &mut sums);
        assert_eq!((sums[7], sums[8]), (1.5 * 1.5 + 1.25 * 1.25, 0.0));
    }

    #[test]
    fn what_has_no_extent_is_refused() {
        assert!(Shape::of_covariance(vec![1.0, 1.0, 1.0], 2).is_err());
        assert!(Shape::of_variances(vec![1.0, 0.0]).is_err());
    }
}
