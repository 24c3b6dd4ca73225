//! The first record of a file: names of columns, and what separates them.

use std::collections::HashSet;

use super::File;
use super::records::{Cell, Fault, Marks, Records, unquoted};
use crate::Result;

/// More columns than this are taken for a mistake.
const MOST_COLUMNS: usize = 100_000;

/// Marks that separate columns where nobody says which one does, the likeliest first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What separates the columns of `text`: the likeliest mark that stands in its first record.
pub(crate) fn separator(text: &[u8], quote: u8, decimal: u8) -> u8 {
    let mut cells = Vec::new();
    SEPARATORS
        .into_iter()
        .filter(|&delimiter| delimiter != decimal)
        .find(|&delimiter| {
            Records::new(text, Marks { delimiter, quote }).next(&mut cells);
            cells.len() > 1
        })
        .unwrap_or(if decimal == b',' { b';' } else { b',' })
}

/// The names of the columns, and where the rows begin.
pub(super) fn read(file: &File<'_>) -> Result<(Vec<String>, usize)> {
    let mut records = Records::new(file.text, file.dialect.marks);
    let mut cells = Vec::new();
    let Some((start, fault)) = records.next(&mut cells) else {
        return Err(file.refused(None, "is empty", "give it a header and rows"));
    };
    match fault {
        Some(Fault::OpenQuote) => {
            return Err(file.refused(
                Some(start),
                "a quote in the header is opened and never closed",
                "close it, or name another mark with `quote`",
            ));
        }
        Some(Fault::AfterQuote) => {
            return Err(file.refused(
                Some(start),
                "a closing quote in the header is followed by further text",
                "put a delimiter after it, or name another mark with `quote`",
            ));
        }
        None => {}
    }
    if cells.len() > MOST_COLUMNS {
        return Err(file.refused(
            Some(start),
            format!("the header has {} columns; a table holds {MOST_COLUMNS}", cells.len()),
            "is the file turned by 90 degrees, or `delimiter` wrong?",
        ));
    }
    if !file.dialect.header {
        return Ok(((1..=cells.len()).map(|i| format!("column_{i}")).collect(), 0));
    }
    let names = names(file, &cells)?;
    refuse_unusable(file, start, &names)?;
    Ok((names, records.position()))
}

fn names(file: &File<'_>, cells: &[Cell]) -> Result<Vec<String>> {
    cells
        .iter()
        .map(|cell| {
            let raw = &file.text[cell.start..cell.end];
            let name =
                if cell.doubled { unquoted(raw, file.dialect.marks.quote) } else { raw.to_vec() };
            String::from_utf8(name).map(|name| name.trim().to_string()).map_err(|e| {
                let valid = e.utf8_error().valid_up_to();
                file.not_utf8((cell.start + valid).min(file.text.len()))
            })
        })
        .collect()
}

fn refuse_unusable(file: &File<'_>, start: usize, names: &[String]) -> Result<()> {
    if let Some(at) = names.iter().position(String::is_empty) {
        return Err(file.refused(
            Some(start),
            format!("column {} of {} has no name", at + 1, names.len()),
            "give every column a name in the header, or say `header: false`",
        ));
    }
    let mut seen = HashSet::with_capacity(names.len());
    if let Some(name) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(file.refused(
            Some(start),
            format!("the column name `{name}` appears twice"),
            "give every column a name of its own",
        ));
    }
    Ok(())
}
