//! One column of zeros and ones for each category: the settings, and how categories are learned.

use std::sync::Arc;

use gristmill_core::{Error, Field, Learn, Learner, Notes, Result, Rows, Schema, Selector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::categories::Counts;
use crate::columns;
pub use crate::one_hot_encoding::FittedOneHotEncoder;
use crate::one_hot_encoding::{Encoding, KIND, Place};

pub(crate) const VERSION: u32 = 1;

/// Turns each category of a column into a column of zeros and ones.
///
/// The new columns stand where the old one stood and are called `<column>_<category>`, in the order
/// of the categories: numbers by size, other words by bytes. Missing is a category of its own, the
/// last, called `<column>_missing`, when training saw it. Rare categories share one column
/// `<column>_infrequent` at the end. A name that is taken gets `_2` and so on at its end. Numeric
/// and boolean columns may be named too.
///
/// Which categories are rare follows scikit-learn: those below `min_frequency`, then the least
/// frequent until at most `max_categories` columns are left (of equally frequent ones the later
/// in order stay); unlike there, as many categories as `max_categories` stay as they are. A note
/// says so when categories are grouped.
///
/// # Errors
/// A column of text or moments; a setting that makes no sense; when later rows are transformed, a
/// category that training never saw, if `unknown` is `error`.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::OneHotEncoder;
/// # use gristmill_testkit::table;
/// let rows = table().words("plan", ["b", "a"]).frame();
/// let notes = Notes::default();
/// let (_, encoded) =
///     OneHotEncoder::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(encoded.schema().names(), ["plan_a", "plan_b"]);
/// assert_eq!(encoded.numbers(0)?, [0.0, 1.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OneHotEncoder {
    /// Which columns; all categorical ones unless said otherwise.
    pub columns: Selector,
    /// What becomes of categories that training never saw.
    pub unknown: Unknown,
    /// Which category gets no column.
    pub drop: DropCategory,
    /// Categories seen less often than this are grouped as infrequent: a count, or a share of the
    /// rows.
    pub min_frequency: Option<Frequency>,
    /// How many columns a column may become, the one of infrequent categories included; without
    /// a number there is no limit.
    pub max_categories: Option<usize>,
}

impl Default for OneHotEncoder {
    fn default() -> Self {
        Self {
            columns: Selector::word("categorical"),
            unknown: Unknown::default(),
            drop: DropCategory::default(),
            min_frequency: None,
            max_categories: Some(100),
        }
    }
}

/// What becomes of a category that training never saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// All of its columns are 0.
    #[default]
    Ignore,
    /// The row is refused.
    Error,
    /// It counts as infrequent; as `ignore` where no category was infrequent.
    Infrequent,
}

/// Which category gets no column, so that the columns of one row do not always sum to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DropCategory {
    /// None.
    #[default]
    None,
    /// The first in order.
    First,
    /// The first in order, of columns with exactly two categories.
    IfBinary,
}

/// How often a category must be seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a count or a share of the rows, such as 20 or 0.01")]
pub enum Frequency {
    /// In this many rows.
    Count(u64),
    /// In this share of the rows, between 0 and 1.
    Share(f64),
}

impl OneHotEncoder {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        if let Some(Frequency::Share(share)) = self.min_frequency
            && !(share > 0.0 && share < 1.0)
        {
            return Err(Error::setting(
                "min_frequency",
                share,
                "a share between 0 and 1, or a whole number of rows",
            ));
        }
        if let Some(max @ ..2) = self.max_categories {
            return Err(Error::setting("max_categories", max, "2 or more, or null for no limit"));
        }
        columns::taken(&self.columns, input, columns::categorical)
    }
}

impl Learn for OneHotEncoder {
    type Learner = OneHotLearner;

    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = self.positions(input)?;
        columns::spliced(input, |at, field| {
            if positions.binary_search(&at).is_err() {
                return vec![field.clone()];
            }
            vec![Field::number(format!("{}_*", field.name)).role(field.role).expanding()]
        })
    }

    fn learner(&self, input: &Schema) -> Result<Self::Learner> {
        let positions = self.positions(input)?;
        let counts = vec![Counts::default(); positions.len()];
        Ok(OneHotLearner { settings: self.clone(), rows: 0, positions, counts })
    }
}

/// What a [`OneHotEncoder`] has learned so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OneHotLearner {
    settings: OneHotEncoder,
    rows: u64,
    positions: Vec<usize>,
    counts: Vec<Counts>,
}

impl Learner for OneHotLearner {
    type Fitted = FittedOneHotEncoder;

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        self.rows += rows.len() as u64;
        for (&at, counts) in self.positions.iter().zip(&mut self.counts) {
            counts.merge(Counts::of(rows, at)?);
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        self.rows += later.rows;
        for (counts, later) in self.counts.iter_mut().zip(later.counts) {
            counts.merge(later);
        }
        Ok(())
    }

    fn finish(self, input: &Arc<Schema>, notes: &Notes) -> Result<Self::Fitted> {
        let least = match self.settings.min_frequency {
            None => 0.0,
            Some(Frequency::Count(count)) => count as f64,
            Some(Frequency::Share(share)) => share * self.rows as f64,
        };
        let encodings = columns::names(input, &self.positions)
            .into_iter()
            .zip(&self.counts)
            .map(|(column, counts)| encoding(column, counts, least, &self.settings, notes))
            .collect();
        FittedOneHotEncoder::new(input, encodings, self.settings.unknown)
    }
}

/// A category and how often it was seen; missing is `None`.
type Seen = (Option<String>, u64);

fn encoding(
    column: String,
    counts: &Counts,
    least: f64,
    settings: &OneHotEncoder,
    notes: &Notes,
) -> Encoding {
    let mut seen: Vec<Seen> = counts
        .ordered()
        .into_iter()
        .map(|word| {
            let count = counts.words.get(&word).copied().unwrap_or_default();
            (Some(word), count)
        })
        .collect();
    if counts.missing > 0 {
        seen.push((None, counts.missing));
    }
    let rare = infrequent(&seen, least, settings.max_categories);
    let grouped = rare.iter().filter(|&&r| r).count();
    if grouped > 0 {
        notes.add(format!(
            "column `{column}` has {} categories; the {grouped} least frequent are grouped in \
             `{column}_infrequent`",
            seen.len()
        ));
    }
    let mut encoding = Encoding { column, ..Encoding::default() };
    for ((word, _), rare) in seen.into_iter().zip(rare) {
        match (word, rare) {
            (Some(word), false) => encoding.categories.push(word),
            (Some(word), true) => encoding.infrequent.push(word),
            (None, false) => encoding.missing = Place::Own,
            (None, true) => encoding.missing = Place::Infrequent,
        }
    }
    let drops = match settings.drop {
        DropCategory::None => false,
        DropCategory::First => true,
        DropCategory::IfBinary => encoding.width() == 2,
    };
    encoding.dropped = (drops && encoding.width() > 0).then_some(0);
    encoding
}

/// Which categories are grouped: those below `least`, then the least frequent until what is left
/// and the group itself are at most `max`.
fn infrequent(seen: &[Seen], least: f64, max: Option<usize>) -> Vec<bool> {
    let mut rare: Vec<bool> = seen.iter().map(|(_, count)| (*count as f64) < least).collect();
    let grouped = rare.iter().filter(|&&r| r).count();
    let width = seen.len() - grouped + usize::from(grouped > 0);
    if let Some(max) = max.filter(|&max| width > max) {
        let mut by_count: Vec<usize> = (0..seen.len()).collect();
        by_count.sort_by_key(|&i| seen[i].1);
        let kept = max.saturating_sub(1).min(by_count.len());
        for &i in &by_count[..by_count.len() - kept] {
            rare[i] = true;
        }
    }
    rare
}
