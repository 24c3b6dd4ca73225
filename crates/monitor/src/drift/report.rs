//! What was found, column by column.

use gristmill_core::SemanticType;
use serde::Serialize;

use super::{DriftTest, Shown, TogetherDrift, VectorDrift};
use crate::statistics::TwoProportions;

/// A share of missing values or unseen categories counts as changed when chance would rarely change it
/// so much, and when it changed by that much at all.
pub(super) const RARELY: f64 = 0.01;
const NOTABLE: f64 = 0.05;

/// How a window stands against its reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftReport {
    /// How many rows the window has.
    pub rows: u64,
    /// How many rows the reference has.
    pub reference_rows: u64,
    /// Whether as many columns have moved as the settings say.
    pub drifted: bool,
    /// The share of the compared columns that have moved.
    pub share: f64,
    /// Whether there were rows enough to judge; without, nothing is drifted.
    pub enough: bool,
    /// The columns that were compared, in the order of the reference.
    pub columns: Vec<ColumnDrift>,
    /// The columns that are one vector together, which count as one column more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub together: Option<TogetherDrift>,
    /// Those that were not: moments and ids.
    pub skipped: Vec<String>,
}

/// How one column stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnDrift {
    /// Its name.
    pub name: String,
    /// What its values meant in the reference.
    #[serde(skip)]
    pub semantic: SemanticType,
    /// How it was compared.
    pub test: DriftTest,
    /// The distance, or the p-value after correction; nothing when one side has no value.
    pub value: Option<f64>,
    /// What the value is held against.
    pub threshold: f64,
    /// Whether it has moved, for any of `reasons`.
    pub drifted: bool,
    /// In what way it has moved.
    pub reasons: Vec<Reason>,
    /// The statistic of a test with a p-value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<f64>,
    /// The p-value before correction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// By how much the statistic of `ks` may be too small, because values are counted in bins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<f64>,
    /// The Jensen-Shannon distance over groups of values, by which columns of all kinds are ranked.
    pub moved: f64,
    /// The mean of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Means>,
    /// The share of missing values.
    pub missing: Rate,
    /// The share of categories that the reference never saw, where all of its categories are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Rate>,
    /// Some of these categories, the most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen_categories: Vec<String>,
    /// How far the contents of texts or images have moved; `value` is about the lengths of texts and about how
    /// bright images are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<VectorDrift>,
    /// The share of numbers outside of the range of the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<f64>,
    /// Both distributions, to be drawn.
    #[serde(skip)]
    pub shown: Shown,
}

/// In what way a column has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its values are others, by the test.
    Values,
    /// More or fewer are missing.
    Missing,
    /// There are categories that the reference never saw.
    Unseen,
    /// Texts are about something else, or images show something else.
    Content,
}

/// A mean in the reference and now.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Means {
    /// In the reference.
    pub reference: f64,
    /// In the window.
    pub current: f64,
}

/// A share in the reference and now.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// In the reference.
    pub reference: f64,
    /// In the window.
    pub current: f64,
    /// The chance of so great a difference, after correction for the number of columns.
    pub p_value: f64,
    /// Whether it differs by 5 % of the rows or more, and not by chance (p below 0.01).
    pub changed: bool,
}

impl Rate {
    pub(super) fn new(found: &TwoProportions, p_value: f64) -> Self {
        let apart = (found.current - found.reference).abs();
        let changed = p_value < RARELY && apart >= NOTABLE;
        Self { reference: found.reference, current: found.current, p_value, changed }
    }
}

impl DriftReport {
    /// Each measure with the name of its column and that of its test: for vectors their `auc` by `embedding`.
    pub fn measures(&self) -> Vec<(String, &'static str, f64)> {
        fn of(name: &str, vectors: &VectorDrift) -> (String, &'static str, f64) {
            (name.to_string(), "embedding", vectors.auc)
        }
        let columns = self.columns.iter().flat_map(|column| {
            let value = column.value.map(|v| (column.name.clone(), column.test.word(), v));
            value.into_iter().chain(column.content.iter().map(move |c| of(&column.name, c)))
        });
        let together = self.together.iter();
        let together = together.filter_map(|t| Some(of(&t.name(), t.vectors.as_ref()?)));
        columns.chain(together).collect()
    }

    /// How many columns have moved, those that are one vector together as one.
    pub fn moved(&self) -> usize {
        let columns = self.columns.iter().map(|c| c.drifted);
        columns.chain(self.together.iter().map(|t| t.drifted)).filter(|drifted| *drifted).count()
    }

    /// How many columns were compared, those that are one vector together as one.
    pub fn compared(&self) -> usize {
        self.columns.len() + usize::from(self.together.is_some())
    }

    /// The columns by how much they moved: drifted ones first, then by [`ColumnDrift::moved`].
    pub fn by_movement(&self) -> Vec<&ColumnDrift> {
        let mut columns: Vec<&ColumnDrift> = self.columns.iter().collect();
        columns.sort_by(|a, b| b.drifted.cmp(&a.drifted).then_with(|| b.moved.total_cmp(&a.moved)));
        columns
    }
}
