//! What a search may try: settings in which ranges stand in place of values.
//!
//! A space is a tree, as settings are. What stands inside an alternative of a `choice` is only there
//! when that alternative is, so that conditional parameters need no words of their own.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A point of a space: the coordinate of each parameter that it has, by path. The coordinate of a
/// number is the number, that of a choice the position of the alternative.
pub type Point = BTreeMap<String, f64>;

/// Settings in which a range may stand wherever a value may:
///
/// | | |
/// |---|---|
/// | `{uniform: [0.1, 1.0]}` | a number between, both ends included |
/// | `{log_uniform: [1e-4, 10]}` | the same; a tenth is as far from one as ten is |
/// | `{int: [2, 30]}`, `{log_int: [10, 1000]}` | a whole number, likewise |
/// | `{choice: [relu, tanh, {elu: {alpha: {uniform: [0.1, 1]}}}]}` | one of these, with ranges of its own |
///
/// The first four take a `step` beside them: `{int: [50, 500], step: 50}`.
///
/// ```
/// # use gristmill_evaluate::search::Space;
/// # use serde_json::json;
/// let space = Space::parse(&json!({"ridge": {"alpha": {"log_uniform": [0.01, 100.0]}}}))?;
/// let mut asked = Vec::new();
/// let point = space.draw(&mut |path, _| { asked.push(path.to_string()); 1.5 });
/// assert_eq!(asked, ["ridge.alpha"]);
/// assert_eq!(space.settings(&point)?, json!({"ridge": {"alpha": 1.5}}));
/// # Ok::<(), gristmill_evaluate::search::SpaceError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Space(Template);

/// Why settings are no space, or a point none of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpaceError {
    /// Where it stands in the settings: `random_forest.trees`.
    pub path: String,
    /// What was found.
    pub message: String,
    /// What would do.
    pub hint: String,
}

/// What may stand in the place of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    /// A number.
    Number(Interval),
    /// A whole number.
    Whole(Interval),
    /// One of several alternatives.
    Choice(Vec<Template>),
}

/// Numbers between two ends, which belong to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// How far apart two numbers are.
    pub scale: Scale,
    /// The distance from one number to the next; any number where there is none.
    pub step: Option<f64>,
}

/// How far apart numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// By their difference.
    Linear,
    /// By their ratio.
    Log,
}

/// Settings with ranges in them.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// A value without any.
    Value(Value),
    /// Named parts, in order.
    Object(Vec<(String, Template)>),
    /// Parts by position.
    List(Vec<Template>),
    /// A range.
    Range(Range),
}

const CHOICE: &str = "choice";
const STEP: &str = "step";

impl Space {
    /// The space that these settings spell.
    ///
    /// # Errors
    /// For a range that is empty, upside down or has no room for its scale.
    pub fn parse(settings: &Value) -> Result<Self, SpaceError> {
        template(settings, "").map(Self)
    }

    /// The settings, with the ranges in them.
    pub fn template(&self) -> &Template {
        &self.0
    }

    /// Whether there is nothing to search: no range at all.
    pub fn is_single(&self) -> bool {
        matches!(self.0, Template::Value(_))
    }

    /// A point for which `choose` gives the coordinate of each parameter that it turns out to have,
    /// in the order of the settings. What lies outside of a range is moved to its nearest end.
    pub fn draw(&self, choose: &mut dyn FnMut(&str, &Range) -> f64) -> Point {
        let mut point = Point::new();
        draw(&self.0, "", choose, &mut point);
        point
    }

    /// The settings at a point.
    ///
    /// # Errors
    /// When the point lacks a coordinate, or has one that its range does not.
    pub fn settings(&self, point: &Point) -> Result<Value, SpaceError> {
        settings(&self.0, "", point)
    }

    /// What each coordinate of a point means, for people: a number, or the name of an alternative.
    ///
    /// # Errors
    /// As [`Space::settings`].
    pub fn labels(&self, point: &Point) -> Result<BTreeMap<String, String>, SpaceError> {
        self.settings(point)?;
        let mut labels = BTreeMap::new();
        self.draw(&mut |path, range| {
            let at = point.get(path).copied().unwrap_or_default();
            labels.insert(path.to_string(), range.label(at));
            at
        });
        Ok(labels)
    }

    /// Every range by its path, inside all alternatives; where two share a path, the first of them.
    pub fn ranges(&self) -> BTreeMap<String, &Range> {
        let mut ranges = BTreeMap::new();
        collect(&self.0, "", &mut ranges);
        ranges
    }

    /// How many points there are; nothing when they are not countable.
    ///
    /// # Errors
    /// When a range without a `step` has no end of numbers: it is named.
    pub fn count(&self) -> Result<u64, SpaceError> {
        count(&self.0, "")
    }

    /// The point number `at` of all in their order: the last parameter changes first.
    ///
    /// # Errors
    /// As [`Space::count`].
    pub fn nth(&self, at: u64) -> Result<Point, SpaceError> {
        self.count()?;
        let (mut point, mut rest) = (Point::new(), at);
        nth(&self.0, "", &mut rest, &mut point)?;
        Ok(point)
    }
}

impl Range {
    /// The nearest coordinate that the range has.
    pub fn nearest(&self, at: f64) -> f64 {
        match self {
            Self::Number(interval) => interval.nearest(at),
            Self::Whole(interval) => interval.nearest(at).round(),
            Self::Choice(all) => at.round().clamp(0.0, (all.len() - 1) as f64),
        }
    }

    /// What the alternatives of a choice are called; nothing for numbers.
    pub fn alternatives(&self) -> Vec<String> {
        match self {
            Self::Number(_) | Self::Whole(_) => Vec::new(),
            Self::Choice(all) => all.iter().map(name_of).collect(),
        }
    }

    fn label(&self, at: f64) -> String {
        match self {
            Self::Number(_) | Self::Whole(_) => at.to_string(),
            Self::Choice(all) => all.get(at as usize).map(name_of).unwrap_or_default(),
        }
    }
}

impl Interval {
    /// The nearest number of it.
    pub fn nearest(&self, at: f64) -> f64 {
        let at = match self.step {
            Some(step) => self.low + ((at - self.low) / step).round() * step,
            None => at,
        };
        let last = self.step.map_or(self.high, |step| {
            self.low + ((self.high - self.low) / step + 1e-9).floor() * step
        });
        at.clamp(self.low, last)
    }

    /// How many numbers it has: nothing when there is no end of them.
    fn count(&self) -> Option<u64> {
        self.step.map(|step| ((self.high - self.low) / step + 1e-9).floor() as u64 + 1)
    }
}

/// What an alternative is called: its word, or the name of the one thing in it.
fn name_of(template: &Template) -> String {
    match template {
        Template::Value(Value::String(text)) => text.clone(),
        Template::Value(Value::Null) => "none".into(),
        Template::Value(Value::Object(fields)) if fields.len() == 1 => {
            fields.keys().next().cloned().unwrap_or_default()
        }
        Template::Value(value) => value.to_string(),
        Template::Object(fields) if fields.len() == 1 => {
            fields.first().map(|(name, _)| name.clone()).unwrap_or_default()
        }
        Template::Object(fields) => {
            fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
        }
        Template::List(items) => format!("{} items", items.len()),
        Template::Range(_) => "a range".into(),
    }
}

fn step_into(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

fn template(value: &Value, path: &str) -> Result<Template, SpaceError> {
    match value {
        Value::Object(fields) => {
            if let Some(range) = range(fields, path)? {
                return Ok(Template::Range(range));
            }
            let parts = fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), template(value, &step_into(path, name))?)));
            let parts: Vec<(String, Template)> = parts.collect::<Result<_, _>>()?;
            let plain = parts.iter().all(|(_, part)| matches!(part, Template::Value(_)));
            Ok(if plain { Template::Value(value.clone()) } else { Template::Object(parts) })
        }
        Value::Array(items) => {
            let parts = items.iter().enumerate();
            let parts = parts.map(|(at, item)| template(item, &step_into(path, &at.to_string())));
            let parts: Vec<Template> = parts.collect::<Result<_, _>>()?;
            let plain = parts.iter().all(|part| matches!(part, Template::Value(_)));
            Ok(if plain { Template::Value(value.clone()) } else { Template::List(parts) })
        }
        _ => Ok(Template::Value(value.clone())),
    }
}

/// The range that this object spells, if it spells one.
fn range(fields: &Map<String, Value>, path: &str) -> Result<Option<Range>, SpaceError> {
    let mut named = fields.iter().filter(|(name, _)| *name != STEP);
    let (Some((kind, given)), None) = (named.next(), named.next()) else { return Ok(None) };
    let (scale, whole) = match kind.as_str() {
        CHOICE if fields.len() == 1 => return choice(given, path).map(Some),
        "uniform" => (Scale::Linear, false),
        "log_uniform" => (Scale::Log, false),
        "int" => (Scale::Linear, true),
        "log_int" => (Scale::Log, true),
        _ => return Ok(None),
    };
    let interval = interval(kind, given, fields.get(STEP), scale, path)?;
    let broken = |at: &f64| whole && at.fract() != 0.0;
    if let Some(at) =
        [Some(interval.low), Some(interval.high), interval.step].into_iter().flatten().find(broken)
    {
        return Err(refuse(path, format!("`{kind}` holds {at}"), "give whole numbers"));
    }
    Ok(Some(if whole { Range::Whole(interval) } else { Range::Number(interval) }))
}

fn choice(given: &Value, path: &str) -> Result<Range, SpaceError> {
    let items = given.as_array().filter(|items| !items.is_empty()).ok_or_else(|| {
        refuse(path, "`choice` has no alternatives", "list at least one: `{choice: [a, b]}`")
    })?;
    let name = |item: &Value| match item {
        Value::Object(fields) if fields.len() == 1 => fields.keys().next().cloned(),
        _ => None,
    };
    // Alternatives that are named by one thing in them, as no other is, have parameters under that
    // name; others under their position. A template keeps a name only if there is a range inside.
    let alone = |item: &Value| {
        let own = name(item);
        own.is_some() && items.iter().filter(|other| name(other) == own).count() == 1
    };
    let places = items.iter().enumerate().map(|(at, item)| match alone(item) {
        true => path.to_string(),
        false => step_into(path, &at.to_string()),
    });
    let parts = items.iter().zip(places).map(|(item, place)| template(item, &place));
    Ok(Range::Choice(parts.collect::<Result<_, _>>()?))
}

fn interval(
    kind: &str,
    given: &Value,
    step: Option<&Value>,
    scale: Scale,
    path: &str,
) -> Result<Interval, SpaceError> {
    let form = format!("write two numbers, `{{{kind}: [LOW, HIGH]}}`");
    let ends = given.as_array().map(Vec::as_slice);
    let Some([low, high]) = ends else {
        return Err(refuse(path, format!("`{kind}` has no two ends"), form));
    };
    let (Some(low), Some(high)) = (low.as_f64(), high.as_f64()) else {
        return Err(refuse(path, format!("an end of `{kind}` is no number"), form));
    };
    if low > high {
        let swap = format!("swap them: `{{{kind}: [{high}, {low}]}}`");
        return Err(refuse(path, format!("`{kind}` goes from {low} down to {high}"), swap));
    }
    if scale == Scale::Log && low <= 0.0 {
        let hint = "begin above 0, or leave out `log_`";
        return Err(refuse(
            path,
            format!("`{kind}` begins at {low}, which has no logarithm"),
            hint,
        ));
    }
    let step = match step {
        None if kind == "int" => Some(1.0),
        None => None,
        Some(step) => {
            Some(step.as_f64().filter(|s| *s > 0.0 && s.is_finite()).ok_or_else(|| {
                refuse(path, format!("`step` is {step}"), "give a number above 0")
            })?)
        }
    };
    Ok(Interval { low, high, scale, step })
}

fn refuse(path: &str, message: impl Into<String>, hint: impl Into<String>) -> SpaceError {
    SpaceError { path: path.into(), message: message.into(), hint: hint.into() }
}

fn draw(
    template: &Template,
    path: &str,
    choose: &mut dyn FnMut(&str, &Range) -> f64,
    point: &mut Point,
) {
    match template {
        Template::Value(_) => {}
        Template::Object(parts) => {
            for (name, part) in parts {
                draw(part, &step_into(path, name), choose, point);
            }
        }
        Template::List(parts) => {
            for (at, part) in parts.iter().enumerate() {
                draw(part, &step_into(path, &at.to_string()), choose, point);
            }
        }
        Template::Range(range) => {
            let at = range.nearest(choose(path, range));
            point.insert(path.to_string(), at);
            if let Range::Choice(all) = range
                && let Some(chosen) = all.get(at as usize)
            {
                draw(chosen, &inside(all, path, at as usize), choose, point);
            }
        }
    }
}

fn collect<'a>(template: &'a Template, path: &str, ranges: &mut BTreeMap<String, &'a Range>) {
    match template {
        Template::Value(_) => {}
        Template::Object(parts) => {
            parts.iter().for_each(|(name, part)| collect(part, &step_into(path, name), ranges));
        }
        Template::List(parts) => {
            for (at, part) in parts.iter().enumerate() {
                collect(part, &step_into(path, &at.to_string()), ranges);
            }
        }
        Template::Range(range) => {
            ranges.entry(path.to_string()).or_insert(range);
            if let Range::Choice(all) = range {
                for (at, part) in all.iter().enumerate() {
                    collect(part, &inside(all, path, at), ranges);
                }
            }
        }
    }
}

/// Under which path the parameters of an alternative stand: under its name, where no other has it.
fn inside(all: &[Template], path: &str, at: usize) -> String {
    let name = |part: &Template| match part {
        Template::Object(parts) if parts.len() == 1 => parts.first().map(|(name, _)| name.clone()),
        _ => None,
    };
    let own = all.get(at).and_then(name);
    let alone = own.is_some() && all.iter().filter(|part| name(part) == own).count() == 1;
    if alone { path.to_string() } else { step_into(path, &at.to_string()) }
}

fn settings(template: &Template, path: &str, point: &Point) -> Result<Value, SpaceError> {
    Ok(match template {
        Template::Value(value) => value.clone(),
        Template::Object(parts) => {
            let parts = parts.iter().map(|(name, part)| {
                Ok((name.clone(), settings(part, &step_into(path, name), point)?))
            });
            Value::Object(parts.collect::<Result<_, SpaceError>>()?)
        }
        Template::List(parts) => {
            let parts = parts.iter().enumerate();
            let parts =
                parts.map(|(at, part)| settings(part, &step_into(path, &at.to_string()), point));
            Value::Array(parts.collect::<Result<_, _>>()?)
        }
        Template::Range(range) => {
            let lacks = || refuse(path, format!("the point has no `{path}`"), "draw it again");
            let at = point.get(path).copied().ok_or_else(lacks)?;
            match range {
                Range::Number(_) => at.into(),
                Range::Whole(_) => (at as i64).into(),
                Range::Choice(all) => {
                    let chosen = all.get(at as usize).ok_or_else(lacks)?;
                    settings(chosen, &inside(all, path, at as usize), point)?
                }
            }
        }
    })
}

fn count(template: &Template, path: &str) -> Result<u64, SpaceError> {
    let times = |all: u64, count: Result<u64, SpaceError>| Ok(all.saturating_mul(count?));
    match template {
        Template::Value(_) => Ok(1),
        Template::Object(parts) => {
            let mut counts = parts.iter().map(|(name, part)| count(part, &step_into(path, name)));
            counts.try_fold(1, times)
        }
        Template::List(parts) => {
            let parts = parts.iter().enumerate();
            let mut counts = parts.map(|(at, part)| count(part, &step_into(path, &at.to_string())));
            counts.try_fold(1, times)
        }
        Template::Range(Range::Choice(all)) => {
            let parts = all.iter().enumerate();
            let mut counts = parts.map(|(at, part)| count(part, &inside(all, path, at)));
            counts.try_fold(0_u64, |all, count| Ok(all.saturating_add(count?)))
        }
        Template::Range(Range::Number(interval) | Range::Whole(interval)) => {
            interval.count().ok_or_else(|| {
                let message = format!("`{path}` has no end of values, so a grid has none either");
                refuse(path, message, "list them as a `choice`, give a `step`, or search otherwise")
            })
        }
    }
}

fn nth(
    template: &Template,
    path: &str,
    rest: &mut u64,
    point: &mut Point,
) -> Result<(), SpaceError> {
    match template {
        Template::Value(_) => {}
        Template::Object(parts) => {
            for (name, part) in parts.iter().rev() {
                nth(part, &step_into(path, name), rest, point)?;
            }
        }
        Template::List(parts) => {
            for (at, part) in parts.iter().enumerate().rev() {
                nth(part, &step_into(path, &at.to_string()), rest, point)?;
            }
        }
        Template::Range(Range::Choice(all)) => {
            let counts = all.iter().enumerate();
            let counts = counts.map(|(at, part)| count(part, &inside(all, path, at)));
            let counts: Vec<u64> = counts.collect::<Result<_, _>>()?;
            let total = counts.iter().fold(0_u64, |all, count| all.saturating_add(*count)).max(1);
            let (mut within, carry) = (*rest % total, *rest / total);
            for (at, (part, count)) in all.iter().zip(&counts).enumerate() {
                if within < *count {
                    point.insert(path.to_string(), at as f64);
                    nth(part, &inside(all, path, at), &mut within, point)?;
                    break;
                }
                within -= count;
            }
            *rest = carry;
        }
        Template::Range(Range::Number(interval) | Range::Whole(interval)) => {
            let count = interval.count().unwrap_or(1).max(1);
            let step = interval.step.unwrap_or_default();
            point.insert(path.to_string(), interval.low + (*rest % count) as f64 * step);
            *rest /= count;
        }
    }
    Ok(())
}
