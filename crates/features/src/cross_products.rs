//! Means and centred cross products of columns, mergeable: what a covariance is made of.
//! Method: Chan, Golub and LeVeque 1979, as in [`crate::moments`], for pairs of columns.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use serde::{Deserialize, Serialize};

/// How many rows are centred and multiplied at once; few enough to stay in a processor's cache.
const BLOCK_ROWS: usize = 1_024;

/// Σ (x − μ)(y − μ) for each pair of columns, over the rows seen so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CrossProducts {
    pub(crate) count: u64,
    pub(crate) means: Vec<f64>,
    /// Column by column, of shape `[columns, columns]`.
    pub(crate) products: Vec<f64>,
}

impl CrossProducts {
    /// The products of `columns`, which are equally long and whose means are `means`.
    pub(crate) fn of(columns: &[&[f64]], means: Vec<f64>) -> Self {
        let width = columns.len();
        let rows = columns.first().map_or(0, |c| c.len());
        let mut products = vec![0.0; width * width];
        let mut centred = Vec::with_capacity(BLOCK_ROWS * width);
        for start in (0..rows).step_by(BLOCK_ROWS) {
            let end = (start + BLOCK_ROWS).min(rows);
            centred.clear();
            for (column, mean) in columns.iter().zip(&means) {
                centred.extend(column[start..end].iter().map(|x| x - mean));
            }
            let block = MatRef::from_column_major_slice(&centred, end - start, width);
            let sum = MatMut::from_column_major_slice_mut(&mut products, width, width);
            matmul(sum, Accum::Add, block.transpose(), block, 1.0, Par::Seq);
        }
        Self { count: rows as u64, means, products }
    }

    /// The products over these rows and those together.
    pub(crate) fn merged(mut self, other: &Self) -> Self {
        if self.count == 0 {
            return other.clone();
        }
        if other.count == 0 {
            return self;
        }
        let (left, right) = (self.count as f64, other.count as f64);
        let total = left + right;
        let deltas: Vec<f64> = other.means.iter().zip(&self.means).map(|(b, a)| b - a).collect();
        let width = deltas.len().max(1);
        let pairs = self.products.chunks_mut(width).zip(other.products.chunks(width));
        for ((ours, theirs), across) in pairs.zip(&deltas) {
            for ((product, more), down) in ours.iter_mut().zip(theirs).zip(&deltas) {
                *product += more + across * down * (left * right / total);
            }
        }
        for (mean, delta) in self.means.iter_mut().zip(&deltas) {
            *mean += delta * (right / total);
        }
        self.count += other.count;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn products(columns: &[&[f64]]) -> CrossProducts {
        let mean = |c: &&[f64]| c.iter().sum::<f64>() / c.len() as f64;
        CrossProducts::of(columns, columns.iter().map(mean).collect())
    }

    #[test] // by hand: deviations (−1, 0, 1) and (−2, −1, 3)
    fn products_of_deviations_are_added_up() {
        let seen = products(&[&[1., 2., 3.], &[0., 1., 5.]]);
        assert_eq!(seen.products, [2., 5., 5., 14.]);
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let x: Vec<f64> = (0..3000).map(|i| f64::from(i * 7919 % 1013)).collect();
        let y: Vec<f64> = (0..3000).map(|i| f64::from(i * 104_729 % 997)).collect();
        let whole = products(&[&x, &y]);
        let merged =
            products(&[&x[..1100], &y[..1100]]).merged(&products(&[&x[1100..], &y[1100..]]));
        for (a, b) in whole.products.iter().zip(&merged.products) {
            assert!((a - b).abs() < 1e-9 * whole.products[0], "{a} {b}");
        }
    }
}
