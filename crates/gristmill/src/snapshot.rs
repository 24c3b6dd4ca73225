//! A pipeline file as it is now, kept by content: with everything that it includes, and with what
//! was set beside it. Parameters stay open, so that a run can be given its own.
//!
//! The text also goes into the store with its deployment, so that every home that shares the store
//! can run it: each writes it into its own artifacts, under the same hash, when it first needs it.
//!
//! The folder of the file is not copied. Data changes there on purpose, and a copy of a file that a
//! command reads would go stale without a word; so commands and sources find the folder as it is.

use std::path::{Path, PathBuf};

use gristmill_core::Timestamp;
use gristmill_flow::{Document, ScheduleSpec, ScheduleSpecs};
use gristmill_track::{
    ArtifactStore, CHAMPION, ContentHash, LocalArtifacts, MAX_SNAPSHOT_BYTES, Snapshot as Kept,
};
use serde::de::DeserializeOwned;

use crate::check::{assignments, check, drawn};
use crate::file::{PipelineFile, RegisterSection};
use crate::keeper::Keeper;
use crate::monitor::{MonitorSection, Occasion};
use crate::trigger::TriggerSpec;
use crate::{Error, Home, Kind, Result};

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
    /// What it says.
    text: String,
}

impl Snapshot {
    /// The file at `path` as it is now, with `settings` in place of what it says.
    ///
    /// # Errors
    /// As [`check`], and for a file that is too long once everything stands in its place.
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
        refuse_long(path, &text)?;
        let store = artifacts(home)?;
        let content = keeper.wait_for(store.put_bytes(text.as_bytes()))?;
        let file = keeper.wait_for(store.local_path(content.hash))?;
        let origin = fs_err::canonicalize(path)?;
        let folder = origin.parent().map(Path::to_path_buf).unwrap_or_default();
        let digest = content.hash.to_string();
        Ok((Self { name: checked.file.name, file, origin, folder, digest, text }, checked.notes))
    }

    /// Puts the text into the store, for every home that shares it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn share(&self, keeper: &Keeper, now: Timestamp) -> Result<()> {
        let (digest, text) = (self.digest.clone(), self.text.clone());
        keeper.wait(|s| s.keep_snapshot(Kept { digest, text, since: now }))
    }
}

fn refuse_long(path: &Path, text: &str) -> Result<()> {
    if text.len() <= MAX_SNAPSHOT_BYTES {
        return Ok(());
    }
    let (path, found) = (path.display(), text.len());
    let found = format!(
        "`{path}` has {found} bytes with all that it includes, and at most {MAX_SNAPSHOT_BYTES} \
         can be deployed"
    );
    Err(Error::input(found)
        .with_hint("move long lists and texts into files that its commands read"))
}

/// Where the snapshot that was taken as `taken`, perhaps in another home, stands in this one: its
/// text is fetched from the store if need be, and its hash looked at.
///
/// # Errors
/// When neither this home nor the store has it, or either has something else under its hash.
pub(crate) fn here(taken: &Path, home: &Home, keeper: &Keeper) -> Result<PathBuf> {
    let Some(hash) = hash_in(taken) else { return Ok(taken.into()) };
    let store = artifacts(home)?;
    let Err(unsound) = keeper.wait_for(store.verify(hash)) else {
        return keeper.wait_for(store.local_path(hash));
    };
    let is_damaged = unsound.kind == Kind::Stored;
    let digest = hash.to_string();
    let Some(kept) = keeper.wait(|s| s.snapshot(&digest))? else {
        // Deployed before texts were kept: it stands where it was deployed, and nowhere else.
        return Err(if is_damaged { unsound } else { not_kept(taken) });
    };
    if ContentHash::of(kept.text.as_bytes()) != hash {
        let found = format!("the store has another text under the hash {hash} of a snapshot");
        return Err(Error::new(Kind::Stored, found).with_hint("deploy its file again"));
    }
    if is_damaged {
        keeper.wait_for(store.remove(hash))?;
    }
    keeper.wait_for(store.put_bytes(kept.text.as_bytes()))?;
    keeper.wait_for(store.local_path(hash))
}

fn not_kept(taken: &Path) -> Error {
    let found = format!(
        "it was deployed by a version that kept its file in one home alone: `{}` is not here",
        taken.display()
    );
    Error::new(Kind::Stored, found)
        .with_hint("deploy its file again, and every home that shares the database can run it")
}

fn artifacts(home: &Home) -> Result<LocalArtifacts> {
    Ok(LocalArtifacts::in_home(&std::path::absolute(home.root())?))
}

/// The hash by which something stands among the artifacts.
pub(crate) fn hash_in(path: &Path) -> Option<ContentHash> {
    path.file_name()?.to_str()?.parse().ok()
}

/// A model that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub monitor: MonitorSection,
    pub register: RegisterSection,
}

impl Watched {
    /// The alias that the loop goes by.
    pub fn alias(&self) -> &str {
        self.register.promote.as_ref().map_or(CHAMPION, |promote| &promote.alias)
    }
}

/// When and why the pipeline of a snapshot runs by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Occasions {
    pub schedules: Vec<ScheduleSpec>,
    pub triggers: Vec<TriggerSpec>,
    /// How its model is watched, and under which names it is registered and promoted.
    pub watched: Option<Watched>,
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
        let monitor: Option<MonitorSection> = section(&document, "monitor")?;
        let register: Option<RegisterSection> = section(&document, "register")?;
        let watched =
            monitor.zip(register).map(|(monitor, register)| Watched { monitor, register });
        Ok(Self {
            watched,
            schedules: schedules.map(|specs| specs.as_slice().to_vec()).unwrap_or_default(),
            triggers: triggers.unwrap_or_default(),
            parameters: document.params().iter().map(|entry| entry.key.clone()).collect(),
        })
    }

    /// Whether anything starts the pipeline.
    pub fn are_any(&self) -> bool {
        let retrains = |watched: &Watched| watched.monitor.retrain.is_some();
        let watches = self.watched.as_ref().is_some_and(retrains);
        watches || !self.schedules.is_empty() || !self.triggers.is_empty()
    }

    /// Whether the moments of its schedules start retrainings in place of plain runs.
    pub fn schedule_retrains(&self) -> bool {
        let on = self.watched.as_ref().and_then(|watched| watched.monitor.retrain.as_ref());
        on.is_some_and(|retrain| retrain.on.contains(&Occasion::Schedule))
    }

    /// What makes the model be trained anew, in words.
    pub fn retrains_on(&self) -> Vec<String> {
        let retrain = self.watched.as_ref().and_then(|watched| watched.monitor.retrain.as_ref());
        let on = retrain.into_iter().flat_map(|retrain| &retrain.on);
        on.map(|occasion| format!("monitor {occasion}")).collect()
    }

    /// The value of a parameter as `--set` takes it, where the file declares that parameter.
    pub fn parameter(&self, name: &str, value: &str) -> Option<String> {
        let declared = self.parameters.iter().any(|known| known == name);
        // A JSON string is a quoted text of YAML too, whatever the value holds.
        declared.then(|| format!("params.{name}={}", serde_json::Value::from(value)))
    }
}

/// All that the snapshot at `file` says.
///
/// # Errors
/// When it cannot be read any more.
pub(crate) fn whole(file: &Path) -> Result<PipelineFile> {
    let document = Document::load(file, &[]).map_err(drawn)?;
    serde_json::from_value(document.root().to_json())
        .map_err(|e| drawn(vec![document.mistake("", e.to_string())]))
}

fn section<T: DeserializeOwned>(document: &Document, name: &str) -> Result<Option<T>> {
    let Some(entry) = document.root().entry(name) else { return Ok(None) };
    serde_json::from_value(entry.value.to_json())
        .map_err(|e| drawn(vec![document.mistake(name, e.to_string())]))
}
