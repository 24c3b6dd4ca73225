//! Trees of few leaves, answered for many rows without walking down.
//!
//! Leaves are numbered from left to right. A split that sends a row to the right rules out all
//! leaves on its left; of those that no split rules out, the first one is where the row belongs.
//! So each column that a tree asks about has a table of the leaves that remain for each of its
//! codes, and a row needs no more than one look into each: nothing waits for anything, and no
//! branch has to be guessed. Method: Lucchese et al., *QuickScorer*, SIGIR 2015.

use std::ops::Range;

use super::grove::Shape;
use super::nodes::{LEAF, Tree};

/// A tree has at most so many leaves: one bit each.
const LEAVES: usize = 64;

/// How many rows are answered together, few enough for the fastest memory.
const ROWS: usize = 512;

/// What remains of the leaves of one tree.
#[derive(Debug)]
pub(crate) struct Masks {
    tables: Vec<Table>,
    /// The answer of each leaf.
    answers: Vec<u32>,
}

/// Of one column, the leaves that remain for each code.
#[derive(Debug)]
struct Table {
    column: usize,
    remaining: Box<[u64; 256]>,
}

impl Masks {
    /// The masks of `tree`, unless it has too many leaves.
    pub(crate) fn of(tree: &Tree) -> Option<Self> {
        if tree.nodes.len() >= LEAVES {
            return None;
        }
        let mut masks = Self { tables: Vec::new(), answers: Vec::new() };
        masks.visit(tree, tree.root())?;
        Some(masks)
    }

    /// Numbers the leaves below `at` and rules them out where its splits do; nothing when there are
    /// too many, as in what is no tree.
    fn visit(&mut self, tree: &Tree, at: u32) -> Option<Range<usize>> {
        if at & LEAF != 0 {
            let number = self.answers.len();
            self.answers.push(at ^ LEAF);
            return (number < LEAVES).then_some(number..number + 1);
        }
        let node = tree.nodes[at as usize];
        let left = self.visit(tree, node.children[0])?;
        let right = self.visit(tree, node.children[1])?;
        let ruled_out = (u64::MAX >> (LEAVES - left.len())) << left.start;
        let table = self.table(tree.column(node) as usize);
        for (code, remaining) in (0..=u8::MAX).zip(table.iter_mut()) {
            if !tree.goes_left(node, |_| code) {
                *remaining &= !ruled_out;
            }
        }
        Some(left.start..right.end)
    }

    fn table(&mut self, column: usize) -> &mut [u64; 256] {
        let known = self.tables.iter().position(|table| table.column == column);
        let at = known.unwrap_or_else(|| {
            self.tables.push(Table { column, remaining: Box::new([u64::MAX; 256]) });
            self.tables.len() - 1
        });
        &mut self.tables[at].remaining
    }

    /// As [`Tree::add_answers`], for codes column after column: `[columns, rows]`.
    pub(crate) fn add_answers(
        &self,
        tree: &Tree,
        codes: &[u8],
        shape: Shape,
        number: usize,
        sums: &mut [f64],
    ) {
        let rows = sums.len() / shape.outputs;
        let mut remaining = [0; ROWS];
        for (block, sums) in sums.chunks_mut(ROWS * shape.outputs).enumerate() {
            let count = sums.len() / shape.outputs;
            let remaining = &mut remaining[..count];
            remaining.fill(u64::MAX);
            for table in &self.tables {
                let codes = &codes[table.column * rows + block * ROWS..][..count];
                for (remaining, &code) in remaining.iter_mut().zip(codes) {
                    *remaining &= table.remaining[usize::from(code)];
                }
            }
            for (remaining, sums) in remaining.iter().zip(sums.chunks_exact_mut(shape.outputs)) {
                let answer = self.answers[remaining.trailing_zeros() as usize];
                let sums = sums[shape.first(number)..].iter_mut();
                let answers = tree.answer(LEAF | answer, shape.width);
                sums.zip(answers).for_each(|(sum, answer)| *sum += answer);
            }
        }
    }
}
