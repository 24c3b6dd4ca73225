//! Where events go.

use std::error::Error;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use fs_err::{File, OpenOptions};

use super::LineageEvent;

/// Takes events on their way. It may be called from any thread.
pub trait Emit: Send + Sync {
    /// Passes an event on.
    ///
    /// # Errors
    /// When it could not be passed on. No run should fail by that: say it, and go on.
    fn emit(&self, event: &LineageEvent) -> Result<(), EmitError>;
}

/// An event that could not be passed on.
#[derive(Debug, thiserror::Error)]
#[error("a lineage event was not passed on: {message}")]
pub struct EmitError {
    /// What stood in the way.
    pub message: String,
    /// The error behind it.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl From<io::Error> for EmitError {
    fn from(error: io::Error) -> Self {
        Self { message: error.to_string(), source: Some(Box::new(error)) }
    }
}

/// A file of events, one JSON object a line.
#[derive(Debug)]
pub struct LineageFile {
    file: Mutex<File>,
}

impl LineageFile {
    /// The file at `path`, made if need be. What it holds is kept; a last line that was cut off
    /// by a crash is ended, so that it spoils no other.
    ///
    /// # Errors
    /// When the file cannot be opened for reading and appending.
    pub fn open(path: &Path) -> Result<Self, EmitError> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { file: Mutex::new(file) })
    }
}

impl Emit for LineageFile {
    /// Appends the event as one line, in one write, so that processes that share the file do not
    /// mix their lines.
    fn emit(&self, event: &LineageEvent) -> Result<(), EmitError> {
        let mut line = serde_json::to_vec(event).map_err(|error| EmitError {
            message: error.to_string(),
            source: Some(error.into()),
        })?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(file.write_all(&line)?)
    }
}
