//! The model registry: names, versions, aliases, and the whole history of each.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Filter, Order, Page, RunId};

words! {
    /// Whether a version can be used.
    VersionStatus {
        /// Its package is there and was checked.
        Ready = "ready",
        /// Its package is being written.
        Pending = "pending",
        /// Its package could not be written.
        Failed = "failed",
    }
}

impl VersionStatus {
    /// What MLflow's word stands for; nothing when it is none of its words.
    pub fn from_mlflow(word: &str) -> Option<Self> {
        match word {
            "READY" => Some(Self::Ready),
            "PENDING_REGISTRATION" => Some(Self::Pending),
            "FAILED_REGISTRATION" => Some(Self::Failed),
            _ => None,
        }
    }
}

words! {
    /// How far a version got on its way to use, in MLflow's words. Aliases say the same more freely.
    Stage {
        /// Nowhere yet.
        None = "None",
        /// Being tried.
        Staging = "Staging",
        /// In use.
        Production = "Production",
        /// Out of use.
        Archived = "Archived",
    }
}

words! {
    /// What becomes of the other versions of a stage when one enters it.
    Others {
        /// They stay.
        Stay = "stay",
        /// They are archived.
        Archived = "archived",
    }
}

words! {
    /// Whether a version had to reach anything before it was registered.
    Gate {
        /// Nothing was required of it.
        None = "none",
        /// It reached all that was required.
        Passed = "passed",
    }
}

/// A registered model: a name under which versions stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// When it was first registered.
    pub created: Timestamp,
    /// When it, a version or an alias of it last changed.
    pub updated: Timestamp,
    /// What it is for.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Which version each alias names.
    pub aliases: BTreeMap<String, u32>,
    /// The newest version that is still there.
    pub newest: Option<u32>,
}

/// One version of a model: a package that never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelVersion {
    /// The model's name.
    pub model: String,
    /// Its number, counted from 1 and never used again.
    pub version: u32,
    /// The run that made it.
    pub run: Option<RunId>,
    /// Where its package stands: a path relative to the home, or a URI.
    pub path: String,
    /// The digest of its package's content; empty when nobody knows it.
    pub digest: String,
    /// Where it was registered from, in the words of whoever did; nothing for a package of a run.
    pub source: Option<String>,
    /// A page about the run that made it, elsewhere.
    pub run_link: Option<String>,
    /// The logged model that it was registered from.
    pub logged_model: Option<String>,
    /// What it reached, as the run reported it.
    pub metrics: Value,
    /// Whether it had to reach anything.
    pub gate: Gate,
    /// When it was registered.
    pub created: Timestamp,
    /// When its description, stage or status last changed.
    pub updated: Timestamp,
    /// Who registered it.
    pub who: String,
    /// What is special about it.
    pub description: String,
    /// How far it got on its way to use.
    pub stage: Stage,
    /// Whether it can be used.
    pub status: VersionStatus,
    /// Why it cannot be used, when it cannot.
    pub status_message: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The aliases that name it.
    pub aliases: Vec<String>,
}

/// What a new model is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewModel {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Who makes it, when and why.
    pub note: Note,
}

/// What a new version is made of; the store gives it the next number.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVersion {
    /// The model's name; the model is made with its first version.
    pub model: String,
    /// The run that made it.
    pub run: Option<RunId>,
    /// Where its package stands.
    pub path: String,
    /// The digest of its package's content.
    pub digest: String,
    /// Where it is registered from, in the words of whoever does.
    pub source: Option<String>,
    /// A page about the run that made it, elsewhere.
    pub run_link: Option<String>,
    /// The logged model that it is registered from.
    pub logged_model: Option<String>,
    /// What it reached.
    pub metrics: Value,
    /// Whether it had to reach anything.
    pub gate: Gate,
    /// Whether it can be used already.
    pub status: VersionStatus,
    /// What is special about it.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Who registers it, when and why.
    pub note: Note,
}

impl NewVersion {
    /// A version with nothing said about it but what it must have.
    pub fn new(
        model: impl Into<String>,
        digest: impl Into<String>,
        path: impl Into<String>,
        note: Note,
    ) -> Self {
        Self {
            model: model.into(),
            run: None,
            path: path.into(),
            digest: digest.into(),
            source: None,
            run_link: None,
            logged_model: None,
            metrics: Value::Null,
            gate: Gate::None,
            status: VersionStatus::Ready,
            description: String::new(),
            tags: BTreeMap::new(),
            note,
        }
    }
}

/// Which models are wanted. Prompts are models too, and stay out unless the filter asks for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelQuery {
    /// What must hold of them.
    pub filter: Filter,
    /// By what they are sorted; then by name.
    pub order: Vec<Order>,
    /// Which part of the answer.
    pub page: Page,
}

/// Which versions are wanted. Those of prompts stay out unless the filter asks for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VersionQuery {
    /// What must hold of them.
    pub filter: Filter,
    /// By what they are sorted; then by model, and the greatest number first.
    pub order: Vec<Order>,
    /// Which part of the answer.
    pub page: Page,
}

/// What a registration came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Registration {
    /// A new version.
    New(ModelVersion),
    /// The newest version has the same digest, so no new one was made.
    Unchanged(ModelVersion),
}

impl Registration {
    /// The version that now stands for what was registered.
    pub fn version(&self) -> &ModelVersion {
        match self {
            Self::New(version) | Self::Unchanged(version) => version,
        }
    }
}

/// Who did something to a model, when and why. The history keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The present moment.
    pub at: Timestamp,
    /// A person, a run or a part of Gristmill.
    pub who: String,
    /// Why, in words.
    pub why: String,
}

impl Note {
    /// A note of `who` at `at`, saying `why`.
    pub fn new(at: Timestamp, who: impl Into<String>, why: impl Into<String>) -> Self {
        Self { at, who: who.into(), why: why.into() }
    }
}

words! {
    /// What happened to a model.
    WhatHappened {
        /// A version was registered.
        Registered = "registered",
        /// The model got another name.
        Renamed = "renamed",
        /// A version entered a stage.
        StageSet = "stage set",
        /// What an alias needs before it moves was laid down, or is needed no more.
        RuleSet = "rule set",
        /// How requests are divided among the versions was laid down anew.
        TrafficSet = "traffic set",
        /// An alias was set or moved.
        AliasSet = "alias set",
        /// An alias went back to where it stood before.
        RolledBack = "rolled back",
        /// An alias was taken away.
        AliasRemoved = "alias removed",
        /// A version was deleted.
        VersionDeleted = "version deleted",
        /// A gate or a comparison kept a model from being registered or promoted.
        Refused = "refused",
        /// Monitoring raised an alarm.
        Alarm = "alarm",
        /// An alarm asks for a retraining that cooldown or budget does not allow yet.
        HeldBack = "held back",
        /// A retraining was started.
        Retraining = "retraining",
        /// A retraining came to nothing: it failed, took too long, or learned nothing new.
        RetrainingEnded = "retraining ended",
        /// A version is better and waits for a person to approve of it.
        ApprovalAsked = "approval asked",
        /// A version that was promoted did well while it was watched.
        WatchPassed = "watch passed",
    }
}

impl WhatHappened {
    /// Whether it may be a step of the loop that watches a model, or of a person who has a say in it.
    pub fn is_step(self) -> bool {
        match self {
            Self::Alarm
            | Self::HeldBack
            | Self::Retraining
            | Self::RetrainingEnded
            | Self::Refused
            | Self::ApprovalAsked
            | Self::AliasSet
            | Self::RolledBack
            | Self::WatchPassed => true,
            Self::Registered
            | Self::Renamed
            | Self::StageSet
            | Self::RuleSet
            | Self::TrafficSet
            | Self::AliasRemoved
            | Self::VersionDeleted => false,
        }
    }
}

/// One line of a model's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEvent {
    /// Its place in the model's history, counted from 1.
    pub number: u64,
    /// What happened.
    pub what: WhatHappened,
    /// The version that it is about; of an alias the version it names from now on.
    pub version: Option<u32>,
    /// The alias that moved.
    pub alias: Option<String>,
    /// The version that the alias named before.
    pub previous: Option<u32>,
    /// The stage that the version entered.
    pub stage: Option<Stage>,
    /// The run that it is about.
    pub run: Option<RunId>,
    /// Who, when and why.
    pub note: Note,
    /// All that is known of it, such as the comparison of two versions; else null.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// Something that happened to a model outside the registry: a refusal, an alarm, a retraining.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// What happened.
    pub what: WhatHappened,
    /// The version that it is about.
    pub version: Option<u32>,
    /// The run that it is about.
    pub run: Option<RunId>,
    /// Who, when and why.
    pub note: Note,
    /// All that is known of it; else null.
    pub detail: Value,
}

impl NewEvent {
    /// What happened, who did it, when and why; about no version and no run.
    pub fn new(what: WhatHappened, note: Note) -> Self {
        Self { what, version: None, run: None, note, detail: Value::Null }
    }
}
