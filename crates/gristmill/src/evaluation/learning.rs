//! How a model got where it is: by more rows, and by more rounds.

use gristmill_core::{Frame, Pipeline, Prediction, Table, Target, Task};
use gristmill_evaluate::curves::{Draw, LearningCurve, LearningPoint, LearningRows};
use gristmill_evaluate::{Fold, FoldScores, Metric};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Look;
use crate::report::Metrics;
use crate::{Kind, Result};

/// Fewer training rows than this tell nothing of more.
const LEAST_ROWS: usize = 20;
/// At how many numbers of rounds the loss is looked at, and on how many rows of each part.
const MOST_STAGES: usize = 40;
const STAGE_ROWS: usize = 5_000;

/// From how much of the training rows the pipeline also learns, to see what more rows would bring.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LearningCurveSettings {
    /// Shares of the training rows, besides all of them; an empty list for no learning curve.
    pub shares: Vec<f64>,
}

impl Default for LearningCurveSettings {
    fn default() -> Self {
        Self { shares: vec![0.05, 0.1, 0.25, 0.5] }
    }
}

/// What is known of how the model learned.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Learning {
    /// The metric that decides, by the number of training rows.
    pub rows: Option<LearningCurve>,
    /// Why there is no such curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A loss by the number of rounds, for models that learn in rounds.
    pub rounds: Option<RoundLosses>,
}

/// A loss by the number of rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RoundLosses {
    /// The metric.
    pub metric: String,
    /// By rising number of rounds.
    pub points: Vec<RoundLoss>,
}

/// The loss after some rounds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct RoundLoss {
    /// How many rounds.
    pub rounds: usize,
    /// On rows that were learned from.
    pub train: f64,
    /// On rows that were not.
    pub test: f64,
}

/// The curve over `settings` shares of the training rows of the run, and all of them, whose scores
/// are `found`. The test rows are those of the run.
pub(super) fn by_rows(
    look: &Look<'_>,
    pipeline: &Pipeline,
    settings: &LearningCurveSettings,
    draw: Draw,
    found: &Metrics,
) -> Result<Learning> {
    let (spec, parts) = (look.fitted.target(), look.parts);
    let Some(metric) = look.decides.filter(|_| spec.task() != Task::Unsupervised) else {
        return Ok(Learning::default());
    };
    let least = LEAST_ROWS as f64 / parts.train.len().max(1) as f64;
    let shares: Vec<f64> =
        settings.shares.iter().copied().filter(|&s| s >= least && s < 1.0).collect();
    if shares.is_empty() || parts.test.is_empty() {
        return Ok(Learning::default());
    }
    let rows = LearningRows { shares, draw, seed: look.seed };
    let fold = Fold { train: parts.train.clone(), test: parts.test.clone() };
    match rows.curve(pipeline, look.table, spec, &[fold], metric).map_err(crate::Error::from) {
        Ok(mut curve) => {
            curve.points.extend(whole(metric, parts.train.len(), found));
            Ok(Learning { rows: Some(curve), ..Learning::default() })
        }
        // A small share may lack a class, which is no fault of the model.
        Err(error) if error.kind == Kind::Input => {
            Ok(Learning { reason: Some(error.message), ..Learning::default() })
        }
        Err(error) => Err(error),
    }
}

/// The point of all rows, which the run itself has learned from.
fn whole(metric: Metric, rows: usize, found: &Metrics) -> Option<LearningPoint> {
    let of = |scores: &std::collections::BTreeMap<String, f64>| {
        scores.get(metric.name()).map(|&score| FoldScores::new(vec![score]))
    };
    let (train, test) = (of(&found.train)?, of(&found.test)?);
    Some(LearningPoint { share: 1.0, rows: rows as f64, train, test })
}

/// The loss of the answers after each of some rounds; nothing for models without rounds.
pub(super) fn by_rounds(look: &Look<'_>) -> Result<Option<RoundLosses>> {
    let (spec, parts) = (look.fitted.target(), look.parts);
    let name = match spec.task() {
        Task::Classification { .. } => "log_loss",
        Task::Regression => "rmse",
        Task::Unsupervised => return Ok(None),
    };
    if parts.test.is_empty() || parts.train.is_empty() {
        return Ok(None);
    }
    let metric = Metric::named(name)?;
    let train = losses(look, metric, &parts.train)?;
    let test = losses(look, metric, &parts.test)?;
    let (Some(train), Some(test)) = (train, test) else { return Ok(None) };
    let points = train.into_iter().zip(test);
    let points = points.map(|((rounds, train), (_, test))| RoundLoss { rounds, train, test });
    Ok(Some(RoundLosses { metric: name.into(), points: points.collect() }))
}

/// The loss on some of `rows` after each of some numbers of rounds.
fn losses(look: &Look<'_>, metric: Metric, rows: &[u32]) -> Result<Option<Vec<(usize, f64)>>> {
    let (fitted, spec) = (look.fitted, look.fitted.target());
    if fitted.model().staged(&empty(look)?, 1).is_none() {
        return Ok(None);
    }
    let step = rows.len().div_ceil(STAGE_ROWS).max(1);
    let rows: Vec<u32> = rows.iter().copied().step_by(step).collect();
    let seen = look.table.take(&rows)?;
    let frame = |table: &Table| Frame::from_table(&table.conform(fitted.input())?);
    let frame = match fitted.is_windowed() {
        true => fitted.transform_frame(frame(look.table)?)?.take(&rows),
        false => fitted.transform_frame(frame(&seen)?)?,
    };
    let frame = frame.features();
    let frame = if fitted.model().takes_sparse() { frame } else { frame.dense()? };
    let Some(stages) = fitted.model().staged(&frame, MOST_STAGES).transpose()? else {
        return Ok(None);
    };
    let known: Target = spec.apply(&seen)?;
    let loss = |stage: gristmill_core::Stage| -> Result<(usize, f64)> {
        let answers = Prediction::new(stage.scores, spec);
        Ok((stage.steps, metric.compute(spec, &known, &answers)?))
    };
    stages.into_iter().map(loss).collect::<Result<_>>().map(Some)
}

/// No rows, as the model takes them.
fn empty(look: &Look<'_>) -> Result<Frame> {
    let fitted = look.fitted;
    let none = Frame::from_table(&look.table.slice(0, 0).conform(fitted.input())?)?;
    Ok(fitted.transform_frame(none)?.features())
}
