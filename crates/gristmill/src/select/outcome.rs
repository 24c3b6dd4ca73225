//! What a search came to, as it is kept and looked at.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use gristmill_evaluate::search::{End, Point, Record, Search, Space};
use gristmill_evaluate::{FoldScores, Metric};
use serde::{Deserialize, Serialize};

use super::serving::excess;
use super::settings::{Budget, SelectSettings};
use super::spelled::Steps;
use super::{Selected, Selection};
use crate::{Error, Kind, Result};

/// The file in the result of the stage.
pub(crate) const FILE: &str = "search.json";

const FORMAT: u32 = 1;

/// What a search came to. It holds no times: equal searches give equal bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SearchOutcome {
    pub format: u32,
    /// What its trials are tagged with in the store.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// What decided, the first most.
    pub metrics: Vec<Judge>,
    pub search: Search,
    /// What was searched, by path.
    pub parameters: Vec<Parameter>,
    pub trials: Vec<TrialOutcome>,
    /// The number of the trial that won.
    pub best: usize,
    /// What it tried.
    pub steps: Steps,
}

/// A metric that decides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Judge {
    pub name: String,
    pub greater_is_better: bool,
}

impl Judge {
    /// The mean by it, turned so that less is better.
    pub fn loss(&self, scores: &BTreeMap<String, FoldScores>) -> Option<f64> {
        let mean = scores.get(&self.name)?.mean;
        Some(if self.greater_is_better { -mean } else { mean }).filter(|loss| !loss.is_nan())
    }
}

/// What decides where a trial stands among others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a> {
    /// Nothing while it is open.
    pub end: Option<&'a End>,
    pub share: f64,
    /// By the first metric that decides.
    pub loss: Option<f64>,
    pub number: usize,
}

impl Standing<'_> {
    /// The better first: of those that ended alike the one on more rows, then the one with less loss.
    /// What has all its scores stands before what was given up, and that before what failed.
    pub fn order(&self, other: &Self) -> Ordering {
        let class = |place: &Self| match place.end {
            Some(End::Scored) => 0,
            Some(End::Refused(_)) => 1,
            Some(End::GivenUp) => 2,
            Some(End::Unfinished) | None => 3,
            Some(End::Failed(_)) => 4,
        };
        let loss = |place: &Self| place.loss.unwrap_or(f64::INFINITY);
        (class(self).cmp(&class(other)))
            .then(other.share.total_cmp(&self.share))
            .then(loss(self).total_cmp(&loss(other)))
            .then(self.number.cmp(&other.number))
    }
}

/// A parameter of the space.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parameter {
    /// Such as `model.ridge.alpha`.
    pub path: String,
    /// The alternatives of a choice; none for a number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
    /// Whether a tenth is as far from one as ten is.
    #[serde(default)]
    pub log: bool,
}

/// One trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TrialOutcome {
    /// The estimator.
    pub model: String,
    pub point: Point,
    /// What the point means, by path.
    pub labels: BTreeMap<String, String>,
    pub share: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<usize>,
    /// The scores of the folds that it came to, by metric.
    pub scores: BTreeMap<String, FoldScores>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
    pub end: End,
}

impl TrialOutcome {
    /// Whether it could win.
    pub fn is_eligible(&self) -> bool {
        self.end == End::Scored && self.share == 1.0
    }

    /// Whether it came to all its scores, whatever was said of them.
    pub fn is_complete(&self) -> bool {
        matches!(self.end, End::Scored | End::Refused(_))
    }
}

impl SearchOutcome {
    pub fn new(selection: &Selection<'_>, selected: &Selected) -> Result<Self> {
        let broken = |error: gristmill_evaluate::search::SpaceError| Error::bug(error.message);
        let judge = |metric: &Metric| Judge {
            name: metric.name().into(),
            greater_is_better: metric.greater_is_better(),
        };
        let trial = |(space, record): (&Space, &Record)| -> Result<TrialOutcome> {
            let point = &record.trial.point;
            let names = record.scores.first().into_iter().flat_map(BTreeMap::keys);
            let scores = names.filter_map(|n| Some((n.clone(), record.scores_of(n)?)));
            Ok(TrialOutcome {
                model: Steps::at(space, point).map_err(broken)?.model.name,
                point: point.clone(),
                labels: space.labels(point).map_err(broken)?,
                share: record.trial.share,
                promoted: record.trial.promoted,
                scores: scores.collect(),
                figures: record.figures.clone(),
                end: record.end.clone(),
            })
        };
        let all = selected.heats.iter();
        let all = all.flat_map(|heat| heat.records.iter().map(move |record| (&heat.space, record)));
        Ok(Self {
            format: FORMAT,
            id: selection.digest().to_string(),
            metrics: selection.metrics.iter().take(selection.deciding).map(judge).collect(),
            search: selection.settings.search.clone(),
            parameters: parameters(selection.space),
            trials: all.map(trial).collect::<Result<_>>()?,
            best: selected.best,
            steps: selected.steps.clone(),
        })
    }

    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| Error::bug(e.to_string()))
    }

    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let damaged =
            |e| Error::new(Kind::Stored, format!("the search of the run is damaged: {e}"));
        let Version { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format > FORMAT {
            let message = format!("the search has format {format}, this version reads {FORMAT}");
            return Err(Error::new(Kind::Stored, message).with_hint("upgrade Gristmill"));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// The numbers of the trials, the best first.
    pub fn ranked(&self) -> Vec<usize> {
        let mut places = Vec::with_capacity(self.trials.len());
        for (number, trial) in self.trials.iter().enumerate() {
            let loss = self.metrics.first().and_then(|judge| judge.loss(&trial.scores));
            places.push(Standing { end: Some(&trial.end), share: trial.share, loss, number });
        }
        places.sort_by(Standing::order);
        places.into_iter().map(|place| place.number).collect()
    }

    /// What a person should know of it.
    pub fn notes(&self) -> Vec<String> {
        let mut failed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for trial in &self.trials {
            if let End::Failed(why) = &trial.end {
                *failed.entry((trial.model.as_str(), why.as_str())).or_default() += 1;
            }
        }
        let all = |model: &str| self.trials.iter().filter(|t| t.model == model).count();
        let notes = failed.into_iter().map(|((model, why), count)| {
            format!("{count} of {} trials of `{model}` failed: {why}", all(model))
        });
        notes.collect()
    }
}

fn parameters(space: &Space) -> Vec<Parameter> {
    use gristmill_evaluate::search::{Range, Scale};
    let parameters = space.ranges().into_iter().map(|(path, range)| match range {
        Range::Choice(_) => Parameter { path, alternatives: range.alternatives(), log: false },
        Range::Number(interval) | Range::Whole(interval) => {
            Parameter { path, alternatives: Vec::new(), log: interval.scale == Scale::Log }
        }
    });
    parameters.collect()
}

/// Of the trials that were refused the one that is the least beyond the budget, with the words of
/// its refusal.
fn nearest<'a>(records: &'a [Record], budget: &Budget) -> Option<(usize, &'a str)> {
    let refused = records.iter().enumerate().filter_map(|(number, record)| match &record.end {
        End::Refused(why) => Some((excess(budget, &record.figures)?, number, why.as_str())),
        _ => None,
    });
    let nearest = refused.min_by(|a, b| a.0.total_cmp(&b.0));
    nearest.map(|(_, number, why)| (number, why))
}

/// Why no trial won.
pub(super) fn none(records: &[Record], settings: &SelectSettings) -> Error {
    let count = records.len();
    let refused = records.iter().filter(|r| matches!(r.end, End::Refused(_))).count();
    if refused > 0
        && let Some(budget) = &settings.budget
    {
        let found = format!("none of {count} trials keeps within `budget`");
        return match nearest(records, budget) {
            Some((number, why)) => {
                Error::new(Kind::Refused, format!("{found}; the nearest is trial {number}: {why}"))
            }
            None => Error::new(Kind::Refused, found),
        }
        .with_hint("allow more, or add a candidate that takes less");
    }
    let failed = records.iter().enumerate().find_map(|(number, record)| match &record.end {
        End::Failed(why) => Some((number, why)),
        _ => None,
    });
    match failed {
        Some((number, why)) => {
            Error::input(format!("none of {count} trials came to a score; trial {number}: {why}"))
                .with_hint(
                    "`gristmill runs show latest` lists them; try one candidate by itself first",
                )
        }
        None => Error::input("no trial ended before the time was over")
            .with_hint("give the search more minutes, or fewer rows"),
    }
}
