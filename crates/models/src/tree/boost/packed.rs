//! Columns in groups of a few, whose codes stand side by side: one look at a row fills the
//! histograms of all columns of a group, which the first-level cache can hold.

use std::ops::Range;

use rayon::prelude::*;

use super::super::histogram::CODES;
use super::sums::{ColumnSums, NOTHING, Pair, plus};

/// How many columns a group has at most: so many histograms take 24 of the 32 KiB of a usual
/// first-level cache.
const MAX_WIDTH: usize = 6;

/// How many rows are worth a histogram of their own, to be filled on another thread.
const ROWS_APART: usize = 1 << 15;

/// How many rows are fetched at a time.
const FETCHED: usize = 64;

/// Some rows.
#[derive(Clone)]
pub(crate) enum Rows<'a> {
    /// All in this range.
    Between(Range<usize>),
    These(&'a [u32]),
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Between(range) => range.len(),
            Self::These(rows) => rows.len(),
        }
    }

    /// The rows at these positions among them.
    fn part(&self, part: Range<usize>) -> Rows<'_> {
        match self {
            Self::Between(range) => Rows::Between(range.start + part.start..range.start + part.end),
            Self::These(rows) => Rows::These(&rows[part]),
        }
    }
}

/// The codes of all rows.
pub(crate) struct Packed {
    pub(crate) groups: Vec<Group>,
}

/// The codes of neighbouring columns.
pub(crate) struct Group {
    pub(crate) columns: Range<usize>,
    /// Row by row.
    codes: Vec<u8>,
}

impl Packed {
    /// Groups of columns of about equal width.
    pub(crate) fn new(columns: &[Vec<u8>]) -> Self {
        let count = columns.len();
        // An even number of groups keeps two threads equally busy.
        let groups = count.div_ceil(MAX_WIDTH).next_multiple_of(2).min(count);
        let groups = (0..groups)
            .into_par_iter()
            .map(|g| {
                let range = g * count / groups..(g + 1) * count / groups;
                Group { codes: interleave(&columns[range.clone()]), columns: range }
            })
            .collect();
        Self { groups }
    }
}

fn interleave(columns: &[Vec<u8>]) -> Vec<u8> {
    let width = columns.len();
    let mut codes = vec![0; columns.first().map_or(0, Vec::len) * width];
    for (at, column) in columns.iter().enumerate() {
        codes[at..].iter_mut().step_by(width).zip(column).for_each(|(to, &code)| *to = code);
    }
    codes
}

impl Group {
    /// Adds rows to the histograms of the group's columns, in so many parts at a time.
    pub(crate) fn add(
        &self,
        pairs: &[Pair],
        rows: &Rows<'_>,
        histograms: &mut [ColumnSums],
        parts: usize,
    ) {
        let parts = parts.min(rows.len() / ROWS_APART);
        if parts < 2 {
            return self.add_rows(pairs, rows, histograms);
        }
        let sums = (0..parts).into_par_iter().map(|part| {
            let mut sums = vec![[NOTHING; CODES]; histograms.len()];
            let range = part * rows.len() / parts..(part + 1) * rows.len() / parts;
            self.add_rows(pairs, &rows.part(range), &mut sums);
            sums
        });
        let sums: Vec<Vec<ColumnSums>> = sums.collect();
        sums.iter().for_each(|part| add_all(histograms, part));
    }

    fn add_rows(&self, pairs: &[Pair], rows: &Rows<'_>, histograms: &mut [ColumnSums]) {
        match histograms.len() {
            1 => self.add_wide::<1>(pairs, rows, histograms),
            2 => self.add_wide::<2>(pairs, rows, histograms),
            3 => self.add_wide::<3>(pairs, rows, histograms),
            4 => self.add_wide::<4>(pairs, rows, histograms),
            5 => self.add_wide::<5>(pairs, rows, histograms),
            _ => self.add_wide::<MAX_WIDTH>(pairs, rows, histograms),
        }
    }

    fn add_wide<const W: usize>(
        &self,
        pairs: &[Pair],
        rows: &Rows<'_>,
        histograms: &mut [ColumnSums],
    ) {
        let Some(histograms) = histograms.first_chunk_mut::<W>() else { return };
        let (codes, _) = self.codes.as_chunks::<W>();
        match rows {
            Rows::Between(range) => {
                let rows = codes[range.clone()].iter().zip(&pairs[range.clone()]);
                rows.for_each(|(codes, pair)| add_row(histograms, codes, *pair));
            }
            Rows::These(rows) => {
                // Rows are fetched some at a time, so that the waits for memory overlap.
                let mut fetched = [([0; W], NOTHING); FETCHED];
                for rows in rows.chunks(FETCHED) {
                    for (fetched, &row) in fetched.iter_mut().zip(rows) {
                        *fetched = (codes[row as usize], pairs[row as usize]);
                    }
                    for (codes, pair) in &fetched[..rows.len()] {
                        add_row(histograms, codes, *pair);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn add_row<const W: usize>(histograms: &mut [ColumnSums; W], codes: &[u8; W], pair: Pair) {
    for (histogram, &code) in histograms.iter_mut().zip(codes) {
        let cell = &mut histogram[usize::from(code)];
        *cell = plus(*cell, pair);
    }
}

/// Adds histograms to others.
fn add_all(to: &mut [ColumnSums], from: &[ColumnSums]) {
    for (to, from) in to.as_flattened_mut().iter_mut().zip(from.as_flattened()) {
        *to = plus(*to, *from);
    }
}
