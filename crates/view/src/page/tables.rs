//! The tables of a report: metrics, columns, facts and any other.

use maud::{Markup, PreEscaped, html};

use super::report::{ColumnSummary, CrossValidated, Gate, MetricRow, Score, Table, Verdict};
use super::sketch;
use super::value::Fact;
use crate::frame::plural;
use crate::number::spread;
use crate::{count, number, percent};

/// How many columns and rows a page lists, so that it stays one that a phone can open.
const MOST_COLUMNS: usize = 250;
const MOST_ROWS: usize = 1_000;
/// More letters than that need room.
const LONG: usize = 24;

pub(super) fn facts(facts: &[Fact]) -> Markup {
    html! {
        dl.facts {
            @for fact in facts {
                div { dt { (fact.name) } dd { (fact.value.markup()) } }
            }
        }
    }
}

/// Metrics with a column for each kind of score that any of them has.
pub(super) fn metrics(rows: &[MetricRow]) -> Markup {
    let has_train = rows.iter().any(|r| r.train.is_some());
    let has_test = rows.iter().any(|r| r.test.is_some());
    let folds = rows.iter().filter_map(|r| r.cross_validated).map(|c| c.folds).max();
    let has_gate = rows.iter().any(|r| r.gate.is_some());
    html! {
        div.scroll {
            table.metrics {
                thead {
                    tr {
                        th { "Metric" }
                        @if has_train { th.number { span.key.train {} "Training" } }
                        @if has_test { th.number { span.key.test {} "Test" } }
                        @if let Some(folds) = folds {
                            th.number { span.key.folds {} (folds) " folds" }
                        }
                        th.picture { span.away { "Picture" } }
                        @if has_gate { th { "Required" } }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { (row.name) }
                            @if has_train { td.number { (score(row.train)) } }
                            @if has_test { td.number { (score(row.test)) } }
                            @if folds.is_some() { td.number { (folded(row.cross_validated)) } }
                            td.picture { @if let Some(svg) = sketch::scores(row) { (PreEscaped(svg)) } }
                            @if has_gate { td { (gate(row.gate.as_ref())) } }
                        }
                    }
                }
            }
        }
    }
}

fn score(score: Option<Score>) -> Markup {
    html! {
        @match score {
            None => "–",
            Some(Score { value, interval: None }) => (number(value)),
            Some(Score { value, interval: Some((low, high)) }) => {
                (number(value)) small { (number(low)) " " span { "to " (number(high)) } }
            }
        }
    }
}

fn folded(score: Option<CrossValidated>) -> Markup {
    html! {
        @match score {
            None => "–",
            Some(score) => { (number(score.mean)) small { (spread(score.mean, score.deviation)) } }
        }
    }
}

fn gate(gate: Option<&Gate>) -> Markup {
    html! {
        @match gate {
            None => "–",
            Some(Gate { wanted, verdict: Verdict::Met }) => span.badge.good { "✓ " (wanted) },
            Some(Gate { wanted, verdict: Verdict::Missed }) => span.badge.problem { "✕ " (wanted) },
        }
    }
}

/// Columns as rows of a table that falls apart into cards on a narrow screen.
pub(super) fn columns(columns: &[ColumnSummary]) -> Markup {
    html! {
        div.columns {
            @for column in columns.iter().take(MOST_COLUMNS) {
                div.column {
                    div.who {
                        strong { (column.name) }
                        span.kind {
                            (column.kind)
                            @if let Some(role) = &column.role { " " span.badge { (role) } }
                        }
                    }
                    div.missing { (missing(column)) }
                    div.picture {
                        @if let Some(svg) = column.sketch.svg(&column.name, column.rows) {
                            (PreEscaped(svg))
                        }
                    }
                    (facts(&column.facts))
                }
            }
        }
        (more(columns.len(), MOST_COLUMNS, "column"))
    }
}

fn missing(column: &ColumnSummary) -> Markup {
    let share = column.missing as f64 / column.rows.max(1) as f64;
    html! {
        @if column.missing == 0 {
            span.quiet { "none missing" }
        } @else {
            span.badge.warning[share >= 0.2] { (percent(share)) " missing" }
        }
        @if let Some(distinct) = column.distinct {
            span.quiet { (count(distinct)) " distinct" }
        }
    }
}

pub(super) fn table(table: &Table) -> Markup {
    let cells = |column: usize| table.rows.iter().filter_map(move |row| row.get(column));
    let is_number = |column: usize| {
        let mut cells = cells(column).peekable();
        cells.peek().is_some() && cells.all(super::value::Value::is_number)
    };
    // On a narrow screen the table moves to the side rather than breaking these word by word.
    let is_long = |column: usize| {
        !is_number(column) && cells(column).any(|cell| cell.words().chars().count() > LONG)
    };
    let wide = table.rows.iter().map(Vec::len).chain([table.columns.len()]).max().unwrap_or(0);
    let kinds: Vec<(bool, bool)> = (0..wide).map(|at| (is_number(at), is_long(at))).collect();
    let kind = |column: usize| kinds.get(column).copied().unwrap_or_default();
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        @for (i, name) in table.columns.iter().enumerate() {
                            th.number[kind(i).0] { (name) }
                        }
                    }
                }
                tbody {
                    @for row in table.rows.iter().take(MOST_ROWS) {
                        tr {
                            @for (i, value) in row.iter().enumerate() {
                                td.number[kind(i).0].long[kind(i).1] { (value.markup()) }
                            }
                        }
                    }
                }
            }
        }
        (more(table.rows.len(), MOST_ROWS, "row"))
    }
}

/// Says how many are not shown.
fn more(all: usize, shown: usize, one: &str) -> Markup {
    html! {
        @if all > shown { p.quiet { "and " (plural(all - shown, &format!("further {one}"))) } }
    }
}
