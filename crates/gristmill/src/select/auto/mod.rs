//! `model: auto`: which transforms and families suit the data, and a search over them.

use gristmill_core::{Catalog, Table, Task};
use gristmill_evaluate::Folds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SearchPlan;
use super::settings::{Budget, OneOrMore};
use crate::Result;
use crate::check::Checked;

/// A search over whatever suits the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AutoSettings {
    /// How long it searches.
    #[schemars(range(min = 0.0))]
    pub minutes: f64,
    /// By which metric; without one the first that the file requires, or else names under `evaluate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<OneOrMore>,
    /// On which folds of the training rows each candidate is scored.
    pub cross_validate: Folds,
    /// After so many trials it ends, even if there is time left.
    #[schemars(range(min = 1))]
    pub trials: usize,
    /// What the model may cost where it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

impl Default for AutoSettings {
    fn default() -> Self {
        Self {
            minutes: 5.0,
            metric: None,
            cross_validate: Folds::default(),
            trials: 500,
            budget: None,
        }
    }
}

/// What is searched for rows like these.
pub(super) fn plan(
    _settings: &AutoSettings,
    _checked: &Checked,
    _catalog: &Catalog,
    _table: &Table,
    _task: Task,
) -> Result<SearchPlan> {
    Err(crate::Error::bug("not yet"))
}
