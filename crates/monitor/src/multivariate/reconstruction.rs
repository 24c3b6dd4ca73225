//! Whether columns still go together: rows are squeezed through the principal components of the
//! reference, and the more is lost the less they are like it.
//! Method: after the documentation of NannyML, "Data Reconstruction with PCA"; components as in
//! Jolliffe, *Principal Component Analysis*, Springer 2002.

use gristmill_core::{DenseMatrix, Error, Result};
use rayon::prelude::*;
use serde::Serialize;

use super::eigen;

/// The share of the variance that components keep unless said otherwise, as in NannyML.
const SHARE: f64 = 0.65;

/// How the numbers of a reference go together: each column scaled to mean 0 and deviation 1, and the
/// directions that keep a share of the variance.
///
/// ```
/// # use gristmill_core::DenseMatrix;
/// # use gristmill_monitor::multivariate::Reconstruction;
/// // In the reference the second column is twice the first, and later no more.
/// let reference = DenseMatrix::from_columns(4, 2, vec![1.0, 2.0, 3.0, 4.0, 2.0, 4.0, 6.0, 8.0])?;
/// let later = DenseMatrix::from_columns(4, 2, vec![1.0, 2.0, 3.0, 4.0, 8.0, 6.0, 4.0, 2.0])?;
/// let learned = Reconstruction::learn(&reference)?;
/// assert!(learned.error(&reference)?.mean < 1e-9 && learned.error(&later)?.mean > 0.5);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reconstruction {
    means: Vec<f64>,
    deviations: Vec<f64>,
    components: Vec<Vec<f64>>,
}

/// What was lost on the way through the components.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReconstructionError {
    /// The mean over the rows of the Euclidean length of what a row lost, in deviations.
    pub mean: f64,
    /// Its standard error, the deviation between rows over √n.
    pub standard_error: f64,
    /// How many rows had all their values.
    pub rows: usize,
}

impl Reconstruction {
    /// Learns from a reference, keeping 65 % of its variance. Rows with a missing value are left out.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no column, fewer than two whole rows, or no column varies.
    pub fn learn(reference: &DenseMatrix) -> Result<Self> {
        Self::keeping(reference, SHARE)
    }

    /// As [`Reconstruction::learn`], with the fewest components that keep more than `share` of the variance.
    ///
    /// # Errors
    /// As there, and when `share` does not lie between 0 and 1.
    pub fn keeping(reference: &DenseMatrix, share: f64) -> Result<Self> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::setting("share", share, "a share of the variance between 0 and 1"));
        }
        let rows = whole_rows(reference);
        if rows.len() < 2 {
            return Err(Error::data("fewer than two rows of the reference have all values"));
        }
        let (means, deviations) = moments(reference, &rows);
        let width = means.len();
        let scaled: Vec<Vec<f64>> = (0..width)
            .map(|c| {
                rows.iter().map(|&r| scale(reference.get(r, c), means[c], deviations[c])).collect()
            })
            .collect();
        let covariance: Vec<f64> = (0..width * width)
            .into_par_iter()
            .map(|at| {
                let (a, b) = (&scaled[at / width], &scaled[at % width]);
                a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / rows.len() as f64
            })
            .collect();
        let found = eigen::symmetric(covariance, width);
        let total: f64 = found.iter().map(|(value, _)| value.max(0.0)).sum();
        if total <= 0.0 {
            return Err(Error::data("no column of the reference varies"));
        }
        let mut kept = 0.0;
        let enough = found.iter().position(|(value, _)| {
            kept += value;
            kept / total > share
        });
        let count = enough.map_or(width, |at| at + 1);
        let components = found.into_iter().take(count).map(|(_, vector)| vector).collect();
        Ok(Self { means, deviations, components })
    }

    /// How many directions are kept.
    pub fn components(&self) -> usize {
        self.components.len()
    }

    /// Returns what rows lose on the way. Rows with a missing value are left out.
    ///
    /// # Errors
    /// [`Error::Data`] when the number of columns differs or no row has all values.
    pub fn error(&self, rows: &DenseMatrix) -> Result<ReconstructionError> {
        if rows.columns() != self.means.len() {
            let (found, wanted) = (rows.columns(), self.means.len());
            return Err(Error::data(format!("there are {found} columns, expected {wanted}")));
        }
        let whole = whole_rows(rows);
        if whole.is_empty() {
            return Err(Error::data("no row has all values"));
        }
        let lost: Vec<f64> = whole.par_iter().map(|&row| self.lost(rows, row)).collect();
        let count = lost.len() as f64;
        let mean = lost.iter().sum::<f64>() / count;
        let variance = lost.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        Ok(ReconstructionError {
            mean,
            standard_error: (variance / count).sqrt(),
            rows: whole.len(),
        })
    }

    /// ‖z − W Wᵀ z‖, where z is the scaled row.
    fn lost(&self, rows: &DenseMatrix, row: usize) -> f64 {
        let z: Vec<f64> = (0..self.means.len())
            .map(|c| scale(rows.get(row, c), self.means[c], self.deviations[c]))
            .collect();
        let mut rest = z.clone();
        for component in &self.components {
            let along: f64 = component.iter().zip(&z).map(|(w, z)| w * z).sum();
            rest.iter_mut().zip(component).for_each(|(rest, w)| *rest -= along * w);
        }
        rest.iter().map(|v| v * v).sum::<f64>().sqrt()
    }
}

fn whole_rows(rows: &DenseMatrix) -> Vec<usize> {
    let whole = |row: &usize| (0..rows.columns()).all(|c| rows.get(*row, c).is_finite());
    if rows.columns() == 0 { Vec::new() } else { (0..rows.rows()).filter(whole).collect() }
}

fn moments(matrix: &DenseMatrix, rows: &[usize]) -> (Vec<f64>, Vec<f64>) {
    let count = rows.len() as f64;
    (0..matrix.columns())
        .map(|column| {
            let values = || rows.iter().map(|&row| matrix.get(row, column));
            let mean = values().sum::<f64>() / count;
            (mean, (values().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt())
        })
        .unzip()
}

/// A column that does not vary is only centred.
fn scale(value: f64, mean: f64, deviation: f64) -> f64 {
    let centred = value - mean;
    if deviation > 0.0 { centred / deviation } else { centred }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns that go together and one that does not; later the second runs the other way.
    fn forty(second: impl Fn(u32) -> u32, third: u32) -> DenseMatrix {
        let columns = (0..40).chain((0..40).map(second)).chain((0..40).map(|i| i * third % 11));
        DenseMatrix::from_columns(40, 3, columns.map(f64::from).collect()).unwrap()
    }

    #[test] // nannyml 0.13.1, DataReconstructionDriftCalculator on the same 40 rows as one chunk
    fn the_error_is_that_of_nannyml() {
        let reference = forty(|i| 2 * i + i % 5, 7);
        let later = forty(|i| 80 - 2 * i + i % 3, 3);
        let learned = Reconstruction::learn(&reference).unwrap();
        assert_eq!(learned.components(), 1);
        let before = learned.error(&reference).unwrap();
        let after = learned.error(&later).unwrap();
        assert!((before.mean - 0.870_827_949_241_366).abs() < 1e-10, "{before:?}");
        assert!((after.mean - 1.593_833_562_005_711_8).abs() < 1e-10, "{after:?}");
        assert!((after.standard_error - 0.100_688).abs() < 2e-3, "{after:?}");
    }

    #[test]
    fn rows_with_missing_values_are_left_out() {
        let reference =
            DenseMatrix::from_columns(4, 2, vec![1.0, 2.0, 3.0, f64::NAN, 2.0, 4.0, 6.0, 1.0])
                .unwrap();
        let learned = Reconstruction::learn(&reference).unwrap();
        assert_eq!((learned.components(), learned.error(&reference).unwrap().rows), (1, 3));
    }

    #[test]
    fn what_cannot_be_learned_from_is_refused() {
        let matrix =
            |rows, columns, values| DenseMatrix::from_columns(rows, columns, values).unwrap();
        assert!(Reconstruction::learn(&matrix(2, 0, vec![])).is_err());
        assert!(Reconstruction::learn(&matrix(1, 1, vec![1.0])).is_err());
        assert!(Reconstruction::learn(&matrix(3, 1, vec![2.0; 3])).is_err());
        let sound = matrix(3, 1, vec![1.0, 2.0, 3.0]);
        assert!(Reconstruction::keeping(&sound, 1.5).is_err());
        let learned = Reconstruction::learn(&sound).unwrap();
        assert!(learned.error(&matrix(1, 2, vec![1.0, 2.0])).is_err());
        assert!(learned.error(&matrix(1, 1, vec![f64::NAN])).is_err());
    }
}
