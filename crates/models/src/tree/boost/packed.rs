//! Lanes of columns in groups of a few, whose codes stand side by side: one look at a row fills the
//! histograms of all lanes of a group, which the first-level cache can hold.

use std::ops::Range;

use rayon::prelude::*;

use super::super::histogram::CODES;
use super::bundle::{Lane, lanes};
use super::sums::{ColumnSums, NOTHING, Pair, plus};

/// How many lanes a group has at most: so many histograms take 24 of the 32 KiB of a usual
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
    lanes: Vec<Lane>,
    /// Those of its lanes, row by row.
    codes: Vec<u8>,
}

impl Packed {
    /// Groups of about equal width of these columns, which have these highest codes.
    pub(crate) fn new(columns: &[Vec<u8>], lasts: &[u8]) -> Self {
        let mut lanes = lanes(columns, lasts);
        let count = lanes.len();
        // An even number of groups keeps two threads equally busy.
        let groups = count.div_ceil(MAX_WIDTH).next_multiple_of(2).min(count);
        let widths = (0..groups).map(|g| (g + 1) * count / groups - g * count / groups);
        let dealt: Vec<Vec<Lane>> = widths.map(|width| lanes.drain(..width).collect()).collect();
        Self { groups: dealt.into_par_iter().map(|lanes| Group::new(columns, lanes)).collect() }
    }
}

impl Group {
    /// A group of neighbouring lanes of these columns.
    fn new(columns: &[Vec<u8>], lanes: Vec<Lane>) -> Self {
        let width = lanes.len();
        let mut codes = vec![0; columns.first().map_or(0, Vec::len) * width];
        for (at, lane) in lanes.iter().enumerate() {
            let places = codes[at..].iter_mut().step_by(width);
            places.zip(lane.codes(columns).iter()).for_each(|(to, &code)| *to = code);
        }
        let ends = |lane: &Lane| lane.columns.clone();
        let start = lanes.first().map_or(0, |lane| ends(lane).start);
        let end = lanes.last().map_or(0, |lane| ends(lane).end);
        Self { columns: start..end, lanes, codes }
    }

    /// Fills the histograms of the group's columns with rows whose sum is `whole`, in so many parts at
    /// a time.
    pub(crate) fn fill(
        &self,
        pairs: &[Pair],
        rows: &Rows<'_>,
        histograms: &mut [ColumnSums],
        (whole, parts): (Pair, usize),
    ) {
        let mut slots = self.slots(histograms);
        slots.iter_mut().zip(&self.lanes).for_each(|(slot, lane)| lane.clear(slot));
        let parts = parts.min(rows.len() / ROWS_APART);
        if parts < 2 {
            self.add_rows(pairs, rows, slots);
        } else {
            let sums = (0..parts).into_par_iter().map(|part| {
                let mut sums = vec![[NOTHING; CODES]; self.lanes.len()];
                let range = part * rows.len() / parts..(part + 1) * rows.len() / parts;
                self.add_rows(pairs, &rows.part(range), sums.iter_mut().collect());
                sums
            });
            let sums: Vec<Vec<ColumnSums>> = sums.collect();
            sums.iter().for_each(|part| add_all(&mut slots, part));
        }
        let mut histograms = histograms;
        for lane in &self.lanes {
            let of_lane = histograms.split_off_mut(..lane.columns.len()).unwrap_or_default();
            lane.spread(of_lane, whole);
        }
    }

    /// Where the histogram of each lane stands: in the place of its first column's.
    fn slots<'h>(&self, mut histograms: &'h mut [ColumnSums]) -> Vec<&'h mut ColumnSums> {
        let of_lane = |lane: &Lane| histograms.split_off_mut(..lane.columns.len())?.first_mut();
        self.lanes.iter().filter_map(of_lane).collect()
    }

    fn add_rows(&self, pairs: &[Pair], rows: &Rows<'_>, histograms: Vec<&mut ColumnSums>) {
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
        histograms: Vec<&mut ColumnSums>,
    ) {
        let Ok(mut histograms) = <[&mut ColumnSums; W]>::try_from(histograms) else { return };
        let (codes, _) = self.codes.as_chunks::<W>();
        match rows {
            Rows::Between(range) => {
                let rows = codes[range.clone()].iter().zip(&pairs[range.clone()]);
                rows.for_each(|(codes, pair)| add_row(&mut histograms, codes, *pair));
            }
            Rows::These(rows) => {
                // Rows are fetched some at a time, so that the waits for memory overlap.
                let mut fetched = [([0; W], NOTHING); FETCHED];
                for rows in rows.chunks(FETCHED) {
                    for (fetched, &row) in fetched.iter_mut().zip(rows) {
                        *fetched = (codes[row as usize], pairs[row as usize]);
                    }
                    for (codes, pair) in &fetched[..rows.len()] {
                        add_row(&mut histograms, codes, *pair);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn add_row<const W: usize>(histograms: &mut [&mut ColumnSums; W], codes: &[u8; W], pair: Pair) {
    for (histogram, &code) in histograms.iter_mut().zip(codes) {
        let cell = &mut histogram[usize::from(code)];
        *cell = plus(*cell, pair);
    }
}

/// Adds histograms to others.
fn add_all(to: &mut [&mut ColumnSums], from: &[ColumnSums]) {
    for (to, from) in to.iter_mut().zip(from) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = plus(*to, *from));
    }
}
