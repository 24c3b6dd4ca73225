//! Training rows of support vector machines: equal ones put together, each with its bound.

use std::collections::HashMap;

use crate::linear::Values;

/// Distinct rows, row after row.
#[derive(Debug)]
pub(super) struct DistinctRows {
    pub width: usize,
    pub values: Vec<f64>,
    /// The answer of each: the place of a class, or a number.
    pub answers: Vec<f64>,
    /// How much each counts: the sum over the rows that it stands for.
    pub weights: Vec<f64>,
}

impl DistinctRows {
    /// The rows of `columns` that weigh something. Rows with equal values and answers become one:
    /// the sum of their β, each within its bounds, is what one with all their weight could have.
    pub fn new(columns: &[Values<'_>], answers: &[f64], weights: &[f64]) -> Self {
        let width = columns.len();
        let all = row_by_row(columns, answers.len());
        let mut seen: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut distinct = Self { width, values: vec![], answers: vec![], weights: vec![] };
        for (row, (&answer, &weight)) in answers.iter().zip(weights).enumerate() {
            if weight <= 0.0 {
                continue;
            }
            let values = &all[row * width..(row + 1) * width];
            let key = values.iter().chain([&answer]).map(|v| v.to_bits()).collect();
            let place = *seen.entry(key).or_insert(distinct.answers.len());
            if place < distinct.answers.len() {
                distinct.weights[place] += weight;
                continue;
            }
            distinct.values.extend_from_slice(values);
            distinct.answers.push(answer);
            distinct.weights.push(weight);
        }
        distinct
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Subtracts `centers` from every row.
    pub fn shift(&mut self, centers: &[f64]) {
        for row in self.values.chunks_mut(self.width) {
            row.iter_mut().zip(centers).for_each(|(x, center)| *x -= center);
        }
    }

    /// A row.
    pub fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..(at + 1) * self.width]
    }

    /// The values of the rows at `places`, row after row.
    pub fn values_at(&self, places: &[u32]) -> Vec<f64> {
        places.iter().flat_map(|&at| self.row(at as usize)).copied().collect()
    }
}

/// The numbers of columns, row after row.
pub(super) fn row_by_row(columns: &[Values<'_>], rows: usize) -> Vec<f64> {
    let width = columns.len();
    let mut values = vec![0.0; rows * width];
    let mut column = vec![0.0; rows];
    for (at, numbers) in columns.iter().enumerate() {
        column.fill(0.0);
        numbers.add_scaled(1.0, &mut column);
        let places = values.iter_mut().skip(at).step_by(width.max(1));
        // Adding 0 makes one zero of both.
        places.zip(&column).for_each(|(to, from)| *to = from + 0.0);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_become_one_and_those_without_weight_none() {
        let columns = [Values::Dense(&[1.0, 2.0, 1.0, 1.0])];
        let rows = DistinctRows::new(&columns, &[0.0, 0.0, 0.0, 1.0], &[1.0, 0.0, 2.0, 1.0]);
        assert_eq!((rows.answers, rows.weights), (vec![0.0, 1.0], vec![3.0, 1.0]));
    }
}
