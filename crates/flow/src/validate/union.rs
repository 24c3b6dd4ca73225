//! Alternatives: which of them a value was probably meant to be.

use std::cmp::Reverse;

use serde_json::Value;

use super::schema::{self, Kinds};
use super::{Checker, Place, expected, found};
use crate::Mistake;
use crate::document::{Entry, Node, NodeKind};
use crate::nearest::{list, nearest};

/// How an alternative among blocks is told from the others.
pub(super) enum Tag<'s> {
    /// By its one key, as in `random_forest: {trees: 100}`.
    Key(&'s str),
    /// By the value of a key, as in `{kind: postgres, url: ...}`.
    Value(&'s str, &'s Value),
}

/// The mistakes of an alternative, ranked: the most known keys first, then the fewest mistakes.
type Ranked = ((Reverse<usize>, usize), Vec<Mistake>);

/// The tag of an alternative, if it has one.
pub(super) fn tag(leaf: &Value) -> Option<Tag<'_>> {
    let properties = leaf.get("properties")?.as_object()?;
    let required: Vec<&str> =
        schema::list(leaf, "required").iter().filter_map(Value::as_str).collect();
    if let [only] = required.as_slice()
        && properties.len() == 1
        && properties.get(*only).and_then(schema::allowed).is_none()
    {
        return properties.keys().next().map(|key| Tag::Key(key));
    }
    required.iter().find_map(|key| {
        let (key, property) = properties.get_key_value(*key)?;
        match schema::allowed(property)?.as_slice() {
            [only] => Some(Tag::Value(key, only)),
            _ => None,
        }
    })
}

/// The keys by which blocks among these alternatives are told apart.
pub(super) fn tag_keys<'s>(leaves: &[&'s Value]) -> Vec<&'s str> {
    let keys = leaves.iter().filter_map(|leaf| match tag(leaf) {
        Some(Tag::Key(key)) => Some(key),
        _ => None,
    });
    keys.collect()
}

impl<'s> Checker<'s> {
    pub(super) fn union(
        &mut self,
        node: &Node,
        schema: &'s Value,
        union: &str,
        place: &Place,
        out: &mut Vec<Mistake>,
    ) {
        let leaves = self.schemas.branches(schema, union);
        let fitting: Vec<&Value> =
            leaves.iter().copied().filter(|leaf| self.schemas.kinds(leaf).take(node)).collect();
        match (&node.kind, fitting.as_slice()) {
            (_, []) if leaves.is_empty() => {}
            (_, []) => out.push(self.no_kind(node, &leaves, place)),
            (_, [only]) if !matches!(node.kind, NodeKind::Map(_) | NodeKind::Text(_)) => {
                self.check(node, only, place, out);
            }
            (NodeKind::Map(entries), _) => self.block_union(node, entries, &fitting, place, out),
            (NodeKind::Text(_), _) => self.text_union(node, &leaves, &fitting, place, out),
            _ => out.extend(self.best(node, &fitting, place)),
        }
    }

    fn no_kind(&self, node: &Node, leaves: &[&'s Value], place: &Place) -> Mistake {
        let expected = expected::phrase(&self.schemas, leaves);
        let message = format!("{} is {}, expected {expected}", place.subject(), found::words(node));
        let hint = found::remedy(&self.schemas, node, leaves);
        Mistake::at(place.span(node), message).maybe_hint(hint)
    }

    fn text_union(
        &mut self,
        node: &Node,
        leaves: &[&'s Value],
        fitting: &[&'s Value],
        place: &Place,
        out: &mut Vec<Mistake>,
    ) {
        let words: Option<Vec<Vec<&Value>>> = fitting.iter().map(|l| schema::allowed(l)).collect();
        // Some alternative takes any text, so its own words say best what is wrong.
        let Some(words) = words else {
            out.extend(self.best(node, fitting, place));
            return;
        };
        let words: Vec<&Value> = words.into_iter().flatten().collect();
        if words.contains(&&node.to_json()) {
            return;
        }
        let others: Vec<&Value> = leaves
            .iter()
            .copied()
            .filter(|leaf| !self.schemas.kinds(leaf).has(Kinds::TEXT))
            .collect();
        let mut mistake = self.wrong_word(node, &words, place);
        let (subject, found) = (place.subject(), found::words(node));
        let expected = expected::phrase(&self.schemas, leaves);
        mistake.message = format!("{subject} is {found}, expected {expected}");
        let hint = found::remedy(&self.schemas, node, &others);
        let known = mistake.hint.is_some();
        out.push(if known { mistake } else { mistake.maybe_hint(hint) });
    }

    /// The mistakes of the alternative with the fewest; none when one of them fits.
    fn best(&mut self, node: &Node, fitting: &[&'s Value], place: &Place) -> Vec<Mistake> {
        let mut best: Option<Vec<Mistake>> = None;
        for leaf in fitting {
            let mut mistakes = Vec::new();
            self.check(node, leaf, place, &mut mistakes);
            if mistakes.is_empty() {
                return mistakes;
            }
            if best.as_ref().is_none_or(|b| mistakes.len() < b.len()) {
                best = Some(mistakes);
            }
        }
        best.unwrap_or_default()
    }

    fn block_union(
        &mut self,
        node: &Node,
        entries: &[Entry],
        fitting: &[&'s Value],
        place: &Place,
        out: &mut Vec<Mistake>,
    ) {
        let has = |key: &str| entries.iter().find(|e| e.key == key);
        let mut named: Vec<(&Entry, &Value)> = Vec::new();
        let mut plain: Vec<&Value> = Vec::new();
        for leaf in fitting {
            match tag(leaf) {
                Some(Tag::Key(key)) => named.extend(has(key).map(|e| (e, *leaf))),
                Some(Tag::Value(key, value))
                    if has(key).is_some_and(|e| e.value.to_json() == *value) =>
                {
                    return self.check(node, leaf, place, out);
                }
                Some(Tag::Value(..)) => {}
                None => plain.push(leaf),
            }
        }
        match (named.as_slice(), plain.as_slice()) {
            ([(_, leaf)], []) => self.check(node, leaf, place, out),
            ([(_, _), (second, _), ..], []) => {
                let keys = list(named.iter().map(|(e, _)| e.key.as_str()), "and");
                let message = format!("{} holds {keys} at once", place.subject());
                let hint = "keep one of them here, and give each other one a block of its own";
                out.push(Mistake::at(&second.span, message).with_hint(hint));
            }
            ([], []) => out.push(self.no_tag(entries, fitting, place)),
            (named, _) => {
                let all: Vec<&Value> = named.iter().map(|(_, l)| *l).chain(plain).collect();
                out.extend(self.likeliest(node, entries, &all, place));
            }
        }
    }

    /// The mistakes of the alternative that knows most of the block's keys and asks for fewest
    /// others.
    fn likeliest(
        &mut self,
        node: &Node,
        entries: &[Entry],
        leaves: &[&'s Value],
        place: &Place,
    ) -> Vec<Mistake> {
        let mut best: Option<Ranked> = None;
        for leaf in leaves {
            let mut mistakes = Vec::new();
            self.check(node, leaf, place, &mut mistakes);
            if mistakes.is_empty() {
                return mistakes;
            }
            let properties = self.schemas.properties(leaf);
            let known =
                entries.iter().filter(|e| properties.iter().any(|(k, _)| *k == e.key)).count();
            let rank = (Reverse(known), mistakes.len());
            if best.as_ref().is_none_or(|(b, _)| rank < *b) {
                best = Some((rank, mistakes));
            }
        }
        best.map(|(_, mistakes)| mistakes).unwrap_or_default()
    }

    /// No alternative is named by the block: which ones there are.
    fn no_tag(&self, entries: &[Entry], fitting: &[&'s Value], place: &Place) -> Mistake {
        let values: Vec<(&str, &Value)> = fitting
            .iter()
            .filter_map(|leaf| match tag(leaf) {
                Some(Tag::Value(key, value)) => Some((key, value)),
                _ => None,
            })
            .collect();
        if let Some((key, _)) = values.first() {
            let words: Vec<&Value> =
                values.iter().filter(|(k, _)| k == key).map(|(_, value)| *value).collect();
            return match entries.iter().find(|e| e.key == *key) {
                Some(entry) => self.wrong_word(&entry.value, &words, &place.key(key, &entry.span)),
                None => {
                    let message = format!("missing key `{key}`{}", place.within());
                    let hint = format!("it is {}", expected::words(&words));
                    Mistake::at(&place.label, message).with_hint(hint)
                }
            };
        }
        let keys = tag_keys(fitting);
        match entries.first() {
            Some(entry) => {
                let message = format!("unknown key `{}`{}", found::cut(&entry.key), place.within());
                let hint = match nearest(&entry.key, keys.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known are {}", list(keys, "and")),
                };
                Mistake::at(&entry.span, message).with_hint(hint)
            }
            None => {
                let message = format!("{} is an empty block", place.subject());
                let hint = format!("name one of {}", list(keys, "and"));
                Mistake::at(&place.label, message).with_hint(hint)
            }
        }
    }
}
