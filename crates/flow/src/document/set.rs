//! `--set data.split.test=0.3`: a value from the command line takes its place in the tree.

use std::sync::Arc;

use granit_parser::{Event, Parser, StructureStyle};

use super::node::{Entry, Node, NodeKind, Source, Span};
use super::path::Segment;
use super::reader::{self, short};
use super::{Document, MAX_DEPTH};
use crate::Mistake;

impl Document {
    /// Sets the value at a dotted path, making the blocks on the way that are missing.
    ///
    /// `value` is read as YAML writes a single value, a `[list]` or a `{block: of keys}`; anything
    /// that would be a block over lines is taken as text. List entries are numbered from 0 and
    /// must exist, keys that hold dots stand in double quotes, and an empty value is `null`.
    ///
    /// # Errors
    /// A path with an empty step, one that leads through a single value or beyond the end of a
    /// list, and a value with unclosed brackets or quotes.
    ///
    /// ```
    /// # use gristmill_flow::Document;
    /// let mut document = Document::parse("data: {split: {test: 0.2}}", "churn.yaml").unwrap();
    /// document.set("data.split.test", "0.3").unwrap();
    /// document.set("data.drop", "[customer_id]").unwrap();
    /// let expected = serde_json::json!({"data": {"split": {"test": 0.3}, "drop": ["customer_id"]}});
    /// assert_eq!(document.root().to_json(), expected);
    /// ```
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), Vec<Mistake>> {
        let argument = format!("--set {}={}", short(path), short(value));
        let refuse = |message: String, hint: &str| {
            vec![Mistake::in_file(&argument, message).with_hint(hint)]
        };
        let segments = Segment::parse(path).filter(|s| !s.is_empty() && s.len() < MAX_DEPTH);
        let Some(segments) = segments else {
            let message = format!("`{}` is no path to a value", short(path));
            return Err(refuse(message, "write it like `data.split.test=0.3`"));
        };
        let source = Arc::new(Source::new(&argument, value));
        let node = read_value(&source).map_err(|message| {
            refuse(message, "close brackets and quotes, and quote the whole for the shell")
        })?;
        let before = self.root.clone();
        let placed = match place(&mut self.root, &segments, node) {
            Ok(()) => self.within_depth(),
            Err((message, hint)) => Err(Mistake::in_file(&argument, message).with_hint(hint)),
        };
        placed.map_err(|mistake| {
            self.root = before;
            vec![mistake]
        })
    }
}

fn read_value(source: &Arc<Source>) -> Result<Node, String> {
    let span = Span { source: Arc::clone(source), line: 0, column: 0, length: 0 };
    let text = source.text();
    if text.trim().is_empty() {
        return Ok(Node { kind: NodeKind::Null, span });
    }
    if block_style(text) {
        return Ok(Node { kind: NodeKind::Text(text.to_owned()), span });
    }
    let mut node = reader::read(source).map_err(|mistakes| {
        let first = mistakes.into_iter().next().map(|m| m.message);
        format!("the value cannot be read: {}", first.unwrap_or_default())
    })?;
    move_to(&mut node, &span);
    Ok(node)
}

/// Whether YAML would read a block of lines here, which a command line does not mean.
fn block_style(text: &str) -> bool {
    let first = Parser::new_from_str(text).find_map(|event| match event {
        Ok((Event::MappingStart(style, ..) | Event::SequenceStart(style, ..), _)) => Some(style),
        Ok((Event::Scalar(..), _)) => Some(StructureStyle::Flow),
        _ => None,
    });
    first == Some(StructureStyle::Block)
}

fn move_to(node: &mut Node, span: &Span) {
    node.span = span.clone();
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(|n| move_to(n, span)),
        NodeKind::Map(entries) => entries.iter_mut().for_each(|e| {
            e.span = span.clone();
            move_to(&mut e.value, span);
        }),
        _ => {}
    }
}

/// Puts `value` at the end of the path; otherwise a message and a hint.
fn place(node: &mut Node, path: &[Segment], value: Node) -> Result<(), (String, String)> {
    let Some((first, rest)) = path.split_first() else {
        *node = value;
        return Ok(());
    };
    let key = first.key();
    if node.kind == NodeKind::Null {
        *node = Node { kind: NodeKind::Map(Vec::new()), span: value.span.clone() };
    }
    match &mut node.kind {
        NodeKind::Map(entries) => {
            let at = entries.iter().position(|e| e.key == key).unwrap_or_else(|| {
                let span = value.span.clone();
                let missing = Node { kind: NodeKind::Null, span: span.clone() };
                entries.push(Entry { key: key.to_owned(), span, value: missing });
                entries.len() - 1
            });
            match entries.get_mut(at) {
                Some(entry) => place(&mut entry.value, rest, value),
                None => Ok(()),
            }
        }
        NodeKind::List(items) => {
            let length = items.len();
            let item = first.index().and_then(|i| items.get_mut(i)).ok_or_else(|| {
                let message = format!("`{}` is no entry of a list of {length}", short(key));
                (message, "number the entries from 0".to_owned())
            })?;
            place(item, rest, value)
        }
        _ => {
            let message = format!("`{}` would stand below a single value", short(key));
            Err((message, "set that value itself to a block, as `{key: value}`".to_owned()))
        }
    }
}
