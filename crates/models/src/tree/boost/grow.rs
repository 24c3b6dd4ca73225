//! Growing one tree of a boosted model: the leaf that gains most is divided first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use rayon::prelude::*;

use super::super::histogram::CODES;
use super::super::nodes::{Growing, Place, Tree};
use super::packed::{Group, Packed, Rows};
use super::partition::partition;
use super::search::{Bounds, Direction, Feature, Found, Kind, Search, Terms};
use super::sums::{ColumnSums, NOTHING, Pair, Scale, minus, plus};

/// How many cells are worth the call of other threads.
const PARALLEL_CELLS: usize = 1 << 15;

/// How much memory the histograms of leaves may take together; beyond, they are built anew.
const KEPT_BYTES: usize = 1 << 29;

/// When a tree stops growing, and what its leaves hold to. No limit is the largest number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_leaves: usize,
    pub(crate) max_depth: usize,
    pub(crate) terms: Terms,
}

/// What all trees of a model grow on.
pub(crate) struct Ground {
    pub(crate) packed: Packed,
    /// The codes column by column.
    pub(crate) codes: Vec<Vec<u8>>,
    pub(crate) features: Vec<Feature>,
    pub(crate) limits: Limits,
}

/// What one tree grows on.
pub(crate) struct Soil<'a> {
    pub(crate) ground: &'a Ground,
    /// A pair for each row of the ground.
    pub(crate) pairs: &'a [Pair],
    pub(crate) scale: Scale,
    /// Which columns may be asked for.
    pub(crate) allowed: &'a [bool],
}

/// A tree without its answers: what its leaves hold.
pub(crate) struct Grown {
    growing: Growing,
    leaves: Vec<Leaf>,
    /// The rows; those of a leaf stand together.
    rows: Vec<u32>,
    gains: Vec<f64>,
}

impl Grown {
    /// Gives every leaf the answer that `answer` makes of its rows and of the Newton step.
    pub(crate) fn finish(mut self, answer: impl Fn(&[u32], f64) -> f64) -> Finished {
        let mut leaves = Vec::with_capacity(self.leaves.len());
        for leaf in &self.leaves {
            let value = answer(&self.rows[leaf.rows.clone()], leaf.answer);
            self.growing.add_leaf(leaf.place, &[value]);
            leaves.push((leaf.rows.clone(), value));
        }
        let Self { growing, rows, gains, .. } = self;
        Finished { tree: growing.finish(), leaves, rows, gains }
    }
}

/// A tree, and what its leaves hold.
pub(crate) struct Finished {
    pub(crate) tree: Tree,
    /// Which of `rows` each leaf holds, and its answer.
    pub(crate) leaves: Vec<(Range<usize>, f64)>,
    pub(crate) rows: Vec<u32>,
    /// For each column the sum of the gains of its splits.
    pub(crate) gains: Vec<f64>,
}

/// What a leaf holds, column by column.
pub(crate) type Histograms = Vec<ColumnSums>;

/// Some rows that stand together.
struct Leaf {
    rows: Range<usize>,
    sums: Pair,
    depth: usize,
    place: Place,
    bounds: Bounds,
    answer: f64,
    histograms: Option<Histograms>,
}

/// A leaf that has found a split.
struct Candidate {
    leaf: Leaf,
    found: Found,
    serial: usize,
}

struct Grower<'a> {
    soil: &'a Soil<'a>,
    growing: Growing,
    rows: Vec<u32>,
    spare: Vec<u32>,
    frontier: BinaryHeap<Candidate>,
    leaves: Vec<Leaf>,
    /// Histograms that nobody needs any more.
    idle: &'a mut Vec<Histograms>,
    serial: usize,
    gains: Vec<f64>,
}

/// Grows a tree on these rows, which rise.
/// `idle` are histograms of earlier trees on the same ground, which are used again.
pub(crate) fn grow(soil: &Soil<'_>, rows: Vec<u32>, idle: &mut Vec<Histograms>) -> Grown {
    let mut grower = Grower {
        soil,
        growing: Growing::new(1),
        spare: vec![0; rows.len()],
        frontier: BinaryHeap::new(),
        leaves: Vec::new(),
        idle,
        serial: 0,
        gains: vec![0.0; soil.ground.codes.len()],
        rows,
    };
    grower.plant();
    while let Some(candidate) = grower.frontier.pop() {
        // A tree of n nodes has n + 1 leaves.
        if grower.growing.nodes() + 1 >= soil.ground.limits.max_leaves {
            grower.leaves.push(candidate.leaf);
        } else {
            grower.divide(candidate);
        }
    }
    let Grower { growing, mut leaves, rows, gains, idle, .. } = grower;
    idle.extend(leaves.iter_mut().filter_map(|leaf| leaf.histograms.take()));
    Grown { growing, leaves, rows, gains }
}

/// Histograms of rows to be filled, and of those to be made smaller by them.
struct Work<'a> {
    group: &'a Group,
    filled: &'a mut [ColumnSums],
    lessened: Option<&'a mut [ColumnSums]>,
}

impl Grower<'_> {
    fn plant(&mut self) {
        let all = self.rows.len() == self.soil.pairs.len();
        let mut root = Leaf {
            rows: 0..self.rows.len(),
            sums: NOTHING,
            depth: 0,
            place: Place::Root,
            bounds: Bounds::NONE,
            answer: 0.0,
            histograms: None,
        };
        root.sums = if all {
            self.soil.pairs.iter().fold(NOTHING, |sum, pair| plus(sum, *pair))
        } else {
            let pairs = self.rows.iter().map(|&row| self.soil.pairs[row as usize]);
            pairs.fold(NOTHING, plus)
        };
        root.answer = self.search(&root).answer(root.sums, self.soil.ground.limits.terms.l2);
        if self.may_divide(&root) {
            self.fill_and_search(root, None);
        } else {
            self.leaves.push(root);
        }
    }

    fn search(&self, leaf: &Leaf) -> Search<'_> {
        Search {
            terms: &self.soil.ground.limits.terms,
            scale: &self.soil.scale,
            whole: leaf.sums,
            bounds: leaf.bounds,
        }
    }

    /// Whether there is any sense in looking for a split.
    fn may_divide(&self, leaf: &Leaf) -> bool {
        let limits = &self.soil.ground.limits;
        leaf.depth < limits.max_depth
            && self.growing.nodes() + 1 < limits.max_leaves
            && self.soil.scale.rows(leaf.sums) >= 2 * limits.terms.min_rows
    }

    /// Divides a leaf by its split and looks how to go on.
    fn divide(&mut self, candidate: Candidate) {
        let Candidate { leaf, found, .. } = candidate;
        self.gains[found.rule.column() as usize] += found.gain;
        let sums = [found.left, minus(leaf.sums, found.left)];
        let [left_rows, all_rows] = [found.left, leaf.sums].map(|s| self.soil.scale.rows(s) as f64);
        let node = self.growing.add_node(leaf.place, &found.rule);
        self.growing.set_share(node, left_rows / all_rows);
        let codes = &self.soil.ground.codes[found.rule.column() as usize];
        let rows = &mut self.rows[leaf.rows.clone()];
        let middle = leaf.rows.start + partition(rows, &mut self.spare, codes, &found.rule);
        let search = self.search(&leaf);
        let answers = sums.map(|side| search.answer(side, found.l2));
        let bounds = leaf.bounds.divide(self.direction(&found), (answers[0] + answers[1]) / 2.0);
        let side = |at: usize, rows: Range<usize>, place| Leaf {
            rows,
            sums: sums[at],
            depth: leaf.depth + 1,
            place,
            bounds: bounds[at],
            answer: answers[at],
            histograms: None,
        };
        let left = side(0, leaf.rows.start..middle, Place::LeftOf(node));
        let right = side(1, middle..leaf.rows.end, Place::RightOf(node));
        self.open(left, right, leaf.histograms);
    }

    fn direction(&self, found: &Found) -> Direction {
        match self.soil.ground.features[found.rule.column() as usize].kind {
            Kind::Numbers(direction) => direction,
            Kind::Categories => Direction::Any,
        }
    }

    /// Looks for splits of two leaves that were one, whose histograms are `parent`.
    fn open(&mut self, left: Leaf, right: Leaf, parent: Option<Histograms>) {
        let (small, large) =
            if left.rows.len() <= right.rows.len() { (left, right) } else { (right, left) };
        match (self.may_divide(&small), self.may_divide(&large)) {
            (false, false) => {
                self.idle.extend(parent);
                self.leaves.extend([small, large]);
            }
            (_, true) if parent.is_some() => {
                self.fill_and_search(small, Some(Leaf { histograms: parent, ..large }));
            }
            (small_may, large_may) => {
                self.idle.extend(parent);
                for (leaf, may) in [(small, small_may), (large, large_may)] {
                    if may { self.fill_and_search(leaf, None) } else { self.leaves.push(leaf) }
                }
            }
        }
    }

    /// Fills the histograms of `leaf`, takes them from those of `sibling`, which still hold both, and
    /// looks for a split of each.
    fn fill_and_search(&mut self, mut leaf: Leaf, mut sibling: Option<Leaf>) {
        let columns = self.soil.ground.codes.len();
        let mut filled = self.idle.pop().unwrap_or_else(|| vec![[NOTHING; CODES]; columns]);
        let mut lessened = sibling.as_mut().and_then(|leaf| leaf.histograms.take());
        let work = self.work(&mut filled, lessened.as_deref_mut());
        let done = |work: Work<'_>| self.fill_and_search_group(work, &leaf, sibling.as_ref());
        let cells = columns * (leaf.rows.len() + 2 * CODES);
        let found: Vec<[Option<Found>; 2]> = if cells < PARALLEL_CELLS {
            work.into_iter().map(done).collect()
        } else {
            work.into_par_iter().with_max_len(1).map(done).collect()
        };
        let [first, second] = [0, 1].map(|at| best(found.iter().filter_map(|pair| pair[at])));
        leaf.histograms = Some(filled);
        self.wait(leaf, first);
        if let Some(sibling) = sibling {
            self.wait(Leaf { histograms: lessened, ..sibling }, second);
        }
    }

    /// The work of each group that has a column that may be asked for.
    fn work<'b>(
        &'b self,
        mut filled: &'b mut [ColumnSums],
        mut lessened: Option<&'b mut [ColumnSums]>,
    ) -> Vec<Work<'b>> {
        let groups = &self.soil.ground.packed.groups;
        let work = groups.iter().map(|group| {
            let filled = filled.split_off_mut(..group.columns.len()).unwrap_or_default();
            let lessened =
                lessened.as_mut().and_then(|rest| rest.split_off_mut(..group.columns.len()));
            Work { group, filled, lessened }
        });
        work.filter(|w| self.soil.allowed[w.group.columns.clone()].contains(&true)).collect()
    }

    fn fill_and_search_group(
        &self,
        work: Work<'_>,
        leaf: &Leaf,
        sibling: Option<&Leaf>,
    ) -> [Option<Found>; 2] {
        let Work { group, filled, lessened } = work;
        let ground = self.soil.ground;
        let features = &ground.features[group.columns.clone()];
        let all = leaf.rows.len() == self.soil.pairs.len();
        let rows = if all {
            Rows::Between(leaf.rows.clone())
        } else {
            Rows::These(&self.rows[leaf.rows.clone()])
        };
        let parts = rayon::current_num_threads() / ground.packed.groups.len();
        group.fill(self.soil.pairs, &rows, filled, (leaf.sums, parts));
        let first = self.search_group(leaf, features, filled);
        let Some((lessened, sibling)) = lessened.zip(sibling) else { return [first, None] };
        for ((sums, part), feature) in lessened.iter_mut().zip(filled).zip(features) {
            for (cell, part) in sums.iter_mut().zip(part).take(usize::from(feature.last) + 1) {
                *cell = minus(*cell, *part);
            }
        }
        [first, self.search_group(sibling, features, lessened)]
    }

    fn search_group(
        &self,
        leaf: &Leaf,
        features: &[Feature],
        histograms: &[ColumnSums],
    ) -> Option<Found> {
        if !self.may_divide(leaf) {
            return None;
        }
        let search = self.search(leaf);
        let mut found: Option<Found> = None;
        for (&feature, sums) in features.iter().zip(histograms) {
            if self.soil.allowed[feature.column as usize] {
                let floor = found.map_or(self.soil.ground.limits.terms.min_gain, |f| f.gain);
                found = search.best(feature, sums, floor).or(found);
            }
        }
        found
    }

    /// Lets a leaf wait for its turn, or leaves it as it is when there is nothing to gain.
    fn wait(&mut self, mut leaf: Leaf, found: Option<Found>) {
        let kept = self.soil.ground.codes.len() * size_of::<ColumnSums>() * self.frontier.len();
        if found.is_none() || kept > KEPT_BYTES {
            self.idle.extend(leaf.histograms.take());
        }
        match found {
            None => self.leaves.push(leaf),
            Some(found) => {
                self.frontier.push(Candidate { leaf, found, serial: self.serial });
                self.serial += 1;
            }
        }
    }
}

/// The one that gains most, the first of equals.
fn best(found: impl Iterator<Item = Found>) -> Option<Found> {
    found.reduce(|best, other| if other.gain > best.gain { other } else { best })
}

/// The larger gain first; of equal gains, the one that was found first.
impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_gain = self.found.gain.total_cmp(&other.found.gain);
        by_gain.then_with(|| other.serial.cmp(&self.serial))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}
