//! Small symmetric systems of equations: Cholesky's decomposition, with and without pivots.
//! Method: Golub and Van Loan, *Matrix Computations*, 4th edition, 4.2 and 4.2.8.

use crate::simd::dot;

/// A symmetric matrix; only the lower triangle is kept, row after row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Symmetric {
    size: usize,
    lower: Vec<f64>,
}

impl Symmetric {
    /// A matrix of zeros, `[size, size]`.
    pub fn zeros(size: usize) -> Self {
        Self { size, lower: vec![0.0; size * (size + 1) / 2] }
    }

    /// How many rows and columns there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The value at `row` and `column`, in either order.
    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.lower[position(row, column)]
    }

    /// Adds to the value at `row` and `column`, in either order.
    pub fn add(&mut self, row: usize, column: usize, value: f64) {
        self.lower[position(row, column)] += value;
    }

    /// Adds another matrix of the same size.
    pub fn add_all(&mut self, other: &Self) {
        self.lower.iter_mut().zip(&other.lower).for_each(|(a, b)| *a += b);
    }

    /// Multiplies every value by `factor`.
    pub fn scale(&mut self, factor: f64) {
        self.lower.iter_mut().for_each(|a| *a *= factor);
    }
}

fn position(row: usize, column: usize) -> usize {
    let (row, column) = if row >= column { (row, column) } else { (column, row) };
    row * (row + 1) / 2 + column
}

/// A positive definite matrix taken apart as `L Lᵀ` with a lower triangle `L`.
#[derive(Clone, Debug)]
pub(super) struct Positive(Symmetric);

impl Positive {
    /// Takes `matrix` apart, unless it is not positive definite as far as 64-bit floats can tell.
    pub fn new(matrix: &Symmetric) -> Option<Self> {
        let size = matrix.size;
        let mut factor = Symmetric::zeros(size);
        for row in 0..size {
            let start = position(row, 0);
            for column in 0..=row {
                let other = position(column, 0);
                let (left, right) =
                    (&factor.lower[start..][..column], &factor.lower[other..][..column]);
                let rest = matrix.lower[start + column] - dot(left, right);
                if column < row {
                    factor.lower[start + column] = rest / factor.lower[other + column];
                } else if rest > matrix.lower[start + row].abs() * 1e-14 {
                    factor.lower[start + row] = rest.sqrt();
                } else {
                    return None;
                }
            }
        }
        Some(Self(factor))
    }

    /// As [`Positive::new`], adding to the diagonal until the matrix is positive definite; nothing
    /// for one that never is, because it holds what is not finite.
    pub fn damped(mut matrix: Symmetric) -> Option<Self> {
        let size = matrix.size();
        let trace: f64 = (0..size).map(|i| matrix.get(i, i)).sum();
        let mut damping = 1e-12 * (trace / size as f64).max(1e-12);
        loop {
            if let Some(factor) = Self::new(&matrix) {
                return Some(factor);
            }
            if !damping.is_finite() {
                return None;
            }
            (0..size).for_each(|i| matrix.add(i, i, damping));
            damping *= 100.0;
        }
    }

    /// The solution x of `L Lᵀ x = right`.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let factor = &self.0;
        let mut x = right.to_vec();
        for row in 0..factor.size {
            let done = dot(&factor.lower[position(row, 0)..][..row], &x[..row]);
            x[row] = (x[row] - done) / factor.get(row, row);
        }
        for row in (0..factor.size).rev() {
            let done: f64 = (row + 1..factor.size).map(|k| factor.get(k, row) * x[k]).sum();
            x[row] = (x[row] - done) / factor.get(row, row);
        }
        x
    }
}

/// A positive semidefinite matrix taken apart as `L Lᵀ`, where `L` has as many columns as the
/// matrix has rank: pivots below [`RankRevealing::SMALLEST_PIVOT`] of the largest count as 0.
#[derive(Clone, Debug)]
pub(super) struct RankRevealing {
    size: usize,
    /// The columns of `L`, each of length `size`.
    columns: Vec<Vec<f64>>,
    /// `Lᵀ L`, which has full rank.
    inner: Option<Positive>,
    /// The smallest pivot taken, relative to the largest.
    smallest: f64,
}

impl RankRevealing {
    /// Relative to the largest pivot. A correlation matrix of collinear columns leaves pivots of
    /// some 1e-16 times its size; columns that still differ by a millionth leave 1e-12.
    const SMALLEST_PIVOT: f64 = 1e-13;
    /// Relative to the largest; costs a solution some four of its sixteen digits.
    const SHARP_PIVOT: f64 = 1e-4;

    /// Takes `matrix` apart with diagonal pivots.
    pub fn new(matrix: &Symmetric) -> Self {
        let size = matrix.size;
        let mut rest: Vec<f64> = (0..size).map(|i| matrix.get(i, i)).collect();
        let largest = rest.iter().copied().fold(0.0, f64::max);
        let floor = largest * Self::SMALLEST_PIVOT * size as f64;
        let mut open = vec![true; size];
        let mut columns: Vec<Vec<f64>> = Vec::new();
        let mut smallest = 1.0;
        while let Some(pivot) = next_pivot(&rest, &open, floor) {
            open[pivot] = false;
            smallest = rest[pivot] / largest;
            let root = rest[pivot].sqrt();
            let mut column = vec![0.0; size];
            column[pivot] = root;
            for row in (0..size).filter(|&r| open[r]) {
                let done: f64 = columns.iter().map(|c| c[row] * c[pivot]).sum();
                column[row] = (matrix.get(row, pivot) - done) / root;
                rest[row] -= column[row] * column[row];
            }
            columns.push(column);
        }
        let inner = Positive::new(&inner_products(&columns));
        Self { size, columns, inner, smallest }
    }

    /// How many columns are independent.
    pub fn rank(&self) -> usize {
        self.columns.len()
    }

    /// Whether all columns are independent, and so clearly that a solution has most of the digits
    /// of 64-bit floats.
    pub fn is_sharp(&self) -> bool {
        self.rank() == self.size && self.smallest >= Self::SHARP_PIVOT
    }

    /// The shortest `x` that solves `L Lᵀ x = right` as well as can be: `L (LᵀL)⁻² Lᵀ right`.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let projected: Vec<f64> = self.columns.iter().map(|c| dot(c, right)).collect();
        let solved = self.inner.as_ref().map(|inner| inner.solve(&inner.solve(&projected)));
        let mut x = vec![0.0; self.size];
        for (column, weight) in self.columns.iter().zip(solved.unwrap_or_default()) {
            x.iter_mut().zip(column).for_each(|(x, l)| *x += weight * l);
        }
        x
    }
}

fn next_pivot(rest: &[f64], open: &[bool], floor: f64) -> Option<usize> {
    let candidates = (0..rest.len()).filter(|&i| open[i] && rest[i] > floor);
    candidates.fold(None, |best, i| match best {
        Some(b) if rest[b] >= rest[i] => Some(b),
        _ => Some(i),
    })
}

fn inner_products(columns: &[Vec<f64>]) -> Symmetric {
    let mut inner = Symmetric::zeros(columns.len());
    for (row, a) in columns.iter().enumerate() {
        for (column, b) in columns.iter().take(row + 1).enumerate() {
            inner.add(row, column, dot(a, b));
        }
    }
    inner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symmetric<const N: usize>(rows: [[f64; N]; N]) -> Symmetric {
        let mut matrix = Symmetric::zeros(N);
        for (i, row) in rows.iter().enumerate() {
            row.iter().take(i + 1).enumerate().for_each(|(j, v)| matrix.add(i, j, *v));
        }
        matrix
    }

    #[track_caller]
    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-12, "{found:?} is not {expected:?}");
        }
    }

    #[test] // by hand: 4x + 2y = 10, 2x + 3y = 9
    fn a_positive_definite_system_is_solved() {
        let matrix = symmetric([[4.0, 2.0], [2.0, 3.0]]);
        close(&Positive::new(&matrix).unwrap().solve(&[10.0, 9.0]), &[1.5, 2.0]);
        close(&RankRevealing::new(&matrix).solve(&[10.0, 9.0]), &[1.5, 2.0]);
    }

    #[test]
    fn an_indefinite_matrix_has_no_cholesky_factor() {
        let matrix = symmetric([[1.0, 2.0], [2.0, 1.0]]);
        assert!(Positive::new(&matrix).is_none());
        // By hand: 1 + d above 2 is positive definite.
        let solved = Positive::damped(matrix).unwrap().solve(&[1.0, 1.0]);
        assert!(solved.iter().all(|x| x.is_finite() && *x > 0.0), "{solved:?}");
    }

    #[test]
    fn a_matrix_with_a_missing_number_is_given_up() {
        assert!(Positive::damped(symmetric([[f64::NAN]])).is_none());
    }

    #[test] // by hand: x + y = 1 is shortest at x = y = 1/2
    fn a_singular_system_gets_the_shortest_solution() {
        let taken = RankRevealing::new(&symmetric([[1.0, 1.0], [1.0, 1.0]]));
        assert_eq!(taken.rank(), 1);
        close(&taken.solve(&[1.0, 1.0]), &[0.5, 0.5]);
    }

    #[test]
    fn zeros_have_rank_zero() {
        let taken = RankRevealing::new(&Symmetric::zeros(2));
        assert_eq!(taken.rank(), 0);
        close(&taken.solve(&[1.0, 1.0]), &[0.0, 0.0]);
    }
}
