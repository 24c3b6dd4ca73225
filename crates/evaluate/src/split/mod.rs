//! Which rows a model learns from and which it is tested on.

mod deal;
mod folds;
mod keys;
mod parts;

pub use folds::{Fold, Folds};
pub use parts::Parts;

use std::borrow::Cow;

use gristmill_core::{Error, Result, Role, Table};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::curves::Draw;

/// How rows are set aside for a test, and if wanted for validation, before anything is learned.
///
/// A pipeline file writes `{test: 0.2}`, `{test: 0.2, stratify: true}`,
/// `{test: 0.2, group: unit}`, `{test: 0.2, time: date_time}` or `{column: part}`, the first four
/// with `validation: 0.1` if wanted; `test` is 0.2 unless it is said.
///
/// ```
/// # use gristmill_core::Role;
/// # use gristmill_evaluate::{Shares, Split};
/// let split = Split::Group { column: "unit".into(), shares: Shares::test(0.3) };
/// assert_eq!(split.columns(), [("unit", Role::Group)]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Spelled", into = "Spelled")]
pub enum Split {
    /// Rows by chance.
    Random(Shares),
    /// Rows by chance, with the same share of every class in each part, up to one row.
    Stratified(Shares),
    /// Whole groups by chance: no group is in two parts. The shares are of rows, as near as whole
    /// groups allow.
    Group {
        /// The column that names the group of each row.
        column: String,
        /// How many rows go where.
        shares: Shares,
    },
    /// The latest rows are tested, those before them validated; rows of one moment stay together.
    Time {
        /// The column that orders the rows: moments, days or numbers.
        column: String,
        /// How many rows go where.
        shares: Shares,
    },
    /// As a column says: `train`, `test` or `validation`.
    Column {
        /// The column that names the part of each row.
        column: String,
    },
}

/// How much of the rows goes into each part; the rest is learned from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// The share of rows that is tested, between 0 and 1.
    pub test: f64,
    /// The share of rows that is kept for validation, such as early stopping; 0 for none.
    pub validation: f64,
}

impl Shares {
    /// A test of this share, without validation.
    pub fn test(test: f64) -> Self {
        Self { test, validation: 0.0 }
    }

    fn check(&self) -> Result<()> {
        if !(self.test > 0.0 && self.test < 1.0) {
            return Err(Error::setting("test", self.test, "a share between 0 and 1, such as 0.2"));
        }
        if !(self.validation >= 0.0 && self.validation + self.test < 1.0) {
            return Err(Error::setting(
                "validation",
                self.validation,
                "a share that leaves rows to learn from, such as 0.1",
            ));
        }
        Ok(())
    }
}

impl Default for Shares {
    fn default() -> Self {
        Self::test(0.2)
    }
}

impl Default for Split {
    fn default() -> Self {
        Self::Random(Shares::default())
    }
}

impl Split {
    /// The columns that it reads, with the role they have: never features.
    pub fn columns(&self) -> Vec<(&str, Role)> {
        match self {
            Self::Random(_) | Self::Stratified(_) => Vec::new(),
            Self::Group { column, .. } => vec![(column, Role::Group)],
            Self::Time { column, .. } => vec![(column, Role::Time)],
            Self::Column { column } => vec![(column, Role::Part)],
        }
    }

    /// The rows of each group that is never torn apart, in the order in which groups first appear;
    /// nothing for a split without groups.
    ///
    /// # Errors
    /// [`gristmill_core::Error::Data`] for a row without a group; as a missing column is refused.
    pub fn groups(&self, table: &Table) -> Result<Option<Vec<Vec<u32>>>> {
        match self {
            Self::Group { column, .. } => keys::groups(table, column).map(Some),
            _ => Ok(None),
        }
    }

    /// How a share of rows is drawn so that each has its history: groups stay whole, and of rows in
    /// time the latest are taken.
    ///
    /// # Errors
    /// As [`Split::groups`], and for a row without a moment.
    pub fn draw(&self, table: &Table) -> Result<Draw> {
        Ok(match self {
            Self::Time { column, .. } => Draw::Latest(keys::moments(table, column)?),
            _ => self.groups(table)?.map_or(Draw::Rows, Draw::Groups),
        })
    }
}

/// How a pipeline file spells a split: `{test: 0.2, stratify: true}`, `{test: 0.2, group: COLUMN}`,
/// `{test: 0.2, time: COLUMN}` or `{column: COLUMN}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Spelled {
    /// The share of rows that is tested; 0.2 unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<f64>,
    /// The share of rows that is kept for validation; none unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<f64>,
    /// Whether every part has the same share of each class.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stratify: bool,
    /// The column that names groups whose rows stay together.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The column that orders the rows; the latest are tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    /// The column that says `train`, `test` or `validation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
}

impl TryFrom<Spelled> for Split {
    type Error = String;

    fn try_from(spelled: Spelled) -> Result<Self, String> {
        let Spelled { test, validation, stratify, group, time, column } = spelled;
        let shares = Shares {
            test: test.unwrap_or(Shares::default().test),
            validation: validation.unwrap_or(0.0),
        };
        shares.check().map_err(|e| e.to_string())?;
        match (stratify, group, time, column) {
            (false, None, None, None) => Ok(Self::Random(shares)),
            (true, None, None, None) => Ok(Self::Stratified(shares)),
            (false, Some(column), None, None) => Ok(Self::Group { column, shares }),
            (false, None, Some(column), None) => Ok(Self::Time { column, shares }),
            (false, None, None, Some(column)) if test.is_none() && validation.is_none() => {
                Ok(Self::Column { column })
            }
            (false, None, None, Some(_)) => {
                Err("`column` names the part of each row, so `test` and `validation` go".into())
            }
            _ => Err("`stratify`, `group`, `time` and `column` exclude each other".into()),
        }
    }
}

impl From<Split> for Spelled {
    fn from(split: Split) -> Self {
        let shared = |shares: Shares| Self {
            test: Some(shares.test),
            validation: (shares.validation > 0.0).then_some(shares.validation),
            ..Self::default()
        };
        match split {
            Split::Random(shares) => shared(shares),
            Split::Stratified(shares) => Self { stratify: true, ..shared(shares) },
            Split::Group { column, shares } => Self { group: Some(column), ..shared(shares) },
            Split::Time { column, shares } => Self { time: Some(column), ..shared(shares) },
            Split::Column { column } => Self { column: Some(column), ..Self::default() },
        }
    }
}

impl JsonSchema for Split {
    fn schema_name() -> Cow<'static, str> {
        "Split".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
        Spelled::json_schema(generator)
    }
}
