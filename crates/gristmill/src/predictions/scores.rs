//! How good a model's answers turned out to be: what was kept of them, held against the labels that came later.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use gristmill_core::{
    Clock, DenseMatrix, Labels, Prediction, Table, Target, TargetSpec, TargetTransform, Timestamp,
};
use gristmill_evaluate::Metric;
use gristmill_track::ModelVersion;
use serde::Serialize;

use super::read;
use crate::keeper::Keeper;
use crate::runs::moment_words;
use crate::{Error, Home, Result, models};

/// Which predictions are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoredWindow {
    /// So many of the latest that have a label.
    pub rows: usize,
    /// None that is older than so many days.
    pub days: Option<u32>,
}

/// How good a model's answers turned out to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveScores {
    /// The model.
    pub model: String,
    /// How many predictions were looked at.
    pub predictions: u64,
    /// How many of them have a label.
    pub labelled: u64,
    /// Of these, how many have one that is no class of the model, or no number.
    pub unusable: u64,
    /// When the oldest of those that have a label was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// When the latest was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// By the version that answered.
    pub versions: Vec<VersionScores>,
}

/// How good the answers of a version turned out to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionScores {
    /// The version.
    pub version: u32,
    /// How many rows were scored.
    pub rows: u64,
    /// The metrics of its evaluation.
    pub metrics: BTreeMap<String, f64>,
    /// Metrics that have no value for these rows, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub undefined: BTreeMap<String, String>,
}

/// An answer with its label.
struct Joined {
    version: u32,
    at: i64,
    answer: Answer,
    label: String,
}

/// An answer as it was kept.
enum Answer {
    Class { word: String, probabilities: BTreeMap<String, f64> },
    Number(f64),
}

/// Scores what a model answered by the metrics that it was evaluated by. Of predictions with one id the latest
/// counts.
///
/// # Errors
/// When there is no such model, a version's package is gone, or the predictions cannot be read.
pub fn live_scores(
    home: &Home,
    model: &str,
    window: ScoredWindow,
    clock: &dyn Clock,
) -> Result<LiveScores> {
    let keeper = Keeper::open(home)?;
    keeper.wait(|s| s.model(model))?;
    let since = window.days.map(|days| read::days_ago(clock.now(), days));
    let (joined, predictions) = joined(home, &keeper, model, window.rows, since)?;
    let moments = || joined.iter().map(|joined| joined.at);
    let words = |at: Option<i64>| at.map(|at| moment_words(Timestamp(at)));
    let (from, to) = (words(moments().min()), words(moments().max()));
    let labelled = joined.len() as u64;
    let mut of_versions: BTreeMap<u32, Vec<Joined>> = BTreeMap::new();
    for joined in joined {
        of_versions.entry(joined.version).or_default().push(joined);
    }
    let mut scores = LiveScores {
        model: model.into(),
        predictions,
        labelled,
        unusable: 0,
        from,
        to,
        versions: Vec::new(),
    };
    for (number, rows) in of_versions {
        let version = keeper.wait(|s| s.version(model, number))?;
        let (found, unusable) = scored(&keeper, &version, &rows)?;
        scores.unusable += unusable;
        scores.versions.push(found);
    }
    Ok(scores)
}

/// The latest predictions that have a label, and how many predictions were looked at.
fn joined(
    home: &Home,
    keeper: &Keeper,
    model: &str,
    most: usize,
    since: Option<Timestamp>,
) -> Result<(Vec<Joined>, u64)> {
    let (mut all, mut looked_at, mut seen) = (Vec::new(), 0, HashSet::new());
    for (day, path) in read::files(home, model)? {
        if all.len() >= most || since.is_some_and(|since| day < super::place::day(since)) {
            break;
        }
        let table = read::table(&path)?;
        let (labels, moments) = (read::labels_of(keeper, model, &table)?, read::moments(&table)?);
        let ids = read::words(&table, "prediction_id")?;
        for row in (0..table.rows()).rev() {
            if all.len() >= most || since.is_some_and(|since| moments[row] < since.0) {
                break;
            }
            looked_at += 1;
            if let Some(label) = labels[row].clone()
                && seen.insert(read::mark(ids.value(row)))
                && let Some(version) = version(&table, row)?
            {
                let answer = answer(&table, row)?;
                all.push(Joined { version, at: moments[row], answer, label });
            }
        }
    }
    Ok((all, looked_at))
}

/// The version that answered; nothing for one that is no version of the registry's.
fn version(table: &Table, row: usize) -> Result<Option<u32>> {
    Ok(read::words(table, "model_version")?.value(row).parse().ok())
}

fn answer(table: &Table, row: usize) -> Result<Answer> {
    const PROBABILITY: &str = "probability_";
    let number = |at: usize| {
        let values = table.column(at).as_primitive_opt::<Float64Type>()?;
        values.is_valid(row).then(|| values.value(row))
    };
    if let Some(at) = table.schema().find("prediction")
        && let Some(value) = number(at)
    {
        return Ok(Answer::Number(value));
    }
    let word = read::words(table, "prediction")?.value(row).to_owned();
    let fields = table.schema().fields().iter().enumerate();
    let probabilities = fields.filter_map(|(at, field)| {
        Some((field.name.strip_prefix(PROBABILITY)?.to_owned(), number(at)?))
    });
    Ok(Answer::Class { word, probabilities: probabilities.collect() })
}

/// The metrics of some rows that a version answered, and how many of the rows have a label that it cannot have.
fn scored(
    keeper: &Keeper,
    version: &ModelVersion,
    rows: &[Joined],
) -> Result<(VersionScores, u64)> {
    let info = gristmill_package::describe(&models::package_folder(keeper, version)?)?;
    let spec = &info.target;
    let (target, prediction) = match &spec.labels {
        Some(labels) => classes(labels, rows)?,
        None => numbers(spec, rows),
    };
    let (mut metrics, mut undefined) = (BTreeMap::new(), BTreeMap::new());
    for metric in metrics_of(version, spec) {
        match metric.compute(spec, &target, &prediction) {
            Ok(value) => drop(metrics.insert(metric.name().to_owned(), value)),
            Err(error) => drop(undefined.insert(metric.name().to_owned(), error.to_string())),
        }
    }
    let scored = prediction.rows() as u64;
    let number = version.version;
    let found = VersionScores { version: number, rows: scored, metrics, undefined };
    Ok((found, rows.len() as u64 - scored))
}

/// The metrics that the version was evaluated by; the usual ones where none are known.
fn metrics_of(version: &ModelVersion, spec: &TargetSpec) -> Vec<Metric> {
    let task = spec.task();
    let named = version.metrics.as_object().into_iter().flat_map(|metrics| metrics.keys());
    let known: Vec<Metric> = named
        .filter_map(|name| Metric::named(name).ok())
        .filter(|metric| metric.check(task).is_ok())
        .collect();
    match known.is_empty() {
        true => Metric::defaults(task),
        false => known,
    }
}

fn classes(labels: &Arc<Labels>, rows: &[Joined]) -> Result<(Target, Prediction)> {
    let names = labels.names();
    let class = |word: &str| (0..).zip(names).find(|(_, name)| *name == word).map(|(code, _)| code);
    let (mut truth, mut codes, mut usable) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let Answer::Class { word, probabilities } = &row.answer else { continue };
        // `1.0` is the class `1`, whoever wrote it.
        let spelled = || class(row.label.strip_suffix(".0")?);
        if let (Some(label), Some(code)) = (class(&row.label).or_else(spelled), class(word)) {
            truth.push(label);
            codes.push(code);
            usable.push(probabilities);
        }
    }
    let of_class = |name| {
        usable.iter().map(move |of: &&BTreeMap<String, f64>| {
            of.get(name).copied().ok_or_else(|| {
                Error::bug(format!("a kept answer has no probability of the class `{name}`"))
            })
        })
    };
    let values = names.iter().flat_map(of_class).collect::<Result<Vec<f64>>>()?;
    let probabilities = DenseMatrix::from_columns(usable.len(), names.len(), values)?;
    Ok((
        Target::Classes { codes: truth, labels: Arc::clone(labels) },
        Prediction::Classes { codes, probabilities, labels: Arc::clone(labels) },
    ))
}

fn numbers(spec: &TargetSpec, rows: &[Joined]) -> (Target, Prediction) {
    let (mut truth, mut answers) = (Vec::new(), Vec::new());
    for row in rows {
        let label = row.label.parse::<f64>().ok().filter(|label| label.is_finite());
        // As models learn it, which is what a metric begins with.
        let label = match spec.transform {
            TargetTransform::None => label,
            TargetTransform::Log => label.filter(|label| *label > 0.0).map(f64::ln),
        };
        if let (Some(label), Answer::Number(answer)) = (label, &row.answer) {
            truth.push(label);
            answers.push(*answer);
        }
    }
    (Target::Numbers(truth), Prediction::Numbers(answers))
}
