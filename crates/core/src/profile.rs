//! What training data looked like, column by column: the reference that later data is held
//! against.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::sketch::{Distinct, FrequentWords, Moments, Quantiles};
use crate::{
    Column, Error, Field, Frame, MISSING_CODE, MISSING_TIME, PhysicalType, Result, Role, Rows,
    SemanticType, Table, fold_chunks,
};

/// The version of the stored form. The first had neither fine bins nor answers.
const FORMAT: u32 = 2;

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
    },
    /// Moments in microseconds since 1970-01-01; nothing when all were missing.
    Times {
        /// The first.
        min: Option<i64>,
        /// The last.
        max: Option<i64>,
    },
    /// Ids and pictures, of which nothing is kept.
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
            .map(|at| learn_column(&table.select(&[at])))
            .collect::<Result<_>>()?;
        Ok(Self::of(table.rows() as u64, columns))
    }

    fn of(rows: u64, columns: Vec<ColumnProfile>) -> Self {
        Self { format_version: FORMAT, rows, columns, answers: None }
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
        Ok(profile)
    }
}

impl ColumnProfile {
    fn check(&self) -> Result<()> {
        let sound = match &self.summary {
            Summary::Numbers(numbers) | Summary::Text { lengths: numbers, .. } => {
                numbers.is_sound()
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

/// Learns the [`Profile`] of rows that come part by part, in memory that does not grow with them.
///
/// Parts of the same sizes in the same order give the same profile; it may differ from that of
/// [`Profile::learn`] within the errors that both state.
///
/// ```
/// # use gristmill_core::{Profile, ProfileLearner};
/// # use gristmill_testkit::table;
/// let mut learner = ProfileLearner::default();
/// learner.update(&table().numbers("age", [31.0, 54.0]).build())?;
/// learner.update(&table().numbers("age", [f64::NAN]).build())?;
/// let profile = learner.finish();
/// assert_eq!((profile.rows, profile.columns[0].missing), (3, 1));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ProfileLearner {
    rows: u64,
    columns: Vec<(Field, u64, Option<Learned>)>,
}

impl ProfileLearner {
    /// Learns from more rows.
    ///
    /// # Errors
    /// [`Error::Bug`] when the columns are not those of the rows before.
    pub fn update(&mut self, rows: &Table) -> Result<()> {
        let more = (0..rows.schema().len())
            .into_par_iter()
            .map(|at| learned_column(&rows.select(&[at])))
            .collect::<Result<Vec<_>>>()?;
        if self.rows == 0 && self.columns.is_empty() {
            self.columns = more;
        } else {
            let same = |((mine, ..), (theirs, ..)): (&(Field, _, _), &(Field, _, _))| {
                mine.name == theirs.name && mine.semantic == theirs.semantic
            };
            if self.columns.len() != more.len() || !self.columns.iter().zip(&more).all(same) {
                return Err(Error::Bug("parts of one table have different columns".into()));
            }
            let columns = std::mem::take(&mut self.columns);
            self.columns = columns
                .into_par_iter()
                .zip(more)
                .map(|((field, missing, before), (_, more_missing, later))| {
                    let learned = match (before, later) {
                        (Some(before), Some(later)) => Some(before.merge(later)?),
                        _ => None,
                    };
                    Ok((field, missing + more_missing, learned))
                })
                .collect::<Result<_>>()?;
        }
        self.rows += rows.rows() as u64;
        Ok(())
    }

    /// What all rows looked like.
    pub fn finish(&self) -> Profile {
        let columns = self
            .columns
            .iter()
            .map(|(field, missing, learned)| profiled(field, *missing, learned.as_ref()))
            .collect();
        Profile::of(self.rows, columns)
    }
}

fn learn_column(table: &Table) -> Result<ColumnProfile> {
    let (field, missing, learned) = learned_column(table)?;
    Ok(profiled(&field, missing, learned.as_ref()))
}

fn profiled(field: &Field, missing: u64, learned: Option<&Learned>) -> ColumnProfile {
    ColumnProfile {
        name: field.name.clone(),
        physical: field.physical,
        semantic: field.semantic,
        role: field.role,
        missing,
        summary: learned.map_or(Summary::Opaque, Learned::summary),
    }
}

/// What a table of one column says of it, and how many values were missing; nothing of a column that
/// has no place in a frame.
fn learned_column(table: &Table) -> Result<(Field, u64, Option<Learned>)> {
    let field = table.schema().fields()[0].clone();
    let frame = Frame::from_table(table)?;
    let (missing, learned) = match frame.columns().first() {
        None => (table.column(0).logical_null_count() as u64, None),
        Some(column) => {
            let learned = learn_values(&frame, column, field.semantic)?;
            let count = match &learned {
                Learned::Numbers(numbers) => numbers.moments.count(),
                _ => (frame.rows() - column.missing()) as u64,
            };
            (frame.rows() as u64 - count, Some(learned))
        }
    };
    Ok((field, missing, learned))
}

fn learn_values(frame: &Frame, column: &Column, semantic: SemanticType) -> Result<Learned> {
    fold_chunks(
        frame.rows(),
        |range| {
            let rows = Rows { frame, range, target: None, weights: None };
            Ok(match column {
                Column::Numbers(_) | Column::Sparse(_) => {
                    Learned::Numbers(Numbers::of(rows.numbers(0)?))
                }
                Column::Times(_) => Learned::times(rows.times(0)?),
                Column::Words(_) => {
                    let (codes, dictionary) = rows.words(0)?;
                    let words = occurrences(codes, dictionary);
                    if semantic == SemanticType::Text {
                        Learned::text(&words)
                    } else {
                        Learned::words(&words)
                    }
                }
            })
        },
        Learned::merge,
    )
}

/// The words of a chunk, each with how often it occurs there.
fn occurrences<'a>(codes: &[u32], dictionary: &'a [String]) -> Vec<(&'a str, u64)> {
    let mut codes: Vec<u32> = codes.iter().copied().filter(|&c| c != MISSING_CODE).collect();
    codes.sort_unstable();
    codes
        .chunk_by(|a, b| a == b)
        .filter_map(|run| {
            let word = dictionary.get(*run.first()? as usize)?;
            Some((word.as_str(), run.len() as u64))
        })
        .collect()
}

/// What is known of the column so far.
#[derive(Debug)]
enum Learned {
    Numbers(Numbers),
    Words { frequent: FrequentWords, distinct: Distinct },
    Text { lengths: Numbers, distinct: Distinct },
    Times { min: Option<i64>, max: Option<i64> },
}

#[derive(Debug)]
struct Numbers {
    moments: Moments,
    quantiles: Quantiles,
    distinct: Distinct,
}

impl Numbers {
    fn of(values: &[f64]) -> Self {
        let mut sorted: Vec<f64> =
            values.iter().filter(|v| v.is_finite()).map(|v| v + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut quantiles = Quantiles::default();
        quantiles.extend(&sorted);
        sorted.dedup();
        let mut distinct = Distinct::default();
        distinct.add_numbers(&sorted);
        Self { moments: Moments::of(values), quantiles, distinct }
    }

    fn merge(self, later: Self) -> Self {
        Self {
            moments: self.moments.merge(later.moments),
            quantiles: self.quantiles.merge(later.quantiles),
            distinct: self.distinct.merge(later.distinct),
        }
    }

    fn profile(&self) -> NumbersProfile {
        NumbersProfile::of(&self.moments, &self.quantiles, self.distinct.count())
    }
}

impl Learned {
    fn words(words: &[(&str, u64)]) -> Self {
        let mut frequent = FrequentWords::default();
        frequent.extend(words.iter().copied());
        Self::Words { frequent, distinct: distinct_words(words) }
    }

    fn text(words: &[(&str, u64)]) -> Self {
        let lengths: Vec<f64> = words
            .iter()
            .flat_map(|(text, times)| {
                std::iter::repeat_n(text.chars().count() as f64, *times as usize)
            })
            .collect();
        Self::Text { lengths: Numbers::of(&lengths), distinct: distinct_words(words) }
    }

    fn times(times: &[i64]) -> Self {
        let present = || times.iter().copied().filter(|&t| t != MISSING_TIME);
        Self::Times { min: present().min(), max: present().max() }
    }

    fn merge(self, later: Self) -> Result<Self> {
        Ok(match (self, later) {
            (Self::Numbers(a), Self::Numbers(b)) => Self::Numbers(a.merge(b)),
            (
                Self::Words { frequent, distinct },
                Self::Words { frequent: later, distinct: more },
            ) => Self::Words { frequent: frequent.merge(later), distinct: distinct.merge(more) },
            (Self::Text { lengths, distinct }, Self::Text { lengths: later, distinct: more }) => {
                Self::Text { lengths: lengths.merge(later), distinct: distinct.merge(more) }
            }
            (Self::Times { min, max }, Self::Times { min: low, max: high }) => {
                Self::Times { min: min.into_iter().chain(low).min(), max: max.max(high) }
            }
            _ => return Err(Error::Bug("chunks of one column were profiled differently".into())),
        })
    }

    fn summary(&self) -> Summary {
        match self {
            Self::Numbers(numbers) => Summary::Numbers(numbers.profile()),
            Self::Words { frequent, distinct } => {
                Summary::Words(WordsProfile::of(frequent, distinct.count()))
            }
            Self::Text { lengths, distinct } => {
                Summary::Text { distinct: distinct.count(), lengths: lengths.profile() }
            }
            Self::Times { min, max } => Summary::Times { min: *min, max: *max },
        }
    }
}

fn distinct_words(words: &[(&str, u64)]) -> Distinct {
    let mut distinct = Distinct::default();
    distinct.add_words(words.iter().map(|(word, _)| *word));
    distinct
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, StringArray, TimestampMicrosecondArray};

    use super::*;
    use crate::Schema;

    // testkit speaks of another build of this crate than the one under test.
    fn table(columns: Vec<(Field, ArrayRef)>) -> Table {
        let (fields, columns) = columns.into_iter().unzip();
        Table::new(Schema::new(fields).unwrap(), columns).unwrap()
    }

    fn numbers(values: Vec<Option<f64>>) -> (Field, ArrayRef) {
        (Field::number("x").nullable(true), Arc::new(Float64Array::from(values)))
    }

    fn words(values: Vec<Option<&str>>) -> (Field, ArrayRef) {
        let field = Field::new("x", PhysicalType::Utf8).nullable(true);
        (field, Arc::new(StringArray::from(values)))
    }

    #[track_caller]
    fn learn(column: (Field, ArrayRef)) -> ColumnProfile {
        let profile = Profile::learn(&table(vec![column])).unwrap();
        let json = profile.to_json().unwrap();
        assert_eq!(Profile::from_json(json.as_bytes()).unwrap(), profile);
        profile.columns.into_iter().next().unwrap()
    }

    #[track_caller]
    fn check_numbers(values: Vec<Option<f64>>, check: impl Fn(&ColumnProfile, &NumbersProfile)) {
        let column = learn(numbers(values));
        match &column.summary {
            Summary::Numbers(numbers) => check(&column, numbers),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_values_leave_everything_absent() {
        for values in [vec![], vec![None, Some(f64::NAN), Some(f64::INFINITY)]] {
            let rows = values.len() as u64;
            check_numbers(values, |column, numbers| {
                assert_eq!((column.missing, numbers.count, numbers.mean), (rows, 0, None));
                assert_eq!(numbers.histogram, Histogram::default());
                assert!(numbers.quantiles.is_empty());
            });
        }
    }

    #[test]
    fn a_constant_has_one_full_bin_between_two_empty_ones() {
        check_numbers(vec![Some(7.0); 5], |_, numbers| {
            assert_eq!((numbers.distinct, numbers.deviation), (1, Some(0.0)));
            assert_eq!(numbers.histogram.borders, [7.0_f64.next_down(), 7.0]);
            assert_eq!(numbers.histogram.counts, [0, 5, 0]);
            let bins = [6.0, 7.0, 8.0, f64::NAN].map(|v| numbers.histogram.bin(v));
            assert_eq!(bins, [Some(0), Some(1), Some(2), None]);
        });
    }

    #[test] // by hand: 1 to 100 in 20 bins of 5, and the ends, which training left empty
    fn bins_hold_equally_many_values() {
        check_numbers((1..=100).map(|i| Some(f64::from(i))).collect(), |_, numbers| {
            let counts = &numbers.histogram.counts;
            assert_eq!((counts.len(), counts[0], counts[21]), (22, 0, 0));
            assert_eq!(counts[1..21], [5; 20]);
            assert_eq!(numbers.quantiles[5], (0.5, 50.0));
        });
    }

    #[test]
    fn rows_beyond_one_chunk_are_counted_once() {
        check_numbers((0..50_000).map(|i| Some(f64::from(i % 10_000))).collect(), |_, numbers| {
            assert_eq!(numbers.histogram.counts.iter().sum::<u64>(), 50_000);
            assert!((numbers.distinct as f64 / 10_000.0 - 1.0).abs() < 0.03);
            assert!((numbers.mean.unwrap() - 4_999.5).abs() < 1e-9);
            assert!(numbers.rank_error > 0.0 && numbers.rank_error < 0.0003);
        });
    }

    #[test]
    fn the_number_of_threads_does_not_show() {
        let values = (0..200_000_u64).map(|i| Some((i * 7_919 % 100_003) as f64 * 0.1)).collect();
        let names: Vec<String> = (0..200_000_u64).map(|i| format!("w{}", i * i % 9_973)).collect();
        let (field, names) = words(names.iter().map(|n| Some(n.as_str())).collect());
        let table = table(vec![numbers(values), (Field { name: "w".into(), ..field }, names)]);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Profile::learn(&table).unwrap().to_json().unwrap())
        };
        let one = with(1);
        assert_eq!(with(2), one);
        assert_eq!(with(3), one);
    }

    #[test] // pandas 3.1.1: describe(), isna().sum() and value_counts() of the same file
    fn real_customers_are_profiled_as_pandas_describes_them() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/telco.csv");
        let Ok(file) = open(path) else {
            println!("`{path}` is not there: nothing to compare with");
            return;
        };
        let format = arrow::csv::reader::Format::default().with_header(true);
        let (schema, _) = format.infer_schema(open(path).unwrap(), None).unwrap();
        let schema = Arc::new(schema);
        let reader = arrow::csv::ReaderBuilder::new(Arc::clone(&schema)).with_header(true);
        let batches: Vec<_> = reader.build(file).unwrap().map(Result::unwrap).collect();
        let profile = Profile::learn(&Table::from_batches(&schema, &batches).unwrap()).unwrap();
        let charges = profile.column("total_charges").unwrap();
        let Summary::Numbers(numbers) = &charges.summary else { panic!("{charges:?}") };
        assert_eq!((profile.rows, charges.missing), (7_043, 11));
        let close = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 1e-9 * b.abs();
        assert!(
            close(numbers.mean, 2283.300440841866) && close(numbers.deviation, 2266.610180714535)
        );
        assert_eq!((numbers.min, numbers.max), (Some(18.8), Some(8684.8)));
        assert_eq!(numbers.quantiles[4].1, 401.3);
        // 6,530 by pandas; beyond 4,096 the count is an estimate.
        assert!(numbers.distinct.abs_diff(6_530) < 160);
        let Summary::Words(churn) = &profile.column("churn").unwrap().summary else { panic!() };
        let expected = [("No", 5_174), ("Yes", 1_869)].map(|(w, c)| (w.to_string(), c));
        assert_eq!(churn.counts, expected);
    }

    #[allow(clippy::disallowed_types, reason = "this crate does no files outside of this test")]
    fn open(path: &str) -> std::io::Result<std::fs::File> {
        std::fs::File::open(path)
    }

    #[test]
    fn words_are_listed_by_frequency_and_then_by_bytes() {
        let column = learn(words(vec![Some("b"), Some("a"), None, Some("c"), Some("c")]));
        let Summary::Words(words) = column.summary else { panic!("{column:?}") };
        let expected = [("c", 2), ("a", 1), ("b", 1)].map(|(w, c)| (w.to_string(), c));
        assert_eq!((column.missing, words.count, words.other), (1, 4, 0));
        assert_eq!(words.counts, expected);
    }

    #[test]
    fn words_beyond_the_list_are_other() {
        let names: Vec<String> = (0..3_000).map(|i| format!("w{i}")).collect();
        let column = learn(words(names.iter().map(|n| Some(n.as_str())).collect()));
        let Summary::Words(words) = column.summary else { panic!("{column:?}") };
        assert_eq!((words.counts.len(), words.other, words.distinct), (1_000, 2_000, 3_000));
    }

    #[test]
    fn texts_leave_their_lengths_and_no_words() {
        let (field, array) = words(vec![Some("äb"), Some("abcd"), Some("äb"), None]);
        let column = learn((field.meaning(SemanticType::Text), array));
        let Summary::Text { distinct, lengths } = column.summary else { panic!("{column:?}") };
        assert_eq!((column.missing, distinct, lengths.count), (1, 2, 3));
        assert_eq!((lengths.min, lengths.max), (Some(2.0), Some(4.0)));
    }

    #[test]
    fn times_and_ids_have_their_own_summaries() {
        let times = TimestampMicrosecondArray::from(vec![Some(5), None, Some(-3)]);
        let field = Field::new("x", PhysicalType::Timestamp).nullable(true);
        let column = learn((field, Arc::new(times)));
        assert_eq!(column.missing, 1);
        assert_eq!(column.summary, Summary::Times { min: Some(-3), max: Some(5) });
        let (field, array) = words(vec![Some("k1"), None]);
        let column = learn((field.meaning(SemanticType::Id), array));
        assert_eq!((column.missing, column.summary), (1, Summary::Opaque));
    }

    #[test] // by hand: 1 to 100 are fewer than the fine bins, so each has its own
    fn few_values_have_fine_bins_of_their_own() {
        check_numbers((1..=100).map(|i| Some(f64::from(i))).collect(), |_, numbers| {
            assert_eq!(numbers.fine.counts[1..101], [1; 100]);
            assert_eq!(numbers.fine.borders[1..], (1..=100).map(f64::from).collect::<Vec<_>>());
        });
    }

    #[test]
    fn every_border_of_a_decile_is_a_fine_one() {
        check_numbers(
            (0..40_000).map(|i| Some(f64::from(i * 7 % 40_000))).collect(),
            |_, numbers| {
                let Histogram { borders, counts } = &numbers.fine;
                assert_eq!((borders.len(), counts.iter().sum::<u64>()), (FINE_BINS + 1, 40_000));
                let decile = |i: usize| numbers.histogram.borders[2 * i];
                assert!((1..=10).all(|i| borders[25 * i] == decile(i)));
            },
        );
    }

    #[test]
    fn a_profile_of_the_first_format_still_reads() {
        let first = r#"{"format_version": 1, "rows": 3, "columns": [
            {"name": "x", "physical": "float64", "semantic": "numeric", "role": "feature", "missing": 1,
             "summary": {"numbers": {"count": 2, "distinct": 2, "mean": 1.5, "deviation": 0.5,
                "min": 1.0, "max": 2.0, "quantiles": [[0.0, 1.0]], "rank_error": 0.0,
                "histogram": {"borders": [0.5, 1.0, 2.0], "counts": [0, 1, 1, 0]}}}}]}"#;
        let profile = Profile::from_json(first.as_bytes()).unwrap();
        let Summary::Numbers(numbers) = &profile.columns[0].summary else { panic!("{profile:?}") };
        assert!(numbers.fine.is_empty() && profile.answers.is_none());
        let again = profile.to_json().unwrap();
        assert!(again.contains("\"format_version\": 1") && !again.contains("fine"), "{again}");
    }

    #[test]
    fn rows_that_come_in_parts_are_profiled_as_a_whole() {
        let values: Vec<Option<f64>> =
            (0..1_000).map(|i| (i % 9 != 0).then(|| f64::from(i * 31 % 700))).collect();
        let names: Vec<String> = (0..1_000).map(|i| format!("w{}", i * i % 37)).collect();
        let (field, names) = words(names.iter().map(|n| Some(n.as_str())).collect());
        let whole = table(vec![numbers(values), (Field { name: "w".into(), ..field }, names)]);
        let mut learner = ProfileLearner::default();
        for start in (0..1_000).step_by(300) {
            learner.update(&whole.slice(start, 300.min(1_000 - start))).unwrap();
        }
        let (mut parts, mut all) = (learner.finish(), Profile::learn(&whole).unwrap());
        // Moments are sums, which are rounded in another order.
        for profile in [&mut parts, &mut all] {
            let Summary::Numbers(numbers) = &mut profile.columns[0].summary else { panic!() };
            assert!((numbers.mean.take().unwrap() - 349.7).abs() < 10.0);
            assert!(numbers.deviation.take().is_some());
        }
        assert_eq!(parts, all);
        assert!(learner.update(&whole.select(&[1])).is_err());
    }

    #[test]
    fn answers_are_kept_beside_the_columns() {
        let rows = table(vec![numbers(vec![Some(1.0), Some(2.0)])]);
        let profile =
            Profile::learn(&rows).unwrap().with_answers(Answered::HeldOut, &rows).unwrap();
        let back = Profile::from_json(profile.to_json().unwrap().as_bytes()).unwrap();
        assert_eq!(back, profile);
        assert_eq!(back.answers.unwrap().columns, profile.columns);
    }

    #[test]
    fn what_is_no_profile_is_refused() {
        let sound = Profile::learn(&table(vec![numbers(vec![Some(1.0), Some(2.0)])])).unwrap();
        let json = sound.to_json().unwrap();
        for (from, to) in [
            ("\"format_version\": 2", "\"format_version\": 3"),
            ("\"format_version\": 2", "\"format_version\": 0"),
            ("\"format_version\": 2", "\"format\": 2"),
            ("\"missing\"", "\"mising\""),
            ("\"count\": 2", "\"count\": 3"),
            ("\"rows\": 2", "\"rows\": -2"),
        ] {
            let damaged = json.replacen(from, to, 1);
            assert_ne!(damaged, json);
            let error = Profile::from_json(damaged.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Stored, "{error}");
        }
        for cut in 0..json.len() {
            assert!(Profile::from_json(&json.as_bytes()[..cut]).is_err());
        }
    }
}
