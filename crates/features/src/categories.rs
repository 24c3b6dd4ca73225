//! Categories: counting them in training, ordering them, and finding them again in later rows.
//!
//! A category is a word. Those of numeric columns are spelled as the shortest number that reads
//! back to the same bits, those of boolean columns as `false` and `true`.

use std::collections::{BTreeMap, HashMap};

use gristmill_core::graph::{Graph, Kind, Value, Wire};
use gristmill_core::{Column, Error, Field, MISSING_CODE, PhysicalType, Result, Rows, Words};
use serde::{Deserialize, Serialize};

/// The code of a category that training never saw. No encoding has that many categories.
pub(crate) const UNKNOWN: u32 = u32::MAX - 1;

/// How often each category was seen, and how often none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) words: BTreeMap<String, u64>,
    pub(crate) missing: u64,
}

impl Counts {
    /// The counts of the column at `at`.
    pub(crate) fn of(rows: &Rows<'_>, at: usize) -> Result<Self> {
        match rows.frame.columns().get(at) {
            Some(Column::Words(_)) => {
                let (codes, dictionary) = rows.words(at)?;
                Ok(Self::of_words(codes, dictionary))
            }
            Some(Column::Sparse(numbers)) => {
                let values = numbers.slice(rows.range.clone()).to_dense();
                Ok(Self::of_numbers(&values, &rows.frame.schema().fields()[at]))
            }
            _ => Ok(Self::of_numbers(rows.numbers(at)?, &rows.frame.schema().fields()[at])),
        }
    }

    fn of_words(codes: &[u32], dictionary: &[String]) -> Self {
        let mut counts = vec![0u64; dictionary.len()];
        let mut missing = 0;
        for &code in codes {
            match counts.get_mut(code as usize) {
                Some(count) => *count += 1,
                None => missing += 1,
            }
        }
        let mut words = BTreeMap::new();
        for (word, count) in dictionary.iter().zip(counts).filter(|(_, count)| *count > 0) {
            *words.entry(word.clone()).or_default() += count;
        }
        Self { words, missing }
    }

    fn of_numbers(values: &[f64], field: &Field) -> Self {
        let mut counts: HashMap<u64, u64> = HashMap::new();
        let mut missing = 0;
        for &value in values {
            if value.is_nan() {
                missing += 1;
            } else {
                *counts.entry(bits(value)).or_default() += 1;
            }
        }
        let words = counts.into_iter().map(|(b, n)| (word(field, f64::from_bits(b)), n)).collect();
        Self { words, missing }
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn merge(&mut self, other: Self) {
        self.missing += other.missing;
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
    }

    /// The categories in their order.
    pub(crate) fn ordered(&self) -> Vec<String> {
        order(self.words.keys().cloned().collect())
    }

    /// The most frequent category; of several the first in order.
    pub(crate) fn mode(&self) -> Option<String> {
        let most = self.words.values().max()?;
        self.ordered().into_iter().find(|w| self.words.get(w) == Some(most))
    }
}

/// Distinct words in the order of categories: numbers by size, others by bytes.
pub(crate) fn order(mut words: Vec<String>) -> Vec<String> {
    let numbers: Option<Vec<f64>> = words.iter().map(|w| w.parse().ok()).collect();
    match numbers {
        Some(numbers) => {
            let mut both: Vec<(f64, String)> = numbers.into_iter().zip(words).collect();
            both.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
            both.into_iter().map(|(_, word)| word).collect()
        }
        None => {
            words.sort();
            words
        }
    }
}

/// How the category of a number is spelled.
pub(crate) fn word(field: &Field, value: f64) -> String {
    match (field.physical, value) {
        (PhysicalType::Boolean, 0.0) => "false".into(),
        (PhysicalType::Boolean, 1.0) => "true".into(),
        (_, value) => (value + 0.0).to_string(),
    }
}

/// The number whose category is spelled so.
pub(crate) fn number(word: &str) -> Option<f64> {
    match word {
        "false" => Some(0.0),
        "true" => Some(1.0),
        word => word.parse().ok().filter(|v: &f64| !v.is_nan()),
    }
}

/// Bits by which equal numbers are equal: −0 is 0.
fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

/// From categories to codes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lookup {
    words: HashMap<String, u32>,
    numbers: HashMap<u64, u32>,
}

impl Lookup {
    /// Finds each of these words again. A word twice is refused as damage.
    pub(crate) fn new<'a>(pairs: impl IntoIterator<Item = (&'a String, u32)>) -> Result<Self> {
        let mut lookup = Self::default();
        for (word, code) in pairs {
            if let Some(number) = number(word) {
                lookup.numbers.insert(bits(number), code);
            }
            if lookup.words.insert(word.clone(), code).is_some() {
                return Err(Error::damaged("categories", format!("`{word}` stands twice")));
            }
        }
        Ok(lookup)
    }

    /// What `number` makes of the code of each category in a column, `missing` and `unknown` where
    /// there is none, as a graph.
    ///
    /// # Errors
    /// As [`Graph::number_of_word`].
    pub(crate) fn express(
        &self,
        graph: &Graph,
        column: Wire,
        number: impl Fn(u32) -> f64,
        [missing, unknown]: [f64; 2],
    ) -> Result<Value> {
        let values = graph.single(column);
        match column.kind() {
            Kind::Words => {
                let mut known: Vec<_> = self.words.iter().map(|(w, c)| (w.as_str(), *c)).collect();
                known.sort_unstable();
                let known = known.into_iter().map(|(word, code)| (word, number(code)));
                graph.number_of_word(values, known, missing, unknown)
            }
            Kind::Numbers => {
                let mut known: Vec<_> = self.numbers.iter().map(|(b, c)| (*b, *c)).collect();
                known.sort_unstable();
                let known = known.into_iter().map(|(b, code)| (f64::from_bits(b), number(code)));
                Ok(graph.number_of_number(values, known, missing, unknown))
            }
            Kind::Integers | Kind::Truths => Ok(graph.spread(graph.number(unknown))),
        }
    }

    /// The code of each value; [`UNKNOWN`] where there is none, `missing` where there is no value.
    pub(crate) fn codes(&self, column: &Column, missing: u32) -> Vec<u32> {
        let code = |found: Option<&u32>| found.copied().unwrap_or(UNKNOWN);
        match column {
            Column::Words(words) => self.word_codes(words, missing),
            Column::Numbers(values) => values
                .iter()
                .map(|v| if v.is_nan() { missing } else { code(self.numbers.get(&bits(*v))) })
                .collect(),
            Column::Sparse(numbers) => self.codes(&Column::Numbers(numbers.to_dense()), missing),
            Column::Times(_) | Column::Images(_) => vec![UNKNOWN; column.len()],
        }
    }

    fn word_codes(&self, words: &Words, missing: u32) -> Vec<u32> {
        let code = |word: &str| self.words.get(word).copied().unwrap_or(UNKNOWN);
        // A few rows out of a large table share its dictionary; they look up their own words only.
        if words.dictionary.len() > 2 * words.codes.len() {
            return words.iter().map(|w| w.map_or(missing, code)).collect();
        }
        let known = words.translate(code);
        words.codes.iter().map(|&c| known.get(c as usize).copied().unwrap_or(missing)).collect()
    }
}

/// Says which value of `column` has no category.
pub(crate) fn unknown(field: &Field, column: &Column, codes: &[u32], hint: &str) -> Error {
    let row = codes.iter().position(|&c| c == UNKNOWN).unwrap_or_default();
    let value = match column {
        Column::Words(words) => words.iter().nth(row).flatten().map(str::to_string),
        Column::Numbers(values) => values.get(row).filter(|v| !v.is_nan()).map(|&v| word(field, v)),
        Column::Sparse(numbers) => numbers.to_dense().get(row).map(|&v| word(field, v)),
        Column::Times(_) | Column::Images(_) => None,
    };
    let value = value.map_or("a missing value".into(), |v| format!("`{v}`"));
    let message =
        format!("column `{}` has {value}, which is not among its known categories", field.name);
    Error::data_hint(message, hint)
}

/// Whether any value has no category.
pub(crate) fn any_unknown(codes: &[u32]) -> bool {
    codes.contains(&UNKNOWN)
}

const _: () = assert!(UNKNOWN != MISSING_CODE);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const N: usize>(words: [&str; N], expected: [&str; N]) {
        assert_eq!(order(words.map(String::from).to_vec()), expected);
    }

    #[test]
    fn numbers_are_ordered_by_size() {
        check(["10", "9", "-1.5"], ["-1.5", "9", "10"]);
    }

    #[test]
    fn other_words_are_ordered_by_bytes() {
        check(["b", "10", "9", "B"], ["10", "9", "B", "b"]);
    }

    #[test]
    fn minus_zero_is_zero() {
        let lookup = Lookup::new([(&"0".to_string(), 7)]).unwrap();
        assert_eq!(lookup.codes(&Column::Numbers(vec![-0.0, 0.0, 1.0]), 9), [7, 7, UNKNOWN]);
    }

    #[test]
    fn of_equally_frequent_categories_the_first_in_order_is_the_mode() {
        let words = Words::new([Some("10"), Some("9"), None, Some("10"), Some("9")]);
        let counts = Counts::of_words(&words.codes, &words.dictionary);
        assert_eq!((counts.mode().as_deref(), counts.missing), (Some("9"), 1));
    }
}
