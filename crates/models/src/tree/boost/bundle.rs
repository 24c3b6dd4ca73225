//! Neighbouring columns that are filled as one: those of which in every row at most one has another
//! code than usual, as the columns that one category was made of.
//! Method: exclusive feature bundling, Ke et al., *LightGBM*, NeurIPS 2017, section 4, without any
//! conflict, so that the sums stay those of the columns.

use std::borrow::Cow;
use std::ops::Range;

use super::super::histogram::CODES;
use super::sums::{ColumnSums, NOTHING, Pair, minus, plus};

/// How many rows say whether a column has a usual code at all.
const GLANCE: usize = 1 << 10;

/// One column, or a bundle of neighbours.
#[derive(Debug, PartialEq)]
pub(crate) struct Lane {
    pub(crate) columns: Range<usize>,
    /// The highest code.
    last: u8,
    /// The columns of a bundle; none where there is one column, as it is.
    members: Vec<Member>,
}

/// A column of a bundle.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Member {
    /// The code that most rows have.
    usual: u8,
    /// The highest code.
    last: u8,
    /// What stands for its first code that is not usual.
    first: u8,
}

impl Member {
    /// What stands for a code that is not usual.
    fn stands_for(&self, code: u8) -> u8 {
        self.first + code - u8::from(code > self.usual)
    }
}

/// The lanes of these columns, which have these highest codes.
pub(crate) fn lanes(columns: &[Vec<u8>], lasts: &[u8]) -> Vec<Lane> {
    let mut lanes = Vec::new();
    let mut at = 0;
    while at < columns.len() {
        let lane = lane(columns, lasts, at);
        at = lane.columns.end;
        lanes.push(lane);
    }
    lanes
}

/// The longest lane from this column on.
fn lane(columns: &[Vec<u8>], lasts: &[u8], start: usize) -> Lane {
    let rows = columns[start].len();
    let mut taken = Vec::new();
    let mut members = Vec::new();
    let mut next = 1_usize;
    for (column, &last) in columns.iter().zip(lasts).skip(start) {
        let Some(usual) = usual(column).filter(|_| next + usize::from(last) <= CODES) else {
            break;
        };
        taken.resize(rows, false);
        if column.iter().zip(&taken).any(|(&code, &taken)| taken && code != usual) {
            break;
        }
        taken.iter_mut().zip(column).for_each(|(taken, &code)| *taken |= code != usual);
        // Fits, since there are no more codes than a byte has.
        members.push(Member { usual, last, first: next as u8 });
        next += usize::from(last);
    }
    if members.len() < 2 {
        return Lane { columns: start..start + 1, last: lasts[start], members: Vec::new() };
    }
    Lane { columns: start..start + members.len(), last: (next - 1) as u8, members }
}

/// The code that more than half of the rows seem to have.
fn usual(column: &[u8]) -> Option<u8> {
    let glance = &column[..column.len().min(GLANCE)];
    let mut counts = [0_usize; CODES];
    glance.iter().for_each(|&code| counts[usize::from(code)] += 1);
    (0..=u8::MAX).find(|&code| 2 * counts[usize::from(code)] > glance.len())
}

impl Lane {
    /// The codes of the lane, row by row.
    pub(crate) fn codes<'c>(&self, columns: &'c [Vec<u8>]) -> Cow<'c, [u8]> {
        let columns = &columns[self.columns.clone()];
        if self.members.is_empty() {
            return Cow::Borrowed(&columns[0]);
        }
        let mut codes = vec![0; columns[0].len()];
        for (member, column) in self.members.iter().zip(columns) {
            for (to, &code) in codes.iter_mut().zip(column) {
                if code != member.usual {
                    *to = member.stands_for(code);
                }
            }
        }
        Cow::Owned(codes)
    }

    /// Empties the histogram of the lane, which stands in the place of its first column's.
    pub(crate) fn clear(&self, histogram: &mut ColumnSums) {
        histogram[..=usize::from(self.last)].fill(NOTHING);
    }

    /// Makes the histograms of the lane's columns of that of the lane, which the first of them holds;
    /// `whole` is the sum of all rows.
    pub(crate) fn spread(&self, histograms: &mut [ColumnSums], whole: Pair) {
        let Some((lane, others)) = histograms.split_first_mut() else { return };
        let Some((first, members)) = self.members.split_first() else { return };
        for (member, sums) in members.iter().zip(others) {
            let mut rest = whole;
            for code in (0..=member.last).filter(|&code| code != member.usual) {
                let cell = lane[usize::from(member.stands_for(code))];
                sums[usize::from(code)] = cell;
                rest = minus(rest, cell);
            }
            sums[usize::from(member.usual)] = rest;
        }
        // The first stands for its own codes, those below the usual one a place higher.
        let unusual = &lane[1..=usize::from(first.last)];
        let rest = minus(whole, unusual.iter().copied().fold(NOTHING, plus));
        lane.copy_within(1..=usize::from(first.usual), 0);
        lane[usize::from(first.usual)] = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns are as many lanes, of these widths, whose histograms are those of each column by
    /// itself.
    #[track_caller]
    fn check(columns: &[Vec<u8>], widths: &[usize]) {
        let lasts: Vec<u8> = columns.iter().map(|c| c.iter().copied().max().unwrap_or(0)).collect();
        let lanes = lanes(columns, &lasts);
        let found: Vec<usize> = lanes.iter().map(|lane| lane.columns.len()).collect();
        assert_eq!(found, widths);
        let pair = |row: usize| [3 * row as i64 - 7, 1 + row as i64];
        let sums = |codes: &[u8]| {
            let mut sums = [NOTHING; CODES];
            for (row, &code) in codes.iter().enumerate() {
                sums[usize::from(code)] = plus(sums[usize::from(code)], pair(row));
            }
            sums
        };
        let whole = (0..columns[0].len()).map(pair).fold(NOTHING, plus);
        for lane in lanes {
            let mut histograms = vec![[[9; 2]; CODES]; lane.columns.len()];
            histograms[0] = sums(&lane.codes(columns));
            lane.spread(&mut histograms, whole);
            for (column, histogram) in lane.columns.zip(histograms) {
                let last = usize::from(lasts[column]);
                assert_eq!(histogram[..=last], sums(&columns[column])[..=last], "column {column}");
            }
        }
    }

    #[test]
    fn the_columns_of_one_category_are_one_lane() {
        check(&[vec![2, 1, 1, 1, 1], vec![1, 2, 2, 1, 1], vec![1, 1, 1, 2, 1]], &[3]);
    }

    #[test]
    fn columns_that_differ_in_one_row_stand_alone() {
        check(&[vec![2, 1, 1, 1, 1], vec![2, 2, 1, 1, 1]], &[1, 1]);
    }

    #[test]
    fn a_column_without_a_usual_code_stands_alone() {
        check(&[vec![1, 2, 3, 4, 5], vec![1, 1, 1, 1, 2], vec![1, 2, 1, 1, 1]], &[1, 2]);
    }

    #[test]
    fn the_usual_code_may_be_any() {
        check(&[vec![0, 2, 2, 2, 2, 3], vec![7, 5, 7, 0, 7, 7], vec![0; 6]], &[3]);
    }

    #[test]
    fn more_codes_than_a_byte_has_are_several_lanes() {
        let column = |at: usize| {
            let mut codes = vec![0; 400];
            (0..100).for_each(|code| codes[100 * at + code] = code as u8 + 1);
            codes
        };
        check(&[column(1), column(2), column(3)], &[2, 1]);
    }
}
