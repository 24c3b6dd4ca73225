//! Does the trials of a search: each a pipeline, fitted and scored fold by fold.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use gristmill_core::{Clock, FittedPipeline, Notes, Timestamp};
use gristmill_evaluate::search::{
    End, FoldScore, Named, Pace, Record, Rules, SharedFolds, Trial, Weighed, Work,
};

use super::cost::Costs;
use super::serving::{self, Scales};
use super::spelled::Steps;
use super::{Place, Selection, expected};
use crate::clock::SystemClock;
use crate::runs::seconds_between;
use crate::{Result, machine};

/// Does the trials of one search.
pub(super) struct Searcher<'a> {
    selection: &'a Selection<'a>,
    rules: &'a Rules,
    folds: &'a SharedFolds<'a>,
    costs: &'a Costs,
    notes: &'a Notes,
    place: Place<'a>,
    /// Where there is a budget: the scales, and what was fitted in the first fold of trials that are
    /// still to be weighed.
    scales: Option<Scales<'a>>,
    to_weigh: Mutex<HashMap<usize, FittedPipeline>>,
    /// When no further trial begins.
    until: Option<Timestamp>,
    expected: Option<u64>,
    progress: Mutex<Progress>,
    /// What the process had before its first fold, and the most that one fold added since.
    at_rest: u64,
    of_one: AtomicU64,
}

/// How far it has come.
#[derive(Default)]
struct Progress {
    done: u64,
    /// The least loss, with the number of its trial and what it tried.
    best: Option<(f64, String)>,
}

/// How a search shared out what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sharing {
    pub threads: usize,
    pub fitted: usize,
    pub shared: usize,
}

impl std::fmt::Display for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { threads, fitted, shared } = self;
        let (folds, steps) = (plural(*threads, "fold"), plural(*fitted, "fitted step"));
        write!(
            f,
            "{} for everything: at most {folds} side by side, whose models share them; {steps}, \
             {shared} taken from those",
            plural(*threads, "thread")
        )
    }
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl<'a> Searcher<'a> {
    pub fn new(
        selection: &'a Selection<'a>,
        rules: &'a Rules,
        folds: &'a SharedFolds<'a>,
        costs: &'a Costs,
        notes: &'a Notes,
        place: Place<'a>,
        spent_micros: i64,
    ) -> Result<Self> {
        let now = SystemClock.now();
        let minutes = selection.settings.minutes;
        let until =
            minutes.map(|m| Timestamp(now.0.saturating_add((m * 60e6) as i64) - spent_micros));
        Ok(Self {
            selection,
            rules,
            folds,
            costs,
            notes,
            place,
            scales: selection.scales(place)?,
            to_weigh: Mutex::default(),
            until,
            // Where time decides, nobody knows.
            expected: match until {
                Some(_) => None,
                None => expected(&selection.settings.search, selection.space),
            },
            progress: Mutex::default(),
            at_rest: machine::resident().unwrap_or_default(),
            of_one: AtomicU64::new(0),
        })
    }

    /// Says how it shared out what it has.
    pub fn done(&self) {
        let (fitted, shared) = self.folds.counts();
        let sharing = Sharing { threads: self.workers(), fitted, shared };
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        (self.place.tell)(progress.done, None, &sharing.to_string());
    }

    fn score(&self, number: usize, trial: &Trial, fold: usize) -> Result<FoldScore> {
        let selection = self.selection;
        let steps = Steps::at(selection.space, &trial.point)
            .map_err(|error| crate::Error::input(error.message))?;
        let pipeline = selection.checked.pipeline_of(selection.catalog, &steps)?;
        let keys = steps.keys();
        let named = Named { pipeline: &pipeline, steps: &keys };
        let scored = self.folds.score(&named, selection.metrics, fold, trial.share, self.notes)?;
        if fold == 0 && self.scales.is_some() && trial.share == 1.0 {
            let mut waiting = self.to_weigh.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(number, scored.fitted);
        }
        Ok(scored.scores)
    }

    /// What a person who waits would like to know.
    fn said(&self, progress: &Progress) -> String {
        let mut said = match &progress.best {
            Some((loss, what)) => {
                let objective = self.rules.objectives.first();
                let turned = objective.is_some_and(|objective| objective.greater_is_better);
                let score = if turned { -loss } else { *loss };
                let name = objective.map_or("", |objective| &objective.name);
                format!("best {name} {score:.4} by {what}")
            }
            None => "no score yet".to_owned(),
        };
        if let Some(until) = self.until {
            let left = seconds_between(SystemClock.now(), until).max(0.0);
            said.push_str(&format!(", {:.0} s left", left));
        }
        said
    }
}

impl Work for Searcher<'_> {
    fn fold(&self, number: usize, trial: &Trial, fold: usize) -> Result<FoldScore, String> {
        let start = SystemClock.now();
        let scores = serving::beside(|| self.score(number, trial, fold));
        self.costs.fold(number, seconds_between(start, SystemClock.now()));
        let grown = machine::resident().unwrap_or_default().saturating_sub(self.at_rest);
        self.of_one.fetch_max(grown / self.workers().max(1) as u64, Ordering::Relaxed);
        let scores = scores.map_err(|error| error.message)?;
        let mut objectives = self.rules.objectives.iter();
        match objectives.find(|o| scores.get(&o.name).is_none_or(|score| score.is_nan())) {
            Some(objective) => {
                Err(format!("`{}` has no value in fold {}", objective.name, fold + 1))
            }
            None => Ok(scores),
        }
    }

    fn weigh(&self, number: usize, trial: &Trial) -> Result<Weighed, String> {
        let Some(scales) = &self.scales else { return Ok(Weighed::default()) };
        let mut waiting = self.to_weigh.lock().unwrap_or_else(PoisonError::into_inner);
        let fitted = waiting.remove(&number);
        drop(waiting);
        let Some(fitted) = fitted else { return Ok(Weighed::default()) };
        let name = serving::name_of(&serde_json::json!([number, trial.point]));
        scales.weigh(&name, &fitted).map_err(|error| error.message)
    }
}

impl Pace for Searcher<'_> {
    fn workers(&self) -> usize {
        rayon::current_num_threads()
    }

    fn goes_on(&self) -> bool {
        self.until.is_none_or(|until| SystemClock.now() < until)
    }

    fn has_room(&self, _: usize) -> bool {
        let wanted = self.of_one.load(Ordering::Relaxed);
        machine::available().is_none_or(|available| available >= wanted + wanted / 4)
    }

    fn stopped(&self) -> bool {
        self.place.cancel.is_cancelled()
    }

    fn heard(&self, number: usize, record: &Record) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.done += 1;
        self.to_weigh.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        let loss = self.rules.losses(record).and_then(|losses| losses.first().copied());
        let loss = loss.filter(|_| record.end == End::Scored && record.trial.share == 1.0);
        if let Some(loss) = loss
            && progress.best.as_ref().is_none_or(|(least, _)| loss < *least)
        {
            let steps = Steps::at(self.selection.space, &record.trial.point);
            let name = steps.map(|steps| steps.model.name).unwrap_or_default();
            progress.best = Some((loss, format!("{name} (trial {number})")));
        }
        (self.place.tell)(progress.done, self.expected, &self.said(&progress));
    }
}
