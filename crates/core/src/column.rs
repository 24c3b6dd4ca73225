//! The columns of a [`crate::Frame`]: plain typed vectors.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::{Error, Result};

/// The code of a missing word.
pub const MISSING_CODE: u32 = u32::MAX;

/// The value of a missing moment.
pub const MISSING_TIME: i64 = i64::MIN;

/// The values of one column as kernels see them.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numeric and boolean columns; NaN is missing, true is 1.
    Numbers(Vec<f64>),
    /// Numeric columns that are 0 in most rows, such as counts of words. Only steps that say
    /// `takes_sparse` ever see one.
    Sparse(SparseNumbers),
    /// Categorical and text columns.
    Words(Words),
    /// Datetime columns in microseconds since 1970-01-01; [`MISSING_TIME`] is missing.
    Times(Vec<i64>),
    /// Image columns: the bytes of each as they came, which rows that are taken share. Whether they can be decoded
    /// says whoever needs the pixels.
    Images(Vec<Option<Arc<[u8]>>>),
}

impl Column {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(v) => v.len(),
            Self::Sparse(s) => s.len(),
            Self::Words(w) => w.codes.len(),
            Self::Times(v) => v.len(),
            Self::Images(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        match self {
            Self::Numbers(v) => Self::Numbers(rows.iter().map(|&r| v[r as usize]).collect()),
            Self::Sparse(s) => Self::Sparse(s.take(rows)),
            Self::Times(v) => Self::Times(rows.iter().map(|&r| v[r as usize]).collect()),
            Self::Images(v) => Self::Images(rows.iter().map(|&r| v[r as usize].clone()).collect()),
            Self::Words(w) => Self::Words(Words {
                codes: rows.iter().map(|&r| w.codes[r as usize]).collect(),
                dictionary: Arc::clone(&w.dictionary),
            }),
        }
    }

    /// The values in `range`.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        match self {
            Self::Numbers(v) => Self::Numbers(v[range].to_vec()),
            Self::Sparse(s) => Self::Sparse(s.slice(range)),
            Self::Times(v) => Self::Times(v[range].to_vec()),
            Self::Images(v) => Self::Images(v[range].to_vec()),
            Self::Words(w) => Self::Words(Words {
                codes: w.codes[range].to_vec(),
                dictionary: Arc::clone(&w.dictionary),
            }),
        }
    }

    /// How many values are missing.
    pub fn missing(&self) -> usize {
        match self {
            Self::Numbers(v) => v.iter().filter(|x| x.is_nan()).count(),
            Self::Sparse(s) => s.values().iter().filter(|x| x.is_nan()).count(),
            Self::Words(w) => w.codes.iter().filter(|&&c| c == MISSING_CODE).count(),
            Self::Times(v) => v.iter().filter(|&&t| t == MISSING_TIME).count(),
            Self::Images(v) => v.iter().filter(|image| image.is_none()).count(),
        }
    }
}

/// Numbers of which most are 0: only the others are kept, with their rows in rising order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseNumbers {
    rows: Vec<u32>,
    values: Vec<f64>,
    len: usize,
}

impl SparseNumbers {
    /// `len` numbers, of which those at `rows` are `values` and all others 0.
    ///
    /// # Errors
    /// [`Error::Bug`] when rows do not rise, lie beyond `len` or are not one for each value.
    pub fn new(rows: Vec<u32>, values: Vec<f64>, len: usize) -> Result<Self> {
        let rises = rows.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = rows.last().is_none_or(|&last| (last as usize) < len);
        if !rises || !inside || rows.len() != values.len() {
            return Err(Error::Bug("the rows of a sparse column are out of order".into()));
        }
        Ok(Self { rows, values, len })
    }

    /// How many numbers there are, zeros included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rows that are kept, in rising order.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The number at each of [`SparseNumbers::rows`].
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The rows in `range` with their numbers; rows are still those of the whole column.
    pub fn within(&self, range: Range<usize>) -> (&[u32], &[f64]) {
        let from = self.rows.partition_point(|&r| (r as usize) < range.start);
        let to = self.rows.partition_point(|&r| (r as usize) < range.end);
        (&self.rows[from..to], &self.values[from..to])
    }

    /// All numbers, zeros written out.
    pub fn to_dense(&self) -> Vec<f64> {
        let mut dense = vec![0.0; self.len];
        for (&row, &value) in self.rows.iter().zip(&self.values) {
            dense[row as usize] = value;
        }
        dense
    }

    /// The numbers at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let found = rows.iter().zip(0u32..).filter_map(|(row, at)| {
            self.rows.binary_search(row).ok().map(|kept| (at, self.values[kept]))
        });
        let (kept, values) = found.unzip();
        Self { rows: kept, values, len: rows.len() }
    }

    /// The numbers in `range`.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let (rows, values) = self.within(range.clone());
        let rows = rows.iter().map(|r| r - range.start as u32).collect();
        Self { rows, values: values.to_vec(), len: range.len() }
    }
}

/// Words as codes into a dictionary of this column's own.
///
/// The dictionary belongs to the batch, not to the model: it holds each distinct word of a
/// categorical column once (a text column may repeat words), in the order of appearance. A fitted
/// step that knows its own categories translates the dictionary once with [`Words::translate`]
/// and then maps codes, so one row and a million take the same path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// One code for each row; [`MISSING_CODE`] is missing.
    pub codes: Vec<u32>,
    /// The words that the codes stand for. It may hold words that no row uses.
    pub dictionary: Arc<Vec<String>>,
}

impl Words {
    /// Codes for these values; distinct words get distinct codes in the order of appearance.
    pub fn new<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut seen: HashMap<&'a str, u32, RandomState> = HashMap::default();
        let mut dictionary = Vec::new();
        let codes = values
            .into_iter()
            .map(|value| match value {
                None => MISSING_CODE,
                Some(word) => *seen.entry(word).or_insert_with(|| {
                    dictionary.push(word.to_string());
                    dictionary.len() as u32 - 1
                }),
            })
            .collect();
        Self { codes, dictionary: Arc::new(dictionary) }
    }

    /// The word at `row`, or nothing when it is missing.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.dictionary.get(self.codes[row] as usize).map(String::as_str)
    }

    /// The words row by row.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.codes.len()).map(|row| self.get(row))
    }

    /// For each word of the dictionary, what `known` says of it.
    pub fn translate<T>(&self, known: impl FnMut(&str) -> T) -> Vec<T> {
        self.dictionary.iter().map(String::as_str).map(known).collect()
    }
}
