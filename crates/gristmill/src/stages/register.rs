//! Passes the gate, registers the package and lets the alias meet its champion.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::{Clock, Table};
use gristmill_evaluate::{Metric, Require};
use gristmill_track::{
    Artifact, ArtifactPath, ArtifactStore, LocalArtifacts, ModelVersion, NewEvent, NewVersion,
    Note, Registration, RunId, Store, WhatHappened,
};
use serde_json::{Value, json};

use super::Shared;
use super::score::scores;
use crate::clock::SystemClock;
use crate::file::{PromoteSection, PromoteWhen, RegisterSection};
use crate::keeper::Keeper;
use crate::report::{Metrics, RegisteredModel};
use crate::{Error, Result};

/// Raised when an equal package would be registered otherwise.
pub(super) const VERSION: u32 = 1;

/// What stands in the registry after the stage.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub model: RegisteredModel,
    /// Nothing was done: the newest version is this very package.
    pub unchanged: bool,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// The table and which of its rows test, asked for only when two models meet on them.
pub(super) type TestRows<'a> = &'a dyn Fn() -> Result<(Arc<Table>, Vec<u32>)>;

/// Each metric that missed what the file requires of it, in words.
///
/// # Errors
/// When something is required and no row was held out to show it: a gate never passes unseen.
pub(crate) fn gate(require: &BTreeMap<String, f64>, metrics: &Metrics) -> Result<Vec<String>> {
    if !require.is_empty() && metrics.test.is_empty() {
        return Err(Error::input("`require` needs test rows, and the split gave none")
            .with_hint("let the split hold rows out, or leave out `require`"));
    }
    let misses = Require(require.clone()).misses(&metrics.test)?;
    Ok(misses.iter().map(ToString::to_string).collect())
}

pub(super) struct Candidate<'a> {
    /// Where its package stands in the cache.
    pub package: PathBuf,
    pub digest: &'a str,
    pub metrics: &'a Metrics,
    pub run: RunId,
}

pub(super) fn register(
    shared: &Shared,
    section: &RegisterSection,
    candidate: &Candidate<'_>,
    test_rows: TestRows<'_>,
) -> Result<Registered> {
    let keeper = shared.keeper()?;
    let path = place(shared, &keeper, candidate)?;
    let note = Note::new(SystemClock.now(), format!("run {}", candidate.run), "");
    let new = NewVersion {
        run: Some(candidate.run),
        metrics: json!(candidate.metrics.test),
        ..NewVersion::new(&section.model, candidate.digest, path.to_string_lossy(), note)
    };
    let registration = keeper.wait(|s| s.register(new))?;
    let unchanged = matches!(registration, Registration::Unchanged(_));
    let version = registration.version().clone();
    let mut notes = Vec::new();
    if let Some(promote) = section.promote.as_ref().filter(|_| !unchanged) {
        let bout = Bout { shared, keeper: &keeper, promote, version: &version, run: candidate.run };
        notes.extend(bout.decide(test_rows)?);
    }
    let version = keeper.wait(|s| s.version(&section.model, version.version))?;
    Ok(Registered { model: registered(version), unchanged, notes })
}

fn registered(version: ModelVersion) -> RegisteredModel {
    RegisteredModel {
        name: version.model,
        version: version.version,
        aliases: version.aliases,
        path: version.path,
    }
}

/// Keeps the package by its content, for the run and for the version; gives its absolute folder.
fn place(shared: &Shared, keeper: &Keeper, candidate: &Candidate<'_>) -> Result<PathBuf> {
    let artifacts = LocalArtifacts::in_home(&fs_err::canonicalize(shared.home.root())?);
    let content = keeper.wait_for(artifacts.put_folder(&candidate.package))?;
    let artifact = Artifact { path: ArtifactPath::parse("model")?, content };
    keeper.wait(|s| s.record_artifacts(candidate.run, vec![artifact]))?;
    keeper.wait_for(artifacts.local_path(content.hash))
}

/// A new version asks for an alias.
struct Bout<'a> {
    shared: &'a Shared,
    keeper: &'a Keeper,
    promote: &'a PromoteSection,
    version: &'a ModelVersion,
    run: RunId,
}

impl Bout<'_> {
    /// Moves the alias or records why it stays, and says which.
    fn decide(&self, test_rows: TestRows<'_>) -> Result<Option<String>> {
        let alias = &self.promote.alias;
        let model = self.keeper.wait(|s| s.model(&self.version.model))?;
        let holder = model.aliases.get(alias).copied();
        match (self.promote.when, holder) {
            (PromoteWhen::Always, _) => self.take("every new version is promoted").map(|()| None),
            (PromoteWhen::Better, None) => self.take("no version held it").map(|()| None),
            (PromoteWhen::Better, Some(holder)) => self.meet(holder, test_rows),
        }
    }

    fn take(&self, why: &str) -> Result<()> {
        let note = self.note(why);
        let (model, version) = (&self.version.model, self.version.version);
        self.keeper.wait(|s| s.set_alias(model, &self.promote.alias, version, note))?;
        Ok(())
    }

    /// Both models answer the same rows; only a better score takes the alias.
    fn meet(&self, holder: u32, test_rows: TestRows<'_>) -> Result<Option<String>> {
        let metric = self.metric()?;
        let (table, rows) = test_rows()?;
        let ours = self.score(self.version, &table, &rows, &metric)?;
        let champion = self.keeper.wait(|s| s.version(&self.version.model, holder))?;
        let verdict = match self.score(&champion, &table, &rows, &metric) {
            Err(error) => {
                Err(format!("version {holder} cannot answer these rows: {}", error.message))
            }
            Ok(theirs) => {
                let better = if metric.greater_is_better() { ours > theirs } else { ours < theirs };
                let words = format!(
                    "`{}` is {ours:.4} against {theirs:.4} of version {holder} on the same rows",
                    metric.name()
                );
                if better { Ok(words) } else { Err(words) }
            }
        };
        match verdict {
            Ok(why) => self.take(&why).map(|()| None),
            Err(why) => self.refuse(why).map(Some),
        }
    }

    fn refuse(&self, why: String) -> Result<String> {
        let event = NewEvent {
            what: WhatHappened::Refused,
            version: Some(self.version.version),
            run: Some(self.run),
            note: self.note(&why),
        };
        self.keeper.wait(|s| s.record_event(&self.version.model, event))?;
        Ok(format!(
            "version {} was not promoted to `{}`: {why}",
            self.version.version, self.promote.alias
        ))
    }

    /// The metric that decides: the one named in `promote`, else the first that is required, else
    /// the first that is computed.
    fn metric(&self) -> Result<Metric> {
        let evaluate = &self.shared.checked.file.evaluate;
        let named = self.promote.metric.as_ref();
        let name =
            named.or_else(|| evaluate.require.keys().next()).or_else(|| evaluate.metrics.first());
        match name {
            Some(name) => Ok(Metric::named(name)?),
            None => {
                let fitted = self.load(self.version)?;
                Metric::defaults(fitted.target().task()).into_iter().next().ok_or_else(|| {
                    Error::input("`promote` compares models, and no metric is named")
                        .with_hint("name one: `promote: {alias: ..., metric: ...}`")
                })
            }
        }
    }

    fn score(
        &self,
        version: &ModelVersion,
        table: &Table,
        rows: &[u32],
        metric: &Metric,
    ) -> Result<f64> {
        let fitted = self.load(version)?;
        let found = scores(&fitted, fitted.target(), table, rows, std::slice::from_ref(metric))?;
        found.values().next().copied().ok_or_else(|| Error::bug("a metric gave no score"))
    }

    fn load(&self, version: &ModelVersion) -> Result<gristmill_core::FittedPipeline> {
        Ok(gristmill_package::load(Path::new(&version.path), &self.shared.catalog)?.pipeline)
    }

    fn note(&self, why: &str) -> Note {
        Note::new(SystemClock.now(), format!("run {}", self.run), why)
    }
}

/// Kept as JSON in the task's record.
pub(super) fn facts(registered: &Registered) -> Value {
    json!({
        "model": registered.model,
        "unchanged": registered.unchanged,
        "notes": registered.notes,
    })
}
