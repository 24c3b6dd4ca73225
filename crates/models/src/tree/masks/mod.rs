//! Trees of few leaves, answered without walking down.
//!
//! Leaves are numbered from left to right. A split that sends a row to the right rules out all
//! leaves on its left; of those that no split rules out, the first one is where the row belongs.
//! So every split is asked, nothing waits for anything, and no branch has to be guessed: row by row, by tables of what
//! each code of a column leaves of all trees (`tables.rs`), or where these would be too large tree by tree, with many
//! rows in a register (`many.rs`).
//! Method: Lucchese et al., *QuickScorer*, SIGIR 2015.

mod many;
mod tables;

use std::ops::{BitAndAssign, BitOr, Range};

use self::many::Many;
use self::tables::Tables;
use super::bins::ColumnBins;
use super::grove::Shape;
use super::nodes::{LEAF, SUBSET, Tree};

/// What remains of the leaves of each of several trees, in numbers that have room for all of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Masks {
    UpTo16(Way<u16>),
    UpTo32(Way<u32>),
    UpTo64(Way<u64>),
}

/// In which order rows and trees are gone through.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Way<B> {
    Rows(Tables<B>),
    Trees(Vec<Many<B>>),
}

impl Masks {
    /// The masks of `trees`, unless one of them has too many leaves.
    pub(crate) fn of(trees: &[Tree], bins: &[ColumnBins], shape: Shape) -> Option<Self> {
        let most = trees.iter().map(|tree| tree.nodes.len() + 1).max().unwrap_or(1);
        match most {
            0..=16 => Way::of(trees, bins, shape).map(Self::UpTo16),
            17..=32 => Way::of(trees, bins, shape).map(Self::UpTo32),
            33..=64 => Way::of(trees, bins, shape).map(Self::UpTo64),
            _ => None,
        }
    }

    /// Whether they answer row by row.
    pub(crate) fn go_by_rows(&self) -> bool {
        match self {
            Self::UpTo16(way) => matches!(way, Way::Rows(_)),
            Self::UpTo32(way) => matches!(way, Way::Rows(_)),
            Self::UpTo64(way) => matches!(way, Way::Rows(_)),
        }
    }

    /// As [`Tree::add_answers`] for each of the trees in turn. Codes are `[rows, columns]` where they
    /// [`Masks::go_by_rows`], else `[columns, rows]`.
    pub(crate) fn add_answers(
        &self,
        trees: &[Tree],
        codes: &[u8],
        columns: usize,
        shape: Shape,
        sums: &mut [f64],
    ) {
        match self {
            Self::UpTo16(way) => way.add_answers(trees, codes, columns, shape, sums),
            Self::UpTo32(way) => way.add_answers(trees, codes, columns, shape, sums),
            Self::UpTo64(way) => way.add_answers(trees, codes, columns, shape, sums),
        }
    }
}

impl<B: Leaves> Way<B> {
    fn of(trees: &[Tree], bins: &[ColumnBins], shape: Shape) -> Option<Self> {
        let rules = trees.iter().map(|tree| Rules::of(tree, bins));
        let rules: Vec<Rules<B>> = rules.collect::<Option<_>>()?;
        Some(match Tables::of(&rules, trees, bins, shape.width) {
            Some(tables) => Self::Rows(tables),
            None => Self::Trees(rules.into_iter().map(Many::of).collect()),
        })
    }

    fn add_answers(
        &self,
        trees: &[Tree],
        codes: &[u8],
        columns: usize,
        shape: Shape,
        sums: &mut [f64],
    ) {
        match self {
            Self::Rows(tables) => tables.add_rows(codes, columns, shape, sums),
            Self::Trees(all) => {
                for (number, (many, tree)) in all.iter().zip(trees).enumerate() {
                    many.add_answers(tree, codes, shape, number, sums);
                }
            }
        }
    }
}

/// Leaves of a tree, one bit each.
pub(crate) trait Leaves: Copy + PartialEq + BitAndAssign + BitOr<Output = Self> {
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

/// What the splits of one tree leave of its leaves.
pub(crate) struct Rules<B> {
    borders: Vec<Border<B>>,
    tables: Vec<Table<B>>,
    /// The answer of each leaf.
    answers: Vec<u32>,
}

/// A split between numbers: [`super::split::Rule::Below`], and what remains on its right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Border<B> {
    column: u32,
    bound: u8,
    shift: u8,
    right: B,
}

impl<B: Leaves> Border<B> {
    /// What remains for a code.
    #[inline(always)]
    fn remaining(self, code: u8) -> B {
        B::all_if(code.wrapping_sub(self.shift) <= self.bound) | self.right
    }
}

/// What remains for each code of a column after all splits by sets of its codes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table<B> {
    column: u32,
    remaining: Vec<B>,
}

impl<B: Leaves> Rules<B> {
    /// The rules of `tree`, unless it has too many leaves.
    fn of(tree: &Tree, bins: &[ColumnBins]) -> Option<Self> {
        let mut rules = Self { borders: Vec::new(), tables: Vec::new(), answers: Vec::new() };
        rules.visit(tree, bins, tree.root())?;
        Some(rules)
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
        let column = tree.column(node);
        let remains = B::of(!((u64::MAX >> (64 - left.len())) << left.start));
        match node.rule & SUBSET {
            0 => {
                let (shift, bound) = ((node.rule >> 8) as u8 & 1, node.rule as u8);
                self.borders.push(Border { column, bound, shift, right: remains });
            }
            _ => {
                let table = self.table(column, bins[column as usize].last());
                for (code, remaining) in (0..=u8::MAX).zip(table.iter_mut()) {
                    if !tree.goes_left(node, |_| code) {
                        *remaining &= remains;
                    }
                }
            }
        }
        Some(left.start..right.end)
    }

    /// Whether the tree asks about a column.
    fn ask_about(&self, column: u32) -> bool {
        self.borders.iter().any(|border| border.column == column)
            || self.tables.iter().any(|table| table.column == column)
    }

    /// What all splits that ask about a column leave for a code of it.
    fn remaining(&self, column: u32, code: u8) -> B {
        let mut remaining = B::ALL;
        for border in self.borders.iter().filter(|border| border.column == column) {
            remaining &= border.remaining(code);
        }
        for table in self.tables.iter().filter(|table| table.column == column) {
            remaining &= table.remaining[usize::from(code)];
        }
        remaining
    }

    fn table(&mut self, column: u32, last: u8) -> &mut [B] {
        let known = self.tables.iter().position(|table| table.column == column);
        let at = known.unwrap_or_else(|| {
            let remaining = vec![B::ALL; usize::from(last) + 1];
            self.tables.push(Table { column, remaining });
            self.tables.len() - 1
        });
        &mut self.tables[at].remaining
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
        let by_row: Vec<u8> = (0..ROWS)
            .flat_map(|row| (0..3).map(move |at| at * ROWS + row))
            .map(|at| codes[at])
            .collect();
        let ways = [
            (Masks::of(&trees, &bins, Shape::all(1)).expect("few enough leaves"), &by_row),
            (
                Masks::UpTo64(Way::Trees(vec![Many::of(Rules::of(&trees[0], &bins).unwrap())])),
                &codes,
            ),
        ];
        for (masks, given) in ways {
            let mut sums = vec![0.0; ROWS];
            masks.add_answers(&trees, given, bins.len(), Shape::all(1), &mut sums);
            for (row, sum) in sums.iter().enumerate() {
                let walked = trees[0].answer_of(1, |column| codes[column as usize * ROWS + row]);
                assert_eq!([*sum], walked, "row {row} of {leaves} leaves");
            }
        }
    }

    #[test]
    fn several_sums_are_added_to_in_turn_and_together() {
        let bins = [ColumnBins::Numbers(vec![0.0; 250])];
        let leaf = |answers: Vec<f64>| {
            let rule = 100;
            let nodes = vec![Node { rule, children: [LEAF, LEAF | 1] }];
            Tree { nodes, subsets: Vec::new(), answers, shares: vec![0.5] }
        };
        let codes = [7, 200];
        // By hand: code 7 goes to the left, code 200 to the right.
        for (shape, trees, expected) in [
            (
                Shape::in_turn(2),
                [leaf(vec![1.0, 2.0]), leaf(vec![4.0, 8.0]), leaf(vec![16.0, 32.0])],
                [17.0, 4.0, 34.0, 8.0],
            ),
            (
                Shape::all(2),
                [leaf(vec![1.0, 2.0, 3.0, 4.0]), leaf(vec![0.5; 4]), leaf(vec![0.0; 4])],
                [1.5, 2.5, 3.5, 4.5],
            ),
        ] {
            let mut sums = [0.0; 4];
            let masks = Masks::of(&trees, &bins, shape).unwrap();
            assert!(masks.go_by_rows());
            masks.add_answers(&trees, &codes, 1, shape, &mut sums);
            assert_eq!(sums, expected);
        }
    }

    #[test]
    fn many_trees_of_many_codes_are_gone_through_tree_by_tree() {
        let bins: Vec<_> = (0..40).map(|_| ColumnBins::Numbers(vec![0.0; 250])).collect();
        let tree = |column: u32| {
            let nodes = vec![Node { rule: column << 9 | 100, children: [LEAF, LEAF | 1] }];
            Tree { nodes, subsets: Vec::new(), answers: vec![0.0, 1.0], shares: vec![0.5] }
        };
        let trees: Vec<Tree> = (0..400).map(|number| tree(number % 40)).collect();
        assert!(!Masks::of(&trees, &bins, Shape::all(1)).unwrap().go_by_rows());
        assert!(Masks::of(&trees[..40], &bins, Shape::all(1)).unwrap().go_by_rows());
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
        assert_eq!(Masks::of(&[tree], &bins, Shape::all(1)), None);
    }
}
