//! A pipeline file as it is now, kept by content: with everything that it includes, and with what
//! was set beside it. Parameters stay open, so that a run can be given its own.
//!
//! The folder of the file is not copied. Data changes there on purpose, and a copy of a file that a
//! command reads would go stale without a word; so commands and sources find the folder as it is.

use std::path::{Path, PathBuf};

use gristmill_flow::{Document, ScheduleSpec, ScheduleSpecs};
use gristmill_track::{ArtifactStore, LocalArtifacts};
use serde::de::DeserializeOwned;

use crate::check::{assignments, check, drawn};
use crate::keeper::Keeper;
use crate::trigger::TriggerSpec;
use crate::{Error, Home, Result};

/// The parameter that a file declares to be told the moment a run is for.
pub(crate) const SCHEDULED: &str = "scheduled";
/// The parameter that a file declares to be told which file arrived.
pub(crate) const ARRIVED_FILE: &str = "arrived_file";

/// A pipeline file that no longer changes.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The name of the pipeline.
    pub name: String,
    /// Where the snapshot stands.
    pub file: PathBuf,
    /// The file that it was taken of.
    pub origin: PathBuf,
    /// The folder that its paths are relative to.
    pub folder: PathBuf,
    /// The hash of the snapshot.
    pub digest: String,
}

impl Snapshot {
    /// The file at `path` as it is now, with `settings` in place of what it says.
    ///
    /// # Errors
    /// As [`check`].
    pub fn take(
        path: &Path,
        settings: &[String],
        home: &Home,
        keeper: &Keeper,
    ) -> Result<(Self, Vec<String>)> {
        let checked = check(path, settings)?;
        let mut document = Document::open(path).map_err(drawn)?;
        for (path, value) in assignments(settings)? {
            document.set(&path, &value).map_err(drawn)?;
        }
        let text = serde_json::to_string_pretty(&document.root().to_json())
            .map_err(|e| Error::bug(format!("a file cannot be written down: {e}")))?;
        let store = LocalArtifacts::in_home(&std::path::absolute(home.root())?);
        let content = keeper.wait_for(store.put_bytes(text.as_bytes()))?;
        let file = keeper.wait_for(store.local_path(content.hash))?;
        let origin = fs_err::canonicalize(path)?;
        let folder = origin.parent().map(Path::to_path_buf).unwrap_or_default();
        let digest = content.hash.to_string();
        Ok((Self { name: checked.file.name, file, origin, folder, digest }, checked.notes))
    }
}

/// When and why the pipeline of a snapshot runs by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Occasions {
    pub schedules: Vec<ScheduleSpec>,
    pub triggers: Vec<TriggerSpec>,
    /// Parameters that the file declares.
    parameters: Vec<String>,
}

impl Occasions {
    /// What the snapshot at `file` says. Its data is not looked at.
    ///
    /// # Errors
    /// When it cannot be read any more.
    pub fn read(file: &Path) -> Result<Self> {
        let document = Document::load(file, &[]).map_err(drawn)?;
        let schedules: Option<ScheduleSpecs> = section(&document, "schedule")?;
        let triggers: Option<Vec<TriggerSpec>> = section(&document, "triggers")?;
        Ok(Self {
            schedules: schedules.map(|specs| specs.as_slice().to_vec()).unwrap_or_default(),
            triggers: triggers.unwrap_or_default(),
            parameters: document.params().iter().map(|entry| entry.key.clone()).collect(),
        })
    }

    /// The value of a parameter as `--set` takes it, where the file declares that parameter.
    pub fn parameter(&self, name: &str, value: &str) -> Option<String> {
        let declared = self.parameters.iter().any(|known| known == name);
        // A JSON string is a quoted text of YAML too, whatever the value holds.
        declared.then(|| format!("params.{name}={}", serde_json::Value::from(value)))
    }
}

fn section<T: DeserializeOwned>(document: &Document, name: &str) -> Result<Option<T>> {
    let Some(entry) = document.root().entry(name) else { return Ok(None) };
    serde_json::from_value(entry.value.to_json())
        .map_err(|e| drawn(vec![document.mistake(name, e.to_string())]))
}
