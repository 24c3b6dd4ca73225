//! What becomes of a retraining: its run, the meeting with the champion, the word of a person, and the time in
//! which the new version proves itself.

use gristmill_core::Timestamp;
use gristmill_track::{LoopAct, ModelVersion, NewEvent, RunId, RunStatus, Store, WhatHappened};
use serde_json::json;

use super::compare::{By, Meeting, Two, meet};
use super::rows::{CommonRows, Files, common_rows};
use super::standing::Approval;
use super::state::{LoopState, Phase};
use super::turn::{Planned, Turn, detail};
use super::{AtLeast, CompareSection};
use crate::job::{Job, known, record_end, rfc3339};
use crate::predictions::{Form, Wanted, labelled};
use crate::{Kind, Result};

/// Of a version that proves itself, so many labelled answers are looked at.
const PROVING_ROWS: usize = 20_000;

impl Turn<'_> {
    /// Waits for the run, for as long as it may take.
    pub(super) fn retraining(
        &mut self,
        mut state: LoopState,
        run: RunId,
        since: Timestamp,
        why: &str,
    ) -> Result<Option<Planned>> {
        let found = known(self.keeper, run)?;
        let status = found.as_ref().map(|run| run.info.status);
        let error = found.and_then(|run| run.info.error);
        match status {
            None | Some(RunStatus::Running | RunStatus::Interrupted) => {
                self.mind_the_time(state, run, since, status)
            }
            Some(RunStatus::Succeeded) => match self.made_by(run)? {
                Some(version) => {
                    state.phase = Phase::Comparing { run, version };
                    Ok(Some(Planned::new(state)))
                }
                None => {
                    let event = self.event(
                        WhatHappened::RetrainingEnded,
                        format!("{why}; the new model is the very one that is registered already"),
                    );
                    Ok(self.ended(state, NewEvent { run: Some(run), ..event }))
                }
            },
            Some(status) => {
                let said = error.unwrap_or_else(|| "it did not say why".into());
                let event = self.event(
                    WhatHappened::RetrainingEnded,
                    format!("its run {}: {said}", ended_as(status)),
                );
                self.memory.overdue.remove(&run);
                Ok(self.ended(state, NewEvent { run: Some(run), ..event }))
            }
        }
    }

    /// A run that takes too long is asked to end by whoever has its process; one that never began is given up.
    fn mind_the_time(
        &mut self,
        state: LoopState,
        run: RunId,
        since: Timestamp,
        status: Option<RunStatus>,
    ) -> Result<Option<Planned>> {
        let Some(retrain) = &self.section().retrain else {
            let event = self.event(
                WhatHappened::RetrainingEnded,
                "the deployed file asks for no retraining any more",
            );
            return Ok(self.ended(state, NewEvent { run: Some(run), ..event }));
        };
        let timeout = retrain.timeout;
        let micros = i64::try_from(timeout.duration().as_micros()).unwrap_or(i64::MAX);
        if self.now.0.saturating_sub(since.0) <= micros {
            return Ok(None);
        }
        if status.is_some() {
            // Whoever has its process ends that first, so that it cannot write over what is said of the run.
            self.memory.overdue.insert(run);
            return Ok(None);
        }
        let error = format!("it did not begin within {timeout}");
        let open = self.keeper.wait(Store::open_dues)?;
        if let Some(due) = open.iter().find(|due| due.run == run) {
            record_end(self.keeper, &Job::of(due)?, RunStatus::Failed, &error)?;
        }
        let event = self.event(WhatHappened::RetrainingEnded, error);
        Ok(self.ended(state, NewEvent { run: Some(run), ..event }))
    }

    /// The version of the model that a run made.
    fn made_by(&self, run: RunId) -> Result<Option<u32>> {
        let versions = self.keeper.wait(|s| s.versions_of_run(run))?;
        let ours = versions.iter().filter(|version| version.model == self.model());
        Ok(ours.map(|version| version.version).max())
    }

    /// The new version meets the champion: it is promoted, or what it lacks is put on record.
    pub(super) fn compare(
        &mut self,
        state: LoopState,
        run: RunId,
        version: u32,
    ) -> Result<Option<Planned>> {
        let new = self.version(version)?;
        let of_it = |event| NewEvent { version: Some(version), run: Some(run), ..event };
        let Some(champion) = self.champion()? else {
            return self.promote(state, run, &new, None, "no version held it".into());
        };
        if champion.version == version {
            let why = "somebody promoted the new version before it was compared";
            return Ok(self.ended(state, of_it(self.event(WhatHappened::RetrainingEnded, why))));
        }
        let (why, detail) = match self.meeting(run, &new, &champion) {
            Ok(meeting) if meeting.comparison.promoted => {
                let words = meeting.comparison.words();
                return self.promote(state, run, &new, Some((&champion, meeting)), words);
            }
            Ok(meeting) => (meeting.comparison.words(), detail(&meeting)),
            Err(error) if error.kind == Kind::Bug => return Err(error),
            // Nothing shows that the new version is better, so the champion stays.
            Err(error) => {
                let (other, why) = (champion.version, error.message);
                (format!("it could not be compared with version {other}: {why}"), json!(null))
            }
        };
        let event = NewEvent { detail, ..self.event(WhatHappened::Refused, why) };
        Ok(self.ended(state, of_it(event)))
    }

    fn meeting(
        &mut self,
        run: RunId,
        new: &ModelVersion,
        champion: &ModelVersion,
    ) -> Result<Meeting> {
        let common = common_rows(self.home, self.keeper, run, &Files::of(self.home, run))?;
        let section = &self.deployed.watched.monitor.compare;
        let slices = match section.slices.is_empty() {
            true => self.deployed.slices,
            false => &section.slices,
        };
        self.meet(new, champion, &common, (section, slices))
    }

    fn meet(
        &mut self,
        challenger: &ModelVersion,
        champion: &ModelVersion,
        common: &CommonRows,
        (section, slices): (&CompareSection, &[String]),
    ) -> Result<Meeting> {
        let (ours, theirs) = (self.fitted(challenger)?, self.fitted(champion)?);
        let by = By {
            alias: self.alias(),
            metric: self.metric(&ours)?,
            section,
            slices,
            seed: self.seed(),
        };
        let two = Two { challenger: (challenger, &ours), champion: (champion, &theirs) };
        meet(&two, &by, common)
    }

    /// The new version takes the alias, or waits for a person where one must approve of it.
    fn promote(
        &mut self,
        mut state: LoopState,
        run: RunId,
        new: &ModelVersion,
        met: Option<(&ModelVersion, Meeting)>,
        why: String,
    ) -> Result<Option<Planned>> {
        let (before, detail) = match &met {
            Some((champion, meeting)) => (Some(champion.version), detail(meeting)),
            None => (None, json!(null)),
        };
        if self.needs_approval(new)? {
            let version = new.version;
            let Approval { approve, decline } = Approval::of(self.model(), version, self.alias());
            let why = format!("{why}; to approve: {approve}; to decline: {decline}");
            let event = self.event(WhatHappened::ApprovalAsked, why);
            state.phase = Phase::Waiting { version, since: self.now };
            state.line = self.last_line()?;
            let event = NewEvent { version: Some(version), run: Some(run), detail, ..event };
            return Ok(Some(Planned { events: vec![event], ..Planned::new(state) }));
        }
        let (alias, version) = (self.alias().to_owned(), new.version);
        let act = LoopAct::Promote { alias, version, note: self.note(why), detail };
        self.promoted(&mut state, version, before)?;
        Ok(Some(Planned { act: Some(act), ..Planned::new(state) }))
    }

    /// Whether a person must say yes: the file wants it so, or the rule of the alias does.
    fn needs_approval(&self, new: &ModelVersion) -> Result<bool> {
        let rules = self.keeper.wait(|s| s.alias_rules(self.model()))?;
        let note = self.note("");
        let is_refused =
            rules.iter().any(|rule| rule.alias == self.alias() && !rule.allows(new, &note));
        Ok(self.section().compare.approval || is_refused)
    }

    /// From now on the new version is watched more closely, where the file says so.
    fn promoted(&self, state: &mut LoopState, version: u32, before: Option<u32>) -> Result<()> {
        state.rest(self.now);
        state.alarms.clear();
        state.champion = Some(version);
        if let (Some(_), Some(before)) = (self.section().watch, before) {
            state.line = self.last_line()?;
            state.phase = Phase::Proving { version, before, since: self.now };
        }
        Ok(())
    }

    /// Looks whether a person has promoted the version, or refused it.
    pub(super) fn wait_for_approval(
        &mut self,
        mut state: LoopState,
        version: u32,
    ) -> Result<Option<Planned>> {
        // The loop itself moves nothing while it waits: whatever stands here a person did, whoever it is.
        let history = self.keeper.wait(|s| s.history_after(self.model(), state.line, 1_000))?;
        let of_it = |what: WhatHappened| {
            history.iter().find(|event| event.what == what && event.version == Some(version))
        };
        if let Some(moved) = of_it(WhatHappened::AliasSet)
            .filter(|moved| moved.alias.as_deref() == Some(self.alias()))
        {
            let before = moved.previous;
            self.promoted(&mut state, version, before)?;
            return Ok(Some(Planned::new(state)));
        }
        let is_gone = self.version(version).is_err();
        if of_it(WhatHappened::Refused).is_some() || is_gone {
            state.rest(self.now);
            return Ok(Some(Planned::new(state)));
        }
        Ok(None)
    }

    /// Holds the new version against the one before it, on what it was asked since it was promoted.
    pub(super) fn prove(
        &mut self,
        mut state: LoopState,
        version: u32,
        before: u32,
        since: Timestamp,
    ) -> Result<Option<Planned>> {
        let Some(watch) = self.section().watch else {
            state.phase = Phase::Watching;
            return Ok(Some(Planned::new(state)));
        };
        let named = self.champion()?.map(|champion| champion.version);
        if named != Some(version) {
            let event = self.event(
                WhatHappened::WatchPassed,
                "the alias was moved by somebody else before the time was over",
            );
            state.phase = Phase::Watching;
            let event = NewEvent { version: Some(version), ..event };
            return Ok(Some(Planned { events: vec![event], ..Planned::new(state) }));
        }
        let micros = i64::try_from(watch.length.duration().as_micros()).unwrap_or(i64::MAX);
        let is_over = self.now.0.saturating_sub(since.0) >= micros;
        if !is_over && !self.has_new_evidence(since)? {
            return Ok(None);
        }
        let found = self.live(version, before, since, watch.min_rows as usize)?;
        match found {
            Some(meeting) if meeting.comparison.promoted && watch.rollback => {
                Ok(Some(self.roll_back(state, version, &meeting)))
            }
            found if is_over => Ok(Some(self.passed(state, version, found))),
            _ => Ok(None),
        }
    }

    /// Whether there is more evidence than when this was last asked.
    fn has_new_evidence(&mut self, since: Timestamp) -> Result<bool> {
        let found = self.new_evidence(since, self.memory.proved)?;
        let is_new = found.is_some();
        if let Some(found) = found {
            self.memory.proved = Some((found, self.now));
        }
        Ok(is_new)
    }

    /// How the version before would have done on what the new one was asked; `promoted` says that it is surely
    /// better. Nothing where too few labels have come.
    fn live(
        &mut self,
        version: u32,
        before: u32,
        since: Timestamp,
        least: usize,
    ) -> Result<Option<Meeting>> {
        let (new, old) = (self.version(version)?, self.version(before));
        // A version that was deleted meanwhile is nothing to go back to.
        let Ok(old) = old else { return Ok(None) };
        let fitted = self.fitted(&new)?;
        let form = Form { input: fitted.input(), target: fitted.target(), time: None };
        // A model that looks at earlier rows needs those that others answered too.
        let since_then = Some(since).filter(|_| !fitted.is_windowed());
        let wanted = Wanted { most: PROVING_ROWS, since: since_then, version: None };
        let found = labelled(self.home, self.keeper, self.model(), wanted, form)?;
        let is_its = |row: &u32| {
            let row = *row as usize;
            found.versions[row] == Some(version) && found.moments[row] >= since
        };
        let rows: Vec<u32> = (0..found.rows.rows() as u32).filter(is_its).collect();
        if rows.len() < least.max(super::rows::FEWEST) {
            return Ok(None);
        }
        let table = std::sync::Arc::new(found.rows);
        let common = CommonRows { table, rows, words: "what it was asked since it was promoted" };
        let asked = &self.section().compare;
        let section = CompareSection { at_least: AtLeast::Better, ..asked.clone() };
        match self.meet(&old, &new, &common, (&section, &[])) {
            Err(error) if error.kind == Kind::Bug => Err(error),
            // A version that cannot answer is nothing to go back to.
            Err(_) => Ok(None),
            met => met.map(Some),
        }
    }

    fn roll_back(&self, mut state: LoopState, version: u32, meeting: &Meeting) -> Planned {
        let words = meeting.comparison.words();
        let why = format!(
            "version {} would have done better: {words}",
            meeting.comparison.challenger.version
        );
        let (alias, note) = (self.alias().to_owned(), self.note(why));
        let act = LoopAct::RollBack { alias, from: version, note, detail: detail(meeting) };
        state.rest(self.now);
        Planned { act: Some(act), ..Planned::new(state) }
    }

    fn passed(&self, mut state: LoopState, version: u32, found: Option<Meeting>) -> Planned {
        let why = match &found {
            Some(meeting) => meeting.comparison.words(),
            None => format!("too few labels came by {} to say more", rfc3339(self.now)),
        };
        let event = self.event(WhatHappened::WatchPassed, why);
        let event = NewEvent { version: Some(version), detail: detail(&found), ..event };
        // The retraining ended when it was promoted.
        state.phase = Phase::Watching;
        Planned { events: vec![event], ..Planned::new(state) }
    }
}

fn ended_as(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Refused => "was refused by its gate",
        RunStatus::Cancelled => "was cancelled",
        _ => "failed",
    }
}
