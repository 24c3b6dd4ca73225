//! The tree of a document: values that know where they stand.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::path::Segment;

/// A text that positions point into: a file, a fragment, or a command-line argument.
#[derive(PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Where each line begins, in bytes.
    starts: Vec<usize>,
}

impl Source {
    /// A text with the name under which messages speak of it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let bytes = text.as_bytes();
        let breaks = bytes.iter().enumerate().filter(|(i, byte)| {
            **byte == b'\n' || (**byte == b'\r' && bytes.get(i + 1) != Some(&b'\n'))
        });
        let starts = std::iter::once(0).chain(breaks.map(|(i, _)| i + 1)).collect();
        Self { name: name.into(), text, starts }
    }

    /// The name under which messages speak of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line with this number, from 1, without its end; nothing when there is no such line.
    pub fn line(&self, number: usize) -> Option<&str> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        let end = self.starts.get(number).copied().unwrap_or(self.text.len());
        Some(self.text.get(start..end)?.trim_end_matches(['\n', '\r']))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A place in a [`Source`].
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    /// The text that the place is in.
    pub source: Arc<Source>,
    /// The line, from 1; 0 when the source is a command-line argument and not a file.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters it covers within its line.
    pub length: usize,
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line, self.column)
    }
}

/// A value of a document and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub kind: NodeKind,
    /// Where it was written.
    pub span: Span,
}

/// What a [`Node`] holds, by the core schema of YAML 1.2 (which JSON's values are a part of).
///
/// `.inf`, `.nan` and numbers beyond the range of a double stay text, since JSON cannot say them.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from -2⁶³ to 2⁶⁴ - 1; a larger one is a [`NodeKind::Float`].
    Int(i128),
    /// Any other finite number.
    Float(f64),
    /// Everything else that is one value.
    Text(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, in the order of the file, no key twice.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, as text even where it looks like a number.
    pub key: String,
    /// Where the key stands.
    pub span: Span,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The value at a dotted path such as `data.split.test` or `features.0.impute`; the node
    /// itself for an empty path. Keys that hold dots stand in double quotes: `types."a.b"`.
    pub fn get(&self, path: &str) -> Option<&Self> {
        Segment::parse(path)?.iter().try_fold(self, |node, segment| node.child(segment))
    }

    /// The deepest value on a dotted path that exists, to point at when the path leads nowhere.
    pub fn deepest(&self, path: &str) -> &Self {
        let mut node = self;
        for segment in Segment::parse(path).unwrap_or_default() {
            match node.child(&segment) {
                Some(child) => node = child,
                None => break,
            }
        }
        node
    }

    fn child(&self, segment: &Segment) -> Option<&Self> {
        match &self.kind {
            NodeKind::Map(_) => self.entry(segment.key()).map(|e| &e.value),
            NodeKind::List(items) => items.get(segment.index()?),
            _ => None,
        }
    }

    /// The entry with this key, if this is a map that has one.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|e| e.key == key)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The values of a list; none for anything else.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            NodeKind::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same tree as JSON, without positions and without the order of keys.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Int(value) => whole(*value),
            NodeKind::Float(value) => Value::from(*value),
            NodeKind::Text(text) => Value::String(text.clone()),
            NodeKind::List(items) => items.iter().map(Self::to_json).collect(),
            NodeKind::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect())
            }
        }
    }
}

fn whole(value: i128) -> Value {
    match (i64::try_from(value), u64::try_from(value)) {
        (Ok(value), _) => Value::from(value),
        (_, Ok(value)) => Value::from(value),
        _ => Value::from(value as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_whatever_ends_them() {
        let source = Source::new("x", "one\ntwo\r\nthree\rfour\n");
        let lines: Vec<_> = (0..7).map(|i| source.line(i)).collect();
        let expected =
            [None, Some("one"), Some("two"), Some("three"), Some("four"), Some(""), None];
        assert_eq!(lines, expected);
    }
}
