//! One column of a window.

use gristmill_core::sketch::Moments;
use gristmill_core::{Column, Error, MISSING_CODE, Result, SemanticType, Words};

use super::few_words::FewWords;
use crate::reference::Ends;
use crate::{ColumnReference, Places};

/// How many values of a column were counted in each place of its reference.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnWindow {
    /// How many values were in each place.
    pub counts: Vec<u64>,
    /// How many values were missing; infinite numbers count as missing.
    pub missing: u64,
    /// Mean, deviation and range of numbers, or of the lengths of texts.
    pub moments: Moments,
    /// The same of numbers below and above all that the reference has seen.
    below: Moments,
    above: Moments,
    unlisted: FewWords,
}

impl ColumnWindow {
    pub(super) fn new(reference: &ColumnReference) -> Self {
        let places = match &reference.places {
            Places::Bins(borders) | Places::Lengths(borders) => borders.len() + 1,
            Places::Words(words) => words.len() + 1,
            Places::None => 0,
        };
        Self {
            counts: vec![0; places],
            missing: 0,
            moments: Moments::default(),
            below: Moments::default(),
            above: Moments::default(),
            unlisted: FewWords::default(),
        }
    }

    /// What `rows` values of a column come to; `column` is absent where its meaning has no place in a frame.
    pub(super) fn of(
        reference: &ColumnReference,
        column: Option<&Column>,
        rows: usize,
    ) -> Result<Self> {
        refuse_others(reference, column, rows)?;
        let mut window = Self::new(reference);
        window.count_column(reference, column);
        Ok(window)
    }

    /// Counts the values of a column that [`refuse_others`] takes.
    pub(super) fn count_column(&mut self, reference: &ColumnReference, column: Option<&Column>) {
        match (&reference.places, column) {
            (Places::None, Some(column)) => self.missing += column.missing() as u64,
            (Places::Bins(borders), Some(Column::Numbers(values))) => {
                self.count_numbers(borders, values)
            }
            (Places::Bins(borders), Some(Column::Sparse(sparse))) => {
                self.count_numbers(borders, &sparse.to_dense());
            }
            (Places::Lengths(borders), Some(Column::Words(words))) => {
                self.count_numbers(borders, &lengths(words));
            }
            (Places::Words(_), Some(Column::Words(words))) => self.count_words(reference, words),
            _ => {}
        }
    }

    fn count_numbers(&mut self, borders: &[f64], values: &[f64]) {
        let (Some(&first), Some(&last)) = (borders.first(), borders.last()) else {
            // The reference had no value: there is one place.
            let moments = Moments::of(values);
            self.counts[0] += moments.count();
            self.missing += values.len() as u64 - moments.count();
            self.moments = self.moments.merge(moments);
            return;
        };
        let (mut below, mut above) = (Vec::new(), Vec::new());
        for &value in values {
            if !value.is_finite() {
                self.missing += 1;
                continue;
            }
            self.counts[borders.partition_point(|&border| border < value)] += 1;
            if value <= first {
                below.push(value);
            } else if value > last {
                above.push(value);
            }
        }
        self.moments = self.moments.merge(Moments::of(values));
        self.below = self.below.merge(Moments::of(&below));
        self.above = self.above.merge(Moments::of(&above));
    }

    fn count_words(&mut self, reference: &ColumnReference, words: &Words) {
        let mut of_code = vec![0_u64; words.dictionary.len()];
        for &code in &words.codes {
            match of_code.get_mut(code as usize) {
                Some(count) if code != MISSING_CODE => *count += 1,
                _ => self.missing += 1,
            }
        }
        let Places::Words(places) = &reference.places else { return };
        let last = self.counts.len() - 1;
        for (word, count) in words.dictionary.iter().zip(of_code).filter(|(_, count)| *count > 0) {
            match places.get(word) {
                Some(&at) => self.counts[at] += count,
                None => {
                    self.counts[last] += count;
                    self.unlisted.add(word, count);
                }
            }
        }
    }

    pub(super) fn merge(&mut self, more: &Self) {
        for (mine, more) in self.counts.iter_mut().zip(&more.counts) {
            *mine = mine.saturating_add(*more);
        }
        self.missing = self.missing.saturating_add(more.missing);
        self.moments = self.moments.merge(more.moments);
        self.below = self.below.merge(more.below);
        self.above = self.above.merge(more.above);
        self.unlisted.merge(&more.unlisted);
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many numbers lie outside of the range of the reference.
    pub fn outside(&self) -> u64 {
        self.below.count() + self.above.count()
    }

    /// Up to 32 categories that the reference does not list, the most frequent first; their counts may be
    /// too low.
    pub fn unlisted(&self) -> Vec<(String, u64)> {
        self.unlisted.top()
    }

    pub(crate) fn ends(&self) -> Ends {
        Ends { below: self.below.mean(), above: self.above.mean() }
    }
}

/// Refuses a column of another kind than the reference.
pub(super) fn refuse_others(
    reference: &ColumnReference,
    column: Option<&Column>,
    rows: usize,
) -> Result<()> {
    match (&reference.places, column) {
        (Places::None, _)
        | (Places::Bins(_), Some(Column::Numbers(_) | Column::Sparse(_)))
        | (Places::Lengths(_) | Places::Words(_), Some(Column::Words(_))) => Ok(()),
        (_, found) => Err(Error::WrongType {
            name: reference.name.clone(),
            found: meaning(found),
            expected: reference.semantic.word(),
            hint: Some(format!("{rows} rows were compared with others of another kind")),
        }),
    }
}

/// How many characters each text has; NaN for one that is missing.
fn lengths(words: &Words) -> Vec<f64> {
    let of_code = words.translate(|text| text.chars().count() as f64);
    words.codes.iter().map(|&c| of_code.get(c as usize).copied().unwrap_or(f64::NAN)).collect()
}

fn meaning(column: Option<&Column>) -> SemanticType {
    match column {
        None => SemanticType::Id,
        Some(Column::Numbers(_) | Column::Sparse(_)) => SemanticType::Numeric,
        Some(Column::Words(_)) => SemanticType::Categorical,
        Some(Column::Times(_)) => SemanticType::Datetime,
    }
}
