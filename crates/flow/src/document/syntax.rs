//! What the YAML parser refuses, in the words of someone who writes a pipeline file.

use std::sync::Arc;

use granit_parser::{ErrorKind, ScanError};

use super::node::{Source, Span};
use crate::Mistake;

/// The mistake behind a parser's error.
pub(super) fn mistake(error: &ScanError, source: &Arc<Source>) -> Mistake {
    let (line, column) = (error.marker().line().max(1), error.marker().col() + 1);
    if let Some(mistake) = tab(source, line) {
        return mistake;
    }
    let (message, hint) = words(error.kind());
    let span = at(source, line, column);
    let guess = open_bracket(source, line, column).or_else(|| deeper(error.kind(), source, line));
    Mistake::at(&span, message).maybe_hint(guess.or(hint.map(str::to_owned)))
}

/// A bracket that is still open where the parser gave up is most often what is wrong. Quotes and
/// comments are told apart only roughly, since this is a hint and no more.
fn open_bracket(source: &Source, line: usize, column: usize) -> Option<String> {
    let mut open: Vec<(char, usize)> = Vec::new();
    for number in 1..=line {
        let text = source.line(number)?;
        let end = if number == line { column.saturating_sub(1) } else { usize::MAX };
        let mut quote = None;
        let mut before = ' ';
        for c in text.chars().take(end) {
            let starts = matches!(before, ' ' | '\t' | '[' | '{' | ',' | ':');
            match (quote, c) {
                (Some(q), c) if q == c => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') if starts => quote = Some(c),
                (None, '#') if starts => break,
                (None, '[' | '{') if starts || !open.is_empty() => open.push((c, number)),
                (None, ']' | '}') => drop(open.pop()),
                _ => {}
            }
            before = c;
        }
    }
    let (bracket, opened) = open.pop().filter(|(_, opened)| *opened < line)?;
    Some(format!("is the `{bracket}` in line {opened} closed?"))
}

/// A key that stands further right than the one above, which has its value already.
fn deeper(kind: &ErrorKind, source: &Source, line: usize) -> Option<String> {
    if *kind != ErrorKind::MappingValueNotAllowed {
        return None;
    }
    let indent = |text: &str| text.len() - text.trim_start().len();
    let here = source.line(line)?;
    let above = (1..line).rev().filter_map(|n| source.line(n)).find(|t| !t.trim().is_empty())?;
    (indent(here) > indent(above))
        .then(|| format!("line {line} is indented further than the one above it"))
}

fn at(source: &Arc<Source>, line: usize, column: usize) -> Span {
    Span { source: Arc::clone(source), line, column, length: 1 }
}

/// Where a tab in the indentation confuses the parser, its own words seldom say so.
fn tab(source: &Arc<Source>, line: usize) -> Option<Mistake> {
    [line, line + 1, line.saturating_sub(1)].into_iter().find_map(|line| {
        let text = source.line(line)?;
        let column = text.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t')? + 1;
        let message = format!("line {line} is indented with a tab, which YAML does not allow");
        let hint = "indent with spaces: replace each tab by two of them";
        Some(Mistake::at(&at(source, line, column), message).with_hint(hint))
    })
}

fn words(kind: &ErrorKind) -> (String, Option<&'static str>) {
    use ErrorKind as K;
    const ALIGN: &str = "keys of one block begin in the same column; indent with spaces";
    const QUOTE: &str = "put text that holds `: ` or begins with a special character in quotes";
    match kind {
        K::TabNotAllowed
        | K::TabInBlockIndentation
        | K::TabInIndentation
        | K::TabInPlainScalar
        | K::TabAtBlockScalarStart => {
            ("a tab stands where YAML does not allow one".into(), Some("use spaces instead"))
        }
        K::UnclosedQuotedScalar => {
            ("a quote is opened and not closed".into(), Some("close it with the same quote"))
        }
        K::UnclosedFlowCollection { open } => {
            (format!("`{open}` is opened and not closed"), Some("add the closing bracket"))
        }
        K::UnexpectedEofFlowSequence | K::ExpectedFlowSequenceSeparator => {
            ("this list lacks a `,` or the closing `]`".into(), None)
        }
        K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::ExpectedFlowMappingSeparator => {
            ("this block lacks a `,` or the closing `}`".into(), None)
        }
        K::MismatchedFlowCollectionEnd { open, close } => {
            (format!("`{open}` is closed by `{close}`"), Some("use the bracket that fits"))
        }
        K::MisplacedFlowCollectionEnd => {
            ("a bracket is closed that was never opened".into(), Some("remove it"))
        }
        K::MappingValueNotAllowed | K::InvalidColonPlacement => {
            ("a `:` stands where no value can begin".into(), Some(QUOTE))
        }
        K::SimpleKeyExpected | K::InvalidSimpleKey | K::ExpectedBlockMappingKey => {
            ("expected `key: value` here".into(), Some(ALIGN))
        }
        K::ExpectedBlockSequenceEntry | K::BlockSequenceEntryNotAllowed => {
            ("a `-` entry was expected here, or stands where none can".into(), Some(ALIGN))
        }
        K::InvalidIndentation | K::MappingKeyNotAllowed => {
            ("the indentation fits no block above".into(), Some(ALIGN))
        }
        K::UnknownAnchor => (
            "this alias names no anchor above it".into(),
            Some("define it first with `&name`; text that begins with `*` needs quotes"),
        ),
        K::UnexpectedCharacter { character } => {
            (format!("`{character}` cannot begin a value"), Some(QUOTE))
        }
        K::UnknownQuotedScalarEscape | K::InvalidQuotedScalarHexEscape => (
            "unknown escape in a double-quoted text".into(),
            Some("write `\\\\` for a backslash, or use single quotes"),
        ),
        K::RecursionLimitExceeded => {
            ("blocks are nested too deeply here".into(), Some("flatten them"))
        }
        other => (format!("this is no YAML: {}", phrase(&format!("{other:?}"))), None),
    }
}

/// `InvalidBlockScalarHeader { .. }` as `invalid block scalar header`.
fn phrase(variant: &str) -> String {
    let name = variant.split([' ', '(', '{']).next().unwrap_or_default();
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}
