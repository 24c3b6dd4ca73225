//! What training data looked like, column by column: the reference that later data is held
//! against.

mod learn;

pub use learn::ProfileLearner;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::sketch::{FrequentWords, Moments, Quantiles, VectorMoments};
use crate::{
    Error, IMAGE_DIMENSIONS, Joint, PhysicalType, Result, Role, SemanticType, TEXT_DIMENSIONS,
    Table,
};

/// The version of the stored form. The first had neither fine bins nor answers, the second no vectors, the third
/// knew nothing of images.
const FORMAT: u32 = 4;

/// The shares of all values at which quantiles are kept.
const SHARES: [f64; 11] = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];

/// Into how many bins of about equal content the range of a number is cut.
const BINS: usize = 20;

/// Into how many the fine ones: tests of whole distributions err by less than a bin, 0.4 % of the
/// values, and a column takes some kilobytes.
const FINE_BINS: usize = 250;

/// How many words of a column are listed, and how long one may be.
const LISTED_WORDS: usize = 1_000;
const LISTED_BYTES: usize = 1_024;

/// What some rows looked like: one [`ColumnProfile`] for each column, in the order of the table.
///
/// Equal rows give an equal profile, whatever the number of threads. It is learned in one pass and
/// in memory that does not grow with the rows; what is not exact says by how much it may be off.
///
/// ```
/// # use gristmill_core::{Profile, Summary};
/// # use gristmill_testkit::table;
/// let customers = table()
///     .numbers("age", [31.0, 54.0, f64::NAN])
///     .words("plan", ["pro", "basic", "pro"])
///     .build();
/// let profile = Profile::learn(&customers)?;
/// assert_eq!(profile.column("age").map(|c| c.missing), Some(1));
/// match profile.column("plan").map(|c| &c.summary) {
///     Some(Summary::Words(plans)) => assert_eq!(plans.counts[0], ("pro".to_string(), 2)),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    format_version: u32,
    /// How many rows there were.
    pub rows: u64,
    /// The columns in the order of the table.
    pub columns: Vec<ColumnProfile>,
    /// What the model answered, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<AnswersProfile>,
    /// What columns that are one vector together looked like, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<TogetherProfile>,
}

/// What columns that are one vector together looked like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TogetherProfile {
    /// Their names in order.
    pub columns: Vec<String>,
    /// How many rows lacked a value of the vector.
    pub missing: u64,
    /// What the vectors of the others were like, as [`Joint`] makes them.
    pub moments: VectorMoments,
}

/// What the answers of a model looked like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswersProfile {
    /// Which rows were answered.
    pub answered: Answered,
    /// How many rows there were.
    pub rows: u64,
    /// The columns of [`crate::Prediction::to_table`].
    pub columns: Vec<ColumnProfile>,
}

/// Which rows a model was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// Rows that it did not learn from: what it will answer to rows like them.
    HeldOut,
    /// Rows that it learned from, of which it may be surer than of any others.
    Training,
}

/// What one column looked like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// How its values were stored.
    pub physical: PhysicalType,
    /// What its values meant.
    pub semantic: SemanticType,
    /// What it was for.
    pub role: Role,
    /// How many values were missing; infinite numbers count as missing.
    pub missing: u64,
    /// What the other values were.
    pub summary: Summary,
}

/// What the values of a column were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Summary {
    /// Numbers, and booleans as 0 and 1.
    Numbers(NumbersProfile),
    /// Categories.
    Words(WordsProfile),
    /// Texts, of which the words are not kept.
    Text {
        /// How many different texts there were.
        distinct: u64,
        /// How many characters a text had.
        lengths: NumbersProfile,
        /// What the vectors of the texts were like, as [`crate::text_vector`] makes them. Absent in a
        /// profile of an earlier format.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vectors: Option<VectorMoments>,
    },
    /// Images, which are not kept. Those that cannot be decoded count as missing.
    Images {
        /// How bright each was as a whole, from 0 to 1.
        brightness: NumbersProfile,
        /// What the vectors of the images were like, as [`crate::image_vector`] makes them.
        vectors: VectorMoments,
    },
    /// Moments in microseconds since 1970-01-01; nothing when all were missing.
    Times {
        /// The first.
        min: Option<i64>,
        /// The last.
        max: Option<i64>,
    },
    /// Ids, of which nothing is kept, and images in a profile of an earlier format.
    Opaque,
}

/// What numbers were like; without any value everything is absent, empty or 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumbersProfile {
    /// How many there were.
    pub count: u64,
    /// How many different ones: exact up to 4,096, within a few per cent beyond.
    pub distinct: u64,
    /// The mean.
    pub mean: Option<f64>,
    /// The population deviation.
    pub deviation: Option<f64>,
    /// The least.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
    /// Pairs of a share and the least value that at least this share of the values do not exceed,
    /// at the shares 0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99 and 1.
    pub quantiles: Vec<(f64, f64)>,
    /// By what share of the values the rank of a quantile or a border may be off; 0 up to 8,192
    /// values.
    pub rank_error: f64,
    /// How many values lay in each of some 20 bins.
    pub histogram: Histogram,
    /// The same in some 250 bins; each different value has its own where there are no more than
    /// that. Empty in a profile of format 1.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub fine: Histogram,
}

/// Counts of values in bins.
///
/// `borders` rise, and `counts` has one more: bin 0 holds the values up to `borders[0]`, bin i
/// those above `borders[i - 1]` and up to `borders[i]`, the last one those above the last border.
/// The first and the last bin stand for what lies outside of the range of training and are empty
/// there; between them, borders are quantiles, so that the bins hold about equally many values
/// unless values repeat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// Where one bin ends and the next begins.
    pub borders: Vec<f64>,
    /// How many values lay in each bin; empty when there was no value.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The bin that `value` belongs to; nothing when it is missing.
    pub fn bin(&self, value: f64) -> Option<usize> {
        (!value.is_nan()).then(|| self.borders.partition_point(|&border| border < value))
    }
}

/// What categories were like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordsProfile {
    /// How many values there were.
    pub count: u64,
    /// How many different ones: exact up to 4,096, within a few per cent beyond.
    pub distinct: u64,
    /// At most 1,000 words with their counts, the most frequent first, equally frequent ones in
    /// the order of bytes. Words of more than 1,024 bytes are not listed.
    pub counts: Vec<(String, u64)>,
    /// How many values are none of these words.
    pub other: u64,
    /// By how much each count may be too low; 0 up to 4,096 different words.
    pub undercount: u64,
}

impl Profile {
    /// The profile of all columns of `table`, the target included.
    ///
    /// # Errors
    /// [`Error::Bug`] when the table breaks its own promise about types.
    pub fn learn(table: &Table) -> Result<Self> {
        let columns = (0..table.schema().len())
            .into_par_iter()
            .map(|at| learn::column(&table.select(&[at])))
            .collect::<Result<_>>()?;
        Ok(Self::of(table.rows() as u64, columns))
    }

    fn of(rows: u64, columns: Vec<ColumnProfile>) -> Self {
        Self { format_version: FORMAT, rows, columns, answers: None, together: None }
    }

    /// The same with what a model answered to some rows: `answers` as [`crate::Prediction::to_table`]
    /// gives them.
    ///
    /// # Errors
    /// As [`Profile::learn`].
    pub fn with_answers(self, answered: Answered, answers: &Table) -> Result<Self> {
        let Self { rows, columns, .. } = Self::learn(answers)?;
        Ok(Self { answers: Some(AnswersProfile { answered, rows, columns }), ..self })
    }

    /// The same with what the columns called `columns` are like as one vector in each row of `table`.
    ///
    /// # Errors
    /// As [`Joint::add`].
    pub fn with_together(self, columns: Vec<String>, table: &Table) -> Result<Self> {
        Ok(Self { together: Some(learn::together(&Joint::new(columns), table)?), ..self })
    }

    /// The profile of the column called `name`, if there is one.
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The stored form: JSON in which every float reads back as the same bits.
    ///
    /// # Errors
    /// [`Error::Bug`] when a number in it cannot be written.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(|e| Error::Bug(e.to_string()))
    }

    /// The profile that [`Profile::to_json`] wrote.
    ///
    /// # Errors
    /// [`Error::Damaged`] when `json` is no profile, contradicts itself, or comes from a newer
    /// version.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let damaged = |found: String| Error::damaged("profile", found);
        let value: serde_json::Value =
            serde_json::from_slice(json).map_err(|e| damaged(e.to_string()))?;
        match value.get("format_version").and_then(serde_json::Value::as_u64) {
            Some(found) if found > u64::from(FORMAT) => {
                return Err(damaged(format!(
                    "it was made by a newer Gristmill (format {found}, this one reads up to {FORMAT}); \
                     upgrade"
                )));
            }
            Some(1..) => {}
            _ => return Err(damaged("it does not say its format version".into())),
        }
        let profile: Self = serde_json::from_value(value).map_err(|e| damaged(e.to_string()))?;
        let answers = profile.answers.iter().flat_map(|answers| &answers.columns);
        profile.columns.iter().chain(answers).try_for_each(ColumnProfile::check)?;
        let fits = |together: &TogetherProfile| {
            let joint = Joint::new(together.columns.clone());
            together.moments.is_sound() && together.moments.width() == joint.moments().width()
        };
        if !profile.together.as_ref().is_none_or(fits) {
            return Err(damaged("the columns that are one vector contradict themselves".into()));
        }
        Ok(profile)
    }
}

impl ColumnProfile {
    fn check(&self) -> Result<()> {
        let sound = match &self.summary {
            Summary::Numbers(numbers) => numbers.is_sound(),
            Summary::Text { lengths, vectors, .. } => {
                let fits = |v: &VectorMoments| v.is_sound() && v.width() == TEXT_DIMENSIONS;
                lengths.is_sound() && vectors.as_ref().is_none_or(fits)
            }
            Summary::Images { brightness, vectors } => {
                brightness.is_sound() && vectors.is_sound() && vectors.width() == IMAGE_DIMENSIONS
            }
            Summary::Words(words) => words.is_sound(),
            Summary::Times { .. } | Summary::Opaque => true,
        };
        if sound {
            return Ok(());
        }
        Err(Error::damaged("profile", format!("column `{}` contradicts itself", self.name)))
    }
}

impl NumbersProfile {
    fn of(moments: &Moments, sketch: &Quantiles, distinct: u64) -> Self {
        let values = sketch.quantiles(&SHARES);
        Self {
            count: moments.count(),
            distinct,
            mean: moments.mean(),
            deviation: moments.deviation(),
            min: moments.min(),
            max: moments.max(),
            quantiles: SHARES.into_iter().zip(values).collect(),
            rank_error: sketch.rank_error(),
            histogram: histogram(sketch, BINS),
            fine: histogram(sketch, FINE_BINS),
        }
    }

    fn is_sound(&self) -> bool {
        let sound = |Histogram { borders, counts }: &Histogram| {
            let bins = if self.count == 0 { 0 } else { borders.len() + 1 };
            borders.windows(2).all(|w| w[0] < w[1])
                && counts.len() == bins
                && counts.iter().try_fold(0_u64, |sum, &c| sum.checked_add(c)) == Some(self.count)
        };
        sound(&self.histogram) && (self.fine.is_empty() || sound(&self.fine))
    }
}

impl WordsProfile {
    fn of(frequent: &FrequentWords, distinct: u64) -> Self {
        let mut counts = frequent.top(LISTED_WORDS);
        counts.retain(|(word, _)| word.len() <= LISTED_BYTES);
        let listed: u64 = counts.iter().map(|(_, count)| count).sum();
        Self {
            count: frequent.total(),
            distinct,
            counts: counts.into_iter().map(|(word, count)| (word.into(), count)).collect(),
            other: frequent.total() - listed.min(frequent.total()),
            undercount: frequent.undercount(),
        }
    }

    fn is_sound(&self) -> bool {
        let counts = self.counts.iter().map(|(_, count)| *count);
        counts.chain([self.other]).try_fold(0_u64, u64::checked_add) == Some(self.count)
    }
}

fn histogram(sketch: &Quantiles, bins: usize) -> Histogram {
    let shares: Vec<f64> = (0..=bins).map(|i| i as f64 / bins as f64).collect();
    let mut borders = sketch.quantiles(&shares);
    let Some(least) = borders.first_mut() else { return Histogram::default() };
    // Bin 0 ends below the least value, so that it holds only what training never saw.
    *least = least.next_down().max(f64::MIN);
    borders.dedup();
    let mut before = 0;
    let mut counts: Vec<u64> = Vec::with_capacity(borders.len() + 1);
    for up_to in sketch.counts_up_to(&borders).into_iter().chain([sketch.count()]) {
        counts.push(up_to.saturating_sub(before));
        before = up_to;
    }
    Histogram { borders, counts }
}

#[cfg(test)]
mod tests;
