//! Where the output of a command goes: without its secrets into the log, and its last lines into
//! messages.

use std::collections::VecDeque;
use std::io;

use super::Secret;
use super::log::LogWriter;
use super::redact::Redactor;

/// How many of the last lines a message shows, how long each may be, and from how many of the
/// last bytes they are taken.
const LINES: usize = 5;
const WIDTH: usize = 200;
const BYTES: usize = 4 << 10;

/// Takes what a command prints.
pub(super) struct Capture {
    redactor: Redactor,
    kept: Kept,
}

/// What is kept of it, secrets blotted out.
struct Kept {
    log: Option<LogWriter>,
    /// Why the log ends before the command did.
    broken: Option<io::Error>,
    last: VecDeque<u8>,
}

impl Capture {
    pub(super) fn new<'s>(log: LogWriter, secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let kept = Kept { log: Some(log), broken: None, last: VecDeque::new() };
        Self { redactor: Redactor::new(secrets), kept }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        let Self { redactor, kept } = self;
        redactor.write(bytes, &mut |bytes| kept.write(bytes));
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The last lines that were printed; and why the log is not whole, if it is not.
    pub(super) fn finish(&mut self) -> (Vec<String>, Option<io::Error>) {
        let Self { redactor, kept } = self;
        redactor.finish(&mut |bytes| kept.write(bytes));
        if let Some(Err(error)) = kept.log.take().map(LogWriter::finish) {
            kept.broken.get_or_insert(error);
        }
        (last_lines(kept.last.make_contiguous()), kept.broken.take())
    }
}

impl Kept {
    fn write(&mut self, bytes: &[u8]) {
        // A full disk is no reason to end a command; it is said when the command has ended.
        if let Some(log) = &mut self.log
            && let Err(error) = log.write(bytes)
        {
            (self.log, self.broken) = (None, Some(error));
        }
        let new = bytes.get(bytes.len().saturating_sub(BYTES)..).unwrap_or_default();
        let excess = (self.last.len() + new.len()).saturating_sub(BYTES);
        self.last.drain(..excess);
        self.last.extend(new);
    }
}

/// The last lines that say anything, as a terminal would show them.
fn last_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let shown = text.lines().rev().map(plain).filter(|line| !line.is_empty());
    let mut lines: Vec<String> = shown.take(LINES).collect();
    lines.reverse();
    lines
}

/// A line without colours and other orders to a terminal, cut where a reader would stop.
fn plain(line: &str) -> String {
    // Of a progress bar that goes back to the start of its line, the last state stays.
    let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    let mut shown = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            // An order ends with its first letter.
            chars.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c));
        } else if c == '\t' || !c.is_control() {
            shown.push(c);
        }
    }
    let shown = shown.trim_end();
    match shown.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
        None => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(last_lines(text.as_bytes()), expected);
    }

    #[test]
    fn the_last_lines_are_those_that_a_person_saw() {
        check("", &[]);
        check("a\n\nb\r\n", &["a", "b"]);
        check("1\n2\n3\n4\n5\n6\n7", &["3", "4", "5", "6", "7"]);
        check("10 %\r50 %\r100 %\n", &["100 %"]);
        check("\u{1b}[31;1mred\u{1b}[0m \u{7}alert\n", &["red alert"]);
        check(&"x".repeat(300), &[&format!("{}…", "x".repeat(200))]);
    }

    #[test]
    fn a_log_that_cannot_be_written_is_told_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let no_folder = folder.path().join("file");
        let log = LogWriter::new(&no_folder, "a", 1).unwrap();
        fs_err::write(&no_folder, "").unwrap();
        let mut capture = Capture::new(log, []);
        capture.write(b"one\n");
        capture.write(b"two\n");
        let (lines, broken) = capture.finish();
        assert_eq!(lines, ["one", "two"]);
        assert!(broken.is_some());
    }
}
