//! One row at a time: the splits of all trees stand in one list, so that nothing is followed from place to place, and
//! those of one tree stand apart, so that none waits for the one before.

use super::super::grove::Shape;
use super::super::nodes::{LEAF, Tree};
use super::{Border, Leaves, Rules};

/// What remains of the leaves of all trees, for a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Single<B> {
    /// The splits between numbers, each with the number of its tree: the first of each tree, then the second of each,
    /// and so on.
    borders: Vec<(u32, Border<B>)>,
    /// In the same order.
    lookups: Vec<Lookup>,
    /// What remains for each code, table after table.
    remaining: Vec<B>,
    /// The answers of the leaves, tree after tree, and where those of each tree begin.
    answers: Vec<u32>,
    begins: Vec<usize>,
}

/// A table of what remains for each code of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Lookup {
    tree: u32,
    column: u32,
    /// Where it begins.
    first: u32,
}

impl<B: Leaves> Single<B> {
    /// Nothing when there are more trees or codes than can be numbered.
    pub fn of(trees: &[Rules<B>]) -> Option<Self> {
        let mut single = Self {
            borders: Vec::new(),
            lookups: Vec::new(),
            remaining: Vec::new(),
            answers: Vec::new(),
            begins: Vec::new(),
        };
        u32::try_from(trees.len()).ok()?;
        let most = |count: fn(&Rules<B>) -> usize| trees.iter().map(count).max().unwrap_or(0);
        for at in 0..most(|rules| rules.borders.len()) {
            let of_tree = |(tree, rules): (u32, &Rules<B>)| Some((tree, *rules.borders.get(at)?));
            single.borders.extend((0..).zip(trees).filter_map(of_tree));
        }
        for at in 0..most(|rules| rules.tables.len()) {
            let of_trees =
                (0..).zip(trees).filter_map(|(n, rules)| Some((n, rules.tables.get(at)?)));
            for (tree, table) in of_trees {
                let first = u32::try_from(single.remaining.len()).ok()?;
                single.lookups.push(Lookup { tree, column: table.column, first });
                single.remaining.extend_from_slice(&table.remaining);
            }
        }
        for rules in trees {
            single.begins.push(single.answers.len());
            single.answers.extend_from_slice(&rules.answers);
        }
        Some(single)
    }

    pub fn add_row(&self, trees: &[Tree], codes: &[u8], shape: Shape, sums: &mut [f64]) {
        let mut remaining = vec![B::ALL; trees.len()];
        for &(tree, border) in &self.borders {
            remaining[tree as usize] &= border.remaining(codes[border.column as usize]);
        }
        for lookup in &self.lookups {
            let at = lookup.first as usize + usize::from(codes[lookup.column as usize]);
            remaining[lookup.tree as usize] &= self.remaining[at];
        }
        let places = self.begins.iter().zip(remaining).map(|(begin, left)| begin + left.first());
        for (number, (at, tree)) in places.zip(trees).enumerate() {
            let sums = sums[shape.first(number)..].iter_mut();
            let answer = tree.answer(LEAF | self.answers[at], shape.width);
            sums.zip(answer).for_each(|(sum, answer)| *sum += answer);
        }
    }
}
