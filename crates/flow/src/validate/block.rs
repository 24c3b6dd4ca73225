//! Blocks of keys: unknown ones, missing ones, and the values of the rest.

use serde_json::{Map, Value};

use super::{Checker, Place, expected, found, limits, schema};
use crate::Mistake;
use crate::document::{Entry, Node, NodeKind};
use crate::nearest::{list, nearest};

impl<'s> Checker<'s> {
    pub(super) fn block(
        &mut self,
        entries: &[Entry],
        schema: &'s Value,
        place: &Place,
        out: &mut Vec<Mistake>,
    ) {
        let own = schema.get("properties").and_then(Value::as_object);
        for entry in entries {
            let inner = place.key(&entry.key, &entry.span);
            match own.and_then(|own| own.get(&entry.key)).or_else(|| others(schema)) {
                Some(Value::Bool(false)) if own.is_none_or(|own| !own.contains_key(&entry.key)) => {
                    out.push(self.unknown(entry, entries, schema, place));
                }
                Some(schema) => self.check(&entry.value, schema, &inner, out),
                None if self.is_unevaluated(entry, schema) => {
                    out.push(self.unknown(entry, entries, schema, place));
                }
                None => {}
            }
            if let Some(names) = schema.get("propertyNames") {
                let kind = NodeKind::Text(entry.key.clone());
                let key = Node { kind, span: entry.span.clone() };
                self.check(&key, names, &inner, out);
            }
        }
        out.extend(self.missing(entries, schema, place));
        limits::block(entries, schema, place, out);
    }

    /// Whether the schema closes the block by `unevaluatedProperties` and no part knows the key.
    fn is_unevaluated(&self, entry: &Entry, schema: &'s Value) -> bool {
        schema.get("unevaluatedProperties") == Some(&Value::Bool(false))
            && self.schemas.properties(schema).iter().all(|(key, _)| *key != entry.key)
    }

    fn unknown(
        &self,
        entry: &Entry,
        entries: &[Entry],
        schema: &'s Value,
        place: &Place,
    ) -> Mistake {
        let known = self.schemas.properties(schema);
        // A key that already stands in the block is hardly what a second one was meant to be.
        let free = || {
            known.iter().map(|(key, _)| *key).filter(|key| entries.iter().all(|e| e.key != *key))
        };
        let hint = match nearest(&entry.key, free()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match self.deeper(&entry.key, &known) {
                Some(section) => format!("`{}` belongs in `{section}`", found::cut(&entry.key)),
                None if free().next().is_none() => "remove it".to_owned(),
                None => format!("known are {}", list(free(), "and")),
            },
        };
        let message = format!("unknown key `{}`{}", found::cut(&entry.key), place.within());
        Mistake::at(&entry.span, message).with_hint(hint)
    }

    /// The one key of the block whose own block knows this key.
    fn deeper(&self, key: &str, known: &[(&'s str, &'s Value)]) -> Option<&'s str> {
        let mut sections = known.iter().filter(|(_, section)| {
            self.schemas
                .leaves(section)
                .iter()
                .any(|leaf| self.schemas.properties(leaf).iter().any(|(k, _)| *k == key))
        });
        match (sections.next(), sections.next()) {
            (Some((section, _)), None) => Some(section),
            _ => None,
        }
    }

    fn missing(&self, entries: &[Entry], schema: &'s Value, place: &Place) -> Vec<Mistake> {
        let known = schema.get("properties").and_then(Value::as_object);
        schema::list(schema, "required")
            .iter()
            .filter_map(Value::as_str)
            .filter(|key| entries.iter().all(|e| e.key != *key))
            .filter(|key| !meant(key, entries, known))
            .map(|key| {
                let message = format!("missing key `{key}`{}", place.within());
                let hint = match known.and_then(|known| known.get(key)) {
                    Some(property) => {
                        let leaves = self.schemas.leaves(property);
                        format!("add `{key}: ` with {}", expected::phrase(&self.schemas, &leaves))
                    }
                    None => format!("add `{key}: `"),
                };
                Mistake::at(&place.label, message).with_hint(hint)
            })
            .collect()
    }
}

/// Whether an unknown key of the block is this one misspelt, so that one message says it all.
fn meant(key: &str, entries: &[Entry], known: Option<&Map<String, Value>>) -> bool {
    entries
        .iter()
        .filter(|e| known.is_some_and(|known| !known.contains_key(&e.key)))
        .any(|e| nearest(&e.key, [key]).is_some())
}

/// What a key that is not named by `properties` must hold, when the schema says so.
fn others(schema: &Value) -> Option<&Value> {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    // Patterns are not read, so a key that one of them may allow is not refused.
    if patterns.is_some_and(|p| !p.is_empty()) {
        return None;
    }
    schema.get("additionalProperties")
}
