//! What a file spells as a space: ranges in place of values, in `features` and in the candidates.

use std::collections::BTreeSet;

use gristmill_core::{EstimatorSpec, TransformSpec};
use gristmill_evaluate::search::{Point, Range, Space, SpaceError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Error, Result};

/// The name that stands for a range in the place of a transform's.
pub(crate) const CHOICE: &str = "choice";
/// Where a space holds whole steps as alternatives, each under its name, for transforms and models
/// that go together: `{steps: {choice: [{scaled: {features: [...], model: ...}}, ...]}}`.
pub(crate) const STEPS: &str = "steps";

/// The steps that are fitted: values only, no ranges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// The transforms in order.
    pub features: Vec<TransformSpec>,
    /// The estimator.
    pub model: EstimatorSpec,
}

impl Steps {
    /// What a point of a space of steps means, or of one of whole steps.
    pub fn at(space: &Space, point: &Point) -> Result<Self, SpaceError> {
        let mut settings = whole(space.settings(point)?);
        // An alternative may be to leave a transform out.
        if let Some(features) = settings["features"].as_array_mut() {
            features.retain(|step| !step.is_null());
        }
        serde_json::from_value(settings).map_err(|error| SpaceError {
            path: String::new(),
            message: format!("a step is no step: {error}"),
            hint: "write each alternative as a step of its own".into(),
        })
    }

    /// Each transform as a text, equal ones for equal transforms.
    pub fn keys(&self) -> Vec<String> {
        self.features.iter().map(|step| json!(step).to_string()).collect()
    }

    /// Out of the facts of a task.
    pub fn from_facts(facts: &Value) -> Result<Self> {
        serde_json::from_value(facts["steps"].clone())
            .map_err(|error| Error::bug(format!("stored steps of a search: {error}")))
    }
}

/// The settings of an alternative of whole steps; other settings as they are. Whoever makes such
/// alternatives gives the ranges of the model ends of few digits, so its numbers need no more than
/// four: a person is to read them.
fn whole(mut settings: Value) -> Value {
    let alternative = settings.get_mut(STEPS).and_then(Value::as_object_mut);
    let chosen = alternative.and_then(|named| named.values_mut().next()).map(Value::take);
    match chosen {
        None => settings,
        Some(mut steps) => {
            shorten(&mut steps["model"]);
            steps
        }
    }
}

fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(entries) => entries.values_mut().for_each(shorten),
        Value::Number(number) => {
            if let Some(long) = number.as_f64().filter(|_| number.is_f64())
                && let Ok(short) = format!("{long:.3e}").parse::<f64>()
            {
                *value = json!(short);
            }
        }
        _ => {}
    }
}

/// The space of these transforms and candidates.
///
/// # Errors
/// For a range that makes no sense, with its place: `features.0.impute.strategy`, `model.ridge.alpha`.
pub(crate) fn space(
    features: &[TransformSpec],
    candidates: &[EstimatorSpec],
) -> Result<Space, SpaceError> {
    Space::parse(&spelling(features, candidates))
}

/// How this space is spelled.
pub(crate) fn spelling(features: &[TransformSpec], candidates: &[EstimatorSpec]) -> Value {
    json!({"features": features, "model": {CHOICE: candidates}})
}

/// Some steps of a space.
///
/// # Errors
/// As [`space`].
pub(crate) fn any(features: &[TransformSpec], candidates: &[EstimatorSpec]) -> Result<Steps> {
    let refused = |error: SpaceError| Error::input(error.message).with_hint(error.hint);
    let space = space(features, candidates).map_err(refused)?;
    Steps::at(&space, &space.draw(&mut |_, _| 0.0)).map_err(refused)
}

/// Points that between them have every end of every range and every alternative of every choice.
pub(crate) fn corners(space: &Space) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut seen: BTreeSet<(String, usize)> = BTreeSet::new();
    let mut routes = vec![Point::new()];
    while let Some(route) = routes.pop() {
        for high in [false, true] {
            let mut others: Vec<(String, usize)> = Vec::new();
            let point = space.draw(&mut |path, range| match range {
                Range::Choice(all) => {
                    // What stands inside an alternative only shows where that one is chosen.
                    others.extend((0..all.len()).map(|at| (path.to_owned(), at)));
                    route.get(path).copied().unwrap_or_default()
                }
                Range::Number(interval) | Range::Whole(interval) => {
                    if high {
                        interval.high
                    } else {
                        interval.low
                    }
                }
            });
            for (path, at) in others {
                if seen.insert((path.clone(), at)) && point.get(&path) != Some(&(at as f64)) {
                    let mut other = point.clone();
                    other.insert(path, at as f64);
                    routes.push(other);
                }
            }
            if !points.contains(&point) {
                points.push(point);
            }
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_steps_stand_under_their_name_and_their_numbers_are_short() {
        let spelled = json!({STEPS: {CHOICE: [
            {"plain": {"features": [null, {"log": {"offset": 0.123456}}],
                       "model": {"ridge": {"alpha": {"uniform": [0.0, 1.0]}}}}},
        ]}});
        let space = Space::parse(&spelled).unwrap();
        let point = space.draw(&mut |path, _| if path == STEPS { 0.0 } else { 0.123_456 });
        assert_eq!(point.keys().collect::<Vec<_>>(), ["steps", "steps.plain.model.ridge.alpha"]);
        let steps = json!(Steps::at(&space, &point).unwrap());
        let expected = json!({
            "features": [{"log": {"offset": 0.123456}}], "model": {"ridge": {"alpha": 0.1235}},
        });
        assert_eq!(steps, expected);
    }
}
