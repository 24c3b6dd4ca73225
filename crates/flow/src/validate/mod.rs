//! A document held against a JSON Schema: every mistake at once, each where it stands.
//!
//! The schemas are those that `schemars` writes from Rust types (draft 2020-12): `$ref`, `type`,
//! `properties`, `required`, `additionalProperties`, `unevaluatedProperties`, `propertyNames`,
//! `enum`, `const`, `allOf`, `anyOf`, `oneOf`, `items`, `prefixItems` and the limits of numbers,
//! texts, lists and blocks. Other keywords (`pattern`, `if`, `not`) are passed over, and whatever
//! reads the values afterwards has to judge what they would say.

mod block;
mod expected;
mod found;
mod limits;
mod schema;
mod union;

use serde_json::Value;

use crate::document::{Node, NodeKind, Span, size};
use crate::{Mistake, nearest};
use schema::Schemas;

/// All mistakes of the tree below `node` by a JSON Schema, in the order of the file; none when
/// it fits.
///
/// Unknown keys come with the nearest known one; a value of the wrong type says what was found
/// and what was expected; where a schema allows several forms, only the one that was probably
/// meant is held against the value. A schema that contradicts itself or refers to nothing
/// refuses less, never more.
///
/// ```
/// # use gristmill_flow::{Document, validate};
/// # use serde_json::json;
/// let schema = json!({
///     "type": "object",
///     "properties": {"target": {"type": "string"}, "test": {"type": "number"}},
///     "required": ["target"],
///     "additionalProperties": false,
/// });
/// let document = Document::parse("targt: churn\ntest: lots\n", "churn.yaml").unwrap();
/// let mistakes = validate(document.root(), &schema);
/// let messages: Vec<&str> = mistakes.iter().map(|m| m.message.as_str()).collect();
/// assert_eq!(messages, ["unknown key `targt`", "`test` is the text `lots`, expected a number"]);
/// assert_eq!(mistakes[0].hint.as_deref(), Some("did you mean `target`?"));
/// ```
pub fn validate(node: &Node, schema: &Value) -> Vec<Mistake> {
    let steps = STEPS_TO_START.saturating_add(STEPS_PER_VALUE.saturating_mul(size(node)));
    let mut checker = Checker { schemas: Schemas::new(schema), steps, depth: 0 };
    let mut mistakes = Vec::new();
    checker.check(node, schema, &Place::root(&node.span), &mut mistakes);
    // Keys of one block are looked at in several turns; a reader goes down the file once.
    mistakes.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    mistakes.dedup();
    mistakes
}

/// How many values and schemas are compared, by the size of the document, before the rest is let
/// through: alternatives within alternatives could otherwise take for ever.
const STEPS_PER_VALUE: usize = 40;
const STEPS_TO_START: usize = 20_000;

/// Schemas within schemas that are followed: several for each level of a document, and few
/// enough that a reference to itself cannot exhaust the stack.
const DEEPEST: usize = 400;

struct Checker<'s> {
    schemas: Schemas<'s>,
    steps: usize,
    depth: usize,
}

/// Where a value stands, as messages speak of it.
struct Place {
    /// The whole path: `features[0].impute`; empty for the whole file.
    path: String,
    /// Its last step: `impute`, `features[0]`.
    name: String,
    /// What to point at when the value itself has no one line: its key.
    label: Span,
}

impl Place {
    fn root(span: &Span) -> Self {
        let label = Span { line: span.line.min(1), column: 1, length: 1, ..span.clone() };
        Self { path: String::new(), name: String::new(), label }
    }

    fn key(&self, key: &str, label: &Span) -> Self {
        let key = crate::document::short(key);
        let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
        Self { path, name: key, label: label.clone() }
    }

    fn item(&self, index: usize, node: &Node) -> Self {
        let name = format!("{}[{index}]", self.name);
        Self { path: format!("{}[{index}]", self.path), name, label: node.span.clone() }
    }

    /// `` `test` `` or `the file`.
    fn subject(&self) -> String {
        if self.name.is_empty() { "the file".into() } else { format!("`{}`", self.name) }
    }

    /// `` in `data` ``; nothing at the top of the file.
    fn within(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) }
    }

    /// What to point at for a wrong value: the value, or its key when the value has many lines
    /// or none.
    fn span<'a>(&'a self, node: &'a Node) -> &'a Span {
        match node.kind {
            NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_) => &self.label,
            _ => &node.span,
        }
    }
}

impl<'s> Checker<'s> {
    fn check(&mut self, node: &Node, schema: &'s Value, place: &Place, out: &mut Vec<Mistake>) {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 || self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        self.check_here(node, schema, place, out);
        self.depth -= 1;
    }

    fn check_here(
        &mut self,
        node: &Node,
        schema: &'s Value,
        place: &Place,
        out: &mut Vec<Mistake>,
    ) {
        if schema == &Value::Bool(false) {
            let message = format!("{} has no place here", place.subject());
            out.push(Mistake::at(&place.label, message).with_hint("remove it"));
            return;
        }
        if !self.schemas.own_kinds(schema).take(node) {
            out.push(self.wrong_kind(node, schema, place));
            return;
        }
        if let Some(words) = schema::allowed(schema) {
            if !words.contains(&&node.to_json()) {
                out.push(self.wrong_word(node, &words, place));
            }
            return;
        }
        if let Some(target) = self.schemas.referred(schema) {
            self.check(node, target, place, out);
        }
        for part in schema::list(schema, "allOf") {
            self.check(node, part, place, out);
        }
        for union in ["anyOf", "oneOf"] {
            if schema.get(union).is_some() {
                self.union(node, schema, union, place, out);
            }
        }
        self.content(node, schema, place, out);
    }

    fn content(&mut self, node: &Node, schema: &'s Value, place: &Place, out: &mut Vec<Mistake>) {
        match &node.kind {
            NodeKind::Int(value) => limits::number(*value as f64, node, schema, place, out),
            NodeKind::Float(value) => limits::number(*value, node, schema, place, out),
            NodeKind::Text(text) => limits::text(text, node, schema, place, out),
            NodeKind::List(items) => {
                limits::list(items, schema, place, out);
                self.items(items, schema, place, out);
            }
            NodeKind::Map(entries) => self.block(entries, schema, place, out),
            NodeKind::Null | NodeKind::Bool(_) => {}
        }
    }

    fn items(&mut self, items: &[Node], schema: &'s Value, place: &Place, out: &mut Vec<Mistake>) {
        let prefix = schema::list(schema, "prefixItems");
        let rest = schema.get("items");
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = prefix.get(index).or(rest) {
                self.check(item, schema, &place.item(index, item), out);
            }
        }
    }

    fn wrong_kind(&self, node: &Node, schema: &'s Value, place: &Place) -> Mistake {
        let leaves = self.schemas.leaves(schema);
        let expected = expected::phrase(&self.schemas, &leaves);
        let message = format!("{} is {}, expected {expected}", place.subject(), found::words(node));
        let hint = found::remedy(&self.schemas, node, &leaves);
        Mistake::at(place.span(node), message).maybe_hint(hint)
    }

    fn wrong_word(&self, node: &Node, words: &[&Value], place: &Place) -> Mistake {
        let known: Vec<&str> = words.iter().filter_map(|w| w.as_str()).collect();
        let expected = expected::words(words);
        let message = format!("{} is {}, expected {expected}", place.subject(), found::words(node));
        let near = nearest::nearest(node.as_text().unwrap_or_default(), known.iter().copied());
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        Mistake::at(place.span(node), message).maybe_hint(hint)
    }
}
