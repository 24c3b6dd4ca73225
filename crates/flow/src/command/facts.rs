//! What a command says of its result: one JSON object in a file of its own.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::environment::OUTPUT;
use super::log::file_name;
use crate::{Fault, TaskError};

/// The most bytes that facts may have: they are kept with the result, shown and compared.
const MOST_BYTES: u64 = 1 << 20;

/// The file into which an attempt may write its facts. It is removed with this.
pub(super) struct FactsFile {
    path: PathBuf,
}

impl FactsFile {
    /// A place for a file in the folder of logs. The command makes the file, if it likes.
    pub(super) fn new(logs: &Path, task: &str, attempt: u32) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).create(logs)?;
        let name = format!("{}.{attempt}.facts.json", file_name(task));
        let file = Self { path: std::path::absolute(logs.join(name))? };
        file.remove()?;
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The object that the command wrote; null when it wrote nothing.
    ///
    /// # Errors
    /// When what it wrote is no object, or too large.
    pub(super) fn read(&self) -> Result<Value, TaskError> {
        let size = match fs_err::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Value::Null),
            metadata => metadata?.len(),
        };
        let refuse = |found: String| {
            let message = format!("what it wrote to {OUTPUT} {found}");
            let hint = "write one JSON object of at most 1 MiB, such as `{\"rows\": 7}`";
            Err(TaskError::new(Fault::Failed, message).with_hint(hint))
        };
        if size > MOST_BYTES {
            return refuse(format!("has {size} bytes, more than 1 MiB"));
        }
        let bytes = fs_err::read(&self.path)?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Value::Null);
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => Ok(Value::Object(object)),
            Ok(other) => refuse(format!("is {}, expected a JSON object", kind(&other))),
            Err(error) => refuse(format!("is no JSON object: {error}")),
        }
    }

    fn remove(&self) -> io::Result<()> {
        match fs_err::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for FactsFile {
    fn drop(&mut self) {
        // What cannot be removed is removed before the next attempt of this number.
        let _ = self.remove();
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(content: Option<&[u8]>) -> Result<Value, String> {
        let logs = tempfile::tempdir().unwrap();
        let file = FactsFile::new(logs.path(), "a/b", 1).unwrap();
        if let Some(content) = content {
            fs_err::write(file.path(), content).unwrap();
        }
        let read = file.read().map_err(|e| e.message);
        drop(file);
        assert_eq!(fs_err::read_dir(logs.path()).unwrap().count(), 0);
        read
    }

    #[test]
    fn an_object_is_read_and_nothing_is_null() {
        assert_eq!(read(Some(b" {\"rows\": 7}\n")), Ok(json!({"rows": 7})));
        assert_eq!(read(Some(b"\n")), Ok(Value::Null));
        assert_eq!(read(None), Ok(Value::Null));
    }

    #[test]
    fn anything_else_is_refused_in_clear_words() {
        let refused = |content: &[u8]| read(Some(content)).unwrap_err();
        assert_eq!(
            refused(b"[1]"),
            "what it wrote to GRISTMILL_OUTPUT is a list, expected a JSON object"
        );
        assert!(refused(b"rows=7").contains("is no JSON object: expected value at line 1"));
        assert!(refused(&vec![b' '; (1 << 20) + 1]).contains("has 1048577 bytes"));
        assert!(refused("[".repeat(10_000).as_bytes()).contains("is no JSON object"));
    }
}
