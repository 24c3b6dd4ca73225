//! Secrets blotted out of a stream of bytes, wherever its chunks are parted.
//!
//! Held back is only the end of a chunk that could be the start of a secret. Bytes of secrets
//! that overlap are all blotted out, also where each alone would have been left in part.

use memchr::memmem::Finder;
use serde_json::Value;

use super::Secret;

/// What stands for a secret.
const BLOT: &[u8] = b"***";
/// Of a secret of several lines, which tools like to print one by one, each line of so many
/// bytes or more is a secret too.
const SHORTEST_LINE: usize = 4;

/// Blots secrets out of a stream.
pub(super) struct Redactor {
    secrets: Vec<Finder<'static>>,
    /// What was held back.
    held: Vec<u8>,
    /// How many bytes at its start belong to a secret that was already found.
    blotted: usize,
    /// Whether the last byte before it belonged to one, so that the blot stands already.
    within: bool,
}

impl Redactor {
    pub(super) fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let mut texts: Vec<&str> = Vec::new();
        for secret in secrets {
            texts.push(secret.reveal());
            let lines = secret.reveal().lines().map(str::trim);
            texts.extend(lines.filter(|line| line.len() >= SHORTEST_LINE));
        }
        texts.sort_unstable();
        texts.dedup();
        let secrets = texts.into_iter().map(|text| Finder::new(text).into_owned()).collect();
        Self { secrets, held: Vec::new(), blotted: 0, within: false }
    }

    /// Hands what may be shown of `chunk`, and of what was held back before, to `show`.
    pub(super) fn write(&mut self, chunk: &[u8], show: &mut dyn FnMut(&[u8])) {
        if self.secrets.is_empty() {
            return show(chunk);
        }
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(chunk);
        let open = self.open(&bytes);
        self.emit(&bytes, open, show);
        self.held = bytes.split_off(open);
    }

    /// Hands the rest to `show`: the stream has ended.
    pub(super) fn finish(&mut self, show: &mut dyn FnMut(&[u8])) {
        let bytes = std::mem::take(&mut self.held);
        self.emit(&bytes, bytes.len(), show);
        (self.blotted, self.within) = (0, false);
    }

    /// A whole text without its secrets.
    pub(super) fn text(&self, text: &str) -> String {
        let mut shown = Vec::new();
        let mut once =
            Self { secrets: self.secrets.clone(), held: Vec::new(), blotted: 0, within: false };
        once.write(text.as_bytes(), &mut |bytes| shown.extend_from_slice(bytes));
        once.finish(&mut |bytes| shown.extend_from_slice(bytes));
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// A JSON value without the secrets in its texts, keys and numbers.
    pub(super) fn json(&self, value: Value) -> Value {
        if self.secrets.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(object) => {
                object.into_iter().map(|(key, value)| (self.text(&key), self.json(value))).collect()
            }
            Value::Number(number) => {
                let text = number.to_string();
                let shown = self.text(&text);
                if shown == text { Value::Number(number) } else { Value::String(shown) }
            }
            other => other,
        }
    }

    /// Where the longest end begins that could become a secret with more bytes.
    fn open(&self, bytes: &[u8]) -> usize {
        let starts = self.secrets.iter().filter_map(|secret| {
            let secret = secret.needle();
            let longest = bytes.len().min(secret.len() - 1);
            let mut lengths = (1..=longest).rev();
            lengths.find(|n| secret.get(..*n).is_some_and(|start| bytes.ends_with(start)))
        });
        bytes.len() - starts.max().unwrap_or(0)
    }

    /// Shows the bytes before `end`, and remembers how far behind it a secret goes.
    fn emit(&mut self, bytes: &[u8], end: usize, show: &mut dyn FnMut(&[u8])) {
        let mut at = 0;
        let known = self.blotted;
        for (start, stop) in self.spans(bytes) {
            if start >= end {
                break;
            }
            if let Some(plain) = bytes.get(at..start).filter(|plain| !plain.is_empty()) {
                show(plain);
                self.within = false;
            }
            if !std::mem::replace(&mut self.within, true) {
                show(BLOT);
            }
            at = stop;
        }
        if let Some(plain) = bytes.get(at..end).filter(|plain| !plain.is_empty()) {
            show(plain);
            self.within = false;
        }
        self.blotted = at.max(known).saturating_sub(end);
    }

    /// The stretches that belong to secrets, in order and apart from each other.
    fn spans(&self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        if self.blotted > 0 {
            found.push((0, self.blotted.min(bytes.len())));
        }
        for secret in &self.secrets {
            let mut from = 0;
            // From the byte behind each start, since a secret may overlap itself.
            while let Some(at) = bytes.get(from..).and_then(|rest| secret.find(rest)) {
                found.push((from + at, from + at + secret.needle().len()));
                from += at + 1;
            }
        }
        found.sort_unstable();
        let mut spans: Vec<(usize, usize)> = Vec::with_capacity(found.len());
        for (start, stop) in found {
            match spans.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(stop),
                _ => spans.push((start, stop)),
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let secrets: Vec<Secret> =
            secrets.iter().map(|text| Secret::new("X", *text).unwrap()).collect();
        Redactor::new(&secrets)
    }

    fn streamed(secrets: &[&str], chunks: &[&str]) -> String {
        let (mut redactor, mut shown) = (redactor(secrets), Vec::new());
        for chunk in chunks {
            redactor.write(chunk.as_bytes(), &mut |bytes| shown.extend_from_slice(bytes));
        }
        redactor.finish(&mut |bytes| shown.extend_from_slice(bytes));
        String::from_utf8(shown).unwrap()
    }

    #[track_caller]
    fn check(secrets: &[&str], text: &str, expected: &str) {
        let each: Vec<String> = text.chars().map(String::from).collect();
        let each: Vec<&str> = each.iter().flat_map(|c| [c.as_str(), ""]).collect();
        assert_eq!(streamed(secrets, &each), expected, "byte by byte");
        assert_eq!(streamed(secrets, &[text]), expected, "at once");
    }

    #[test]
    fn a_secret_is_blotted_out_however_it_is_parted() {
        check(&["hunter2"], "pass hunter2!", "pass ***!");
        check(&["hunter2"], "hunter hunter2hunte", "hunter ***hunte");
        check(&["hunter2"], "hunhunter2", "hun***");
        check(&["hunter2"], "", "");
    }

    #[test]
    fn overlapping_secrets_leave_no_rest() {
        check(&["abcab", "cabxx"], "1abcabxx2", "1***2");
        check(&["aaaa"], "aaaaaa.", "***.");
        check(&["abcd", "abcdef"], "abcdef abcd", "*** ***");
        check(&["abcd", "bcde"], "abcdefg", "***fg");
    }

    #[test]
    fn lines_of_a_secret_are_secrets() {
        let key = "-----BEGIN-----\nMIIEvQ\n  ab\n-----END-----\n";
        check(&[key], "x\tMIIEvQ\r\nab\n", "x\t***\r\nab\n");
        check(&[key], "<-----BEGIN-----\nMIIEvQ\n  ab\n-----END----->", "<***>");
    }

    #[test]
    fn only_what_could_become_a_secret_is_held_back() {
        let (mut redactor, mut shown) = (redactor(&["hunter2"]), Vec::new());
        redactor.write(b"progress 7 % hu", &mut |bytes| shown.extend_from_slice(bytes));
        assert_eq!(shown, b"progress 7 % ");
    }

    #[test]
    fn texts_keys_and_numbers_of_json_are_cleaned() {
        let value = json!({"url": "x?key=12345", "12345": [12345, 7, null], "n": 1.5});
        let expected = json!({"url": "x?key=***", "***": ["***", 7, null], "n": 1.5});
        assert_eq!(redactor(&["12345"]).json(value), expected);
    }

    proptest! {
        #[test]
        fn no_secret_is_ever_shown(
            secrets in prop::collection::vec("[ab]{4,7}", 1..4),
            chunks in prop::collection::vec("[abc]{0,9}", 0..9),
        ) {
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
            let shown = streamed(&secrets, &chunks);
            prop_assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{}", shown);
            prop_assert_eq!(&shown, &streamed(&secrets, &[&chunks.concat()]));
        }
    }
}
