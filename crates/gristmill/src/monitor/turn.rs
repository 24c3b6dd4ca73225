//! One turn of the loop of a model: looks where it stands, and takes at most one step.
//!
//! A step is one transaction of the store that is taken by whoever comes first after the step before it. What it
//! stands on is in the store or in the files of its retraining, so whoever comes next goes on where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use gristmill_core::{FittedPipeline, Seed, Timestamp};
use gristmill_evaluate::Metric;
use gristmill_track::{LoopAct, LoopStep, ModelVersion, NewEvent, Note, RunId, WhatHappened};
use serde_json::{Value, json};

use super::state::{LoopState, Phase};
use super::{MonitorSection, rows};
use crate::catalog::catalog;
use crate::file::DataSection;
use crate::keeper::Keeper;
use crate::models::package_folder;
use crate::predictions::written_mark;
use crate::snapshot::Watched;
use crate::{Error, Home, Kind, Result};

/// By which name the loop moves aliases and writes history.
pub(crate) const WHO: &str = "monitor";

/// A deployed file whose model is watched.
pub(crate) struct Deployed<'a> {
    /// The name of the pipeline.
    pub pipeline: &'a str,
    /// Its snapshot, and the folder that its paths are relative to.
    pub file: &'a Path,
    pub folder: &'a Path,
    pub watched: &'a Watched,
    pub data: &'a DataSection,
    /// What the file's `evaluate` says.
    pub metrics: &'a [String],
    pub slices: &'a [String],
    pub seed: u64,
    /// Its schedules, and from when on they count.
    pub schedules: &'a [(gristmill_flow::Schedule, i64)],
}

/// What one turn goes by.
pub(crate) struct Turn<'a> {
    pub home: &'a Home,
    pub keeper: &'a Keeper,
    pub deployed: &'a Deployed<'a>,
    pub memory: &'a mut Memory,
    pub now: Timestamp,
}

/// What is remembered between turns only to spare questions.
#[derive(Default)]
pub(crate) struct Memory {
    /// What there was when performance was last looked at, and when that was.
    pub(super) scored: Option<(Evidence, Timestamp)>,
    /// The same of what a retraining could learn, and whether that was enough.
    pub(super) learned: Option<(Evidence, Timestamp)>,
    pub(super) is_enough: bool,
    /// The same of a version that proves itself.
    pub(super) proved: Option<(Evidence, Timestamp)>,
    /// Fitted pipelines of versions, by digest.
    pub(super) fitted: BTreeMap<String, Arc<FittedPipeline>>,
    /// Runs that take longer than they may.
    pub overdue: BTreeSet<RunId>,
}

/// How many labels there are, and what stands for the predictions that are written.
pub(super) type Evidence = (u64, u64);

/// How long after one look at labelled answers the next is taken, in microseconds.
const LOOK: i64 = 5_000_000;

/// A step that is to be taken.
pub(super) struct Planned {
    pub state: LoopState,
    pub act: Option<LoopAct>,
    pub events: Vec<NewEvent>,
}

impl Planned {
    pub fn new(state: LoopState) -> Self {
        Self { state, act: None, events: Vec::new() }
    }
}

impl Turn<'_> {
    /// Takes the next step, if it is time for one; what was done is said in words, of which there may be none.
    ///
    /// # Errors
    /// When the store cannot be asked, or files cannot be read or written; the next turn tries again.
    pub fn take(&mut self) -> Result<Option<Vec<String>>> {
        let model = self.model().to_owned();
        let standing = match self.keeper.wait(|s| s.loop_standing(&model)) {
            // Nothing was ever registered, so there is nobody to watch.
            Err(error) if error.kind == Kind::Input => return Ok(None),
            standing => standing?,
        };
        let (after, mut state) = match &standing {
            None => (0, LoopState::default()),
            Some(standing) => (standing.revision, self.read(&standing.state)?),
        };
        // Written down, or it would be moved along with the clock for ever.
        let is_set_back = standing.is_some_and(|standing| standing.at > self.now);
        if is_set_back {
            state.rebase(self.now);
        }
        let rebased = is_set_back.then(|| Planned::new(state.clone()));
        let run = state.phase.run();
        let planned = match state.phase.clone() {
            Phase::Watching => self.watch(state, after)?,
            Phase::Retraining { run, since, why } => self.retraining(state, run, since, &why)?,
            Phase::Comparing { run, version } => self.compare(state, run, version)?,
            Phase::Waiting { version, .. } => self.wait_for_approval(state, version)?,
            Phase::Proving { version, before, since } => {
                self.prove(state, version, before, since)?
            }
        };
        match planned.or(rebased) {
            None => Ok(None),
            Some(planned) => {
                let is_done = run.filter(|_| planned.state.phase.run() != run);
                let words = self.step(after, planned)?;
                // Whoever took the step needs them no more; and whoever comes too late does not either.
                if let Some(run) = is_done {
                    rows::Files::of(self.home, run).remove();
                }
                Ok(words)
            }
        }
    }

    fn read(&self, state: &Value) -> Result<LoopState> {
        serde_json::from_value(state.clone()).map_err(|error| {
            let model = self.model();
            let found = format!("where the loop of `{model}` stands cannot be read: {error}");
            Error::new(Kind::Stored, found)
        })
    }

    /// Takes a step, unless somebody else was quicker.
    fn step(&mut self, after: u64, planned: Planned) -> Result<Option<Vec<String>>> {
        let Planned { state, act, events } = planned;
        let mut words: Vec<String> = act.iter().filter_map(act_words).collect();
        words.extend(events.iter().map(event_words));
        let written = serde_json::to_value(&state)
            .map_err(|error| Error::bug(format!("where a loop stands is no JSON: {error}")))?;
        let step = LoopStep { after, state: written, at: self.now, act, events };
        let model = self.model().to_owned();
        let taken = self.keeper.wait(|s| s.take_step(&model, step))?;
        Ok(taken.then_some(words))
    }

    /// The evidence of labelled answers since a moment, where it is more than there was at the last look, which
    /// was some seconds ago.
    pub(super) fn new_evidence(
        &self,
        since: Timestamp,
        known: Option<(Evidence, Timestamp)>,
    ) -> Result<Option<Evidence>> {
        let is_soon = |at: Timestamp| self.now >= at && self.now.0 - at.0 < LOOK;
        if known.is_some_and(|(_, at)| is_soon(at)) {
            return Ok(None);
        }
        let labels = self.keeper.wait(|s| s.labels_since(self.model(), since))?;
        let found = (labels, written_mark(self.home, self.model())?);
        let is_known = known.is_some_and(|(known, _)| known == found);
        Ok((labels > 0 && !is_known).then_some(found))
    }

    pub(super) fn model(&self) -> &str {
        &self.deployed.watched.register.model
    }

    pub(super) fn section(&self) -> &MonitorSection {
        &self.deployed.watched.monitor
    }

    pub(super) fn alias(&self) -> &str {
        self.deployed.watched.alias()
    }

    /// The version that the alias names, if it names one.
    pub(super) fn champion(&self) -> Result<Option<ModelVersion>> {
        let model = self.keeper.wait(|s| s.model(self.model()))?;
        let Some(number) = model.aliases.get(self.alias()).copied() else { return Ok(None) };
        self.keeper.wait(|s| s.version(self.model(), number)).map(Some)
    }

    pub(super) fn version(&self, number: u32) -> Result<ModelVersion> {
        self.keeper.wait(|s| s.version(self.model(), number))
    }

    /// The pipeline of a version, which is loaded once.
    pub(super) fn fitted(&mut self, version: &ModelVersion) -> Result<Arc<FittedPipeline>> {
        if let Some(fitted) = self.memory.fitted.get(&version.digest) {
            return Ok(Arc::clone(fitted));
        }
        let folder = package_folder(self.keeper, version)?;
        let fitted = Arc::new(gristmill_package::load(&folder, &catalog())?.pipeline);
        // Two are compared; more need not stay.
        if self.memory.fitted.len() > 1 {
            self.memory.fitted.clear();
        }
        self.memory.fitted.insert(version.digest.clone(), Arc::clone(&fitted));
        Ok(fitted)
    }

    /// The metric that decides.
    pub(super) fn metric(&self, fitted: &FittedPipeline) -> Result<Metric> {
        let section = self.section();
        let promote = self.deployed.watched.register.promote.as_ref();
        let named = section.compare.metric.as_ref();
        let named = named.or_else(|| promote.and_then(|promote| promote.metric.as_ref()));
        let named = named.or_else(|| section.performance.as_ref().map(|asked| &asked.metric));
        match named.or_else(|| self.deployed.metrics.first()) {
            Some(name) => Ok(Metric::named(name)?),
            None => Metric::defaults(fitted.target().task()).into_iter().next().ok_or_else(|| {
                Error::input("`compare` names no metric").with_hint("add `compare: {metric: ...}`")
            }),
        }
    }

    pub(super) fn seed(&self) -> Seed {
        Seed(self.deployed.seed).named("monitor")
    }

    pub(super) fn note(&self, why: impl Into<String>) -> Note {
        Note::new(self.now, WHO, why)
    }

    pub(super) fn event(&self, what: WhatHappened, why: impl Into<String>) -> NewEvent {
        NewEvent::new(what, self.note(why))
    }

    /// The last line of the model's history.
    pub(super) fn last_line(&self) -> Result<u64> {
        let history = self.keeper.wait(|s| s.history(self.model()))?;
        Ok(history.last().map_or(0, |event| event.number))
    }

    /// A retraining came to its end: why, and what came of it.
    pub(super) fn ended(&self, mut state: LoopState, event: NewEvent) -> Option<Planned> {
        state.rest(self.now);
        Some(Planned { events: vec![event], ..Planned::new(state) })
    }
}

fn act_words(act: &LoopAct) -> Option<String> {
    match act {
        LoopAct::Claim(_) => None,
        LoopAct::Promote { alias, version, note, .. } => {
            Some(format!("version {version} took `{alias}`: {}", note.why))
        }
        LoopAct::RollBack { alias, from, note, .. } => {
            Some(format!("`{alias}` was taken back from version {from}: {}", note.why))
        }
    }
}

fn event_words(event: &NewEvent) -> String {
    let version = event.version.map_or_else(String::new, |version| format!("version {version} "));
    format!("{version}{}: {}", event.what, event.note.why)
}

/// What came with a line.
pub(super) fn detail(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or(json!(null))
}
