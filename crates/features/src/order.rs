//! Numbers in order, and quantiles of them.
//! Quantiles lie linearly between neighbours: Hyndman and Fan, *Sample Quantiles in Statistical
//! Packages*, 1996, type 7, which is numpy's default.

/// The numbers of `values` in rising order; missing ones are left out, −0 stands before 0.
///
/// Sorting their bits as integers gives the order of [`f64::total_cmp`] without its comparisons.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut keys: Vec<i64> = values.iter().filter(|v| !v.is_nan()).map(|v| key(*v)).collect();
    keys.sort_unstable();
    keys.into_iter().map(number).collect()
}

/// Integers that stand in the order of the numbers.
fn key(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn number(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}

/// The quantile of `sorted` at `share`; nothing of no numbers.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let (at, part) = place(sorted.len(), share)?;
    let low = *sorted.get(at)?;
    Some(between(low, sorted.get(at + 1).copied().unwrap_or(low), part))
}

/// The quantiles of `values` at rising `shares`, without sorting all of them; missing values are
/// left out. Nothing of no numbers.
pub(crate) fn few_quantiles(values: &[f64], shares: &[f64]) -> Option<Vec<f64>> {
    let mut keys: Vec<i64> = values.iter().filter(|v| !v.is_nan()).map(|v| key(*v)).collect();
    let (mut rest, mut skipped) = (keys.as_mut_slice(), 0);
    let count = rest.len();
    let mut quantiles = Vec::with_capacity(shares.len());
    for &share in shares {
        let (at, part) = place(count, share)?;
        let (_, low, above) = rest.select_nth_unstable(at - skipped);
        let low = *low;
        let high = if part > 0.0 { above.iter().copied().min().unwrap_or(low) } else { low };
        quantiles.push(between(number(low), number(high), part));
        // The next quantile is not below this one.
        rest = &mut rest[at - skipped..];
        skipped = at;
    }
    Some(quantiles)
}

/// The number that at least `share` of `sorted` do not exceed, or the mean of it and the next where
/// exactly that share does not (Hyndman and Fan, type 2); nothing of no numbers.
pub(crate) fn averaged_quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = share.clamp(0.0, 1.0) * sorted.len() as f64;
    let at = (rank.ceil() as usize).saturating_sub(1).min(last);
    let next = if rank.fract() == 0.0 && rank > 0.0 { (at + 1).min(last) } else { at };
    Some(sorted[at].midpoint(sorted[next]))
}

/// Which of `count` numbers stands at `share`, and how far on the way to the next.
fn place(count: usize, share: f64) -> Option<(usize, f64)> {
    let last = count.checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let at = (place.floor() as usize).min(last);
    Some((at, if at == last { 0.0 } else { place - at as f64 }))
}

/// The number `part` of the way from `low` to `high`, exact at both ends.
pub(crate) fn between(low: f64, high: f64, part: f64) -> f64 {
    let way = high - low;
    if part < 0.5 { low + way * part } else { high - way * (1.0 - part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], shares: &[f64], expected: &[f64]) {
        let sorted = sorted(values);
        let one_by_one: Vec<f64> = shares.iter().map(|&s| quantile(&sorted, s).unwrap()).collect();
        assert_eq!(one_by_one, expected);
        assert_eq!(few_quantiles(values, shares).unwrap(), expected);
    }

    #[test] // by hand: ranks 0, 0.75, 1.5 and 3 of four numbers
    fn quantiles_lie_between_neighbours() {
        let values = [4.0, f64::NAN, -1.0, 2.0, 3.0];
        check(&values, &[0.0, 0.25, 0.5, 1.0], &[-1.0, 1.25, 2.5, 4.0]);
    }

    #[test] // by hand
    fn averaged_quantiles_stand_between_halves_only() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        let found = [0.0, 0.2, 0.5, 0.6, 1.0].map(|s| averaged_quantile(&sorted, s).unwrap());
        assert_eq!(found, [1.0, 1.0, 3.0, 4.0, 8.0]);
    }

    #[test]
    fn one_number_is_every_quantile() {
        check(&[7.0], &[0.0, 0.3, 1.0], &[7.0; 3]);
        assert_eq!((quantile(&[], 0.5), few_quantiles(&[f64::NAN], &[0.5])), (None, None));
    }

    #[test]
    fn negative_and_positive_numbers_are_ordered() {
        let values = [0.0, -0.0, 1e300, -1e300, 5e-324, -5e-324, f64::INFINITY, f64::NEG_INFINITY];
        let mut expected = values;
        expected.sort_by(f64::total_cmp);
        let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&sorted(&values)), bits(&expected));
    }
}
