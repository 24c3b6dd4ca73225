//! What was found, in plain words, and the remedy when it can be guessed.

use serde_json::Value;

use super::schema::{self, Kinds, Schemas};
use super::union::tag_keys;
use crate::document::{Node, NodeKind, short, written};
use crate::nearest::nearest;

/// `the text `lots``, `the number 3`, `a list`.
pub(super) fn words(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "empty".into(),
        NodeKind::Int(_) | NodeKind::Float(_) => format!("the number {}", value(node)),
        NodeKind::Text(text) if text.is_empty() => "an empty text".into(),
        NodeKind::Text(text) => format!("the text `{}`", cut(text)),
        _ => value(node),
    }
}

/// The value itself where it is short enough to be shown.
pub(super) fn value(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "empty".into(),
        NodeKind::List(_) => "a list".into(),
        NodeKind::Map(_) => "a block of keys".into(),
        NodeKind::Text(text) => format!("`{}`", cut(text)),
        _ => node.to_json().to_string(),
    }
}

/// A text as a message can carry it: one line, not long, no backticks of its own.
pub(super) fn cut(text: &str) -> String {
    short(text.trim()).replace('`', "'")
}

/// What to write instead, if it can be told from what was found.
pub(super) fn remedy(schemas: &Schemas<'_>, node: &Node, leaves: &[&Value]) -> Option<String> {
    // Whether any value of this kind would do, not only a few words.
    let takes = |kind: Kinds| {
        leaves.iter().any(|leaf| {
            let kinds = schemas.own_kinds(leaf);
            schema::allowed(leaf).is_none() && !kinds.is_all() && kinds.has(kind)
        })
    };
    match &node.kind {
        NodeKind::Text(text) => text_remedy(text, leaves, takes),
        NodeKind::Float(value) if takes(Kinds::INTEGER) && value.fract() == 0.0 => {
            Some(format!("write `{value:.0}`"))
        }
        NodeKind::Int(_) | NodeKind::Float(_) | NodeKind::Bool(_) if takes(Kinds::TEXT) => {
            // As it was written: the quotes are there to keep the last zero of 1.10.
            let written = Some(written(&node.span)).filter(|w| !w.is_empty());
            Some(format!("put it in quotes: `\"{}\"`", written.unwrap_or_else(|| value(node))))
        }
        NodeKind::Int(_) | NodeKind::Float(_) | NodeKind::Bool(_) if takes(Kinds::LIST) => {
            Some(format!("write `[{}]`", value(node)))
        }
        _ => None,
    }
}

fn text_remedy(text: &str, leaves: &[&Value], takes: impl Fn(Kinds) -> bool) -> Option<String> {
    let number = takes(Kinds::INTEGER);
    let keys = tag_keys(leaves);
    if let Some(near) = nearest(text, keys) {
        return Some(format!("write `{near}: {{}}`"));
    }
    if number && text.trim().parse::<f64>().is_ok_and(f64::is_finite) {
        return Some("remove the quotes".into());
    }
    let percent = text.trim().strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok());
    if let Some(percent) = percent.filter(|p| number && p.is_finite()) {
        return Some(format!("write `{}`", percent / 100.0));
    }
    if takes(Kinds::BOOLEAN) {
        return match text.to_lowercase().as_str() {
            "yes" | "on" | "y" | "true" | "1" => Some("write `true`".into()),
            "no" | "off" | "n" | "false" | "0" => Some("write `false`".into()),
            _ => None,
        };
    }
    takes(Kinds::LIST).then(|| format!("write `[{}]`", cut(text)))
}
