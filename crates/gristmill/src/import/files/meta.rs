//! The `meta.yaml` of things in a file store: a map of words and numbers as PyYAML writes it.

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_core::Timestamp;
use gristmill_flow::{Document, Node, NodeKind};

use super::read;

/// The most bytes of such a file.
const MAX_BYTES: usize = 4_000_000;

/// A `meta.yaml`, read and bounded.
pub(super) struct Meta(Document);

impl Meta {
    /// That of the thing in `folder`, or why it has none.
    pub fn of(folder: &Path) -> Result<Self, String> {
        let text = read::text(&folder.join("meta.yaml"), MAX_BYTES)
            .map_err(|why| format!("`meta.yaml`: {why}"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        Document::parse(text, "meta.yaml").map(Self).map_err(|mistakes| {
            let first = mistakes.first();
            let place = first.map(|m| format!(", line {}", m.line)).unwrap_or_default();
            let message = first.map(|m| m.message.clone()).unwrap_or_default();
            format!("`meta.yaml`{place}: {message}")
        })
    }

    fn get(&self, key: &str) -> Option<&Node> {
        self.0.root().entry(key).map(|entry| &entry.value)
    }

    /// The text under a key, as it was written; nothing where there is none.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(word)
    }

    /// The text under a key that must be there.
    pub fn required(&self, key: &str) -> Result<String, String> {
        self.text(key).ok_or_else(|| format!("`meta.yaml` has no `{key}`"))
    }

    /// The whole number under a key; nothing where there is none.
    pub fn whole(&self, key: &str) -> Result<Option<i64>, String> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let wrong =
            || format!("`{key}` in `meta.yaml` is `{}`, expected a whole number", short(&text));
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// The moment under a key, which holds milliseconds.
    pub fn moment(&self, key: &str) -> Result<Option<Timestamp>, String> {
        Ok(self.whole(key)?.and_then(|millis| millis.checked_mul(1000)).map(Timestamp))
    }

    /// The words under the keys of a map.
    pub fn texts(&self, key: &str) -> BTreeMap<String, String> {
        let entries = self.get(key).map(Node::entries).unwrap_or_default();
        let pairs = entries.iter();
        pairs.map(|e| (e.key.clone(), word(&e.value).unwrap_or_default())).collect()
    }
}

/// A value as it was written: what looks like a number to one version of YAML is text to another,
/// such as the digest `12345e67`.
fn word(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Text(text) => Some(text.clone()),
        NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_) => None,
        _ => {
            let line = node.span.source.line(node.span.line)?;
            let from = line.chars().skip(node.span.column.saturating_sub(1));
            Some(from.take(node.span.length).collect::<String>().trim().to_string())
        }
    }
}

/// A text cut to what a message can carry.
pub(in crate::import) fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_was_written() {
        let text = "digest: 12345e67\nname: 0o17\nyes: yes\nquoted: '007'\nnone: null\nn: 12\n";
        let meta = Meta::parse(text).unwrap();
        for (key, expected) in
            [("digest", "12345e67"), ("name", "0o17"), ("yes", "yes"), ("quoted", "007")]
        {
            assert_eq!(meta.text(key).as_deref(), Some(expected));
        }
        assert_eq!((meta.text("none"), meta.whole("n")), (None, Ok(Some(12))));
        assert!(meta.whole("yes").unwrap_err().contains("`yes` in `meta.yaml` is `yes`"));
    }

    #[test]
    fn a_file_that_would_grow_beyond_bounds_is_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", ")));
        }
        let why = Meta::parse(&bomb).map(|_| ()).unwrap_err();
        assert!(why.contains("more than 200000 values"), "{why}");
    }
}
