//! What a model goes by: importances, dependence and contributions, on a bounded number of rows.

use gristmill_core::{FittedPipeline, Scope, Seed, SemanticType, Table, Task};
use gristmill_evaluate::curves::Draw;
use gristmill_evaluate::explain::{
    Dependence, DependenceSettings, Importances, Permutation, ShapSummary,
};
use gristmill_evaluate::{Metric, Shares, Split};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Look;
use crate::{Kind, Result};

/// Of how many columns, the most important ones, dependence is shown.
const MOST_DEPENDENCES: usize = 4;

/// How many learned numbers are gone through over all rows, and for how many rows at least: for
/// contributions, for each dependence, and for importances over all columns and repeats.
const CONTRIBUTIONS: Budget = Budget { numbers: 40_000_000, least: 24 };
const DEPENDENCE: Budget = Budget { numbers: 100_000_000, least: 50 };
const IMPORTANCES: Budget = Budget { numbers: 2_000_000_000, least: 200 };
/// How many times as many rows as the settings say are mixed up where a model is small.
const CHEAP: usize = 10;

/// How many rows are asked, with their history, where steps look at earlier rows.
const MOST_WITH_HISTORY: usize = 10_000;

/// How closely a run looks at what its model goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExplainSettings {
    /// How many test rows are asked; 0 for no explanation. Large models are asked about fewer; for
    /// importances small ones about up to ten times as many, and where steps look at earlier rows,
    /// rows are asked with their history.
    pub rows: usize,
    /// How often each column is mixed up to see what the metric loses.
    #[schemars(range(min = 1))]
    pub repeats: usize,
}

impl Default for ExplainSettings {
    fn default() -> Self {
        Self { rows: 200, repeats: 3 }
    }
}

/// What a model goes by.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// What the first metric loses without each column.
    pub importances: Option<Importances>,
    /// How answers change with the most important columns.
    pub dependences: Vec<Dependence>,
    /// What each column adds to the answers, for models that know it.
    pub contributions: Option<ShapSummary>,
    /// Why nothing could be explained.
    pub reason: Option<String>,
}

/// The explanation of the answers to the rows of `seen`.
pub(super) fn explain(look: &Look<'_>, seen: &Table) -> Result<Explanation> {
    let supervised = look.fitted.target().task() != Task::Unsupervised;
    let Some(metric) = look.decides else { return Ok(Explanation::default()) };
    if look.explain.rows == 0 || seen.rows() == 0 || !supervised {
        return Ok(Explanation::default());
    }
    match explained(look, seen, metric) {
        // A metric may have no value on the rows that were drawn, such as an area without positive
        // ones; the model is as good as it was, and the report says why nothing is shown.
        Err(error) if error.kind == Kind::Input => {
            Ok(Explanation { reason: Some(error.message), ..Explanation::default() })
        }
        explained => explained,
    }
}

fn explained(look: &Look<'_>, seen: &Table, metric: Metric) -> Result<Explanation> {
    let (settings, fitted, seed) = (look.explain, look.fitted, look.seed.named("explain"));
    let learned = fitted.model().state().tensors.values().map(|t| t.data.len()).sum();
    let history = fitted.is_windowed().then(|| with_history(fitted, seen)).transpose()?;
    let (seen, mixed, asked) = match &history {
        Some(rows) => (rows, rows.rows(), rows.rows()),
        None => {
            let times = settings.repeats * fitted.input().len();
            let most = settings.rows.saturating_mul(CHEAP);
            let mixed = IMPORTANCES.rows(learned, times, most).max(settings.rows);
            (seen, mixed, DEPENDENCE.rows(learned, 1, settings.rows))
        }
    };
    let permutation = Permutation { repeats: settings.repeats, rows: mixed };
    let importances = permutation.importances(fitted, seen, metric, seed)?;
    Ok(Explanation {
        dependences: dependences(look, seen, asked, &importances, seed)?,
        contributions: ShapSummary::new(
            fitted,
            seen,
            CONTRIBUTIONS.rows(learned, 1, settings.rows),
            seed,
        )?,
        importances: Some(importances),
        reason: None,
    })
}

/// Rows that stand with those before them: as many whole groups as fit, else the first rows in their
/// order.
fn with_history(fitted: &FittedPipeline, seen: &Table) -> Result<Table> {
    let sequence = fitted.steps().iter().find_map(|step| match step.scope() {
        Scope::Windowed { group, order, .. } => Some((group, order)),
        Scope::RowWise => None,
    });
    let Some((group, order)) = sequence.filter(|_| seen.rows() > MOST_WITH_HISTORY) else {
        return Ok(seen.clone());
    };
    let split = match group.first() {
        Some(column) => Split::Group { column: column.clone(), shares: Shares::default() },
        None => Split::Time { column: order, shares: Shares::default() },
    };
    let units = match split.draw(seen)? {
        Draw::Groups(units) | Draw::Latest(units) => units,
        Draw::Rows => return Ok(seen.clone()),
    };
    let mut rows: Vec<u32> = Vec::new();
    for unit in units {
        if !rows.is_empty() && rows.len() + unit.len() > MOST_WITH_HISTORY {
            break;
        }
        rows.extend(unit);
    }
    rows.sort_unstable();
    Ok(seen.take(&rows)?)
}

/// The columns that order and group rows for some step: with one value for all rows no row would
/// have its history.
fn sequence(fitted: &FittedPipeline) -> Vec<String> {
    let columns = fitted.steps().iter().flat_map(|step| match step.scope() {
        Scope::Windowed { group, order, .. } => group.into_iter().chain([order]).collect(),
        Scope::RowWise => Vec::new(),
    });
    columns.collect()
}

/// What looking at a model may cost.
struct Budget {
    numbers: usize,
    least: usize,
}

impl Budget {
    /// How many of `most` rows are asked, when asking about one goes `times` times through as many
    /// numbers as the model has `learned`.
    fn rows(&self, learned: usize, times: usize, most: usize) -> usize {
        let cost = learned.max(1).saturating_mul(times.max(1));
        (self.numbers / cost).clamp(self.least.min(most), most)
    }
}

fn dependences(
    look: &Look<'_>,
    seen: &Table,
    rows: usize,
    importances: &Importances,
    seed: Seed,
) -> Result<Vec<Dependence>> {
    let settings = DependenceSettings { rows, ..DependenceSettings::default() };
    // No image stands between two others, so there is no curve over them.
    let varies = |name: &str| {
        look.fitted.input().field(name).is_ok_and(|f| f.semantic != SemanticType::Image)
    };
    let counts = |name: &str| {
        varies(name) && seen.column_named(name).is_ok_and(|c| c.null_count() < c.len())
    };
    let sequence = sequence(look.fitted);
    let columns = importances.columns.iter().filter(|c| c.importance.mean > 0.0);
    let columns = columns.filter(|c| counts(&c.column) && !sequence.contains(&c.column));
    let columns = columns.take(MOST_DEPENDENCES);
    let dependence = |column: &gristmill_evaluate::explain::ColumnImportance| {
        settings.dependence(look.fitted, seen, &column.column, seed)
    };
    Ok(columns.map(dependence).collect::<Result<_, _>>()?)
}
