//! Ridge regression out of the cross products of columns: small symmetric systems of equations.
//! Methods: Hoerl and Kennard, *Ridge Regression*, 1970; Cholesky's decomposition, Golub and Van
//! Loan, *Matrix Computations*, 4th edition, 4.2.

use crate::cross_products::CrossProducts;

/// What is left of a pivot of 1 when its column follows from others.
const SMALLEST_PIVOT: f64 = 1e-12;

/// Weights for all columns, 0 for the column predicted, and the intercept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) weights: Vec<f64>,
    pub(crate) intercept: f64,
}

/// The line that predicts column `target` from the others with the least Σ (y − ŷ)² + α Σ w². A
/// column that follows from others up to rounding gets no weight.
pub(crate) fn line(seen: &CrossProducts, target: usize, alpha: f64) -> Line {
    let width = seen.means.len();
    let others: Vec<usize> = (0..width).filter(|&at| at != target).collect();
    let product = |a: usize, b: usize| seen.products[a * width + b];
    let roots: Vec<f64> = others.iter().map(|&a| (product(a, a) + alpha).sqrt()).collect();
    let count = others.len();
    let mut matrix = vec![0.0; count * count];
    let mut right = vec![0.0; count];
    // Scaled so that every diagonal entry is 1, or 0 for a constant column.
    for (i, (&a, &root)) in others.iter().zip(&roots).enumerate().filter(|(_, (_, r))| **r > 0.0) {
        right[i] = product(a, target) / root;
        for (j, (&b, &other)) in
            others.iter().zip(&roots).enumerate().filter(|(_, (_, r))| **r > 0.0)
        {
            matrix[i * count + j] = if i == j { 1.0 } else { product(a, b) / root / other };
        }
    }
    let scaled = solve(&mut matrix, right, count);
    let mut weights = vec![0.0; width];
    for ((&at, weight), root) in others.iter().zip(scaled).zip(roots) {
        weights[at] = if root > 0.0 { weight / root } else { 0.0 };
    }
    let shift: f64 = weights.iter().zip(&seen.means).map(|(w, m)| w * m).sum();
    Line { intercept: seen.means[target] - shift, weights }
}

/// The solution of a symmetric system with diagonal entries of 1 or 0; where a pivot vanishes, 0.
fn solve(matrix: &mut [f64], mut x: Vec<f64>, size: usize) -> Vec<f64> {
    let at = |row: usize, column: usize| row * size + column;
    let mut open = vec![true; size];
    for column in 0..size {
        let done: f64 = (0..column).map(|k| matrix[at(column, k)].powi(2)).sum();
        let pivot = matrix[at(column, column)] - done;
        open[column] = pivot > SMALLEST_PIVOT;
        let root = if open[column] { pivot.sqrt() } else { 1.0 };
        matrix[at(column, column)] = root;
        for row in column + 1..size {
            let done: f64 = (0..column).map(|k| matrix[at(row, k)] * matrix[at(column, k)]).sum();
            let rest = matrix[at(row, column)] - done;
            matrix[at(row, column)] = if open[column] { rest / root } else { 0.0 };
        }
    }
    for row in 0..size {
        let done: f64 = (0..row).map(|k| matrix[at(row, k)] * x[k]).sum();
        x[row] = if open[row] { (x[row] - done) / matrix[at(row, row)] } else { 0.0 };
    }
    for row in (0..size).rev() {
        let done: f64 = (row + 1..size).map(|k| matrix[at(k, row)] * x[k]).sum();
        x[row] = if open[row] { (x[row] - done) / matrix[at(row, row)] } else { 0.0 };
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(columns: &[&[f64]]) -> CrossProducts {
        let means = columns.iter().map(|c| c.iter().sum::<f64>() / c.len() as f64).collect();
        CrossProducts::of(columns, means)
    }

    #[track_caller]
    fn check(columns: &[&[f64]], alpha: f64, weights: &[f64], intercept: f64) {
        let found = line(&seen(columns), 0, alpha);
        for (a, b) in found.weights.iter().zip(weights) {
            assert!((a - b).abs() < 1e-9, "{found:?}");
        }
        assert!((found.intercept - intercept).abs() < 1e-9, "{found:?}");
    }

    const X: [f64; 4] = [0.0, 1.0, 2.0, 5.0];
    const Z: [f64; 4] = [1.0, -1.0, 0.0, 2.0];

    #[test] // by hand: y = 3 + 2 x − z
    fn an_exact_line_is_found() {
        let y: Vec<f64> = X.iter().zip(Z).map(|(x, z)| 3.0 + 2.0 * x - z).collect();
        check(&[&y, &X, &Z], 0.0, &[0.0, 2.0, -1.0], 3.0);
    }

    #[test] // by hand: Σ(x − 2)(y − 4) = 28, Σ(x − 2)² = 14, so 28 / (14 + 14)
    fn a_penalty_makes_weights_smaller() {
        let y = X.map(|x| 2.0 * x);
        check(&[&y, &X], 14.0, &[0.0, 1.0], 2.0);
    }

    #[test]
    fn columns_that_follow_from_others_and_constant_ones_get_no_weight() {
        let y = X.map(|x| 2.0 * x);
        let twice = X.map(|x| 3.0 * x - 1.0);
        check(&[&y, &X, &twice, &[7.0; 4]], 0.0, &[0.0, 2.0, 0.0, 0.0], 0.0);
    }
}
