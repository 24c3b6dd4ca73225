//! What is wrong with a record, in words that name file, line and remedy.

use gristmill_core::{Notes, PhysicalType};

use super::File;
use super::records::Fault;
use crate::IngestError;

/// How many faulty rows a note names.
const NAMED_ROWS: usize = 5;

/// Why a piece cannot be read: where in it and why.
pub(super) struct Refusal {
    pub at: usize,
    pub why: Why,
}

pub(super) enum Why {
    Ragged { found: usize },
    Fault(Fault),
    Misfit { column: usize, text: String, infinite: bool, wanted: Option<PhysicalType> },
}

/// The records that were passed over.
#[derive(Debug, Default)]
pub(super) struct BadRecords {
    pub count: usize,
    first: Vec<usize>,
}

impl File<'_> {
    pub fn not_utf8(&self, offset: usize) -> IngestError {
        let byte = self.text.get(offset).copied().unwrap_or_default();
        self.refused(
            Some(offset),
            format!("the byte 0x{byte:02X} is not UTF-8"),
            "say `encoding: windows-1252` (or what it is), or convert the file to UTF-8",
        )
    }

    /// The line at `offset`, counted from 1.
    fn line(&self, offset: usize) -> usize {
        1 + self.passed + self.text.iter().take(offset).filter(|&&b| b == b'\n').count()
    }

    pub fn refused(
        &self,
        offset: Option<usize>,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> IngestError {
        match offset {
            Some(offset) => IngestError::line(self.path, self.line(offset), found, hint),
            None => IngestError::content(self.path, found, hint),
        }
    }

    pub fn refuse(&self, refusal: Refusal, names: &[String]) -> IngestError {
        let skip = "correct the line, or say `bad_rows: skip` to leave such lines out";
        let at = Some(refusal.at);
        match refusal.why {
            Why::Ragged { found } => {
                let values = if found == 1 { "value" } else { "values" };
                let found = format!("{found} {values} where the header has {}", names.len());
                self.refused(at, found, skip)
            }
            Why::Fault(Fault::OpenQuote) => self.refused(
                at,
                "a quote is opened and never closed",
                "close it, or name another mark with `quote`",
            ),
            Why::Fault(Fault::AfterQuote) => {
                self.refused(at, "a closing quote is followed by further text", skip)
            }
            Why::Misfit { column, text, infinite, wanted } => {
                let name = names.get(column).map_or("", String::as_str);
                let shown: String = text.trim().chars().take(40).collect();
                if infinite {
                    self.refused(
                        at,
                        format!("column `{name}` holds the infinite number `{shown}`"),
                        "leave the value empty, give a finite number, or add the word to `nulls`",
                    )
                } else {
                    let wanted = wanted.map_or("value of its type", description);
                    self.refused(
                        at,
                        format!("column `{name}` holds `{shown}`, expected {wanted}"),
                        "correct the value, or add it to `nulls` if it means a missing one",
                    )
                }
            }
        }
    }
}

impl BadRecords {
    pub fn push(&mut self, offset: usize) {
        self.count += 1;
        if self.first.len() < NAMED_ROWS {
            self.first.push(offset);
        }
    }

    pub fn add(&mut self, other: Self) {
        self.count += other.count;
        let room = NAMED_ROWS.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(room));
    }

    pub fn report(&self, file: &File<'_>, notes: &Notes) {
        if self.count == 0 {
            return;
        }
        let lines: Vec<String> = self.first.iter().map(|&o| file.line(o).to_string()).collect();
        let more = if self.count > lines.len() { " and further on" } else { "" };
        let (rows, have) = if self.count == 1 { ("row", "does") } else { ("rows", "do") };
        notes.add(format!(
            "{} {rows} of `{}` that {have} not fit the header left out: line {}{more}",
            self.count,
            file.path.display(),
            lines.join(", ")
        ));
    }
}

fn description(physical: PhysicalType) -> &'static str {
    match physical {
        PhysicalType::Boolean => "true or false",
        PhysicalType::Int64 => "a whole number",
        PhysicalType::Float64 => "a number",
        PhysicalType::Utf8 | PhysicalType::Binary => "a word",
        PhysicalType::Date => "a day such as 2024-12-31",
        PhysicalType::Timestamp => "a moment such as 2024-12-31 23:59:59",
    }
}
