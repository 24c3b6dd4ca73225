//! How good a version is, where it is not, and what it takes.

use std::collections::BTreeMap;

use gristmill_evaluate::compare::Interval;
use gristmill_evaluate::{Severity, Slice, Slices};
use gristmill_view::{count, number};

use super::lineage::Lineage;
use super::markdown::{Markdown, plain};

/// How many metrics, slices or warnings stand in a card.
const MANY: usize = 100;

/// Its scores: those of the evaluation, or what a client logged.
pub(super) fn scores(page: &mut Markdown, lineage: &Lineage) {
    match (&lineage.evaluation, &lineage.run) {
        (Some(found), _) => {
            page.heading(2, "Scores");
            let rows = count(found.rows as u64);
            page.paragraph(&match found.part.as_str() {
                "test" => format!("On {rows} rows that it did not learn from."),
                _ => format!("On the {rows} rows that it learned from: no row was held out."),
            });
            let metrics: Vec<[String; 5]> =
                found.metrics.train.keys().take(MANY).map(|name| score(lineage, name)).collect();
            let head = ["metric", "test", "train", "cross-validated", "required"];
            page.table(head, &metrics);
            comparison(page, found);
        }
        (None, Some(run)) if !run.metrics.is_empty() => {
            page.heading(2, "Scores");
            page.paragraph("As they were logged; on which rows, whoever logged them knows.");
            let logged = run.metrics.values().take(MANY);
            let rows: Vec<[String; 3]> = logged
                .map(|metric| [plain(&metric.key), number(metric.value), metric.step.to_string()])
                .collect();
            page.table(["metric", "value", "step"], &rows);
            more(page, run.metrics.len());
        }
        _ => kept(page, lineage),
    }
}

/// What the registry keeps of the scores when the run is gone.
fn kept(page: &mut Markdown, lineage: &Lineage) {
    let kept: BTreeMap<String, f64> =
        serde_json::from_value(lineage.version.metrics.clone()).unwrap_or_default();
    if kept.is_empty() {
        return;
    }
    page.heading(2, "Scores");
    let rows: Vec<[String; 2]> =
        kept.iter().map(|(name, value)| [plain(name), number(*value)]).collect();
    page.table(["metric", "test"], &rows);
}

fn score(lineage: &Lineage, name: &str) -> [String; 5] {
    let Some(found) = &lineage.evaluation else { return Default::default() };
    let interval = found.intervals.get(name);
    let held_out = !found.metrics.test.is_empty();
    let with = |value: Option<&f64>, here: bool| match (value, interval.filter(|_| here)) {
        (Some(value), Some(interval)) => format!("{}{}", number(*value), bounds(interval)),
        (Some(value), None) => number(*value),
        (None, _) => String::new(),
    };
    let folds = found.metrics.cv.get(name).map(|cv| {
        format!("{} ± {} over {} folds", number(cv.mean), number(cv.std), cv.folds.len())
    });
    let params = lineage.run.as_ref().map(|run| &run.params);
    let required = params.and_then(|params| params.get(&format!("evaluate.require.{name}")));
    [
        plain(name),
        with(found.metrics.test.get(name), true),
        with(found.metrics.train.get(name), !held_out),
        folds.unwrap_or_default(),
        required.map(|bound| plain(bound)).unwrap_or_default(),
    ]
}

/// Between what bounds a score lies, as `(95 %: 0.82 to 0.87)`.
fn bounds(interval: &Interval) -> String {
    let percent = number((100.0 * interval.confidence).round());
    format!(" ({percent} %: {} to {})", number(interval.low), number(interval.high))
}

/// How it met the version that held its alias.
fn comparison(page: &mut Markdown, found: &crate::evaluation::Evaluation) {
    let Some(met) = &found.comparison else { return };
    let verdict = if met.promoted { "took" } else { "did not take" };
    let (alias, theirs) = (plain(&met.alias), met.champion.version);
    let words = plain(&met.words());
    page.paragraph(&format!("It met version {theirs} and {verdict} the alias {alias}: {words}"));
}

/// Where it is good, and where it is not.
pub(super) fn slices(page: &mut Markdown, lineage: &Lineage) {
    let Some(found) = lineage.evaluation.as_ref().filter(|found| !found.slices.is_empty()) else {
        return;
    };
    page.heading(2, "Slices");
    for Slices { column, metric, whole, slices } in found.slices.iter().take(MANY) {
        page.paragraph(&format!(
            "{} by {}; over all rows {}:",
            plain(metric),
            plain(column),
            number(*whole)
        ));
        let rows: Vec<[String; 3]> = slices.iter().map(slice).collect();
        page.table(["rows where it is", "how many", "score"], &rows);
    }
}

fn slice(slice: &Slice) -> [String; 3] {
    let score = match (slice.value, &slice.interval, &slice.reason) {
        (Some(value), Some(interval), _) => format!("{}{}", number(value), bounds(interval)),
        (Some(value), None, _) => number(value),
        (None, _, Some(reason)) => plain(reason),
        (None, _, None) => String::new(),
    };
    [plain(&slice.name), count(slice.rows as u64), score]
}

/// What makes its scores look better than they are.
pub(super) fn warnings(page: &mut Markdown, lineage: &Lineage) {
    let Some(found) = &lineage.evaluation else { return };
    page.heading(2, "Warnings");
    if found.findings.is_empty() {
        page.paragraph("The evaluation found no sign of leakage.");
        return;
    }
    let lines = found.findings.iter().take(MANY).map(|finding| {
        let level = match finding.severity {
            Severity::Warning => "warning",
            Severity::Notice => "note",
        };
        let column =
            finding.column.as_ref().map_or_else(String::new, |c| format!("{}: ", plain(c)));
        format!("{level}: {column}{}; {}", plain(&finding.evidence), plain(&finding.remedy))
    });
    page.list(lines);
}

/// What it takes to answer with it.
pub(super) fn serving(page: &mut Markdown, lineage: &Lineage) {
    if lineage.serving.is_empty() {
        return;
    }
    page.heading(2, "Serving");
    let name = |name: &str| match name {
        "serving.p99_ms" => {
            "milliseconds that 99 of 100 answers for one row stay within".to_string()
        }
        "serving.size_mb" => "megabytes of the package".to_string(),
        "serving.memory_mb" => "megabytes of memory of the process".to_string(),
        other => plain(other),
    };
    let rows: Vec<[String; 2]> =
        lineage.serving.iter().map(|(figure, value)| [name(figure), number(*value)]).collect();
    page.table(["", ""], &rows);
}

fn more(page: &mut Markdown, of: usize) {
    if of > MANY {
        page.paragraph(&format!("and {} more", of - MANY));
    }
}
