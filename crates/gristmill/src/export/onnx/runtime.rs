//! A runtime that answers rows by an ONNX file: onnxruntime in a Python of the caller's.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::rows::Asked;
use crate::{Error, Result};

const SCRIPT: &str = include_str!("verify.py");

/// How long a runtime may take to load a model and answer a few rows.
const LIMIT: Duration = Duration::from_secs(600);

/// What a runtime answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answered {
    /// The runtime with its version.
    pub runtime: String,
    /// Row after row of each output; nothing for what is no finite number.
    pub answers: BTreeMap<String, Vec<Vec<Value>>>,
}

/// The answers of `model` for the rows that are asked about.
///
/// # Errors
/// When `python` cannot be run, lacks onnxruntime, or the runtime refuses the model.
pub(super) fn ask(python: &Path, model: &Path, asked: &Asked) -> Result<Answered> {
    let rows = Rows::write(model, asked)?;
    let shown = python.display();
    let said = run(Command::new(python).args(["-c", SCRIPT]).arg(model).arg(&rows.0));
    let said = said.map_err(|error| {
        Error::input(format!("`{shown}` cannot be run: {error}"))
            .with_hint("name a Python that has onnxruntime")
    })?;
    if !said.status.success() {
        let text = String::from_utf8_lossy(&said.stderr);
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
        return Err(Error::input(format!("the model cannot be answered by `{shown}`: {last}"))
            .with_hint("nothing was written; name another Python, or leave verification out"));
    }
    serde_json::from_slice(&said.stdout)
        .map_err(|error| Error::input(format!("`{shown}` answered in another form: {error}")))
}

/// What a command said until it ended.
///
/// # Errors
/// When it cannot be run, or does not end in [`LIMIT`].
fn run(command: &mut Command) -> std::io::Result<Output> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    // Both are read meanwhile, so that it never waits for its own words to be taken.
    std::thread::scope(|scope| {
        let out = scope.spawn(move || all_of(out));
        let err = scope.spawn(move || all_of(err));
        let status = wait(&mut child);
        let taken = |thread: std::thread::ScopedJoinHandle<'_, std::io::Result<Vec<u8>>>| {
            thread.join().unwrap_or_else(|_| Err(std::io::Error::other("its words were lost")))
        };
        let (stdout, stderr) = (taken(out), taken(err));
        Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
    })
}

fn all_of(from: Option<impl Read>) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(mut from) = from {
        from.read_to_end(&mut all)?;
    }
    Ok(all)
}

/// Waits for the end, which is brought about where it does not come in time.
fn wait(child: &mut Child) -> std::io::Result<ExitStatus> {
    const STEP: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    while waited < LIMIT {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(STEP);
        waited += STEP;
    }
    child.kill()?;
    child.wait()?;
    let minutes = LIMIT.as_secs() / 60;
    Err(std::io::Error::other(format!("it had not answered after {minutes} minutes")))
}

/// A file with rows, as long as it is needed.
struct Rows(PathBuf);

impl Rows {
    fn write(model: &Path, asked: &Asked) -> Result<Self> {
        let mut path = model.as_os_str().to_owned();
        path.push(".rows.json");
        let path = PathBuf::from(path);
        let text = serde_json::to_vec(asked).map_err(|error| Error::bug(error.to_string()))?;
        fs_err::write(&path, text).map_err(|error| Error::input(error.to_string()))?;
        Ok(Self(path))
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // Nothing more can be done about it where it cannot be removed.
        fs_err::remove_file(&self.0).ok();
    }
}
