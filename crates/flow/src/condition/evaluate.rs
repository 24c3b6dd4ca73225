//! A condition's answer.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::error::ConditionError;
use super::tree::{Comparison, Operand, Path, Question, literal, written};

/// Gives the value on a path, if there is one.
pub(super) type LookUp<'a> = &'a dyn Fn(&[&str]) -> Option<Value>;

/// Whether the answer is yes. `and` and `or` look no further than they have to.
pub(super) fn holds(question: &Question, look_up: LookUp<'_>) -> Result<bool, ConditionError> {
    match question {
        Question::All(parts) => {
            for part in parts {
                if !holds(part, look_up)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Question::Any(parts) => {
            for part in parts {
                if holds(part, look_up)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Question::Not(part) => Ok(!holds(part, look_up)?),
        Question::Compare { left, comparison, right } => compare(left, *comparison, right, look_up),
        Question::Member { value, list } => member(value, list, look_up),
        Question::Is(operand) => match present(operand, look_up)? {
            Value::Bool(answer) => Ok(answer),
            other => Err(wrong(operand, &other, "true or false, or compared with something")),
        },
    }
}

fn compare(
    left: &Operand,
    comparison: Comparison,
    right: &Operand,
    look_up: LookUp<'_>,
) -> Result<bool, ConditionError> {
    if let (Some(asked), true) = (beside_null(left, right), is_equality(comparison)) {
        let absent = value(asked, look_up).is_none();
        return Ok(absent == (comparison == Comparison::Equal));
    }
    let (found, wanted) = (present(left, look_up)?, present(right, look_up)?);
    match comparison {
        Comparison::Equal => equal(left, &found, right, &wanted),
        Comparison::Unequal => equal(left, &found, right, &wanted).map(|equal| !equal),
        _ => order(left, &found, right, &wanted).map(|order| match comparison {
            Comparison::Less => order.is_lt(),
            Comparison::AtMost => order.is_le(),
            Comparison::Greater => order.is_gt(),
            _ => order.is_ge(),
        }),
    }
}

fn is_equality(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Equal | Comparison::Unequal)
}

/// What is held against a literal `null`.
fn beside_null<'a>(left: &'a Operand, right: &'a Operand) -> Option<&'a Operand> {
    match (left, right) {
        (asked, Operand::Literal(Value::Null)) | (Operand::Literal(Value::Null), asked) => {
            Some(asked)
        }
        _ => None,
    }
}

fn equal(
    left: &Operand,
    found: &Value,
    right: &Operand,
    wanted: &Value,
) -> Result<bool, ConditionError> {
    match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => Ok(order_of(a, b).is_eq()),
        (Value::String(a), Value::String(b)) => Ok(a == b),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        _ => Err(unlike(left, found, right, wanted)),
    }
}

fn order(
    left: &Operand,
    found: &Value,
    right: &Operand,
    wanted: &Value,
) -> Result<Ordering, ConditionError> {
    match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => Ok(order_of(a, b)),
        (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
        (Value::Number(_) | Value::String(_), Value::Number(_) | Value::String(_)) => {
            Err(unlike(left, found, right, wanted))
        }
        (Value::Number(_) | Value::String(_), _) => Err(wrong(right, wanted, "a number or a text")),
        _ => Err(wrong(left, found, "a number or a text")),
    }
}

/// Integers are compared as such, since a float cannot tell large ones apart.
fn order_of(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        // A JSON number is always finite, so that there is an order.
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

fn member(value: &Operand, list: &Operand, look_up: LookUp<'_>) -> Result<bool, ConditionError> {
    let items = match present(list, look_up)? {
        Value::Array(items) => items,
        other => return Err(wrong(list, &other, "a list")),
    };
    if self::value(value, look_up).is_none() && items.iter().any(Value::is_null) {
        return Ok(true);
    }
    let found = present(value, look_up)?;
    let alike = |item: &&Value| std::mem::discriminant(*item) == std::mem::discriminant(&found);
    if let Some(first) = items.first()
        && !items.iter().any(|item| alike(&item))
    {
        let expected = format!("{} as in the list", kind(first));
        return Err(wrong(value, &found, &expected));
    }
    Ok(items.iter().filter(alike).any(|item| match (item, &found) {
        (Value::Number(a), Value::Number(b)) => order_of(a, b).is_eq(),
        (a, b) => a == b,
    }))
}

/// The value; nothing when it is absent or `null`, which is the same to a condition.
fn value(operand: &Operand, look_up: LookUp<'_>) -> Option<Value> {
    let value = match operand {
        Operand::Literal(value) => Some(value.clone()),
        Operand::Path(path) => look_up(&path.parts()),
    };
    value.filter(|value| !value.is_null())
}

fn present(operand: &Operand, look_up: LookUp<'_>) -> Result<Value, ConditionError> {
    match (value(operand, look_up), operand) {
        (Some(value), _) => Ok(value),
        (None, Operand::Path(path)) => Err(absent(path, look_up)),
        (None, Operand::Literal(_)) => {
            Err(wrong(operand, &Value::Null, "a number, a text, true or false"))
        }
    }
}

/// An error that says how far the path leads, and what is there.
fn absent(path: &Path, look_up: LookUp<'_>) -> ConditionError {
    let parts = path.parts();
    let found = (1..parts.len()).rev().find_map(|n| Some((n, look_up(&parts[..n])?)));
    let (depth, known) = match &found {
        Some((n, Value::Object(map))) => (*n, map.keys().cloned().collect()),
        Some((n, _)) => (*n, Vec::new()),
        None => (0, Vec::new()),
    };
    ConditionError::Absent {
        path: path.to_string(),
        within: written(&parts[..depth]),
        missing: parts[depth].to_owned(),
        known,
    }
}

fn unlike(left: &Operand, found: &Value, right: &Operand, wanted: &Value) -> ConditionError {
    match left {
        Operand::Path(_) => wrong(left, found, &likes_of(right, wanted)),
        Operand::Literal(_) => wrong(right, wanted, &likes_of(left, found)),
    }
}

/// What a value must be to be compared with this one.
fn likes_of(operand: &Operand, value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => {
            format!("compared with a number, a text, true or false; `{operand}` is {}", kind(value))
        }
        _ => format!("{} as `{operand}` is", kind(value)),
    }
}

fn wrong(operand: &Operand, found: &Value, expected: &str) -> ConditionError {
    const SHOWN: usize = 40;
    let text = literal(found);
    let found = match found {
        Value::Number(_) | Value::String(_) if text.chars().count() <= SHOWN => {
            format!("the {} {text}", kind(found).trim_start_matches("a "))
        }
        Value::Null | Value::Bool(_) => text,
        _ => kind(found).to_owned(),
    };
    let expected = expected.to_owned();
    ConditionError::WrongType { path: operand.to_string(), found, expected }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a block",
    }
}
