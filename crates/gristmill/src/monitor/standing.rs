//! Where the loop of a model stands: what it is about, what is wrong, what comes next, and what it found.

use std::collections::HashSet;
use std::sync::Arc;

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::TimeSpan;
use gristmill_monitor::Rest;
use gristmill_track::{CHAMPION, Finding, NewEvent, Note, Page, RunId, WhatHappened};
use serde::Serialize;

use super::loops::{Loops, Round};
use super::state::{LoopState, Phase};
use super::watch::pace;
use crate::keeper::{Keeper, by_hand};
use crate::snapshot::Watched;
use crate::{Error, Home, Kind, Result};

/// Where the loop of a model stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonitorReport {
    /// The model.
    pub model: String,
    /// The deployed pipeline whose file says how it is watched; nothing where none does.
    pub pipeline: Option<String>,
    /// The alias whose version is watched.
    pub alias: Option<String>,
    /// The version that the alias names.
    pub champion: Option<u32>,
    /// What the loop is about: `watching`, `retraining`, `comparing`, `waiting_for_approval` or `proving`; nothing
    /// before its first step.
    pub phase: Option<&'static str>,
    /// Since when, where it is about something in particular.
    pub since: Option<Timestamp>,
    /// Until when at most.
    pub until: Option<Timestamp>,
    /// The run that trains a new version, or has.
    pub run: Option<String>,
    /// The new version.
    pub version: Option<u32>,
    /// The one before it.
    pub previous: Option<u32>,
    /// What asked for the retraining.
    pub why: Option<String>,
    /// How a person approves of the new version, or declines it.
    pub approval: Option<Approval>,
    /// What is wrong now.
    pub wrong: Vec<Wrong>,
    /// What is known of the next retraining; nothing where the file asks for none.
    pub retraining: Option<RetrainReport>,
    /// When the loop took its last step.
    pub stepped: Option<Timestamp>,
    /// What was found, the first first.
    pub findings: Vec<Finding>,
}

/// How a person has a say in a new version, as commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// Lets it take the alias.
    pub approve: String,
    /// Keeps it from it.
    pub decline: String,
}

/// Something that is wrong with the version that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// What it is about, such as `drift`.
    pub occasion: String,
    /// Since when.
    pub since: Timestamp,
    /// What, in words.
    pub words: String,
}

/// What is known of the next retraining.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetrainReport {
    /// What makes it begin.
    pub on: Vec<String>,
    /// When it may begin at the earliest.
    pub from: Timestamp,
    /// What it waits for: `cooldown` or `budget`; nothing where it may begin now.
    pub rest: Option<&'static str>,
    /// Whether one is asked for and waits.
    pub held_back: bool,
    /// When the last one ended.
    pub last_ended: Option<Timestamp>,
}

/// Which findings are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingsAsked {
    /// At most so many of the last.
    Last(u32),
    /// The first after a number, at most so many.
    After(u64, u32),
}

/// The deployed file that watches a model.
pub(crate) struct Watching {
    pub pipeline: String,
    pub watched: Watched,
}

/// Where the loop of a model stands.
///
/// # Errors
/// When there is no such model, or the home cannot be used.
pub fn standing(
    home: &Home,
    model: &str,
    findings: FindingsAsked,
    clock: &dyn Clock,
) -> Result<MonitorReport> {
    let keeper = Arc::new(Keeper::open(home)?);
    let watching = watching(home, &keeper, model)?;
    standing_of(&keeper, model, watching.as_ref(), findings, clock.now())
}

/// The deployed file that watches a model, if one does.
pub(crate) fn watching(home: &Home, keeper: &Arc<Keeper>, model: &str) -> Result<Option<Watching>> {
    let mut loops = Loops::new(home, Arc::clone(keeper));
    loops.refresh(&mut Round::default())?;
    let mut watched = loops.watched();
    let found = watched.find(|(_, watched)| watched.register.model == model);
    Ok(found.map(|(deployment, watched)| Watching {
        pipeline: deployment.name.clone(),
        watched: watched.clone(),
    }))
}

/// Where the loop of a model stands, by the file that watches it.
pub(crate) fn standing_of(
    keeper: &Keeper,
    model: &str,
    watching: Option<&Watching>,
    findings: FindingsAsked,
    now: Timestamp,
) -> Result<MonitorReport> {
    let known = keeper.wait(|s| s.model(model))?;
    let standing = keeper.wait(|s| s.loop_standing(model))?;
    let state = state_of(keeper, model)?;
    let findings = keeper.wait(|s| async move {
        match findings {
            FindingsAsked::Last(limit) => s.last_findings(model, limit).await,
            FindingsAsked::After(number, limit) => s.findings_after(model, number, limit).await,
        }
    })?;
    let alias = watching.map(|watching| watching.watched.alias().to_owned());
    let champion = alias.as_ref().and_then(|alias| known.aliases.get(alias).copied());
    let mut report = MonitorReport {
        model: model.into(),
        pipeline: watching.map(|watching| watching.pipeline.clone()),
        champion: champion.or(state.as_ref().and_then(|state| state.champion)),
        alias,
        phase: state.as_ref().map(|state| state.phase.key()),
        since: None,
        until: None,
        run: None,
        version: None,
        previous: None,
        why: None,
        approval: None,
        wrong: state.as_ref().map(wrong).unwrap_or_default(),
        retraining: watching.and_then(|w| retraining(w, &state.clone().unwrap_or_default(), now)),
        stepped: standing.map(|standing| standing.at),
        findings,
    };
    if let Some(state) = state {
        report.tell_of(state.phase, watching);
    }
    Ok(report)
}

/// What the loop of a model keeps; nothing before its first step.
pub(super) fn state_of(keeper: &Keeper, model: &str) -> Result<Option<LoopState>> {
    let Some(standing) = keeper.wait(|s| s.loop_standing(model))? else { return Ok(None) };
    serde_json::from_value(standing.state).map(Some).map_err(|error| {
        let found = format!("where the loop of `{model}` stands cannot be read: {error}");
        Error::new(Kind::Stored, found)
    })
}

/// The runs of all retrainings that are under way, whose rows are still needed.
///
/// # Errors
/// When the store cannot be read, or where a loop stands is damaged.
pub(crate) fn under_way(keeper: &Keeper) -> Result<HashSet<RunId>> {
    let models = keeper.wait(|s| s.models(Page { limit: u32::MAX, offset: 0 }))?;
    let mut runs = HashSet::new();
    for model in models {
        runs.extend(state_of(keeper, &model.name)?.and_then(|state| state.phase.run()));
    }
    Ok(runs)
}

impl MonitorReport {
    fn tell_of(&mut self, phase: Phase, watching: Option<&Watching>) {
        let section = watching.map(|watching| &watching.watched.monitor);
        match phase {
            Phase::Watching => {}
            Phase::Retraining { run, since, why } => {
                self.run = Some(run.to_string());
                (self.since, self.why) = (Some(since), Some(why));
                let timeout =
                    section.and_then(|s| s.retrain.as_ref()).map(|retrain| retrain.timeout);
                self.until = timeout.map(|timeout| later(since, timeout));
            }
            Phase::Comparing { run, version } => {
                self.run = Some(run.to_string());
                self.version = Some(version);
            }
            Phase::Waiting { version, since } => {
                (self.version, self.since) = (Some(version), Some(since));
                let alias = self.alias.as_deref().unwrap_or(CHAMPION);
                self.approval = Some(Approval::of(&self.model, version, alias));
            }
            Phase::Proving { version, before, since } => {
                (self.version, self.previous) = (Some(version), Some(before));
                self.since = Some(since);
                let length = section.and_then(|s| s.watch).map(|watch| watch.length);
                self.until = length.map(|length| later(since, length));
            }
        }
    }
}

impl Approval {
    /// What a person types, whatever the model is called.
    pub(super) fn of(model: &str, version: u32, alias: &str) -> Self {
        let (model, alias) = (word(model), word(alias));
        Self {
            approve: format!("gristmill models promote {model} {version} {alias}"),
            decline: format!("gristmill models decline {model} {version} --why \"...\""),
        }
    }
}

/// A text as one word of a command line, for a person to copy.
fn word(text: &str) -> String {
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    match text.chars().all(is_harmless) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

fn later(moment: Timestamp, by: TimeSpan) -> Timestamp {
    let micros = i64::try_from(by.duration().as_micros()).unwrap_or(i64::MAX);
    Timestamp(moment.0.saturating_add(micros))
}

fn wrong(state: &LoopState) -> Vec<Wrong> {
    let alarms = state.alarms.iter().map(|(occasion, alarm)| Wrong {
        occasion: occasion.clone(),
        since: alarm.since,
        words: alarm.words.clone(),
    });
    alarms.collect()
}

fn retraining(watching: &Watching, state: &LoopState, now: Timestamp) -> Option<RetrainReport> {
    let retrain = watching.watched.monitor.retrain.as_ref()?;
    let rest = state.retrainings.rest(pace(retrain), now);
    Some(RetrainReport {
        on: retrain.on.iter().map(ToString::to_string).collect(),
        from: rest.map_or(now, Rest::until),
        rest: rest.map(|rest| match rest {
            Rest::Cooldown { .. } => "cooldown",
            Rest::Budget { .. } => "budget",
        }),
        held_back: state.held_back,
        last_ended: state.retrainings.ended,
    })
}

/// Declines a version whose approval is waited for: the loop goes on without it.
///
/// # Errors
/// When there is no such version, or nobody waits for a word on it.
pub fn decline(home: &Home, model: &str, version: u32, why: &str) -> Result<()> {
    decline_by(&Keeper::open(home)?, model, version, by_hand(why))
}

pub(super) fn decline_by(keeper: &Keeper, model: &str, version: u32, note: Note) -> Result<()> {
    let found = keeper.wait(|s| s.version(model, version))?;
    match state_of(keeper, model)?.map(|state| state.phase) {
        Some(Phase::Waiting { version: waiting, .. }) if waiting == version => {}
        Some(Phase::Waiting { version: waiting, .. }) => {
            let found = format!("nobody waits for a word on version {version} of `{model}`");
            return Err(
                Error::input(found).with_hint(format!("it is version {waiting} that waits"))
            );
        }
        phase => {
            let is = phase.map_or("nobody watches it", |phase| phase.word());
            let found = format!(
                "nobody waits for a word on version {version} of `{model}`; its loop: {is}"
            );
            return Err(Error::input(found).with_hint(format!(
                "`gristmill models monitor {}` says where it stands",
                word(model)
            )));
        }
    }
    let event = NewEvent::new(WhatHappened::Refused, note);
    let event = NewEvent { version: Some(version), run: found.run, ..event };
    keeper.wait(|s| s.record_event(model, event))
}

impl MonitorReport {
    /// What the loop is about, in a sentence.
    pub fn headline(&self) -> String {
        let moment = |at: Option<Timestamp>| at.map_or_else(|| "?".into(), words_of);
        let version = |number: Option<u32>| {
            number.map_or_else(|| "no version".into(), |number| format!("version {number}"))
        };
        let until = self.until.map_or_else(String::new, |at| format!(", until {}", words_of(at)));
        match (self.phase, &self.pipeline) {
            (None, None) => "no deployed file watches it".into(),
            (None, Some(_)) => "watched, and no step was taken yet".into(),
            (Some("watching"), None) => "no deployed file watches it any more".into(),
            (Some("retraining"), _) => {
                let run: String = self.run.iter().flat_map(|run| run.chars().take(8)).collect();
                format!("retraining: run {run} since {}{until}", moment(self.since))
            }
            (Some("comparing"), _) => format!("comparing {}", version(self.version)),
            (Some("waiting_for_approval"), _) => format!(
                "waiting for approval of {} since {}",
                version(self.version),
                moment(self.since)
            ),
            (Some("proving"), _) => format!(
                "proving {} since {}{until}; before it was {}",
                version(self.version),
                moment(self.since),
                version(self.previous)
            ),
            _ => format!("watching {}", version(self.champion)),
        }
    }

    /// When the next retraining may begin, in a sentence; nothing where the file asks for none.
    pub fn next(&self) -> Option<String> {
        let retraining = self.retraining.as_ref()?;
        let on = retraining.on.join(", ");
        let asked = if retraining.held_back { "one is asked for and waits; " } else { "" };
        Some(match retraining.rest {
            None => format!("{asked}may begin now, on {on}"),
            Some(rest) => {
                format!("{asked}may begin from {} ({rest}), on {on}", words_of(retraining.from))
            }
        })
    }
}

/// A moment for people.
fn words_of(at: Timestamp) -> String {
    format!("{} UTC", crate::runs::moment_words(at))
}
