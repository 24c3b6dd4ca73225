//! A source part by part, for whoever needs each row once.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use gristmill_core::{Notes, Schema, Table};

use crate::csv::{self, Blocks, Dialect};
use crate::images::ImageParts;
use crate::parquet::Columns;
use crate::read::conformed;
use crate::source::{FileSource, Format};
use crate::{Result, SourceSpec, files, jsonl};

/// How much of a text is read to find its header.
const HEAD_BYTES: u64 = 1 << 20;

/// The rows of a source, some at a time, in order.
///
/// Parquet, plain delimited text and images take memory for one part: 32,768 rows, about 16 MiB of text, or 64 MiB
/// of images.
/// Text that is packed, in another encoding or in JSON lines is read file by file.
pub struct Parts<'a> {
    source: FileSource,
    wanted: &'a Schema,
    notes: &'a Notes,
    files: VecDeque<PathBuf>,
    open: Option<(PathBuf, Open)>,
}

enum Open {
    Parquet(Columns),
    Csv(Box<Blocks>),
    Images(ImageParts),
    Whole(Option<Table>),
}

/// As [`crate::read_as`], part by part. Whether a column is nullable may differ between parts.
///
/// # Errors
/// When a file is missing; what is wrong with its rows is said where they are read.
///
/// ```
/// # use gristmill_core::{Field, Notes, Schema};
/// # use gristmill_ingest::{SourceSpec, parts_as};
/// let folder = tempfile::tempdir()?;
/// # use fs_err as fs;
/// fs::write(folder.path().join("a.csv"), "price,plan\n1.5,pro\n2,basic\n")?;
/// let wanted = Schema::new(vec![Field::number("price")])?;
/// let notes = Notes::default();
/// let mut rows = 0;
/// for part in parts_as(&SourceSpec::from("a.csv"), folder.path(), &wanted, &notes)? {
///     rows += part?.rows();
/// }
/// assert_eq!(rows, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn parts_as<'a>(
    spec: &SourceSpec,
    base: &Path,
    wanted: &'a Schema,
    notes: &'a Notes,
) -> Result<Parts<'a>> {
    let (files, open) = match spec {
        SourceSpec::Images(source) => {
            let folder = base.join(&source.images);
            let images = ImageParts::open(&folder)?;
            (VecDeque::new(), Some((folder, Open::Images(images))))
        }
        _ => (files(spec, base)?.into(), None),
    };
    Ok(Parts { source: spec.options(), wanted, notes, files, open })
}

impl Parts<'_> {
    fn open(&self, path: &Path) -> Result<Open> {
        let (format, delimiter) = files::format(&self.source, path)?;
        Ok(match format {
            Format::Parquet => Open::Parquet(Columns::open(path, self.wanted)?),
            Format::Csv => self.open_text(path, delimiter)?,
            Format::Jsonl => {
                let text = files::text(&self.source, path)?;
                Open::Whole(Some(jsonl::read(path, &text, Some(self.wanted))?))
            }
        })
    }

    fn open_text(&self, path: &Path, delimiter: Option<u8>) -> Result<Open> {
        let raw = files::raw_head(path, HEAD_BYTES)?;
        if let Some(skipped) = files::plain_start(&self.source, &raw)? {
            // Refuses what is no text.
            let (head, _) = files::head(&self.source, path, HEAD_BYTES)?;
            let dialect = Dialect::new(&self.source, &head, delimiter)?;
            if let Some(blocks) = Blocks::open(path, &head, skipped, dialect)? {
                return Ok(Open::Csv(Box::new(blocks)));
            }
        }
        let text = files::text(&self.source, path)?;
        let dialect = Dialect::new(&self.source, &text, delimiter)?;
        let table = csv::read(path, &text, &dialect, Some(self.wanted), self.notes)?;
        Ok(Open::Whole(Some(table)))
    }

    fn part(&mut self) -> Result<Option<Table>> {
        loop {
            let Some((path, open)) = &mut self.open else {
                let Some(path) = self.files.pop_front() else { return Ok(None) };
                let open = self.open(&path)?;
                self.open = Some((path, open));
                continue;
            };
            let table = match open {
                Open::Parquet(columns) => columns.next()?,
                Open::Csv(blocks) => blocks.next(self.wanted, self.notes)?,
                Open::Images(images) => images.next()?,
                Open::Whole(table) => table.take(),
            };
            match table {
                Some(table) => return conformed(&table, path, self.wanted).map(Some),
                None => self.open = None,
            }
        }
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<Table>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.part();
        if part.is_err() {
            // What comes after rows that cannot be read is not read either.
            self.files.clear();
            self.open = None;
        }
        part.transpose()
    }
}
