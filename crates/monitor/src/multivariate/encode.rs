//! Rows as numbers alone, so that all columns can be looked at together.

use std::collections::BTreeMap;

use gristmill_core::{Column, Error, Frame, Result, Words, add_images};

use crate::{ColumnReference, Places, Reference};

/// How many columns are looked at together at most: what goes with what takes their number times itself.
const COLUMNS: usize = 500;

/// What number a category becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Its share in the reference, as in NannyML: how common it is.
    Shares,
    /// Its place among the categories of the reference, the most frequent first: which one it is.
    Places,
}

/// Makes numbers of the columns of a reference: numbers as they are, lengths of texts, how bright images are, and
/// categories by an [`Encoding`]. What is missing is NaN.
#[derive(Clone, Debug)]
pub struct Encoder {
    columns: Vec<(String, Kind)>,
}

#[derive(Clone, Debug)]
enum Kind {
    Numbers,
    Lengths,
    Brightness,
    /// The numbers of known categories, and that of all others.
    Words(BTreeMap<String, f64>, f64),
}

impl Encoder {
    /// Of the columns of `reference` that are compared each by itself.
    ///
    /// # Errors
    /// [`Error::Data`] when there is none, or there are more than 500.
    pub fn new(reference: &Reference, encoding: Encoding) -> Result<Self> {
        let kinds = reference.columns.iter();
        let columns: Vec<_> =
            kinds.filter_map(|c| Some((c.name.clone(), kind(c, encoding)?))).collect();
        if columns.is_empty() || columns.len() > COLUMNS {
            let found = format!("{} columns cannot be looked at together", columns.len());
            let hint = format!("name 1 to {COLUMNS} of them by `columns`");
            return Err(Error::data_hint(found, hint));
        }
        Ok(Self { columns })
    }

    /// The names of the columns in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// The numbers of each column in order.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::Bug`] when a column holds another kind of values.
    pub fn encode(&self, rows: &Frame) -> Result<Vec<Vec<f64>>> {
        self.columns
            .iter()
            .map(|(name, kind)| {
                let column = rows.columns().get(rows.schema().position(name)?);
                match (kind, column) {
                    (Kind::Numbers, Some(Column::Numbers(values))) => Ok(values.clone()),
                    (Kind::Numbers, Some(Column::Sparse(sparse))) => Ok(sparse.to_dense()),
                    (Kind::Lengths, Some(Column::Words(words))) => {
                        Ok(of_words(words, |text| text.chars().count() as f64))
                    }
                    (Kind::Brightness, Some(Column::Images(images))) => add_images(images, None),
                    (Kind::Words(known, other), Some(Column::Words(words))) => {
                        Ok(of_words(words, |word| known.get(word).copied().unwrap_or(*other)))
                    }
                    _ => Err(Error::Bug(format!("column `{name}` holds other values than before"))),
                }
            })
            .collect()
    }
}

fn kind(column: &ColumnReference, encoding: Encoding) -> Option<Kind> {
    let total = column.count().max(1) as f64;
    match &column.places {
        Places::None => None,
        Places::Bins(_) => Some(Kind::Numbers),
        Places::Lengths(_) => Some(Kind::Lengths),
        Places::Brightness(_) => Some(Kind::Brightness),
        Places::Words(words) => {
            let number = |at: usize| match encoding {
                Encoding::Shares => column.counts.get(at).map_or(0.0, |c| *c as f64 / total),
                Encoding::Places => at as f64,
            };
            let other = match encoding {
                Encoding::Shares => 0.0,
                Encoding::Places => words.len() as f64,
            };
            let known = words.iter().map(|(word, at)| (word.clone(), number(*at)));
            Some(Kind::Words(known.collect(), other))
        }
    }
}

fn of_words(words: &Words, number: impl FnMut(&str) -> f64) -> Vec<f64> {
    let of_code = words.translate(number);
    words.codes.iter().map(|&c| of_code.get(c as usize).copied().unwrap_or(f64::NAN)).collect()
}

#[cfg(test)]
mod tests {
    use gristmill_core::{Profile, SemanticType};
    use gristmill_testkit::table;

    use super::*;

    #[test] // by hand
    fn numbers_stay_texts_become_lengths_and_words_shares_or_places() {
        let before = table()
            .numbers("age", [1.0, 2.0, 3.0, 4.0])
            .words("plan", ["a", "b", "b", "b"])
            .words("note", ["x", "yy", "x", "x"])
            .meaning(SemanticType::Text)
            .times("at", [1, 2, 3, 4])
            .build();
        let reference = Reference::of(&Profile::learn(&before).unwrap());
        let now = table()
            .numbers("age", [7.0, f64::NAN, 9.0])
            .words("plan", ["b", "a", "new"])
            .words("note", ["", "zzz", "z"])
            .meaning(SemanticType::Text)
            .build();
        let rows = Frame::from_table(&now).unwrap();
        let shares = Encoder::new(&reference, Encoding::Shares).unwrap();
        assert_eq!(shares.names().collect::<Vec<_>>(), ["age", "plan", "note"]);
        let found = shares.encode(&rows).unwrap();
        assert!(found[0][0] == 7.0 && found[0][1].is_nan());
        assert_eq!(found[1..], [vec![0.75, 0.25, 0.0], vec![0.0, 3.0, 1.0]]);
        let places = Encoder::new(&reference, Encoding::Places).unwrap();
        assert_eq!(places.encode(&rows).unwrap()[1], [0.0, 1.0, 2.0]);
        let lacking = Frame::from_table(&table().numbers("age", [1.0]).build()).unwrap();
        assert!(shares.encode(&lacking).is_err());
    }

    #[test]
    fn nothing_to_look_at_is_refused() {
        let times = table().times("at", [1, 2]).build();
        let reference = Reference::of(&Profile::learn(&times).unwrap());
        assert!(Encoder::new(&reference, Encoding::Shares).is_err());
    }
}
