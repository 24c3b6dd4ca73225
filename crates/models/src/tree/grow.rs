//! Growing one tree: rows are divided until nothing is gained or a limit is reached.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use gristmill_core::Random;

use super::bins::ColumnBins;
use super::criterion::{Cell, Objective, total};
use super::histogram::{Histograms, Scratch, Threads, present};
use super::nodes::{Growing, Place, Tree};
use super::split::{Rule, Search, Split};

/// From this many rows on, a node whose columns are all looked at keeps its histograms, so that the
/// larger of its children gets its own by subtraction.
const KEEP_ROWS: usize = 1024;

/// How many numbers the histograms of one node may have, for each code: 16 MiB in all.
const KEEP_NUMBERS: usize = 1 << 13;

/// When a tree stops growing. No limit is the largest number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_depth: usize,
    pub(crate) max_leaves: usize,
    pub(crate) min_samples_leaf: usize,
    pub(crate) min_samples_split: usize,
    /// How many columns are looked at for each split.
    pub(crate) columns: usize,
    pub(crate) splitter: Splitter,
    /// A node with more categories than this divides them at the best border in the order of their
    /// codes, not into the best two sets.
    pub(crate) set_categories: usize,
}

/// Which division of a column is compared with those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Splitter {
    /// The best.
    Best,
    /// A random one.
    Random,
}

/// What a tree grows on: the answers and the codes of its rows.
pub(crate) struct Ground<'a, O> {
    pub(crate) objective: &'a O,
    pub(crate) codes: &'a [Vec<u8>],
    pub(crate) bins: &'a [ColumnBins],
    /// Whether other threads are free to help: not where each grows a tree of its own.
    pub(crate) threads: Threads,
}

/// A tree and what each column gained in it.
pub(crate) struct Grown {
    pub(crate) tree: Tree,
    /// For each column the weight times the decrease in impurity, over all its splits.
    pub(crate) gains: Vec<f64>,
}

/// Grows a tree on these rows. `width` is how many numbers an answer has.
///
/// Without a limit to the leaves, it grows depth first, else the most gainful node first.
pub(crate) fn grow<O: Objective<W>, const W: usize>(
    ground: &Ground<'_, O>,
    limits: &Limits,
    rows: Vec<u32>,
    width: usize,
    random: Random,
) -> Grown {
    let columns = ground.codes.len();
    let mut grower = Grower {
        ground,
        limits,
        spare: vec![0; rows.len()],
        scratch: Scratch::new(),
        order: (0..columns as u32).collect(),
        random,
        growing: Growing::new(width),
        answer: Vec::with_capacity(width),
        frontier: Frontier::new(limits),
        gains: vec![0.0; columns],
        rows,
    };
    grower.run();
    Grown { tree: grower.growing.finish(), gains: grower.gains }
}

/// Some rows in search of a split.
struct Open<const W: usize> {
    rows: Range<usize>,
    depth: usize,
    place: Place,
    /// What the rows of the node above weigh.
    above: f64,
    histograms: Option<Histograms<W>>,
}

/// Some rows that have found one.
struct Candidate<const W: usize> {
    open: Open<W>,
    whole: Cell<W>,
    split: Split,
    gain: f64,
    serial: usize,
}

struct Grower<'a, O, const W: usize> {
    ground: &'a Ground<'a, O>,
    limits: &'a Limits,
    /// The rows of the tree; those of a node stand together, in their first order.
    rows: Vec<u32>,
    spare: Vec<u32>,
    scratch: Scratch<W>,
    /// The columns; those drawn for a node are swapped to the front.
    order: Vec<u32>,
    random: Random,
    growing: Growing,
    answer: Vec<f64>,
    frontier: Frontier<W>,
    gains: Vec<f64>,
}

impl<O: Objective<W>, const W: usize> Grower<'_, O, W> {
    fn run(&mut self) {
        let rows = 0..self.rows.len();
        let keep = self.keeps_histograms(rows.len());
        let histograms = keep.then(|| self.histograms(rows.clone()));
        self.open(Open { rows, depth: 0, place: Place::Root, above: 0.0, histograms });
        while let Some(candidate) = self.frontier.next() {
            // A tree of n nodes has n + 1 leaves.
            if self.growing.nodes() + 1 >= self.limits.max_leaves {
                self.close(&candidate.open, &candidate.whole);
            } else {
                self.divide(candidate);
            }
        }
    }

    /// Finds a split for some rows, or makes a leaf of them.
    fn open(&mut self, open: Open<W>) {
        let rows = &self.rows[open.rows.clone()];
        let whole = total(self.ground.objective, rows);
        if let Place::LeftOf(node) = open.place {
            self.growing.set_share(node, self.ground.objective.weight(&whole) / open.above);
        }
        let small = rows.len() < self.limits.min_samples_split
            || rows.len() / 2 < self.limits.min_samples_leaf
            || open.depth >= self.limits.max_depth;
        if small || self.ground.objective.is_pure(rows, &whole) {
            return self.close(&open, &whole);
        }
        match self.best_split(&open, &whole) {
            None => self.close(&open, &whole),
            Some(split) => {
                let gain = split.score - self.ground.objective.score(&whole);
                self.frontier.push(Candidate { open, whole, split, gain, serial: 0 });
            }
        }
    }

    fn close(&mut self, open: &Open<W>, whole: &Cell<W>) {
        self.answer.clear();
        self.ground.objective.answer(&self.rows[open.rows.clone()], whole, &mut self.answer);
        self.growing.add_leaf(open.place, &self.answer);
    }

    /// The best split by the drawn columns, the first of equals. Columns that do not vary among
    /// the rows count as drawn, but drawing goes on until one varies.
    fn best_split(&mut self, open: &Open<W>, whole: &Cell<W>) -> Option<Split> {
        let columns = self.order.len();
        let draws = self.limits.columns < columns;
        let mut best: Option<Split> = None;
        let mut varying = 0;
        for drawn in 0..columns {
            if drawn >= self.limits.columns && varying > 0 {
                break;
            }
            if draws {
                let other = drawn + self.random.below(columns - drawn);
                self.order.swap(drawn, other);
            }
            let column = self.order[drawn] as usize;
            let floor = best.map_or(f64::NEG_INFINITY, |b| b.score);
            let (found, varies) = self.search(open, whole, column, floor);
            best = found.or(best);
            varying += usize::from(varies);
        }
        best
    }

    /// The best split by one column if it scores more than `floor`, and whether the column varies.
    #[inline]
    fn search(
        &mut self,
        open: &Open<W>,
        whole: &Cell<W>,
        column: usize,
        floor: f64,
    ) -> (Option<Split>, bool) {
        let ground = self.ground;
        let rows = &self.rows[open.rows.clone()];
        let scratch = &mut self.scratch;
        let seen = match &open.histograms {
            Some(histograms) => present(histograms.column(column)),
            None => scratch.fill(ground.objective, &ground.codes[column], rows),
        };
        let varies = seen.len() > 1;
        let split = if varies {
            let search = Search {
                objective: ground.objective,
                column: column as u32,
                histogram: open.histograms.as_ref().map_or(&scratch.0[..], |h| h.column(column)),
                seen,
                whole,
                min_rows: self.limits.min_samples_leaf as f64,
            };
            let sets = seen.len() as usize <= self.limits.set_categories;
            match (&ground.bins[column], self.limits.splitter) {
                (ColumnBins::Numbers(_), Splitter::Best) => search.numbers(floor),
                (ColumnBins::Words(_), Splitter::Best) if sets => search.categories(floor),
                (ColumnBins::Words(_), Splitter::Best) => search.numbers(floor),
                (ColumnBins::Numbers(borders), Splitter::Random) => {
                    search.random_border(borders, floor, &mut self.random)
                }
                (ColumnBins::Words(_), Splitter::Random) => {
                    search.random_categories(floor, &mut self.random)
                }
            }
        } else {
            None
        };
        if open.histograms.is_none() {
            scratch.clear(seen);
        }
        (split, varies)
    }

    /// Divides rows by their split and opens both sides.
    fn divide(&mut self, candidate: Candidate<W>) {
        let Candidate { open, whole, split, gain, .. } = candidate;
        let above = self.ground.objective.weight(&whole);
        self.gains[split.rule.column() as usize] += gain.max(0.0);
        let node = self.growing.add_node(open.place, &split.rule);
        let middle = open.rows.start + self.partition(open.rows.clone(), &split.rule);
        let side = |rows: Range<usize>, place| Open {
            rows,
            depth: open.depth + 1,
            place,
            above,
            histograms: None,
        };
        let left = side(open.rows.start..middle, Place::LeftOf(node));
        let right = side(middle..open.rows.end, Place::RightOf(node));
        let (mut large, mut small) =
            if left.rows.len() > right.rows.len() { (left, right) } else { (right, left) };
        if let Some(parent) = open.histograms {
            self.share(parent, &mut large, &mut small);
        }
        // What is opened last is divided first: so few histograms wait at a time.
        self.open(large);
        self.open(small);
    }

    /// Gives the children their histograms: the larger one gets what the smaller leaves.
    fn share(&self, mut parent: Histograms<W>, large: &mut Open<W>, small: &mut Open<W>) {
        if self.keeps_histograms(large.rows.len()) {
            let part = self.histograms(small.rows.clone());
            parent.subtract(&part);
            large.histograms = Some(parent);
            if self.keeps_histograms(small.rows.len()) {
                small.histograms = Some(part);
            }
        }
    }

    fn keeps_histograms(&self, rows: usize) -> bool {
        let columns = self.order.len();
        rows >= KEEP_ROWS && self.limits.columns >= columns && columns * W <= KEEP_NUMBERS
    }

    fn histograms(&self, rows: Range<usize>) -> Histograms<W> {
        let ground = self.ground;
        Histograms::build(ground.objective, ground.codes, &self.rows[rows], ground.threads)
    }

    /// Puts the rows that go to the left first; gives back how many they are.
    fn partition(&mut self, range: Range<usize>, rule: &Rule) -> usize {
        let codes = &self.ground.codes[rule.column() as usize];
        let rows = &mut self.rows[range];
        match *rule {
            Rule::Below { bound, shift, .. } => partition(rows, &mut self.spare, |row| {
                codes[row as usize].wrapping_sub(shift) <= bound
            }),
            Rule::Among { codes: among, .. } => {
                partition(rows, &mut self.spare, |row| among.contains(codes[row as usize]))
            }
        }
    }
}

/// Puts the rows for which `left` holds first and keeps the order on both sides.
#[inline]
fn partition(rows: &mut [u32], spare: &mut [u32], left: impl Fn(u32) -> bool) -> usize {
    let mut lefts = 0;
    let mut rights = 0;
    for at in 0..rows.len() {
        let row = rows[at];
        let goes_left = usize::from(left(row));
        // Both are written, one counts: there is no branch to guess.
        rows[lefts] = row;
        spare[rights] = row;
        lefts += goes_left;
        rights += 1 - goes_left;
    }
    rows[lefts..].copy_from_slice(&spare[..rights]);
    lefts
}

/// Which candidate is divided next.
enum Frontier<const W: usize> {
    Deepest(Vec<Candidate<W>>),
    Best { heap: BinaryHeap<ByGain<W>>, pushed: usize },
}

impl<const W: usize> Frontier<W> {
    fn new(limits: &Limits) -> Self {
        if limits.max_leaves == usize::MAX {
            Self::Deepest(Vec::new())
        } else {
            Self::Best { heap: BinaryHeap::new(), pushed: 0 }
        }
    }

    fn push(&mut self, candidate: Candidate<W>) {
        match self {
            Self::Deepest(stack) => stack.push(candidate),
            Self::Best { heap, pushed } => {
                heap.push(ByGain(Candidate { serial: *pushed, ..candidate }));
                *pushed += 1;
            }
        }
    }

    fn next(&mut self) -> Option<Candidate<W>> {
        match self {
            Self::Deepest(stack) => stack.pop(),
            Self::Best { heap, .. } => heap.pop().map(|ByGain(candidate)| candidate),
        }
    }
}

/// The larger gain first; of equal gains, the one that was found first.
struct ByGain<const W: usize>(Candidate<W>);

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
