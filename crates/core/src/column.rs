//! The columns of a [`crate::Frame`]: plain typed vectors.

use std::collections::HashMap;
use std::sync::Arc;

/// The code of a missing word.
pub const MISSING_CODE: u32 = u32::MAX;

/// The value of a missing moment.
pub const MISSING_TIME: i64 = i64::MIN;

/// The values of one column as kernels see them.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numeric and boolean columns; NaN is missing, true is 1.
    Numbers(Vec<f64>),
    /// Categorical and text columns.
    Words(Words),
    /// Datetime columns in microseconds since 1970-01-01; [`MISSING_TIME`] is missing.
    Times(Vec<i64>),
}

impl Column {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(v) => v.len(),
            Self::Words(w) => w.codes.len(),
            Self::Times(v) => v.len(),
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
            Self::Times(v) => Self::Times(rows.iter().map(|&r| v[r as usize]).collect()),
            Self::Words(w) => Self::Words(Words {
                codes: rows.iter().map(|&r| w.codes[r as usize]).collect(),
                dictionary: Arc::clone(&w.dictionary),
            }),
        }
    }

    /// How many values are missing.
    pub fn missing(&self) -> usize {
        match self {
            Self::Numbers(v) => v.iter().filter(|x| x.is_nan()).count(),
            Self::Words(w) => w.codes.iter().filter(|&&c| c == MISSING_CODE).count(),
            Self::Times(v) => v.iter().filter(|&&t| t == MISSING_TIME).count(),
        }
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
        let mut seen: HashMap<&'a str, u32> = HashMap::new();
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
