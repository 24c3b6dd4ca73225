//! The model that a run registers, on its way into the registry of a server: the server numbers it,
//! and moves aliases by its own rules.

use std::time::Duration;

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::receive::{require_format, require_sent};
use crate::{
    ArtifactStore, Batch, Content, Gate, LoggedPackage, ModelVersion, NewVersion, Note,
    Registration, Result, Run, Store, TrackError, WhatHappened, tags,
};

/// How long others wait who move the same alias because of a comparison.
const HELD: Duration = Duration::from_secs(20);
/// The path of a package among the artifacts of its run.
const PACKAGE: &str = "model";

/// What a run registered in its own home.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentModel {
    /// [`SENT_FORMAT`](super::SENT_FORMAT).
    pub format: u32,
    /// The model's name.
    pub model: String,
    /// The digest of the package, which was sent as the run's artifact `model`.
    pub digest: String,
    /// Whether it had to reach anything.
    pub gate: Gate,
    /// What it reached.
    pub metrics: Value,
    /// The alias that it asks for.
    pub promote: Option<SentPromotion>,
}

/// The wish for an alias, and what was found out for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentPromotion {
    /// The alias.
    pub alias: String,
    /// Whether every new version takes it, whoever holds it.
    pub always: bool,
    /// The digest of the package that it was compared with; nothing where no version held the alias.
    pub champion: Option<String>,
    /// Whether it was better.
    pub won: bool,
    /// Why, in words.
    pub why: String,
}

/// What a registration came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceivedModel {
    /// The version that now stands for what was sent.
    pub version: u32,
    /// Whether it was made now.
    pub new: bool,
    /// What became of the alias, where one was asked for.
    pub alias: Option<ReceivedAlias>,
}

/// What became of an alias that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedAlias {
    /// The alias.
    pub alias: String,
    /// The version that it names now, if any.
    pub version: Option<u32>,
    /// Whether this call moved it.
    pub moved: bool,
    /// Why, in words.
    pub why: String,
}

impl SentModel {
    /// Registers the model of `run` and moves the alias that it asks for, each once. `note` says who
    /// does it.
    ///
    /// # Errors
    /// `Invalid` for a form that this version does not know, for a run that began here, and while
    /// the run has no package; `Lost` while another run asks for the same alias.
    pub async fn receive(
        &self,
        store: &dyn Store,
        content: &dyn ArtifactStore,
        run: &Run,
        note: Note,
    ) -> Result<ReceivedModel> {
        require_format(self.format)?;
        require_sent(run)?;
        let (version, new) = self.registered(store, content, run, &note).await?;
        let alias = match &self.promote {
            Some(wish) => Some(wish.decide(store, &version, note).await?),
            None => None,
        };
        Ok(ReceivedModel { version: version.version, new, alias })
    }

    async fn registered(
        &self,
        store: &dyn Store,
        content: &dyn ArtifactStore,
        run: &Run,
        note: &Note,
    ) -> Result<(ModelVersion, bool)> {
        let package = package(store, run).await?;
        if let Some(known) = self.known(store, run).await? {
            return Ok((known, false));
        }
        let logged = LoggedPackage {
            run: run.info.id,
            experiment: run.info.experiment,
            name: self.model.clone(),
            content: package,
            at: note.at,
        };
        let logged = logged.log(store).await?;
        let path = content.local_path(package.hash).await?;
        let new = NewVersion {
            run: Some(run.info.id),
            gate: self.gate,
            metrics: self.metrics.clone(),
            logged_model: Some(logged),
            ..NewVersion::new(&self.model, &self.digest, path.to_string_lossy(), note.clone())
        };
        let (version, new) = match store.register(new).await? {
            Registration::New(version) => (version, true),
            Registration::Unchanged(version) => (version, false),
        };
        let name = format!("{}/{}", version.model, version.version);
        store.log(run.info.id, Batch::default().tag(tags::SENT_VERSION, name)).await?;
        Ok((version, new))
    }

    /// The version that stands for what was sent, when it was sent before.
    async fn known(&self, store: &dyn Store, run: &Run) -> Result<Option<ModelVersion>> {
        let mut known = store.versions_of_run(run.info.id).await?;
        // An equal package of another run may stand for it.
        let noted = run.tags.get(tags::SENT_VERSION).and_then(|name| name.rsplit_once('/'));
        if let Some((model, number)) = noted
            && let Ok(number) = number.parse()
        {
            match store.version(model, number).await {
                Ok(version) => known.push(version),
                Err(TrackError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let same = |known: &ModelVersion| known.model == self.model && known.digest == self.digest;
        Ok(known.into_iter().find(same))
    }
}

/// The package that was sent with a run.
async fn package(store: &dyn Store, run: &Run) -> Result<Content> {
    let artifacts = store.artifacts(run.info.id).await?;
    let package = artifacts.into_iter().find(|artifact| artifact.path.as_str() == PACKAGE);
    package.map(|package| package.content).ok_or_else(|| {
        let what = format!("the model of run `{}`", run.info.id);
        TrackError::invalid(what, "not there yet", "its artifact `model` to be sent before")
    })
}

impl SentPromotion {
    /// Moves the alias or says why it stays, one run at a time.
    async fn decide(
        &self,
        store: &dyn Store,
        version: &ModelVersion,
        note: Note,
    ) -> Result<ReceivedAlias> {
        let name = format!("promotion of {}@{}", version.model, self.alias);
        let holder = format!("version {}", version.version);
        let until = Timestamp(note.at.0 + i64::try_from(HELD.as_micros()).unwrap_or(i64::MAX));
        if !store.acquire_lease(&name, &holder, note.at, until).await? {
            return Err(TrackError::Lost { what: "alias", name: self.alias.clone(), holder: None });
        }
        let decided = self.move_or_stay(store, version, note).await;
        store.release_lease(&name, &holder).await?;
        decided
    }

    async fn move_or_stay(
        &self,
        store: &dyn Store,
        version: &ModelVersion,
        note: Note,
    ) -> Result<ReceivedAlias> {
        let (alias, number) = (&self.alias, version.version);
        let holder = store.model(&version.model).await?.aliases.get(alias).copied();
        let answer = |version: Option<u32>, moved: bool, why: String| {
            Ok(ReceivedAlias { alias: alias.clone(), version, moved, why })
        };
        if holder == Some(number) {
            return answer(holder, false, "it names this version already".into());
        }
        let history = store.history(&version.model).await?;
        let had = history.iter().any(|event| {
            event.what == WhatHappened::AliasSet
                && event.alias.as_ref() == Some(alias)
                && event.version == Some(number)
        });
        if had {
            return answer(
                holder,
                false,
                "it named this version before, and was moved since".into(),
            );
        }
        let may = match holder {
            _ if self.always => Ok(()),
            _ if !self.won => Err(format!("the model was not better: {}", self.why)),
            None => Ok(()),
            Some(other) => self.compared_with(&store.version(&version.model, other).await?),
        };
        if let Err(why) = may {
            return answer(holder, false, why);
        }
        let note = Note { why: self.why.clone(), ..note };
        match store.set_alias(&version.model, alias, number, note).await {
            Ok(_) => answer(Some(number), true, self.why.clone()),
            Err(error @ TrackError::NotApproved { .. }) => answer(holder, false, error.to_string()),
            Err(error) => Err(error),
        }
    }

    /// Whether the comparison was one with the version that holds the alias.
    fn compared_with(&self, holder: &ModelVersion) -> Result<(), String> {
        let number = holder.version;
        match &self.champion {
            Some(digest) if *digest == holder.digest => Ok(()),
            Some(_) => Err(format!("version {number} holds it, and another was compared with")),
            None => Err(format!("version {number} holds it, and was not compared with")),
        }
    }
}
