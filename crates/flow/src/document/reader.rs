//! From the parser's events to a tree with positions.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span as Marks, Tag, options};

use super::node::{Entry, Node, NodeKind, Source, Span};
use super::{MAX_BYTES, MAX_DEPTH, MAX_NODES, scalar, syntax};
use crate::Mistake;

/// The tree of one text.
///
/// # Errors
/// Everything that is wrong up to the first error of syntax, which ends the reading.
pub(super) fn read(source: &Arc<Source>) -> Result<Node, Vec<Mistake>> {
    let whole = Span { source: Arc::clone(source), line: 1, column: 1, length: 1 };
    if source.text().len() > MAX_BYTES {
        let message = format!("the file has more than {} MB", MAX_BYTES / 1_000_000);
        return Err(vec![Mistake::in_file(source.name(), message)]);
    }
    let mut reader = Reader::new(source);
    reader.run();
    let root = reader.root.take();
    match (root, reader.mistakes.is_empty()) {
        (Some(root), true) => Ok(root),
        (None, true) => Err(vec![empty(&whole)]),
        (_, false) => Err(reader.mistakes),
    }
}

fn empty(whole: &Span) -> Mistake {
    Mistake::in_file(whole.source.name(), "the file is empty")
        .with_hint("a pipeline file begins with `name: ` and a name")
}

/// A list or map whose end has not come yet.
enum Open {
    List { items: Vec<Node>, span: Span, anchor: usize },
    Map { entries: Vec<Entry>, seen: HashMap<String, usize>, key: Key, span: Span, anchor: usize },
}

/// What a map waits for.
enum Key {
    /// The next key.
    Awaited,
    /// The value of this key; `keep` is false for one that was refused.
    Read { key: String, span: Span, keep: bool },
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    stack: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
    mistakes: Vec<Mistake>,
    told: HashSet<&'static str>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Arc<Source>) -> Self {
        Self {
            source,
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            root: None,
            mistakes: Vec::new(),
            told: HashSet::new(),
        }
    }

    fn run(&mut self) {
        let limits = options! {
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
            emit_comments: false,
        };
        // The source outlives the parser, and the borrow must not be one of `self`.
        let source = Arc::clone(self.source);
        for event in Parser::new_from_str_with_options(source.text(), limits) {
            match event {
                Ok((event, marks)) if !self.take(&event, &marks) => return,
                Ok(_) => {}
                Err(error) => {
                    self.mistakes.push(syntax::mistake(&error, self.source));
                    return;
                }
            }
        }
    }

    /// Takes one event in; false when reading must stop.
    fn take(&mut self, event: &Event<'_>, marks: &Marks) -> bool {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                let span = self.span(marks);
                let message = "a second document begins here; a file holds one";
                self.refuse(&span, message, "remove the `---`, or use a file for each");
                return false;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.span(marks);
                let kind = self.scalar(text, *style, tag.as_deref(), marks);
                return self.finish(Node { kind, span }, *anchor, *style == ScalarStyle::Plain);
            }
            Event::SequenceStart(_, anchor, tag) => {
                let span = self.open(tag.as_deref(), marks);
                self.stack.push(Open::List { items: Vec::new(), span, anchor: *anchor });
            }
            Event::MappingStart(_, anchor, tag) => {
                let span = self.open(tag.as_deref(), marks);
                self.stack.push(Open::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: Key::Awaited,
                    span,
                    anchor: *anchor,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(),
            Event::Alias(id) => return self.alias(*id, marks),
            _ => {}
        }
        self.within_limits(marks)
    }

    fn within_limits(&mut self, marks: &Marks) -> bool {
        if self.stack.len() <= MAX_DEPTH {
            return true;
        }
        let span = self.span(marks);
        self.refuse(&span, format!("blocks are nested more than {MAX_DEPTH} deep"), "flatten them");
        false
    }

    fn open(&mut self, tag: Option<&Tag>, marks: &Marks) -> Span {
        let span = self.span(marks);
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema() && tag.is_custom()) {
            self.refuse_tag(marks);
        }
        span
    }

    fn close(&mut self) -> bool {
        match self.stack.pop() {
            Some(Open::List { items, span, anchor }) => {
                self.finish(Node { kind: NodeKind::List(items), span }, anchor, false)
            }
            Some(Open::Map { entries, span, anchor, .. }) => {
                self.finish(Node { kind: NodeKind::Map(entries), span }, anchor, false)
            }
            None => false,
        }
    }

    fn alias(&mut self, id: usize, marks: &Marks) -> bool {
        let span = self.span(marks);
        let Some((node, nodes)) = self.anchors.get(&id).cloned() else {
            let message = "this alias stands inside the block that it names";
            self.refuse(&span, message, "write the value out");
            return false;
        };
        // `finish` counts one more.
        self.nodes = self.nodes.saturating_add(nodes);
        self.finish(Node { span, ..node }, 0, false)
    }

    /// Puts a finished value where it belongs; false when reading must stop.
    fn finish(&mut self, node: Node, anchor: usize, plain: bool) -> bool {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > MAX_NODES {
            let message = format!("the file holds more than {MAX_NODES} values");
            let hint = "aliases count with everything they stand for; keep data in a data file";
            self.refuse(&node.span, message, hint);
            return false;
        }
        if anchor > 0 {
            // The copy counts too, or nested anchors would multiply what is kept.
            let size = size(&node);
            self.nodes = self.nodes.saturating_add(size);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match std::mem::replace(key, Key::Awaited) {
                Key::Read { key, span, keep } => {
                    if keep {
                        entries.push(Entry { key, span, value: node });
                    }
                }
                Key::Awaited => self.key(node, plain),
            },
        }
        true
    }

    fn key(&mut self, node: Node, plain: bool) {
        let (text, usable) = match node.kind {
            NodeKind::Text(text) => (text, true),
            NodeKind::List(_) | NodeKind::Map(_) => (String::new(), false),
            // A key is what was written, even where it looks like a number.
            _ => (written(&node.span), true),
        };
        let span = node.span;
        let Some(Open::Map { seen, key, .. }) = self.stack.last_mut() else { return };
        let earlier = if usable { seen.insert(text.clone(), span.line) } else { None };
        let merge = plain && text == "<<";
        let keep = usable && earlier.is_none() && !merge;
        *key = Key::Read { key: text.clone(), span: span.clone(), keep };
        if !usable {
            self.refuse(&span, "a key must be text, found a list or a block", "write `key: value`");
        } else if merge {
            self.refuse(
                &span,
                "merge keys (`<<`) are not known here",
                "write the keys out, or share them by `include: `",
            );
        } else if let Some(line) = earlier {
            let message = format!("key `{}` stands twice, first in line {line}", short(&text));
            self.refuse(&span, message, "remove one of the two");
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        marks: &Marks,
    ) -> NodeKind {
        let value = scalar::plain(text);
        match tag {
            None if style == ScalarStyle::Plain => value,
            None => NodeKind::Text(text.to_owned()),
            Some(tag) if tag.is_yaml_core_schema_tag("str") => NodeKind::Text(text.to_owned()),
            Some(tag) if fits(tag, &value) => value,
            // The tag `!` alone says: no guessing, this is text.
            Some(tag) if tag.original() == "!" => NodeKind::Text(text.to_owned()),
            Some(_) => {
                self.refuse_tag(marks);
                NodeKind::Null
            }
        }
    }

    fn refuse_tag(&mut self, marks: &Marks) {
        let span = self.span(&marks.tag_span().unwrap_or(*marks));
        let hint = "remove it; text that begins with `!` needs quotes";
        self.refuse(&span, "a tag stands here that is unknown or does not fit", hint);
    }

    fn refuse(&mut self, span: &Span, message: impl Into<String>, hint: &'static str) {
        // A file with ten thousand of one mistake is still one mistake to its author.
        const MOST: usize = 100;
        if self.mistakes.len() < MOST || self.told.insert(hint) {
            self.mistakes.push(Mistake::at(span, message).with_hint(hint));
        }
    }

    fn span(&self, marks: &Marks) -> Span {
        let (start, end) = (marks.start, marks.end);
        let line = start.line().max(1);
        let length = if end.line() == start.line() {
            end.col().saturating_sub(start.col())
        } else {
            let text = self.source.line(line).unwrap_or_default();
            text.trim_end().chars().count().saturating_sub(start.col())
        };
        let source = Arc::clone(self.source);
        Span { source, line, column: start.col() + 1, length: length.max(1) }
    }
}

fn fits(tag: &Tag, value: &NodeKind) -> bool {
    let is = |name| tag.is_yaml_core_schema_tag(name);
    match value {
        NodeKind::Null => is("null"),
        NodeKind::Bool(_) => is("bool"),
        NodeKind::Int(_) => is("int"),
        NodeKind::Float(_) => is("float"),
        _ => false,
    }
}

/// The characters that a span covers; none for a value from the command line.
pub(crate) fn written(span: &Span) -> String {
    let line = span.source.line(span.line).unwrap_or_default();
    line.chars()
        .skip(span.column.saturating_sub(1))
        .take(span.length)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// How many values a tree holds.
pub(crate) fn size(node: &Node) -> usize {
    match &node.kind {
        NodeKind::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        NodeKind::Map(entries) => 1 + entries.iter().map(|e| size(&e.value)).sum::<usize>(),
        _ => 1,
    }
}

/// A text cut to what a message can carry.
pub(crate) fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}
