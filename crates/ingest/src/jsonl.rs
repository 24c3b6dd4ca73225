//! JSON to columns: one object a line, or one array of objects.
//!
//! Columns stand in the order in which their keys first appear; a key that an object lacks is a
//! missing value. A column of strings that are all ISO days or moments becomes one of those.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use gristmill_core::{Field, PhysicalType, Schema, Table};
use rayon::prelude::*;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::cell::{Kinds, Spelling, Value};
use crate::part::{Part, join, spelled};
use crate::{IngestError, Result};

/// Pieces that are read side by side are about this long, on every machine.
const PIECE_BYTES: usize = 1 << 20;

/// More keys than this are taken for a mistake.
const MOST_COLUMNS: usize = 100_000;

const FORM: &str = "give one JSON object a line, or one array of objects";

/// The table in `text`, the content of the file at `path`.
pub(crate) fn read(path: &Path, text: &[u8], wanted: Option<&Schema>) -> Result<Table> {
    let pieces = pieces(text);
    let file = File { path, text };
    let wanted: Option<HashMap<&str, PhysicalType>> =
        wanted.map(|w| w.fields().iter().map(|f| (f.name.as_str(), spelled(f.physical))).collect());
    let mut read = file.all(&pieces, wanted.as_ref())?;
    if read.rows == 0 {
        let found = if text.trim_ascii().is_empty() { "is empty" } else { "has no rows" };
        return Err(IngestError::content(path, found, FORM));
    }
    let types: Vec<PhysicalType> = match &wanted {
        Some(wanted) => read.names.iter().filter_map(|n| wanted.get(n.as_str()).copied()).collect(),
        None => (0..read.names.len()).map(|c| read.narrowest(c)).collect(),
    };
    if wanted.is_none() && read.lacks(&types) {
        let types = read.names.iter().map(String::as_str).zip(types.iter().copied()).collect();
        read = file.all(&pieces, Some(&types))?;
    }
    read.table(&types).map_err(|e| IngestError::in_file(path, e))
}

/// The text of the first rows, and whether they are all.
pub(crate) fn first_rows<'a>(
    path: &Path,
    text: &'a [u8],
    rows: usize,
    complete: bool,
) -> Result<(&'a [u8], bool)> {
    if is_array(text) {
        return if complete {
            Ok((text, true))
        } else {
            let found = "is one array of objects, which cannot be looked at in part";
            Err(IngestError::content(path, found, "give one JSON object a line"))
        };
    }
    let mut ends = (0..text.len()).filter(|&at| text[at] == b'\n').map(|at| at + 1);
    Ok(match ends.nth(rows - 1) {
        Some(end) => (&text[..end], complete && end == text.len()),
        None if complete => (text, true),
        None => {
            let end = text.iter().rposition(|&b| b == b'\n').map_or(text.len(), |at| at + 1);
            (&text[..end], false)
        }
    })
}

struct File<'a> {
    path: &'a Path,
    text: &'a [u8],
}

/// The columns of all pieces by name.
struct Read {
    names: Vec<String>,
    parts: Vec<Vec<Part>>,
    rows: usize,
}

type Types<'a> = HashMap<&'a str, PhysicalType>;

impl File<'_> {
    fn all(&self, pieces: &[Range<usize>], types: Option<&Types<'_>>) -> Result<Read> {
        let tables: Vec<Result<Columns>> = if is_array(self.text) {
            vec![self.array(types)]
        } else {
            pieces.par_iter().map(|piece| self.lines(piece.clone(), types)).collect()
        };
        let mut all = Columns::default();
        let mut parts: Vec<Vec<Part>> = Vec::new();
        let mut rows_before = 0;
        for columns in tables {
            let columns = columns?;
            for (name, part) in columns.names.into_iter().zip(columns.parts) {
                let at = all.position(&name);
                if at == parts.len() {
                    parts.push(vec![Part::missing(rows_before)]);
                }
                parts[at].push(part);
            }
            rows_before += columns.rows;
            for column in &mut parts {
                let rows: usize = column.iter().map(Part::rows).sum();
                column.push(Part::missing(rows_before - rows));
            }
        }
        if u32::try_from(rows_before).is_err() || all.names.len() > MOST_COLUMNS {
            let found = format!("has {rows_before} rows and {} keys", all.names.len());
            return Err(IngestError::content(self.path, found, "read it in parts"));
        }
        Ok(Read { names: all.names, parts, rows: rows_before })
    }

    fn lines(&self, piece: Range<usize>, types: Option<&Types<'_>>) -> Result<Columns> {
        let mut columns = Columns::default();
        let mut start = piece.start;
        for line in self.text[piece].split(|&b| b == b'\n') {
            let at = start;
            start += line.len() + 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let object: Object = serde_json::from_slice(line)
                .map_err(|e| self.refused(at, format!("is not a JSON object: {}", message(&e))))?;
            columns.add(object, types).map_err(|found| self.refused(at, found))?;
        }
        Ok(columns)
    }

    fn array(&self, types: Option<&Types<'_>>) -> Result<Columns> {
        let objects: Vec<Object> = serde_json::from_slice(self.text).map_err(|e| {
            IngestError::line(
                self.path,
                e.line(),
                format!("is not an array of objects: {}", message(&e)),
                FORM,
            )
        })?;
        let mut columns = Columns::default();
        for (row, object) in objects.into_iter().enumerate() {
            columns.add(object, types).map_err(|found| {
                IngestError::content(self.path, format!("object {}: {found}", row + 1), FORM)
            })?;
        }
        Ok(columns)
    }

    fn refused(&self, offset: usize, found: String) -> IngestError {
        let line = 1 + self.text.iter().take(offset).filter(|&&b| b == b'\n').count();
        IngestError::line(self.path, line, found, FORM)
    }
}

impl Read {
    fn narrowest(&self, column: usize) -> PhysicalType {
        self.parts[column]
            .iter()
            .fold(Kinds::default(), |kinds, part| kinds.join(part.kinds()))
            .narrowest()
            .unwrap_or(PhysicalType::Utf8)
    }

    fn lacks(&self, types: &[PhysicalType]) -> bool {
        self.parts.iter().zip(types).any(|(parts, &t)| parts.iter().any(|p| p.lacks(t)))
    }

    fn table(self, types: &[PhysicalType]) -> gristmill_core::Result<Table> {
        let mut fields = Vec::with_capacity(types.len());
        let mut columns = Vec::with_capacity(types.len());
        for ((name, parts), &physical) in self.names.iter().zip(self.parts).zip(types) {
            let column = join(name, parts, physical)?;
            fields.push(Field::new(name, physical).nullable(column.null_count() > 0));
            columns.push(column);
        }
        Table::new(Schema::new(fields)?, columns)
    }
}

/// The columns of a piece while it is read.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    positions: HashMap<String, usize>,
    parts: Vec<Part>,
    rows: usize,
}

impl Columns {
    fn position(&mut self, name: &str) -> usize {
        if let Some(&at) = self.positions.get(name) {
            return at;
        }
        self.names.push(name.to_string());
        self.positions.insert(name.to_string(), self.names.len() - 1);
        self.names.len() - 1
    }

    fn add(&mut self, object: Object, types: Option<&Types<'_>>) -> Result<(), String> {
        for (name, json) in object.0 {
            let wanted = match types {
                None => None,
                Some(types) => match types.get(name.as_str()) {
                    Some(&physical) => Some(physical),
                    None => continue,
                },
            };
            let at = self.position(&name);
            if at == self.parts.len() {
                self.parts.push(Part::missing(self.rows));
            }
            let part = &mut self.parts[at];
            if part.rows() > self.rows {
                return Err(format!("the key `{name}` appears twice"));
            }
            push(part, &name, json, wanted)?;
        }
        self.rows += 1;
        for part in &mut self.parts {
            if part.rows() < self.rows {
                part.push_missing();
            }
        }
        Ok(())
    }
}

fn push(
    part: &mut Part,
    name: &str,
    json: Json,
    wanted: Option<PhysicalType>,
) -> Result<(), String> {
    let (value, raw) = match json {
        Json::Null => {
            part.push_missing();
            return Ok(());
        }
        Json::Nested => {
            return Err(format!("`{name}` holds a list or an object, which has no column"));
        }
        Json::Boolean(v) => (Value::Boolean(v), v.to_string()),
        Json::Integer(v) => (Value::Integer(v), v.to_string()),
        Json::Huge(v) => (Value::Huge(v as f64), v.to_string()),
        Json::Number(v) => (Value::Number(v), format!("{v:?}")),
        Json::Text(text) => (text_value(&text, wanted), text),
    };
    let value = match wanted {
        None => value,
        Some(physical) => value.fits(physical).ok_or_else(|| {
            let shown: String = raw.chars().take(40).collect();
            format!("`{name}` holds `{shown}`, expected {physical}")
        })?,
    };
    part.push(value, raw.as_bytes());
    Ok(())
}

/// JSON has its own numbers and truths, but no days and moments.
fn text_value(text: &str, wanted: Option<PhysicalType>) -> Value {
    match Spelling::new(b'.', &[]).read(text.trim().as_bytes()) {
        value @ (Value::Day(_) | Value::Local(_) | Value::Zoned(_)) => value,
        value if wanted.is_some() => value,
        _ => Value::Word,
    }
}

fn is_array(text: &[u8]) -> bool {
    text.trim_ascii_start().first() == Some(&b'[')
}

fn pieces(text: &[u8]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let aim = (start + PIECE_BYTES).min(text.len());
        let end =
            text[aim..].iter().position(|&b| b == b'\n').map_or(text.len(), |at| aim + at + 1);
        pieces.push(start..end);
        start = end;
    }
    pieces
}

/// What the parser says, without its own count of lines.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_string()
}

/// An object with its keys in the order in which they were written.
struct Object(Vec<(String, Json)>);

enum Json {
    Null,
    Boolean(bool),
    Integer(i64),
    Huge(u64),
    Number(f64),
    Text(String),
    Nested,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Boolean(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Integer(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(i64::try_from(value).map_or(Json::Huge(value), Json::Integer))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Number(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Text(value.into()))
            }

            fn visit_string<E>(self, value: String) -> Result<Json, E> {
                Ok(Json::Text(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Json::Nested)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Json::Nested)
            }
        }

        deserializer.deserialize_any(Any)
    }
}
