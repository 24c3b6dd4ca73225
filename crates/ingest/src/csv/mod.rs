//! Delimited text to columns, on all cores and with the narrowest type that holds each column.
//!
//! The text is cut into pieces of whole records. Each piece is read by itself and guesses types
//! from what it meets; the types of the whole file are the join of what all pieces met, and only
//! columns whose guess was too narrow are read a second time. So the types depend on every row and
//! never on the number of threads.

mod blocks;
mod header;
mod records;
mod refusal;

use std::ops::Range;
use std::path::Path;

use gristmill_core::{Field, Notes, PhysicalType, Schema, Table};
use rayon::prelude::*;

use crate::cell::{Kinds, Spelling, Value};
use crate::part::{Part, join, spelled};
use crate::source::{BadRows, FileSource};
use crate::{IngestError, Result};

pub(crate) use blocks::Blocks;
pub(crate) use header::separator;
use records::{Cell, Fault, Marks, Records, pieces, unquoted};
use refusal::{BadRecords, Refusal, Why};

/// How a file of delimited text is to be read.
#[derive(Debug)]
pub(crate) struct Dialect {
    pub marks: Marks,
    pub spelling: Spelling,
    pub header: bool,
    pub bad_rows: BadRows,
    /// How many rows decide on types; without it all do.
    pub sample: Option<usize>,
}

impl Dialect {
    pub fn new(source: &FileSource, text: &[u8], delimiter: Option<u8>) -> Result<Self> {
        let quote = ascii("quote", source.quote)?;
        let decimal = ascii("decimal", source.decimal)?;
        let delimiter = match source.delimiter {
            Some(c) => ascii("delimiter", c)?,
            None => delimiter.unwrap_or_else(|| separator(text, quote, decimal)),
        };
        if [quote, decimal].contains(&delimiter) || quote == decimal {
            return Err(IngestError::setting(
                "delimiter",
                format!("`{}`", char::from(delimiter)),
                "a delimiter, a quote and a decimal mark that differ",
            ));
        }
        Ok(Self {
            marks: Marks { delimiter, quote },
            spelling: Spelling::new(decimal, &source.nulls),
            header: source.header,
            bad_rows: source.bad_rows,
            sample: source.sample,
        })
    }
}

fn ascii(name: &str, mark: char) -> Result<u8> {
    u8::try_from(mark)
        .ok()
        .filter(|b| b.is_ascii() && !b.is_ascii_alphanumeric() && !matches!(b, b'\n' | b'\r'))
        .ok_or_else(|| IngestError::setting(name, format!("`{mark}`"), "one ASCII mark"))
}

/// The table in `text`, the content of the file at `path`. With `wanted`, the columns that it
/// names, in its order and of its types; without, all columns with the types found.
pub(crate) fn read(
    path: &Path,
    text: &[u8],
    dialect: &Dialect,
    wanted: Option<&Schema>,
    notes: &Notes,
) -> Result<Table> {
    read_after(path, text, dialect, wanted, (0, notes))
}

/// As [`read`], for a part of a file: `text` is its header and some of its rows, before which stand
/// `passed` lines more.
fn read_after(
    path: &Path,
    text: &[u8],
    dialect: &Dialect,
    wanted: Option<&Schema>,
    (passed, notes): (usize, &Notes),
) -> Result<Table> {
    let file = File { path, text, dialect, passed };
    let (names, body) = header::read(&file)?;
    let pieces: Vec<Range<usize>> = pieces(&text[body..], dialect.marks)
        .into_iter()
        .map(|p| p.start + body..p.end + body)
        .collect();
    file.refuse_other_encodings(&pieces)?;
    let read = match (wanted, dialect.sample) {
        (Some(schema), _) => {
            file.with_types(&pieces, &names, wanted_types(path, &names, schema)?)?
        }
        (None, Some(rows)) => {
            let types = file.sampled_types(&pieces, names.len(), rows)?;
            file.with_types(&pieces, &names, types)?
        }
        (None, None) => file.inferred(&pieces, &names)?,
    };
    read.bad.report(&file, notes);
    if read.rows == 0 && passed == 0 {
        let found = if read.bad.count == 0 {
            "has a header and no rows"
        } else {
            "has no row that fits its header"
        };
        return Err(file.refused(None, found, "give it rows"));
    }
    let table = table(&names, read).map_err(|e| IngestError::in_file(path, e))?;
    match wanted {
        Some(schema) => {
            let at = schema
                .names()
                .iter()
                .map(|n| table.schema().position(n))
                .collect::<Result<Vec<_>, _>>();
            Ok(table.select(&at.map_err(|e| IngestError::in_file(path, e))?))
        }
        None => Ok(table),
    }
}

/// The text of the header and the first `rows` rows, and whether they are all. A row that `text` cuts
/// off is left out.
pub(crate) fn first_rows<'a>(
    text: &'a [u8],
    dialect: &Dialect,
    rows: usize,
    complete: bool,
) -> (&'a [u8], bool) {
    let mut records = Records::new(text, dialect.marks);
    let mut cells = Vec::new();
    let mut end = 0;
    for _ in 0..rows + usize::from(dialect.header) {
        let passed = records.next(&mut cells).is_some();
        if !passed || (records.position() == text.len() && !complete) {
            break;
        }
        end = records.position();
    }
    // One row longer than the sample is better shown in part than not at all.
    let end =
        if end == 0 || (complete && records.position() == text.len()) { text.len() } else { end };
    (&text[..end], complete && end == text.len())
}

/// What stays the same while a file is read.
struct File<'a> {
    path: &'a Path,
    text: &'a [u8],
    dialect: &'a Dialect,
    /// How many lines of the file stand between its header and the rows of `text`.
    passed: usize,
}

/// The columns of all pieces, of the types stated or found. A column without a type was not read.
struct Read {
    parts: Vec<Vec<Part>>,
    types: Vec<Option<PhysicalType>>,
    rows: usize,
    bad: BadRecords,
}

impl File<'_> {
    /// Guesses types piece by piece, then reads again what the whole file showed to be wider.
    fn inferred(&self, pieces: &[Range<usize>], names: &[String]) -> Result<Read> {
        let width = names.len();
        let mut read =
            self.all(pieces, names, || (0..width).map(|_| Some(Part::default())).collect(), None)?;
        let types: Vec<PhysicalType> = (0..width)
            .map(|column| read.kinds(column).narrowest().unwrap_or(PhysicalType::Utf8))
            .collect();
        let wider: Vec<Option<Result<PieceRead, Refusal>>> = pieces
            .par_iter()
            .zip(&read.parts)
            .map(|(piece, parts)| {
                let wider: Vec<Option<PhysicalType>> =
                    parts.iter().zip(&types).map(|(p, &t)| p.lacks(t).then_some(t)).collect();
                wider.iter().any(Option::is_some).then(|| {
                    let fresh = wider.iter().map(|t| t.map(Part::of)).collect();
                    self.piece(piece, fresh, Some(&wider))
                })
            })
            .collect();
        for (parts, wider) in read.parts.iter_mut().zip(wider) {
            let Some(wider) = wider else { continue };
            let wider = wider.map_err(|refusal| self.refuse(refusal, names))?;
            for (part, wide) in parts.iter_mut().zip(wider.parts) {
                if let Some(wide) = wide {
                    *part = wide;
                }
            }
        }
        read.types = types.into_iter().map(Some).collect();
        Ok(read)
    }

    /// Reads every column that has a type as that type.
    fn with_types(
        &self,
        pieces: &[Range<usize>],
        names: &[String],
        types: Vec<Option<PhysicalType>>,
    ) -> Result<Read> {
        let fresh = || types.iter().map(|t| t.map(Part::of)).collect();
        let mut read = self.all(pieces, names, fresh, Some(&types))?;
        read.types = types;
        Ok(read)
    }

    /// The types that the first `rows` rows show; a column that is empty there holds words.
    fn sampled_types(
        &self,
        pieces: &[Range<usize>],
        width: usize,
        rows: usize,
    ) -> Result<Vec<Option<PhysicalType>>> {
        if rows == 0 {
            return Err(IngestError::setting("sample", "0", "a number of rows, 1 or more"));
        }
        let mut kinds = vec![Kinds::default(); width];
        let mut cells = Vec::new();
        let mut left = rows;
        for piece in pieces {
            let piece = &self.text[piece.clone()];
            let mut records = Records::new(piece, self.dialect.marks);
            while left > 0 {
                let Some((_, fault)) = records.next(&mut cells) else { break };
                if fault.is_some() || cells.len() != width {
                    continue;
                }
                left -= 1;
                for (kinds, cell) in kinds.iter_mut().zip(&cells) {
                    let text = piece[cell.start..cell.end].trim_ascii();
                    if !self.dialect.spelling.is_null(text) {
                        kinds.add(self.dialect.spelling.read(text));
                    }
                }
            }
        }
        Ok(kinds.iter().map(|k| Some(k.narrowest().unwrap_or(PhysicalType::Utf8))).collect())
    }

    fn all(
        &self,
        pieces: &[Range<usize>],
        names: &[String],
        fresh: impl Fn() -> Vec<Option<Part>> + Sync,
        types: Option<&[Option<PhysicalType>]>,
    ) -> Result<Read> {
        let read: Vec<Result<PieceRead, Refusal>> =
            pieces.par_iter().map(|piece| self.piece(piece, fresh(), types)).collect();
        let mut parts = Vec::with_capacity(read.len());
        let mut bad = BadRecords::default();
        let mut rows = 0usize;
        for piece in read {
            let piece = piece.map_err(|refusal| self.refuse(refusal, names))?;
            rows += piece.rows;
            bad.add(piece.bad);
            parts.push(piece.parts.into_iter().map(Option::unwrap_or_default).collect());
        }
        if u32::try_from(rows).is_err() {
            return Err(self.refused(
                None,
                format!("has {rows} rows; a table holds {}", u32::MAX),
                "read it in parts",
            ));
        }
        Ok(Read { parts, types: Vec::new(), rows, bad })
    }

    fn piece(
        &self,
        range: &Range<usize>,
        mut parts: Vec<Option<Part>>,
        types: Option<&[Option<PhysicalType>]>,
    ) -> Result<PieceRead, Refusal> {
        let piece = &self.text[range.clone()];
        let mut records = Records::new(piece, self.dialect.marks);
        let mut cells: Vec<Cell> = Vec::with_capacity(parts.len());
        let mut bad = BadRecords::default();
        let mut rows = 0;
        while let Some((start, fault)) = records.next(&mut cells) {
            let why = match fault {
                Some(fault) => Some(Why::Fault(fault)),
                None if cells.len() != parts.len() => Some(Why::Ragged { found: cells.len() }),
                None => None,
            };
            match (why, self.dialect.bad_rows) {
                (None, _) => {}
                // Nothing after an open quote can be trusted.
                (Some(why @ Why::Fault(Fault::OpenQuote)), _) | (Some(why), BadRows::Stop) => {
                    return Err(Refusal { at: range.start + start, why });
                }
                (Some(_), BadRows::Skip) => {
                    bad.push(range.start + start);
                    continue;
                }
            }
            rows += 1;
            for (column, (part, cell)) in parts.iter_mut().zip(&cells).enumerate() {
                let Some(part) = part else { continue };
                let wanted = types.and_then(|t| t.get(column).copied().flatten());
                self.push(piece, cell, part, wanted).map_err(|infinite| {
                    let text = String::from_utf8_lossy(&piece[cell.start..cell.end]).into_owned();
                    Refusal {
                        at: range.start + start,
                        why: Why::Misfit { column, text, infinite, wanted },
                    }
                })?;
            }
        }
        Ok(PieceRead { parts, rows, bad })
    }

    /// Adds a cell to a part; when it does not fit the type wanted, says whether it is infinite.
    #[inline]
    fn push(
        &self,
        piece: &[u8],
        cell: &Cell,
        part: &mut Part,
        wanted: Option<PhysicalType>,
    ) -> Result<(), bool> {
        let raw = &piece[cell.start..cell.end];
        let text = raw.trim_ascii();
        let spelling = &self.dialect.spelling;
        if spelling.is_null(text) {
            part.push_missing();
            return Ok(());
        }
        let words = wanted == Some(PhysicalType::Utf8) || (wanted.is_none() && part.takes_words());
        let read = if words { Value::Word } else { spelling.read(text) };
        let value = match wanted {
            Some(physical) => read.fits(physical).ok_or(read == Value::Infinite)?,
            None => read,
        };
        if cell.doubled {
            part.push(value, &unquoted(raw, self.dialect.marks.quote));
        } else {
            part.push(value, raw);
        }
        Ok(())
    }

    fn refuse_other_encodings(&self, pieces: &[Range<usize>]) -> Result<()> {
        let bad = pieces.par_iter().map(|piece| {
            let text = std::str::from_utf8(&self.text[piece.clone()]);
            text.err().map(|e| piece.start + e.valid_up_to())
        });
        match bad.find_first(Option::is_some).flatten() {
            None => Ok(()),
            Some(offset) => Err(self.not_utf8(offset)),
        }
    }
}

struct PieceRead {
    parts: Vec<Option<Part>>,
    rows: usize,
    bad: BadRecords,
}

impl Read {
    fn kinds(&self, column: usize) -> Kinds {
        self.parts
            .iter()
            .filter_map(|parts| parts.get(column))
            .fold(Kinds::default(), |kinds, part| kinds.join(part.kinds()))
    }
}

fn wanted_types(
    path: &Path,
    names: &[String],
    wanted: &Schema,
) -> Result<Vec<Option<PhysicalType>>> {
    for field in wanted.fields() {
        if !names.contains(&field.name) {
            let missing = gristmill_core::Error::MissingColumn {
                name: field.name.clone(),
                known: names.to_vec(),
            };
            return Err(IngestError::in_file(path, missing));
        }
    }
    Ok(names
        .iter()
        .map(|n| wanted.find(n).map(|at| spelled(wanted.fields()[at].physical)))
        .collect())
}

/// Joins the parts column by column, so that only one column stands in memory twice.
fn table(names: &[String], mut read: Read) -> gristmill_core::Result<Table> {
    let mut fields = Vec::with_capacity(names.len());
    let mut columns = Vec::with_capacity(names.len());
    for (at, (name, physical)) in names.iter().zip(&read.types).enumerate() {
        let Some(physical) = *physical else { continue };
        let parts =
            read.parts.iter_mut().filter_map(|p| p.get_mut(at).map(std::mem::take)).collect();
        let column = join(name, parts, physical)?;
        fields.push(Field::new(name, physical).nullable(column.null_count() > 0));
        columns.push(column);
    }
    Table::new(Schema::new(fields)?, columns)
}
