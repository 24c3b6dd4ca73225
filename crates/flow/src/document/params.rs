//! `params: {trees: 100}` and `${trees}`: values that a file names once.

use std::collections::HashMap;

use super::node::{Entry, Node, NodeKind, Span};
use super::reader::{short, size};
use super::{MAX_BYTES, MAX_NODES};
use crate::Mistake;
use crate::nearest::{list, nearest};

/// The key that holds the parameters of a file.
pub(super) const PARAMS: &str = "params";

/// A parameter may be made of others; a longer chain than this is a mistake.
const LONGEST_CHAIN: usize = 16;

const LITERAL: &str = "for a literal `${` write `$${`";

/// The tree with every `${name}` replaced and without its `params`, and those parameters with
/// their final values.
///
/// # Errors
/// Unknown names, parameters that need themselves, lists and blocks inside of longer text.
pub(super) fn resolve(root: &Node) -> Result<(Node, Vec<Entry>), Vec<Mistake>> {
    let section = root.entry(PARAMS);
    let mut params = Params::new(section.map_or(&[], |s| s.value.entries()));
    if let Some(section) = section
        && !matches!(section.value.kind, NodeKind::Map(_) | NodeKind::Null)
    {
        let message = "`params` must be a block of names and values";
        params.mistakes.push(
            Mistake::at(&section.value.span, message).with_hint("write `params: {trees: 100}`"),
        );
    }
    let values = params.all();
    let tree = match &root.kind {
        NodeKind::Map(entries) => {
            let kept = entries.iter().filter(|e| e.key != PARAMS);
            let entries = kept.map(|e| params.entry(e)).collect();
            Node { kind: NodeKind::Map(entries), span: root.span.clone() }
        }
        _ => params.node(root),
    };
    if params.mistakes.is_empty() { Ok((tree, values)) } else { Err(params.mistakes) }
}

struct Params<'a> {
    given: &'a [Entry],
    known: HashMap<&'a str, &'a Entry>,
    done: HashMap<&'a str, Node>,
    /// The parameters whose values are being made, outermost first.
    active: Vec<&'a str>,
    nodes: usize,
    bytes: usize,
    mistakes: Vec<Mistake>,
}

impl<'a> Params<'a> {
    fn new(given: &'a [Entry]) -> Self {
        Self {
            given,
            known: given.iter().map(|e| (e.key.as_str(), e)).collect(),
            done: HashMap::new(),
            active: Vec::new(),
            nodes: 0,
            bytes: 0,
            mistakes: Vec::new(),
        }
    }

    fn all(&mut self) -> Vec<Entry> {
        let given = self.given;
        given
            .iter()
            .map(|e| {
                let value = self.value(&e.key, &e.value.span).unwrap_or_else(|| null(&e.span));
                Entry { value, ..e.clone() }
            })
            .collect()
    }

    fn entry(&mut self, entry: &Entry) -> Entry {
        let value = self.node(&entry.value);
        Entry { key: entry.key.clone(), span: entry.span.clone(), value }
    }

    fn node(&mut self, node: &Node) -> Node {
        let kind = match &node.kind {
            NodeKind::Text(text) if text.contains("${") => self.text(text, &node.span),
            NodeKind::List(items) => NodeKind::List(items.iter().map(|n| self.node(n)).collect()),
            NodeKind::Map(entries) => {
                NodeKind::Map(entries.iter().map(|e| self.entry(e)).collect())
            }
            other => other.clone(),
        };
        Node { kind, span: node.span.clone() }
    }

    /// A text that is one `${name}` takes the parameter's type; in longer text it becomes text.
    fn text(&mut self, text: &str, span: &Span) -> NodeKind {
        let parts = match parts(text) {
            Ok(parts) => parts,
            Err(rest) => {
                let place = place(span, rest);
                let mistake = Mistake::at(&place, "`${` is opened and not closed");
                self.mistakes.push(mistake.with_hint(LITERAL));
                return NodeKind::Null;
            }
        };
        if let [Part::Name(name)] = parts.as_slice() {
            return self.value(name, span).map_or(NodeKind::Null, |node| node.kind);
        }
        let mut joined = String::new();
        for part in parts {
            match part {
                Part::Text(text) => joined.push_str(text),
                Part::Name(name) => self.append(name, span, &mut joined),
            }
        }
        self.bytes += joined.len();
        NodeKind::Text(joined)
    }

    fn append(&mut self, name: &str, span: &Span, joined: &mut String) {
        let Some(node) = self.value(name, span) else { return };
        // Checked before the text grows, so that doubling parameters cannot fill the memory.
        if self.bytes + joined.len() > MAX_BYTES {
            return self.too_large(span);
        }
        match node.kind {
            NodeKind::Text(text) => joined.push_str(&text),
            NodeKind::Null => {}
            NodeKind::List(_) | NodeKind::Map(_) => {
                let message = format!("parameter `{name}` is no single value, so no part of text");
                let hint = "let it stand alone as `${...}`, or give it one value";
                self.mistakes.push(Mistake::at(&place(span, name), message).with_hint(hint));
            }
            _ => joined.push_str(&node.to_json().to_string()),
        }
    }

    /// The final value of a parameter; nothing, and a mistake, when it has none.
    fn value(&mut self, name: &str, span: &Span) -> Option<Node> {
        if let Some(node) = self.done.get(name) {
            let node = node.clone();
            self.nodes += size(&node);
            if self.nodes > MAX_NODES || self.bytes > MAX_BYTES {
                self.too_large(span);
                return None;
            }
            return Some(node);
        }
        let Some(entry) = self.known.get(name).copied() else {
            self.mistakes.push(unknown(name, span, self.given));
            return None;
        };
        if self.active.contains(&entry.key.as_str()) || self.active.len() >= LONGEST_CHAIN {
            let chain = list(self.active.iter().copied().chain([name]), "and");
            let message = format!("parameter `{}` needs itself, by {chain}", short(name));
            self.mistakes.push(Mistake::at(span, message).with_hint("give one of them a value"));
            return None;
        }
        self.active.push(&entry.key);
        let node = self.node(&entry.value);
        self.active.pop();
        self.done.insert(&entry.key, node.clone());
        Some(node)
    }

    fn too_large(&mut self, span: &Span) {
        // Said once: everything after it is too large as well.
        if self.mistakes.iter().all(|m| m.message != TOO_LARGE) {
            self.mistakes.push(Mistake::at(span, TOO_LARGE).with_hint("use fewer of them"));
        }
    }
}

const TOO_LARGE: &str = "the file becomes too large with its parameters filled in";

fn null(span: &Span) -> Node {
    Node { kind: NodeKind::Null, span: span.clone() }
}

fn unknown(name: &str, span: &Span, given: &[Entry]) -> Mistake {
    let known = || given.iter().map(|e| e.key.as_str());
    let hint = match nearest(name, known()) {
        Some(near) => format!("did you mean `${{{near}}}`?"),
        None if given.is_empty() => format!("name its value under `params:`; {LITERAL}"),
        None => format!("`params` has {}; {LITERAL}", list(known(), "and")),
    };
    let message = format!("unknown parameter `{}`", short(name));
    Mistake::at(&place(span, name), message).with_hint(hint)
}

/// Where `${name}` stands, if it can be found in the line where its text begins.
fn place(span: &Span, name: &str) -> Span {
    let line = span.source.line(span.line).unwrap_or_default();
    let before: usize = line.chars().take(span.column.saturating_sub(1)).map(char::len_utf8).sum();
    let wanted = format!("${{{name}");
    let Some(found) = line.get(before..).and_then(|rest| rest.find(&wanted)) else {
        return span.clone();
    };
    let column = line.get(..before + found).unwrap_or_default().chars().count() + 1;
    Span { column, length: wanted.chars().count() + 1, ..span.clone() }
}

enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// The text and the names in it, `$${` standing for `${`; the unclosed rest when there is one.
fn parts(text: &str) -> Result<Vec<Part<'_>>, &str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if let Some(kept) = before.strip_suffix('$') {
            parts.extend([Part::Text(kept), Part::Text("${")]);
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        let inside = after.get(2..).unwrap_or_default();
        let (name, next) = inside.split_once('}').ok_or(inside)?;
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Name(name.trim()));
        rest = next;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}
