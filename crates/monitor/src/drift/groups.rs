//! Places put together into few groups, so that each holds rows enough to say something.

use crate::{ColumnReference, ColumnWindow, Places};

/// Into how many groups of equally many values numbers are put, as is the custom for `psi`.
const GROUPS: usize = 10;
/// How many categories stand by themselves.
const CATEGORIES: usize = 30;
/// How many rows a category must be expected to have in a window to stand by itself; the limit of the
/// chi-squared test is trusted from there on.
const EXPECTED: f64 = 5.0;

/// The counts of both sides in common groups; groups that both leave empty are left out.
pub(super) fn grouped(reference: &ColumnReference, window: &ColumnWindow) -> (Vec<u64>, Vec<u64>) {
    let of_place = match &reference.places {
        Places::Words(_) => categories(reference, window.count()),
        _ => bins(reference, GROUPS),
    };
    gathered(&of_place, &reference.counts, &window.counts)
}

/// Sums the counts of each group.
fn gathered(of_place: &[usize], reference: &[u64], current: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let groups = of_place.iter().max().map_or(0, |last| last + 1);
    let mut sums = vec![(0_u64, 0_u64); groups];
    for ((&group, mine), theirs) in of_place.iter().zip(reference).zip(current) {
        sums[group].0 += mine;
        sums[group].1 += theirs;
    }
    sums.into_iter().filter(|(mine, theirs)| mine + theirs > 0).unzip()
}

/// For each bin its group: about equally many values of the reference in each of at most `groups`.
///
/// What lies outside of the range of the reference belongs to the outermost groups, unless the
/// reference knows few different values: then it is as new as an unseen category.
pub(super) fn bins(reference: &ColumnReference, groups: usize) -> Vec<usize> {
    let [_, inner @ .., _] = reference.counts.as_slice() else {
        return vec![0; reference.counts.len()];
    };
    let total = u128::from(inner.iter().sum::<u64>().max(1));
    let (mut group, mut up_to, mut parts) = (0, 0, 0);
    let mut of_bin = Vec::with_capacity(inner.len());
    for &count in inner {
        of_bin.push(group);
        up_to += u128::from(count);
        // A group ends with the bin that completes a further part of all values.
        let complete = up_to * groups as u128 / total;
        if complete > parts {
            parts = complete;
            group += 1;
        }
    }
    let last = of_bin.last().copied().unwrap_or(0);
    if inner.len() <= groups {
        let inner = of_bin.into_iter().map(|group| group + 1);
        return [0].into_iter().chain(inner).chain([last + 2]).collect();
    }
    [0].into_iter().chain(of_bin).chain([last]).collect()
}

/// For each category its group: the frequent ones by themselves, all others and those never seen in one
/// more.
fn categories(reference: &ColumnReference, expected: u64) -> Vec<usize> {
    let total = reference.count().max(1) as f64;
    let last = reference.counts.len().saturating_sub(1);
    let alone = |at: usize, count: u64| {
        at < last && at < CATEGORIES && count as f64 / total * expected as f64 >= EXPECTED
    };
    let frequent =
        reference.counts.iter().enumerate().take_while(|(at, c)| alone(*at, **c)).count();
    (0..reference.counts.len()).map(|at| at.min(frequent)).collect()
}

#[cfg(test)]
mod tests {
    use gristmill_core::SemanticType;

    use super::*;

    fn numbers(counts: &[u64]) -> ColumnReference {
        let borders = (0..counts.len() - 1).map(|i| i as f64).collect();
        column(Places::Bins(borders), counts)
    }

    fn words(counts: &[u64]) -> ColumnReference {
        let listed = (0..counts.len() - 1).map(|i| (format!("w{i}"), i));
        column(Places::Words(listed.collect()), counts)
    }

    fn column(places: Places, counts: &[u64]) -> ColumnReference {
        ColumnReference {
            name: "x".into(),
            semantic: SemanticType::Numeric,
            missing: 0,
            places,
            counts: counts.to_vec(),
            vectors: None,
            mean: None,
            deviation: None,
            within: 0.0,
        }
    }

    #[test] // by hand: 4 of 12 values complete each of three parts
    fn groups_hold_equally_many_values() {
        let reference = numbers(&[0, 2, 2, 1, 3, 2, 2, 0]);
        assert_eq!(bins(&reference, 3), [0, 0, 0, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn a_value_of_many_rows_has_a_group_of_its_own() {
        let reference = numbers(&[0, 1, 1, 20, 1, 1, 0]);
        assert_eq!(bins(&reference, 4), [0, 0, 0, 0, 1, 1, 1]);
        // Few values: what lies outside is new.
        assert_eq!(bins(&numbers(&[0, 9, 1, 0]), 10), [0, 1, 2, 3]);
        assert_eq!(bins(&numbers(&[0, 5, 0]), 10), [0, 1, 2]);
        assert_eq!(bins(&numbers(&[0]), 10), [0]);
    }

    #[test]
    fn rare_categories_stand_together_with_new_ones() {
        let reference = words(&[80, 15, 4, 1, 0]);
        assert_eq!(categories(&reference, 1_000), [0, 1, 2, 3, 4]);
        assert_eq!(categories(&reference, 100), [0, 1, 2, 2, 2]);
        assert_eq!(categories(&reference, 0), [0, 0, 0, 0, 0]);
        assert_eq!(categories(&words(&[1; 100]), 1_000_000)[28..33], [28, 29, 30, 30, 30]);
    }

    #[test]
    fn groups_that_both_leave_empty_are_left_out() {
        assert_eq!(gathered(&[0, 1, 2, 2], &[0, 3, 1, 1], &[0, 0, 0, 4]), (vec![3, 2], vec![0, 4]));
    }
}
