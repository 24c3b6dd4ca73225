//! What a schema would accept, in plain words.

use serde_json::Value;

use super::limits;
use super::schema::{self, Kinds, Schemas};
use super::union::tag_keys;
use crate::document::short;
use crate::nearest::{join, list};

/// What any of these alternatives accepts: `a number or `none``.
pub(super) fn phrase(schemas: &Schemas<'_>, leaves: &[&Value]) -> String {
    let mut phrases: Vec<String> = Vec::new();
    let mut add = |phrase: String| {
        if !phrases.contains(&phrase) {
            phrases.push(phrase);
        }
    };
    let keys = tag_keys(leaves);
    for leaf in leaves {
        match schema::allowed(leaf) {
            Some(words) => words.iter().for_each(|word| add(shown(word))),
            None => kinds(schemas, leaf, !keys.is_empty()).into_iter().for_each(&mut add),
        }
    }
    if !keys.is_empty() {
        add(format!("a block with {}", list(keys, "or")));
    }
    if phrases.len() > 1 {
        phrases.retain(|p| p != NOTHING);
    }
    if phrases.is_empty() { "something else".into() } else { join(&phrases, "or") }
}

const NOTHING: &str = "nothing";

/// The values of `enum` or `const` as a sentence lists them.
pub(super) fn words(values: &[&Value]) -> String {
    const SHOWN: usize = 16;
    let mut shown: Vec<String> = values.iter().take(SHOWN).map(|v| shown(v)).collect();
    shown.dedup();
    if values.len() > SHOWN {
        shown.push(format!("{} more", values.len() - SHOWN));
    }
    join(&shown, "or")
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Null => NOTHING.into(),
        other => short(&other.to_string()),
    }
}

fn kinds(schemas: &Schemas<'_>, leaf: &Value, tagged: bool) -> Vec<String> {
    let kinds = schemas.own_kinds(leaf);
    if kinds.is_all() {
        return Vec::new();
    }
    let ranged = |words: &str| match limits::range(leaf) {
        Some(range) => format!("{words} {range}"),
        None => words.to_owned(),
    };
    let mut phrases = Vec::new();
    if kinds.has(Kinds::FRACTION) {
        phrases.push(ranged("a number"));
    } else if kinds.has(Kinds::INTEGER) {
        phrases.push(ranged("a whole number"));
    }
    let plain = [
        (Kinds::TEXT, "text"),
        (Kinds::BOOLEAN, "true or false"),
        (Kinds::LIST, "a list"),
        (Kinds::NULL, NOTHING),
    ];
    phrases.extend(plain.iter().filter(|(k, _)| kinds.has(*k)).map(|(_, p)| (*p).to_owned()));
    // Blocks that are told apart by a key are named by it.
    if kinds.has(Kinds::BLOCK) && !(tagged && super::union::tag(leaf).is_some()) {
        phrases.push("a block of keys".into());
    }
    phrases
}
