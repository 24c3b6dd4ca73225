//! The k-th smallest of many numbers without sorting them: a parallel count by leading bits finds
//! the few numbers among which it lies.

use rayon::prelude::*;

/// Leading bits that are counted: sign, exponent and four bits of the fraction.
const BITS: u32 = 16;
const CHUNK: usize = 1 << 16;

/// Numbers as integers in the same order; 0 and −0 are the same.
pub(crate) fn key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The number that [`key`] gave this integer.
pub(crate) fn number(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

/// The number at `rank`, counted from 0, of `value(0..rows)` in rising order; `rank` is below
/// `rows`.
pub(crate) fn smallest(rows: usize, rank: usize, value: impl Fn(usize) -> f64 + Sync) -> f64 {
    number(ranked(rows, rank, &value).0)
}

/// The median of `value(0..rows)`; NaN without rows.
pub(crate) fn median(rows: usize, value: impl Fn(usize) -> f64 + Sync) -> f64 {
    if rows == 0 {
        return f64::NAN;
    }
    let (low, next) = ranked(rows, (rows - 1) / 2, &value);
    if rows % 2 == 1 {
        return number(low);
    }
    let next = next.map_or_else(|| smallest(rows, rows / 2, &value), number);
    number(low) / 2.0 + next / 2.0
}

/// The key at `rank`, and the one after it when it has the same leading bits.
fn ranked(rows: usize, rank: usize, value: &(impl Fn(usize) -> f64 + Sync)) -> (u64, Option<u64>) {
    let bucket = |row: usize| (key(value(row)) >> (64 - BITS)) as usize;
    let chunks = rows.div_ceil(CHUNK);
    let range = |chunk: usize| chunk * CHUNK..((chunk + 1) * CHUNK).min(rows);
    let counts = (0..chunks)
        .into_par_iter()
        .fold(
            || vec![0_usize; 1 << BITS],
            |mut counts, chunk| {
                range(chunk).for_each(|row| counts[bucket(row)] += 1);
                counts
            },
        )
        .reduce(
            || vec![0; 1 << BITS],
            |mut left, right| {
                left.iter_mut().zip(right).for_each(|(l, r)| *l += r);
                left
            },
        );
    let (mut chosen, mut before) = (0, 0);
    while before + counts[chosen] <= rank {
        before += counts[chosen];
        chosen += 1;
    }
    let mut keys: Vec<u64> = (0..chunks)
        .into_par_iter()
        .flat_map_iter(|chunk| range(chunk).filter(|&r| bucket(r) == chosen).map(|r| key(value(r))))
        .collect();
    let (_, found, above) = keys.select_nth_unstable(rank - before);
    (*found, above.iter().min().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_agrees_with_sorting() {
        let mut values: Vec<f64> =
            (0..999).map(|i| f64::from(i % 83 - 40) * 1.5f64.powi(i % 9)).collect();
        values.extend([0.0, -0.0, 1e300, -1e300]);
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        for (rank, expected) in sorted.into_iter().enumerate() {
            assert_eq!(smallest(values.len(), rank, |row| values[row]), expected);
        }
    }

    #[test] // by hand
    fn the_median_of_an_even_number_lies_half_way() {
        let of = |values: &[f64]| median(values.len(), |row| values[row]);
        assert_eq!(of(&[7.0, -1.0, 3.0, 1024.0]), 5.0);
        assert_eq!(of(&[2.0, 2.0, 2.0]), 2.0);
        assert_eq!(of(&[1.0, 1.0]), 1.0);
        assert!(of(&[]).is_nan());
    }
}
