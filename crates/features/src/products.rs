//! Columns of numbers, dense or sparse, as one matrix that can be multiplied.
//!
//! Rows are summed in the order of the columns, so a row alone gives the same bits as in any batch,
//! and a sparse column the same as a dense one.

use gristmill_core::{Column, Frame, Result, SparseNumbers};
use rayon::prelude::*;

use crate::taken;

/// How many rows are multiplied at once; few enough to stay in a processor's cache.
const BLOCK_ROWS: usize = 1_024;

/// A matrix of shape `[rows, columns]`, without missing or infinite values.
#[derive(Debug)]
pub(crate) struct Numbers<'a> {
    rows: usize,
    columns: Vec<Part<'a>>,
}

#[derive(Debug)]
enum Part<'a> {
    Dense(&'a [f64]),
    Sparse(&'a SparseNumbers),
}

impl Part<'_> {
    fn values(&self) -> &[f64] {
        match self {
            Self::Dense(values) => values,
            Self::Sparse(numbers) => numbers.values(),
        }
    }
}

impl<'a> Numbers<'a> {
    /// The columns of `frame` at `positions`; refuses missing values, `which_have_no` result, and
    /// infinite ones.
    pub(crate) fn of(frame: &'a Frame, positions: &[usize], which_have_no: &str) -> Result<Self> {
        let mut columns = Vec::with_capacity(positions.len());
        for &at in positions {
            let part = match &frame.columns()[at] {
                Column::Sparse(numbers) => Part::Sparse(numbers),
                _ => Part::Dense(frame.numbers(at)?),
            };
            let field = &frame.schema().fields()[at];
            if part.values().iter().any(|v| v.is_nan()) {
                return Err(taken::missing(field, which_have_no));
            }
            taken::finite(field, part.values())?;
            columns.push(part);
        }
        Ok(Self { rows: frame.rows(), columns })
    }

    /// How many columns there are.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// This matrix times `right`, which is row-major of shape `[columns, width]`; row-major of
    /// shape `[rows, width]`.
    pub(crate) fn times(&self, right: &[f64], width: usize) -> Vec<f64> {
        let mut product = vec![0.0; self.rows * width];
        if width == 0 {
            return product;
        }
        product.par_chunks_mut(BLOCK_ROWS * width).enumerate().for_each(|(block, sums)| {
            let from = block * BLOCK_ROWS;
            for (part, weights) in self.columns.iter().zip(right.chunks(width)) {
                add_block(part, from, sums, weights);
            }
        });
        product
    }

    /// The transpose of this matrix times `left`, which is row-major of shape `[rows, width]`;
    /// row-major of shape `[columns, width]`.
    pub(crate) fn transposed_times(&self, left: &[f64], width: usize) -> Vec<f64> {
        let mut product = vec![0.0; self.columns.len() * width];
        if width == 0 {
            return product;
        }
        product.par_chunks_mut(width).zip(&self.columns).for_each(|(sums, part)| match part {
            Part::Dense(values) => {
                for (&value, row) in values.iter().zip(left.chunks(width)) {
                    add(sums, value, row);
                }
            }
            Part::Sparse(numbers) => {
                for (&row, &value) in numbers.rows().iter().zip(numbers.values()) {
                    add(sums, value, &left[row as usize * width..][..width]);
                }
            }
        });
        product
    }

    /// All numbers, row after row.
    pub(crate) fn by_rows(&self) -> Vec<f64> {
        let width = self.columns.len();
        let mut values = vec![0.0; self.rows * width];
        for (at, part) in self.columns.iter().enumerate() {
            match part {
                Part::Dense(column) => {
                    for (row, &value) in column.iter().enumerate() {
                        values[row * width + at] = value;
                    }
                }
                Part::Sparse(numbers) => {
                    for (&row, &value) in numbers.rows().iter().zip(numbers.values()) {
                        values[row as usize * width + at] = value;
                    }
                }
            }
        }
        values
    }
}

/// Adds one column times its weights to a block of rows that starts at `from`.
fn add_block(part: &Part<'_>, from: usize, sums: &mut [f64], weights: &[f64]) {
    let width = weights.len();
    match part {
        Part::Dense(values) => {
            for (&value, sums) in values[from..].iter().zip(sums.chunks_mut(width)) {
                add(sums, value, weights);
            }
        }
        Part::Sparse(numbers) => {
            let (rows, values) = numbers.within(from..from + sums.len() / width);
            for (&row, &value) in rows.iter().zip(values) {
                add(&mut sums[(row as usize - from) * width..][..width], value, weights);
            }
        }
    }
}

fn add(sums: &mut [f64], value: f64, weights: &[f64]) {
    sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
}

/// Row-major numbers of shape `[rows, width]` as columns.
pub(crate) fn to_columns(values: &[f64], width: usize) -> Vec<Vec<f64>> {
    let column = |at: usize| values.iter().skip(at).step_by(width).copied().collect();
    (0..width).map(column).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gristmill_core::{Field, Schema};

    use super::*;

    #[test] // by hand: [[1, 0], [0, 3], [2, 0]] · [[1, 10], [2, 20]]
    fn dense_and_sparse_columns_are_multiplied() {
        let schema = Schema::new(vec![Field::number("a"), Field::number("b")]).unwrap();
        let sparse = SparseNumbers::new(vec![1], vec![3.0], 3).unwrap();
        let columns = vec![Column::Numbers(vec![1.0, 0.0, 2.0]), Column::Sparse(sparse)];
        let frame = Frame::new(Arc::new(schema), columns, 3).unwrap();
        let numbers = Numbers::of(&frame, &[0, 1], "").unwrap();
        let product = numbers.times(&[1.0, 10.0, 2.0, 20.0], 2);
        assert_eq!(product, [1.0, 10.0, 6.0, 60.0, 2.0, 20.0]);
        assert_eq!(numbers.transposed_times(&[1.0, 1.0, 1.0], 1), [3.0, 3.0]);
        assert_eq!(numbers.by_rows(), [1.0, 0.0, 0.0, 3.0, 2.0, 0.0]);
        assert_eq!(to_columns(&product, 2), [[1.0, 6.0, 2.0], [10.0, 60.0, 20.0]]);
    }
}
