//! How large a number, how long a text, list or block may be.

use serde_json::Value;

use super::{Place, found};
use crate::Mistake;
use crate::document::{Entry, Node};

/// A number within the limits of `minimum`, `exclusiveMaximum` and their like, and of formats
/// such as `uint8`.
pub(super) fn number(
    value: f64,
    node: &Node,
    schema: &Value,
    place: &Place,
    out: &mut Vec<Mistake>,
) {
    let limits = Limits::of(schema);
    if !limits.hold(value) {
        let (subject, found) = (place.subject(), found::value(node));
        let message = format!("{subject} is {found}, expected {}", limits.broken(value));
        out.push(Mistake::at(place.span(node), message));
    }
}

pub(super) fn text(text: &str, node: &Node, schema: &Value, place: &Place, out: &mut Vec<Mistake>) {
    let (least, most) = (size(schema, "minLength"), size(schema, "maxLength"));
    let length = text.chars().count();
    let message = match (least, most) {
        (Some(1), _) if length == 0 => format!("{} is empty", place.subject()),
        (Some(least), _) if length < least => {
            format!("{} has {length} characters, expected at least {least}", place.subject())
        }
        (_, Some(most)) if length > most => {
            format!("{} has {length} characters, expected at most {most}", place.subject())
        }
        _ => return,
    };
    out.push(Mistake::at(place.span(node), message));
}

pub(super) fn list(items: &[Node], schema: &Value, place: &Place, out: &mut Vec<Mistake>) {
    let wrong = count(items.len(), size(schema, "minItems"), size(schema, "maxItems"));
    if let Some(expected) = wrong {
        let found = counted(items.len(), "entry", "entries");
        let message = format!("{} has {found}, expected {expected}", place.subject());
        out.push(Mistake::at(&place.label, message));
    }
    if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
        out.extend(repeated(items, place));
    }
}

pub(super) fn block(entries: &[Entry], schema: &Value, place: &Place, out: &mut Vec<Mistake>) {
    let (least, most) = (size(schema, "minProperties"), size(schema, "maxProperties"));
    if let Some(expected) = count(entries.len(), least, most) {
        let found = counted(entries.len(), "key", "keys");
        let message = format!("{} has {found}, expected {expected}", place.subject());
        out.push(Mistake::at(&place.label, message));
    }
}

/// Words for the range of numbers that a schema takes, such as `from 0 to 1` or `of at least 1`;
/// nothing when it takes all.
pub(super) fn range(schema: &Value) -> Option<String> {
    let words = Limits::of(schema).words();
    match words.chars().next() {
        None => None,
        Some(first) if first.is_alphabetic() => Some(format!("of {words}")),
        Some(_) => Some(format!("from {words}")),
    }
}

fn repeated(items: &[Node], place: &Place) -> Option<Mistake> {
    let mut seen = std::collections::HashSet::new();
    let again = items.iter().find(|item| !seen.insert(item.to_json().to_string()))?;
    let message = format!("{} holds {} twice", place.subject(), found::words(again));
    Some(Mistake::at(&again.span, message).with_hint("remove one of the two"))
}

fn size(schema: &Value, keyword: &str) -> Option<usize> {
    schema.get(keyword)?.as_u64().and_then(|n| usize::try_from(n).ok())
}

/// What would have been accepted, if the count is not.
fn count(found: usize, least: Option<usize>, most: Option<usize>) -> Option<String> {
    match (least, most) {
        (Some(l), Some(m)) if l == m && found != l => Some(format!("{l}")),
        (Some(least), _) if found < least => Some(format!("at least {least}")),
        (_, Some(most)) if found > most => Some(format!("at most {most}")),
        _ => None,
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        0 => format!("no {one}"),
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}

struct Limits {
    least: Option<f64>,
    above: Option<f64>,
    most: Option<f64>,
    below: Option<f64>,
    /// What the integer type behind the schema can hold.
    format: Option<(f64, f64)>,
}

impl Limits {
    fn of(schema: &Value) -> Self {
        let limit = |keyword| schema.get(keyword).and_then(Value::as_f64);
        Self {
            least: limit("minimum"),
            above: limit("exclusiveMinimum"),
            most: limit("maximum"),
            below: limit("exclusiveMaximum"),
            format: schema.get("format").and_then(Value::as_str).and_then(integer_range),
        }
    }

    fn hold(&self, value: f64) -> bool {
        self.said_hold(value)
            && self.format.is_none_or(|(least, most)| (least..=most).contains(&value))
    }

    /// Whether the limits hold that the schema spells out.
    fn said_hold(&self, value: f64) -> bool {
        self.least.is_none_or(|l| value >= l)
            && self.above.is_none_or(|a| value > a)
            && self.most.is_none_or(|m| value <= m)
            && self.below.is_none_or(|b| value < b)
    }

    /// What the value should have been: by the limits that are spelled out, and by the type's
    /// own only where those say nothing.
    fn broken(&self, value: f64) -> String {
        match self.format {
            Some((_, most)) if self.said_hold(value) && value > most => format!("at most {most}"),
            Some((least, _)) if self.said_hold(value) => format!("at least {least}"),
            _ => self.words(),
        }
    }

    fn words(&self) -> String {
        let (least, most) = (self.least, self.most);
        let low = match (self.above, least) {
            (Some(above), _) => Some(format!("more than {above}")),
            (None, Some(least)) => Some(format!("at least {least}")),
            (None, None) => None,
        };
        let high = match (self.below, most) {
            (Some(below), _) => Some(format!("less than {below}")),
            (None, Some(most)) => Some(format!("at most {most}")),
            (None, None) => None,
        };
        match (low, high) {
            (Some(_), Some(_)) if self.above.is_none() && self.below.is_none() => {
                format!("{} to {}", least.unwrap_or_default(), most.unwrap_or_default())
            }
            (Some(low), Some(high)) => format!("{low} and {high}"),
            (low, high) => low.or(high).unwrap_or_default(),
        }
    }
}

/// The range of a Rust integer; 64-bit ones are the reader's to check, a double cannot.
fn integer_range(format: &str) -> Option<(f64, f64)> {
    match format {
        "uint8" => Some((0.0, f64::from(u8::MAX))),
        "uint16" => Some((0.0, f64::from(u16::MAX))),
        "uint32" => Some((0.0, f64::from(u32::MAX))),
        "int8" => Some((f64::from(i8::MIN), f64::from(i8::MAX))),
        "int16" => Some((f64::from(i16::MIN), f64::from(i16::MAX))),
        "int32" => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
        _ => None,
    }
}
