//! Products of all pairs of columns, the costly part of least squares and of Newton's method.

use super::cholesky::Symmetric;
use super::design::Block;
use crate::simd::{Simd, Work, wide};

/// How many products are computed side by side: as many sums as registers hold.
const TALL: usize = 2;
const BROAD: usize = 4;

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
    fn run<S: Simd>(simd: S, (left, right): Pair<'_>) -> [[f64; BROAD]; TALL] {
        let zero = simd.splat_f64s(0.0);
        let left_parts = left.map(|column| S::as_simd_f64s(column).0);
        let right_parts = right.map(|column| S::as_simd_f64s(column).0);
        let length = left_parts[0].len();
        // Equal lengths, known before the loop, spare it every check of a bound.
        let left_parts = left_parts.map(|parts| &parts[..length]);
        let right_parts = right_parts.map(|parts| &parts[..length]);
        let mut sums = [[zero; BROAD]; TALL];
        for at in 0..length {
            let [a, b] = left_parts.map(|parts| parts[at]);
            for (j, parts) in right_parts.iter().enumerate() {
                let right = parts[at];
                sums[0][j] = simd.add_f64s(sums[0][j], simd.mul_f64s(a, right));
                sums[1][j] = simd.add_f64s(sums[1][j], simd.mul_f64s(b, right));
            }
        }
        let whole = length * S::F64_LANES;
        std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let tail = left[i][whole..].iter().zip(&right[j][whole..]);
                tail.fold(simd.reduce_sum_f64s(sums[i][j]), |sum, (a, b)| sum + a * b)
            })
        })
    }
}
