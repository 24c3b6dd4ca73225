//! Columns of numbers that are one vector together, such as an embedding that another program made.

use crate::sketch::VectorMoments;
use crate::text_vector::{TEXT_DIMENSIONS, column_signs};
use crate::{Error, Frame, Result};

/// How many vectors are made at once.
const AT_ONCE: usize = 512;

/// Columns whose numbers are one vector in each row.
///
/// Up to 64 columns are taken as they are. Of more than that 64 sums are made, each of all columns with signs
/// that follow from their names: a random projection after Achlioptas, *Database-friendly Random Projections*,
/// JCSS 66 (2003), which keeps how far rows are apart about as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    columns: Vec<String>,
    /// For each column the signs with which it is added, where there are many.
    signs: Vec<[f64; TEXT_DIMENSIONS]>,
}

impl Joint {
    /// These columns together.
    pub fn new(columns: Vec<String>) -> Self {
        let many = columns.len() > TEXT_DIMENSIONS;
        let signs = columns.iter().filter(|_| many).map(|name| column_signs(name)).collect();
        Self { columns, signs }
    }

    /// Their names in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Moments of no row yet.
    pub fn moments(&self) -> VectorMoments {
        VectorMoments::new(self.columns.len().min(TEXT_DIMENSIONS))
    }

    /// Adds the vectors of all rows that lack no value; how many lack one is returned.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::WrongType`] for a column that holds no numbers.
    pub fn add(&self, rows: &Frame, moments: &mut VectorMoments) -> Result<u64> {
        let columns = self.columns.iter().map(|name| {
            let at = rows.schema().position(name)?;
            rows.numbers(at).map_err(|_| Error::WrongType {
                name: name.clone(),
                found: rows.schema().fields()[at].semantic,
                expected: "numeric",
                hint: Some("take columns of numbers into `embeddings`".into()),
            })
        });
        let columns = columns.collect::<Result<Vec<&[f64]>>>()?;
        let width = moments.width();
        let (mut vectors, mut missing) = (Vec::with_capacity(AT_ONCE * width), 0);
        for row in 0..rows.rows() {
            if columns.iter().any(|column| !column[row].is_finite()) {
                missing += 1;
                continue;
            }
            self.push(columns.iter().map(|column| column[row]), &mut vectors);
            if vectors.len() >= AT_ONCE * width {
                flush(&mut vectors, moments)?;
            }
        }
        flush(&mut vectors, moments)?;
        Ok(missing)
    }

    fn push(&self, row: impl Iterator<Item = f64>, vectors: &mut Vec<f64>) {
        if self.signs.is_empty() {
            vectors.extend(row);
            return;
        }
        let mut sums = [0.0; TEXT_DIMENSIONS];
        for (value, signs) in row.zip(&self.signs) {
            sums.iter_mut().zip(signs).for_each(|(sum, sign)| *sum += value * sign);
        }
        vectors.extend(sums);
    }
}

fn flush(vectors: &mut Vec<f64>, moments: &mut VectorMoments) -> Result<()> {
    let rows = vectors.len() / moments.width().max(1);
    moments.add(vectors, &vec![1; rows])?;
    vectors.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Column, Field, Schema};

    fn frame(columns: usize, rows: usize) -> Frame {
        let fields = (0..columns).map(|i| Field::number(format!("e{i}"))).collect();
        let values = |i: usize| (0..rows).map(|row| ((row * 7 + i * row) % 13) as f64).collect();
        let columns = (0..columns).map(|i| Column::Numbers(values(i))).collect();
        Frame::new(Arc::new(Schema::new(fields).unwrap()), columns, rows).unwrap()
    }

    #[test]
    fn few_columns_stay_as_they_are_and_rows_that_lack_a_value_are_left_out() {
        let rows = frame(3, 700);
        let joint = Joint::new(rows.schema().names());
        let mut moments = joint.moments();
        assert_eq!(joint.add(&rows, &mut moments).unwrap(), 0);
        let mean = rows.numbers(1).unwrap().iter().sum::<f64>() / 700.0;
        assert_eq!((moments.count(), moments.width()), (700, 3));
        assert!((moments.mean()[1] - mean).abs() < 1e-12);
        let mut columns = rows.clone().into_columns();
        columns[2] = Column::Numbers([f64::NAN].repeat(700));
        let lacking = Frame::new(Arc::clone(rows.schema()), columns, 700).unwrap();
        assert_eq!(joint.add(&lacking, &mut moments).unwrap(), 700);
        assert_eq!(moments.count(), 700);
    }

    #[test]
    fn many_columns_are_projected_as_distances_are_kept() {
        let rows = frame(400, 60);
        let joint = Joint::new(rows.schema().names());
        let mut moments = joint.moments();
        joint.add(&rows, &mut moments).unwrap();
        assert_eq!((moments.count(), moments.width()), (60, 64));
        let trace: f64 = (0..64).map(|i| moments.scatter(i, i)).sum();
        let spread: f64 = (0..400)
            .map(|at| {
                let values = rows.numbers(at).unwrap();
                let mean = values.iter().sum::<f64>() / 60.0;
                values.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
            })
            .sum();
        // Each of the 64 sums is expected to have the spread of all columns.
        assert!((trace / 64.0 / spread - 1.0).abs() < 0.3, "{trace} {spread}");
    }

    #[test]
    fn what_is_no_column_of_numbers_is_refused() {
        let joint = Joint::new(vec!["gone".into()]);
        assert!(joint.add(&frame(2, 3), &mut joint.moments()).is_err());
    }
}
