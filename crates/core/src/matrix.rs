//! Numbers with two dimensions: what linear models and decompositions compute on.

use crate::{Error, Frame, Result};

/// A dense matrix in column-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseMatrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl DenseMatrix {
    /// A matrix of zeros, `[rows, columns]`.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, values: vec![0.0; rows * columns] }
    }

    /// A matrix of these values in column-major order.
    ///
    /// # Errors
    /// [`Error::Bug`] when there are not `rows * columns` of them.
    pub fn from_columns(rows: usize, columns: usize, values: Vec<f64>) -> Result<Self> {
        if Some(values.len()) != rows.checked_mul(columns) {
            return Err(Error::Bug(format!(
                "{} values for a {rows} x {columns} matrix",
                values.len()
            )));
        }
        Ok(Self { rows, columns, values })
    }

    /// The numeric and boolean columns of a frame at `positions`, `[frame.rows(), positions.len()]`.
    ///
    /// # Errors
    /// [`Error::Bug`] when one holds no numbers.
    pub fn from_frame(frame: &Frame, positions: &[usize]) -> Result<Self> {
        let mut values = Vec::with_capacity(frame.rows() * positions.len());
        for &position in positions {
            values.extend_from_slice(frame.numbers(position)?);
        }
        Ok(Self { rows: frame.rows(), columns: positions.len(), values })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The column at `position`.
    pub fn column(&self, position: usize) -> &[f64] {
        &self.values[position * self.rows..(position + 1) * self.rows]
    }

    /// The column at `position`, to be written to.
    pub fn column_mut(&mut self, position: usize) -> &mut [f64] {
        &mut self.values[position * self.rows..(position + 1) * self.rows]
    }

    /// The value at `row` and `column`.
    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.values[column * self.rows + row]
    }

    /// Writes the value at `row` and `column`.
    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        self.values[column * self.rows + row] = value;
    }

    /// All values, column after column.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The rows of several matrices of equal width, one after the other.
    ///
    /// # Errors
    /// [`Error::Bug`] when their widths differ.
    pub fn stack(parts: &[Self]) -> Result<Self> {
        let columns = parts.first().map_or(0, Self::columns);
        if parts.iter().any(|p| p.columns != columns) {
            return Err(Error::Bug("matrices of different widths were stacked".into()));
        }
        let rows = parts.iter().map(Self::rows).sum();
        let mut values = Vec::with_capacity(rows * columns);
        for column in 0..columns {
            for part in parts {
                values.extend_from_slice(part.column(column));
            }
        }
        Ok(Self { rows, columns, values })
    }
}

/// A sparse matrix in compressed sparse row order; what is not stored is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct CsrMatrix {
    columns: usize,
    /// Where each row starts in `indices` and `values`, and one more for the end.
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl CsrMatrix {
    /// A matrix without rows, to be filled by [`CsrMatrix::push_row`].
    pub fn new(columns: usize) -> Self {
        Self { columns, starts: vec![0], indices: Vec::new(), values: Vec::new() }
    }

    /// Adds a row of `(column, value)` entries with rising columns.
    ///
    /// # Errors
    /// [`Error::Bug`] when columns do not rise or lie beyond the width.
    pub fn push_row(&mut self, entries: impl IntoIterator<Item = (u32, f64)>) -> Result<()> {
        let from = self.indices.len();
        for (column, value) in entries {
            let rises = self.indices.len() == from || self.indices.last() < Some(&column);
            if !rises || column as usize >= self.columns {
                return Err(Error::Bug(format!("column {column} is out of order in a sparse row")));
            }
            self.indices.push(column);
            self.values.push(value);
        }
        self.starts.push(self.indices.len());
        Ok(())
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The stored columns and values of `row`.
    pub fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// The same numbers without gaps.
    pub fn to_dense(&self) -> DenseMatrix {
        let mut dense = DenseMatrix::zeros(self.rows(), self.columns);
        for row in 0..self.rows() {
            let (columns, values) = self.row(row);
            for (&column, &value) in columns.iter().zip(values) {
                dense.set(row, column as usize, value);
            }
        }
        dense
    }
}

/// Dense or sparse numbers; what solvers that can do both take.
#[derive(Clone, Debug, PartialEq)]
pub enum Matrix {
    /// Column-major.
    Dense(DenseMatrix),
    /// Compressed sparse rows.
    Sparse(CsrMatrix),
}

impl Matrix {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(m) => m.rows(),
            Self::Sparse(m) => m.rows(),
        }
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        match self {
            Self::Dense(m) => m.columns(),
            Self::Sparse(m) => m.columns(),
        }
    }

    /// The matrix times `vector`, `[rows]`. Terms are added in the order of the columns, so a row
    /// alone gives the same bits as in any batch, dense or sparse.
    pub fn times(&self, vector: &[f64]) -> Vec<f64> {
        match self {
            Self::Dense(m) => {
                let mut out = vec![0.0; m.rows()];
                for (column, &weight) in vector.iter().enumerate() {
                    for (sum, &value) in out.iter_mut().zip(m.column(column)) {
                        *sum += value * weight;
                    }
                }
                out
            }
            Self::Sparse(m) => (0..m.rows())
                .map(|row| {
                    let (columns, values) = m.row(row);
                    columns
                        .iter()
                        .zip(values)
                        .fold(0.0, |sum, (&c, &v)| sum + v * vector[c as usize])
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: [[1, 0], [2, 3]] · [10, 100]
    fn dense_and_sparse_products_agree() {
        let mut sparse = CsrMatrix::new(2);
        sparse.push_row([(0, 1.0)]).unwrap();
        sparse.push_row([(0, 2.0), (1, 3.0)]).unwrap();
        let dense = Matrix::Dense(sparse.to_dense());
        assert_eq!(dense.times(&[10.0, 100.0]), [10.0, 320.0]);
        assert_eq!(Matrix::Sparse(sparse).times(&[10.0, 100.0]), [10.0, 320.0]);
    }

    #[test]
    fn a_sparse_row_out_of_order_is_refused() {
        assert!(CsrMatrix::new(2).push_row([(1, 1.0), (0, 1.0)]).is_err());
        assert!(CsrMatrix::new(2).push_row([(2, 1.0)]).is_err());
    }

    #[test]
    fn stacking_keeps_columns() {
        let a = DenseMatrix::from_columns(1, 2, vec![1.0, 2.0]).unwrap();
        let b = DenseMatrix::from_columns(2, 2, vec![3.0, 5.0, 4.0, 6.0]).unwrap();
        let both = DenseMatrix::stack(&[a, b]).unwrap();
        assert_eq!(both.column(0), [1.0, 3.0, 5.0]);
        assert_eq!(both.column(1), [2.0, 4.0, 6.0]);
    }
}
