//! What follows from the trials so far: which is next, which is hopeless, which is best.

use std::collections::BTreeMap;

use gristmill_core::Seed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Next, Outcome, Point, Search, Space, SpaceError, Trial, pareto_front};
use crate::{FoldScores, Metric};

/// Everything that decides how a search goes, beside what comes of its trials.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What may be tried.
    pub space: Space,
    /// In which order.
    pub search: Search,
    /// What chance follows from.
    pub seed: Seed,
    /// What trials are judged by: the first decides, the others count while searching.
    pub objectives: Vec<Objective>,
    /// How many folds a trial has.
    pub folds: usize,
    /// When a trial is given up before its last fold.
    pub prune: Prune,
    /// What is tried before anything else.
    pub first: Vec<Point>,
}

/// A score that trials are judged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Its name among the scores of a fold.
    pub name: String,
    /// Whether more of it is better.
    pub greater_is_better: bool,
}

impl Objective {
    /// A score of which less is better.
    pub fn least(name: impl Into<String>) -> Self {
        Self { name: name.into(), greater_is_better: false }
    }
}

impl From<Metric> for Objective {
    fn from(metric: Metric) -> Self {
        Self { name: metric.name().into(), greater_is_better: metric.greater_is_better() }
    }
}

/// When a trial is given up before its last fold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prune {
    /// Never.
    #[default]
    Never,
    /// When its mean over the folds so far is worse than the median of the trials before it over the
    /// same folds, once there are some.
    Median,
}

/// So many trials must have all their scores before another is given up.
const SOME: usize = 5;

/// What became of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The trial.
    #[serde(flatten)]
    pub trial: Trial,
    /// The scores of each fold, by metric, as far as it came.
    pub scores: Vec<BTreeMap<String, f64>>,
    /// What else was measured of it, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
    /// How it ended.
    pub end: End,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With all its scores.
    Scored,
    /// Before its last fold, since others did better.
    GivenUp,
    /// Not yet: the time was over, and a search that has more goes on with it.
    Unfinished,
    /// With all its scores, and beyond what is allowed.
    Refused(String),
    /// With an error.
    Failed(String),
}

impl Record {
    /// The values of a metric over the folds; nothing where it has none.
    pub fn scores_of(&self, metric: &str) -> Option<FoldScores> {
        let values = self.scores.iter().filter_map(|fold| fold.get(metric).copied());
        let values: Vec<f64> = values.collect();
        (!values.is_empty()).then(|| FoldScores::new(values))
    }

    /// Whether it ended with all its scores on all rows and nothing against it: only these can win.
    pub fn is_eligible(&self) -> bool {
        self.end == End::Scored && self.trial.share == 1.0
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// This trial, chosen by what became of so many before it.
    Trial(Trial, usize),
    /// Nothing, until more trials are done.
    NotYet,
    /// Nothing any more.
    End,
}

impl Rules {
    /// How many trials may be open at once: one is chosen by what became of all but so many before it,
    /// less one. More keep more workers busy, and know less.
    pub fn lag(&self) -> usize {
        match self.search {
            Search::Grid | Search::Random(_) => 64,
            Search::Tpe(_) | Search::Halving(_) => 4,
        }
    }

    /// The trial after `trials`, of which the first are done as `records` say.
    ///
    /// # Errors
    /// For a grid over a range without an end of values.
    pub fn next(&self, trials: &[&Trial], records: &[&Record]) -> Result<Choice, SpaceError> {
        let number = trials.len();
        let mut known = (number + 1).saturating_sub(self.lag());
        loop {
            if known > records.len() {
                return Ok(Choice::NotYet);
            }
            if let Some(point) = self.first.get(number) {
                return Ok(Choice::Trial(Trial::of(point.clone()), known));
            }
            let done = records.get(..known).unwrap_or_default();
            let outcomes = self.outcomes(done).into_iter().chain(std::iter::repeat(Outcome::Open));
            let list: Vec<(&Trial, Outcome)> = trials.iter().copied().zip(outcomes).collect();
            match self.search.next(&self.space, &list, self.seed)? {
                Next::Trial(trial) => return Ok(Choice::Trial(trial, known)),
                Next::End => return Ok(Choice::End),
                Next::Wait if known < number => known += 1,
                Next::Wait => return Ok(Choice::End),
            }
        }
    }

    /// Whether a trial with these scores so far is not worth its other folds.
    pub fn is_hopeless(
        &self,
        trial: &Trial,
        scores: &[BTreeMap<String, f64>],
        before: &[&Record],
    ) -> bool {
        let [objective] = self.objectives.as_slice() else { return false };
        if self.prune == Prune::Never {
            return false;
        }
        let mean = |scores: &[BTreeMap<String, f64>]| loss(objective, scores);
        let others = before
            .iter()
            .filter(|record| record.end == End::Scored && record.trial.share == trial.share)
            .filter_map(|record| mean(record.scores.get(..scores.len())?));
        let mut others: Vec<f64> = others.collect();
        if others.len() < SOME {
            return false;
        }
        others.sort_by(f64::total_cmp);
        let median = others.get(others.len() / 2).copied().unwrap_or(f64::INFINITY);
        mean(scores).is_none_or(|mean| mean > median)
    }

    /// What each record came to in each metric; less is better.
    pub fn losses(&self, record: &Record) -> Option<Vec<f64>> {
        let losses = self.objectives.iter().map(|objective| loss(objective, &record.scores));
        losses.collect::<Option<Vec<f64>>>().filter(|losses| losses.iter().all(|l| !l.is_nan()))
    }

    /// What a record came to in each fold by the first metric; less is better.
    pub fn fold_losses(&self, record: &Record) -> Option<Vec<f64>> {
        let objective = self.objectives.first()?;
        record.scores.chunks(1).map(|fold| loss(objective, fold)).collect()
    }

    /// The trial that won: of those that may, the best by the first objective, of equal ones the earliest.
    pub fn best(&self, records: &[Record]) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        for (at, record) in records.iter().enumerate().filter(|(_, r)| r.is_eligible()) {
            let Some(loss) = self.losses(record).and_then(|l| l.first().copied()) else { continue };
            if best.is_none_or(|(least, _)| loss < least) {
                best = Some((loss, at));
            }
        }
        best.map(|(_, at)| at)
    }

    fn outcomes(&self, records: &[&Record]) -> Vec<Outcome> {
        let losses: Vec<Option<Vec<f64>>> = records
            .iter()
            .map(|record| self.losses(record).filter(|_| record.end == End::Scored))
            .collect();
        let single = if self.objectives.len() == 1 {
            losses.iter().map(|l| l.as_ref().and_then(|l| l.first().copied())).collect()
        } else {
            ranks(&losses)
        };
        single.into_iter().map(|loss| loss.map_or(Outcome::Failed, Outcome::Loss)).collect()
    }
}

impl Trial {
    /// Whether it tries the same point on as many rows.
    pub fn is_like(&self, other: &Self) -> bool {
        self.point == other.point && self.share == other.share
    }
}

/// The mean of a score over the folds, turned so that less is better.
fn loss(objective: &Objective, scores: &[BTreeMap<String, f64>]) -> Option<f64> {
    let values = scores.iter().map(|fold| fold.get(&objective.name).copied());
    let values: Option<Vec<f64>> = values.collect();
    let values = values.filter(|values| !values.is_empty())?;
    let mean = FoldScores::new(values).mean;
    Some(if objective.greater_is_better { -mean } else { mean })
}

/// One number for several: which front of those that nobody dominates it belongs to, the first being
/// the best, and within a front by the first metric.
/// Source: Deb and others, *A Fast and Elitist Multiobjective Genetic Algorithm*, 2002.
fn ranks(losses: &[Option<Vec<f64>>]) -> Vec<Option<f64>> {
    let mut ranks = vec![None; losses.len()];
    let mut left: Vec<usize> =
        losses.iter().enumerate().filter(|(_, l)| l.is_some()).map(|(at, _)| at).collect();
    let of = |at: usize| losses.get(at).cloned().flatten().unwrap_or_default();
    let mut rank = 0.0;
    while !left.is_empty() {
        let rows: Vec<Vec<f64>> = left.iter().map(|at| of(*at)).collect();
        let mut front: Vec<usize> =
            pareto_front(&rows).iter().filter_map(|at| left.get(*at).copied()).collect();
        if front.is_empty() {
            break;
        }
        front.sort_by(|a, b| {
            let first = |at: &usize| of(*at).first().copied().unwrap_or(f64::NAN);
            first(a).total_cmp(&first(b)).then(a.cmp(b))
        });
        let size = front.len() as f64;
        for (place, at) in front.iter().enumerate() {
            if let Some(known) = ranks.get_mut(*at) {
                *known = Some(rank + place as f64 / size);
            }
        }
        left.retain(|at| !front.contains(at));
        rank += 1.0;
    }
    ranks
}
