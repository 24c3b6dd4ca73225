//! What rows looked like once: the places in which later rows are counted, and what was counted then.

use std::collections::{BTreeMap, HashSet};

use gristmill_core::sketch::VectorMoments;
use gristmill_core::{
    AnswersProfile, ColumnProfile, Histogram, Joint, NumbersProfile, Profile, Schema, Selector,
    SemanticType, Summary, WordsProfile,
};

use crate::statistics::Steps;

/// Into how many bins of equally many values a profile cuts numbers, and one of the first format.
const FINE_BINS: f64 = 250.0;
const COARSE_BINS: f64 = 20.0;

/// What rows looked like once, column by column.
///
/// It comes from a [`Profile`], such as that of the training rows in a model package, and holds for
/// each column the places that later values are counted in: some 250 bins of about equally many
/// values, or categories by name. Moments and ids have no places and are not compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// How many rows there were.
    pub rows: u64,
    /// The columns in the order of the profile.
    pub columns: Vec<ColumnReference>,
    /// The columns that are one vector together, where there are any.
    pub together: Option<TogetherReference>,
}

/// What columns looked like that are one vector together.
#[derive(Clone, Debug, PartialEq)]
pub struct TogetherReference {
    /// Which columns.
    pub joint: Joint,
    /// How many rows lacked a value of the vector.
    pub missing: u64,
    /// What the vectors of the others were like.
    pub moments: VectorMoments,
}

/// What one column looked like.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnReference {
    /// Its name.
    pub name: String,
    /// What its values mean.
    pub semantic: SemanticType,
    /// How many values were missing.
    pub missing: u64,
    /// Where values are counted.
    pub places: Places,
    /// How many values were in each place.
    pub counts: Vec<u64>,
    /// What the vectors of texts and images were like, as [`gristmill_core::text_vector`] and
    /// [`gristmill_core::image_vector`] make them.
    pub vectors: Option<VectorMoments>,
    /// The mean of numbers, of the lengths of texts, or of how bright images are.
    pub mean: Option<f64>,
    /// Their population deviation.
    pub deviation: Option<f64>,
    /// By what share of the values a difference of distribution functions over the bins may be too
    /// small: that of a bin and the error of its borders, or 0 where each value has its own bin.
    pub within: f64,
}

/// The places in which the values of a column are counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Places {
    /// Bins between these borders, as [`Histogram`] says: the first and the last hold what the reference
    /// never saw.
    Bins(Vec<f64>),
    /// As `Bins`, of how many characters a text has.
    Lengths(Vec<f64>),
    /// As `Bins`, of how bright an image is.
    Brightness(Vec<f64>),
    /// Categories with their places; all others are counted in one place more, the last.
    Words(BTreeMap<String, usize>),
    /// None: the values are not compared.
    None,
}

impl Reference {
    /// The reference that a profile is.
    pub fn of(profile: &Profile) -> Self {
        let together = profile.together.as_ref().map(|together| TogetherReference {
            joint: Joint::new(together.columns.clone()),
            missing: together.missing,
            moments: together.moments.clone(),
        });
        Self { together, ..Self::of_columns(profile.rows, &profile.columns) }
    }

    /// The reference that the answers of a model are.
    pub fn of_answers(answers: &AnswersProfile) -> Self {
        Self::of_columns(answers.rows, &answers.columns)
    }

    fn of_columns(rows: u64, columns: &[ColumnProfile]) -> Self {
        Self { rows, columns: columns.iter().map(ColumnReference::of).collect(), together: None }
    }

    /// The same with the columns alone that `schema` has and `selector` takes, in the order of `schema`. Those that
    /// are one vector together are compared as one, and not each by itself.
    ///
    /// # Errors
    /// [`gristmill_core::Error::MissingColumn`] when a column that is named does not exist.
    pub fn select(&self, schema: &Schema, selector: &Selector) -> gristmill_core::Result<Self> {
        let wanted = schema.select(&selector.positions(schema)?);
        let has = |together: &&TogetherReference| {
            together.joint.columns().iter().all(|name| wanted.find(name).is_some())
        };
        let together = self.together.as_ref().filter(has).cloned();
        let joint: HashSet<&String> =
            together.iter().flat_map(|together| together.joint.columns()).collect();
        let of = |name: &String| self.columns.iter().find(|c| c.name == *name).cloned();
        let names = wanted.fields().iter().map(|field| &field.name);
        let columns = names.filter(|name| !joint.contains(name)).filter_map(of).collect();
        Ok(Self { rows: self.rows, columns, together })
    }

    /// The same without vectors, of which no mixture can be made.
    #[must_use]
    pub(crate) fn without_vectors(mut self) -> Self {
        self.columns.iter_mut().for_each(|column| column.vectors = None);
        Self { together: None, ..self }
    }
}

impl ColumnReference {
    fn of(profile: &ColumnProfile) -> Self {
        let empty = |places| Self {
            name: profile.name.clone(),
            semantic: profile.semantic,
            missing: profile.missing,
            places,
            counts: Vec::new(),
            vectors: None,
            mean: None,
            deviation: None,
            within: 0.0,
        };
        match &profile.summary {
            Summary::Numbers(numbers) => empty(Places::None).with_numbers(numbers, Places::Bins),
            Summary::Text { lengths, vectors, .. } => Self {
                vectors: vectors.clone(),
                ..empty(Places::None).with_numbers(lengths, Places::Lengths)
            },
            Summary::Images { brightness, vectors } => Self {
                vectors: Some(vectors.clone()),
                ..empty(Places::None).with_numbers(brightness, Places::Brightness)
            },
            Summary::Words(words) => empty(Places::None).with_words(words),
            Summary::Times { .. } | Summary::Opaque => empty(Places::None),
        }
    }

    /// A profile of the first format has coarse bins alone.
    fn with_numbers(self, numbers: &NumbersProfile, places: fn(Vec<f64>) -> Places) -> Self {
        let fine = if numbers.fine.is_empty() { &numbers.histogram } else { &numbers.fine };
        let Histogram { borders, counts } = fine.clone();
        let bins = borders.len().saturating_sub(1) as u64;
        // A value of many rows is a border; what lies between two borders is no more than a bin.
        let between = match (numbers.distinct == bins, numbers.fine.is_empty()) {
            (true, _) => 0.0,
            (false, true) => 1.0 / COARSE_BINS,
            (false, false) => 1.0 / FINE_BINS,
        };
        let within = numbers.rank_error + between;
        Self {
            places: places(borders),
            counts,
            mean: numbers.mean,
            deviation: numbers.deviation,
            within,
            ..self
        }
    }

    fn with_words(self, words: &WordsProfile) -> Self {
        let listed = words.counts.iter().enumerate();
        let places = listed.map(|(at, (word, _))| (word.clone(), at)).collect();
        let counts = words.counts.iter().map(|(_, count)| *count).chain([words.other]).collect();
        Self { places: Places::Words(places), counts, ..self }
    }

    /// Whether its values have places, and so can be compared.
    pub fn is_compared(&self) -> bool {
        self.places != Places::None
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The categories in the order of their places; nothing for numbers.
    pub fn words(&self) -> Option<Vec<&str>> {
        let Places::Words(places) = &self.places else { return None };
        let mut words: Vec<(&str, usize)> =
            places.iter().map(|(w, at)| (w.as_str(), *at)).collect();
        words.sort_by_key(|(_, at)| *at);
        Some(words.into_iter().map(|(word, _)| word).collect())
    }

    /// The borders between the bins of numbers; nothing for words.
    pub fn borders(&self) -> Option<&[f64]> {
        match &self.places {
            Places::Bins(borders) | Places::Lengths(borders) | Places::Brightness(borders) => {
                Some(borders)
            }
            Places::Words(_) | Places::None => None,
        }
    }

    /// Whether a category that is not listed was never seen: not all are listed where there are more
    /// than 1,000.
    pub(crate) fn lists_all(&self) -> bool {
        matches!(self.places, Places::Words(_)) && self.counts.last() == Some(&0)
    }

    /// The distribution of counts in the bins of this column, each bin at its upper border, what lies
    /// below and above at the means of what lies there.
    pub(crate) fn steps(&self, counts: &[u64], ends: Ends) -> gristmill_core::Result<Steps> {
        let borders = self.borders().unwrap_or_default();
        let (Some((&first, inner)), Some((&below, rest))) =
            (borders.split_first(), counts.split_first())
        else {
            return Ok(Steps::default());
        };
        let last = inner.last().copied().unwrap_or(first);
        // Rounding may put the mean of what lies beyond a border on it.
        let low = ends.below.unwrap_or(first).min(first);
        let high = ends.above.unwrap_or(last).max(last.next_up());
        let values: Vec<f64> =
            [low].into_iter().chain(inner.iter().copied()).chain([high]).collect();
        let counts: Vec<u64> = [below].into_iter().chain(rest.iter().copied()).collect();
        Steps::counted(&values, &counts)
    }
}

/// The means of what lies below the first and above the last border.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends {
    pub below: Option<f64>,
    pub above: Option<f64>,
}
