//! Row by row, all trees at once: for each code of each column stands in one line what it leaves of the leaves of every
//! tree, so that a row needs as many lines as there are columns, with many trees in a register.

use super::super::bins::ColumnBins;
use super::super::grove::Shape;
use super::super::nodes::{LEAF, Tree};
use super::{Leaves, Rules};
use crate::simd::{Simd, Work, wide};

/// How many bytes all lines may take: what a processor has in its own memory.
const BYTES: usize = 2 << 20;

/// What remains of the leaves of all trees for each code of each column, and what their leaves answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tables<B> {
    trees: usize,
    /// The columns that the trees ask about, and where the lines of each begin.
    columns: Vec<(usize, usize)>,
    /// `[columns, codes, trees]`.
    remaining: Vec<B>,
    /// `[trees, leaves, width]`, with as many leaves as there are bits.
    answers: Vec<f64>,
}

impl<B: Leaves> Tables<B> {
    /// Nothing where they would take too much room.
    pub fn of(
        rules: &[Rules<B>],
        trees: &[Tree],
        bins: &[ColumnBins],
        width: usize,
    ) -> Option<Self> {
        let codes = |column: usize| usize::from(bins[column].last()) + 1;
        let asked = |column: &usize| rules.iter().any(|rules| rules.ask_about(*column as u32));
        let asked: Vec<usize> = (0..bins.len()).filter(asked).collect();
        let lines: usize = asked.iter().map(|column| codes(*column)).sum();
        let bytes = lines * size_of::<B>() + B::MOST * width * size_of::<f64>();
        if bytes.saturating_mul(trees.len()) > BYTES {
            return None;
        }
        let count = trees.len();
        let mut tables = Self {
            trees: count,
            columns: Vec::new(),
            remaining: Vec::with_capacity(lines * count),
            answers: vec![0.0; count * B::MOST * width],
        };
        for column in asked {
            tables.columns.push((column, tables.remaining.len()));
            for code in (0..=u8::MAX).take(codes(column)) {
                let line = rules.iter().map(|rules| rules.remaining(column as u32, code));
                tables.remaining.extend(line);
            }
        }
        let places = tables.answers.chunks_exact_mut(B::MOST * width);
        for ((places, rules), tree) in places.zip(rules).zip(trees) {
            for (place, &answer) in places.chunks_exact_mut(width).zip(&rules.answers) {
                place.copy_from_slice(tree.answer(LEAF | answer, width));
            }
        }
        Some(tables)
    }

    /// Adds the answers of all trees for each row; codes are `[rows, columns]`.
    pub fn add_rows(&self, codes: &[u8], columns: usize, shape: Shape, sums: &mut [f64]) {
        wide(AddRows, (self, codes, columns, shape, sums));
    }

    /// The line of a column for a row.
    #[inline(always)]
    fn line(&self, (column, first): (usize, usize), codes: &[u8]) -> &[B] {
        &self.remaining[first + usize::from(codes[column]) * self.trees..][..self.trees]
    }
}

/// Adds the answers of all trees for each row, in the order of the trees.
struct AddRows;

impl<B: Leaves> Work<(&Tables<B>, &[u8], usize, Shape, &mut [f64])> for AddRows {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(
        _: S,
        (tables, codes, columns, shape, sums): (&Tables<B>, &[u8], usize, Shape, &mut [f64]),
    ) {
        let mut remaining = vec![B::ALL; tables.trees];
        for (codes, sums) in codes.chunks_exact(columns).zip(sums.chunks_exact_mut(shape.outputs)) {
            remaining.fill(B::ALL);
            for &column in &tables.columns {
                let line = tables.line(column, codes);
                remaining.iter_mut().zip(line).for_each(|(left, line)| *left &= *line);
            }
            let answers = tables.answers.chunks_exact(B::MOST * shape.width);
            if let ([sum], 1) = (&mut *sums, shape.width) {
                for (left, answers) in remaining.iter().zip(answers) {
                    *sum += answers[left.first()];
                }
                continue;
            }
            for (number, (left, answers)) in remaining.iter().zip(answers).enumerate() {
                let sums = sums[shape.first(number)..].iter_mut();
                let answer = &answers[left.first() * shape.width..][..shape.width];
                sums.zip(answer).for_each(|(sum, answer)| *sum += answer);
            }
        }
    }
}
