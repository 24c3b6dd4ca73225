//! A file in which ranges stand in place of values, as files without them: a range is right when its
//! ends are, a choice when its alternatives are.

use gristmill_evaluate::search::{Range, Space, SpaceError, Template};
use gristmill_flow::{Document, Mistake, Node, NodeKind, validate};
use serde_json::Value;

use crate::select::settings::SELECT;

/// How many variants of a file are held against the format at most.
const VARIANTS: usize = 200;

/// All mistakes of form in a document, by the JSON Schema of pipeline files.
pub(super) fn mistakes(document: &Document, schema: &Value) -> Vec<Mistake> {
    let root = document.root();
    let candidates = root.get(&format!("model.{SELECT}.candidates"));
    let Some(candidates) = candidates.filter(|node| !node.items().is_empty()) else {
        return validate(root, schema);
    };
    let mut found: Vec<Mistake> = Vec::new();
    let features = root.get("features").map(Node::items).unwrap_or_default();
    for (path, items) in [("features".to_owned(), features), (places(), candidates.items())] {
        for (at, item) in items.iter().enumerate() {
            if let Err(error) = Space::parse(&item.to_json()) {
                let SpaceError { path: inner, message, hint } = error;
                let inner = if inner.is_empty() { inner } else { format!(".{inner}") };
                found.push(
                    document.mistake(&format!("{path}.{at}{inner}"), message).with_hint(hint),
                );
            }
        }
    }
    if !found.is_empty() {
        return found;
    }
    let mut variant = 0;
    let mut widest = 1;
    while variant < widest.min(VARIANTS) {
        let tree = Variant { at: variant, widest: &mut widest }.of(root);
        for mistake in validate(&tree, schema) {
            if !found.contains(&mistake) {
                found.push(mistake);
            }
        }
        variant += 1;
    }
    found.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    found
}

/// Where the candidates of a search stand.
pub(super) fn places() -> String {
    format!("model.{SELECT}.candidates")
}

/// One of the files that a file with ranges stands for.
struct Variant<'a> {
    /// Takes the alternative of this number of each choice, and the low or the high end.
    at: usize,
    /// How many variants it takes to see everything.
    widest: &'a mut usize,
}

impl Variant<'_> {
    fn of(&mut self, root: &Node) -> Node {
        self.entries(root, |variant, key, value| match key {
            "features" => variant.list(value),
            "model" => variant.entries(value, |variant, key, value| match key {
                SELECT => variant.entries(value, |variant, key, value| match key {
                    "candidates" => variant.list(value),
                    _ => value.clone(),
                }),
                _ => value.clone(),
            }),
            _ => value.clone(),
        })
    }

    fn entries(&mut self, node: &Node, change: impl Fn(&mut Self, &str, &Node) -> Node) -> Node {
        let NodeKind::Map(entries) = &node.kind else { return node.clone() };
        let mut entries = entries.clone();
        for entry in &mut entries {
            entry.value = change(self, &entry.key, &entry.value);
        }
        Node { kind: NodeKind::Map(entries), span: node.span.clone() }
    }

    /// A list of steps, without those that are left out.
    fn list(&mut self, node: &Node) -> Node {
        let NodeKind::List(items) = &node.kind else { return node.clone() };
        let items = items.iter().map(|item| self.value(item));
        let kept = items.filter(|item| item.kind != NodeKind::Null).collect();
        Node { kind: NodeKind::List(kept), span: node.span.clone() }
    }

    fn value(&mut self, node: &Node) -> Node {
        if let Some(chosen) = self.chosen(node) {
            return chosen;
        }
        match &node.kind {
            NodeKind::Map(_) => self.entries(node, |variant, _, value| variant.value(value)),
            NodeKind::List(items) => {
                let items = items.iter().map(|item| self.value(item)).collect();
                Node { kind: NodeKind::List(items), span: node.span.clone() }
            }
            _ => node.clone(),
        }
    }

    /// What stands in the place of a range.
    fn chosen(&mut self, node: &Node) -> Option<Node> {
        let Ok(space) = Space::parse(&node.to_json()) else { return None };
        let Template::Range(range) = space.template() else { return None };
        let spelled = &node.entries().iter().find(|entry| entry.key != "step")?.value;
        let items = spelled.items();
        let count = match range {
            Range::Choice(_) => items.len(),
            Range::Number(_) | Range::Whole(_) => 2,
        };
        *self.widest = (*self.widest).max(count);
        items.get(self.at % count.max(1)).map(|item| self.value(item))
    }
}
