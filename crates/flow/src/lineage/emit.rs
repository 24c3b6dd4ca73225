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

    /// Waits a while for events that are still on their way; none can be passed on afterwards.
    ///
    /// # Errors
    /// When some were not passed on, and no call of [`Emit::emit`] said so.
    fn finish(&self) -> Result<(), EmitError> {
        Ok(())
    }
}

/// Events that could not be passed on.
#[derive(Debug, thiserror::Error)]
#[error("{} not passed on: {message}", counted(*.events))]
pub struct EmitError {
    /// How many they are.
    pub events: usize,
    /// What stood in the way.
    pub message: String,
    /// The error behind it.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl EmitError {
    /// One event was not passed on, because of `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { events: 1, message: message.into(), source: None }
    }
}

impl From<io::Error> for EmitError {
    fn from(error: io::Error) -> Self {
        let message = error.to_string();
        Self { source: Some(Box::new(error)), ..Self::new(message) }
    }
}

impl From<serde_json::Error> for EmitError {
    fn from(error: serde_json::Error) -> Self {
        let message = error.to_string();
        Self { source: Some(Box::new(error)), ..Self::new(message) }
    }
}

fn counted(events: usize) -> String {
    match events {
        1 => "a lineage event was".into(),
        many => format!("{many} lineage events were"),
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
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(file.write_all(&line)?)
    }
}
