//! Medians of windows whose ends only move forward.
//! Method: Fenwick, *A New Data Structure for Cumulative Frequency Tables*, 1994, over the ranks of
//! the values, so that a value comes, goes and is found by rank in log n steps.

use std::ops::Range;

/// The median of the values in each window that are not missing; NaN where there is none. Neither
/// end of a window lies before that of the window before.
pub(crate) fn medians(values: &[f64], windows: &[Range<u32>]) -> Vec<f64> {
    let present = (0..values.len() as u32).filter(|&at| !values[at as usize].is_nan());
    let mut order: Vec<u32> = present.collect();
    order.sort_unstable_by(|&a, &b| {
        values[a as usize].total_cmp(&values[b as usize]).then(a.cmp(&b))
    });
    let mut ranks = vec![usize::MAX; values.len()];
    order.iter().enumerate().for_each(|(rank, &at)| ranks[at as usize] = rank);
    let value = |rank: usize| values[order[rank] as usize];
    let mut seen = Ranks::new(order.len());
    let mut before = 0..0;
    let median = |window: &Range<u32>| {
        (before.end..window.end).for_each(|at| seen.add(ranks[at as usize]));
        (before.start..window.start).for_each(|at| seen.remove(ranks[at as usize]));
        before = window.clone();
        match seen.count {
            0 => f64::NAN,
            odd if odd % 2 == 1 => value(seen.nth(odd / 2)),
            even => f64::midpoint(value(seen.nth(even / 2 - 1)), value(seen.nth(even / 2))),
        }
    };
    windows.iter().map(median).collect()
}

/// Which ranks are there, as a tree of partial counts.
struct Ranks {
    tree: Vec<u32>,
    count: usize,
}

impl Ranks {
    fn new(ranks: usize) -> Self {
        Self { tree: vec![0; ranks + 1], count: 0 }
    }

    /// Adds a rank; one beyond the end is that of a missing value and changes nothing.
    fn add(&mut self, rank: usize) {
        if rank < self.tree.len() - 1 {
            self.count += 1;
            self.change(rank, |count| count + 1);
        }
    }

    /// Takes away a rank that was added.
    fn remove(&mut self, rank: usize) {
        if rank < self.tree.len() - 1 {
            self.count -= 1;
            self.change(rank, |count| count - 1);
        }
    }

    fn change(&mut self, rank: usize, change: impl Fn(u32) -> u32) {
        let mut at = rank + 1;
        while let Some(node) = self.tree.get_mut(at) {
            *node = change(*node);
            at += at & at.wrapping_neg();
        }
    }

    /// The rank that has `before` others below it.
    fn nth(&self, before: usize) -> usize {
        let (mut at, mut left) = (0, before as u32);
        let mut step = self.tree.len().next_power_of_two();
        while step > 0 {
            match self.tree.get(at + step) {
                Some(&count) if count <= left => {
                    left -= count;
                    at += step;
                }
                _ => {}
            }
            step /= 2;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_window_has_the_median_of_its_values(
            values in prop::collection::vec(prop::option::of(-9i32..9), 1..100),
            length in 0u32..20,
        ) {
            let values: Vec<f64> = values.iter().map(|v| v.map_or(f64::NAN, f64::from)).collect();
            let windows: Vec<Range<u32>> =
                (1..=values.len() as u32).map(|end| end - length.min(end)..end).collect();
            for (window, found) in windows.iter().zip(medians(&values, &windows)) {
                let mut own = values[window.start as usize..window.end as usize].to_vec();
                own.retain(|v| !v.is_nan());
                own.sort_by(f64::total_cmp);
                let half = own.len() / 2;
                let expected = match own.len() {
                    0 => f64::NAN,
                    odd if odd % 2 == 1 => own[half],
                    _ => (own[half - 1] + own[half]) / 2.0,
                };
                prop_assert!(found == expected || found.is_nan() && expected.is_nan());
            }
        }
    }
}
