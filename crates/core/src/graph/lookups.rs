//! What stands for a word or a number in a list.

use super::build::Given;
use super::program::{Attribute, Constant, Domain, Numbers};
use super::{Graph, Kind, Value, no_form};
use crate::{Error, Result};

impl Graph {
    /// For each word the number that `known` gives it, `unknown` for others and `missing` where
    /// there is none.
    ///
    /// # Errors
    /// [`Error::NoForm`] when the empty word is among the known ones: here it means a missing one.
    pub fn number_of_word<'a>(
        &self,
        words: Value,
        known: impl IntoIterator<Item = (&'a str, f64)>,
        missing: f64,
        unknown: f64,
    ) -> Result<Value> {
        let (mut keys, mut numbers): (Vec<String>, Vec<f64>) =
            known.into_iter().map(|(word, number)| (word.to_owned(), number)).unzip();
        refuse_empty(&keys)?;
        keys.push(String::new());
        numbers.push(missing);
        let attributes = vec![
            ("keys_strings", Attribute::Words(keys)),
            ("values_tensor", Attribute::Constant(Constant::list(Numbers::F64(numbers)))),
            ("default_tensor", Attribute::Constant(Constant::list(Numbers::F64(vec![unknown])))),
        ];
        Ok(self.look_up(words, attributes))
    }

    /// For each number the one that `known` gives it, `unknown` for others and `missing` where
    /// there is none. Both zeros are one.
    pub fn number_of_number(
        &self,
        numbers: Value,
        known: impl IntoIterator<Item = (f64, f64)>,
        missing: f64,
        unknown: f64,
    ) -> Value {
        let (mut keys, mut values): (Vec<f64>, Vec<f64>) = known.into_iter().unzip();
        if keys.is_empty() {
            // A list of no keys is none for some runtimes.
            keys.push(0.0);
            values.push(unknown);
        }
        let attributes = vec![
            ("keys_tensor", Attribute::Constant(Constant::list(Numbers::F64(keys)))),
            ("values_tensor", Attribute::Constant(Constant::list(Numbers::F64(values)))),
            ("default_tensor", Attribute::Constant(Constant::list(Numbers::F64(vec![unknown])))),
        ];
        let found = self.look_up(numbers, attributes);
        self.choose(self.is_missing(numbers), self.number(missing), found)
    }

    fn look_up(&self, a: Value, attributes: Vec<(&'static str, Attribute)>) -> Value {
        let given = Given { kind: Kind::Numbers, width: a.width, rows: a.rows };
        self.operation((Domain::Learning, "LabelEncoder"), &[a], attributes, given)
    }

    /// The word at each place, which is below the number of words.
    pub fn word_at(&self, words: &[String], places: Value) -> Value {
        let list = self.constant(Numbers::Words(words.to_vec()), &[words.len()]);
        self.gathered(list, places, Kind::Words, places.width)
    }

    /// The number at each place, which is below their number.
    pub fn number_at(&self, numbers: &[f64], places: Value) -> Value {
        let list = self.constant(Numbers::F64(numbers.to_vec()), &[numbers.len()]);
        self.gathered(list, places, Kind::Numbers, places.width)
    }

    /// The row at each place of a table of `width` columns, row after row; `places` has one column.
    pub fn row_at(&self, table: &[f64], width: usize, places: Value) -> Value {
        if places.width != 1 || !table.len().is_multiple_of(width.max(1)) {
            self.mistaken(|| format!("rows of {} numbers were taken by {places:?}", table.len()));
        }
        let rows = table.len() / width.max(1);
        let table = self.constant(Numbers::F64(table.to_vec()), &[rows, width]);
        let flat = self.constant(Numbers::I64(vec![-1]), &[1]);
        let given = Given { kind: Kind::Integers, width: 1, rows: places.rows };
        let places =
            self.operation((Domain::Tensors, "Reshape"), &[places, flat], Vec::new(), given);
        self.gathered(table, places, Kind::Numbers, width)
    }

    fn gathered(&self, from: Value, places: Value, kind: Kind, width: usize) -> Value {
        let axis = vec![("axis", Attribute::Integer(0))];
        let given = Given { kind, width, rows: places.rows };
        self.operation((Domain::Tensors, "Gather"), &[from, places], axis, given)
    }

    /// Whether each word is as a regular expression says, in RE2's syntax.
    pub fn matches(&self, words: Value, pattern: String) -> Value {
        let given = Given { kind: Kind::Truths, width: words.width, rows: words.rows };
        let pattern = vec![("pattern", Attribute::Word(pattern))];
        self.operation((Domain::Tensors, "RegexFullMatch"), &[words], pattern, given)
    }

    /// Each word followed by the other.
    pub fn followed(&self, a: Value, b: Value) -> Value {
        let given =
            Given { kind: Kind::Words, width: a.width.max(b.width), rows: a.rows.with(b.rows) };
        self.operation((Domain::Tensors, "StringConcat"), &[a, b], Vec::new(), given)
    }
}

/// Refuses the word that means a missing one.
fn refuse_empty(words: &[String]) -> Result<(), Error> {
    if words.iter().any(String::is_empty) {
        let reason = "it would be taken for a missing value; replace it before training";
        return Err(no_form("a category that is the empty word", reason));
    }
    Ok(())
}
