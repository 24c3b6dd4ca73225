//! A condition as a tree, and the tree as text.

use std::fmt;

use serde_json::Value;

use super::token::in_name;

/// A question with the answer yes or no.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Question {
    All(Vec<Question>),
    Any(Vec<Question>),
    Not(Box<Question>),
    Compare { left: Operand, comparison: Comparison, right: Operand },
    Member { value: Operand, list: Operand },
    Is(Operand),
}

/// What can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// `null`, `true`, a number, a text or a list of those.
    Literal(Value),
    Path(Path),
}

/// The parts of a path, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Question {
    /// Every path in the order in which they are written.
    pub(super) fn paths(&self) -> Vec<&Path> {
        let operands: Vec<&Operand> = match self {
            Self::All(parts) | Self::Any(parts) => {
                return parts.iter().flat_map(Self::paths).collect();
            }
            Self::Not(part) => return part.paths(),
            Self::Compare { left, right, .. } => vec![left, right],
            Self::Member { value, list } => vec![value, list],
            Self::Is(operand) => vec![operand],
        };
        operands
            .into_iter()
            .filter_map(|operand| match operand {
                Operand::Path(path) => Some(path),
                Operand::Literal(_) => None,
            })
            .collect()
    }
}

impl Comparison {
    pub(super) const ALL: [(&str, Self); 7] = [
        ("==", Self::Equal),
        ("=", Self::Equal),
        ("!=", Self::Unequal),
        ("<=", Self::AtMost),
        ("<", Self::Less),
        (">=", Self::AtLeast),
        (">", Self::Greater),
    ];

    fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, c)| *c == self).map_or("==", |(sign, _)| sign)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => {
                joined(f, parts, " and ", |part| matches!(part, Self::Any(_) | Self::All(_)))
            }
            Self::Any(parts) => joined(f, parts, " or ", |part| matches!(part, Self::Any(_))),
            Self::Not(part) if matches!(**part, Self::Not(_)) => write!(f, "not {part}"),
            Self::Not(part) => match &**part {
                Self::Member { value, list } => write!(f, "{value} not in {list}"),
                part => write!(f, "not ({part})"),
            },
            Self::Compare { left, comparison, right } => {
                write!(f, "{left} {} {right}", comparison.sign())
            }
            Self::Member { value, list } => write!(f, "{value} in {list}"),
            Self::Is(operand) => write!(f, "{operand}"),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Question],
    word: &str,
    needs_parentheses: impl Fn(&Question) -> bool,
) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { word })?;
        if needs_parentheses(part) { write!(f, "({part})") } else { write!(f, "{part}") }?;
    }
    Ok(())
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => f.write_str(&literal(value)),
            Self::Path(path) => write!(f, "{path}"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(&self.0))
    }
}

/// The parts of a path as a condition spells them.
pub(super) fn written<S: AsRef<str>>(parts: &[S]) -> String {
    let mut text = String::new();
    for (i, part) in parts.iter().map(AsRef::as_ref).enumerate() {
        let plain = !part.is_empty() && part.chars().all(in_name);
        if plain && part.bytes().all(|b| b.is_ascii_digit()) && i > 0 {
            text += &format!("[{part}]");
        } else if plain && i > 0 {
            text += &format!(".{part}");
        } else if plain {
            text += part;
        } else {
            text += &format!("[{}]", quoted(part));
        }
    }
    text
}

/// A value as a condition spells it.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str(r"\\"),
            '\'' => quoted.push_str(r"\'"),
            '\n' => quoted.push_str(r"\n"),
            '\t' => quoted.push_str(r"\t"),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}
