//! The scores of a class and of the others, each in order: what every metric of ranking needs.
//!
//! Scores become integers that keep their order, so rows of equal score cannot be told apart and
//! any sorting of them, on any number of threads, gives the same sequence. Two sequences without
//! their rows are half as much to move as one of rows.

use gristmill_core::{Result, fold_chunks};
use rayon::prelude::*;

use super::select::{key, number};
use super::{same_length, undefined};

/// Sorted scores, as integers in the same order.
pub(crate) struct Ranks {
    of_class: Vec<u64>,
    others: Vec<u64>,
}

/// Rows of the class with one score, and what lies on its two sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tied {
    /// Rows of the class that score higher, and as high or higher.
    pub above: u64,
    pub reached: u64,
    /// Other rows that score higher, and as high or higher.
    pub others_above: u64,
    pub others_reached: u64,
}

/// A threshold on scores and the rows that reach it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Threshold {
    pub score: f64,
    pub of_class: u64,
    pub others: u64,
}

impl Ranks {
    /// The ranks of rows that are of a class or not; there are rows of both.
    pub fn new(metric: &str, truth: &[bool], scores: &[f64]) -> Result<Self> {
        same_length(metric, truth.len(), scores.len())?;
        if scores.par_iter().any(|s| s.is_nan()) {
            return Err(undefined(
                metric,
                "a score is not a number",
                "look at the model's answers",
            ));
        }
        let side = |wanted: bool| -> Vec<u64> {
            let rows = truth.par_iter().zip(scores).with_min_len(1 << 14);
            let mut keys: Vec<u64> =
                rows.filter(|(t, _)| **t == wanted).map(|(_, s)| key(*s)).collect();
            keys.par_sort_unstable();
            keys
        };
        let ranks = Self { of_class: side(true), others: side(false) };
        if ranks.of_class.is_empty() || ranks.others.is_empty() {
            return Err(undefined(
                metric,
                "all rows are of one class",
                "give rows of both classes",
            ));
        }
        Ok(ranks)
    }

    /// How many rows are of the class.
    pub fn of_class(&self) -> u64 {
        self.of_class.len() as u64
    }

    /// How many rows are not.
    pub fn others(&self) -> u64 {
        self.others.len() as u64
    }

    /// Twice the number of pairs, one row of the class and one other, that are in order; ties count
    /// half.
    pub fn twice_ordered_pairs(&self) -> u128 {
        const CHUNK: usize = 1 << 14;
        let count = |chunk: &[u64]| {
            let first = chunk.first().copied().unwrap_or_default();
            let mut below = self.others.partition_point(|other| *other < first);
            let mut reached = below;
            let mut sum = 0_u128;
            for &score in chunk {
                while self.others.get(below).is_some_and(|other| *other < score) {
                    below += 1;
                }
                reached = reached.max(below);
                while self.others.get(reached).is_some_and(|other| *other <= score) {
                    reached += 1;
                }
                sum += (below + reached) as u128;
            }
            sum
        };
        self.of_class.par_chunks(CHUNK).map(count).sum()
    }

    /// Folds over the distinct scores of the rows of the class, in a fixed order and tree.
    pub fn fold<T: Send>(
        &self,
        none: impl Fn() -> T + Sync,
        add: impl Fn(T, Tied) -> T + Sync,
        merge: impl Fn(T, T) -> T + Sync,
    ) -> Result<T> {
        let (all, all_others) = (self.of_class(), self.others());
        let chunk = |range: std::ops::Range<usize>| {
            let mut state = none();
            let mut from = range.start;
            // Rows of equal score belong to the chunk in which they begin.
            while from > 0 && from < range.end && self.of_class[from] == self.of_class[from - 1] {
                from += 1;
            }
            let first = self.of_class.get(from).copied().unwrap_or_default();
            let mut below = self.others.partition_point(|other| *other < first);
            while from < range.end {
                let score = self.of_class[from];
                let to = from + run(&self.of_class[from..], score);
                below += self.others[below..].iter().take_while(|other| **other < score).count();
                let reached = below + run(&self.others[below..], score);
                state = add(
                    state,
                    Tied {
                        above: all - to as u64,
                        reached: all - from as u64,
                        others_above: all_others - reached as u64,
                        others_reached: all_others - below as u64,
                    },
                );
                (from, below) = (to, reached);
            }
            Ok(state)
        };
        fold_chunks(self.of_class.len(), chunk, |left, right| Ok(merge(left, right)))
    }

    /// Every distinct score from high to low.
    pub fn thresholds(&self) -> impl Iterator<Item = Threshold> + '_ {
        let (mut class, mut other) = (self.of_class.len(), self.others.len());
        std::iter::from_fn(move || {
            let next = |keys: &[u64], end: usize| end.checked_sub(1).map(|at| keys[at]);
            let score = next(&self.of_class, class).max(next(&self.others, other))?;
            while class > 0 && self.of_class[class - 1] == score {
                class -= 1;
            }
            while other > 0 && self.others[other - 1] == score {
                other -= 1;
            }
            Some(Threshold {
                score: number(score),
                of_class: (self.of_class.len() - class) as u64,
                others: (self.others.len() - other) as u64,
            })
        })
    }
}

/// How many of the first keys are `score`.
fn run(keys: &[u64], score: u64) -> usize {
    keys.iter().take_while(|key| **key == score).count()
}
