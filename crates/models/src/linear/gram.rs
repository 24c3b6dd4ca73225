//! Products of all pairs of columns, the costly part of least squares and of Newton's method.

use super::cholesky::Symmetric;
use super::design::Block;
use crate::simd::{Work, wide};

/// How many products are computed side by side: as many sums as registers hold.
const TALL: usize = 2;
const BROAD: usize = 4;
const LANES: usize = 4;

/// Adds Σ wᵢ xᵢ xᵢᵀ over the rows of a block of `width` columns to `gram`; `weighted` is scratch.
pub(super) fn add_gram(
    gram: &mut Symmetric,
    block: &Block<'_>,
    width: usize,
    weights: &[f64],
    weighted: &mut Vec<f64>,
) {
    let rows = weights.len();
    weighted.resize(TALL * rows, 0.0);
    for first in (0..width).step_by(TALL) {
        let tall = TALL.min(width - first);
        for (at, scaled) in weighted.chunks_mut(rows).take(tall).enumerate() {
            let column = block.column(first + at);
            scaled.iter_mut().zip(column.iter().zip(weights)).for_each(|(s, (x, w))| *s = x * w);
        }
        for second in (0..first + tall).step_by(BROAD) {
            let broad = BROAD.min(width - second);
            // Places beyond the last column repeat it and are thrown away.
            let left: [&[f64]; TALL] =
                std::array::from_fn(|i| &weighted[i.min(tall - 1) * rows..][..rows]);
            let right: [&[f64]; BROAD] =
                std::array::from_fn(|j| block.column(second + j.min(broad - 1)));
            let products = wide(Products, (left, right));
            for (i, row) in products.iter().enumerate().take(tall) {
                let last = broad.min((first + i + 1).saturating_sub(second));
                row[..last]
                    .iter()
                    .enumerate()
                    .for_each(|(j, v)| gram.add(first + i, second + j, *v));
            }
        }
    }
}

/// Columns to the left, and columns to the right.
type Pair<'a> = ([&'a [f64]; TALL], [&'a [f64]; BROAD]);

/// The products of each left with each right column, each added in a fixed order.
struct Products;

impl Work<Pair<'_>> for Products {
    type Output = [[f64; BROAD]; TALL];

    #[inline(always)]
    fn run((left, right): Pair<'_>) -> [[f64; BROAD]; TALL] {
        let left_chunks = left.map(|column| column.as_chunks::<LANES>().0);
        let right_chunks = right.map(|column| column.as_chunks::<LANES>().0);
        let mut sums = [[[0.0; LANES]; BROAD]; TALL];
        for at in 0..left_chunks[0].len() {
            let right: [&[f64; LANES]; BROAD] = std::array::from_fn(|j| &right_chunks[j][at]);
            for (sums, left) in sums.iter_mut().zip(&left_chunks) {
                let left = &left[at];
                for (sums, right) in sums.iter_mut().zip(right) {
                    for lane in 0..LANES {
                        sums[lane] += left[lane] * right[lane];
                    }
                }
            }
        }
        let whole = left_chunks[0].len() * LANES;
        std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let tail: f64 =
                    left[i][whole..].iter().zip(&right[j][whole..]).map(|(a, b)| a * b).sum();
                sums[i][j].iter().sum::<f64>() + tail
            })
        })
    }
}
