//! Rows in blocks, column after column within each: what the kernels of a mixture read.

use crate::points::Points;

/// How many rows a block has; the columns of a block stay in the processor's cache.
pub(super) const BLOCK: usize = 128;

/// The rows of `range`, the last block filled up with zeros.
pub(super) fn blocks(
    points: &Points,
    range: std::ops::Range<usize>,
) -> impl Iterator<Item = (usize, usize, Vec<f64>)> {
    let end = range.end;
    range.step_by(BLOCK).map(move |first| {
        let count = BLOCK.min(end - first);
        let mut block = vec![0.0; points.width() * BLOCK];
        for at in 0..count {
            for (column, &x) in points.point(first + at).iter().enumerate() {
                block[column * BLOCK + at] = x;
            }
        }
        (first, count, block)
    })
}

/// The sums of `a` times each of `b`, which are columns of a block, in an order that is fixed.
#[inline(always)]
pub(super) fn dots<const N: usize>(a: &[f64], b: [&[f64]; N]) -> [f64; N] {
    const LANES: usize = 8;
    let mut sums = [[0.0; LANES]; N];
    let (a, _) = a.as_chunks::<LANES>();
    let b = b.map(|b| b.as_chunks::<LANES>().0);
    for (at, a) in a.iter().enumerate() {
        for other in 0..N {
            let b = &b[other][at];
            for lane in 0..LANES {
                sums[other][lane] += a[lane] * b[lane];
            }
        }
    }
    sums.map(|sums| {
        let half = [0, 1, 2, 3].map(|lane| sums[lane] + sums[lane + 4]);
        (half[0] + half[2]) + (half[1] + half[3])
    })
}
