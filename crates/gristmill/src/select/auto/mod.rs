//! `model: auto`: which transforms and families suit the data, and a search over them.

mod families;
mod finals;
mod prepare;
#[cfg(test)]
mod tests;

use gristmill_core::{Catalog, EstimatorSpec, Role, Schema, SemanticType, Table, Target};
use gristmill_evaluate::Folds;
use gristmill_evaluate::search::{Point, Prune, Range, Search, Space, Tpe};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(crate) use self::finals::{CALIBRATED_BY, improve};

use self::families::{Family, Rows};
use self::prepare::{Preparation, preparations};
use super::SearchPlan;
use super::settings::{Budget, OneOrMore, SelectSettings};
use super::spelled::{CHOICE, STEPS};
use crate::check::Checked;
use crate::look::Look;
use crate::{Error, Result};

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
    /// On which folds of the training rows each candidate is scored; without a word 5, and 3 where
    /// there are more than 20,000 rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_validate: Option<Folds>,
    /// After so many trials it ends, even if there is time left; calibrated and combined models are
    /// tried after them.
    #[schemars(range(min = 1))]
    pub trials: usize,
    /// What the model may cost where it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

impl Default for AutoSettings {
    fn default() -> Self {
        Self { minutes: 5.0, metric: None, cross_validate: None, trials: 500, budget: None }
    }
}

/// The share of the time that the search takes; the rest is for models made of what it found.
const SEARCHING: f64 = 0.75;
/// From so many rows on three folds tell enough.
const MANY_ROWS: usize = 20_000;

/// What is searched for rows like these.
///
/// # Errors
/// When the file's own transforms do not take these rows, or leave nothing to learn from.
pub(super) fn plan(
    settings: &AutoSettings,
    checked: &Checked,
    catalog: &Catalog,
    table: &Table,
) -> Result<SearchPlan> {
    let look = Look::at(table)?.after(&prepared(checked, catalog, table)?);
    if !look.columns.iter().any(is_learned_from) {
        return Err(Error::input("there is no column to learn from")
            .with_hint("leave some columns beside the target, its group and its time"));
    }
    let rows = rows(checked, catalog, table, &look)?;
    let preparations = preparations(&look, rows);
    let own: Vec<Value> = checked.file.features.iter().map(|step| json!(step)).collect();
    let spelled = spelled(&own, &preparations);
    let space = Space::parse(&spelled).map_err(|e| Error::bug(format!("{}: {e}", e.path)))?;
    let first = first(&space, &preparations);
    let candidates = preparations.iter().flat_map(|p| &p.families).map(|family| EstimatorSpec {
        name: family.name.into(),
        settings: family.settings.clone(),
    });
    let many = if table.rows() > MANY_ROWS { 3 } else { 5 };
    let usual = Folds { folds: many, ..Folds::default() };
    let finals = Some(settings.minutes);
    let settings = SelectSettings {
        candidates: candidates.collect(),
        search: Search::Tpe(Tpe { trials: settings.trials, startup: first.len() + 3 }),
        metric: settings.metric.clone(),
        cross_validate: settings.cross_validate.unwrap_or(usual),
        prune: Some(Prune::Median),
        minutes: Some(settings.minutes * SEARCHING),
        budget: settings.budget,
    };
    Ok(SearchPlan { settings, space, spelled, first, finals })
}

/// Whether a column, or what a step makes of it, is something to learn from.
fn is_learned_from(column: &crate::look::Seen) -> bool {
    let orders = column.role == Role::Time && column.meaning == SemanticType::Datetime;
    let opaque = matches!(column.meaning, SemanticType::Id | SemanticType::Image);
    orders || (column.role == Role::Feature && !opaque)
}

/// The columns as the file's own transforms leave them.
fn prepared(checked: &Checked, catalog: &Catalog, table: &Table) -> Result<Schema> {
    let kept = |role| !matches!(role, Role::Target | Role::Part | Role::Weight);
    let mut schema = table.schema().filter(|f| f.semantic != SemanticType::Id && kept(f.role));
    for step in &checked.file.features {
        schema = step.build(catalog)?.check(&schema).map_err(|e| e.in_step(&step.name))?;
    }
    Ok(schema)
}

fn rows(checked: &Checked, catalog: &Catalog, table: &Table, look: &Look) -> Result<Rows> {
    let target = checked.pipeline(catalog)?.target(table)?.apply(table)?;
    let (classes, deviation) = match &target {
        Target::Classes { labels, .. } => (Some(labels.len()), 0.0),
        Target::Numbers(numbers) => (None, deviation(numbers)),
        Target::Absent(_) => return Err(Error::bug("a search without a target")),
    };
    let features = look.columns.iter().filter(|column| column.role == Role::Feature);
    let texts = look.of(SemanticType::Text).next().is_some();
    Ok(Rows { count: table.rows(), classes, deviation, columns: features.count(), texts })
}

fn deviation(numbers: &[f64]) -> f64 {
    let known: Vec<f64> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
    let count = known.len().max(1) as f64;
    let mean = known.iter().sum::<f64>() / count;
    (known.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// The preparations as alternatives, each with its families; the file's own transforms come first in
/// all of them.
fn spelled(own: &[Value], preparations: &[Preparation]) -> Value {
    let alternatives = preparations.iter().map(|preparation| {
        let features: Vec<&Value> = own.iter().chain(&preparation.features).collect();
        let models =
            preparation.families.iter().map(|family| json!({(family.name): family.settings}));
        let models: Vec<Value> = models.collect();
        let steps = json!({"features": features, "model": {CHOICE: models}});
        Value::Object(Map::from_iter([(preparation.name.to_owned(), steps)]))
    });
    json!({STEPS: {CHOICE: alternatives.collect::<Vec<_>>()}})
}

/// One point for each family: the first of each preparation, then the second of each, and so on.
fn first(space: &Space, preparations: &[Preparation]) -> Vec<Point> {
    let most = preparations.iter().map(|p| p.families.len()).max().unwrap_or_default();
    let mut points = Vec::new();
    for turn in 0..most {
        for (at, preparation) in preparations.iter().enumerate() {
            if let Some(family) = preparation.families.get(turn) {
                points.push(beginning(space, (at, preparation), (turn, family)));
            }
        }
    }
    points
}

/// Where a family begins.
fn beginning(
    space: &Space,
    (at, preparation): (usize, &Preparation),
    (turn, family): (usize, &Family),
) -> Point {
    let model = format!("{STEPS}.{}.model", preparation.name);
    let settings = format!("{model}.{}.", family.name);
    space.draw(&mut |path, range| {
        if path == STEPS {
            return at as f64;
        }
        if path == model {
            return turn as f64;
        }
        let setting = path.strip_prefix(&settings);
        let given = setting.and_then(|s| family.first.iter().find(|(name, _)| *name == s));
        match (given, range) {
            (Some((_, value)), _) => *value,
            (None, Range::Choice(_)) => 0.0,
            (None, Range::Number(interval) | Range::Whole(interval)) => interval.low,
        }
    })
}
