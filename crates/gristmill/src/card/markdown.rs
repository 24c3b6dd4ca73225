//! Markdown in which texts of others stay texts.

use std::fmt::Write as _;

/// The longest text that stands in a card whole, in characters.
const LONGEST: usize = 2_000;

/// Markdown as it grows.
#[derive(Debug, Default)]
pub(super) struct Markdown(String);

impl Markdown {
    /// The whole of it.
    pub fn text(self) -> String {
        self.0
    }

    /// A heading; its text is taken as it is, so that it may hold what [`plain`] gave.
    pub fn heading(&mut self, level: usize, text: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.0, "{gap}{} {text}", "#".repeat(level));
    }

    /// A paragraph, taken as it is.
    pub fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.0, "\n{text}");
    }

    /// Lines of a list, taken as they are.
    pub fn list(&mut self, lines: impl IntoIterator<Item = String>) {
        self.0.push('\n');
        for line in lines {
            let _ = writeln!(self.0, "- {line}");
        }
    }

    /// A table; its cells are taken as they are.
    pub fn table<const N: usize>(&mut self, head: [&str; N], rows: &[[String; N]]) {
        let _ = writeln!(self.0, "\n| {} |", head.join(" | "));
        let _ = writeln!(self.0, "|{}", "---|".repeat(N));
        for row in rows {
            let _ = writeln!(self.0, "| {} |", row.join(" | "));
        }
    }

    /// A table of facts, those that are known.
    pub fn facts<'a>(&mut self, facts: impl IntoIterator<Item = (&'a str, Option<String>)>) {
        let known = facts.into_iter().filter_map(|(name, fact)| Some([name.to_string(), fact?]));
        let rows: Vec<[String; 2]> = known.collect();
        if !rows.is_empty() {
            self.table(["", ""], &rows);
        }
    }
}

/// A text of somebody else as text on one line: neither Markdown nor HTML, whatever it holds.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.trim().chars().take(LONGEST) {
        match letter {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => {
                plain.push('\\');
                plain.push(letter);
            }
            letter if letter.is_control() || letter.is_whitespace() => plain.push(' '),
            letter if is_unseen(letter) => plain.push('\u{fffd}'),
            letter => plain.push(letter),
        }
    }
    if text.trim().chars().nth(LONGEST).is_some() {
        plain.push_str(" …");
    }
    plain
}

/// Letters that turn the order of others around, by which a text can look like another.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(plain(text), expected);
    }

    #[test]
    fn what_others_wrote_is_neither_html_nor_markdown() {
        check("<script>alert(1)</script>", "&lt;script&gt;alert\\(1\\)&lt;/script&gt;");
        check("[a](javascript:alert(1))", "\\[a\\]\\(javascript:alert\\(1\\)\\)");
        check("![a](http://x)", "\\!\\[a\\]\\(http://x\\)");
        check("&lt;b&gt; `x` | y", "&amp;lt;b&amp;gt; \\`x\\` \\| y");
        check("a\n\n# b\r\n\tc", "a  \\# b   c");
        check("a\u{202e}b", "a\u{fffd}b");
    }

    #[test]
    fn a_long_text_is_cut() {
        let cut = plain(&"ä".repeat(LONGEST + 1));
        assert_eq!(cut.chars().count(), LONGEST + 2);
        assert!(cut.ends_with(" …"));
    }
}
