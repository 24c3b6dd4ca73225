//! Sparse columns row by row, as solvers for many columns go through them.

use std::ops::Range;

use super::values::Values;

/// The numbers that are not 0, row after row, each row in the order of the columns.
#[derive(Debug, Default)]
pub(crate) struct SparseRows {
    /// Where each row starts, and one more for the end; empty without columns.
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl SparseRows {
    /// The sparse columns among these, each at its position and multiplied by its factor; a
    /// column without a factor is left out.
    pub fn new(rows: usize, columns: &[(u32, Values<'_>, f64)]) -> Self {
        let kept: usize = columns.iter().map(|(_, values, _)| values.kept()).sum();
        if kept == 0 {
            return Self::default();
        }
        let mut starts = vec![0; rows + 1];
        each(columns, |row, _, _| starts[row + 1] += 1);
        (0..rows).for_each(|row| starts[row + 1] += starts[row]);
        let mut next = starts.clone();
        let (mut places, mut values) = (vec![0; kept], vec![0.0; kept]);
        each(columns, |row, column, value| {
            places[next[row]] = column;
            values[next[row]] = value;
            next[row] += 1;
        });
        Self { starts, columns: places, values }
    }

    /// The columns and values of `row`.
    #[inline]
    pub fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = match self.starts.get(row..row + 2) {
            Some(&[from, to]) => from..to,
            _ => 0..0,
        };
        (&self.columns[range.clone()], &self.values[range])
    }

    /// Adds Σ `weights`ⱼ xⱼ to the score of each row in `rows`.
    pub fn add_scores(&self, rows: Range<usize>, weights: &[f64], scores: &mut [f64]) {
        if self.starts.is_empty() {
            return;
        }
        for (row, score) in rows.zip(scores) {
            let (columns, values) = self.row(row);
            for (&column, value) in columns.iter().zip(values) {
                *score += weights[column as usize] * value;
            }
        }
    }

    /// Adds Σ `left`ᵢ xᵢⱼ over the rows in `rows` to each slope.
    pub fn add_slopes(&self, rows: Range<usize>, left: &[f64], slopes: &mut [f64]) {
        if self.starts.is_empty() {
            return;
        }
        for (row, left) in rows.zip(left) {
            let (columns, values) = self.row(row);
            for (&column, value) in columns.iter().zip(values) {
                slopes[column as usize] += left * value;
            }
        }
    }
}

fn each(columns: &[(u32, Values<'_>, f64)], mut visit: impl FnMut(usize, u32, f64)) {
    for &(column, values, factor) in columns {
        if let Values::Sparse(numbers) = values {
            for (&row, value) in numbers.rows().iter().zip(numbers.values()) {
                visit(row as usize, column, value * factor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::SparseNumbers;

    use super::*;

    #[test] // by hand: [[0, 2], [3, 0]] with the first column doubled
    fn columns_become_rows() {
        let first = SparseNumbers::new(vec![1], vec![3.0], 2).unwrap();
        let second = SparseNumbers::new(vec![0], vec![2.0], 2).unwrap();
        let rows = SparseRows::new(
            2,
            &[(0, Values::Sparse(&first), 2.0), (1, Values::Sparse(&second), 1.0)],
        );
        let mut scores = vec![1.0, 1.0];
        rows.add_scores(0..2, &[10.0, 100.0], &mut scores);
        assert_eq!(scores, [201.0, 61.0]);
        let mut slopes = vec![0.0, 0.0];
        rows.add_slopes(1..2, &[5.0], &mut slopes);
        assert_eq!(slopes, [30.0, 0.0]);
    }
}
