//! The settings that trees and forests share.

use std::fmt;

use gristmill_core::{Error, Result, Schema, SemanticType, Task};
use schemars::JsonSchema;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::bins::MAX_BINS;
use super::grow::{Limits, Splitter};
use super::nodes::MAX_COLUMNS;
use crate::ClassWeight;

/// The most classes that trees tell apart: the widest cell, see [`super::fit`].
pub(crate) const MAX_CLASSES: usize = 256;

/// How many columns are looked at for each split; at least one, whatever the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaxFeatures {
    /// The square root of their number, rounded down.
    Sqrt,
    /// The logarithm of their number to base 2, rounded down.
    Log2,
    /// All of them.
    All,
    /// So many, or all if there are fewer.
    #[serde(untagged)]
    Count(usize),
    /// This share of them, above 0 and at most 1, rounded down.
    #[serde(untagged)]
    Share(f64),
}

impl MaxFeatures {
    /// Refuses a count of none and what is no share.
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Self::Count(count) => at_least("max_features", Some(count), 1),
            Self::Share(share) => is_share("max_features", share),
            Self::Sqrt | Self::Log2 | Self::All => Ok(()),
        }
    }

    /// How many of `columns` are looked at.
    pub(crate) fn of(self, columns: usize) -> usize {
        let count = match self {
            Self::Sqrt => columns.isqrt(),
            Self::Log2 => columns.checked_ilog2().unwrap_or(0) as usize,
            Self::All => columns,
            Self::Count(count) => count,
            Self::Share(share) => (columns as f64 * share) as usize,
        };
        count.clamp(1, columns.max(1))
    }
}

// By hand, because what serde derives for such an enum cannot say what would be accepted.
impl<'de> Deserialize<'de> for MaxFeatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = MaxFeatures;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sqrt, log2, all, a count or a share for `max_features`")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<MaxFeatures, E> {
                match word {
                    "sqrt" => Ok(MaxFeatures::Sqrt),
                    "log2" => Ok(MaxFeatures::Log2),
                    "all" => Ok(MaxFeatures::All),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
            fn visit_u64<E: de::Error>(self, count: u64) -> Result<MaxFeatures, E> {
                Ok(MaxFeatures::Count(usize::try_from(count).unwrap_or(usize::MAX)))
            }
            fn visit_i64<E: de::Error>(self, count: i64) -> Result<MaxFeatures, E> {
                let count = u64::try_from(count)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(count), &self))?;
                self.visit_u64(count)
            }
            fn visit_f64<E: de::Error>(self, share: f64) -> Result<MaxFeatures, E> {
                Ok(MaxFeatures::Share(share))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// A number of rows: a count, or a share of all rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a count of rows, or a share such as 0.5")]
pub enum Amount {
    /// So many rows.
    Count(usize),
    /// This share of the rows, above 0 and at most 1.
    Share(f64),
}

/// What a tree makes pure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// For classes: 1 − Σ p².
    Gini,
    /// For classes: −Σ p ln p.
    Entropy,
    /// For numbers: the mean squared distance from the mean.
    SquaredError,
}

/// What every tree is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeSettings {
    pub(crate) max_depth: Option<usize>,
    pub(crate) max_leaves: Option<usize>,
    pub(crate) min_samples_leaf: usize,
    pub(crate) min_samples_split: usize,
    pub(crate) max_features: MaxFeatures,
    pub(crate) bins: usize,
    pub(crate) criterion: Option<Criterion>,
    pub(crate) class_weight: ClassWeight,
    pub(crate) splitter: Splitter,
    /// See [`Limits::set_categories`].
    pub(crate) set_categories: usize,
}

impl TreeSettings {
    /// Whether the settings make sense for the task.
    pub(crate) fn check(&self, task: Task) -> Result<()> {
        at_least("max_depth", self.max_depth, 1)?;
        at_least("max_leaves", self.max_leaves, 2)?;
        at_least("min_samples_leaf", Some(self.min_samples_leaf), 1)?;
        at_least("min_samples_split", Some(self.min_samples_split), 2)?;
        if !(2..=MAX_BINS).contains(&self.bins) {
            return Err(Error::setting("bins", self.bins, format!("2 to {MAX_BINS}")));
        }
        self.max_features.check()?;
        self.check_task(task)
    }

    fn check_task(&self, task: Task) -> Result<()> {
        match (task, self.criterion) {
            (Task::Classification { classes }, _) if classes > MAX_CLASSES => {
                Err(Error::data_hint(
                    format!("the target has {classes} classes; trees tell {MAX_CLASSES} apart"),
                    "group rare classes, or choose another model",
                ))
            }
            (Task::Classification { .. }, Some(Criterion::SquaredError)) => {
                Err(Error::setting("criterion", "squared_error", "gini or entropy for classes"))
            }
            (Task::Regression, Some(criterion @ (Criterion::Gini | Criterion::Entropy))) => {
                let found = if criterion == Criterion::Gini { "gini" } else { "entropy" };
                Err(Error::setting("criterion", found, "squared_error for a numeric target"))
            }
            (Task::Unsupervised, _) => Err(Task::no_target("trees")),
            (Task::Regression, _) if self.class_weight != ClassWeight::None => Err(Error::setting(
                "class_weight",
                "balanced",
                "none for a numeric target, which has no classes",
            )),
            _ => Ok(()),
        }
    }

    /// The limits of trees over so many columns.
    pub(crate) fn limits(&self, columns: usize) -> Limits {
        Limits {
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            max_leaves: self.max_leaves.unwrap_or(usize::MAX),
            min_samples_leaf: self.min_samples_leaf,
            min_samples_split: self.min_samples_split,
            columns: self.max_features.of(columns),
            splitter: self.splitter,
            set_categories: self.set_categories,
        }
    }
}

/// Refuses a setting that is smaller than `least`.
pub(crate) fn at_least(name: &str, value: Option<usize>, least: usize) -> Result<()> {
    match value {
        Some(value) if value < least => {
            Err(Error::setting(name, value, format!("at least {least}")))
        }
        _ => Ok(()),
    }
}

/// Refuses a setting that is no share.
pub(crate) fn is_share(name: &str, value: f64) -> Result<()> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(Error::setting(name, value, "a share above 0 and at most 1"))
}

/// Refuses a setting that is below 0 or not finite.
pub(crate) fn is_number(name: &str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::setting(name, value, "a finite number, at least 0"))
}

/// Refuses columns that trees cannot learn from.
pub(crate) fn check_columns(input: &Schema) -> Result<()> {
    if input.is_empty() || input.len() > MAX_COLUMNS {
        return Err(Error::data(format!(
            "there are {} columns to learn from; trees take 1 to {MAX_COLUMNS}",
            input.len()
        )));
    }
    for field in input.fields() {
        let hint = match field.semantic {
            SemanticType::Numeric | SemanticType::Boolean | SemanticType::Categorical => continue,
            SemanticType::Datetime => "derive parts of it, such as hour or weekday, or drop it",
            SemanticType::Text => "encode the text, or drop the column",
            SemanticType::Image => "add `pixels` before the model, or drop the column",
            SemanticType::Id => "an id says nothing of other rows; drop the column",
        };
        return Err(Error::WrongType {
            name: field.name.clone(),
            found: field.semantic,
            expected: "numeric, boolean or categorical",
            hint: Some(hint.into()),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: MaxFeatures, columns: usize, expected: usize) {
        assert_eq!(rule.of(columns), expected);
    }

    #[test] // by hand; scikit-learn 1.9.1 rounds down too, and takes at least one
    fn rules_give_counts() {
        check(MaxFeatures::Sqrt, 19, 4);
        check(MaxFeatures::Log2, 19, 4);
        check(MaxFeatures::All, 19, 19);
        check(MaxFeatures::Count(30), 19, 19);
        check(MaxFeatures::Share(0.3), 19, 5);
        check(MaxFeatures::Share(0.01), 19, 1);
        check(MaxFeatures::Log2, 1, 1);
    }

    #[test]
    fn rules_are_written_as_words_or_numbers() {
        let read = |text: &str| serde_json::from_str::<MaxFeatures>(text).unwrap();
        assert_eq!(read("\"sqrt\""), MaxFeatures::Sqrt);
        assert_eq!(read("3"), MaxFeatures::Count(3));
        assert_eq!(read("1.0"), MaxFeatures::Share(1.0));
        for rule in [MaxFeatures::Log2, MaxFeatures::Count(2), MaxFeatures::Share(0.5)] {
            assert_eq!(read(&serde_json::to_string(&rule).unwrap()), rule);
        }
        let refused = serde_json::from_str::<MaxFeatures>("\"cube\"").unwrap_err().to_string();
        assert!(refused.contains("expected sqrt, log2, all, a count or a share"), "{refused}");
    }
}
