//! `include: other.yaml`: fragments that several files share.
//!
//! A fragment's sections join those of the file that includes it. A section that stands in both
//! is taken whole from the including file, so that what a reader sees there is what counts; only
//! `params` are joined name by name. Two fragments with the same section are a mistake.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::node::{Entry, Node, NodeKind, Source, Span};
use super::params::PARAMS;
use super::reader::{self, short};
use super::{MAX_BYTES, MAX_FILES};
use crate::Mistake;

/// The key that names the fragments of a file.
pub(super) const INCLUDE: &str = "include";

/// The tree of the file at `path` with all its fragments.
///
/// # Errors
/// Everything that is wrong in any of the files.
pub(super) fn open(path: &Path) -> Result<Node, Vec<Mistake>> {
    let name = path.display().to_string();
    let whole = real(path).map_err(|e| vec![unreadable(&name, &e)])?;
    let root = whole.parent().unwrap_or(Path::new("/")).to_owned();
    Loader { root, chain: Vec::new(), files: 0 }.file(path, whole)
}

/// The mistake of a text that has no folder from which to include.
pub(super) fn refuse(root: &Node) -> Option<Mistake> {
    let entry = root.entry(INCLUDE)?;
    let message = "`include` needs a file, and this text was read from none";
    Some(Mistake::at(&entry.span, message).with_hint("save it as a file, or write the parts out"))
}

struct Loader {
    /// Fragments must lie in this folder or below.
    root: PathBuf,
    /// The files that are being read, outermost first.
    chain: Vec<PathBuf>,
    files: usize,
}

impl Loader {
    fn file(&mut self, shown: &Path, whole: PathBuf) -> Result<Node, Vec<Mistake>> {
        let name = shown.display().to_string();
        let source = Arc::new(Source::new(&name, text(&name, &whole)?));
        let mut node = reader::read(&source)?;
        self.chain.push(whole);
        let result = self.merge_fragments(&mut node, shown);
        self.chain.pop();
        result.map(|()| node)
    }

    fn merge_fragments(&mut self, node: &mut Node, shown: &Path) -> Result<(), Vec<Mistake>> {
        let NodeKind::Map(own) = &mut node.kind else { return Ok(()) };
        let Some(at) = own.iter().position(|e| e.key == INCLUDE) else { return Ok(()) };
        let include = own.remove(at);
        let mut added: Vec<Entry> = Vec::new();
        let mut mistakes = Vec::new();
        for (path, span) in named(&include).map_err(|m| vec![m])? {
            match self.fragment(&path, &span, shown) {
                Ok(entries) => mistakes.extend(join(&mut added, entries)),
                Err(more) => mistakes.extend(more),
            }
        }
        for entry in added {
            override_with(own, entry);
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    fn fragment(
        &mut self,
        path: &str,
        span: &Span,
        from: &Path,
    ) -> Result<Vec<Entry>, Vec<Mistake>> {
        let whole = self.place(path, span).map_err(|m| vec![m])?;
        let shown = from.parent().unwrap_or(Path::new("")).join(path);
        let node = self.file(&shown, whole)?;
        match node.kind {
            NodeKind::Map(entries) => Ok(entries),
            _ => {
                let message = "a fragment must be a block of keys";
                Err(vec![Mistake::at(&node.span, message).with_hint("write `key: value` lines")])
            }
        }
    }

    /// The real place of a fragment, if it may be read.
    fn place(&mut self, path: &str, span: &Span) -> Result<PathBuf, Mistake> {
        let refuse = |message: String, hint: &str| Err(Mistake::at(span, message).with_hint(hint));
        let shown = short(path);
        let folder = self.chain.last().and_then(|p| p.parent()).unwrap_or(&self.root);
        let relative = Path::new(path);
        if relative.components().any(|c| matches!(c, Component::RootDir | Component::Prefix(_))) {
            let message = format!("`{shown}` is an absolute path");
            return refuse(message, "name a fragment relative to the file that includes it");
        }
        let whole = match real(&folder.join(relative)) {
            Ok(whole) => whole,
            Err(error) => {
                let message = format!("fragment `{shown}` cannot be read: {}", reason(&error));
                return refuse(message, "name a file relative to the one that includes it");
            }
        };
        if !whole.starts_with(&self.root) {
            let message = format!("fragment `{shown}` lies outside of the pipeline's folder");
            return refuse(message, "put it beside the pipeline file or below");
        }
        if self.chain.contains(&whole) {
            let message = format!("`{shown}` is already being included, so this has no end");
            return refuse(message, "remove one of the includes");
        }
        self.files += 1;
        if self.files > MAX_FILES {
            return refuse(format!("more than {MAX_FILES} fragments"), "join some of them");
        }
        Ok(whole)
    }
}

/// The paths that an `include:` names, each with its place.
fn named(include: &Entry) -> Result<Vec<(String, Span)>, Mistake> {
    let one = std::slice::from_ref(&include.value);
    let nodes = match &include.value.kind {
        NodeKind::List(items) => items.as_slice(),
        _ => one,
    };
    nodes
        .iter()
        .map(|node| match node.as_text() {
            Some(path) => Ok((path.to_owned(), node.span.clone())),
            None => Err(Mistake::at(&node.span, "`include` takes a path or a list of paths")
                .with_hint("write `include: other.yaml`")),
        })
        .collect()
}

/// Adds the sections of one more fragment; the mistakes are sections that two fragments have.
fn join(added: &mut Vec<Entry>, entries: Vec<Entry>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for entry in entries {
        match added.iter_mut().find(|e| e.key == entry.key) {
            None => added.push(entry),
            // The same file, included by two ways.
            Some(earlier) if earlier.span == entry.span => {}
            Some(earlier) if entry.key == PARAMS => add_missing(&mut earlier.value, &entry.value),
            Some(earlier) => {
                let (key, other) = (short(&entry.key), earlier.span.source.name());
                let message = format!("`{key}` stands in two fragments, here and in {other}");
                let hint = "keep it in one of them, or in the file that includes them";
                mistakes.push(Mistake::at(&entry.span, message).with_hint(hint));
            }
        }
    }
    mistakes
}

fn override_with(own: &mut Vec<Entry>, entry: Entry) {
    match own.iter_mut().find(|e| e.key == entry.key) {
        None => own.push(entry),
        Some(mine) if entry.key == PARAMS => add_missing(&mut mine.value, &entry.value),
        Some(_) => {}
    }
}

fn add_missing(params: &mut Node, more: &Node) {
    if matches!(params.kind, NodeKind::Null) {
        params.kind = NodeKind::Map(Vec::new());
    }
    let NodeKind::Map(own) = &mut params.kind else { return };
    for entry in more.entries() {
        if own.iter().all(|e| e.key != entry.key) {
            own.push(entry.clone());
        }
    }
}

fn real(path: &Path) -> std::io::Result<PathBuf> {
    fs_err::canonicalize(path)
}

/// The text of a file, which must be UTF-8 and of a size that a person could have written.
fn text(name: &str, path: &Path) -> Result<String, Vec<Mistake>> {
    let read = || {
        let size = fs_err::metadata(path)?.len();
        if size > MAX_BYTES as u64 { Ok(Err(size)) } else { fs_err::read(path).map(Ok) }
    };
    match read() {
        Err(error) => Err(vec![unreadable(name, &error)]),
        Ok(Err(size)) => {
            let message = format!("the file has {size} bytes, more than the {MAX_BYTES} allowed");
            Err(vec![Mistake::in_file(name, message).with_hint("is this a data file?")])
        }
        Ok(Ok(bytes)) => super::encoding::decode(name, bytes).map_err(|m| vec![m]),
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> Mistake {
    let hint = match error.kind() {
        std::io::ErrorKind::NotFound => "check the path; it is relative to the current folder",
        std::io::ErrorKind::PermissionDenied => "allow reading it",
        _ => "name a file that can be read",
    };
    Mistake::in_file(name, format!("the file cannot be read: {}", reason(error))).with_hint(hint)
}

/// The system's own words; the name of the file stands elsewhere in the message.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::IsADirectory => "it is a folder".into(),
        kind => kind.to_string(),
    }
}
