//! The trials of a run's search, as people look at them: out of the store, so that those of a search
//! that is at work, or was cut short, are seen too.

use std::collections::{BTreeMap, BTreeSet};

use gristmill_evaluate::search::{End, Record};
use gristmill_evaluate::{FoldScores, Metric};
use gristmill_track::{
    Comparison, Condition, Page, Parent, Run, RunId, RunInfo, RunQuery, RunStatus, tags,
};
use serde::Serialize;

use crate::keeper::Keeper;
use crate::runs::seconds_between;
use crate::select::ledger::{self, KIND};
use crate::select::{FILE, Judge, SearchOutcome, Standing, Steps};
use crate::{Error, Result};

/// One trial of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialLine {
    /// The trial as a run of its own.
    pub run_id: String,
    /// Its number in the search.
    pub number: usize,
    /// The estimator.
    pub model: String,
    /// `scored`, `given_up`, `refused`, `failed`; `running` or `interrupted` before that.
    pub status: String,
    /// Why it failed or was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// On which share of the training rows it was tried.
    pub share: f64,
    /// The scores of the folds that it came to, by metric.
    pub scores: BTreeMap<String, FoldScores>,
    /// What else was measured of it, such as `serving.p99_ms`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
    /// Seconds of work on it.
    pub seconds: Option<f64>,
    /// The most memory that it took, in megabytes.
    pub memory_mb: Option<f64>,
    /// What it tried, by path.
    pub params: BTreeMap<String, String>,
    /// The run that did it.
    pub part_of: Option<String>,
    /// What it tried in a few words: what other trials of the search tried too is left out.
    #[serde(skip)]
    pub tried: String,
}

/// The trials of a search, the best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trials {
    /// What decides, the first most.
    pub deciding: Vec<String>,
    pub lines: Vec<TrialLine>,
}

impl Trials {
    /// The trials of the search of a run: those that an earlier run of the same search did too, and not
    /// those of the searches inside the folds of its evaluation.
    pub fn of(keeper: &Keeper, run: &Run) -> Result<Self> {
        let outcome = outcome(keeper, run.info.id)?;
        let found = match outcome.as_ref().filter(|outcome| !outcome.id.is_empty()) {
            Some(outcome) => tagged(keeper, &outcome.id)?,
            None => match first_search(&children(keeper, run.info.id)?) {
                Some(search) => tagged(keeper, &search)?,
                None => return Ok(Self::default()),
            },
        };
        let judges = match outcome {
            Some(outcome) => outcome.metrics,
            None => judges(&run.params),
        };
        let at_work = run.info.status == RunStatus::Running;
        let lines = found.iter().map(|trial| line(trial, at_work)).collect::<Result<Vec<_>>>()?;
        let lines = ranked(lines.into_iter().flatten().collect(), judges.first());
        Ok(Self { deciding: judges.into_iter().map(|judge| judge.name).collect(), lines })
    }
}

/// What the search of a run came to, where it had one that ended.
pub(crate) fn outcome(keeper: &Keeper, run: RunId) -> Result<Option<SearchOutcome>> {
    artifact(keeper, run, FILE)?.map(|json| SearchOutcome::from_json(&json)).transpose()
}

/// What a run kept under this name.
pub(crate) fn artifact(keeper: &Keeper, run: RunId, name: &str) -> Result<Option<Vec<u8>>> {
    let artifacts = keeper.wait(|s| s.artifacts(run))?;
    let found = artifacts.iter().find(|artifact| artifact.path.as_str() == name);
    found.map(|artifact| keeper.wait_for(keeper.artifacts().get(artifact.content.hash))).transpose()
}

/// Whether a run is a trial.
pub(crate) fn is_trial(info: &RunInfo) -> bool {
    info.kind.as_deref() == Some(KIND)
}

/// The steps of a run that is a trial.
pub(crate) fn steps(run: &Run) -> Result<Option<Steps>> {
    let Some(text) = ledger::get(&run.tags, tags::TRIAL_STEPS) else { return Ok(None) };
    let steps = serde_json::from_str(&text);
    steps.map(Some).map_err(|e| Error::bug(format!("the stored steps of {}: {e}", run.info.id)))
}

/// The trials that a run did itself, those inside its folds too, in no order.
pub(crate) fn children(keeper: &Keeper, run: RunId) -> Result<Vec<Run>> {
    let query = RunQuery { parent: Parent::Of(run), lifecycle: None, ..RunQuery::default() };
    let mut found = all(keeper, query)?;
    found.retain(|run| is_trial(&run.info));
    Ok(found)
}

fn tagged(keeper: &Keeper, search: &str) -> Result<Vec<Run>> {
    let condition = Condition::Tag(tags::SEARCH.into(), Comparison::Equal, search.into());
    all(keeper, RunQuery { conditions: vec![condition], ..RunQuery::default() })
}

fn all(keeper: &Keeper, mut query: RunQuery) -> Result<Vec<Run>> {
    const PAGE: u32 = 500;
    query.page = Page { limit: PAGE, offset: 0 };
    let mut found = Vec::new();
    loop {
        let page = keeper.wait(|s| s.search_runs(&query))?;
        let last = page.len() < PAGE as usize;
        found.extend(page);
        if last {
            return Ok(found);
        }
        query.page.offset += u64::from(PAGE);
    }
}

/// The search that began first: folds search only after the run has chosen.
fn first_search(trials: &[Run]) -> Option<String> {
    let first = trials.iter().min_by_key(|run| (run.info.started, run.info.id))?;
    first.tags.get(tags::SEARCH).cloned()
}

/// What decides in a run that has not chosen yet, as far as its settings say.
fn judges(params: &BTreeMap<String, String>) -> Vec<Judge> {
    let list = |text: &String| {
        serde_json::from_str::<Vec<String>>(text).unwrap_or_else(|_| vec![text.clone()])
    };
    let required = || params.keys().find_map(|key| key.strip_prefix("evaluate.require."));
    let scored = || params.get("evaluate.metrics").map(list)?.into_iter().next();
    let named = params.get("model.select.metric").or_else(|| params.get("model.auto.metric"));
    let names = named
        .map(list)
        .unwrap_or_else(|| required().map(str::to_owned).or_else(scored).into_iter().collect());
    let judge = |name: String| {
        let greater_is_better = Metric::named(&name).ok()?.greater_is_better();
        Some(Judge { name, greater_is_better })
    };
    names.into_iter().filter_map(judge).collect()
}

/// A trial with how it ended, if it did.
type Ended = (TrialLine, Option<End>);

fn line(run: &Run, at_work: bool) -> Result<Option<Ended>> {
    let Some(number) = ledger::number(run) else { return Ok(None) };
    let record = ledger::record(run)?;
    let metric = |name: &str| run.metrics.get(name).map(|metric| metric.value);
    let ended = run.info.ended.map(|ended| seconds_between(run.info.started, ended));
    let open = if at_work { "running" } else { "interrupted" };
    let line = TrialLine {
        run_id: run.info.id.to_string(),
        number,
        model: steps(run)?.map(|steps| steps.model.name).unwrap_or_default(),
        status: record.as_ref().map_or(open, |record| status(&record.end)).into(),
        error: record.as_ref().and_then(|record| reason(&record.end)),
        share: record.as_ref().map_or(share(run), |record| record.trial.share),
        scores: record.as_ref().map(scores).unwrap_or_default(),
        figures: record.as_ref().map(|record| record.figures.clone()).unwrap_or_default(),
        seconds: metric("seconds").or(ended),
        memory_mb: metric("memory_mb"),
        params: run.params.clone(),
        part_of: run.info.parent.map(|parent| parent.to_string()),
        tried: String::new(),
    };
    Ok(Some((line, record.map(|record| record.end))))
}

/// The share of the rows of a trial that is not done.
fn share(run: &Run) -> f64 {
    run.params.get("share").and_then(|share| share.parse().ok()).unwrap_or(1.0)
}

fn status(end: &End) -> &'static str {
    match end {
        End::Scored => "scored",
        End::GivenUp => "given_up",
        End::Unfinished => "unfinished",
        End::Refused(_) => "refused",
        End::Failed(_) => "failed",
    }
}

fn reason(end: &End) -> Option<String> {
    match end {
        End::Refused(why) | End::Failed(why) => Some(why.clone()),
        End::Scored | End::GivenUp | End::Unfinished => None,
    }
}

fn scores(record: &Record) -> BTreeMap<String, FoldScores> {
    let names = record.scores.first().into_iter().flat_map(BTreeMap::keys);
    names.filter_map(|name| Some((name.clone(), record.scores_of(name)?))).collect()
}

/// The best first, each with what it tried.
fn ranked(mut trials: Vec<Ended>, judge: Option<&Judge>) -> Vec<TrialLine> {
    let place = |(line, end): &Ended| -> (Option<f64>, Option<End>) {
        (judge.and_then(|judge| judge.loss(&line.scores)), end.clone())
    };
    trials.sort_by(|a, b| {
        let ((a_loss, a_end), (b_loss, b_end)) = (place(a), place(b));
        let at = |line: &TrialLine, loss, end| Standing {
            end,
            share: line.share,
            loss,
            number: line.number,
        };
        at(&a.0, a_loss, a_end.as_ref()).order(&at(&b.0, b_loss, b_end.as_ref()))
    });
    let mut lines: Vec<TrialLine> = trials.into_iter().map(|(line, _)| line).collect();
    let tried: Vec<&BTreeMap<String, String>> = lines.iter().map(|line| &line.params).collect();
    let tried = Tried::of(&tried);
    let said: Vec<String> = lines.iter().map(|line| tried.words(&line.params)).collect();
    for (line, said) in lines.iter_mut().zip(said) {
        line.tried = said;
    }
    lines
}

/// What trials tried, told from what all of them have in common.
pub(crate) struct Tried {
    /// The short name of each path that is worth a word.
    names: BTreeMap<String, String>,
}

impl Tried {
    /// Of what these trials tried, by path.
    pub fn of(trials: &[&BTreeMap<String, String>]) -> Self {
        let mut values: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
        for trial in trials {
            for path in trial.keys() {
                values.entry(path).or_default();
            }
        }
        for (path, values) in &mut values {
            values.extend(trials.iter().map(|trial| trial.get(*path).map(String::as_str)));
        }
        // The model has a column of its own, and so has the share of the rows.
        let tells = |path: &str, values: &BTreeSet<_>| {
            (values.len() > 1 || trials.len() == 1) && !["model", "share"].contains(&path)
        };
        let paths: Vec<&str> =
            values.iter().filter(|(path, values)| tells(path, values)).map(|(p, _)| *p).collect();
        let meet = |a: &str, b: &str| {
            trials.iter().any(|trial| trial.contains_key(a) && trial.contains_key(b))
        };
        Self { names: short_names(&paths, meet) }
    }

    /// The short name of a path, if it is worth a word.
    pub fn name(&self, path: &str) -> Option<&str> {
        self.names.get(path).map(String::as_str)
    }

    /// What one of them tried: `learning_rate 0.02777, trees 172`.
    pub fn words(&self, trial: &BTreeMap<String, String>) -> String {
        // Settings of the model come first, as the model does in the minds of those who search.
        let (model, others): (Vec<_>, Vec<_>) =
            trial.iter().partition(|(path, _)| path.starts_with("model."));
        let said = model
            .into_iter()
            .chain(others)
            .filter_map(|(path, value)| Some(format!("{} {}", self.name(path)?, brief(value))));
        said.collect::<Vec<_>>().join(", ")
    }
}

/// Of each path the shortest end that begins with a word and that no other path has that it meets.
pub(crate) fn short_names(
    paths: &[&str],
    meet: impl Fn(&str, &str) -> bool,
) -> BTreeMap<String, String> {
    let end = |path: &str, parts: usize| -> Option<String> {
        let all: Vec<&str> = path.split('.').collect();
        let kept = all.get(all.len().checked_sub(parts)?..)?;
        let is_word = kept.first().is_some_and(|part| part.parse::<usize>().is_err());
        is_word.then(|| kept.join("."))
    };
    let ends = |path: &str, name: &str| {
        path == name || path.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
    };
    let name = |path: &&str| {
        let alone = |name: &String| {
            !paths.iter().any(|other| other != path && meet(path, other) && ends(other, name))
        };
        let parts = path.split('.').count();
        let name = (1..=parts).filter_map(|parts| end(path, parts)).find(alone);
        ((*path).to_owned(), name.unwrap_or_else(|| (*path).to_owned()))
    };
    paths.iter().map(name).collect()
}

/// A value as it was tried, a long number with four digits.
pub(crate) fn brief(value: &str) -> String {
    const LONG: usize = 6;
    match value.parse::<f64>() {
        Ok(number) if value.len() > LONG && number.is_finite() && number != 0.0 => digits(number),
        _ => value.to_owned(),
    }
}

/// Four digits that count.
fn digits(number: f64) -> String {
    let size = number.abs().log10().floor() as i32;
    if !(-4..9).contains(&size) {
        return format!("{number:.3e}");
    }
    let text = format!("{number:.*}", (3 - size).max(0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        pairs.into_iter().map(|(path, value)| (path.to_owned(), value.to_owned())).collect()
    }

    #[track_caller]
    fn check(trials: &[BTreeMap<String, String>], expected: &[&str]) {
        let tried = Tried::of(&trials.iter().collect::<Vec<_>>());
        let words: Vec<String> = trials.iter().map(|trial| tried.words(trial)).collect();
        assert_eq!(words, expected);
    }

    #[test]
    fn settings_have_the_shortest_name_that_tells_them_apart() {
        let a = trial([
            ("model", "forest"),
            ("model.forest.trees", "50"),
            ("features.0.impute.strategy", "mean"),
            ("features.2.bins.strategy", "even"),
        ]);
        let b = trial([
            ("model", "boosting"),
            ("model.boosting.trees", "60"),
            ("features.0.impute.strategy", "median"),
            ("features.2.bins.strategy", "ranks"),
        ]);
        check(
            &[a, b],
            &[
                "trees 50, impute.strategy mean, bins.strategy even",
                "trees 60, impute.strategy median, bins.strategy ranks",
            ],
        );
    }

    #[test]
    fn what_all_tried_is_left_out() {
        let one = |c| trial([("model.ridge.alpha", c), ("features.0", "none")]);
        check(&[one("0.5"), one("123456.789")], &["alpha 0.5", "alpha 123457"]);
        let two = |step| trial([("features.0", step)]);
        check(&[two("pca"), two("null")], &["features.0 pca", "features.0 null"]);
    }

    #[test]
    fn a_long_number_keeps_four_digits() {
        let numbers =
            ["0.027770875047135494", "1234.5678", "-0.00012345678", "0.10000001", "1e-300"];
        let expected = ["0.02777", "1235", "-0.0001235", "0.1", "1e-300"];
        assert_eq!(numbers.map(brief), expected);
        assert_eq!(
            ["100000", "1.5", "a_long_word", "0.00000001"].map(brief),
            ["100000", "1.5", "a_long_word", "1.000e-8"]
        );
    }

    #[test]
    fn what_decides_is_known_from_the_settings_while_a_search_is_at_work() {
        let names = |params: BTreeMap<String, String>| -> Vec<String> {
            judges(&params).into_iter().map(|judge| judge.name).collect()
        };
        let scored = ("evaluate.metrics", r#"["accuracy","f1"]"#);
        let required = ("evaluate.require.recall", "0.5");
        assert_eq!(names(trial([scored])), ["accuracy"]);
        assert_eq!(names(trial([scored, required])), ["recall"]);
        let one = ("model.select.metric", "roc_auc");
        assert_eq!(names(trial([scored, required, one])), ["roc_auc"]);
        let more = ("model.select.metric", r#"["roc_auc","f1"]"#);
        assert_eq!(names(trial([more])), ["roc_auc", "f1"]);
    }
}
