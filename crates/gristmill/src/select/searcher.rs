//! Does the trials of a search: each a pipeline, fitted and scored fold by fold.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use gristmill_core::{Clock, FittedPipeline, Notes, Timestamp};
use gristmill_evaluate::search::{
    FoldScore, Named, Pace, Record, Rules, Search, SharedFolds, Trial, Weighed, Work,
};

use super::cost::Costs;
use super::progress::{Progress, Sharing, Whose};
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
    place: Place<'a>,
    pub costs: Costs,
    notes: Notes,
    /// Where there is a budget: the scales, and what was fitted in the first fold of trials that are
    /// still to be weighed.
    scales: Option<Scales<'a>>,
    to_weigh: Mutex<HashMap<usize, FittedPipeline>>,
    /// When no further trial begins.
    until: Option<Timestamp>,
    progress: Mutex<Progress>,
    /// How many folds are worked on, and the most that were at one time.
    busy: AtomicUsize,
    side_by_side: AtomicUsize,
    /// What the process had before its first fold, and the most that one fold added since.
    at_rest: u64,
    of_one: AtomicU64,
}

impl<'a> Searcher<'a> {
    pub fn new(
        selection: &'a Selection<'a>,
        rules: &'a Rules,
        folds: &'a SharedFolds<'a>,
        place: Place<'a>,
        spent_micros: i64,
    ) -> Result<Self> {
        let (now, table) = (SystemClock.now(), selection.table);
        let minutes = selection.settings.minutes;
        let until =
            minutes.map(|m| Timestamp(now.0.saturating_add((m * 60e6) as i64) - spent_micros));
        // Where time decides, nobody knows how many points of a space without end there will be.
        let counted = until.is_none() || selection.settings.search == Search::Grid;
        let expected = expected(&selection.settings.search, selection.space).filter(|_| counted);
        Ok(Self {
            selection,
            rules,
            folds,
            place,
            costs: Costs::default(),
            notes: Notes::default(),
            scales: selection.scales(place)?,
            to_weigh: Mutex::default(),
            until,
            progress: Mutex::new(Progress::new(now, until, expected)),
            busy: AtomicUsize::new(0),
            side_by_side: AtomicUsize::new(0),
            at_rest: machine::resident().unwrap_or_default(),
            // A copy of all rows, until it is known.
            of_one: AtomicU64::new((table.rows() * table.schema().len() * size_of::<f64>()) as u64),
        })
    }

    /// Says how it shared out what it has.
    pub fn done(&self) {
        let (fitted, shared) = self.folds.counts();
        let side_by_side = self.side_by_side.load(Ordering::Relaxed);
        let sharing = Sharing { threads: self.workers(), side_by_side, fitted, shared };
        let done = self.progress.lock().unwrap_or_else(PoisonError::into_inner).done();
        (self.place.tell)(done, Some(done), &sharing.to_string());
    }

    /// A trial with its score.
    fn words(&self, number: usize, record: &Record, loss: f64) -> String {
        let steps = Steps::at(self.selection.space, &record.trial.point);
        let model = steps.map(|steps| steps.model.name).unwrap_or_default();
        let Some(objective) = self.rules.objectives.first() else { return model };
        let score = if objective.greater_is_better { -loss } else { loss };
        format!("best {} {score:.4} by {model} (trial {number})", objective.name)
    }

    fn score(&self, number: usize, trial: &Trial, fold: usize) -> Result<FoldScore> {
        let selection = self.selection;
        let steps = Steps::at(selection.space, &trial.point)
            .map_err(|error| crate::Error::input(error.message))?;
        let pipeline = selection.checked.pipeline_of(selection.catalog, &steps)?;
        let keys = steps.keys();
        let named = Named { pipeline: &pipeline, steps: &keys };
        let scored = self.folds.score(&named, selection.metrics, fold, trial.share, &self.notes)?;
        if fold == 0 && self.scales.is_some() && trial.share == 1.0 {
            let mut waiting = self.to_weigh.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(number, scored.fitted);
        }
        Ok(scored.scores)
    }
}

impl Work for Searcher<'_> {
    fn fold(&self, number: usize, trial: &Trial, fold: usize) -> Result<FoldScore, String> {
        let start = SystemClock.now();
        let busy = self.busy.fetch_add(1, Ordering::Relaxed) + 1;
        self.side_by_side.fetch_max(busy, Ordering::Relaxed);
        let scores = serving::beside(|| self.score(number, trial, fold));
        self.busy.fetch_sub(1, Ordering::Relaxed);
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
        self.to_weigh.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.trial(if self.costs.knows(number) { Whose::Ours } else { Whose::Others });
        let loss = self.rules.losses(record).and_then(|losses| losses.first().copied());
        if let Some(loss) = loss.filter(|_| record.is_eligible()) {
            progress.score(loss, || self.words(number, record, loss));
        }
        let said = progress.said(SystemClock.now());
        (self.place.tell)(progress.done(), progress.expected(), &said);
    }
}
