//! How often each class occurs, is predicted and is found: what most metrics of classes stand on.

use gristmill_core::{Error, Result};
use rayon::prelude::*;

use super::same_length;

const CHUNK: usize = 1 << 16;

/// For each class: rows of it that were found, rows taken for it, rows of it. Takes memory for the
/// classes, not for their pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Tallies {
    pub found: Vec<u64>,
    pub predicted: Vec<u64>,
    pub rows: Vec<u64>,
}

/// One class against all others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    /// Rows of the class that were taken for it (TP).
    pub found: u64,
    /// Other rows that were taken for it (FP).
    pub mistaken: u64,
    /// Rows of the class that were not found (FN).
    pub missed: u64,
    /// Other rows that were not taken for it (TN).
    pub left: u64,
}

impl Tallies {
    /// The tallies of `classes` classes.
    pub fn new(metric: &str, classes: usize, truth: &[u32], predicted: &[u32]) -> Result<Self> {
        same_length(metric, truth.len(), predicted.len())?;
        let largest = |codes: &[u32]| codes.par_iter().max().copied().unwrap_or(0);
        let class = largest(truth).max(largest(predicted));
        if class as usize >= classes {
            return Err(Error::Bug(format!("class {class} lies beyond the {classes} labels")));
        }
        let none = || Self {
            found: vec![0; classes],
            predicted: vec![0; classes],
            rows: vec![0; classes],
        };
        // Counts are exact, so it does not matter in which order they are added up.
        let tallies = truth.par_chunks(CHUNK).zip(predicted.par_chunks(CHUNK));
        Ok(tallies.fold(none, Self::count).reduce(none, Self::merge))
    }

    fn count(mut self, (truth, predicted): (&[u32], &[u32])) -> Self {
        for (&t, &p) in truth.iter().zip(predicted) {
            self.rows[t as usize] += 1;
            self.predicted[p as usize] += 1;
            self.found[t as usize] += u64::from(t == p);
        }
        self
    }

    fn merge(mut self, other: Self) -> Self {
        let add = |to: &mut Vec<u64>, from: Vec<u64>| {
            to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
        };
        add(&mut self.found, other.found);
        add(&mut self.predicted, other.predicted);
        add(&mut self.rows, other.rows);
        self
    }

    /// How many rows there are.
    pub fn all(&self) -> u64 {
        self.rows.iter().sum()
    }

    /// How many rows were found.
    pub fn right(&self) -> u64 {
        self.found.iter().sum()
    }

    /// Each class in order against all others.
    pub fn each(&self) -> impl Iterator<Item = Tally> + '_ {
        let all = self.all();
        self.found.iter().zip(&self.predicted).zip(&self.rows).map(
            move |((&found, &predicted), &rows)| Tally {
                found,
                mistaken: predicted - found,
                missed: rows - found,
                left: all + found - predicted - rows,
            },
        )
    }
}

impl Tally {
    pub fn rows(&self) -> u64 {
        self.found + self.missed
    }

    /// Whether the class occurs or is predicted.
    pub fn appears(&self) -> bool {
        self.rows() + self.mistaken > 0
    }

    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.mistaken)
    }

    pub fn recall(&self) -> f64 {
        share(self.found, self.rows())
    }

    pub fn specificity(&self) -> f64 {
        share(self.left, self.left + self.mistaken)
    }

    pub fn negative_predictive_value(&self) -> f64 {
        share(self.left, self.left + self.missed)
    }

    pub fn jaccard(&self) -> f64 {
        share(self.found, self.rows() + self.mistaken)
    }

    pub fn f1(&self) -> f64 {
        self.f_beta(1.0)
    }

    pub fn f2(&self) -> f64 {
        self.f_beta(4.0)
    }

    pub fn f_half(&self) -> f64 {
        self.f_beta(0.25)
    }

    /// By the square of beta.
    fn f_beta(&self, square: f64) -> f64 {
        let found = (1.0 + square) * self.found as f64;
        let all = found + square * self.missed as f64 + self.mistaken as f64;
        if all == 0.0 { 0.0 } else { found / all }
    }
}

/// A part of a whole; 0 of nothing, as in scikit-learn.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn the_four_counts_of_a_class_add_up_to_the_rows() {
        let tallies = Tallies::new("x", 3, &[0, 0, 1, 2, 2], &[0, 1, 1, 2, 0]).unwrap();
        let first = tallies.each().next().unwrap();
        assert_eq!(first, Tally { found: 1, mistaken: 1, missed: 1, left: 2 });
        assert!(tallies.each().all(|t| t.rows() + t.mistaken + t.left == 5));
        assert!(Tallies::new("x", 2, &[2], &[0]).is_err());
    }
}
