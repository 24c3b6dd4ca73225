//! Many rows at once, tree by tree.

use super::super::grove::Shape;
use super::super::nodes::{LEAF, Tree};
use super::{Border, Leaves, Rules, Table};
use crate::simd::{Simd, Work, wide};

/// How many rows are answered together, few enough for the fastest memory.
const ROWS: usize = 512;

/// Up to so many codes that rule anything out are asked for one by one, with many rows in a register: quicker than
/// to look each row up.
const FEW_CODES: usize = 6;

/// What remains of the leaves of one tree, for many rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Many<B> {
    borders: Vec<Border<B>>,
    exceptions: Vec<Exception<B>>,
    tables: Vec<Table<B>>,
    /// The answer of each leaf.
    answers: Vec<u32>,
}

/// What remains for one code of a column; for others all does.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Exception<B> {
    column: u32,
    code: u8,
    remaining: B,
}

impl<B: Leaves> Many<B> {
    pub fn of(rules: Rules<B>) -> Self {
        let Rules { borders, tables, answers } = rules;
        let (mut exceptions, mut others) = (Vec::new(), Vec::new());
        for table in tables {
            let ruled_out = |(_, remaining): &(u8, &B)| **remaining != B::ALL;
            let codes: Vec<_> = (0..=u8::MAX).zip(&table.remaining).filter(ruled_out).collect();
            match codes.len() {
                0..=FEW_CODES => {
                    exceptions.extend(codes.into_iter().map(|(code, &remaining)| Exception {
                        column: table.column,
                        code,
                        remaining,
                    }))
                }
                _ => others.push(table),
            }
        }
        Self { borders, exceptions, tables: others, answers }
    }

    pub fn add_answers(
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
            let remaining = &mut remaining[..sums.len() / shape.outputs];
            remaining.fill(B::ALL);
            let codes = Codes { all: codes, rows, first: block * ROWS, count: remaining.len() };
            wide(RuleOut, (self, codes, &mut *remaining));
            for (remaining, sums) in remaining.iter().zip(sums.chunks_exact_mut(shape.outputs)) {
                let answer = self.answers[remaining.first()];
                let sums = sums[shape.first(number)..].iter_mut();
                let answers = tree.answer(LEAF | answer, shape.width);
                sums.zip(answers).for_each(|(sum, answer)| *sum += answer);
            }
        }
    }
}

/// The codes of some of the rows, which stand column after column.
#[derive(Clone, Copy)]
struct Codes<'a> {
    all: &'a [u8],
    rows: usize,
    first: usize,
    count: usize,
}

impl<'a> Codes<'a> {
    #[inline(always)]
    fn of(self, column: u32) -> &'a [u8] {
        &self.all[column as usize * self.rows + self.first..][..self.count]
    }
}

/// Rules out what the splits of a tree do, for many rows.
struct RuleOut;

impl<B: Leaves> Work<(&Many<B>, Codes<'_>, &mut [B])> for RuleOut {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(_: S, (many, codes, remaining): (&Many<B>, Codes<'_>, &mut [B])) {
        for &border in &many.borders {
            for (remaining, &code) in remaining.iter_mut().zip(codes.of(border.column)) {
                *remaining &= border.remaining(code);
            }
        }
        for &exception in &many.exceptions {
            for (remaining, &code) in remaining.iter_mut().zip(codes.of(exception.column)) {
                *remaining &= B::all_if(code != exception.code) | exception.remaining;
            }
        }
        for table in &many.tables {
            for (remaining, &code) in remaining.iter_mut().zip(codes.of(table.column)) {
                *remaining &= table.remaining[usize::from(code)];
            }
        }
    }
}
