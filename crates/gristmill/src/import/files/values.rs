//! The lines of a metric's file, a piece at a time.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use fs_err::File;

use super::read;

/// How many values come together.
const VALUES: usize = 4000;
/// The longest line, in bytes.
const LINE: u64 = 4000;

/// A file of lines, and what was wrong with some of them.
pub(super) struct Values {
    lines: BufReader<File>,
    number: u64,
    bad: u64,
    first_bad: Option<String>,
    is_over: bool,
}

impl Values {
    /// The lines of this file, or why it cannot be read.
    pub fn open(path: &Path) -> Result<Self, String> {
        let (file, _) = read::open(path)?;
        let lines = BufReader::new(file);
        Ok(Self { lines, number: 0, bad: 0, first_bad: None, is_over: false })
    }

    /// What the next lines hold; nothing at the end. Lines that cannot be read are passed over.
    pub fn next<T>(&mut self, read: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let mut found = Vec::new();
        while !self.is_over && found.len() < VALUES {
            let Some(line) = self.line() else { break };
            match line.and_then(|line| read(line.trim())) {
                Ok(value) => found.push(value),
                Err(why) => self.complain(why),
            }
        }
        (!found.is_empty()).then_some(found)
    }

    fn line(&mut self) -> Option<Result<String, String>> {
        let mut bytes = Vec::new();
        self.number += 1;
        let read = self.lines.by_ref().take(LINE).read_until(b'\n', &mut bytes);
        match read {
            Ok(0) => {
                self.is_over = true;
                None
            }
            Ok(count) if count as u64 == LINE && bytes.last() != Some(&b'\n') => {
                let rest = self.skip_line();
                Some(rest.and_then(|()| Err(format!("longer than {LINE} bytes"))))
            }
            Ok(_) => Some(String::from_utf8(bytes).map_err(|_| "no text in UTF-8".into())),
            Err(error) => {
                self.is_over = true;
                Some(Err(format!("it cannot be read: {}", error.kind())))
            }
        }
    }

    /// Passes over what is left of a line.
    fn skip_line(&mut self) -> Result<(), String> {
        loop {
            let waiting = self.lines.fill_buf().map_err(|error| {
                self.is_over = true;
                format!("it cannot be read: {}", error.kind())
            })?;
            if waiting.is_empty() {
                return Ok(());
            }
            let end = waiting.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(waiting.len(), |end| end + 1);
            self.lines.consume(count);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn complain(&mut self, why: String) {
        self.bad += 1;
        let number = self.number;
        self.first_bad.get_or_insert_with(|| format!("line {number}: {why}"));
    }

    /// What was wrong, if anything was.
    pub fn complaint(self) -> Option<String> {
        let first = self.first_bad?;
        match self.bad {
            1 => Some(first),
            bad => Some(format!("{first}, and {} more lines", bad - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absurd_line_costs_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let long = "9".repeat(3 * LINE as usize);
        fs_err::write(&path, format!("1\n{long}\n2\nx\n3")).unwrap();
        let mut values = Values::open(&path).unwrap();
        let read = |line: &str| line.parse::<u32>().map_err(|_| format!("`{line}` is no number"));
        assert_eq!(values.next(read), Some(vec![1, 2, 3]));
        assert_eq!(values.next(read), None);
        let said = values.complaint().unwrap();
        assert_eq!(said, "line 2: longer than 4000 bytes, and 1 more lines");
    }
}
