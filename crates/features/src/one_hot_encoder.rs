//! One column of zeros and ones for each category: the settings, and how categories are learned.

use std::collections::BTreeMap;
use std::sync::Arc;

use gristmill_core::{Error, Field, Learn, Learner, Notes, Result, Rows, Schema, Selector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::categories::Counts;
pub use crate::one_hot_encoding::FittedOneHotEncoder;
use crate::one_hot_encoding::{Encoding, KIND, Place};
pub use crate::rare_categories::Frequency;
use crate::rare_categories::{check_limits, infrequent};
use crate::simple_imputer::FillValue;
use crate::sparsity::Sparsity;
use crate::{columns, given_categories};

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
/// The categories and their order may be given in `categories`; those of the training rows that are
/// not listed are unknown then.
///
/// # Errors
/// A column of text or moments; a setting that makes no sense, such as a category to `drop` that
/// has no column of its own; a category that is not known, if `unknown` is `error`.
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
    /// The categories in order, by column, for columns that are not to learn them.
    #[serde(deserialize_with = "given_categories::lists")]
    #[schemars(with = "BTreeMap<String, Vec<FillValue>>")]
    pub categories: BTreeMap<String, Vec<String>>,
    /// What becomes of categories that are not known.
    pub unknown: Unknown,
    /// Which category gets no column.
    pub drop: DropCategory,
    /// Categories seen less often than this are grouped as infrequent: a count, or a share of the
    /// rows.
    pub min_frequency: Option<Frequency>,
    /// How many columns a column may become, the one of infrequent categories included; without
    /// a number there is no limit.
    pub max_categories: Option<usize>,
    /// Whether zeros are written down.
    pub sparse: Sparsity,
}

impl Default for OneHotEncoder {
    fn default() -> Self {
        Self {
            columns: Selector::word("categorical"),
            categories: BTreeMap::new(),
            unknown: Unknown::default(),
            drop: DropCategory::default(),
            min_frequency: None,
            max_categories: Some(100),
            sparse: Sparsity::default(),
        }
    }
}

/// What becomes of a category that is not known.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DropCategory {
    /// None.
    #[default]
    None,
    /// The first in order.
    First,
    /// The first in order, of columns with exactly two categories.
    IfBinary,
    /// This one, by column; of other columns none.
    #[serde(untagged)]
    Category(
        #[serde(deserialize_with = "given_categories::words")]
        #[schemars(with = "BTreeMap<String, FillValue>")]
        BTreeMap<String, String>,
    ),
}

impl OneHotEncoder {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        check_limits(self.min_frequency, self.max_categories)?;
        let positions = columns::taken(&self.columns, input, columns::categorical)?;
        let taken = columns::names(input, &positions);
        given_categories::check(&self.categories, &taken, input)?;
        if let DropCategory::Category(dropped) = &self.drop {
            for column in dropped.keys() {
                given_categories::check_taken("drop", column, &taken, input)?;
            }
        }
        Ok(positions)
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

    fn takes_sparse(&self) -> bool {
        true
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
        let least = self.settings.min_frequency.map_or(0.0, |f| f.of(self.rows));
        let encodings = columns::names(input, &self.positions)
            .into_iter()
            .zip(&self.counts)
            .map(|(column, counts)| encoding(column, counts, least, &self.settings, notes))
            .collect::<Result<_>>()?;
        FittedOneHotEncoder::new(input, encodings, self.settings.unknown, self.settings.sparse)
    }
}

fn encoding(
    column: String,
    counts: &Counts,
    least: f64,
    settings: &OneHotEncoder,
    notes: &Notes,
) -> Result<Encoding> {
    let words = settings.categories.get(&column).cloned().unwrap_or_else(|| counts.ordered());
    let mut seen: Vec<u64> =
        words.iter().map(|word| counts.words.get(word).copied().unwrap_or_default()).collect();
    if counts.missing > 0 {
        seen.push(counts.missing);
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
    for (word, rare) in words.into_iter().map(Some).chain([None]).zip(rare) {
        match (word, rare) {
            (Some(word), false) => encoding.categories.push(word),
            (Some(word), true) => encoding.infrequent.push(word),
            (None, false) => encoding.missing = Place::Own,
            (None, true) => encoding.missing = Place::Infrequent,
        }
    }
    encoding.dropped = dropped(&encoding, &settings.drop)?;
    Ok(encoding)
}

/// The place of the column that is left out.
fn dropped(encoding: &Encoding, drop: &DropCategory) -> Result<Option<u32>> {
    let first = (encoding.width() > 0).then_some(0);
    match drop {
        DropCategory::None => Ok(None),
        DropCategory::First => Ok(first),
        DropCategory::IfBinary => Ok(first.filter(|_| encoding.width() == 2)),
        DropCategory::Category(columns) => {
            let Some(word) = columns.get(&encoding.column) else { return Ok(None) };
            match encoding.categories.iter().position(|known| known == word) {
                Some(at) => Ok(Some(at as u32)),
                None => Err(Error::setting(
                    "drop",
                    format!("`{word}` for `{}`", encoding.column),
                    "a category with a column of its own: one that training saw, and not too rarely",
                )),
            }
        }
    }
}
