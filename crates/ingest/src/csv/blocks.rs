//! A file of delimited text block by block, in memory that does not grow with it.

use std::io::Read;
use std::path::{Path, PathBuf};

use gristmill_core::{Notes, Schema, Table};

use super::records::pieces;
use super::{Dialect, File, header, read_after};
use crate::{Result, memory};

/// How much text is read at once, if no record is longer.
const BLOCK_BYTES: usize = 16 << 20;

/// The rest of a file of delimited text. Every block begins with the header, so that it is read as a
/// file of its own.
#[derive(Debug)]
pub(crate) struct Blocks {
    path: PathBuf,
    file: fs_err::File,
    dialect: Dialect,
    header: Vec<u8>,
    /// What was read and belongs to no block yet.
    rest: Vec<u8>,
    /// How many lines of rows were passed.
    passed: usize,
    /// Whether the file was read to its end, and whether all of it was given.
    ended: bool,
    done: bool,
}

impl Blocks {
    /// The blocks of the file at `path`, which is plain UTF-8; `head` is the text at its start, without
    /// its first `skipped` bytes. Nothing when no row begins within `head`.
    pub fn open(path: &Path, head: &[u8], skipped: u64, dialect: Dialect) -> Result<Option<Self>> {
        let (_, body) = header::read(&File { path, text: head, dialect: &dialect, passed: 0 })?;
        if body == head.len() {
            return Ok(None);
        }
        let mut file = fs_err::File::open(path)?;
        let start = skipped + body as u64;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(start))?;
        let header = head[..body].to_vec();
        Ok(Some(Self {
            path: path.into(),
            file,
            dialect,
            header,
            rest: Vec::new(),
            passed: 0,
            ended: false,
            done: false,
        }))
    }

    /// The next rows; nothing when there are no more.
    pub fn next(&mut self, wanted: &Schema, notes: &Notes) -> Result<Option<Table>> {
        let Some(block) = self.block()? else { return Ok(None) };
        let about = (self.passed, notes);
        let table = read_after(&self.path, &block, &self.dialect, Some(wanted), about)?;
        self.passed += block[self.header.len()..].iter().filter(|&&b| b == b'\n').count();
        Ok(Some(table))
    }

    /// The header and whole records.
    fn block(&mut self) -> Result<Option<Vec<u8>>> {
        if self.done {
            return Ok(None);
        }
        let from = self.header.len();
        let mut text = self.header.clone();
        text.append(&mut self.rest);
        loop {
            let room = (from + BLOCK_BYTES).saturating_sub(text.len()).max(BLOCK_BYTES / 4);
            if !self.ended {
                let read = (&mut self.file).take(room as u64).read_to_end(&mut text)?;
                self.ended = read < room;
            }
            memory::allow(&self.path, text.len() as u64)?;
            if self.ended {
                self.done = true;
                // The rows may have ended with the block before; a file without any is refused.
                let nothing = text.len() == from && self.passed > 0;
                return Ok((!nothing).then_some(text));
            }
            // The last piece may have been cut off; those before it hold whole records.
            let last = pieces(&text[from..], self.dialect.marks).pop();
            let cut = last.map_or(from, |piece| from + piece.start);
            if cut > from {
                self.rest = text.split_off(cut);
                return Ok(Some(text));
            }
        }
    }
}
