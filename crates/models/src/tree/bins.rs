//! Columns as one-byte codes: the only form of the data that trees see.
//!
//! Code 0 stands for a missing value, and for a category that training did not see. Numbers have
//! codes from 1 upwards in their own order, categories in the order of the bytes of their words.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;
use gristmill_core::{Column, Error, Field, Frame, Notes, Result, Words};
use rayon::prelude::*;

/// The most bins a column can have besides the one for missing values.
pub(crate) const MAX_BINS: usize = 255;

/// How the values of one column become codes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ColumnBins {
    /// Rising borders; a number has the code 1 + how many borders lie below it.
    Numbers(Vec<f64>),
    /// The known categories; the first has code 1.
    Words(Categories),
}

/// The categories of a column in the order of their codes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Categories {
    names: Vec<String>,
    codes: HashMap<String, u8, RandomState>,
}

impl Categories {
    /// Categories in this order, of which there are at most [`MAX_BINS`].
    pub(crate) fn new(names: Vec<String>) -> Self {
        let codes = names.iter().cloned().zip(1..=u8::MAX).collect();
        Self { names, codes }
    }

    /// The words in the order of their codes.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// How many different words there are.
    pub(crate) fn distinct(&self) -> usize {
        self.codes.len()
    }

    fn code(&self, word: &str) -> u8 {
        self.codes.get(word).copied().unwrap_or(0)
    }
}

impl ColumnBins {
    /// The highest code.
    pub(crate) fn last(&self) -> u8 {
        match self {
            Self::Numbers(borders) => borders.len() as u8 + 1,
            Self::Words(categories) => categories.names.len() as u8,
        }
    }
}

/// Learns for every column of `frame` how its values become codes; borders between numbers from so
/// many rows at most, taken at equal distances.
pub(crate) fn learn(
    frame: &Frame,
    bins: usize,
    sample: usize,
    notes: &Notes,
) -> Result<Vec<ColumnBins>> {
    frame
        .schema()
        .fields()
        .par_iter()
        .zip(frame.columns())
        .map(|(field, column)| learn_column(field, column, bins, sample, notes))
        .collect()
}

fn learn_column(
    field: &Field,
    column: &Column,
    bins: usize,
    sample: usize,
    notes: &Notes,
) -> Result<ColumnBins> {
    match column {
        Column::Numbers(values) => Ok(ColumnBins::Numbers(borders(values, bins, sample))),
        Column::Words(words) => {
            Ok(ColumnBins::Words(Categories::new(frequent_words(field, words, bins, notes))))
        }
        Column::Sparse(_) | Column::Times(_) | Column::Images(_) => Err(not_binned(field)),
    }
}

fn not_binned(field: &Field) -> Error {
    Error::Bug(format!("column `{}` ({}) was asked for bins", field.name, field.semantic))
}

/// Borders between the values of a column: halfway between neighbours while there are enough bins
/// for all distinct values, else such that bins hold about equally many rows.
fn borders(values: &[f64], bins: usize, sample: usize) -> Vec<f64> {
    let distinct = if values.len() > sample {
        distinct_with_counts((0..sample).map(|at| values[at * values.len() / sample]))
    } else {
        distinct_with_counts(values.iter().copied())
    };
    let groups = if distinct.len() <= bins {
        (1..distinct.len()).collect()
    } else {
        equal_groups(&distinct, bins)
    };
    groups.into_iter().map(|g| halfway(distinct[g - 1].0, distinct[g].0)).collect()
}

/// The values in rising order, each once, with how often it stands there.
fn distinct_with_counts(values: impl Iterator<Item = f64>) -> Vec<(f64, usize)> {
    // Adding zero makes one zero of the two that floats have.
    let mut sorted: Vec<f64> = values.filter(|v| !v.is_nan()).map(|v| v + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|group| (group[0], group.len())).collect()
}

/// Where groups of about equally many rows start, without the first. A value that fills a group of
/// its own does not make the groups after it larger.
fn equal_groups(distinct: &[(f64, usize)], bins: usize) -> Vec<usize> {
    let mut rows_left: usize = distinct.iter().map(|(_, count)| count).sum();
    let mut starts = Vec::with_capacity(bins);
    let mut filled = 0;
    for (at, &(_, count)) in distinct.iter().enumerate() {
        let groups_left = bins - starts.len();
        // A value joins the group while at least half of it fits in.
        if filled > 0 && groups_left > 1 && 2 * filled + count > 2 * (rows_left / groups_left) {
            starts.push(at);
            rows_left -= filled;
            filled = 0;
        }
        filled += count;
    }
    starts
}

/// A finite number that is at least `low` and below `high`.
fn halfway(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    let border = if middle >= low && middle < high { middle } else { low };
    border.clamp(f64::MIN, f64::MAX)
}

/// The categories that get a bin: all of them, or the most frequent.
fn frequent_words(field: &Field, words: &Words, bins: usize, notes: &Notes) -> Vec<String> {
    let mut counts = vec![0usize; words.dictionary.len()];
    for &code in &words.codes {
        if let Some(count) = counts.get_mut(code as usize) {
            *count += 1;
        }
    }
    let mut seen: Vec<(usize, &String)> =
        counts.into_iter().zip(words.dictionary.iter()).filter(|(count, _)| *count > 0).collect();
    if seen.len() > bins {
        notes.add(format!(
            "column `{}` has {} categories; trees tell the {bins} most frequent apart and treat \
             the others as missing",
            field.name,
            seen.len()
        ));
        seen.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        seen.truncate(bins);
    }
    let mut names: Vec<String> = seen.into_iter().map(|(_, word)| word.clone()).collect();
    names.sort_unstable();
    names
}

/// The codes of every column of `frame`, column by column.
pub(crate) fn encode(bins: &[ColumnBins], frame: &Frame) -> Result<Vec<Vec<u8>>> {
    (0..bins.len())
        .into_par_iter()
        .map(|at| {
            let mut codes = vec![0; frame.rows()];
            encode_column(bins, frame, at, 0..frame.rows(), |row, code| codes[row] = code)?;
            Ok(codes)
        })
        .collect()
}

/// The codes of the rows in `range`, row by row.
pub(crate) fn encode_rows(
    bins: &[ColumnBins],
    frame: &Frame,
    range: Range<usize>,
) -> Result<Vec<u8>> {
    let width = bins.len();
    let mut codes = vec![0; range.len() * width];
    for at in 0..width {
        encode_column(bins, frame, at, range.clone(), |row, code| codes[row * width + at] = code)?;
    }
    Ok(codes)
}

/// The codes of the rows in `range`, column by column.
pub(crate) fn encode_columns(
    bins: &[ColumnBins],
    frame: &Frame,
    range: Range<usize>,
) -> Result<Vec<u8>> {
    let rows = range.len();
    let mut codes = vec![0; rows * bins.len()];
    for (at, codes) in codes.chunks_mut(rows.max(1)).enumerate() {
        encode_column(bins, frame, at, range.clone(), |row, code| codes[row] = code)?;
    }
    Ok(codes)
}

/// Hands the code of each row of one column to `put`, rows counted from the start of `range`.
fn encode_column(
    bins: &[ColumnBins],
    frame: &Frame,
    at: usize,
    range: Range<usize>,
    mut put: impl FnMut(usize, u8),
) -> Result<()> {
    match (&bins[at], &frame.columns()[at]) {
        (ColumnBins::Numbers(borders), Column::Numbers(values)) => {
            for (row, &value) in values[range].iter().enumerate() {
                put(row, number_code(borders, value));
            }
        }
        (ColumnBins::Words(categories), Column::Words(words)) => {
            if range.len() < words.dictionary.len() {
                // The dictionary may be that of a table of which these are a few rows.
                for (to, row) in range.enumerate() {
                    put(to, words.get(row).map_or(0, |word| categories.code(word)));
                }
                return Ok(());
            }
            if let [word] = words.dictionary.as_slice() {
                let code = categories.code(word);
                let codes = words.codes[range].iter().enumerate();
                codes.for_each(|(row, at)| put(row, if *at == 0 { code } else { 0 }));
                return Ok(());
            }
            let known = words.translate(|word| categories.code(word));
            for (row, &code) in words.codes[range].iter().enumerate() {
                put(row, known.get(code as usize).copied().unwrap_or(0));
            }
        }
        _ => return Err(not_binned(&frame.schema().fields()[at])),
    }
    Ok(())
}

fn number_code(borders: &[f64], value: f64) -> u8 {
    if value.is_nan() { 0 } else { 1 + borders.partition_point(|&border| border < value) as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const N: usize>(values: &[f64], bins: usize, expected: [f64; N]) {
        assert_eq!(borders(values, bins, usize::MAX), expected);
    }

    #[test] // by hand
    fn borders_lie_halfway_between_distinct_values() {
        check(&[4., 1., 2., 2., 1.], 255, [1.5, 3.]);
    }

    #[test] // by hand: 6 rows in 3 bins
    fn too_many_values_share_bins_of_equal_size() {
        check(&[1., 2., 3., 4., 5., 6.], 3, [2.5, 4.5]);
    }

    #[test] // by hand: the zeros fill the first of 3 bins, the 4 others share two
    fn a_frequent_value_gets_a_bin_of_its_own() {
        check(&[0., 0., 0., 0., 0., 0., 1., 2., 3., 4.], 3, [0.5, 2.5]);
    }

    #[test]
    fn a_constant_column_has_no_border() {
        check(&[7., 7., f64::NAN], 255, []);
    }

    #[test]
    fn a_column_without_values_has_no_border() {
        check(&[f64::NAN], 255, []);
    }

    #[test]
    fn borders_of_extreme_values_are_finite() {
        check(&[f64::NEG_INFINITY, f64::MAX, f64::INFINITY], 255, [f64::MIN, f64::MAX]);
    }

    #[test]
    fn neighbouring_floats_stay_apart() {
        let next = 1.0_f64.next_up();
        check(&[1.0, next], 255, [1.0]);
        assert_eq!([number_code(&[1.0], 1.0), number_code(&[1.0], next)], [1, 2]);
    }

    #[test]
    fn missing_numbers_have_code_zero() {
        assert_eq!(number_code(&[1.5], f64::NAN), 0);
    }

    #[test]
    fn there_are_never_more_bins_than_asked_for() {
        for rows in [2usize, 10, 254, 255, 256, 257, 1000, 10_007] {
            for bins in [2, 3, 17, 255] {
                let values: Vec<f64> = (0..rows).map(|i| ((i * 7919) % rows) as f64).collect();
                let found = borders(&values, bins, usize::MAX).len();
                assert_eq!(found, rows.min(bins) - 1, "{rows} rows in {bins} bins");
            }
        }
    }
}
