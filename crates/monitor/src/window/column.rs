//! One column of a window.

use std::borrow::Cow;

use gristmill_core::sketch::{Moments, VectorMoments};
use gristmill_core::{
    Column, Error, Frame, MISSING_CODE, Result, SemanticType, Table, Words, add_images, add_texts,
};

use super::bins;
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
    /// Mean, deviation and range of numbers, of the lengths of texts, or of how bright images are.
    pub moments: Moments,
    /// The same of numbers below and above all that the reference has seen.
    below: Moments,
    above: Moments,
    unlisted: FewWords,
    /// What the vectors of texts and images are like, where the reference knows those of its own.
    pub vectors: Option<VectorMoments>,
}

impl ColumnWindow {
    /// A column of no rows.
    pub fn new(reference: &ColumnReference) -> Self {
        let places = match &reference.places {
            Places::Bins(borders) | Places::Lengths(borders) | Places::Brightness(borders) => {
                borders.len() + 1
            }
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
            vectors: reference.vectors.as_ref().map(|known| VectorMoments::new(known.width())),
        }
    }

    /// Counts the values of the column of this name in more rows.
    ///
    /// # Errors
    /// As [`super::Window::update`].
    pub fn update(&mut self, reference: &ColumnReference, rows: &Table) -> Result<()> {
        let at = rows.schema().position(&reference.name)?;
        self.merge(&Self::of_table(reference, rows, at)?)
    }

    /// What the column at `at` comes to.
    pub(super) fn of_table(reference: &ColumnReference, rows: &Table, at: usize) -> Result<Self> {
        if let (Places::Bins(borders), Some(numbers)) = (&reference.places, rows.plain_numbers(at))
        {
            // As they lie in the table: a frame would be a copy.
            let mut window = Self::new(reference);
            window.count_numbers(borders, numbers);
            return Ok(window);
        }
        let frame = Frame::from_table(&rows.select(&[at]))?;
        Self::of(reference, frame.columns().first(), rows.rows())
    }

    /// What `rows` values of a column come to; `column` is absent where its meaning has no place in a frame.
    fn of(reference: &ColumnReference, column: Option<&Column>, rows: usize) -> Result<Self> {
        refuse_others(reference, column, rows)?;
        let mut window = Self::new(reference);
        window.count_column(reference, column)?;
        Ok(window)
    }

    /// Counts the values of a column that [`refuse_others`] takes.
    pub(super) fn count_column(
        &mut self,
        reference: &ColumnReference,
        column: Option<&Column>,
    ) -> Result<()> {
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
                if let Some(vectors) = &mut self.vectors {
                    let texts = words.dictionary.iter().map(String::as_str).zip(occurrences(words));
                    add_texts(texts.filter(|(_, times)| *times > 0), vectors)?;
                }
            }
            (Places::Brightness(borders), Some(Column::Images(images))) => {
                let brightness = add_images(images, self.vectors.as_mut())?;
                self.count_numbers(borders, &brightness);
            }
            (Places::Words(_), Some(Column::Words(words))) => self.count_words(reference, words),
            _ => {}
        }
        Ok(())
    }

    /// Counts numbers; those that are not finite are missing.
    pub(super) fn count_numbers(&mut self, borders: &[f64], values: &[f64]) {
        let moments = Moments::of(values);
        self.missing += values.len() as u64 - moments.count();
        self.moments = self.moments.merge(moments);
        let finite: Cow<'_, [f64]> = match moments.count() == values.len() as u64 {
            true => values.into(),
            false => values.iter().copied().filter(|value| value.is_finite()).collect(),
        };
        let before = self.outermost();
        bins::count(borders, &finite, &mut self.counts);
        let (Some(&first), Some(&last)) = (borders.first(), borders.last()) else { return };
        if self.outermost() != before {
            let those = |outside: fn(f64, f64) -> bool, border: f64| {
                let values = finite.iter().copied().filter(|value| outside(*value, border));
                Moments::of(&values.collect::<Vec<f64>>())
            };
            self.below = self.below.merge(those(|value, first| value <= first, first));
            self.above = self.above.merge(those(|value, last| value > last, last));
        }
    }

    /// How many values lie in the outermost bins.
    fn outermost(&self) -> (Option<u64>, Option<u64>) {
        (self.counts.first().copied(), self.counts.last().copied())
    }

    fn count_words(&mut self, reference: &ColumnReference, words: &Words) {
        let of_code = occurrences(words);
        self.missing += words.codes.len() as u64 - of_code.iter().sum::<u64>();
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

    pub(super) fn merge(&mut self, more: &Self) -> Result<()> {
        for (mine, more) in self.counts.iter_mut().zip(&more.counts) {
            *mine = mine.saturating_add(*more);
        }
        self.missing = self.missing.saturating_add(more.missing);
        self.moments = self.moments.merge(more.moments);
        self.below = self.below.merge(more.below);
        self.above = self.above.merge(more.above);
        self.unlisted.merge(&more.unlisted);
        if let (Some(mine), Some(more)) = (&mut self.vectors, &more.vectors) {
            mine.merge(more)?;
        }
        Ok(())
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
        | (Places::Brightness(_), Some(Column::Images(_)))
        | (Places::Lengths(_) | Places::Words(_), Some(Column::Words(_))) => Ok(()),
        (_, found) => Err(Error::WrongType {
            name: reference.name.clone(),
            found: meaning(found),
            expected: reference.semantic.word(),
            hint: Some(format!("{rows} rows were compared with others of another kind")),
        }),
    }
}

/// How often each word of the dictionary occurs.
fn occurrences(words: &Words) -> Vec<u64> {
    let mut of_code = vec![0; words.dictionary.len()];
    for &code in &words.codes {
        if let Some(count) = of_code.get_mut(code as usize).filter(|_| code != MISSING_CODE) {
            *count += 1;
        }
    }
    of_code
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
        Some(Column::Images(_)) => SemanticType::Image,
    }
}
