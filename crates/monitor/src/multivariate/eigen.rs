//! Eigenvalues and eigenvectors of a small symmetric matrix.
//! Method: cyclic rotations of Jacobi, *Journal für die reine und angewandte Mathematik* 30 (1846), in
//! the form of Golub and Van Loan, *Matrix Computations*, 2013, 8.5.

/// Sweeps over all pairs that are made at most; ten are enough for double precision.
const SWEEPS: usize = 60;

/// The eigenvalues, falling, each with its eigenvector of length 1. `matrix` is symmetric, `size` × `size`, row
/// by row.
pub(super) fn symmetric(mut matrix: Vec<f64>, size: usize) -> Vec<(f64, Vec<f64>)> {
    let mut vectors = vec![0.0; size * size];
    (0..size).for_each(|i| vectors[i * size + i] = 1.0);
    let scale: f64 = matrix.iter().map(|v| v * v).sum();
    for _ in 0..SWEEPS {
        let off: f64 = (0..size)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| matrix[i * size + j].powi(2))
            .sum();
        if off <= scale * 1e-30 {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut matrix, &mut vectors, size, (p, q));
            }
        }
    }
    let vector = |at: usize| (0..size).map(|row| vectors[row * size + at]).collect();
    let mut found: Vec<(f64, Vec<f64>)> =
        (0..size).map(|at| (matrix[at * size + at], vector(at))).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found
}

/// Makes the entry at (p, q) zero.
fn rotate(matrix: &mut [f64], vectors: &mut [f64], size: usize, (p, q): (usize, usize)) {
    let apq = matrix[p * size + q];
    if apq == 0.0 {
        return;
    }
    let tau = (matrix[q * size + q] - matrix[p * size + p]) / (2.0 * apq);
    let tangent = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
    let tangent = if tau == 0.0 { 1.0 } else { tangent };
    let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
    let sine = tangent * cosine;
    for row in 0..size {
        turn(matrix, (row * size + p, row * size + q), (cosine, sine));
    }
    for column in 0..size {
        turn(matrix, (p * size + column, q * size + column), (cosine, sine));
    }
    for row in 0..size {
        turn(vectors, (row * size + p, row * size + q), (cosine, sine));
    }
}

fn turn(values: &mut [f64], (at, other): (usize, usize), (cosine, sine): (f64, f64)) {
    let (a, b) = (values[at], values[other]);
    values[at] = cosine * a - sine * b;
    values[other] = sine * a + cosine * b;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: (1, 1) has the eigenvalue 3 and (1, −1) has 1
    fn two_by_two() {
        let found = symmetric(vec![2.0, 1.0, 1.0, 2.0], 2);
        assert!((found[0].0 - 3.0).abs() < 1e-14 && (found[1].0 - 1.0).abs() < 1e-14);
        assert!((found[0].1[0] - found[0].1[1]).abs() < 1e-14);
    }

    #[test]
    fn the_matrix_is_put_together_again() {
        let size = 7;
        let entry = |i: usize, j: usize| ((i * j + i + j) % 5) as f64 + f64::from(u8::from(i == j));
        let matrix: Vec<f64> = (0..size * size).map(|at| entry(at / size, at % size)).collect();
        let found = symmetric(matrix.clone(), size);
        for (at, wanted) in matrix.iter().enumerate() {
            let (i, j) = (at / size, at % size);
            let sum: f64 = found.iter().map(|(value, v)| value * v[i] * v[j]).sum();
            assert!((sum - wanted).abs() < 1e-12, "{sum} is not {wanted}");
        }
        assert!(found.windows(2).all(|w| w[0].0 >= w[1].0));
    }

    #[test]
    fn nothing_has_no_eigenvalues() {
        assert!(symmetric(Vec::new(), 0).is_empty());
        assert_eq!(symmetric(vec![0.0; 4], 2)[0].0, 0.0);
    }
}
