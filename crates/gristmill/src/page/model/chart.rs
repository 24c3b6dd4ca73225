//! What was found of a model over time, and what became of its versions meanwhile, as one chart.

use gristmill_track::{Finding, FindingKind, ModelEvent, WhatHappened};
use gristmill_view::{Axis, Guide, Mark, MarkKind, Panel, Point, Series, Stroke, Timeline, Value};

use super::Known;

/// How many metrics have a chart of their own.
const METRICS: usize = 3;
/// How many letters of a reason are shown when a mark is pointed at.
const LETTERS: usize = 240;

/// The chart; nothing where nothing was found yet.
pub(super) fn timeline(found: &Known) -> Option<Timeline> {
    let mut panels: Vec<Panel> = drift(&found.findings).into_iter().collect();
    let names = metrics(&found.findings);
    panels.extend(names.iter().take(METRICS).map(|name| performance(&found.findings, name)));
    let is_seen = panels.iter().flat_map(|panel| &panel.series).any(|s| !s.points.is_empty());
    let marks = found.history.iter().filter_map(|line| mark(line, found.alias())).collect();
    is_seen.then_some(Timeline { panels, marks })
}

/// The last value of drift and of each metric, with the version that it is of.
pub(super) fn lasts(findings: &[Finding]) -> Vec<(String, Value, u32)> {
    let last = |wanted: &dyn Fn(&Finding) -> bool| {
        findings.iter().rev().find(|finding| wanted(finding) && finding.found.value.is_some())
    };
    let drift = last(&|finding| finding.found.what == FindingKind::Drift);
    let drift = drift.and_then(|finding| {
        let name = "columns moved".to_string();
        Some((name, Value::Share(finding.found.value?), finding.found.version))
    });
    let names = metrics(findings);
    let known = names.iter().take(METRICS).filter_map(|name| {
        let of = |kind| last(&move |f| f.found.what == kind && f.found.name == *name);
        let finding = of(FindingKind::Performance).or_else(|| of(FindingKind::Estimate))?;
        let estimated = finding.found.what == FindingKind::Estimate;
        let name = if estimated { format!("{name}, estimated") } else { name.clone() };
        Some((name, Value::Number(finding.found.value?), finding.found.version))
    });
    drift.into_iter().chain(known).collect()
}

/// The metrics by which it was judged, that of the last finding first.
fn metrics(findings: &[Finding]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for finding in findings.iter().rev().filter(|f| f.found.what != FindingKind::Drift) {
        if !names.contains(&finding.found.name) {
            names.push(finding.found.name.clone());
        }
    }
    names
}

fn drift(findings: &[Finding]) -> Option<Panel> {
    let points = points(findings, |f| f.found.what == FindingKind::Drift);
    let series = vec![Series::new("columns that moved", points)];
    let threshold = threshold(findings, |f| f.found.what == FindingKind::Drift);
    let panel =
        Panel { y: Axis::share("Share of the columns that moved"), series, guides: threshold };
    panel.series.iter().any(|series| !series.points.is_empty()).then_some(panel)
}

fn performance(findings: &[Finding], name: &str) -> Panel {
    let of = |kind: FindingKind| move |f: &Finding| f.found.what == kind && f.found.name == name;
    let real = points(findings, of(FindingKind::Performance));
    let estimated = points(findings, of(FindingKind::Estimate));
    let mut series = vec![Series::new(name, real)];
    if !estimated.is_empty() {
        let name = format!("{name}, estimated");
        series.push(Series { stroke: Stroke::Dashed, ..Series::new(name, estimated) });
    }
    let guides =
        threshold(findings, |f| f.found.what != FindingKind::Drift && f.found.name == name);
    Panel { y: Axis::number(name), series, guides }
}

/// The values of findings in their order, with a gap where the version is another.
fn points(findings: &[Finding], wanted: impl Fn(&Finding) -> bool) -> Vec<Point> {
    let mut points = Vec::new();
    let mut version = None;
    for found in findings.iter().filter(|f| wanted(f)).map(|finding| &finding.found) {
        let at = found.at.0 as f64;
        if version.is_some_and(|version| version != found.version) {
            points.push(Point::new(at, f64::NAN));
        }
        version = Some(found.version);
        points.push(Point::new(at, found.value.unwrap_or(f64::NAN)));
    }
    points
}

/// What the last finding was held against.
fn threshold(findings: &[Finding], wanted: impl Fn(&Finding) -> bool) -> Vec<Guide> {
    let last = findings.iter().rev().filter(|f| wanted(f)).find_map(|f| f.found.threshold);
    last.map(|at| Guide::Level { at, label: "threshold".into() }).into_iter().collect()
}

fn mark(line: &ModelEvent, alias: &str) -> Option<Mark> {
    let is_watched = line.alias.as_deref() == Some(alias);
    let kind = match line.what {
        WhatHappened::AliasSet if is_watched => MarkKind::Promoted,
        WhatHappened::RolledBack if is_watched => MarkKind::RolledBack,
        WhatHappened::Refused => MarkKind::Refused,
        WhatHappened::Retraining => MarkKind::Retraining,
        _ => return None,
    };
    let version = line.version.filter(|_| kind != MarkKind::Retraining);
    let name = version.map_or_else(String::new, |version| format!("v{version}"));
    let of = version.map_or_else(String::new, |version| format!(" version {version}"));
    let why: String = line.note.why.chars().take(LETTERS).collect();
    let at = super::moment(line.note.at.0);
    let words = format!("{}{of}\n{at}\n{why}", super::capital(kind.word()));
    Some(Mark { at: line.note.at.0 as f64, kind, name, words })
}
