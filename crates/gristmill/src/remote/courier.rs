//! Brings a run to a server: what is known of it, its trials, its artifacts, its model, and last of all
//! how it ended, so that whoever sees it ended there sees all of it.

use std::collections::{BTreeSet, HashMap};

use gristmill_flow::Digest;
use gristmill_track::{
    Artifact, Batch, ContentHash, MissingContent, Page, Parent, ReceivedModel, RunId, RunQuery,
    RunStatus, SENT_FORMAT, SentArtifacts, SentModel, SentPromotion, SentRun, TaskStatus, tags,
};
use serde_json::Value;

use super::body::body;
use super::http::{Link, Patience};
use crate::keeper::Keeper;
use crate::report::RegisteredModel;
use crate::stages::REGISTER;
use crate::{Error, Result};

/// How often the content that a server lacks is sent: what is sent may be lost there once.
const ROUNDS: usize = 3;
/// How many trials are read in one go.
const PAGE: u32 = 200;

/// Brings runs to a server.
pub(super) struct Courier<'a> {
    keeper: &'a Keeper,
    link: &'a Link,
    patience: Patience,
    /// What was told last of each run.
    told: HashMap<RunId, Digest>,
}

/// A model as the server knows it.
#[derive(Clone, Debug)]
pub(super) struct Delivered {
    /// Its name.
    pub name: String,
    /// What the server made of it.
    pub received: ReceivedModel,
}

impl<'a> Courier<'a> {
    pub fn new(keeper: &'a Keeper, link: &'a Link, patience: Patience) -> Self {
        Self { keeper, link, patience, told: HashMap::new() }
    }

    /// Tells what is known of a run that goes on, and of its trials.
    pub fn tell(&mut self, run: RunId) -> Result<()> {
        let known = self.keeper.wait(|s| SentRun::of(s, run))?;
        self.post(run, open(known))?;
        self.tell_trials(run)
    }

    /// Brings all of a run that has ended. What it registered comes back, as the server knows it.
    pub fn deliver(&mut self, run: RunId) -> Result<Option<Delivered>> {
        let known = self.keeper.wait(|s| SentRun::of(s, run))?;
        self.post(run, open(known.clone()))?;
        self.tell_trials(run)?;
        self.artifacts(run)?;
        let delivered = self.model(run, &known)?;
        self.post(run, known)?;
        let mut batch = Batch::default().tag(tags::SENT_TO, self.link.address());
        if let Some(Delivered { name, received }) = &delivered {
            batch = batch.tag(tags::SENT_VERSION, format!("{name}/{}", received.version));
        }
        self.keeper.wait(|s| s.log(run, batch))?;
        Ok(delivered)
    }

    fn post(&mut self, run: RunId, sent: SentRun) -> Result<()> {
        let text = serde_json::to_vec(&sent)
            .map_err(|error| Error::bug(format!("a run that is sent: {error}")))?;
        let digest = Digest::of(&text);
        if self.told.get(&run) == Some(&digest) {
            return Ok(());
        }
        let id = run.to_string();
        for part in sent.parts() {
            let asked = ["runs", id.as_str()];
            self.keeper.drive(self.link.post::<Value>(&asked, &part, self.patience))?;
        }
        self.told.insert(run, digest);
        Ok(())
    }

    fn tell_trials(&mut self, run: RunId) -> Result<()> {
        let mut query = RunQuery {
            parent: Parent::Of(run),
            page: Page { limit: PAGE, offset: 0 },
            ..RunQuery::default()
        };
        loop {
            let trials = self.keeper.wait(|s| s.search_runs(&query))?;
            for trial in &trials {
                let id = trial.info.id;
                let known = self.keeper.wait(|s| SentRun::of(s, id))?;
                self.post(id, known)?;
            }
            if trials.len() < PAGE as usize {
                return Ok(());
            }
            query.page.offset += u64::from(PAGE);
        }
    }

    /// Brings the content that the server lacks, until it lacks none.
    fn artifacts(&self, run: RunId) -> Result<()> {
        let artifacts = self.keeper.wait(|s| s.artifacts(run))?;
        if artifacts.is_empty() {
            return Ok(());
        }
        let id = run.to_string();
        let sent = SentArtifacts { format: SENT_FORMAT, artifacts };
        for _ in 0..ROUNDS {
            let asked = ["runs", id.as_str(), "artifacts"];
            let MissingContent { missing } =
                self.keeper.drive(self.link.post(&asked, &sent, self.patience))?;
            if missing.is_empty() {
                return Ok(());
            }
            for hash in missing.into_iter().collect::<BTreeSet<_>>() {
                self.content(&id, &sent.artifacts, hash)?;
            }
        }
        let address = self.link.address();
        Err(Error::input(format!("{address} does not keep what is sent to it"))
            .with_hint("see whether its disk is full"))
    }

    fn content(&self, run: &str, artifacts: &[Artifact], hash: ContentHash) -> Result<()> {
        let known = artifacts.iter().find(|artifact| artifact.content.hash == hash);
        let known = known.map(|artifact| artifact.content).ok_or_else(|| {
            let address = self.link.address();
            Error::input(format!("{address} asks for content that the run does not have"))
        })?;
        let path = self.keeper.wait_for(self.keeper.artifacts().local_path(hash))?;
        let (kind, hash) = (known.kind, hash.to_string());
        let place = if kind == gristmill_track::ArtifactKind::File { "files" } else { "folders" };
        let parts = ["runs", run, place, hash.as_str()];
        let put = self.link.put(&parts, known.size, self.patience, || body(path.clone(), kind));
        self.keeper.drive(put)?;
        Ok(())
    }

    /// Registers what the run registered in its home.
    fn model(&self, run: RunId, known: &SentRun) -> Result<Option<Delivered>> {
        let done = |task: &&gristmill_track::TaskRecord| {
            task.name == REGISTER && task.status == TaskStatus::Succeeded
        };
        let Some(facts) = known.tasks.iter().find(done).map(|task| &task.facts) else {
            return Ok(None);
        };
        let read = |name: &str, found: serde_json::Error| {
            Error::bug(format!("facts of `register`: {name}: {found}"))
        };
        let registered: Option<RegisteredModel> =
            serde_json::from_value(facts["model"].clone()).map_err(|e| read("model", e))?;
        let promote: Option<SentPromotion> =
            serde_json::from_value(facts["promotion"].clone()).map_err(|e| read("promotion", e))?;
        let Some(RegisteredModel { name, version, .. }) = registered else { return Ok(None) };
        let version = self.keeper.wait(|s| s.version(&name, version))?;
        let sent = SentModel {
            format: SENT_FORMAT,
            model: name.clone(),
            digest: version.digest,
            gate: version.gate,
            metrics: version.metrics,
            promote,
        };
        let id = run.to_string();
        let asked = ["runs", id.as_str(), "model"];
        let received = self.keeper.drive(self.link.post(&asked, &sent, self.patience))?;
        Ok(Some(Delivered { name, received }))
    }
}

/// A run of which more is to come.
fn open(known: SentRun) -> SentRun {
    SentRun { status: RunStatus::Running, ended: None, error: None, ..known }
}
