//! The trials of a search in the store: each a run of its own, part of the run that searches.
//!
//! The id of a trial follows from its search and its number, so whoever creates it first has it. Who
//! has it and is dead is known by the run that it is a part of. A search is known by everything that
//! decides its trials and by nothing that bounds their number, so a run with a greater budget, or
//! another process on the same store, finds the trials that were done before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use gristmill_core::{Clock, Timestamp};
use gristmill_evaluate::search::{Claim, End, Ledger, Point, Record, Space, Trial};
use gristmill_flow::Digest;
use gristmill_track::{
    Batch, Comparison, Condition, ExperimentId, Lifecycle, MAX_PARAM_CHARS, MAX_TAG_CHARS, NewRun,
    Page, Run, RunId, RunQuery, RunStatus, RunUpdate, tags,
};
use serde_json::{Value, json};

use super::cost::{Costs, SECONDS};
use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::recorder::is_at_work;
use crate::{Error, Home, Result};

/// What a run is that is a trial.
pub(crate) const KIND: &str = "trial";

/// The trials of one search.
pub(super) struct Trials<'a> {
    pub keeper: &'a Keeper,
    pub home: &'a Home,
    /// The run that searches.
    pub run: RunId,
    pub experiment: ExperimentId,
    /// What the trials are called.
    pub name: &'a str,
    pub search: Digest,
    pub space: &'a Space,
    /// What a point means, as whoever reads of the trial should see it.
    pub meaning: Meaning<'a>,
    pub costs: &'a Costs,
    known: HashMap<usize, Record>,
    /// Those that this process is at work on.
    mine: Mutex<BTreeSet<usize>>,
}

/// What a point means.
pub(super) type Meaning<'a> = &'a (dyn Fn(&Point) -> Result<Value> + Sync);

/// What is known of a search from before.
pub(super) struct Before {
    /// Trials that are done, by number.
    known: HashMap<usize, Record>,
    /// How many seconds their folds took together, by number.
    pub seconds: BTreeMap<usize, f64>,
    /// How long somebody was at work on it.
    pub micros: i64,
}

impl Before {
    /// Everything that the store has of this search.
    pub fn of(keeper: &Keeper, search: Digest) -> Result<Self> {
        const PAGE: u32 = 500;
        let condition = Condition::Tag(tags::SEARCH.into(), Comparison::Equal, search.to_string());
        let mut query = RunQuery {
            lifecycle: None,
            conditions: vec![condition],
            page: Page { limit: PAGE, offset: 0 },
            ..RunQuery::default()
        };
        let (mut known, mut times, mut seconds) = (HashMap::new(), Vec::new(), BTreeMap::new());
        loop {
            let runs = keeper.wait(|s| s.search_runs(&query))?;
            for run in &runs {
                if let (Some(number), Some(record)) = (number(run), record(run)?) {
                    // Cut short between its record and its end, which were two steps once.
                    if run.info.status == RunStatus::Running {
                        settle(keeper, run.info.id, &record, Batch::default())?;
                    }
                    known.insert(number, record);
                    seconds.extend(run.metrics.get(SECONDS).map(|took| (number, took.value)));
                    times.push((run.info.started, run.info.ended.unwrap_or(run.info.started)));
                }
            }
            if runs.len() < PAGE as usize {
                return Ok(Self { known, seconds, micros: covered(times) });
            }
            query.page.offset += u64::from(PAGE);
        }
    }
}

impl<'a> Trials<'a> {
    pub fn new(
        (keeper, home): (&'a Keeper, &'a Home),
        (run, name): (RunId, &'a str),
        (search, space, meaning): (Digest, &'a Space, Meaning<'a>),
        costs: &'a Costs,
        before: Before,
    ) -> Result<Self> {
        let experiment = keeper.wait(|s| s.run(run))?.info.experiment;
        let (known, mine) = (before.known, Mutex::default());
        Ok(Self { keeper, home, run, experiment, name, search, space, meaning, costs, known, mine })
    }

    fn id(&self, number: usize) -> RunId {
        let number = (number as u64).to_le_bytes();
        RunId::from_parts(&[b"trial", self.search.to_string().as_bytes(), &number])
    }

    fn new_run(&self, number: usize, trial: &Trial) -> Result<NewRun> {
        let meaning = (self.meaning)(&trial.point)?;
        let mut batch = Batch::default()
            .tag(tags::SEARCH, self.search)
            .tag(tags::TRIAL, number)
            .tag(tags::PARENT_RUN, self.run);
        put(&mut batch, tags::TRIAL_POINT, &json!(trial).to_string());
        put(&mut batch, tags::TRIAL_STEPS, &meaning.to_string());
        let labels = self.space.labels(&trial.point).map_err(|e| Error::bug(e.message))?;
        for (path, label) in labels {
            let label: String = label.chars().take(MAX_PARAM_CHARS).collect();
            batch = batch.param(path, label);
        }
        if trial.share < 1.0 {
            batch = batch.param("share", trial.share);
        }
        let name = format!("{} trial {number}", self.name);
        Ok(NewRun {
            kind: Some(KIND.into()),
            experiment: self.experiment,
            parent: Some(self.run),
            batch,
            ..NewRun::new(self.id(number), name, SystemClock.now())
        })
    }

    /// A trial that somebody began.
    fn begun(&self, number: usize) -> Result<Claim> {
        let id = self.id(number);
        let run = self.keeper.wait(|s| s.run(id))?;
        if run.info.lifecycle != Lifecycle::Active {
            self.keeper.wait(|s| s.set_run_lifecycle(id, Lifecycle::Active, SystemClock.now()))?;
        }
        if let Some(record) = record(&run)? {
            return Ok(Claim::Done(Box::new(record)));
        }
        let left = run.info.status == RunStatus::Interrupted;
        let mut mine = self.mine.lock().unwrap_or_else(PoisonError::into_inner);
        let others = match run.info.parent {
            Some(parent) if parent == self.run => mine.contains(&number),
            Some(parent) if !left => is_at_work(self.home, self.keeper, parent)?,
            _ => false,
        };
        if others {
            let text = get(&run.tags, tags::TRIAL_POINT).unwrap_or_default();
            let trial = serde_json::from_str(&text)
                .map_err(|e| Error::bug(format!("a stored trial cannot be read: {e}")))?;
            return Ok(Claim::Elsewhere(trial));
        }
        if left {
            let update = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
            self.keeper.wait(|s| s.update_run(id, update))?;
        }
        mine.insert(number);
        Ok(Claim::Ours)
    }
}

impl Ledger for Trials<'_> {
    type Error = Error;

    fn claim(&self, number: usize, trial: &Trial) -> Result<Claim> {
        if let Some(record) = self.known.get(&number) {
            return Ok(Claim::Done(Box::new(record.clone())));
        }
        if self.keeper.create_first(self.new_run(number, trial)?)? {
            self.mine.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
            return Ok(Claim::Ours);
        }
        self.begun(number)
    }

    fn reaches(&self, number: usize) -> bool {
        self.known.keys().any(|known| *known >= number)
    }

    fn keep(&self, number: usize, record: &Record) -> Result<()> {
        let now = SystemClock.now();
        let mut batch = Batch::default();
        for (fold, scores) in record.scores.iter().enumerate() {
            for (metric, score) in scores {
                batch = batch.metric(format!("cv.{metric}.fold"), *score, fold as i64, now);
            }
        }
        for metric in record.scores.first().into_iter().flat_map(BTreeMap::keys) {
            if let Some(scores) = record.scores_of(metric) {
                batch = batch.metric(format!("cv.{metric}.mean"), scores.mean, 0, now);
                batch = batch.metric(format!("cv.{metric}.std"), scores.std, 0, now);
            }
        }
        for (name, value) in self.costs.of(number).metrics() {
            batch = batch.metric(name, value, 0, now);
        }
        for (name, value) in &record.figures {
            batch = batch.metric(name, *value, 0, now);
        }
        let text = serde_json::to_string(record).map_err(|e| Error::bug(e.to_string()))?;
        put(&mut batch, tags::TRIAL_RECORD, &text);
        settle(self.keeper, self.id(number), record, batch)
    }

    fn leave(&self, number: usize) -> Result<()> {
        let left = RunUpdate::ended(RunStatus::Interrupted, SystemClock.now());
        self.keeper.wait(|s| s.update_run(self.id(number), left)).map(drop)
    }
}

/// Says in the store how a trial ended, and what is known of it then.
fn settle(keeper: &Keeper, id: RunId, record: &Record, batch: Batch) -> Result<()> {
    let (status, error) = match &record.end {
        End::Scored => (RunStatus::Succeeded, None),
        End::GivenUp => (RunStatus::Cancelled, Some("given up: others did better".to_owned())),
        End::Unfinished => (RunStatus::Interrupted, None),
        End::Refused(why) => (RunStatus::Refused, Some(why.clone())),
        End::Failed(why) => (RunStatus::Failed, Some(why.clone())),
    };
    let update = RunUpdate { error, batch, ..RunUpdate::ended(status, SystemClock.now()) };
    keeper.wait(|s| s.update_run(id, update)).map(drop)
}

/// Which trial a run is.
pub(crate) fn number(run: &Run) -> Option<usize> {
    run.tags.get(tags::TRIAL)?.parse().ok()
}

/// What became of the trial that a run is, if it is done.
pub(crate) fn record(run: &Run) -> Result<Option<Record>> {
    let Some(text) = get(&run.tags, tags::TRIAL_RECORD) else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| Error::bug(format!("the stored record of trial {}: {e}", run.info.id)))
}

/// The key of a part of a long text.
fn part(key: &str, at: usize) -> String {
    if at == 0 { key.to_owned() } else { format!("{key}.{at}") }
}

/// Sets a tag that may be longer than one tag can be.
fn put(batch: &mut Batch, key: &str, text: &str) {
    let letters: Vec<char> = text.chars().collect();
    for (at, letters) in letters.chunks(MAX_TAG_CHARS).enumerate() {
        batch.tags.insert(part(key, at), letters.iter().collect());
    }
}

/// What [`put`] set.
pub(crate) fn get(tags: &BTreeMap<String, String>, key: &str) -> Option<String> {
    let first = tags.get(key)?;
    let rest = (1..).map_while(|at| tags.get(&part(key, at)));
    Some(std::iter::once(first).chain(rest).map(String::as_str).collect())
}

/// How many microseconds lie within at least one of these stretches.
fn covered(mut times: Vec<(Timestamp, Timestamp)>) -> i64 {
    times.sort_unstable();
    let (mut sum, mut until) = (0, i64::MIN);
    for (start, end) in times {
        let start = start.0.max(until);
        if end.0 > start {
            sum += end.0 - start;
            until = end.0;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn time_that_two_trials_shared_counts_once() {
        let stretch = |from, to| (Timestamp(from), Timestamp(to));
        assert_eq!(covered(vec![stretch(5, 9), stretch(0, 4), stretch(2, 6), stretch(3, 3)]), 9);
        assert_eq!(covered(Vec::new()), 0);
    }

    #[test]
    fn a_long_text_comes_back_whole() {
        for length in [1, MAX_TAG_CHARS, MAX_TAG_CHARS + 1, 3 * MAX_TAG_CHARS] {
            let text: String = "aé€".chars().cycle().take(length).collect();
            let mut batch = Batch::default();
            put(&mut batch, "key", &text);
            assert_eq!(get(&batch.tags, "key"), Some(text));
        }
    }
}
