//! Passes the gate, registers the package and lets the new version challenge the holder of its alias.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gristmill_core::Notes;
use gristmill_evaluate::Require;
use gristmill_track::{
    Artifact, ArtifactPath, Gate, LoggedPackage, ModelVersion, NewVersion, Note, Registration,
    RunId, SentPromotion,
};
use serde_json::{Value, json};

use super::Shared;
use super::challenge::{Challenge, FindCommonRows};
use crate::comparison::Comparison;
use crate::estimate;
use crate::file::RegisterSection;
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
    /// How it met the version that held the alias, if it did.
    pub comparison: Option<Comparison>,
    /// What it asks of a server that the run is sent to.
    pub promotion: Option<SentPromotion>,
}

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
    /// Where what `evaluate` left stands, if that ran.
    pub evaluated: Option<PathBuf>,
    pub digest: &'a str,
    pub metrics: &'a Metrics,
    pub run: RunId,
}

pub(super) fn register(
    shared: &Shared,
    section: &RegisterSection,
    candidate: &Candidate<'_>,
    common: FindCommonRows<'_>,
    notes: &Notes,
) -> Result<Registered> {
    let keeper = shared.keeper()?;
    let (path, logged) = place(shared, &keeper, &section.model, candidate)?;
    keep_held_out(&keeper, candidate)?;
    let note = Note::new(shared.now(), format!("run {}", candidate.run), "");
    // Whoever comes here has reached all that is required; the question is whether anything was.
    let gate = match shared.checked.file.evaluate.require.is_empty() {
        true => Gate::None,
        false => Gate::Passed,
    };
    let new = NewVersion {
        run: Some(candidate.run),
        gate,
        logged_model: Some(logged),
        metrics: json!(candidate.metrics.test),
        ..NewVersion::new(&section.model, candidate.digest, path, note)
    };
    let registration = keeper.wait(|s| s.register(new))?;
    let version = registration.version().clone();
    if matches!(registration, Registration::New(_)) {
        keeper.leave_version(&version.model, version.version)?;
    }
    // A run that was cut short finds the version that it registered itself, and goes on with it.
    let ours = version.run == Some(candidate.run);
    let unchanged = matches!(registration, Registration::Unchanged(_)) && !ours;
    // A server may not know a package that this home has had for long.
    let asks = !unchanged || shared.server.is_some();
    let (comparison, promotion) = match section.promote.as_ref().filter(|_| asks) {
        Some(promote) => {
            let (keeper, version, run) = (&keeper, &version, candidate.run);
            let decision =
                Challenge { shared, keeper, promote, version, run, notes }.decide(common)?;
            (decision.comparison, Some(decision.promotion))
        }
        None => (None, None),
    };
    let version = keeper.wait(|s| s.version(&section.model, version.version))?;
    Ok(Registered { model: registered(version), unchanged, comparison, promotion })
}

fn registered(version: ModelVersion) -> RegisteredModel {
    RegisteredModel {
        name: version.model,
        version: version.version,
        aliases: version.aliases,
        path: version.path,
    }
}

/// Keeps the package by its content, for the run and for the version; gives its address, or its
/// absolute folder where only this machine has it, and the logged model that it is among the run's.
fn place(
    shared: &Shared,
    keeper: &Keeper,
    model: &str,
    candidate: &Candidate<'_>,
) -> Result<(String, String)> {
    let artifacts = keeper.artifacts();
    let content = keeper.wait_for(artifacts.put_folder(&candidate.package))?;
    let artifact = Artifact { path: ArtifactPath::parse("model")?, content };
    keeper.wait(|s| s.record_artifacts(candidate.run, vec![artifact]))?;
    let run = keeper.wait(|s| s.run(candidate.run))?;
    let package = LoggedPackage {
        run: candidate.run,
        experiment: run.info.experiment,
        name: model.into(),
        content,
        at: shared.now(),
    };
    let logged = keeper.wait(|s| package.log(s))?;
    if let Some(address) = artifacts.address(&content) {
        return Ok((address, logged));
    }
    let folder = keeper.wait_for(artifacts.local_path(content.hash))?;
    Ok((fs_err::canonicalize(folder)?.to_string_lossy().into_owned(), logged))
}

/// Keeps the rows that say later how good answers probably are. It is done before the version is there: whoever
/// serves that looks for them at once.
fn keep_held_out(keeper: &Keeper, candidate: &Candidate<'_>) -> Result<()> {
    let file = candidate.evaluated.as_ref().map(|folder| folder.join(estimate::NAME));
    let Some(file) = file.filter(|file| file.is_file()) else { return Ok(()) };
    let content = keeper.wait_for(keeper.artifacts().put_file(&file))?;
    let artifact = Artifact { path: ArtifactPath::parse(estimate::NAME)?, content };
    keeper.wait(|s| s.record_artifacts(candidate.run, vec![artifact]))
}

/// Kept as JSON in the task's record.
pub(super) fn facts(registered: &Registered) -> Value {
    json!({
        "model": registered.model,
        "unchanged": registered.unchanged,
        "comparison": registered.comparison,
        "promotion": registered.promotion,
    })
}
