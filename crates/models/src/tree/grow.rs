//! Growing one tree: rows are divided until nothing is gained or a limit is reached.

use std::ops::Range;

use gristmill_core::Random;

use super::bins::ColumnBins;
use super::chance::Chance;
use super::criterion::{Cell, Objective, total};
use super::frontier::{Candidate, Frontier, Open};
use super::histogram::{Histograms, Scratch, Threads, present};
use super::nodes::{Growing, Place, Tree};
use super::split::{Rule, Search, Split};

/// From this many rows on, a node whose columns are all looked at keeps its histograms, so that the
/// larger of its children gets its own by subtraction.
const KEEP_ROWS: usize = 1024;

/// How many numbers the histograms of one node may have, for each code: 16 MiB in all.
const KEEP_NUMBERS: usize = 1 << 13;

/// From so many rows down, the rest of a tree grows on a copy of its rows, which stand side by side:
/// a part of a tree looks at its rows again and again, and a copy of so many stays close at hand.
const COPY_ROWS: usize = 4096;

/// Where copying costs more than it saves.
const FEW_ROWS: usize = 64;

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
    /// A node with more categories than this divides them at a border in the order of their codes,
    /// not into the best two sets.
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
    let mut sapling = Sapling {
        scratch: Scratch::new(),
        order: (0..columns as u32).collect(),
        random,
        growing: Growing::new(width),
        answer: Vec::with_capacity(width),
        gains: vec![0.0; columns],
    };
    Grower::new(ground, limits, rows, Copied::No, &mut sapling).grow();
    Grown { tree: sapling.growing.finish(), gains: sapling.gains }
}

/// The tree, and what it takes to grow it on whatever rows.
struct Sapling<const W: usize> {
    scratch: Scratch<W>,
    /// The columns; those drawn for a node are swapped to the front.
    order: Vec<u32>,
    random: Random,
    growing: Growing,
    answer: Vec<f64>,
    gains: Vec<f64>,
}

/// Whether the rows of a grower are a copy for a part of the tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copied {
    Yes,
    No,
}

struct Grower<'a, O, const W: usize> {
    ground: &'a Ground<'a, O>,
    limits: &'a Limits,
    /// The rows; those of a node stand together, in their first order.
    rows: Vec<u32>,
    spare: Vec<u32>,
    copied: Copied,
    frontier: Frontier<W>,
    sapling: &'a mut Sapling<W>,
}

impl<'a, O: Objective<W>, const W: usize> Grower<'a, O, W> {
    fn new(
        ground: &'a Ground<'a, O>,
        limits: &'a Limits,
        rows: Vec<u32>,
        copied: Copied,
        sapling: &'a mut Sapling<W>,
    ) -> Self {
        let (spare, frontier) = (vec![0; rows.len()], Frontier::new(limits));
        Self { ground, limits, rows, spare, copied, frontier, sapling }
    }

    /// Grows the whole tree.
    fn grow(&mut self) {
        let rows = 0..self.rows.len();
        let keep = self.keeps_histograms(rows.len());
        let histograms = keep.then(|| self.histograms(rows.clone()));
        self.open(Open { rows, depth: 0, place: Place::Root, above: 0.0, histograms });
        self.run();
    }

    /// Grows what hangs on the nodes that wait.
    fn run(&mut self) {
        while let Some(candidate) = self.frontier.next() {
            // A tree of n nodes has n + 1 leaves.
            if self.sapling.growing.nodes() + 1 >= self.limits.max_leaves {
                self.close(&candidate.open, &candidate.whole);
            } else if self.pays_to_copy(candidate.open.rows.len()) {
                self.grow_on_copy(candidate);
            } else {
                self.divide(candidate);
            }
        }
    }

    /// Whether a part of the tree with so many rows should have them side by side. All that waits is
    /// then below it: the deepest node must come first. Each row of a level of the tree is looked at
    /// in a few columns, and copied in all.
    fn pays_to_copy(&self, rows: usize) -> bool {
        self.copied == Copied::No
            && self.limits.max_leaves == usize::MAX
            && (FEW_ROWS..=COPY_ROWS).contains(&rows)
            && self.limits.columns * rows.ilog2() as usize >= self.ground.codes.len()
    }

    /// Grows all below a node, on a copy of its rows, to the same tree.
    fn grow_on_copy(&mut self, candidate: Candidate<W>) {
        let ground = self.ground;
        let rows = &self.rows[candidate.open.rows.clone()];
        let take = |codes: &Vec<u8>| rows.iter().map(|&row| codes[row as usize]).collect();
        let codes: Vec<Vec<u8>> = ground.codes.iter().map(take).collect();
        let objective = ground.objective.gather(rows.iter().map(|&row| (row, 1)));
        let copy = Ground { objective: &objective, codes: &codes, ..*ground };
        let rows: Vec<u32> = (0..rows.len() as u32).collect();
        let open = Open { rows: 0..rows.len(), ..candidate.open };
        let mut grower = Grower::new(&copy, self.limits, rows, Copied::Yes, self.sapling);
        grower.divide(Candidate { open, ..candidate });
        grower.run();
    }

    /// Finds a split for some rows, or makes a leaf of them.
    fn open(&mut self, open: Open<W>) {
        let rows = &self.rows[open.rows.clone()];
        let whole = total(self.ground.objective, rows);
        if let Place::LeftOf(node) = open.place {
            self.sapling.growing.set_share(node, self.ground.objective.weight(&whole) / open.above);
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
        self.sapling.answer.clear();
        self.ground.objective.answer(
            &self.rows[open.rows.clone()],
            whole,
            &mut self.sapling.answer,
        );
        self.sapling.growing.add_leaf(open.place, &self.sapling.answer);
    }

    /// The best split by the drawn columns, the first of equals. Columns that do not vary among
    /// the rows count as drawn, but drawing goes on until one varies.
    fn best_split(&mut self, open: &Open<W>, whole: &Cell<W>) -> Option<Split> {
        let columns = self.sapling.order.len();
        let draws = self.limits.columns < columns;
        let mut best: Option<Split> = None;
        let mut varying = 0;
        for drawn in 0..columns {
            if drawn >= self.limits.columns && varying > 0 {
                break;
            }
            if draws {
                let other = drawn + self.sapling.random.below(columns - drawn);
                self.sapling.order.swap(drawn, other);
            }
            let column = self.sapling.order[drawn] as usize;
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
        if self.limits.splitter == Splitter::Random {
            return self.random_split(open, whole, column, floor);
        }
        let ground = self.ground;
        let rows = &self.rows[open.rows.clone()];
        let scratch = &mut self.sapling.scratch;
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
            match &ground.bins[column] {
                ColumnBins::Words(_) if sets => search.categories(floor),
                _ => search.numbers(floor),
            }
        } else {
            None
        };
        if open.histograms.is_none() {
            scratch.clear(seen);
        }
        (split, varies)
    }

    /// A random split by one column if it scores more than `floor`, and whether the column varies.
    fn random_split(
        &mut self,
        open: &Open<W>,
        whole: &Cell<W>,
        column: usize,
        floor: f64,
    ) -> (Option<Split>, bool) {
        let chance = Chance {
            objective: self.ground.objective,
            bins: &self.ground.bins[column],
            column: column as u32,
            codes: &self.ground.codes[column],
            rows: &self.rows[open.rows.clone()],
            whole,
            min_rows: self.limits.min_samples_leaf as f64,
        };
        chance.split(floor, &mut self.sapling.random)
    }

    /// Divides rows by their split and opens both sides.
    fn divide(&mut self, candidate: Candidate<W>) {
        let Candidate { open, whole, split, gain, .. } = candidate;
        let above = self.ground.objective.weight(&whole);
        self.sapling.gains[split.rule.column() as usize] += gain.max(0.0);
        let node = self.sapling.growing.add_node(open.place, &split.rule);
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
        let columns = self.sapling.order.len();
        self.limits.splitter == Splitter::Best
            && rows >= KEEP_ROWS
            && self.limits.columns >= columns
            && columns * W <= KEEP_NUMBERS
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
