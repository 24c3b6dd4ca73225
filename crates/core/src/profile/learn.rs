//! From rows to what they look like.

use rayon::prelude::*;

use super::{ColumnProfile, NumbersProfile, Profile, Summary, TogetherProfile, WordsProfile};
use crate::sketch::{Distinct, FrequentWords, Moments, Quantiles, VectorMoments};
use crate::{
    Column, Error, Field, Frame, IMAGE_DIMENSIONS, Joint, MISSING_CODE, MISSING_TIME, Result, Rows,
    SemanticType, TEXT_DIMENSIONS, Table, add_images, add_texts, fold_chunks,
};

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
    together: Option<(Joint, TogetherProfile)>,
}

impl ProfileLearner {
    /// One that also learns what the columns called `columns` are like as one vector in each row.
    pub fn with_together(columns: Vec<String>) -> Self {
        let joint = Joint::new(columns);
        let empty = of_joint(&joint, 0, joint.moments());
        Self { together: Some((joint, empty)), ..Self::default() }
    }

    /// What several learned, each of other columns of the same rows.
    ///
    /// # Errors
    /// [`Error::Bug`] when they learned from different numbers of rows.
    pub fn beside(learners: impl IntoIterator<Item = Self>) -> Result<Self> {
        let mut all: Option<Self> = None;
        for mut learner in learners {
            match &mut all {
                None => all = Some(learner),
                Some(all) if all.rows == learner.rows => {
                    all.columns.append(&mut learner.columns);
                    all.together = all.together.take().or(learner.together);
                }
                Some(_) => return Err(Error::Bug("columns of different rows were joined".into())),
            }
        }
        Ok(all.unwrap_or_default())
    }

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
        if let Some((joint, known)) = &mut self.together {
            let more = together(joint, rows)?;
            known.missing += more.missing;
            known.moments.merge(&more.moments)?;
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
        let together = self.together.as_ref().map(|(_, known)| known.clone());
        Profile { together, ..Profile::of(self.rows, columns) }
    }
}

/// What the columns of `joint` are like together in the rows of `table`.
pub(super) fn together(joint: &Joint, table: &Table) -> Result<TogetherProfile> {
    let at = joint.columns().iter().map(|name| table.schema().position(name));
    let frame = Frame::from_table(&table.select(&at.collect::<Result<Vec<usize>>>()?))?;
    let (missing, moments) = fold_chunks(
        frame.rows(),
        |range| {
            let mut moments = joint.moments();
            let missing = joint.add(&frame.slice(range), &mut moments)?;
            Ok((missing, moments))
        },
        |(missing, mut moments), (more, later)| {
            moments.merge(&later)?;
            Ok((missing + more, moments))
        },
    )?;
    Ok(of_joint(joint, missing, moments))
}

fn of_joint(joint: &Joint, missing: u64, moments: VectorMoments) -> TogetherProfile {
    TogetherProfile { columns: joint.columns().to_vec(), missing, moments }
}

/// What a table of one column looks like.
pub(super) fn column(table: &Table) -> Result<ColumnProfile> {
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
                Learned::Images { brightness, .. } => brightness.moments.count(),
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
                Column::Images(_) => {
                    let mut vectors = VectorMoments::new(IMAGE_DIMENSIONS);
                    let brightness = add_images(rows.images(0)?, Some(&mut vectors))?;
                    Learned::Images { brightness: Numbers::of(&brightness), vectors }
                }
                Column::Words(_) => {
                    let (codes, dictionary) = rows.words(0)?;
                    let words = occurrences(codes, dictionary);
                    if semantic == SemanticType::Text {
                        Learned::text(&words)?
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
    Text { lengths: Numbers, distinct: Distinct, vectors: VectorMoments },
    Images { brightness: Numbers, vectors: VectorMoments },
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

    fn text(words: &[(&str, u64)]) -> Result<Self> {
        let lengths: Vec<f64> = words
            .iter()
            .flat_map(|(text, times)| {
                std::iter::repeat_n(text.chars().count() as f64, *times as usize)
            })
            .collect();
        let mut vectors = VectorMoments::new(TEXT_DIMENSIONS);
        add_texts(words.iter().copied(), &mut vectors)?;
        let (lengths, distinct) = (Numbers::of(&lengths), distinct_words(words));
        Ok(Self::Text { lengths, distinct, vectors })
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
            (
                Self::Text { lengths, distinct, mut vectors },
                Self::Text { lengths: later, distinct: more, vectors: of_later },
            ) => {
                vectors.merge(&of_later)?;
                let (lengths, distinct) = (lengths.merge(later), distinct.merge(more));
                Self::Text { lengths, distinct, vectors }
            }
            (
                Self::Images { brightness, mut vectors },
                Self::Images { brightness: later, vectors: of_later },
            ) => {
                vectors.merge(&of_later)?;
                Self::Images { brightness: brightness.merge(later), vectors }
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
            Self::Text { lengths, distinct, vectors } => Summary::Text {
                distinct: distinct.count(),
                lengths: lengths.profile(),
                vectors: Some(vectors.clone()),
            },
            Self::Images { brightness, vectors } => {
                Summary::Images { brightness: brightness.profile(), vectors: vectors.clone() }
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
