//! Rows as they are in the data, for solvers that go through them one at a time.

use super::sparse_rows::SparseRows;
use super::values::Values;
use crate::simd::{add_scaled, dot};

/// The dense columns row by row, and the sparse ones beside them.
#[derive(Debug)]
pub(super) struct PlainRows {
    /// Which columns are dense.
    dense: Vec<usize>,
    /// Their values, row after row.
    values: Vec<f64>,
    sparse: SparseRows,
    width: usize,
}

/// Weights of columns and a constant, in the order in which rows are kept.
#[derive(Clone, Debug)]
pub(super) struct PlainWeights {
    dense: Vec<f64>,
    sparse: Vec<f64>,
    /// Multiplied by 1 in each row.
    pub constant: f64,
}

impl PlainRows {
    /// The rows of these columns.
    pub fn new(columns: &[Values<'_>], rows: usize) -> Self {
        let is_dense = |at: &usize| matches!(columns[*at], Values::Dense(_));
        let (dense, sparse): (Vec<usize>, Vec<usize>) = (0..columns.len()).partition(is_dense);
        let mut values = vec![0.0; rows * dense.len()];
        for (place, &at) in dense.iter().enumerate() {
            if let Values::Dense(column) = columns[at] {
                let places = values.iter_mut().skip(place).step_by(dense.len().max(1));
                places.zip(column).for_each(|(to, from)| *to = *from);
            }
        }
        let sparse: Vec<_> = sparse.iter().map(|&at| (at as u32, columns[at], 1.0)).collect();
        Self { dense, values, sparse: SparseRows::new(rows, &sparse), width: columns.len() }
    }

    /// Weights of 0.
    pub fn weights(&self) -> PlainWeights {
        PlainWeights {
            dense: vec![0.0; self.dense.len()],
            sparse: vec![0.0; self.width],
            constant: 0.0,
        }
    }

    /// The weights in the order of the columns.
    pub fn restore(&self, weights: &PlainWeights) -> Vec<f64> {
        let mut all = weights.sparse.clone();
        self.dense.iter().zip(&weights.dense).for_each(|(&at, weight)| all[at] = *weight);
        all
    }

    fn dense_row(&self, row: usize) -> &[f64] {
        &self.values[row * self.dense.len()..(row + 1) * self.dense.len()]
    }

    /// x·w + b for a row.
    #[inline(always)]
    pub fn score(&self, row: usize, weights: &PlainWeights) -> f64 {
        let (columns, values) = self.sparse.row(row);
        let sparse = columns.iter().zip(values);
        let sum = dot(self.dense_row(row), &weights.dense) + weights.constant;
        sparse.fold(sum, |sum, (&at, x)| sum + weights.sparse[at as usize] * x)
    }

    /// Adds `factor` times a row to the weights, and `constant` to the constant.
    #[inline(always)]
    pub fn add_to(&self, row: usize, factor: f64, constant: f64, weights: &mut PlainWeights) {
        add_scaled(&mut weights.dense, factor, self.dense_row(row));
        let (columns, values) = self.sparse.row(row);
        for (&at, x) in columns.iter().zip(values) {
            weights.sparse[at as usize] += factor * x;
        }
        weights.constant += constant;
    }

    /// Σ xⱼ² of a row.
    pub fn square(&self, row: usize) -> f64 {
        let dense = self.dense_row(row);
        dot(dense, dense) + self.sparse.row(row).1.iter().map(|x| x * x).sum::<f64>()
    }
}
