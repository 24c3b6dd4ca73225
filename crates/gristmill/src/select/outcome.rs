//! What a search came to, as it is kept and looked at.

use std::collections::BTreeMap;

use gristmill_evaluate::search::{End, Point, Record, Search, Space};
use gristmill_evaluate::{FoldScores, Metric};
use serde::{Deserialize, Serialize};

use super::settings::SelectSettings;
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
    /// Whether it has all its scores on all rows: only these can win.
    pub fn is_whole(&self) -> bool {
        self.end == End::Scored && self.share == 1.0
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
        let read = serde_json::from_slice::<Self>(bytes);
        read.map_err(|e| Error::bug(format!("a stored search cannot be read: {e}")))
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

/// Why no trial won.
pub(super) fn none(records: &[Record], settings: &SelectSettings) -> Error {
    let count = records.len();
    let refused = records.iter().filter(|r| matches!(r.end, End::Refused(_))).count();
    if refused > 0 && settings.budget.is_some() {
        return Error::new(
            Kind::Refused,
            format!("none of {count} trials keeps within `budget`; {refused} were refused by it"),
        );
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
