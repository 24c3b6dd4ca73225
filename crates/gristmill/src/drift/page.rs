//! What was found, as a page: which columns moved, and how.

use std::collections::BTreeMap;

use gristmill_core::{Answered, SemanticType};
use gristmill_monitor::estimate::Estimate;
use gristmill_monitor::multivariate::MultivariateDrift;
use gristmill_monitor::statistics::shares;
use gristmill_monitor::{ColumnDrift, MultivariateMethod, Reason, Shown, TogetherDrift};
use gristmill_view::{
    Axis, Bar, Bars, Bin, Block, Fact, Figure, Finding, Headline, Histogram, HistogramGroup, Level,
    Report, Section, ShareRow, Shares, Table, Value, number, percent, render,
};

use super::{AnswersDrift, Drift};

/// How many columns are drawn: all that moved, up to this many, and some of the others.
const DRAWN: usize = 24;
const DRAWN_STILL: usize = 4;
/// How many unseen categories are named.
const NAMED: usize = 5;

pub(super) fn html(drift: &Drift) -> String {
    let found = &drift.report;
    let mut report = Report::new(drift.model.clone());
    report.kind = "Drift report".into();
    report.summary = Some(summary(drift));
    report.headlines = headlines(drift);
    report.facts = vec![
        Fact::new("rows", Value::Count(found.rows)),
        Fact::new("compared with", drift.reference.clone()),
        Fact::new("rows there", Value::Count(found.reference_rows)),
    ];
    let columns = found.by_movement();
    report.sections.push(movement(&columns));
    report.sections.extend(drawn(&columns));
    report.sections.extend(found.together.as_ref().map(together));
    report.sections.extend(drift.multivariate.as_ref().map(multivariate));
    report.sections.extend(drift.answers.as_ref().map(answers));
    report.sections.extend(drift.estimate.as_ref().and_then(estimates));
    report.sections.push(gaps(&columns));
    report.sections.extend(remarks(drift));
    render(&report)
}

fn summary(drift: &Drift) -> String {
    let (moved, all) = (drift.report.moved(), drift.report.compared());
    let verdict = match (drift.report.enough, drift.report.drifted) {
        (false, _) => "these are too few rows to be judged",
        (true, true) => "the rows have drifted",
        (true, false) => "the rows have not drifted",
    };
    format!("{moved} of {all} columns moved: {verdict}.")
}

fn headlines(drift: &Drift) -> Vec<Headline> {
    let (moved, columns) = (drift.report.moved(), drift.report.compared());
    let mut headlines = vec![Headline {
        name: "columns moved".into(),
        value: Value::Share(drift.report.share),
        note: Some(format!("{moved} of {columns}")),
    }];
    if let Some(first) = drift.report.by_movement().first() {
        headlines.push(Headline {
            name: "moved most".into(),
            value: Value::Number(first.moved),
            note: Some(first.name.clone()),
        });
    }
    if let Some(found) = &drift.multivariate {
        let word = if found.drifted { "moved" } else { "as before" };
        headlines.push(Headline { name: "all together".into(), value: word.into(), note: None });
    }
    if let Some(answers) = &drift.answers {
        let word = if answers.drifted { "moved" } else { "as before" };
        headlines.push(Headline { name: "answers".into(), value: word.into(), note: None });
    }
    headlines
}

fn movement(columns: &[&ColumnDrift]) -> Section {
    let bar = |column: &&ColumnDrift| Bar::new(column.name.clone(), column.moved);
    let bars = columns.iter().map(bar).collect();
    let axis = Axis::number("Jensen-Shannon distance");
    let chart = Figure::new("How far columns moved", Bars { axis, bars, ..Bars::default() })
        .captioned(
            "0: just as before, 1: nothing in common. Columns that count as moved stand first.",
        );
    Section::new("Columns").with(Block::Figures(vec![chart])).with(Block::Table(table(columns)))
}

fn table(columns: &[&ColumnDrift]) -> Table {
    let names = ["Column", "Moved", "Test", "Value", "Threshold", "Before", "Now"];
    let known = |value: Option<f64>| value.map_or(Value::Absent, Value::Number);
    let rows = columns
        .iter()
        .map(|column| {
            vec![
                Value::Text(column.name.clone()),
                Value::Text(reasons(column)),
                Value::Text(column.test.word().into()),
                known(column.value),
                Value::Number(column.threshold),
                known(column.mean.map(|mean| mean.reference)),
                known(column.mean.map(|mean| mean.current)),
            ]
        })
        .collect();
    Table { columns: names.iter().map(ToString::to_string).collect(), rows }
}

fn reasons(column: &ColumnDrift) -> String {
    let word = |reason: &Reason| match reason {
        Reason::Values => "values",
        Reason::Missing => "missing values",
        Reason::Unseen => "new categories",
        Reason::Content if column.semantic == SemanticType::Image => "what images show",
        Reason::Content => "what texts say",
    };
    match column.reasons.as_slice() {
        [] => "no".into(),
        reasons => reasons.iter().map(word).collect::<Vec<_>>().join(", "),
    }
}

fn drawn(columns: &[&ColumnDrift]) -> Vec<Section> {
    let (moved, still): (Vec<&ColumnDrift>, Vec<&ColumnDrift>) =
        columns.iter().partition(|column| column.drifted);
    let section = |title: &str, lead: &str, columns: &[&ColumnDrift], most: usize| {
        let figures: Vec<Figure> = columns.iter().take(most).filter_map(|c| figure(c)).collect();
        let section = Section::new(title).led(lead).with(Block::Figures(figures.clone()));
        (!figures.is_empty()).then_some(section)
    };
    let lead = "The reference beside the rows of now, the column that moved most first.";
    let rest = "Those of the others that moved most.";
    [
        section("How they moved", lead, &moved, DRAWN),
        section("As before", rest, &still, DRAWN_STILL),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The distribution of a column before and now.
fn figure(column: &ColumnDrift) -> Option<Figure> {
    let caption = caption(column);
    let figure = match &column.shown {
        Shown::Nothing => return None,
        Shown::Bins { borders, reference, current } => {
            let group = |name: &str, counts: &[u64]| HistogramGroup {
                name: name.into(),
                bins: Bin::joined(borders, counts),
            };
            let groups = vec![group("reference", reference), group("now", current)];
            let x = Axis::number(match column.semantic {
                SemanticType::Image => format!("brightness of {}", column.name),
                _ => column.name.clone(),
            });
            Figure::new(column.name.clone(), Histogram { x, groups, mark: None })
        }
        Shown::Words(words) => {
            let before = shares(&words.iter().map(|(_, count, _)| *count).collect::<Vec<_>>());
            let now = shares(&words.iter().map(|(_, _, count)| *count).collect::<Vec<_>>());
            let rows = words.iter().zip(before.iter().zip(&now));
            let rows = rows.map(|((name, ..), (before, now))| ShareRow {
                name: name.clone(),
                shares: vec![*before, *now],
            });
            let groups = vec!["reference".to_string(), "now".to_string()];
            Figure::new(column.name.clone(), Shares { groups, rows: rows.collect() })
        }
    };
    Some(figure.captioned(caption))
}

fn caption(column: &ColumnDrift) -> String {
    let mut parts = Vec::new();
    if let Some(value) = column.value {
        let (test, threshold) = (column.test.word(), number(column.threshold));
        let what = if column.test.is_p_value() { " p-value" } else { "" };
        parts.push(format!("{test}{what} {}, threshold {threshold}", number(value)));
    }
    if let Some(outside) = column.outside.filter(|share| *share > 0.0) {
        parts.push(format!("{} outside of the range of before", percent(outside)));
    }
    if let Some(content) = column.content {
        let what = match column.semantic {
            SemanticType::Image => "what images show",
            _ => "what texts say",
        };
        parts.push(format!("{what} is told from before with an area of {}", number(content.auc)));
    }
    if column.missing.changed {
        let (before, now) = (percent(column.missing.reference), percent(column.missing.current));
        parts.push(format!("missing {before} before, {now} now"));
    }
    if let Some(unseen) = column.unseen.filter(|unseen| unseen.current > 0.0) {
        let names: Vec<&str> =
            column.unseen_categories.iter().take(NAMED).map(String::as_str).collect();
        parts.push(format!("{} never seen before: {}", percent(unseen.current), names.join(", ")));
    }
    parts.join("; ")
}

/// Columns that are one vector.
fn together(found: &TogetherDrift) -> Section {
    let known = |value: Option<f64>| value.map_or(Value::Absent, Value::Number);
    let names =
        ["Columns", "Moved", "Area", "Threshold", "Distance", "Missing before", "Missing now"];
    let vectors = found.vectors;
    let row = vec![
        Value::Text(format!("{} ({} columns)", found.name(), found.columns.len())),
        if found.drifted { "yes" } else { "no" }.into(),
        known(vectors.map(|v| v.auc)),
        known(vectors.map(|v| v.threshold)),
        known(vectors.map(|v| v.distance)),
        Value::Share(found.missing.reference),
        Value::Share(found.missing.current),
    ];
    let columns = names.iter().map(ToString::to_string).collect();
    Section::new("Embeddings")
        .led(
            "Columns that are one vector together: how well a linear classifier would tell the vectors of now from \
             those of before, as an area under the ROC curve (0.5: not at all, 1: always).",
        )
        .with(Block::Table(Table { columns, rows: vec![row] }))
}

/// All columns together.
fn multivariate(found: &MultivariateDrift) -> Section {
    let (lead, what) = match found.method {
        MultivariateMethod::Reconstruction => (
            "Whether columns still go together: what rows lose on the way through the principal components of the \
             reference, in deviations of what rows of the reference lose.",
            "Distance",
        ),
        MultivariateMethod::Domain => (
            "Whether boosted trees tell the rows of now from those of before, as an area under the ROC curve \
             (0.5: not at all, 1: always).",
            "Area",
        ),
    };
    let known = |value: Option<f64>| value.map_or(Value::Absent, Value::Number);
    let names =
        ["Method", "Moved", what, "Threshold", "Standard error", "Columns", "Rows", "Rows before"];
    let row = vec![
        found.method.word().into(),
        if found.drifted { "yes" } else { "no" }.into(),
        known(found.value),
        Value::Number(found.threshold),
        Value::Number(found.standard_error),
        Value::Count(found.columns as u64),
        Value::Count(found.rows as u64),
        Value::Count(found.reference_rows as u64),
    ];
    let columns = names.iter().map(ToString::to_string).collect();
    let counts = if found.counts { "It counts" } else { "It does not count" };
    Section::new("All columns together")
        .led(format!("{lead} {counts} for whether the rows have drifted."))
        .with(Block::Table(Table { columns, rows: vec![row] }))
}

fn answers(found: &AnswersDrift) -> Section {
    let of = match found.answered {
        None => "the rows of the other file",
        Some(Answered::HeldOut) => "rows that it did not learn from",
        Some(Answered::Training) => {
            "the rows that it learned from, of which it may be surer than of others"
        }
    };
    let figures = found.columns.iter().filter_map(figure).collect();
    Section::new("Answers")
        .led(format!("What the model answers now, beside its answers to {of}."))
        .with(Block::Figures(figures))
        .with(Block::Table(table(&found.columns.iter().collect::<Vec<_>>())))
}

/// What metrics probably are; nothing where none could be estimated.
fn estimates(found: &BTreeMap<String, Estimate>) -> Option<Section> {
    let row = |(name, estimate): (&String, &Estimate)| {
        let Estimate { value, standard_error } = *estimate;
        vec![Value::Text(name.clone()), Value::Number(value), Value::Number(standard_error)]
    };
    let rows: Vec<Vec<Value>> = found.iter().map(row).collect();
    let columns = ["Metric", "Estimate", "Standard error"].iter().map(ToString::to_string);
    let table = Table { columns: columns.collect(), rows };
    let section = Section::new("Estimated performance").led(
        "What the metrics of these rows probably are, before anybody knows the truth. The standard error is what \
         chance leaves. It is seen here when rows have become harder, and not when equal rows have come to mean \
         something else.",
    );
    (!found.is_empty()).then(|| section.with(Block::Table(table)))
}

/// Missing values, unseen categories and numbers outside of the range.
fn gaps(columns: &[&ColumnDrift]) -> Section {
    let names =
        ["Column", "Missing before", "Missing now", "Never seen before", "Outside of the range"];
    let share = |share: Option<f64>| share.map_or(Value::Absent, Value::Share);
    let rows = columns
        .iter()
        .map(|column| {
            vec![
                Value::Text(column.name.clone()),
                Value::Share(column.missing.reference),
                Value::Share(column.missing.current),
                share(column.unseen.map(|unseen| unseen.current)),
                share(column.outside),
            ]
        })
        .collect();
    let columns = names.iter().map(ToString::to_string).collect();
    Section::new("Missing and new").with(Block::Table(Table { columns, rows }))
}

fn remarks(drift: &Drift) -> Option<Section> {
    let mut said: Vec<Finding> = drift
        .notes
        .iter()
        .map(|note| Finding { level: Level::Warning, title: note.clone(), detail: None })
        .collect();
    if !drift.report.skipped.is_empty() {
        let title = format!("not compared: {}", drift.report.skipped.join(", "));
        let detail = "moments and ids have no distribution that should stay".to_string();
        said.push(Finding { level: Level::Note, title, detail: Some(detail) });
    }
    (!said.is_empty()).then(|| Section::new("Remarks").with(Block::Findings(said)))
}
