//! Trees of few leaves, answered for many rows without walking down.
//!
//! Leaves are numbered from left to right. A split that sends a row to the right rules out all
//! leaves on its left; of those that no split rules out, the first one is where the row belongs.
//! So every split is asked about all rows at once, with as many rows in a register as have room: nothing
//! waits for anything, and no branch has to be guessed. Splits by sets of categories share a table of
//! what remains for each code of their column. Method: Lucchese et al., *QuickScorer*, SIGIR 2015.

use std::ops::{BitAndAssign, BitOr, Range};

use super::bins::ColumnBins;
use super::grove::Shape;
use super::nodes::{LEAF, SUBSET, Tree};
use crate::simd::{Simd, Work, wide};

/// How many rows are answered together, few enough for the fastest memory.
const ROWS: usize = 512;

/// What remains of the leaves of each of several trees, in numbers that have room for all of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Masks {
    UpTo16(Vec<Mask<u16>>),
    UpTo32(Vec<Mask<u32>>),
    UpTo64(Vec<Mask<u64>>),
}

impl Masks {
    /// The masks of `trees`, unless one of them has too many leaves.
    pub(crate) fn of(trees: &[Tree], bins: &[ColumnBins]) -> Option<Self> {
        let most = trees.iter().map(|tree| tree.nodes.len() + 1).max().unwrap_or(1);
        match most {
            0..=16 => all(trees, bins).map(Self::UpTo16),
            17..=32 => all(trees, bins).map(Self::UpTo32),
            33..=64 => all(trees, bins).map(Self::UpTo64),
            _ => None,
        }
    }

    /// As [`Tree::add_answers`] for each of the trees in turn, for codes column after column:
    /// `[columns, rows]`.
    pub(crate) fn add_answers(&self, trees: &[Tree], codes: &[u8], shape: Shape, sums: &mut [f64]) {
        match self {
            Self::UpTo16(masks) => add_all(masks, trees, codes, shape, sums),
            Self::UpTo32(masks) => add_all(masks, trees, codes, shape, sums),
            Self::UpTo64(masks) => add_all(masks, trees, codes, shape, sums),
        }
    }
}

fn all<B: Leaves>(trees: &[Tree], bins: &[ColumnBins]) -> Option<Vec<Mask<B>>> {
    trees.iter().map(|tree| Mask::of(tree, bins)).collect()
}

fn add_all<B: Leaves>(
    masks: &[Mask<B>],
    trees: &[Tree],
    codes: &[u8],
    shape: Shape,
    sums: &mut [f64],
) {
    for (number, (mask, tree)) in masks.iter().zip(trees).enumerate() {
        mask.add_answers(tree, codes, shape, number, sums);
    }
}

/// Leaves of a tree, one bit each.
pub(crate) trait Leaves: Copy + BitAndAssign + BitOr<Output = Self> {
    /// How many there may be.
    const MOST: usize;
    /// Every leaf.
    const ALL: Self;
    /// Every leaf, or none.
    fn all_if(yes: bool) -> Self;
    /// The leaves whose bits are set.
    fn of(bits: u64) -> Self;
    /// The number of the first one.
    fn first(self) -> usize;
}

macro_rules! leaves {
    ($($bits:ty),*) => {$(
        impl Leaves for $bits {
            const MOST: usize = <$bits>::BITS as usize;
            const ALL: Self = <$bits>::MAX;
            #[inline(always)]
            fn all_if(yes: bool) -> Self {
                Self::from(yes).wrapping_neg()
            }
            fn of(bits: u64) -> Self {
                bits as Self
            }
            #[inline(always)]
            fn first(self) -> usize {
                self.trailing_zeros() as usize
            }
        }
    )*};
}
leaves!(u16, u32, u64);

/// What remains of the leaves of one tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mask<B> {
    borders: Vec<Border<B>>,
    tables: Vec<Table<B>>,
    /// The answer of each leaf.
    answers: Vec<u32>,
}

/// A split between numbers: [`super::split::Rule::Below`], and what remains on its right.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Border<B> {
    column: usize,
    bound: u8,
    shift: u8,
    right: B,
}

/// What remains for each code of a column after all splits by sets of its codes.
#[derive(Clone, Debug, PartialEq)]
struct Table<B> {
    column: usize,
    remaining: Vec<B>,
}

impl<B: Leaves> Mask<B> {
    /// The mask of `tree`, unless it has too many leaves.
    fn of(tree: &Tree, bins: &[ColumnBins]) -> Option<Self> {
        let mut mask = Self { borders: Vec::new(), tables: Vec::new(), answers: Vec::new() };
        mask.visit(tree, bins, tree.root())?;
        Some(mask)
    }

    /// Numbers the leaves below `at` and rules them out where its splits do; nothing when there are
    /// too many, as in what is no tree.
    fn visit(&mut self, tree: &Tree, bins: &[ColumnBins], at: u32) -> Option<Range<usize>> {
        if at & LEAF != 0 {
            let number = self.answers.len();
            self.answers.push(at ^ LEAF);
            return (number < B::MOST).then_some(number..number + 1);
        }
        let node = tree.nodes[at as usize];
        let left = self.visit(tree, bins, node.children[0])?;
        let right = self.visit(tree, bins, node.children[1])?;
        let column = tree.column(node) as usize;
        let remains = B::of(!((u64::MAX >> (64 - left.len())) << left.start));
        match node.rule & SUBSET {
            0 => {
                let (shift, bound) = ((node.rule >> 8) as u8 & 1, node.rule as u8);
                self.borders.push(Border { column, bound, shift, right: remains });
            }
            _ => {
                let table = self.table(column, bins[column].last());
                for (code, remaining) in (0..=u8::MAX).zip(table.iter_mut()) {
                    if !tree.goes_left(node, |_| code) {
                        *remaining &= remains;
                    }
                }
            }
        }
        Some(left.start..right.end)
    }

    fn table(&mut self, column: usize, last: u8) -> &mut [B] {
        let known = self.tables.iter().position(|table| table.column == column);
        let at = known.unwrap_or_else(|| {
            let remaining = vec![B::ALL; usize::from(last) + 1];
            self.tables.push(Table { column, remaining });
            self.tables.len() - 1
        });
        &mut self.tables[at].remaining
    }

    fn add_answers(
        &self,
        tree: &Tree,
        codes: &[u8],
        shape: Shape,
        number: usize,
        sums: &mut [f64],
    ) {
        let rows = sums.len() / shape.outputs;
        let mut remaining = [B::ALL; ROWS];
        for (block, sums) in sums.chunks_mut(ROWS * shape.outputs).enumerate() {
            let count = sums.len() / shape.outputs;
            let remaining = &mut remaining[..count];
            remaining.fill(B::ALL);
            let of_column = |column: usize| &codes[column * rows + block * ROWS..][..count];
            for border in &self.borders {
                wide(RuleOut, (*border, of_column(border.column), &mut *remaining));
            }
            for table in &self.tables {
                for (remaining, &code) in remaining.iter_mut().zip(of_column(table.column)) {
                    *remaining &= table.remaining[usize::from(code)];
                }
            }
            for (remaining, sums) in remaining.iter().zip(sums.chunks_exact_mut(shape.outputs)) {
                let answer = self.answers[remaining.first()];
                let sums = sums[shape.first(number)..].iter_mut();
                let answers = tree.answer(LEAF | answer, shape.width);
                sums.zip(answers).for_each(|(sum, answer)| *sum += answer);
            }
        }
    }
}

/// Rules out what a split between numbers does, for many rows.
struct RuleOut;

impl<B: Leaves> Work<(Border<B>, &[u8], &mut [B])> for RuleOut {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(_: S, (border, codes, remaining): (Border<B>, &[u8], &mut [B])) {
        for (remaining, &code) in remaining.iter_mut().zip(codes) {
            let left = code.wrapping_sub(border.shift) <= border.bound;
            *remaining &= B::all_if(left) | border.right;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bins::Categories;
    use super::super::histogram::CodeSet;
    use super::super::nodes::{Node, Subset};
    use super::*;

    /// A plain generator (Knuth's MMIX).
    struct Draws(u64);

    impl Draws {
        fn below(&mut self, end: u32) -> u32 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as u32 % end
        }
    }

    /// Grows what hangs below a place and gives back where it begins.
    fn grow(tree: &mut Tree, leaves: u32, draws: &mut Draws) -> u32 {
        if leaves == 1 {
            tree.answers.push(tree.answers.len() as f64);
            return LEAF | (tree.answers.len() as u32 - 1);
        }
        let rule = match draws.below(3) {
            2 => {
                let codes = CodeSet::of((0..=5).filter(|_| draws.below(2) == 0));
                tree.subsets.push(Subset { column: 2, codes });
                SUBSET | (tree.subsets.len() as u32 - 1)
            }
            column => column << 9 | draws.below(2) << 8 | draws.below(250),
        };
        let at = tree.nodes.len();
        tree.nodes.push(Node { rule, children: [0, 0] });
        tree.shares.push(0.5);
        let left = 1 + draws.below(leaves - 1);
        let children = [grow(tree, left, draws), grow(tree, leaves - left, draws)];
        tree.nodes[at].children = children;
        at as u32
    }

    /// Masks give the answers at the ends of the walks.
    #[track_caller]
    fn check(leaves: u32) {
        const ROWS: usize = 700;
        let words = (0..5).map(|word| word.to_string()).collect();
        let bins = [
            ColumnBins::Numbers(vec![0.0; 250]),
            ColumnBins::Numbers(vec![0.0; 250]),
            ColumnBins::Words(Categories::new(words)),
        ];
        let mut draws = Draws(leaves.into());
        let (nodes, subsets) = (Vec::new(), Vec::new());
        let mut tree = Tree { nodes, subsets, answers: Vec::new(), shares: Vec::new() };
        grow(&mut tree, leaves, &mut draws);
        let mut codes = Vec::new();
        for bins in &bins {
            codes.extend((0..ROWS).map(|_| draws.below(u32::from(bins.last()) + 1) as u8));
        }
        let trees = [tree];
        let masks = Masks::of(&trees, &bins).expect("few enough leaves");
        let mut sums = vec![0.0; ROWS];
        masks.add_answers(&trees, &codes, Shape::all(1), &mut sums);
        for (row, sum) in sums.iter().enumerate() {
            let walked = trees[0].answer_of(1, |column| codes[column as usize * ROWS + row]);
            assert_eq!([*sum], walked, "row {row} of {leaves} leaves");
        }
    }

    #[test]
    fn rows_end_where_they_walk_to_in_numbers_of_every_width() {
        [1, 2, 5, 16, 17, 31, 32, 33, 64].into_iter().for_each(check);
    }

    #[test]
    fn a_tree_of_too_many_leaves_has_no_masks() {
        let mut tree = Tree { nodes: vec![], subsets: vec![], answers: vec![], shares: vec![] };
        grow(&mut tree, 65, &mut Draws(1));
        let bins = [ColumnBins::Numbers(vec![]), ColumnBins::Numbers(vec![])];
        assert_eq!(Masks::of(&[tree], &bins), None);
    }
}
