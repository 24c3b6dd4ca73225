//! Texts into terms: words or characters, and runs of several of them.

use std::collections::HashSet;

use gristmill_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a term is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Analyzer {
    /// Words: runs of letters, digits and underscores.
    #[default]
    Word,
    /// Characters; two or more blanks in a row count as one.
    Char,
    /// Characters of one word at a time, with a blank before and after it.
    CharWb,
}

/// Whether large and small letters are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// All letters are taken as small ones.
    #[default]
    Lower,
    /// They are.
    Keep,
}

/// How texts become terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tokens {
    pub(crate) analyzer: Analyzer,
    pub(crate) ngrams: [usize; 2],
    pub(crate) case: Case,
    pub(crate) min_length: usize,
    pub(crate) stop_words: Vec<String>,
}

impl Tokens {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<()> {
        let [least, most] = self.ngrams;
        if least == 0 || least > most {
            return Err(Error::setting(
                "ngrams",
                format!("[{least}, {most}]"),
                "the least and the most words or characters of a term, such as [1, 2]",
            ));
        }
        if !self.stop_words.is_empty() && self.analyzer != Analyzer::Word {
            return Err(Error::setting(
                "stop_words",
                "given for characters",
                "none, or `analyzer: word`",
            ));
        }
        Ok(())
    }
}

/// [`Tokens`] made ready.
#[derive(Clone, Debug)]
pub(crate) struct Tokenizer {
    tokens: Tokens,
    stop_words: HashSet<String>,
}

/// Room that one text after the other uses.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    lowered: String,
    spaced: String,
    /// Where words begin and end, or where characters begin.
    ends: Vec<(usize, usize)>,
    term: String,
}

impl Tokenizer {
    pub(crate) fn new(tokens: &Tokens) -> Self {
        Self { stop_words: tokens.stop_words.iter().cloned().collect(), tokens: tokens.clone() }
    }

    /// Calls `see` with each term of `text`, again and again where it stands there often.
    pub(crate) fn each(&self, text: &str, scratch: &mut Scratch, mut see: impl FnMut(&str)) {
        let Scratch { lowered, spaced, ends, term } = scratch;
        let text = match self.tokens.case {
            Case::Keep => text,
            Case::Lower => lower(text, lowered),
        };
        match self.tokens.analyzer {
            Analyzer::Word => {
                self.words(text, ends);
                self.word_terms(text, ends, term, &mut see);
            }
            Analyzer::Char => {
                let [least, most] = self.tokens.ngrams;
                character_terms(spaced_once(text, spaced), ends, [least, most], &mut see);
            }
            Analyzer::CharWb => {
                for word in text.split_whitespace() {
                    spaced.clear();
                    spaced.extend([" ", word, " "]);
                    self.bounded_terms(spaced, ends, &mut see);
                }
            }
        }
    }

    /// Where the words of `text` that count begin and end.
    fn words(&self, text: &str, ends: &mut Vec<(usize, usize)>) {
        ends.clear();
        let mut keep = |start: usize, end: usize| {
            let word = &text[start..end];
            // A word of so many bytes has no fewer characters than a quarter of them.
            let long = word.len() >= 4 * self.tokens.min_length
                || word.chars().nth(self.tokens.min_length.saturating_sub(1)).is_some();
            if long && (self.stop_words.is_empty() || !self.stop_words.contains(word)) {
                ends.push((start, end));
            }
        };
        let mut start = None;
        for (at, c) in text.char_indices() {
            let inside = if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() };
            match (inside || c == '_', start) {
                (true, None) => start = Some(at),
                (false, Some(from)) => {
                    keep(from, at);
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(from) = start {
            keep(from, text.len());
        }
    }

    fn word_terms(
        &self,
        text: &str,
        words: &[(usize, usize)],
        term: &mut String,
        see: &mut impl FnMut(&str),
    ) {
        let [least, most] = self.tokens.ngrams;
        for size in least..=most.min(words.len()) {
            for run in words.windows(size) {
                if let [(start, end)] = *run {
                    see(&text[start..end]);
                    continue;
                }
                term.clear();
                for (at, &(start, end)) in run.iter().enumerate() {
                    if at > 0 {
                        term.push(' ');
                    }
                    term.push_str(&text[start..end]);
                }
                see(term);
            }
        }
    }

    /// The terms of one word; when it is no longer than a size it is a term itself, once.
    fn bounded_terms(
        &self,
        word: &str,
        starts: &mut Vec<(usize, usize)>,
        see: &mut impl FnMut(&str),
    ) {
        let [least, most] = self.tokens.ngrams;
        let length = word.chars().count();
        character_terms(word, starts, [least, most.min(length)], see);
        if length < least {
            see(word);
        }
    }
}

/// Each run of `least` to `most` characters.
fn character_terms(
    text: &str,
    starts: &mut Vec<(usize, usize)>,
    [least, most]: [usize; 2],
    see: &mut impl FnMut(&str),
) {
    starts.clear();
    starts.extend(text.char_indices().map(|(at, c)| (at, at + c.len_utf8())));
    for size in least..=most.min(starts.len()) {
        for run in starts.windows(size) {
            see(&text[run[0].0..run[size - 1].1]);
        }
    }
}

fn lower<'a>(text: &str, room: &'a mut String) -> &'a str {
    if text.is_ascii() {
        room.clear();
        room.push_str(text);
        room.make_ascii_lowercase();
    } else {
        *room = text.to_lowercase();
    }
    room
}

/// The text with each run of two or more blanks as one space; a single blank stays what it is.
fn spaced_once<'a>(text: &str, room: &'a mut String) -> &'a str {
    room.clear();
    let mut blanks = 0;
    let mut first = ' ';
    for c in text.chars().chain(['\0']) {
        if c.is_whitespace() {
            first = if blanks == 0 { c } else { ' ' };
            blanks += 1;
            continue;
        }
        if blanks > 0 {
            room.push(first);
            blanks = 0;
        }
        room.push(c);
    }
    // The character that ended the last run.
    room.pop();
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(analyzer: Analyzer, ngrams: [usize; 2], text: &str, expected: &[&str]) {
        let stop_words = if analyzer == Analyzer::Word { vec!["the".into()] } else { vec![] };
        let tokens = Tokens { analyzer, ngrams, case: Case::Lower, min_length: 2, stop_words };
        tokens.check().unwrap();
        let mut terms = Vec::new();
        let mut scratch = Scratch::default();
        Tokenizer::new(&tokens).each(text, &mut scratch, |term| terms.push(term.to_string()));
        assert_eq!(terms, expected);
    }

    // scikit-learn 1.9.1: CountVectorizer(...).build_analyzer()
    #[test]
    fn words_are_runs_of_letters_digits_and_underscores() {
        check(
            Analyzer::Word,
            [1, 1],
            "Don't stop_me, a 42nd ÉTÉ!",
            &["don", "stop_me", "42nd", "été"],
        );
        check(Analyzer::Word, [1, 1], "", &[]);
    }

    #[test]
    fn stop_words_are_left_out_before_words_are_joined() {
        check(
            Analyzer::Word,
            [1, 2],
            "Over the moon, far",
            &["over", "moon", "far", "over moon", "moon far"],
        );
        check(Analyzer::Word, [2, 3], "one", &[]);
    }

    #[test]
    fn characters_are_taken_blanks_and_all() {
        check(Analyzer::Char, [2, 3], "aB  é\n", &["ab", "b ", " é", "é\n", "ab ", "b é", " é\n"]);
        check(Analyzer::Char, [3, 3], "ab", &[]);
    }

    #[test]
    fn characters_of_words_do_not_cross_their_bounds() {
        check(Analyzer::CharWb, [3, 4], "ab  c", &[" ab", "ab ", " ab ", " c "]);
        check(Analyzer::CharWb, [4, 5], "a bc", &[" a ", " bc "]);
    }
}
