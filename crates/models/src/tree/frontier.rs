//! The nodes of a growing tree that wait for their turn.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::criterion::Cell;
use super::grow::Limits;
use super::histogram::Histograms;
use super::nodes::Place;
use super::split::Split;

/// Some rows in search of a split.
pub(super) struct Open<const W: usize> {
    pub(super) rows: Range<usize>,
    pub(super) depth: usize,
    pub(super) place: Place,
    /// What the rows of the node above weigh.
    pub(super) above: f64,
    pub(super) histograms: Option<Histograms<W>>,
}

/// Some rows that have found one.
pub(super) struct Candidate<const W: usize> {
    pub(super) open: Open<W>,
    pub(super) whole: Cell<W>,
    pub(super) split: Split,
    pub(super) gain: f64,
    pub(super) serial: usize,
}

/// Which candidate is divided next.
pub(super) enum Frontier<const W: usize> {
    Deepest(Vec<Candidate<W>>),
    Best { heap: BinaryHeap<ByGain<W>>, pushed: usize },
}

impl<const W: usize> Frontier<W> {
    pub(super) fn new(limits: &Limits) -> Self {
        if limits.max_leaves == usize::MAX {
            Self::Deepest(Vec::new())
        } else {
            Self::Best { heap: BinaryHeap::new(), pushed: 0 }
        }
    }

    pub(super) fn push(&mut self, candidate: Candidate<W>) {
        match self {
            Self::Deepest(stack) => stack.push(candidate),
            Self::Best { heap, pushed } => {
                heap.push(ByGain(Candidate { serial: *pushed, ..candidate }));
                *pushed += 1;
            }
        }
    }

    pub(super) fn next(&mut self) -> Option<Candidate<W>> {
        match self {
            Self::Deepest(stack) => stack.pop(),
            Self::Best { heap, .. } => heap.pop().map(|ByGain(candidate)| candidate),
        }
    }
}

/// The larger gain first; of equal gains, the one that was found first.
pub(super) struct ByGain<const W: usize>(Candidate<W>);

impl<const W: usize> Ord for ByGain<W> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_gain = self.0.gain.total_cmp(&other.0.gain);
        by_gain.then_with(|| other.0.serial.cmp(&self.0.serial))
    }
}

impl<const W: usize> PartialOrd for ByGain<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const W: usize> PartialEq for ByGain<W> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<const W: usize> Eq for ByGain<W> {}
