//! A pipeline file as a tree in which every value remembers where it was written.

mod encoding;
mod include;
mod node;
mod params;
mod path;
mod reader;
mod scalar;
mod set;
mod syntax;

use std::path::Path;
use std::sync::Arc;

pub use node::{Entry, Node, NodeKind, Source, Span};
pub(crate) use reader::{short, size, written};

use crate::Mistake;

/// The most bytes that a file may have.
const MAX_BYTES: usize = 4_000_000;
/// The most values that a file may hold, aliases and parameters filled in.
const MAX_NODES: usize = 200_000;
/// How deep blocks may be nested.
const MAX_DEPTH: usize = 64;
/// The most fragments that a file may include.
const MAX_FILES: usize = 64;

/// A YAML or JSON file, read and not yet held against a schema.
///
/// Reading has three steps, so that a value from the command line can reach a parameter before
/// it is used: [`Document::open`] reads the file and its fragments, [`Document::set`] changes
/// values, [`Document::resolve`] fills in the parameters. [`Document::load`] does all three.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    root: Node,
    params: Vec<Entry>,
}

impl Document {
    /// The document that `text` is, spoken of as `file`. JSON is read as the YAML that it is.
    ///
    /// # Errors
    /// Syntax (with the place; tabs and unclosed quotes by name), duplicate keys, a second
    /// document, unknown tags, an empty text, sizes beyond reason, and `include`, which needs a
    /// folder: all of them, up to the first error of syntax.
    ///
    /// ```
    /// # use gristmill_flow::Document;
    /// let document = Document::parse("data: {split: {test: 0.2}}", "churn.yaml").unwrap();
    /// let test = document.root().get("data.split.test").unwrap();
    /// assert_eq!((test.to_json(), test.span.column), (0.2.into(), 22));
    /// ```
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<Mistake>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = reader::read(&Arc::new(Source::new(file, text)))?;
        match include::refuse(&root) {
            Some(mistake) => Err(vec![mistake]),
            None => Self::new(root),
        }
    }

    /// The document in the file at `path`, joined with the fragments that its `include:` names.
    ///
    /// Fragments are named relative to the file that includes them and lie in the folder of
    /// `path` or below. A section that stands in both is taken whole from the including file;
    /// only `params` are joined name by name.
    ///
    /// # Errors
    /// As [`Document::parse`]; unreadable files, other encodings than UTF-8, includes in circles.
    pub fn open(path: &Path) -> Result<Self, Vec<Mistake>> {
        Self::new(include::open(path)?)
    }

    /// The document at `path` with these values set (`data.split.test`, `0.3`) and all
    /// parameters filled in: what a run starts from.
    ///
    /// # Errors
    /// As [`Document::open`], [`Document::set`] and [`Document::resolve`].
    pub fn load(path: &Path, sets: &[(String, String)]) -> Result<Self, Vec<Mistake>> {
        let mut document = Self::open(path)?;
        let mut mistakes = Vec::new();
        for (path, value) in sets {
            mistakes.extend(document.set(path, value).err().into_iter().flatten());
        }
        if mistakes.is_empty() { document.resolve() } else { Err(mistakes) }
    }

    fn new(root: Node) -> Result<Self, Vec<Mistake>> {
        if root.kind == NodeKind::Null {
            let message = "the file holds no value";
            let hint = "a pipeline file begins with `name: ` and a name";
            return Err(vec![Mistake::in_file(root.span.source.name(), message).with_hint(hint)]);
        }
        Ok(Self { root, params: Vec::new() })
    }

    /// The tree.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The parameters with their final values, once [`Document::resolve`] has taken them out of
    /// the tree; none before.
    pub fn params(&self) -> &[Entry] {
        &self.params
    }

    /// A mistake at the value on this dotted path, or at the deepest part of the path that
    /// exists: for what only a later look at the file can tell.
    pub fn mistake(&self, path: &str, message: impl Into<String>) -> Mistake {
        Mistake::at(&self.root.deepest(path).span, message)
    }

    /// The document with every `${name}` replaced by the parameter's value.
    ///
    /// A text that is nothing but `${name}` takes the parameter's type; inside of longer text
    /// the value becomes text. `$${` stands for a literal `${`. A replaced value keeps the place
    /// where `${name}` stood. `params` leaves the tree and is kept in [`Document::params`].
    ///
    /// # Errors
    /// Unknown names (with the nearest), parameters that need themselves, lists and blocks in
    /// longer text, and a tree that grows beyond reason.
    pub fn resolve(&self) -> Result<Self, Vec<Mistake>> {
        let (root, params) = params::resolve(&self.root)?;
        let document = Self { root, params };
        document.within_depth().map(|()| document).map_err(|m| vec![m])
    }

    fn within_depth(&self) -> Result<(), Mistake> {
        match too_deep(&self.root, MAX_DEPTH) {
            None => Ok(()),
            Some(span) => {
                let message = format!("blocks are nested more than {MAX_DEPTH} deep");
                Err(Mistake::at(span, message).with_hint("flatten them"))
            }
        }
    }
}

/// The first value that stands below more than `left` others.
fn too_deep(node: &Node, left: usize) -> Option<&Span> {
    let mut children =
        node.items().iter().chain(node.entries().iter().map(|e| &e.value)).peekable();
    if left == 0 {
        return children.peek().map(|child| &child.span);
    }
    children.find_map(|child| too_deep(child, left - 1))
}
