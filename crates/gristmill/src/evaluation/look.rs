//! Looks at the answers of a fitted pipeline from all sides.

use std::collections::BTreeMap;

use gristmill_core::{
    FittedPipeline, Labels, Pipeline, Prediction, Profile, Seed, Table, Target, TargetSpec, Task,
};
use gristmill_evaluate::compare::{Bootstrap, Interval};
use gristmill_evaluate::curves::{
    CalibrationBins, CalibrationCurve, LiftCurve, MOST_POINTS, PrecisionRecallCurve, Residuals,
    RocCurve, ScoreHistogram,
};
use gristmill_evaluate::{
    Answers, ConfusionMatrix, LeakageChecks, Metric, Parts, SliceSettings, Slices, Split,
};

use super::explain::{self, ExplainSettings};
use super::learning::{self, Learning, LearningCurveSettings};
use super::{ClassCurves, Confusion, Evaluation, FORMAT};
use crate::Result;
use crate::report::Metrics;

/// Of how many classes curves are drawn at most.
const MOST_CLASSES: usize = 8;
/// How many bins calibration and histograms have.
const BINS: usize = 10;
const SCORE_BINS: usize = 30;
/// How many residuals are kept as points.
const POINTS: usize = 1_000;
/// Up to how many rows intervals are drawn without being asked for.
const INTERVAL_ROWS: usize = 20_000;
const RESAMPLES: usize = 200;

/// What is looked at.
pub(crate) struct Look<'a> {
    pub fitted: &'a FittedPipeline,
    pub table: &'a Table,
    pub parts: &'a Parts,
    pub metrics: &'a [Metric],
    /// The one by which models are judged.
    pub decides: Option<Metric>,
    pub slices: &'a [String],
    pub explain: ExplainSettings,
    pub seed: Seed,
}

/// What it takes to learn again from fewer rows.
pub(crate) struct Again<'a> {
    pub pipeline: &'a Pipeline,
    pub settings: &'a LearningCurveSettings,
    /// How the rows are dealt.
    pub split: &'a Split,
}

/// The evaluation of a fitted pipeline on its test rows, or on those that trained it when none were
/// held out. `found` are its metrics, `profile` what it learned from; with `again` it is also seen
/// what fewer rows would teach.
pub(crate) fn look(
    look: &Look<'_>,
    found: &Metrics,
    profile: Option<Profile>,
    again: Option<&Again<'_>>,
) -> Result<Evaluation> {
    let (part, rows) = match look.parts.test.as_slice() {
        [] => ("train", look.parts.train.as_slice()),
        test => ("test", test),
    };
    let spec = look.fitted.target();
    let seen = look.table.take(rows)?;
    let target = spec.apply(&seen)?;
    let prediction = look.fitted.predict_rows(look.table, rows)?;
    let answers = Answers { spec, target: &target, prediction: &prediction };
    let supervised = spec.task() != Task::Unsupervised;
    Ok(Evaluation {
        format: FORMAT,
        part: part.into(),
        rows: rows.len(),
        target: spec.field.as_ref().map(|field| field.name.clone()),
        metrics: found.clone(),
        intervals: if supervised { intervals(look, &answers) } else { BTreeMap::new() },
        classes: if supervised { curves(&target, &prediction)? } else { Vec::new() },
        confusion: confusion(&target, &prediction)?,
        residuals: residuals(spec, &target, &prediction, look.seed)?,
        slices: if supervised { slices(look, &seen, &answers)? } else { Vec::new() },
        explanation: explain::explain(look, &seen)?,
        findings: LeakageChecks::default().find(look.table, look.parts, spec)?,
        learning: learning(look, found, again)?,
        profile,
        comparison: None,
    })
}

/// How the model learned: by rows where it may learn `again`, by rounds where it has some.
fn learning(look: &Look<'_>, found: &Metrics, again: Option<&Again<'_>>) -> Result<Learning> {
    let by_rows = match again {
        Some(Again { pipeline, settings, split }) => {
            learning::by_rows(look, pipeline, settings, split.draw(look.table)?, found)?
        }
        None => Learning::default(),
    };
    Ok(Learning { rounds: learning::by_rounds(look)?, ..by_rows })
}

/// The interval of each metric that has one; drawing them takes as many scorings as resamples, so
/// many rows, whose intervals are narrow, go without.
fn intervals(look: &Look<'_>, answers: &Answers<'_>) -> BTreeMap<String, Interval> {
    if answers.target.len() > INTERVAL_ROWS {
        return BTreeMap::new();
    }
    let bootstrap = Bootstrap { resamples: RESAMPLES, ..Bootstrap::default() };
    let (spec, target, prediction) = (answers.spec, answers.target, answers.prediction);
    let interval = |metric: &Metric| {
        let seed = look.seed.named("intervals").named(metric.name());
        let found = bootstrap.interval_of(*metric, spec, target, prediction, seed);
        // A metric without a value for some draw, such as an area without positive rows, has no
        // interval; its value stands all the same.
        found.ok().map(|interval| (metric.name().to_string(), interval))
    };
    look.metrics.iter().filter_map(interval).collect()
}

/// The curves of the positive class, or of each where none is or there are more.
fn curves(target: &Target, prediction: &Prediction) -> Result<Vec<ClassCurves>> {
    let (Target::Classes { codes, labels }, Prediction::Classes { probabilities, .. }) =
        (target, prediction)
    else {
        return Ok(Vec::new());
    };
    let mut curves = Vec::new();
    for class in shown(labels) {
        let truth: Vec<bool> = codes.iter().map(|&code| code as usize == class).collect();
        // A class that is everywhere or nowhere among these rows has no curve.
        if truth.iter().all(|&t| t) || !truth.iter().any(|&t| t) {
            continue;
        }
        let scores = probabilities.column(class);
        curves.push(ClassCurves {
            class: labels.names()[class].clone(),
            roc: RocCurve::new(&truth, scores, MOST_POINTS)?,
            precision_recall: PrecisionRecallCurve::new(&truth, scores, MOST_POINTS)?,
            lift: LiftCurve::new(&truth, scores, MOST_POINTS)?,
            calibration: CalibrationCurve::new(&truth, scores, BINS, CalibrationBins::Quantile)?,
            scores: ScoreHistogram::new(&truth, scores, SCORE_BINS)?,
        });
    }
    Ok(curves)
}

fn shown(labels: &Labels) -> Vec<usize> {
    match labels.positive() {
        Some(positive) => vec![positive],
        None => (0..labels.len().min(MOST_CLASSES)).collect(),
    }
}

fn confusion(target: &Target, prediction: &Prediction) -> Result<Option<Confusion>> {
    match (target, prediction) {
        (Target::Classes { codes, labels }, Prediction::Classes { codes: answers, .. }) => {
            let ConfusionMatrix { labels: classes, counts } =
                ConfusionMatrix::new(labels.names(), codes, answers)?;
            Ok(Some(Confusion { classes, counts }))
        }
        _ => Ok(None),
    }
}

fn residuals(
    spec: &TargetSpec,
    target: &Target,
    prediction: &Prediction,
    seed: Seed,
) -> Result<Option<Residuals>> {
    match (target, prediction) {
        (Target::Numbers(seen), Prediction::Numbers(answers)) => {
            let truth: Vec<f64> = seen.iter().map(|&value| spec.restore(value)).collect();
            Ok(Some(Residuals::new(&truth, answers, SCORE_BINS, POINTS, seed)?))
        }
        _ => Ok(None),
    }
}

fn slices(look: &Look<'_>, seen: &Table, answers: &Answers<'_>) -> Result<Vec<Slices>> {
    let Some(&metric) = look.metrics.first() else { return Ok(Vec::new()) };
    let bootstrap = Bootstrap { resamples: RESAMPLES, ..Bootstrap::default() };
    let settings = SliceSettings { bootstrap: Some(bootstrap), ..SliceSettings::default() };
    let slice = |column: &String| Slices::new(seen, column, &settings, metric, answers, look.seed);
    Ok(look.slices.iter().map(slice).collect::<Result<_, _>>()?)
}
