//! The champion is watched: what is wrong with it, what asks for a retraining, and whether one may begin.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use gristmill_evaluate::Metric;
use gristmill_flow::{CatchUp, due};
use gristmill_monitor::{Pace, Rest};
use gristmill_track::{
    Due, Finding, FindingKind, LoopAct, ModelVersion, NewEvent, NewFinding, RunId, WhatHappened,
};
use serde_json::json;

use super::rows::{self, Files, Laid};
use super::state::{Alarm, LoopState, Phase};
use super::turn::{Planned, Turn};
use super::{DataPart, Occasion, PerformanceSection, RetrainSection};
use crate::job::{Ticket, rfc3339};
use crate::predictions::{Form, Wanted, labelled};
use crate::{Error, Kind, Result};

/// How many findings are read at a time.
const FINDINGS: u32 = 500;
/// A retraining that learns from requests waits for so many with a label: half of them to compare on.
const ENOUGH: usize = 2 * rows::FEWEST;
const TOO_LITTLE: &str =
    "it waits for labels of what was asked since the champion was made: there are fewer than 60";
/// What retrainings are called among the occasions of a deployment.
const TRIGGER: &str = "monitor";

/// What asks for a retraining.
struct Asked {
    occasion: Occasion,
    words: String,
}

impl Turn<'_> {
    /// Reads what was found, and begins a retraining where one is asked for and may begin.
    pub(super) fn watch(&mut self, before: LoopState, after: u64) -> Result<Option<Planned>> {
        let Some(champion) = self.champion()? else { return Ok(None) };
        let mut planned = Planned::new(before.clone());
        self.begin_with(&mut planned.state, &champion);
        self.look_at_performance(&champion)?;
        self.read_findings(&mut planned, &champion)?;
        let asked = self.asked(&planned.state, &champion)?;
        if let Some(retrain) = self.section().retrain.clone()
            && !asked.is_empty()
        {
            let pace = pace(&retrain);
            match planned.state.retrainings.rest(pace, self.now) {
                Some(rest) => self.hold_back(&mut planned, &asked, &resting(rest)),
                None if self.is_something_new(&champion, &retrain, &asked)? => {
                    self.begin(&mut planned, &champion, &retrain, &asked, after)?;
                }
                None => self.hold_back(&mut planned, &asked, TOO_LITTLE),
            }
        }
        let is_new = planned.act.is_some() || !planned.events.is_empty() || planned.state != before;
        Ok(is_new.then_some(planned))
    }

    /// Alarms are about one version: another one begins without.
    fn begin_with(&mut self, state: &mut LoopState, champion: &ModelVersion) {
        if state.champion != Some(champion.version) {
            state.champion = Some(champion.version);
            state.alarms.clear();
            state.held_back = false;
            self.memory.is_enough = false;
            self.memory.learned = None;
        }
        state.labels_since.get_or_insert(champion.created.min(self.now));
        if state.source.is_none() {
            state.source = self.source_mark();
        }
    }

    /// Scores the champion on its latest labelled answers, where labels have come since it was last done.
    fn look_at_performance(&mut self, champion: &ModelVersion) -> Result<()> {
        let Some(asked) = self.section().performance.clone() else { return Ok(()) };
        let found = self.new_evidence(champion.created, self.memory.scored)?;
        let Some(evidence) = found.filter(|(labels, _)| *labels >= asked.min_rows) else {
            return Ok(());
        };
        self.memory.scored = Some((evidence, self.now));
        let model = self.model().to_owned();
        match self.score(champion, &asked)? {
            Some(found) => self.keeper.wait(|s| s.record_finding(&model, found)).map(drop),
            None => Ok(()),
        }
    }

    fn score(
        &mut self,
        champion: &ModelVersion,
        asked: &PerformanceSection,
    ) -> Result<Option<NewFinding>> {
        let fitted = self.fitted(champion)?;
        let form = Form { input: fitted.input(), target: fitted.target(), time: None };
        let wanted = Wanted {
            most: usize::try_from(asked.rows.max(asked.min_rows)).unwrap_or(usize::MAX),
            since: None,
            version: Some(champion.version),
        };
        let found = labelled(self.home, self.keeper, self.model(), wanted, form)?;
        let rows = found.rows.rows() as u64;
        let (Some(from), Some(to)) = (found.moments.first(), found.moments.last()) else {
            return Ok(None);
        };
        if rows < asked.min_rows {
            return Ok(None);
        }
        let metric = Metric::named(&asked.metric)?;
        let known = fitted.target().apply(&found.rows)?;
        // What it answered then: asked anew without what it had seen before, it might answer otherwise.
        let Some(answered) = &found.answered else { return Ok(None) };
        let value = metric.compute(fitted.target(), &known, answered);
        let why = value.as_ref().err().map(ToString::to_string);
        let value = value.ok();
        Ok(Some(NewFinding {
            version: champion.version,
            what: FindingKind::Performance,
            name: metric.name().into(),
            value,
            threshold: asked.threshold(),
            alarm: value.is_some_and(|value| asked.is_alarm(value)),
            rows,
            from: *from,
            to: *to,
            at: self.now,
            detail: json!({"undefined": why}),
        }))
    }

    /// Raises and clears alarms by what was found of the champion since the last look.
    fn read_findings(&self, planned: &mut Planned, champion: &ModelVersion) -> Result<()> {
        loop {
            let seen = planned.state.seen;
            let some = self.keeper.wait(|s| s.findings_after(self.model(), seen, FINDINGS))?;
            let Some(last) = some.last() else { return Ok(()) };
            planned.state.seen = last.number;
            for finding in some.iter().filter(|finding| finding.found.version == champion.version) {
                self.heed(planned, finding);
            }
        }
    }

    fn heed(&self, planned: &mut Planned, finding: &Finding) {
        let found = &finding.found;
        let occasion = match found.what {
            FindingKind::Drift => Occasion::Drift,
            // What is known goes before what is only estimated.
            FindingKind::Estimate if self.memory.scored.is_some() => return,
            _ => Occasion::Performance,
        };
        let alarms = &mut planned.state.alarms;
        if !found.alarm {
            if found.value.is_some() {
                alarms.remove(&occasion.to_string());
            }
            return;
        }
        if alarms.contains_key(&occasion.to_string()) {
            return;
        }
        let words = words(found);
        let since = self.now;
        planned.state.alarms.insert(occasion.to_string(), Alarm { since, words: words.clone() });
        planned.state.held_back = false;
        planned.events.push(NewEvent {
            version: Some(found.version),
            detail: json!({"finding": finding}),
            ..self.event(WhatHappened::Alarm, words)
        });
    }

    /// What asks for a retraining now.
    fn asked(&self, state: &LoopState, champion: &ModelVersion) -> Result<Vec<Asked>> {
        let Some(retrain) = &self.section().retrain else { return Ok(Vec::new()) };
        let mut asked = Vec::new();
        for occasion in &retrain.on {
            let words = match occasion {
                Occasion::Drift | Occasion::Performance => {
                    state.alarms.get(&occasion.to_string()).map(|alarm| alarm.words.clone())
                }
                Occasion::Schedule => self
                    .planned_moment(state)
                    .map(|moment| format!("it was planned for {}", rfc3339(Timestamp(moment)))),
                Occasion::Data => {
                    let mark = self.source_mark();
                    let is_new = mark.is_some() && mark != state.source;
                    is_new.then(|| "the files of the source have changed".into())
                }
                Occasion::Labels(most) => {
                    let since = state.labels_since.unwrap_or(champion.created);
                    let labels = self.keeper.wait(|s| s.labels_since(self.model(), since))?;
                    (labels >= *most).then(|| format!("{labels} labels have come"))
                }
            };
            asked.extend(words.map(|words| Asked { occasion: *occasion, words }));
        }
        Ok(asked)
    }

    /// The newest moment of the schedules that has passed and started nothing yet.
    fn planned_moment(&self, state: &LoopState) -> Option<i64> {
        let newest = self.deployed.schedules.iter().filter_map(|(schedule, since)| {
            let due = due(schedule, state.scheduled, *since, self.now.0, CatchUp::Latest);
            due.moments.last().copied()
        });
        newest.max()
    }

    /// What the files of the source look like: their names, sizes and times; nothing where they cannot be seen.
    fn source_mark(&self) -> Option<String> {
        let wanted = self.section().retrain.as_ref()?.on.contains(&Occasion::Data);
        let mut hasher = blake3::Hasher::new();
        for (_, spec, _) in self.deployed.data.named_sources().filter(|_| wanted) {
            for path in gristmill_ingest::files(spec, self.deployed.folder).ok()? {
                let about = fs_err::metadata(&path).ok()?;
                hasher.update(
                    format!("{path:?} {} {:?}", about.len(), about.modified().ok()).as_bytes(),
                );
            }
        }
        wanted.then(|| hasher.finalize().to_hex().to_string())
    }

    /// Whether there is anything to learn that the champion does not know: labels of what drifted mostly come later
    /// than the alarm, and a retraining without them would be for nothing.
    fn is_something_new(
        &mut self,
        champion: &ModelVersion,
        retrain: &RetrainSection,
        asked: &[Asked],
    ) -> Result<bool> {
        let is_of_itself =
            |asked: &Asked| matches!(asked.occasion, Occasion::Schedule | Occasion::Data);
        if !retrain.learns_from_log() || asked.iter().any(is_of_itself) {
            return Ok(true);
        }
        if let Some(evidence) = self.new_evidence(champion.created, self.memory.learned)? {
            self.memory.learned = Some((evidence, self.now));
            let fitted = self.fitted(champion)?;
            let form = Form { input: fitted.input(), target: fitted.target(), time: None };
            let (most, since) = (ENOUGH, Some(champion.created));
            let wanted = Wanted { most, since, version: None };
            let found = labelled(self.home, self.keeper, self.model(), wanted, form)?;
            self.memory.is_enough = found.rows.rows() >= ENOUGH;
        }
        Ok(self.memory.is_enough)
    }

    /// Says once that a retraining is asked for and does not begin yet.
    fn hold_back(&self, planned: &mut Planned, asked: &[Asked], what: &str) {
        if planned.state.held_back {
            return;
        }
        planned.state.held_back = true;
        let why = format!("{}; {what}", all(asked));
        let version = planned.state.champion;
        planned.events.push(NewEvent { version, ..self.event(WhatHappened::HeldBack, why) });
    }

    /// Begins a retraining: its rows are laid aside, and its run is claimed with the step.
    fn begin(
        &mut self,
        planned: &mut Planned,
        champion: &ModelVersion,
        retrain: &RetrainSection,
        asked: &[Asked],
        after: u64,
    ) -> Result<()> {
        let number = (after + 1).to_string();
        let parts = ["retraining", self.deployed.pipeline, self.model(), &number];
        let run = RunId::from_parts(&parts.map(str::as_bytes));
        let files = Files::of(self.home, run);
        let laid = match self.lay_aside(champion, retrain, &files) {
            // It could not be otherwise the next time; so it is an end, not something to try each second.
            Err(error) if error.kind == Kind::Input => {
                planned.state.rest(self.now);
                let why = format!("{}; it cannot begin: {}", all(asked), error.message);
                planned.events.push(self.event(WhatHappened::RetrainingEnded, why));
                return Ok(());
            }
            laid => laid?,
        };
        let why = all(asked);
        planned.act = Some(LoopAct::Claim(self.due(run, number, retrain, laid, &files)?));
        planned.events.push(NewEvent {
            version: Some(champion.version),
            run: Some(run),
            detail: json!({"learned": laid.learned, "compared": laid.compared}),
            ..self.event(WhatHappened::Retraining, &why)
        });
        self.note_begin(&mut planned.state, retrain, asked);
        planned.state.phase = Phase::Retraining { run, since: self.now, why };
        Ok(())
    }

    /// Whatever asks for a retraining is counted from here on anew.
    fn note_begin(&self, state: &mut LoopState, retrain: &RetrainSection, asked: &[Asked]) {
        state.retrainings.begin(self.now, pace(retrain));
        state.labels_since = Some(self.now);
        state.source = self.source_mark();
        state.held_back = false;
        if asked.iter().any(|asked| asked.occasion == Occasion::Schedule) {
            state.scheduled = self.planned_moment(state).or(state.scheduled);
        }
    }

    fn lay_aside(
        &mut self,
        champion: &ModelVersion,
        retrain: &RetrainSection,
        files: &Files,
    ) -> Result<Laid> {
        if !retrain.learns_from_log() {
            return Ok(Laid::default());
        }
        let fitted = self.fitted(champion)?;
        let of = (self.section(), self.deployed.data);
        let laid = rows::lay_aside(self.home, self.keeper, (champion, &fitted), of, files)?;
        if laid.learned == 0 && !retrain.data.contains(&DataPart::Source) {
            return Err(Error::input("there are no labelled requests to learn from"));
        }
        Ok(laid)
    }

    /// The occasion that the run of a retraining is for.
    fn due(
        &self,
        run: RunId,
        key: String,
        retrain: &RetrainSection,
        laid: Laid,
        files: &Files,
    ) -> Result<Due> {
        let mut set = vec!["register.promote=null".to_string()];
        let needs: Vec<_> = (laid.learned > 0).then(|| files.logged()).into_iter().collect();
        if laid.learned > 0 {
            let path = serde_json::Value::from(files.logged().to_string_lossy());
            match retrain.data.contains(&DataPart::Source) {
                true => set.push(format!("data.append={path}")),
                false => {
                    set.extend(["data.sql=null".into(), "data.sources={}".into()]);
                    set.push(format!("data.source={path}"));
                }
            }
        }
        set.extend(retrain.latest.map(|latest| format!("data.latest={latest}")));
        let ticket = Ticket {
            file: self.deployed.file.into(),
            folder: self.deployed.folder.into(),
            set,
            payload: json!({"model": self.model()}),
            needs,
            signal: None,
        };
        Ok(Due {
            deployment: self.deployed.pipeline.into(),
            trigger: TRIGGER.into(),
            key: format!("{} {key}", self.model()),
            due: self.now,
            run,
            claimed: self.now,
            payload: ticket.to_json()?,
        })
    }
}

/// Why none may begin yet, and until when.
fn resting(rest: Rest) -> String {
    let what = match rest {
        Rest::Cooldown { .. } => "the last retraining ended too short a while ago",
        Rest::Budget { .. } => "the budget is spent",
    };
    format!("{what}, it waits until {}", rfc3339(rest.until()))
}

pub(super) fn pace(retrain: &RetrainSection) -> Pace {
    let micros = |span: gristmill_flow::TimeSpan| {
        u64::try_from(span.duration().as_micros()).unwrap_or(u64::MAX)
    };
    let budget = retrain.budget;
    Pace { cooldown: micros(retrain.cooldown), times: budget.times, per: budget.per }
}

/// All that asks for a retraining, in words.
fn all(asked: &[Asked]) -> String {
    let words: BTreeMap<String, &str> =
        asked.iter().map(|asked| (asked.occasion.to_string(), asked.words.as_str())).collect();
    let words = words.into_iter().map(|(occasion, words)| format!("{occasion}: {words}"));
    words.collect::<Vec<_>>().join("; ")
}

/// What was found, in words.
fn words(found: &NewFinding) -> String {
    let value = found.value.map_or_else(|| "no value".into(), |value| format!("{value:.4}"));
    let held = found.threshold.map_or_else(String::new, |held| format!(", held against {held}"));
    let rows = gristmill_view::count(found.rows);
    match found.what {
        FindingKind::Drift => {
            let share = found.value.map_or_else(String::new, |v| format!("{:.0} %", 100.0 * v));
            let columns = found.detail["moved"].as_array().cloned().unwrap_or_default();
            let names = columns.iter().filter_map(|name| name.as_str()).collect::<Vec<_>>();
            let names =
                if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
            format!("{share} of the columns have moved{names} in {rows} rows")
        }
        FindingKind::Estimate => {
            format!(
                "`{}` is estimated to be {value}{held}, of {rows} rows without labels",
                found.name
            )
        }
        _ => format!("`{}` is {value}{held}, of {rows} labelled rows", found.name),
    }
}
