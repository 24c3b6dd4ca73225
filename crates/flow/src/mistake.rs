//! What is wrong in a file: where, what was found, and what would do.

use std::fmt;

use serde::Serialize;

use crate::document::Span;

/// One thing in a file that its author can mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The file as it was named, or the command-line argument that the value came from.
    pub file: String,
    /// The line, from 1; 0 when the place is no line of a file.
    pub line: usize,
    /// The column in characters, from 1; 0 when there is no line.
    pub column: usize,
    /// How many characters are meant, within the line.
    pub length: usize,
    /// What was found and what would be accepted, without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The text of the line; empty when there is none.
    pub snippet: String,
}

impl Mistake {
    /// A mistake at this place, without a hint.
    pub fn at(span: &Span, message: impl Into<String>) -> Self {
        let in_file = span.line > 0;
        Self {
            file: span.source.name().to_owned(),
            line: span.line,
            column: if in_file { span.column } else { 0 },
            length: if in_file { span.length.max(1) } else { 0 },
            message: message.into(),
            hint: None,
            snippet: span.source.line(span.line).unwrap_or_default().to_owned(),
        }
    }

    /// A mistake of a whole file, such as one that is missing or empty.
    pub fn in_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            length: 0,
            message: message.into(),
            hint: None,
            snippet: String::new(),
        }
    }

    /// The same mistake with what to do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same mistake with a hint when one is known.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<String>) -> Self {
        Self { hint: hint.or(self.hint), ..self }
    }
}

impl fmt::Display for Mistake {
    /// The mistake as [`render`] shows it, without a line end after the last line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", printable(&self.message))?;
        if !self.file.is_empty() {
            write!(f, "\n  at: {}", printable(&self.file))?;
        }
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
            if !self.snippet.trim().is_empty() {
                let (text, caret) = window(&self.snippet, self.column, self.length);
                write!(f, "\n{:>4} | {text}\n     | {caret}", self.line)?;
            }
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {}", printable(hint)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mistake {}

/// The mistakes as a person reads them in a terminal: plain text, one block each with an empty
/// line between, ending with a line end; empty for no mistakes.
///
/// ```
/// # use gristmill_flow::{Document, render};
/// let mistakes = Document::parse("name: a\nname: b\n", "churn.yaml").unwrap_err();
/// assert_eq!(
///     render(&mistakes),
///     "error: key `name` stands twice, first in line 1
///   at: churn.yaml, line 2
///    2 | name: b
///      | ^^^^
/// hint: remove one of the two
/// "
/// );
/// ```
pub fn render(mistakes: &[Mistake]) -> String {
    let blocks: Vec<String> = mistakes.iter().map(|m| format!("{m}\n")).collect();
    blocks.join("\n")
}

/// The part of a line that fits on a terminal around `column`, and the carets below it.
fn window(line: &str, column: usize, length: usize) -> (String, String) {
    const WIDTH: usize = 96;
    const BEFORE: usize = 48;
    let characters: Vec<char> = line.chars().collect();
    let at = column.saturating_sub(1).min(characters.len());
    let start = if characters.len() <= WIDTH { 0 } else { at.saturating_sub(BEFORE) };
    let end = characters.len().min(start + WIDTH);
    let shown: String = characters.get(start..end).unwrap_or_default().iter().collect();
    let mut text = printable(&shown);
    let mut indent = at - start;
    if start > 0 {
        text.insert(0, '…');
        indent += 1;
    }
    if end < characters.len() {
        text.push('…');
    }
    let carets = length.clamp(1, (end - at.min(end)).max(1));
    (text, format!("{}{}", " ".repeat(indent), "^".repeat(carets)))
}

/// A file may hold characters that would move the cursor or recolour the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(snippet: &str, line: usize, column: usize, length: usize) -> Mistake {
        Mistake {
            file: "churn.yaml".into(),
            line,
            column,
            length,
            message: "unknown key `targt` in `data`".into(),
            hint: Some("did you mean `target`?".into()),
            snippet: snippet.into(),
        }
    }

    #[test]
    fn a_mistake_shows_its_line_and_what_to_do() {
        insta::assert_snapshot!(render(&[mistake("  targt: churn", 7, 3, 5)]), @"
        error: unknown key `targt` in `data`
          at: churn.yaml, line 7
           7 |   targt: churn
             |   ^^^^^
        hint: did you mean `target`?
        ");
    }

    #[test]
    fn several_are_kept_apart_and_none_is_empty() {
        let two = render(&[mistake("a: b", 12, 1, 1), Mistake::in_file("x.yaml", "it is empty")]);
        insta::assert_snapshot!(two, @"
        error: unknown key `targt` in `data`
          at: churn.yaml, line 12
          12 | a: b
             | ^
        hint: did you mean `target`?

        error: it is empty
          at: x.yaml
        ");
        assert_eq!(render(&[]), "");
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_place() {
        let line = format!("{}oops{}", "a".repeat(500), "b".repeat(500));
        let text = render(&[mistake(&line, 1, 501, 4)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|l| l.chars().count() < 120), "{text}");
        let column = lines[3].find('^').unwrap();
        let shown: String = lines[2].chars().skip(column).take(4).collect();
        assert_eq!(shown, "oops");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = render(&[mistake("a: \u{1b}[31mred", 1, 1, 1)]);
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_place_outside_the_line_is_shown_without_harm() {
        render(&[mistake("short", 1, 9000, 9000), mistake("", 1, 0, 0), mistake("x", 0, 5, 5)]);
    }
}
