//! Dealing rows out: shuffled, by class, by group, by moment.

use gristmill_core::{Error, Random, Result};

/// All row numbers of a table.
///
/// # Errors
/// [`Error::Data`] when a table has more rows than 32 bits can number.
pub(super) fn row_numbers(rows: usize) -> Result<Vec<u32>> {
    let count = u32::try_from(rows).map_err(|_| {
        Error::data_hint(
            format!("{rows} rows are more than a split can number"),
            "sample them with `sql`",
        )
    })?;
    Ok((0..count).collect())
}

/// How many of `rows` a share is: rounded up, as in scikit-learn, but not by a mere rounding error.
pub(super) fn part_of(rows: usize, share: f64) -> usize {
    (share * rows as f64 - 1e-9).ceil().max(0.0) as usize
}

/// How many rows of each class go into a part of `wanted` rows: its proportional quota rounded
/// down, and one more for those that lost most by that. Nowhere all rows of a class.
pub(super) fn quotas(sizes: &[usize], wanted: usize) -> Vec<usize> {
    let all: usize = sizes.iter().sum();
    let exact = |size: usize| wanted as f64 * size as f64 / all.max(1) as f64;
    let mut quotas: Vec<usize> = sizes.iter().map(|&s| exact(s).floor() as usize).collect();
    let mut by_loss: Vec<usize> = (0..sizes.len()).collect();
    let loss = |at: usize| exact(sizes[at]).fract();
    by_loss.sort_by(|&a, &b| loss(b).total_cmp(&loss(a)).then(a.cmp(&b)));
    let short = wanted.saturating_sub(quotas.iter().sum());
    for &at in by_loss.iter().filter(|&&at| sizes[at] > 0).take(short) {
        quotas[at] += 1;
    }
    for (quota, &size) in quotas.iter_mut().zip(sizes) {
        *quota = (*quota).min(size.saturating_sub(1));
    }
    quotas
}

/// Takes whole groups out of `groups`, by chance, until about `wanted` rows are out; at least one
/// group goes and `leave` of them stay.
pub(super) fn take_groups(
    groups: &mut Vec<Vec<u32>>,
    wanted: usize,
    leave: usize,
    random: &mut Random,
) -> Vec<u32> {
    random.shuffle(groups);
    let mut taken: Vec<u32> = Vec::new();
    let mut kept = Vec::with_capacity(groups.len());
    let mut left = groups.len();
    for group in groups.drain(..) {
        let nearer = (taken.len() + group.len()).abs_diff(wanted) <= taken.len().abs_diff(wanted);
        if left > leave && (taken.is_empty() || nearer) {
            left -= 1;
            taken.extend(group);
        } else {
            kept.push(group);
        }
    }
    *groups = kept;
    taken
}

/// The number of moments, of all of them in order, that lie before the border after which as near
/// as can be `later` rows remain; at least `from` and fewer than all.
pub(super) fn border(moments: &[Vec<u32>], later: usize, from: usize) -> usize {
    let rows: usize = moments.iter().map(Vec::len).sum();
    let mut before: usize = moments.iter().take(from).map(Vec::len).sum();
    let mut best = (usize::MAX, from);
    for (at, moment) in moments.iter().enumerate().skip(from) {
        let distance = (rows - before).abs_diff(later);
        if distance < best.0 {
            best = (distance, at);
        }
        before += moment.len();
    }
    best.1
}

/// Rows in rising order.
pub(super) fn sorted(mut rows: Vec<u32>) -> Vec<u32> {
    rows.sort_unstable();
    rows
}
